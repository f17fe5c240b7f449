"""Authority of a search: who decided, at which court or authority, under which number, asked for and granted when."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from forensics.custody.stated_facts import check_past, check_statement, day_or_time_text, latest_of, stated_instant
from forensics.errors import UsageError
from forensics.json_object import JsonObject
from forensics.spelling import fold_spelling

__all__ = ["GRANTED", "PENDING", "RECORD_OPTIONS", "REFERENCE_ONLY", "Authority", "check_authority", "is_pending_text"]

PENDING: Final = "pending"
"""Value of `--authority` for an authority that was asked for and not granted yet."""

GRANTED: Final = "granted"
"""State of an authority whose grant is on record."""

REFERENCE_ONLY: Final = "reference only"
"""State of an authority of which only the reference is on record."""

RECORD_OPTIONS: Final = ("decided-by", "authority-body", "authority-reference", "requested", "granted")
"""Command line options that a granted authority needs."""


def is_pending_text(text: str) -> bool:
    """Whether a text is ``pending``, in any spelling.

    >>> is_pending_text(" Pending"), is_pending_text("12 Gs 3/26, pending appeal")
    (True, False)
    """
    return fold_spelling(text) == PENDING


@dataclass(frozen=True, slots=True)
class Authority:
    """Permission to search for a person, granted or pending. All instants are aware, in UTC; midnight means a day.

    Cases of versions before 0.3 hold a text, which is the reference of an authority without other facts.

    Attributes:
        decided_by: name or office of the person who decided.
        body: court or authority.
        reference: file number of the decision.
        requested_utc: when it was asked for; None if unknown.
        granted_utc: when it was granted; None while it is pending.
        document_sha256: SHA-256 of the signed document; empty if none was given.
        is_pending: whether it was not granted yet; then only body and time of the request may be known.
    """

    decided_by: str = ""
    body: str = ""
    reference: str = ""
    requested_utc: datetime | None = None
    granted_utc: datetime | None = None
    document_sha256: str = ""
    is_pending: bool = False

    @property
    def missing_fields(self) -> tuple[str, ...]:
        """Names of the command line options of what it lacks to be granted; empty while it is pending."""
        values = (self.decided_by.strip(), self.body.strip(), self.reference.strip())
        stated = zip(RECORD_OPTIONS, (*values, self.requested_utc, self.granted_utc), strict=True)
        return () if self.is_pending else tuple(name for name, value in stated if not value)

    @property
    def state(self) -> str:
        """``pending``, ``granted``, or ``reference only`` as earlier versions stored it."""
        if self.is_pending:
            return PENDING
        return GRANTED if self.granted_utc else REFERENCE_ONLY

    def describe(self) -> JsonObject:
        """Return all facts as JSON; None for what is not known."""
        return {
            "state": self.state,
            "decided_by": self.decided_by or None,
            "body": self.body or None,
            "reference": self.reference or None,
            "requested_utc": stated_instant(self.requested_utc),
            "granted_utc": stated_instant(self.granted_utc),
            "document_sha256": self.document_sha256 or None,
        }


def check_authority(authority: Authority, *, now: datetime, ends_utc: datetime | None) -> None:
    """Check what is stated about an authority when a case is created, or when the authority is entered.

    Args:
        authority: the authority.
        now: current time.
        ends_utc: end of the mandate; None if it has none.

    Raises:
        UsageError: something is missing, states nothing, or contradicts itself, the clock or the mandate.
    """
    if authority.is_pending:
        _check_pending(authority)
    elif authority.missing_fields:
        missing = ", ".join(f"--{name}" for name in authority.missing_fields)
        raise UsageError(f"the record of the authority also needs {missing}", "give these options, see --help")
    _check_statements(authority)
    requested, granted = authority.requested_utc, authority.granted_utc
    for option, instant in (("--requested", requested), ("--granted", granted)):
        if instant is not None:
            check_past(option, instant, now)
    if requested is not None and granted is not None and requested >= latest_of(granted) and requested != granted:
        raise UsageError(
            f"--granted {day_or_time_text(granted)} is before --requested {day_or_time_text(requested)}",
            "give the days of the request and of the decision",
        )
    if granted is not None and ends_utc is not None and granted >= ends_utc:
        raise UsageError(
            f"--granted {day_or_time_text(granted)} is after the end of the mandate, {ends_utc:%Y-%m-%d %H:%M}Z",
            "a mandate that has ended cannot be authorised; start a new case",
        )


def _check_pending(authority: Authority) -> None:
    """Check that a pending authority states nothing of a decision.

    Raises:
        UsageError: it does.
    """
    decision = {
        "--decided-by": authority.decided_by,
        "--authority-reference": authority.reference,
        "--granted": authority.granted_utc,
        "--document": authority.document_sha256,
    }
    stated = [option for option, value in decision.items() if value]
    if stated:
        raise UsageError(
            f"a pending authority has no {', no '.join(stated)}",
            "leave --authority pending out, or give only --authority-body and --requested with it",
        )


def _check_statements(authority: Authority) -> None:
    """Check the texts of an authority.

    Raises:
        UsageError: one states nothing, could be mistaken for another one, or the reference has no digit.
    """
    texts = {
        "--decided-by": authority.decided_by,
        "--authority-body": authority.body,
        "--authority-reference": authority.reference,
    }
    for option, text in texts.items():
        if text:
            check_statement(option, text)
    if authority.reference and not any(character.isdigit() for character in authority.reference):
        raise UsageError(
            f"--authority-reference {authority.reference!a} has no number",
            "give the file number of the decision, such as '12 Gs 345/26'",
        )
