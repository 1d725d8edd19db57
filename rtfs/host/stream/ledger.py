"""What of one stream is stored row by row, beside its snapshots but in the same commits (streaming.md §5.4, §5.5).

Chunks that were accepted, outputs, the marks of who got them, dead letters, ids that came already, answers of calls.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.answers import Answered, Answers
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import Chunk, Extra
from rtfs.host.stream.dedupe import Seen
from rtfs.host.stream.outputs import Output, Reader
from rtfs.host.stream.snapshot import Snapshot, chunk_map, read_chunk, text_of
from rtfs.host.stream.stores import NO_CHANGES, Changes, Entry, Letter, Store, reach
from rtfs.lang.codec import decode
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.owner import Owner

PAGE = 1_000  # rows that are read at once
END = "/end"  # behind the name of a sink: the mark that it knows of the end


class Ledger:
    """The rows that wait for the next commit. marks: of every sink, by id; logging: all that is accepted is kept;
    answers: those of `:journal`.
    """

    __slots__ = (
        "owner",
        "logging",
        "seen",
        "marks",
        "answers",
        "_intake",
        "_letters",
        "_marked",
        "_seqs",
        "_trims",
        "_taken_back",
    )

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.logging = False
        wanted = owner.settings["dedupe"]
        self.seen = Seen(None if wanted is True else wanted) if wanted else None
        self.marks: dict[str, int] = {}
        self.answers = Answers() if owner.settings["journal"] else None
        self._intake: list[Entry] = []
        self._letters: list[Letter] = []
        self._marked: dict[str, int] = {}
        self._seqs: list[int] = []  # of the snapshots that are kept
        self._trims = False
        self._taken_back: int | None = None

    @property
    def waiting(self) -> bool:
        """Is there anything to write, even without a snapshot?"""
        return bool(self._intake or self._marked or (self.answers is not None and self.answers.waiting))

    @property
    def mourns(self) -> bool:
        """Are there dead letters to write, with the next snapshot?"""
        return bool(self._letters)

    # ---- what happens between commits

    def take_in(self, chunk: Chunk) -> None:
        """Keep a chunk that is accepted. S031 when it has no text."""
        self._intake.append(Entry(chunk[0], text_of(chunk_map(chunk), ("chunk",))))
        self._trims = True

    def bury(self, letter: Letter) -> None:
        """Keep a dead letter."""
        self._letters.append(letter)

    def mark(self, sink: str, number: int) -> None:
        """A sink has got the outputs up to that number."""
        self.marks[sink] = self._marked[sink] = number

    async def told(self, sink: str) -> None:
        """A sink knows that the stream completed with the outputs that there are; done when that is stored."""
        checkpoints = self.owner.checkpoints
        self.mark(sink + END, self.owner.outputs.next - 1)
        if not checkpoints.gone:
            await checkpoints.committer.flush(checkpoints)

    def knows(self, sink: str) -> bool:
        """Was a sink told so, perhaps by an earlier process?"""
        return self.marks.get(sink + END) == self.owner.outputs.next - 1

    def marked(self, reader: Reader) -> None:
        """A lasting reader is finished with more outputs."""
        self.mark(reader.id, min(reader.done, reader.oldest) - 1)
        self.owner.checkpoints.noted()

    def find(self, key: str) -> Answered | None:
        """The recorded answer of a call."""
        return None if self.answers is None else self.answers.find(key)

    async def add(self, key: str, answered: Answered) -> None:
        """Record the answer of a call; done when the store has it. S040 when it will never have."""
        assert self.answers is not None
        checkpoints = self.owner.checkpoints
        if checkpoints.gone:
            raise fault(40, id=self.owner.id, n=self.owner.epoch)
        stored = self.answers.add(key, answered)
        await checkpoints.committer.flush(checkpoints)
        await stored

    def take_back(self, number: int) -> None:
        """The outputs from that number on are not valid any more."""
        self._taken_back = number
        if self.answers is not None:
            self.answers.taken_back(number)
        for sink, mark in self.marks.items():
            if mark >= number:
                self.mark(sink, number - 1)

    # ---- commits

    def changes(self, snapshot: Snapshot | None) -> Changes:
        """The rows to write now; those that only hold together with a snapshot need one. S031 for an output."""
        outputs = self.owner.outputs
        outbox: Iterable[Output] = ()
        trimmed = 0
        if snapshot is not None and outputs.mode == "durable":
            outbox = outputs.uncommitted(snapshot.output_seq)
            trimmed = outputs.trim_below(snapshot.output_seq)
        oldest = 0
        keep = self.owner.checkpoints.cadence.keep
        if snapshot is not None and self._trims and len(self._seqs) >= keep:
            oldest = (*self._seqs, snapshot.seq)[-keep]
        seen = self.seen if snapshot is not None else None
        found = Changes(
            tuple(self._intake),
            tuple(Entry(output.output_seq, _output_text(output)) for output in outbox),
            () if seen is None or snapshot is None else seen.fresh(snapshot.seq),
            () if snapshot is None else tuple(self._letters),
            dict(self._marked),
            oldest,
            trimmed if trimmed > outputs.trimmed else 0,
            0 if seen is None else seen.below,
            self._taken_back,
            *self._journal(snapshot),
        )
        return NO_CHANGES if found == NO_CHANGES else found

    def _journal(self, snapshot: Snapshot | None) -> tuple[tuple[Entry, ...], int]:
        """Answers to store, and the number below which the store may forget them."""
        answers = self.answers
        if answers is None:
            return (), 0
        if snapshot is None:
            return answers.fresh(), 0
        readers = [reader.wants for reader in self.owner.outputs.readers.values() if reader.lasting]
        item = snapshot.position[0] if type(snapshot.position) is tuple else 0
        outputs = min([snapshot.output_seq, *readers]) if readers else 0
        return answers.fresh(), answers.below(snapshot.seq, outputs, item)

    def done(self, changes: Changes, snapshot: Snapshot | None) -> None:
        """These changes are stored."""
        del self._intake[: len(changes.intake)]
        del self._letters[: len(changes.letters)]
        for sink, number in changes.marks.items():
            if self._marked.get(sink) == number:
                del self._marked[sink]
        if changes.outbox_from is not None:
            self._taken_back = None
        if self.seen is not None:
            self.seen.stored(len(changes.seen))
        if self.answers is not None:
            self.answers.done(len(changes.journal), changes.journal_below)
        outputs = self.owner.outputs
        if snapshot is not None:
            self._seqs.append(snapshot.seq)
            del self._seqs[: -self.owner.checkpoints.cadence.keep]
            if outputs.mode == "durable":
                outputs.commit(snapshot.output_seq, max(outputs.trimmed, changes.outbox_below))

    # ---- after a restart

    async def restore(self, store: Store, snapshot: Snapshot) -> None:
        """Take up what an earlier process stored beside the snapshot."""
        owner, id = self.owner, self.owner.id
        if owner.outputs.mode == "durable":
            self.marks = await reach(store, store.marks, id)
            if snapshot.sink is not None:  # it goes on from where the snapshot was taken, as what it wrote since goes
                name, next = (snapshot.sink.get(Keyword(key)) for key in ("name", "next"))
                self.marks[name] = next - 1
            first = await reach(store, store.entries, "outbox", id, 0, 1)
            owner.outputs.trimmed = min(snapshot.output_seq, first[0].number) if first else snapshot.output_seq
            now = owner.services.clock.monotonic()
            for sink, mark in self.marks.items():  # so that nothing is forgotten until they are back
                if sink.endswith(END):
                    continue
                reader = owner.outputs.attach(sink, now, at=mark + 1)
                reader.lasting = reader.absent = True
        if self.answers is not None:
            await self._recall(store, self.answers)
        if self.seen is not None:
            await self._remember(store, self.seen, snapshot.seq)
        if self.logging:
            for chunk in snapshot.queue:
                self.take_in(chunk)
        number = snapshot.seq
        while not owner.terminal:
            found = await reach(store, store.entries, "intake", id, number, PAGE)
            for entry in found:
                chunk = read_chunk(decode(entry.body))
                owner.intake.take_up(chunk)
                if self.seen is not None:
                    self.seen.note(chunk[0], chunk[1], chunk[4])
                self._trims = True
            if len(found) < PAGE:
                break
            number = found[-1].number + 1

    async def _recall(self, store: Store, answers: Answers) -> None:
        number = 0
        while found := await reach(store, store.entries, "journal", self.owner.id, number, PAGE):
            answers.restore(found)
            number = found[-1].number + 1

    async def _remember(self, store: Store, seen: Seen, below: int) -> None:
        """The ids of the chunks before that number; later ones come again."""
        number = 0
        while found := await reach(store, store.entries, "seen", self.owner.id, number, PAGE):
            for entry in found:
                if entry.number < below:
                    seen.remember(*entry)
            number = found[-1].number + 1


def _output_text(output: Output) -> str:
    more = () if output.metadata is None else (Map.of(output.metadata.items()),)
    return text_of(vector([output.value, output.seq, output.time, *more]), ("outputs", str(output.output_seq)))


def read_output(entry: Entry) -> Output:
    """The output of a stored entry."""
    value, seq, time, *more = decode(entry.body)
    return Output(entry.number, value, seq, time, Extra(dict(more[0].entries())) if more else None)


async def stored_outputs(owner: Owner, first: int, most: int) -> list[Output]:
    """Up to `most` outputs from number `first` on that only the store has any more."""
    store = owner.checkpoints.committer.store
    most = min(most, owner.outputs.committed - first, PAGE)
    found = await reach(store, store.entries, "outbox", owner.id, first, most)
    return [read_output(entry) for entry in found]


def need_durable(store: Store, settings: Any) -> None:
    """S030 when the parameters ask for what a store in memory cannot give."""
    if store.durable:
        return
    for name, wanted in (
        ("outputs", settings["outputs"].name == "durable"),
        ("durable-intake", settings["durable-intake"]),
        ("journal", settings["journal"]),
    ):
        if wanted:
            raise fault(30, data={"option": name})
