"""`rtfs run`: the options of running a script."""

from __future__ import annotations

from typing import Any

import click

from rtfs.cli.options import LIMITS, LimitsType, rights_options
from rtfs.cli.script import LEVELS, Settings, run

EPILOG = """\b
Examples:
  rtfs run hello.rtfs Ada                        arguments arrive as the vector `args`
  rtfs run --allow-read data report.rtfs         one folder may be read
  rtfs run --allow-all --state .state demo.rtfs  streams survive a kill and go on
  rtfs run --durable .run report.rtfs            killed and started again it goes on where it was
  rtfs run --record t.tape report.rtfs           and later `rtfs run --replay t.tape`, as a test
  rtfs run --limit steps=1000000,time=2s -e '(reduce + (range 1000))'
  tail -f log | rtfs -I '(when (string-contains % "error") %)'
  rtfs -I :temp --jsonl < readings.jsonl         a function for each line; nil prints nothing

\b
Exit codes: 0 done, 1 program error or a stream that ended in error, 2 usage,
3 refused by policy, 4 a limit or budget, 130 interrupted.
"""


_FOLDER, _TAPE = click.Path(file_okay=False), click.Path(dir_okay=False)


@click.command("run", epilog=EPILOG)
@click.argument("file", required=False)
@click.argument("arguments", nargs=-1)
@click.option("-e", "--eval", "expression", metavar="EXPR", help="Run EXPR instead of a file.")
@click.option("-I", "--each", metavar="EXPR", help="Filter: call EXPR for each line of standard input.")
@click.option("--jsonl", is_flag=True, help="With -I: lines are JSON, and so is what is printed.")
@click.option("-q", "--quiet", is_flag=True, help="Do not print the last value.")
@rights_options
@click.option("--limit", "limits", type=LimitsType(), metavar="LIMITS", help=LIMITS)
@click.option(
    "--state",
    type=_FOLDER,
    metavar="DIR",
    help="Keep streams and stored values in DIR, or at a redis:// URL, across runs.",
)
@click.option("--journal", type=click.Path(dir_okay=False), metavar="FILE", help="Write every host call down in FILE.")
@click.option("--durable", type=_FOLDER, metavar="DIR", help="Keep the run in DIR: killed, it goes on where it was.")
@click.option("--retry-call", is_flag=True, help="With --durable: make the call again of which nobody knows.")
@click.option("--skip-call", metavar="VALUE", help="With --durable: take VALUE as its answer.")
@click.option("--record", type=_TAPE, metavar="TAPE", help="Write the calls of the run and their answers to TAPE.")
@click.option("--replay", type=_TAPE, metavar="TAPE", help="Answer all calls from TAPE; its program, or FILE.")
@click.option("--mcp-config", type=click.Path(dir_okay=False), metavar="FILE", help="MCP servers by name.")
@click.option("--progress", type=click.Choice(["auto", "json", "off"]), default="auto", help="How streams are shown.")
@click.option("--check", type=click.Choice(LEVELS), default="standard", help="How far annotations are checked.")
@click.option("--control/--no-control", default=True, help="Let `rtfs stream` look at the streams and steer them.")
@click.option("--metrics", metavar="[HOST:]PORT", help="Offer metrics of streams to Prometheus, at 127.0.0.1 or HOST.")
@click.option("--trace", is_flag=True, help="Show each host call as one line on standard error.")
@click.option("--profile", is_flag=True, help="Say on standard error where the time went.")
@click.option("--json", "as_json", is_flag=True, help="Report errors as JSON.")
def command(file: str | None, arguments: tuple[str, ...], expression: str | None, **options: Any) -> int:
    """Run the RTFS script FILE (`-` for standard input) and print its last value unless it is nil.

    Stays until the streams that the script started have ended. Ctrl-C lets them finish the work at hand, a second one
    cancels them, a third one kills.

    With --durable DIR each answer is written down before the script sees it. Killed and started again with the same
    command the run goes on; once it is done, the command prints its value again until DIR is removed. The call that was
    under way is made again, but if that could do harm the run asks: --retry-call or --skip-call VALUE. A TAPE and a DIR
    hold everything the script said and heard, secrets too.
    """
    if expression is not None or options["each"] is not None:
        arguments = (file, *arguments) if file is not None else ()
        file = None
    elif file is None and options["replay"] is None:
        raise click.UsageError("give a FILE to run, `-` for standard input, -e EXPR or -I EXPR")
    if options["each"] is not None and expression is not None:
        raise click.UsageError("-e and -I exclude each other; -I takes definitions too: '(defn f …) f'")
    _check(options)
    return run(Settings(file=file, expression=expression, arguments=arguments, **options))


def _check(options: dict[str, Any]) -> None:
    """Options that only make sense together, or only apart."""
    decisions = [name for name in ("retry_call", "skip_call") if options[name] not in (None, False)]
    if decisions and options["durable"] is None:
        raise click.UsageError(f"--{decisions[0].replace('_', '-')} is about a run with --durable")
    if len(decisions) > 1:
        raise click.UsageError("--retry-call and --skip-call exclude each other")
    kinds = [name for name in ("each", "durable", "record", "replay") if options[name] is not None]
    if len(kinds) > 1:
        raise click.UsageError(f"--{kinds[0]} and --{kinds[1]} exclude each other")
    if options["metrics"] is not None:
        from rtfs.host.stream.exposition import parse_address

        try:
            parse_address(options["metrics"])
        except ValueError as error:
            raise click.UsageError(f"--metrics: {error}") from error
    if options["jsonl"] and options["each"] is None:
        raise click.UsageError("--jsonl is about a filter with -I")
