"""Correction of what was stated about the start of evidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from forensics.custody.corrections import Correction
from forensics.errors import UsageError
from forensics.footage.evidence import Evidence
from forensics.place import Place

__all__ = ["NO_CORRECTIONS", "Corrector", "clock_text", "start_corrections"]

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
            ", ".join(f"{each.name} {getattr(each, side)}" for each in replaced) for side in ("before", "after")
        )
        raise UsageError(
            f"{place} was ingested before with {before}, now with {after}",
            "to correct it, give the same command with --reason TEXT; otherwise leave --start and --clock-error out",
        )


NO_CORRECTIONS: Final = Corrector(lambda corrections: None, may_replace=False)


def start_corrections(known: Evidence, start_utc_us: int | None, clock_error_ms: int | None) -> list[Correction]:
    """Return what another statement about its start would change about evidence; what is not stated stays.

    Args:
        known: evidence of the case.
        start_utc_us: start that is stated now; None states none.
        clock_error_ms: largest error of it; None states none.
    """
    compared: list[tuple[str, str | None, str | None]] = []
    if start_utc_us is not None:
        before = None if known.start_utc_us is None else clock_text(known.start_utc_us)
        compared.append(("start", before, clock_text(start_utc_us)))
    if clock_error_ms is not None:
        compared.append(("clock error", _error_text(known.clock_error_ms), _error_text(clock_error_ms)))
    return [Correction(known.evidence_id, *each) for each in compared if each[1] != each[2]]


def clock_text(microseconds: int) -> str:
    """Return an instant in ISO 8601, from microseconds since 1970 UTC."""
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


def _error_text(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else f"{milliseconds} ms"
