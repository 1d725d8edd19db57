"""The first prompt of `rtfs repl`: nothing is imported for it that is not needed."""

from __future__ import annotations

import re

from tests.cli.interactive.conftest import Start

HEAVY = {
    "attr", "attrs", "httpx2", "lark", "mcp", "pydantic", "rich", "rtfs.documentation", "rtfs.eval.compiler",
    "rtfs.host.marketplace", "rtfs.macros.expander", "sqlite3",
}  # fmt: skip


def test_the_first_prompt_imports_nothing_heavy(terminal: Start) -> None:
    typed = terminal(PYTHONPROFILEIMPORTTIME="1")
    imported = set(re.findall(r"import time: +\d+ \| +\d+ \| +(\S+)", typed.plain))
    assert {"prompt_toolkit", "rtfs.session"} <= imported
    assert not imported & HEAVY
