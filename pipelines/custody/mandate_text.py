"""Texts about a mandate for people; `forensics/custody/mandate.py` computes its status."""

from datetime import UTC, datetime, time, timedelta

from forensics.custody.authority import PENDING, Authority
from forensics.custody.mandate import Mandate, MandateStatus, mandate_status
from forensics.custody.stated_facts import day_or_time_text
from forensics.json_object import JsonObject

__all__ = ["authority_text", "instant_text", "last_day_text", "record_facts", "report_text"]


def instant_text(instant: datetime) -> str:
    """Return an instant in UTC, to the minute.

    >>> instant_text(datetime(2026, 11, 26, 22, 21, 40, tzinfo=UTC))
    '2026-11-26 22:21Z'
    """
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def last_day_text(end: datetime) -> str:
    """Return the last day of an end at midnight UTC, as the user gave it; any other end to the minute.

    >>> last_day_text(datetime(2027, 1, 1, tzinfo=UTC)), last_day_text(datetime(2027, 1, 1, 12, tzinfo=UTC))
    ('2026-12-31', '2027-01-01 12:00Z')
    """
    end = end.astimezone(UTC)
    return f"{end - timedelta(days=1):%Y-%m-%d}" if end.time() == time() else instant_text(end)


def authority_text(mandate: Mandate, now: datetime) -> str:
    """Return the authority, or its denial, or until when it may be pending; empty if the mode has none."""
    start = [] if mandate.denied_utc is None else [f"denied, on record since {instant_text(mandate.denied_utc)}"]
    if mandate.authority is None:
        return ", ".join(start)
    if mandate.is_authority_pending and not start:
        start = [_pending_text(mandate, now)]
    return ", ".join([*start, *_facts_of(mandate.authority), *_late_text(mandate)])


def _late_text(mandate: Mandate) -> list[str]:
    """Return that the authority was asked for too late; empty if it was not."""
    if not mandate.is_requested_late or mandate.first_run_utc is None:
        return []
    return [f"requested later than 48 hours after the first run ({instant_text(mandate.first_run_utc)})"]


def _pending_text(mandate: Mandate, now: datetime) -> str:
    """Return that the authority is pending, and until when."""
    ends = mandate.authority_ends
    if ends is None:
        return f"{PENDING}, 48 hours from the first run"
    if mandate_status(mandate, now) is MandateStatus.LAPSED:
        return f"{PENDING}, results withheld since {instant_text(ends)}"
    return f"{PENDING}, until {instant_text(ends)}"


def _facts_of(authority: Authority) -> list[str]:
    """Return what is known of an authority, in words."""
    known = {
        "asked of " if authority.is_pending else "": authority.body,
        "file ": authority.reference,
        "decided by ": authority.decided_by,
        "requested ": authority.requested_utc and day_or_time_text(authority.requested_utc),
        "granted ": authority.granted_utc and day_or_time_text(authority.granted_utc),
        "document SHA-256 ": authority.document_sha256,
    }
    return [f"{name}{value}" for name, value in known.items() if value]


def report_text(mandate: Mandate) -> str:
    """Return the report of the missing person; empty if there is none."""
    report = mandate.report
    if report is None or report.reported_utc is None:
        return ""
    document = [f"document SHA-256 {report.document_sha256}"] if report.document_sha256 else []
    return ", ".join([report.body, f"reported {day_or_time_text(report.reported_utc)}", *document])


def record_facts(mandate: Mandate) -> JsonObject:
    """Return authority and report as JSON, each None if there is none."""
    authority, report = mandate.authority, mandate.report
    late: JsonObject = {"is_requested_late": mandate.is_requested_late}
    if mandate.denied_utc is not None:
        late["state"] = "denied"
    return {
        "authority": None if authority is None else {**authority.describe(), **late},
        "report": None if report is None else report.describe(),
    }
