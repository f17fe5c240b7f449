"""Facts about a case for `case init` and `case show`, and their texts."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from forensics.custody.case_document import Case
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.footage.cameras import Camera
from forensics.footage.evidence import Evidence
from forensics.json_object import JsonObject
from forensics.tables.evidence import load_evidence
from pipelines.custody.mandate_text import authority_text, last_day_text, record_facts, report_text
from pipelines.custody.retention_text import removal_text, retention_facts, retention_text

__all__ = ["CAMERA_COLUMNS", "camera_rows", "case_facts", "case_texts", "denials_text", "iso_text"]

CAMERA_COLUMNS: Final = ("camera", "offset_ms", "clock_error_ms", "drift_ppm", "files")


def case_texts(case: Case, now: datetime) -> dict[str, str]:
    """Return the facts that people read as text, by name; empty ones are part of another."""
    mandate = case.mandate
    days = {} if mandate.expires_utc is None else {"expires_utc": f"{last_day_text(mandate.expires_utc)} (last day)"}
    records = {"authority": authority_text(mandate, now), "report": report_text(mandate)}
    may_run = mandate_status(mandate, now) is MandateStatus.ACTIVE
    results = {"retention": retention_text(case), "removed": removal_text(case, may_run=may_run)}
    return {**records, "authority_ends_utc": "", **days, **dict.fromkeys(retention_facts(case), ""), **results}


def denials_text(facts: JsonObject) -> str:
    """Return the denied cases that the case has something in common with, and whether it acknowledges them."""
    return "; ".join(
        f"case {row['case_id']}"
        + (f", denied {row['denied_utc'][:10]}: {' and '.join(row['in_common'])}" if row["denied_utc"] else "")
        + (f", no authority {row['lapsed_utc'][:10]}: {' and '.join(row['in_common'])}" if row["lapsed_utc"] else "")
        + (", acknowledged" if row["acknowledged"] is not None else ", not acknowledged")
        for row in facts["denials"]
    )


def case_facts(shown: Case) -> JsonObject:
    """Return the mandate of a case, and its cameras with their clocks, as JSON."""
    evidence = load_evidence(shown.folder)
    files = [item.camera_id for item in evidence]
    cameras = {name: shown.camera(name) for name in sorted({*files, *shown.cameras})}
    mandate = shown.mandate
    return {
        "case": str(shown.folder.root),
        "case_id": shown.case_id,
        "mode": mandate.mode.value,
        "title": mandate.title,
        "purpose": mandate.purpose,
        "legal_basis": mandate.legal_basis,
        "reference": mandate.reference,
        "operator": mandate.operator,
        **record_facts(mandate),
        "authority_ends_utc": iso_text(mandate.authority_ends),
        "only_cameras": ", ".join(mandate.cameras),
        **{
            name: iso_text(getattr(mandate, name))
            for name in ("from_utc", "to_utc", "expires_utc", "first_run_utc", "denied_utc", "erased_utc")
        },
        "hold": mandate.hold,
        "watchlist_limit": shown.watchlist_limit,
        "allows_one_account": shown.allows_one_account,
        "created_utc": iso_text(shown.created_utc),
        **retention_facts(shown),
        "cameras": {
            name: {
                "offset_ms": camera.offset_ms,
                "error_ms": camera.error_ms,
                "clock_errors_ms": _clock_errors(camera, evidence),
                "drift_ppm": camera.drift_ppm,
                "files": files.count(name),
            }
            for name, camera in cameras.items()
        },
    }


def _clock_errors(camera: Camera, evidence: Iterable[Evidence]) -> list[int | None]:
    """Return the errors of the times of a camera, each once, ascending; the last is None if one is not stated.

    Without footage it is the error of the correction alone.
    """
    of_camera = [item for item in evidence if item.camera_id == camera.camera_id and item.start_utc_us is not None]
    errors = {camera.clock_error_ms(item.clock_error_ms) for item in of_camera} or {camera.error_ms}
    return sorted(errors, key=lambda error: (error is None, error))


def camera_rows(facts: JsonObject) -> list[list[object]]:
    """Return a row for each camera of `case_facts`, with `CAMERA_COLUMNS`."""
    return [
        [name, known["offset_ms"], _errors_text(known["clock_errors_ms"]), known["drift_ppm"], known["files"]]
        for name, known in facts["cameras"].items()
    ]


def _errors_text(errors: Sequence[int | None]) -> str:
    """Return the errors of the times of a camera in words.

    >>> [_errors_text(errors) for errors in ([500], [500, 2000], [500, None], [None])]
    ['500', '500 to 2000', '500, some not stated', 'not stated']
    """
    known = [error for error in errors if error is not None]
    if not known:
        return "not stated"
    text = f"{known[0]}" if len(known) == 1 else f"{known[0]} to {known[-1]}"
    return text if len(known) == len(errors) else f"{text}, some not stated"


def iso_text(value: datetime | None) -> str | None:
    """Return an instant in ISO 8601, to the second; None for none."""
    return None if value is None else value.isoformat(timespec="seconds")
