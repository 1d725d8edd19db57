"""PostgreSQL: `postgresql://…`, with psycopg. Queries are read by a cursor of the server, page by page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.databases import (
    MARKS,
    Fenced,
    Mark,
    Plan,
    Query,
    Refusal,
    Rows,
    json_text,
    quoted,
    to_database,
)
from rtfs.host.stream.databases.sqlite import conflict
from rtfs.host.stream.retry import Lost
from rtfs.lang.collections import List, Map, PVector

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

SCHEMES = ("postgresql", "postgres")
CONNECT_S = 5
_INTEGERS = frozenset({"smallint", "integer", "bigint"})
_AWAY = ("08", "40", "53", "55P", "57", "58")  # classes of SQLSTATE that may pass
_ROW = ("21", "22", "23", "42804", "42846", "42883")  # what a row holds; the last three: its types
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, NULL) FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'f')
ORDER BY a.attnum
"""
_LAYOUT = f"""
CREATE TABLE IF NOT EXISTS {MARKS} (stream_id text PRIMARY KEY, owner text NOT NULL, output_seq bigint NOT NULL)
"""
_OWN = f"""
INSERT INTO {MARKS} VALUES ($1, $2, $3)
ON CONFLICT (stream_id) DO UPDATE SET owner = excluded.owner, output_seq = excluded.output_seq
"""


class PostgresRows:
    """Rows from a cursor of the server."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.columns = tuple(column.name for column in cursor.description or ())

    def fetch(self, most: int) -> list[tuple[Any, ...]]:
        return _met(lambda: cast("list[tuple[Any, ...]]", self._cursor.fetchmany(most)))


class PostgresDatabase:
    """One database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None
        self._cursor: psycopg.RawServerCursor[Any] | None = None

    # ---- reading

    def query(self, query: Query) -> Rows:
        return _met(lambda: PostgresRows(self._asked(query)))

    def _asked(self, query: Query) -> Any:
        from psycopg import RawServerCursor

        connection = self._open()
        connection.read_only = True
        params: list[Any] = [_bound(value, "") for value in query.params]
        self._only_one(query.sql)
        text = query.sql
        if query.key is not None:
            text = query.within()
            if query.key not in self._names(text, params):
                raise Refusal(f'column "{query.key}" does not exist', "42703")
            if query.after is not None:
                params.append(_bound(query.after, ""))
                text += f" WHERE {quoted(query.key)} >= ${len(params)}"
            text += f" ORDER BY {quoted(query.key)}"
        self._cursor = RawServerCursor(connection, "rtfs_rows")
        self._cursor.execute(cast("Any", text), params)
        return self._cursor

    def _only_one(self, sql: str) -> None:
        """Have the server parse the statement by itself: two are refused, whatever is written around them later."""
        import psycopg

        connection = self._open()
        connection.execute("SELECT 1")  # begins the transaction
        result = connection.pgconn.prepare(b"", sql.encode("utf-8"))
        if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result)

    def _names(self, text: str, params: list[Any]) -> list[str]:
        from psycopg import RawCursor

        with RawCursor(self._open()) as cursor:
            cursor.execute(cast("Any", f"{text} LIMIT 0"), params)
            return [column.name for column in cursor.description or ()]

    # ---- writing

    def table(self, name: str) -> dict[str, str] | None:
        schema, dot, rest = name.partition(".")
        names = [quoted(name)] + ([f"{quoted(schema)}.{quoted(rest)}"] if dot and rest else [])

        def work(run: Callable[..., Any]) -> dict[str, str] | None:
            for each in names:
                found = dict(run(_COLUMNS, (each,)).fetchall())
                if found:
                    return found
            return None

        return self._transaction(work)

    def check(self, plan: Plan) -> None:
        text = _statement(plan).replace("VALUES (" + ", ".join(_places(plan)), "VALUES (" + _nulls(plan))
        self._transaction(lambda run: run(f"EXPLAIN {text}"))

    def own(self, stream_id: str, owner: str, *, keep: bool) -> int:
        def work(run: Callable[..., Any]) -> int:
            run("SELECT pg_advisory_xact_lock(hashtext($1))", (f"rtfs {MARKS}",))  # one maker at a time
            if run("SELECT to_regclass($1)", (MARKS,)).fetchone()[0] is None:
                run(_LAYOUT)
            found = run(f"SELECT output_seq FROM {MARKS} WHERE stream_id = $1 FOR UPDATE", (stream_id,)).fetchone()
            number = found[0] if keep and found is not None else -1
            run(_OWN, (stream_id, owner, number))
            return int(number)

        return self._transaction(work)

    def write(self, plan: Plan, rows: Sequence[Sequence[Any]], mark: Mark) -> None:
        types = [plan.types[name] for name in plan.columns]
        given = [[_bound(value, kind) for value, kind in zip(row, types, strict=True)] for row in rows]
        text = f"UPDATE {MARKS} SET output_seq = $1 WHERE stream_id = $2 AND owner = $3"

        def work(run: Callable[..., Any]) -> None:
            if not run(text, (mark.number, mark.stream_id, mark.owner)).rowcount:
                raise Fenced
            run.__self__.executemany(_statement(plan), given)  # type: ignore[attr-defined]

        self._transaction(work)

    def forget(self, stream_id: str) -> None:
        self._transaction(lambda run: run(f"DELETE FROM {MARKS} WHERE stream_id = $1", (stream_id,)))

    def _transaction(self, work: Callable[[Callable[..., Any]], T]) -> T:
        from psycopg import RawCursor

        def whole() -> T:
            connection = self._open()
            with connection.transaction(), RawCursor(connection) as cursor:
                return work(cursor.execute)

        return _met(whole)

    # ---- the connection

    def _open(self) -> psycopg.Connection[Any]:
        import psycopg

        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, connect_timeout=CONNECT_S, application_name="rtfs")
        return self._connection

    def interrupt(self) -> None:
        connection = self._connection
        if connection is not None and not connection.closed:
            connection.cancel()

    def close(self) -> None:
        import psycopg

        connection, self._connection = self._connection, None
        try:
            if self._cursor is not None:
                self._cursor.close()
        except psycopg.Error:
            pass  # it ends with the connection
        if connection is not None:
            connection.close()


def _places(plan: Plan) -> list[str]:
    return [f"${number}" for number in range(1, len(plan.columns) + 1)]


def _nulls(plan: Plan) -> str:
    return ", ".join(["NULL"] * len(plan.columns))


def _statement(plan: Plan) -> str:
    columns = ", ".join(map(quoted, plan.columns))
    return f"INSERT INTO {plan.table} ({columns}) VALUES ({', '.join(_places(plan))}){conflict(plan)}"


def _bound(value: Any, kind: str) -> Any:
    """A parameter, as the type of its column wants it."""
    if kind in _INTEGERS and type(value) is float:
        if not value.is_integer():
            raise Refusal(f"{value} is no {kind}", "22003", row=True)
        return int(value)
    if type(value) in (Map, PVector, tuple, List):
        if kind.endswith("[]"):
            return [_bound(item, kind.removesuffix("[]")) for item in value]
        return json_text(value)
    if kind in ("json", "jsonb") and value is not None:
        return json_text((value,))[1:-1]
    return to_database(value)


def _met(work: Callable[[], T]) -> T:
    """The result of work; what the library raises as Refusal or Lost."""
    import psycopg

    try:
        return work()
    except psycopg.Error as error:
        why, state = str(error).strip().split("\n")[0], error.sqlstate or ""
        unbound = state == "08P01" and error.diag.severity_nonlocalized == "ERROR"  # too few or many parameters
        if (state.startswith(_AWAY) and not unbound) or (not state and isinstance(error, psycopg.OperationalError)):
            raise Lost(why or type(error).__name__) from None
        row = state.startswith(_ROW) or (not state and isinstance(error, psycopg.DataError))
        raise Refusal(why, state or "22000", row=row) from None
    except (OverflowError, UnicodeEncodeError) as error:
        raise Refusal(str(error), "22000", row=True) from None


def open_database(url: str) -> PostgresDatabase:
    """The database of a URL. S007."""
    try:
        import psycopg  # noqa: F401 - it is needed later
    except ImportError:
        raise fault(7, feature="a postgresql:// connection", extra="postgres") from None
    return PostgresDatabase(url)
