"""Options that are accepted under a former name too."""

from typing import Any

import click

__all__ = ["RenamedOption"]


class RenamedOption(click.Option):
    """An option with a former name, which commands accept and neither help, errors nor completion show.

    Args:
        declarations: the names, as of `click.Option`.
        former: the former name, such as ``--out``.
        attributes: as of `click.Option`.
    """

    def __init__(self, declarations: list[str], *, former: str, **attributes: Any) -> None:
        super().__init__(declarations, **attributes)
        self.former = former

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser take the value under both names; of two values the last one counts."""
        super().add_to_parser(parser, ctx)
        parser.add_option(obj=self, opts=[self.former], dest=self.name, action="store", nargs=self.nargs)
