"""Second names of the builtins that library macros expand into, for where a local of the program hides the first.

`(let [inc dec] (dotimes [i 3] …))` must still count up: the expander then writes `rtfs/inc` for the `inc` of `dotimes`.
"""

from __future__ import annotations

from rtfs.eval.builtins import comparison, construct, number, predicate, sequence, transform  # noqa: F401  # registers
from rtfs.eval.registry import BUILTINS, PRIMARY, TOPICS

TWINS = ("<", "=", "conj", "count", "inc", "mapv", "nil?", "not", "nth", "reduce")

for _name in TWINS:
    BUILTINS[f"rtfs/{_name}"] = BUILTINS[_name]
    PRIMARY[f"rtfs/{_name}"] = PRIMARY[_name]
    TOPICS[f"rtfs/{_name}"] = "twin"
