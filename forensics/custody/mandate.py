"""What a case may do, where, and until when: the one place that decides it.

A mandate is what somebody answers for. `mandate_status` says what holds at an instant, from nothing but
the mandate and the clock:

    active     it may run
    lapsed     mode search ran on a pending authority and 48 hours are over: results are withheld
    expired    its last day is over: nothing may run, what was found can still be read
    due        expired for more than seven days and not on hold: biometric data must be destroyed
    denied     the authority was refused: destroyed, and nothing may run ever again
    erased     its biometric data was destroyed on time
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from forensics.spelling import plain

__all__ = [
    "AUTHORITY_GRACE",
    "ERASURE_GRACE",
    "PENDING",
    "Mandate",
    "MandateStatus",
    "Mode",
    "is_pending",
    "mandate_status",
    "stops_at",
]

PENDING: Final = "pending"
AUTHORITY_GRACE: Final = timedelta(hours=48)
ERASURE_GRACE: Final = timedelta(days=7)


def is_pending(authority: str) -> bool:
    """Whether this says that nobody has granted it yet, however it is written.

    >>> is_pending(" Pending"), is_pending("12 Gs 3/26, pending appeal")
    (True, False)
    """
    return plain(authority) == PENDING


class Mode(StrEnum):
    """What may be asked of the footage."""

    SCENE = "scene"
    SEARCH = "search"
    MISSING = "missing"
    WILDLIFE = "wildlife"

    @property
    def compares_faces(self) -> bool:
        """Whether faces may be compared with a watch-list."""
        return self in {Mode.SEARCH, Mode.MISSING}


class MandateStatus(StrEnum):
    """What holds of a mandate at an instant; see the module."""

    ACTIVE = "active"
    LAPSED = "lapsed"
    EXPIRED = "expired"
    DUE = "due"
    DENIED = "denied"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Mandate:
    """Who may look for what, on which footage, until when. All instants are aware, in UTC.

    Attributes:
        mode: what may be asked.
        title, purpose: in words.
        legal_basis: the law it rests on.
        reference: of the offence, or of the missing person.
        operator: who answers for it.
        cameras: viewpoints it is limited to; none given in modes that do not compare faces: all.
        from_utc, to_utc: the time it is limited to; None in modes that do not compare faces: all.
        expires_utc: when it ends; None in modes that do not compare faces: never.
        authority: its reference, or ``pending``; only mode search has one.
        first_run_utc: when faces were first compared.
        hold: why nothing may be deleted although it is due; empty for no hold.
        denied_utc, erased_utc: when that happened.
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
    authority: str = ""
    first_run_utc: datetime | None = None
    hold: str = ""
    denied_utc: datetime | None = None
    erased_utc: datetime | None = None

    @property
    def missing_fields(self) -> tuple[str, ...]:
        """What this mode needs and the mandate lacks, as the options are called."""
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
            needed["authority"] = self.authority.strip()
        return tuple(name for name, value in needed.items() if not value)

    @property
    def authority_ends(self) -> datetime | None:
        """When results are withheld because nobody has granted what is pending."""
        if not is_pending(self.authority) or self.first_run_utc is None:
            return None
        return self.first_run_utc + AUTHORITY_GRACE

    @property
    def erasure_due(self) -> datetime | None:
        """When biometric data is destroyed unless there is a hold."""
        return None if self.expires_utc is None else self.expires_utc + ERASURE_GRACE


def mandate_status(mandate: Mandate, now: datetime) -> MandateStatus:
    """What holds at `now`; an end counts from its very instant.

    >>> from datetime import UTC
    >>> first = datetime(2026, 5, 1, tzinfo=UTC)
    >>> search = Mandate(Mode.SEARCH, "t", "p", "o", authority="pending", first_run_utc=first)
    >>> standing_of(search, first + timedelta(hours=47, minutes=59)).value
    'active'
    >>> standing_of(search, first + timedelta(hours=48)).value
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
    """When a run that is going on must have stopped; None for never."""
    return min((end for end in (mandate.authority_ends, mandate.expires_utc) if end is not None), default=None)
