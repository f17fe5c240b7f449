"""Text that a person gives, as an option, an argument or an answer: it must be text, since the log and tables keep it.

Paths are no text: a file may be called any bytes, and ingest says so in a row.
"""

from typing import Any

import click

from forensics.spelling import is_text

__all__ = ["TEXT", "only_text"]


class _Text(click.types.StringParamType):
    """Text that can be stored."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuses what this system's encoding cannot read."""
        text: str = super().convert(value, param, ctx)
        if not is_text(text):
            self.fail(f"{text!a} is no text: some of its bytes are not UTF-8; write it anew", param, ctx)
        return text


TEXT = _Text()


def only_text(command: click.Command) -> click.Command:
    """The command and all below it, whose options and arguments of text take nothing else."""
    for param in command.params:
        if type(param.type) is click.types.StringParamType:
            param.type = TEXT
    if isinstance(command, click.Group):
        for child in command.commands.values():
            only_text(child)
    return command
