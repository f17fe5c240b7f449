"""Options of `query` that select rows: by value, by time, in which order, how many."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import click

from forensics.faces.comparison import Decision
from pipelines.cli.option_values import gathered
from pipelines.cli.output import parse_utc
from pipelines.cli.row_formats import SHOWN_LINES
from pipelines.cli.row_selection import RowFilter

__all__ = ["RowOptions", "with_row_options"]

_BY_TIME: Final = "time"


@dataclass(frozen=True, slots=True)
class RowOptions:
    """Which rows are shown, in which order.

    Attributes:
        camera, class_name, entry_id: the value that a row must have; None for any.
        since, until: times within which a row must be, or may be.
        decisions: of candidates; any of these, empty for all.
        order: ``camera`` or ``time``.
        limit: largest number of rows; None if not given.
    """

    camera: str | None
    since: datetime | None
    until: datetime | None
    class_name: str | None
    entry_id: str | None
    decisions: tuple[str, ...]
    order: str
    limit: int | None

    @property
    def row_filter(self) -> RowFilter:
        """Return what selects the rows."""
        equal = {"camera_id": self.camera, "class_name": self.class_name, "entry_id": self.entry_id}
        return RowFilter(equal, self.decisions, self.since, self.until)

    @property
    def is_by_time(self) -> bool:
        """Whether rows are ordered by time alone."""
        return self.order == _BY_TIME


with_row_options = gathered(
    "row_options",
    RowOptions,
    click.option("--camera", help="Only this camera."),
    click.option("--from", "since", type=parse_utc(), help="Only rows that end at or after this time, or may."),
    click.option("--to", "until", type=parse_utc(), help="Only rows that start before this time, or may."),
    click.option("--class", "class_name", help="Only this class, such as person."),
    click.option("--entry", "entry_id", help="Only this entry of the watch-list. Candidates only."),
    click.option(
        "--decision",
        "decisions",
        multiple=True,
        type=click.Choice([decision.value for decision in Decision]),
        help="Only this decision. Can be given several times. Candidates only.",
    ),
    click.option(
        "--sort",
        "order",
        type=click.Choice(["camera", _BY_TIME]),
        default="camera",
        show_default=True,
        help="camera: by camera, then time, candidates first by decision; time: by time alone, over all cameras.",
    ),
    click.option(
        "--limit",
        type=click.IntRange(1),
        help=f"Largest number of rows.  [default: {SHOWN_LINES} for format table, else all]",
    ),
)
