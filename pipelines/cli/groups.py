"""A group of commands whose help shows the whole first sentence of each command."""

import click

__all__ = ["Group"]


class Group(click.Group):
    """Lists its commands without shortening their help."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the name of every command and the first line of its help, wrapped if it is long."""
        named = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, (command.help or "").partition("\n")[0]) for name, command in named if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
