"""`:stream.db.query`: the rows of a query, one chunk each, read as they are wanted (streaming.md §6.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from rtfs.host.stream import databases
from rtfs.host.stream.adapters import Plain, Session
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import key_of as plain_key
from rtfs.host.stream.databases import Database, Query, Refusal, Rows, from_database, key_of
from rtfs.host.stream.options import shown
from rtfs.host.stream.retry import Lost
from rtfs.host.stream.sources import SourceKind
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.operator import parameter_table

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.settings import Settings

T = TypeVar("T")

SQL, CONNECTION, PARAMS, FETCH_SIZE = map(Keyword, ("sql", "connection", "params", "fetch-size"))
KEY_COLUMN, AS, VECTOR = Keyword("key-column"), Keyword("as"), Keyword("vector")
PAGE = 64  # rows that are offered between two looks at the queue


class QueryAdapter(Plain):
    """With a key column the position is the key of the last row; without one nothing tells where to go on, so that a
    connection which breaks between two rows ends the stream."""

    name = "db.query"
    connects = False
    endless = False

    def __init__(self, settings: Settings, params: Map) -> None:
        super().__init__(settings)
        self._params = params
        self._key: str | None = params.get(KEY_COLUMN)
        self._rows = 0  # that came, where there is no key column
        self.replayable = self._key is not None
        self.guarantee = "exactly-once" if self.replayable else "at-least-once"

    async def run(self, session: Session, intake: Intake) -> None:
        database = databases.open_database(self._params.get(CONNECTION))
        position = intake.position if self.replayable else None
        query = Query(self._params.get(SQL), tuple(self._params.get(PARAMS)), self._key, position)
        try:
            rows = await _within(database, partial(database.query, query))
            await self._read(database, rows, intake, position)
        except Refusal as refusal:
            raise refusal.error("sql") from refusal
        except Lost as loss:
            if self._rows and not self.replayable:
                why = f"it cannot go on after {self._rows} rows without a :key-column: {loss.why}"
                raise fault(24, a=f":{self.name}", endpoint=session.shown, why=why) from loss
            raise
        finally:
            await asyncio.shield(asyncio.to_thread(database.close))

    async def _read(self, database: Database, rows: Rows, intake: Intake, last: Any) -> None:
        names = rows.columns
        at = None if self._key is None else names.index(self._key)
        made = _maker(names, as_map=self._params.get(AS) is not VECTOR)
        going_on = last is not None  # then the first row may be the one that was the last
        while found := await _within(database, partial(rows.fetch, self._params.get(FETCH_SIZE))):
            for number, row in enumerate(found):
                if number % PAGE == 0:
                    await asyncio.sleep(0)
                if not intake.open:
                    await intake.opened()
                if at is None:
                    self._rows += 1
                    intake.offer(made(row))
                    continue
                key = key_of(row[at])
                if key is None or (key == last and not going_on):
                    raise fault(3, p="key-column", kind="column of unique values that are not NULL", value=shown(key))
                if key != last:
                    intake.offer(made(row), key)
                going_on, last = False, key


def _maker(names: tuple[str, ...], *, as_map: bool) -> Callable[[tuple[Any, ...]], Any]:
    """From a row to a chunk. S003 when a map would lose columns of the same name."""
    if not as_map:
        return lambda row: vector([from_database(value) for value in row])
    if len(set(names)) < len(names):
        raise fault(3, p="sql", kind="query whose columns have different names, for :as :map", value=" ".join(names))
    keys = [plain_key(name) for name in names]
    return lambda row: Map.of(zip(keys, map(from_database, row), strict=True))


async def _within(database: Database, work: Callable[[], T]) -> T:
    """The result of work in a thread; when nobody wants it any more, it is interrupted."""
    done = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        while not done.done():
            await asyncio.to_thread(database.interrupt)
            await asyncio.wait({done}, timeout=0.1)
        done.exception()
        raise


def _open(settings: Settings, params: Map, services: Services) -> QueryAdapter:
    return QueryAdapter(settings, params)


SOURCE = SourceKind(
    table=parameter_table(
        "db.query",
        main="sql",
        params={
            "sql": {"kind": "string", "required": True, "text": "one statement that reads"},
            "connection": {"kind": "string", "required": True, "text": "`sqlite:path` or `postgresql://…`"},
            "params": {
                "kind": "vector", "default": vector([]),
                "text": "values for the places in the statement: `?` in SQLite, `$1` `$2` … in PostgreSQL",
            },
            "fetch-size": {"kind": "int", "min": 1, "default": 1000, "text": "how many rows are fetched at once"},
            "key-column": {
                "kind": "string",
                "text": "a unique column of the result: rows come in its order, a resumed run goes on behind the last",
            },
            "as": {
                "kind": "keyword", "one-of": ["map", "vector"], "default": Keyword("map"),
                "text": "what a row becomes",
            },
        },
        slots={"on-row": ["row"]},
    ),
    open=_open,
    finite=lambda params: True,
    effects=(":database",),
    doc="The rows of a query, each a chunk, read by a cursor in a read-only transaction.",
    examples=(
        (
            '(:rtfs/node (call :stream.db.query "SELECT id, name FROM users" {:connection "sqlite:users.db"}))',
            ":db.query",
        ),
    ),
    needs=lambda params: databases.needs(params, writes=False),
)  # fmt: skip
