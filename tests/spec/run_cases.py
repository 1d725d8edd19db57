"""Run language cases from the command line, those of JSON lines too (`rtfs.testing.cases` says how cases look).

    python tests/spec/run_cases.py [FILE…]

Without arguments runs the RTFS files beside this one.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from rtfs.testing.cases import cases, problem

HERE = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """Print failures, a line per area and the totals; 1 when a case failed."""
    paths = [Path(argument) for argument in arguments] or sorted(HERE.rglob("*.rtfs"))
    total: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for path in paths:
        for case in cases(path):
            total[case.area] += 1
            found = problem(case)
            if found is not None:
                failed[case.area] += 1
                print(f"{case.name}: {found}, not {case.ending}\n    {case.text.strip()}")
    for area in sorted(total):
        print(f"{area:24}{total[area] - failed[area]:5} of {total[area]:4}")
    print(f"{total.total() - failed.total()} of {total.total()} cases hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
