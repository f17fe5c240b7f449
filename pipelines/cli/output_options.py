"""Options of the commands that write a file outside of a case: who receives it, and what it may replace."""

from dataclasses import dataclass
from typing import Final

import click

from forensics.json_object import JsonObject
from pipelines.cli.option_values import gathered
from pipelines.cli.output import refuse_empty_statement
from pipelines.custody.outputs import Outputs
from pipelines.custody.session import Session

__all__ = ["OutputOptions", "with_output_options", "with_recipient_required"]

_WHO: Final = "Who receives the file. Kept in the case's log."


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How files leave a case.

    Attributes:
        recipient: who receives them; empty for the person who runs the command.
        force: whether a former output of the same case may be replaced.
    """

    recipient: str
    force: bool

    @property
    def facts(self) -> JsonObject:
        """Return the recipient as a fact for the begin of a command in the log, so that a kill does not lose it."""
        return {"recipient": self.recipient} if self.recipient else {}

    def outputs_of(self, session: Session) -> Outputs:
        """Return the writer of the files of one command."""
        return Outputs(session, recipient=self.recipient, replaces_own=self.force)


_FORCE: Final = click.option("--force", is_flag=True, help="Replace a file that a command on this case has written.")

with_output_options = gathered(
    "output_options",
    OutputOptions,
    click.option("--recipient", metavar="TEXT", callback=refuse_empty_statement, help=f"{_WHO}  [default: you]"),
    _FORCE,
)

with_recipient_required = gathered(
    "output_options",
    OutputOptions,
    click.option("--recipient", required=True, metavar="TEXT", callback=refuse_empty_statement, help=_WHO),
    _FORCE,
)
