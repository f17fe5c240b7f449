"""The tree of all commands, for tests that hold a rule for every one of them."""

from collections.abc import Iterator

import click

from pipelines.cli.main import forensics

__all__ = ["COMMANDS", "LEAVES"]


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command and group with its full name."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _commands(found, f"{name} {child}")


COMMANDS = dict(_commands(forensics, "forensics"))
"""Every command and group by its full name, such as ``forensics case show``."""
LEAVES = {name: command for name, command in COMMANDS.items() if not isinstance(command, click.Group)}
"""The commands without their groups."""
