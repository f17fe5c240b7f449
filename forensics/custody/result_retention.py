"""Retention of results: how long what was computed from footage is kept, and what the log says of it.

Results are the published tables, and the parts, tables and thumbnails of all runs. Evidence, the log, certificates and
the records of runs are no results. The days count from the last publication; parts that were never published count from
the start of their run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import LogLine, read_chain
from forensics.custody.mandate import Mandate
from forensics.custody.registered_files import ABSENT, WROTE, noted_digests

__all__ = [
    "LONGEST_DAYS",
    "REMOVAL",
    "ResultRetention",
    "removal_statement",
    "results_due",
    "results_removed",
    "results_since",
]

LONGEST_DAYS: Final = 36_525
"""Largest number of days: a hundred years."""
REMOVAL: Final = "results"
"""Reason in the certificate of a removal of results, and part of its name."""


@dataclass(frozen=True, slots=True)
class ResultRetention:
    """How long the results of a case are kept.

    Attributes:
        days: days after the last publication; None until the end of the mandate and its seven days of grace.
    """

    days: int | None = None


def results_due(retention: ResultRetention | None, mandate: Mandate, since: datetime | None) -> datetime | None:
    """Return the instant from which results must be removed unless there is a hold; None for never.

    Args:
        retention: rule of the case; None keeps results without limit.
        mandate: mandate of the case.
        since: when the days began to count, see `results_since`; None if there are no results.

    >>> from datetime import UTC
    >>> from forensics.custody.mandate import Mode
    >>> scene = Mandate(Mode.SCENE, "t", "p", "o")
    >>> f"{results_due(ResultRetention(30), scene, datetime(2026, 5, 1, 12, tzinfo=UTC)):%d %B, %H:%M}"
    '31 May, 12:00'
    """
    if retention is None:
        return None
    if retention.days is None:
        return mandate.erasure_due
    return None if since is None else since + timedelta(days=retention.days)


def results_since(folder: CaseFolder) -> datetime | None:
    """Return when tables were published last, or a run was recorded last if none has published; None without results.

    Only what happened after the last removal of results counts.
    """
    published, recorded = None, None
    for line, path, sha256 in _noted_files(folder):
        if _is_removal(folder, line, path):
            published, recorded = None, None
        elif sha256 != ABSENT and path == folder.manifest:
            published = line.at_utc
        elif sha256 != ABSENT and folder.run_of_record(path) is not None:
            recorded = line.at_utc
    return published or recorded


def results_removed(folder: CaseFolder) -> datetime | None:
    """Return when retention removed the results; None if it did not, or if there are tables."""
    removed = None
    for line, path, sha256 in _noted_files(folder):
        if _is_removal(folder, line, path):
            removed = line.at_utc
        elif sha256 != ABSENT and path == folder.manifest:
            removed = None
    return None if folder.manifest.exists() else removed


def removal_statement(removed: datetime) -> str:
    """Return that and when retention removed the results, as a statement for people."""
    return f"the results were removed on {removed:%Y-%m-%d}, as the retention of the case requires"


def _noted_files(folder: CaseFolder) -> Iterator[tuple[LogLine, Path, str]]:
    for line in read_chain(folder.audit_file).lines:
        for name, sha256 in noted_digests(line).items():
            yield line, folder.root / name, sha256


def _is_removal(folder: CaseFolder, line: LogLine, path: Path) -> bool:
    """Whether a line says that the certificate of a removal was written, such as ``20260531T120000Z-results.json``.

    A command that was killed before it wrote the certificate has removed nothing.
    """
    is_certificate = path.parent == folder.certificates and path.stem.partition("Z-")[2].startswith(REMOVAL)
    return is_certificate and line.command == WROTE
