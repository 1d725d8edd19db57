"""`make bench`: print every row with its target. `make bench ROWS="language startup"` runs some groups only."""

from __future__ import annotations

import importlib
import pkgutil
import platform
import sys

from bench import rows
from bench.harness import Row, Skipped


def groups(chosen: list[str]) -> list[tuple[str, list[Row]]]:
    """Group name and rows, of the chosen groups or of all."""
    names = [module.name for module in pkgutil.iter_modules(rows.__path__)]
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise SystemExit(f"no such group: {', '.join(unknown)}; there are {', '.join(names)}")
    wanted = chosen or names
    return [(name, importlib.import_module(f"bench.rows.{name}").ROWS) for name in names if name in wanted]


def line(row: Row) -> str:
    """One line of the table."""
    try:
        measured = row.measure()
    except Skipped as why:
        return f"  {row.name:48}{'skipped':>14}   ({why})"
    verdict = "  MISSED" if row.missed(measured.value) else ""
    figure = f"{measured.value:,.2f} {row.unit}"
    target = "" if row.target is None else f"target {'>=' if row.least else '<='} {row.target:g} {row.unit}"
    return f"  {row.name:48}{figure:>14}   {target:<20} ({measured.detail}){verdict}"


def main(chosen: list[str]) -> None:
    print(f"{platform.python_implementation()} {platform.python_version()}; x: times hand-written Python\n")
    for group, entries in groups(chosen):
        print(group)
        for row in entries:
            print(line(row), flush=True)
        print()


if __name__ == "__main__":
    main(sys.argv[1:])
