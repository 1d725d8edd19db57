"""The command group: a command is a file of this folder; a first word that is none of them is a script to run."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

import click

from rtfs.cli.output import Hangup, Unwritable, detach, lenient
from rtfs.lang.errors import RtfsError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

EPILOG = """\b
Examples:
  rtfs hello.rtfs                     run a script
  rtfs -e '(+ 1 2)'                   evaluate an expression
  echo '(+ 1 2)' | rtfs -             run what comes from standard input
  rtfs                                a prompt to type expressions at
  rtfs new weather                    a project to begin with
  rtfs run --help                     everything `run` can do
"""


class Folder(click.Group):
    """Every module of this package that has a `command` is one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = [entry[:-3] for entry in os.listdir(os.path.dirname(__file__)) if entry.endswith(".py")]
        return sorted(name for name in names if self.get_command(ctx, name) is not None)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = os.path.join(os.path.dirname(__file__), f"{cmd_name}.py")
        if not cmd_name.isidentifier() or not os.path.isfile(place):
            return None
        found = getattr(importlib.import_module(f"rtfs.cli.{cmd_name}"), "command", None)
        return found if isinstance(found, click.Command) else None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands, and scripts to run. Where there is neither the shell completes files its own way."""
        from glob import escape, glob

        from click.shell_completion import CompletionItem  # deferred: only shells that complete ask

        scripts = [CompletionItem(path) for path in sorted(glob(f"{escape(incomplete)}*.rtfs"))]
        found = [*super().shell_complete(ctx, incomplete), *scripts]
        return found or [CompletionItem(incomplete, type="file")]


@click.group(cls=Folder, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rtfs", message="rtfs %(version)s")
def group() -> None:
    """RTFS 2.0: a pure Lisp whose only effect is a host call, with durable streams.

    `rtfs FILE` is `rtfs run FILE`.
    """


def enter(words: list[str]) -> int:
    """Parse `words` and do what they say; the exit code. Usage errors are 2."""
    lenient()
    if not words and sys.stdin.isatty() and sys.stdout.isatty():
        words = ["repl"]
    context = click.Context(group)
    if words and words[0] not in ("-h", "--help", "--version") and group.get_command(context, words[0]) is None:
        words = ["run", *words]
    try:
        answer = group.main(args=words, prog_name="rtfs", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:  # Ctrl-C while the options were parsed
        click.echo("interrupted", err=True)
        return 130
    except RtfsError as error:
        from rtfs.cli.report import report
        from rtfs.cli.script import exit_code

        report(error)
        return exit_code(error)
    except Hangup:
        detach()
        return 141
    except Unwritable as error:
        detach()
        click.echo(f"error: cannot write to standard output: {error}", err=True)
        return 1
    except Exception as error:
        from rtfs.cli.report import defect

        defect(error)
        return 1
    return answer if isinstance(answer, int) else 0
