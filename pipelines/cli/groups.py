"""A group of commands whose help says of each the whole first sentence."""

import click

__all__ = ["Group"]


class Group(click.Group):
    """Lists its commands without cutting what they do."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The name of every command and the first line of its help, wrapped where it is long."""
        named = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, (command.help or "").partition("\n")[0]) for name, command in named if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
