"""`:stream.db.bulk-insert`: outputs as rows of a table, a batch in each transaction (streaming.md §6.3).

The number of the last output is stored with the rows, in the table `rtfs_delivered`: what is given again after a crash
is left out, and who was replaced by another process writes nothing more.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from rtfs.host.stream import databases
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.databases import Database, Fenced, Mark, Plan, Refusal
from rtfs.host.stream.options import shown
from rtfs.host.stream.retry import Lost
from rtfs.host.stream.sinks import Outlet, Refused, SinkKind
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.operator import parameter_table
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from rtfs.host.stream.operators import Around
    from rtfs.host.stream.outputs import Output

T = TypeVar("T")

NAME = "db.bulk-insert"


class RowOutlet(Outlet):
    """`_stored`: number of the last output that is stored; `_plan`: how rows are written, once columns are known."""

    name = NAME
    splits = True
    each = "on-batch-complete"
    totals = True

    def __init__(self, params: Map, around: Around, stream_id: str) -> None:
        super().__init__(params, around, stream_id)
        self.size: int = self.param("batch-size")
        self.wait_ms: float = self.param("max-wait-ms")
        self._mode: str = self.param("mode").name
        self._key = _names("key", self.param("key"))
        self._columns = _names("columns", self.param("columns"))
        if self._mode == "upsert" and not self._key:
            raise fault(2, field="key")
        self._database: Database = databases.open_database(self.param("connection"))
        self._owner = uuid.uuid4().hex
        self._plan: Plan | None = None
        self._stored = -1
        self._total = 0

    # ---- opening

    async def open(self, memory: Any, *, resumed: bool) -> None:
        try:
            await self._within(partial(self._open, resumed))
        except BaseException as error:
            await self._within(self._database.close)
            if isinstance(error, Refusal):
                raise error.error("table") from error
            raise

    def _open(self, resumed: bool) -> None:
        if self._columns:
            self._plan = self._planned(self._columns)
        else:
            self._types()
        self._stored = self._database.own(self.stream_id, self._owner, keep=resumed)

    def _types(self) -> dict[str, str]:
        table: str = self.param("table")
        found = self._database.table(table)
        if found is None:
            raise fault(3, p="table", kind="table of the database", value=table)
        return found

    def _planned(self, columns: tuple[str, ...]) -> Plan:
        """How rows of these columns are written. S003 for what the table has not."""
        types = self._types()
        for p, names, known in (("columns", columns, list(types)), ("key", self._key, list(columns))):
            for name in names:
                if name not in known:
                    raise fault(3, p=p, kind=f"columns of {self.param('table')}: {' '.join(known)}", value=name)
        plan = Plan(self.param("table"), columns, self._mode, self._key, types)
        try:
            self._database.check(plan)
        except Refusal as refusal:
            raise refusal.error("key" if self._key else "columns") from refusal
        return plan

    # ---- writing

    async def give(self, batch: Sequence[Output]) -> tuple[Any, ...]:
        fresh = [output for output in batch if output.output_seq > self._stored]
        if fresh:
            try:
                await self._within(partial(self._write, fresh))
            except Refusal as refusal:
                if refusal.row:
                    raise Refused(refusal.why, data={"sqlstate": refusal.state}) from refusal
                raise fault(41, data={"sqlstate": refusal.state}, s=NAME, e=refusal.why) from refusal
            except Fenced:
                raise fault(41, s=NAME, e="another process writes for this stream now") from None
            self._stored = fresh[-1].output_seq
        self._total += len(batch)
        return len(batch), self._total

    def _write(self, batch: Sequence[Output]) -> None:
        if self._plan is None:
            self._plan = self._planned(_columns_of(batch[0].value))
        columns = self._plan.columns
        rows = [_row(output.value, columns) for output in batch]
        self._database.write(self._plan, rows, Mark(self.stream_id, self._owner, batch[-1].output_seq))

    async def _within(self, work: Callable[[], T]) -> T:
        """The result of work in a thread, which always comes to its end: what is under way is stored or it is not."""
        done = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait({done})
            done.exception()
            raise

    # ---- the end

    async def complete(self, count: int) -> Map:
        await self._within(partial(self._database.forget, self.stream_id))
        await self._within(self._database.close)
        return Map.of([(Keyword("table"), self.param("table")), (Keyword("rows"), count)])

    async def end(self, fate: str) -> None:
        try:
            if fate != "left":
                await self._within(partial(self._database.forget, self.stream_id))
        except (Refusal, Lost):
            pass  # the mark stays; no other run depends on it
        await self._within(self._database.close)


def _names(p: str, given: Any) -> tuple[str, ...]:
    """Names of columns: one, or a vector of them. S003."""
    if given is None:
        return ()
    items = given if is_vector(given) else (given,)
    names = tuple(item.name if type(item) is Keyword else item for item in items)
    if not all(type(name) is str and name and "\0" not in name for name in names) or len(set(names)) < len(names):
        raise fault(3, p=p, kind="different names of columns", value=shown(given))
    return names


def _columns_of(item: Any) -> tuple[str, ...]:
    """The columns that an item has: its keys."""
    if type(item) is not Map or not len(item):
        raise Refusal(f"expected a map, got {shown(item)}", "22000", row=True)
    names = tuple(key.name if type(key) is Keyword else key for key in item)
    if not all(type(name) is str for name in names) or len(set(names)) < len(names):
        raise Refusal(f"expected a map whose keys are names, got {shown(item)}", "22000", row=True)
    return names


def _row(item: Any, columns: tuple[str, ...]) -> list[Any]:
    """The values of an item; a column that it has not is NULL. Refusal for what no column is for."""
    if is_vector(item) and len(item) == len(columns):
        return list(item)
    entries = item.entries() if type(item) is Map else ()
    given = {(key.name if type(key) is Keyword else key): value for key, value in entries}
    if not given or len(given) < len(item):
        raise Refusal(f"expected a map, or a vector of {len(columns)}, got {shown(item)}", "22000", row=True)
    for name in given:
        if name not in columns:
            raise Refusal(f"there is no column for {shown(name)}", "42703", row=True)
    return [given.get(name) for name in columns]


SINK = SinkKind(
    table=parameter_table(
        NAME,
        main="table",
        params={
            "table": {"kind": "string", "required": True, "text": "the table, `schema.table` in PostgreSQL as well"},
            "data-stream": {"kind": "any", "required": True, "text": "the stream or collection of maps or vectors"},
            "connection": {"kind": "string", "required": True, "text": "`sqlite:path` or `postgresql://…`"},
            "batch-size": {"kind": "int", "min": 1, "max": 100_000, "default": 1000, "text": "rows of a transaction"},
            "max-wait-ms": {"kind": "int", "min": 0, "default": 1000, "text": "how long the first of them waits"},
            "columns": {"kind": "any", "text": "a vector of names; else the keys of the first item"},
            "mode": {
                "kind": "keyword", "one-of": ["insert", "upsert", "ignore"], "default": Keyword("insert"),
                "text": "what is done when the row is there: fail, replace it, keep it",
            },
            "key": {"kind": "any", "text": "the column, or a vector of them, by which a row is known"},
        },
        slots={
            "on-batch-complete": ["count", "total"], "on-complete": ["total"], "on-error": ["error", "items"],
        },
    ),
    stream="data-stream",
    open=RowOutlet,
    effects=(":database",),
    guarantee="effectively-once",
    doc="Writes a stream into a table of a database, a batch in each transaction.",
    examples=(
        (
            '(try (call :stream.db.bulk-insert "t" {:data-stream [] :connection "mysql://host/db"})'
            " (catch _ e (:code e)))",
            '"RTFS-S003"',
        ),
    ),
    needs=lambda params: databases.needs(params, writes=True),
)  # fmt: skip
