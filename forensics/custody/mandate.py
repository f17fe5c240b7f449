"""Mandate of a case, and its status at an instant: what the case may do, on which footage and until when.

`mandate_status` computes the status from the mandate and the time alone:

    active     the case may run
    lapsed     mode search, authority still pending 48 hours after the first run: results are withheld
    expired    the mandate has ended: nothing may run, results can still be read
    due        expired for seven days and not on hold: biometric data must be destroyed
    denied     the authority was refused: biometric data is destroyed, nothing may ever run again
    erased     biometric data was destroyed on time
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from forensics.custody.authority import Authority
from forensics.custody.missing_report import MissingReport

__all__ = [
    "AUTHORITY_GRACE",
    "ERASURE_GRACE",
    "Mandate",
    "MandateStatus",
    "Mode",
    "mandate_status",
    "stops_at",
]

AUTHORITY_GRACE: Final = timedelta(hours=48)
ERASURE_GRACE: Final = timedelta(days=7)


class Mode(StrEnum):
    """What a case may search for in its footage."""

    SCENE = "scene"
    SEARCH = "search"
    MISSING = "missing"
    WILDLIFE = "wildlife"

    @property
    def compares_faces(self) -> bool:
        """Whether faces may be compared with a watch-list."""
        return self in {Mode.SEARCH, Mode.MISSING}


class MandateStatus(StrEnum):
    """The status of a mandate at an instant; see the module."""

    ACTIVE = "active"
    LAPSED = "lapsed"
    EXPIRED = "expired"
    DUE = "due"
    DENIED = "denied"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Mandate:
    """The mandate of one case. All instants are aware, in UTC.

    Attributes:
        mode: what the case may search for.
        title, purpose: free text.
        legal_basis: legal basis of the search.
        reference: reference of the offence or of the missing person.
        operator: name of the person responsible for the case.
        cameras: ids of the cameras in scope; empty for all, in modes that do not compare faces.
        from_utc, to_utc: time span in scope, half-open; None for no limit, in modes that do not compare faces.
        expires_utc: end of the mandate; None for no end, in modes that do not compare faces.
        authority: who permitted the search, or that this is pending; mode search only, None in others.
        report: report of the missing person; mode missing only, None in others and in cases of versions before 0.3.
        first_run_utc: time of the first run that compared faces.
        hold: reason why nothing may be deleted; empty for no hold.
        denied_utc, erased_utc: time of the denial and of the erasure; None if there was none.
    """

    mode: Mode
    title: str
    purpose: str
    operator: str
    legal_basis: str = ""
    reference: str = ""
    cameras: tuple[str, ...] = ()
    from_utc: datetime | None = None
    to_utc: datetime | None = None
    expires_utc: datetime | None = None
    authority: Authority | None = None
    report: MissingReport | None = None
    first_run_utc: datetime | None = None
    hold: str = ""
    denied_utc: datetime | None = None
    erased_utc: datetime | None = None

    @property
    def missing_fields(self) -> tuple[str, ...]:
        """Names of the command line options of the fields that this mode requires and the mandate lacks."""
        needed: dict[str, object] = {"purpose": self.purpose.strip(), "operator": self.operator.strip()}
        if self.mode.compares_faces:
            needed |= {
                "title": self.title.strip(),
                "legal-basis": self.legal_basis.strip(),
                "reference": self.reference.strip(),
                "camera": " ".join(self.cameras).strip(),
                "from": self.from_utc,
                "to": self.to_utc,
                "expires": self.expires_utc,
            }
        if self.mode is Mode.SEARCH:
            needed["authority"] = self.authority is not None and (self.authority.is_pending or self.authority.reference)
        return tuple(name for name, value in needed.items() if not value)

    @property
    def missing_at_creation(self) -> tuple[str, ...]:
        """Names of the options that a new case of this mode lacks; cases of earlier versions may lack more."""
        missing = self.missing_fields
        if self.mode is Mode.SEARCH and self.authority is not None:
            missing = (*(name for name in missing if name != "authority"), *self.authority.missing_fields)
        if self.mode is Mode.MISSING:
            missing += (self.report or MissingReport()).missing_fields
        return missing

    @property
    def is_authority_pending(self) -> bool:
        """Whether the case has an authority that was not granted yet."""
        return self.authority is not None and self.authority.is_pending

    @property
    def request_limit(self) -> datetime | None:
        """End of the 48 hours in which the authority must be asked for; None before the first run."""
        return None if self.first_run_utc is None else self.first_run_utc + AUTHORITY_GRACE

    @property
    def is_requested_late(self) -> bool:
        """Whether the authority was asked for later than 48 hours after the first run."""
        requested = None if self.authority is None else self.authority.requested_utc
        return requested is not None and self.request_limit is not None and requested > self.request_limit

    @property
    def statements(self) -> dict[str, str]:
        """Texts in which somebody states something, by the name of their command line option."""
        return {
            "title": self.title,
            "purpose": self.purpose,
            "legal-basis": self.legal_basis,
            "reference": self.reference,
        }

    @property
    def authority_ends(self) -> datetime | None:
        """End of the 48 hours after which results are withheld if the authority is still pending; None for never."""
        return self.request_limit if self.is_authority_pending else None

    @property
    def erasure_due(self) -> datetime | None:
        """Time from which biometric data must be destroyed unless there is a hold; None for never."""
        return None if self.expires_utc is None else self.expires_utc + ERASURE_GRACE


def mandate_status(mandate: Mandate, now: datetime) -> MandateStatus:
    """Return the status at `now`. An end takes effect at its exact instant.

    >>> from datetime import UTC
    >>> first = datetime(2026, 5, 1, tzinfo=UTC)
    >>> search = Mandate(Mode.SEARCH, "t", "p", "o", authority=Authority(is_pending=True), first_run_utc=first)
    >>> mandate_status(search, first + timedelta(hours=47, minutes=59)).value
    'active'
    >>> mandate_status(search, first + timedelta(hours=48)).value
    'lapsed'
    """
    if mandate.denied_utc is not None:
        return MandateStatus.DENIED
    if mandate.erased_utc is not None:
        return MandateStatus.ERASED
    if mandate.erasure_due is not None and now >= mandate.erasure_due and not mandate.hold:
        return MandateStatus.DUE
    if mandate.authority_ends is not None and now >= mandate.authority_ends:
        return MandateStatus.LAPSED
    if mandate.expires_utc is not None and now >= mandate.expires_utc:
        return MandateStatus.EXPIRED
    return MandateStatus.ACTIVE


def stops_at(mandate: Mandate) -> datetime | None:
    """Return when a run in progress must stop; None for never."""
    return min((end for end in (mandate.authority_ends, mandate.expires_utc) if end is not None), default=None)
