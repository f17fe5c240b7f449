"""Progress of a run on standard error: a bar with the time left on a terminal, plain lines elsewhere."""

import sys
import time
from typing import Protocol

__all__ = ["LineProgress", "NoProgress", "Progress", "TerminalProgress", "progress_for"]

_LINE_EVERY_S = 10


class Progress(Protocol):
    """Shows the progress of a run."""

    def begin(self, stage: str, n_total: int, unit: str) -> None:
        """Start a stage with `n_total` units of work, counted in `unit`."""
        ...

    def advance(self, n_done: int) -> None:
        """Count this many more units as done."""
        ...

    def end(self) -> None:
        """End the stage."""
        ...


class NoProgress:
    """Shows nothing."""

    def begin(self, stage: str, n_total: int, unit: str) -> None:
        """See `Progress`."""

    def advance(self, n_done: int) -> None:
        """See `Progress`."""

    def end(self) -> None:
        """See `Progress`."""


class LineProgress:
    """Prints a plain line every ten seconds and at the end of a stage."""

    def __init__(self) -> None:
        self._stage, self._unit = "", ""
        self._n_total = self._n_done = 0
        self._started_s = self._printed_s = 0.0

    def begin(self, stage: str, n_total: int, unit: str) -> None:
        """See `Progress`."""
        self._stage, self._unit, self._n_total, self._n_done = stage, unit, n_total, 0
        self._started_s = self._printed_s = time.monotonic()

    def advance(self, n_done: int) -> None:
        """See `Progress`."""
        self._n_done += n_done
        if time.monotonic() - self._printed_s > _LINE_EVERY_S:
            self._printed_s = time.monotonic()
            self._print_line(f", about {self._seconds_left():.0f} s left")

    def end(self) -> None:
        """See `Progress`."""
        self._print_line("")

    def _seconds_left(self) -> float:
        spent = time.monotonic() - self._started_s
        return spent / max(1, self._n_done) * (self._n_total - self._n_done)

    def _print_line(self, rest: str) -> None:
        rate = self._n_done / max(1e-9, time.monotonic() - self._started_s)
        pace = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
        text = f"{self._stage}: {self._n_done:,} of {self._n_total:,} {self._unit}, {pace}{rest}"
        print(text, file=sys.stderr, flush=True)


class TerminalProgress:
    """Shows a bar with counts and the time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(
            TextColumn("{task.description:>8}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True),
        )

    def begin(self, stage: str, n_total: int, unit: str) -> None:
        """See `Progress`."""
        self._task = self._bars.add_task(stage, total=n_total, unit=unit)
        self._bars.start()

    def advance(self, n_done: int) -> None:
        """See `Progress`."""
        self._bars.advance(self._task, n_done)

    def end(self) -> None:
        """See `Progress`."""
        self._bars.stop()


def progress_for(quiet: bool) -> Progress:
    """Return the progress display that suits standard error."""
    if quiet:
        return NoProgress()
    return TerminalProgress() if sys.stderr.isatty() else LineProgress()
