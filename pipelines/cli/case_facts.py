"""Facts about a case for `case init` and `case show`, and their texts."""

from datetime import datetime

from forensics.custody.case_document import Case
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.json_object import JsonObject
from forensics.tables.evidence import load_evidence
from pipelines.custody.mandate_text import authority_text, last_day_text, record_facts, report_text
from pipelines.custody.retention_text import removal_text, retention_facts, retention_text

__all__ = ["case_facts", "case_texts", "denials_text", "iso_text"]


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
    files = [item.camera_id for item in load_evidence(shown.folder)]
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
                "drift_ppm": camera.drift_ppm,
                "files": files.count(name),
            }
            for name, camera in cameras.items()
        },
    }


def iso_text(value: datetime | None) -> str | None:
    """Return an instant in ISO 8601, to the second; None for none."""
    return None if value is None else value.isoformat(timespec="seconds")
