"""Checks that text arguments are valid Unicode, since the log and tables store them.

Paths are exempt: a file name may be any bytes, and ingest reports that in a row of `sources`.
"""

from typing import Any

import click

from forensics.spelling import is_text

__all__ = ["TEXT", "only_text"]


class _Text(click.types.StringParamType):
    """Text that can be stored as UTF-8."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse text that is not valid in this system's encoding."""
        text: str = super().convert(value, param, ctx)
        if not is_text(text):
            self.fail(f"{text!a} is not valid UTF-8 text; type it again", param, ctx)
        return text


TEXT = _Text()


def only_text(command: click.Command) -> click.Command:
    """Make a command and all its subcommands accept only valid text."""
    for param in command.params:
        if type(param.type) is click.types.StringParamType:
            param.type = TEXT
    if isinstance(command, click.Group):
        for child in command.commands.values():
            only_text(child)
    return command
