"""What the host costs: which modules a small program loads, and the time of one call."""

from __future__ import annotations

import subprocess
import sys
import timeit
from collections.abc import Callable
from typing import Any

HEAVY = {"attr", "attrs", "asyncio", "sqlite3", "httpx2", "re2", "inspect", "random", "ssl", "socket", "pkgutil"}

PROGRAM = """
import sys
from rtfs.host.host import Host
from rtfs.host.marketplace import Marketplace
from rtfs.host.policy import CLI_DEFAULT
from rtfs.lang.outcome import HostCall
host = Host(marketplace=Marketplace(), context=CLI_DEFAULT)
host.dispatch(HostCall("ccos.io.println", ("hi",), CLI_DEFAULT))
print(" ".join(sorted(set(sys.modules) - before)))
"""


def test_printing_a_line_loads_nothing_heavy() -> None:
    program = f"import sys; before = set(sys.modules)\n{PROGRAM}"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, loaded = run.stdout.splitlines()
    assert first == "hi"
    assert not HEAVY & set(loaded.split())


def test_a_call_of_a_synchronous_built_in_costs_little_over_calling_it(bench: Callable[..., Any]) -> None:
    """Compared with a call of plain Python in the same moment, since machines differ and stall."""
    table = bench()
    ours = timeit.Timer("dispatch(call)", globals={"dispatch": table.host.dispatch, "call": table.call("ccos.echo", 1)})
    plain = timeit.Timer("f(1, 2)", globals={"f": lambda a, b: b})
    assert min(ours.timeit(5_000) / plain.timeit(5_000) for _ in range(40)) < 25
