"""Correction of what was stated about the start of evidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from forensics.custody.corrections import Correction
from forensics.errors import UsageError
from forensics.footage.evidence import Evidence
from forensics.place import Place
from pipelines.intake.unknown import Stated, stated_now

__all__ = ["NO_CORRECTIONS", "Corrector", "clock_text", "error_text", "start_corrections", "start_text"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Corrector:
    """What an ingest does with statements that differ from earlier ones.

    Attributes:
        record: puts corrections into the log, before they are made.
        may_replace: whether an earlier statement may be replaced; a first one is always taken.
    """

    record: Callable[[Sequence[Correction]], None]
    may_replace: bool

    def check(self, place: Place, corrections: Sequence[Correction]) -> None:
        """Raise `UsageError` if these would replace a statement that must stay."""
        replaced = [each for each in corrections if each.before is not None]
        if not replaced or self.may_replace:
            return
        before, after = (
            ", ".join(f"{each.name} {getattr(each, side) or 'unknown'}" for each in replaced)
            for side in ("before", "after")
        )
        raise UsageError(
            f"{place} was ingested before with {before}, now with {after}",
            "to correct it, give the same command with --reason TEXT; otherwise leave --start and --clock-error out",
        )


NO_CORRECTIONS: Final = Corrector(lambda corrections: None, may_replace=False)


def start_corrections(
    known: Evidence, start_utc_us: Stated, start_stated: str | None, clock_error_ms: Stated
) -> list[Correction]:
    """Return what another statement about its start would change about evidence; what is not stated stays.

    Args:
        known: evidence of the case.
        start_utc_us: start that is stated now.
        start_stated: the same as it is stated; None if there is none.
        clock_error_ms: largest error of it that is stated now.
    """
    start_us = stated_now(known.start_utc_us, start_utc_us)
    error_ms = stated_now(known.clock_error_ms, clock_error_ms)
    before, after = start_text(known.start_utc_us, known.start_stated), start_text(start_us, start_stated)
    if start_us == known.start_utc_us and None in (start_stated, known.start_stated):
        after = before  # of a case of an older version the same time is stated, and only how is new
    compared = [
        ("start", before, after),
        ("clock error", error_text(known.clock_error_ms), error_text(error_ms)),
    ]
    return [Correction(known.evidence_id, *each) for each in compared if each[1] != each[2]]


def start_text(utc_us: int | None, stated: str | None) -> str | None:
    """Return a start as it is stated, or in UTC if that is not known; None if there is no start."""
    return None if utc_us is None else stated or clock_text(utc_us)


def clock_text(microseconds: int) -> str:
    """Return an instant in ISO 8601, from microseconds since 1970 UTC."""
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


def error_text(milliseconds: int | None) -> str | None:
    """Return an error of a clock, from milliseconds; None if there is none."""
    return None if milliseconds is None else f"{milliseconds} ms"
