"""`rtfs completion`: what a shell needs to complete commands, options and files."""

from __future__ import annotations

import click

from rtfs.cli.output import flush

EPILOG = """\b
Examples:
  eval "$(rtfs completion bash)"                         for this bash
  rtfs completion bash > ~/.local/share/bash-completion/completions/rtfs
  rtfs completion zsh > "${fpath[1]}/_rtfs"
  rtfs completion fish > ~/.config/fish/completions/rtfs.fish

\b
Exit codes: 0 done, 2 usage.
"""


@click.command("completion", epilog=EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the script that makes SHELL complete `rtfs`."""
    from click.shell_completion import get_completion_class

    from rtfs.cli.main import group

    found = get_completion_class(shell)
    assert found is not None
    flush(found(group, {}, "rtfs", "_RTFS_COMPLETE").source())
    return 0
