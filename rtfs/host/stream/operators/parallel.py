"""`:stream.parallel`: partitions of a stream, worked on at the same time (streaming.md §6.6, §10.1)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Session
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.graph import PARTITION, Chain, Origin, chain_of, fed, stages_of
from rtfs.host.stream.intake import Intake
from rtfs.host.stream.lifted import APART
from rtfs.host.stream.operators import HostOperator, Part
from rtfs.host.stream.operators.branch import Feed
from rtfs.host.stream.operators.merge import Merge
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.partition import Plan, examined
from rtfs.host.stream.processor import step_error
from rtfs.host.stream.rounds import RESULT, STATES, Parallel, combined_of, dealt, kept
from rtfs.host.stream.stage import Stage
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.operator import is_node, node, shown

if TYPE_CHECKING:
    from rtfs.host.stream.run import Run
    from rtfs.lang.evaluator import Evaluator


def shaped(params: Map, evaluator: Evaluator) -> HostOperator:
    """The operator for what `:processor` makes of the stream of each partition. S004 when that is no stream."""
    count = params.get(Keyword("parallelism"))
    made = [_subgraph(params, number, evaluator) for number in range(count)]
    paths = [stages_of(each, evaluator) for each in made]
    init = Map.of([(STATES, EMPTY_MAP), (RESULT, EMPTY_MAP)])
    first = Stage("", None, init, evaluator.compile(APART, "", {}), None, None)
    if all(path is not None for path in paths):
        plan = Plan(vector([vector(path) for path in paths if path is not None]))
        return HostOperator(partial(Parallel, plan, examined(plan, evaluator)), first=first)
    if params.get(Keyword("ordered")):
        kind = "false, as partitions with operators of the host have no common order"
        raise fault(3, p="ordered", kind=kind, value="true")

    def parts(params: Map, evaluator: Evaluator) -> list[Part]:
        return [_part(node, number, params, evaluator) for number, node in enumerate(made)]

    return HostOperator(Gather, first=first, parts=parts)


def _subgraph(params: Map, number: int, evaluator: Evaluator) -> Any:
    stream = node(Keyword(PARTITION), vector([]), Map.of([(Keyword("number"), number)]))
    try:
        made = evaluator.pure(params.get(Keyword("processor")), stream)
    except RtfsError as error:
        raise step_error(error, "processor") from error
    if not is_node(made):
        raise fault(4, value=shown(made))
    return made


def _part(made: Any, number: int, params: Map, evaluator: Evaluator) -> Part:
    share = params.assoc(Keyword("number"), number)

    def chain(whole: Run) -> Chain:
        feed = Chain(Origin(PARTITION, share, operator=HostOperator(Share), inputs=((str(number), whole),)), ())
        return chain_of(fed(made, feed), evaluator)

    return Part(str(number), chain, EMPTY_MAP)


class Share(Feed):
    """The way from the shared input into a partition."""

    name = PARTITION

    async def take(self, output: Output) -> None:
        count, number = self.param("parallelism"), self.param("number")
        await self.chosen(dealt(self.param("partition-fn"), output, count, self.around) == number, output)


class Gather(Merge):
    """Partitions with operators of the host: they run here, and what leaves them is gathered as it comes."""

    name = "parallel"

    @property
    def strategy(self) -> str:
        return "arrival"

    def bears(self, at: int) -> bool:
        return False

    def _check(self) -> None:
        """There is nothing that must fit the inputs."""

    async def work(self, session: Session, intake: Intake) -> None:
        self._state: Any = intake.owner.state[0]
        await super().work(session, intake)
        combiner = self.param("combiner")
        if combiner is not None and not intake.owner.leaving:
            results = vector([self._state.get(RESULT).get(at, vector([])) for at in range(len(self.inputs))])
            self._state = self._state.assoc(RESULT, EMPTY_MAP)
            combined = combined_of(combiner, results, self.around)
            intake.offer(vector([self._state, vector([combined]), None]), vector(self._cursors))

    def leaving(self, at: int, output: Output) -> Any:
        outputs = vector([output.value])
        if self.param("combiner") is not None:
            self._state = self._state.assoc(RESULT, kept(self._state.get(RESULT), at, list(outputs)))
            outputs = vector([])
        return vector([self._state, outputs, None])


OPERATOR = HostOperator(Gather, of=shaped)
