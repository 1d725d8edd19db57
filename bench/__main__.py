"""`make bench`: print every row with its target. `make bench ROWS="language startup"` runs some groups only."""

from __future__ import annotations

import importlib
import pkgutil
import platform
import sys

from bench import rows
from bench.harness import Row


def groups(chosen: list[str]) -> list[tuple[str, list[Row]]]:
    """Group name and rows, of the chosen groups or of all."""
    names = [module.name for module in pkgutil.iter_modules(rows.__path__)]
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise SystemExit(f"no such group: {', '.join(unknown)}; there are {', '.join(names)}")
    wanted = chosen or names
    return [(name, importlib.import_module(f"bench.rows.{name}").ROWS) for name in names if name in wanted]


def main(chosen: list[str]) -> None:
    print(f"{platform.python_implementation()} {platform.python_version()}; x: times hand-written Python\n")
    for group, entries in groups(chosen):
        print(group)
        for row in entries:
            measured = row.measure()
            verdict = "" if measured.value <= row.target else "  MISSED"
            figure, target = f"{measured.value:.2f} {row.unit}", f"<= {row.target:g} {row.unit}"
            print(f"  {row.name:44}{figure:>10}   target {target:<9} ({measured.detail}){verdict}", flush=True)
        print()


if __name__ == "__main__":
    main(sys.argv[1:])
