"""Options that several commands have: rights and limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from rtfs.cli.limit import parse_limits

F = TypeVar("F", bound=Callable[..., Any])

LIMITS = (
    "Stop beyond steps=N,cells=N,time=SECONDS of evaluation, or beyond the run's budget of calls, wall (time), tokens, "
    "cost, network, storage, streams; `:warn` or `:ask` behind a budget goes on or asks."
)


class LimitsType(click.ParamType[dict[str, Any]]):
    name = "limits"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        try:
            return parse_limits(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


_FOLDER = click.Path(file_okay=False)
_RIGHTS = (
    click.option("--allow", multiple=True, metavar="GLOB", help="Allow capabilities, e.g. 'ccos.io.*'. Repeatable."),
    click.option("--allow-read", multiple=True, type=_FOLDER, metavar="DIR", help="Allow reading below DIR."),
    click.option("--allow-write", multiple=True, type=_FOLDER, metavar="DIR", help="Allow writing below DIR."),
    click.option("--allow-net", multiple=True, metavar="HOST", help="Allow the network, to HOST only."),
    click.option("--allow-env", multiple=True, metavar="NAME", help="Allow reading the environment variable NAME."),
    click.option(
        "--allow-run", multiple=True, metavar="PROGRAM", help="Allow starting PROGRAM for `stdio:` endpoints."
    ),
    click.option("--allow-all", is_flag=True, help="Allow everything."),
    click.option(
        "--capabilities",
        multiple=True,
        type=click.Path(dir_okay=False),
        metavar="FILE",
        help="Load the capabilities that an RTFS file defines. Repeatable.",
    ),
)


def rights_options(function: F) -> F:
    """The options that say what a program may do; `rtfs.cli.permission` makes rights of them."""
    for option in reversed(_RIGHTS):
        function = option(function)
    return function
