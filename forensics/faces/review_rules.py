"""Two people decide, the second without knowing the first: the rules, without files or keys.

A verdict is given once and never changed. The one who submitted the run, or answers for the case, may give the first
verdict and never the second. Until somebody's own verdict is in, that person sees neither the other's nor any score.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Final

from forensics.digests import canonical_json
from forensics.spelling import plain

__all__ = ["CHECKLIST", "Agreement", "Review", "State", "Verdict", "refusal", "same_name", "state_of", "visible_to"]

# What an examiner compares, feature by feature (after FISWG's list); nothing of it says what a person is.
CHECKLIST: Final = {
    "face_shape": "Shape and proportions of the face",
    "forehead": "Forehead and hairline",
    "brows": "Brows",
    "eyes": "Shape and setting of the eyes",
    "nose": "Nose: root, bridge, tip, wings",
    "mouth": "Mouth and lips",
    "ears": "Ears",
    "chin_jaw": "Chin and line of the jaw",
    "marks": "Scars, moles, lines and other marks",
}


class Verdict(StrEnum):
    """What one reviewer says of one candidate."""

    CONFIRM = "confirm"
    EXCLUDE = "exclude"
    UNDECIDED = "undecided"


class Agreement(StrEnum):
    """What one reviewer says of one feature."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_SEEN = "not_seen"


class State(StrEnum):
    """How far the review of a candidate is."""

    OPEN = "open"
    FIRST = "first"
    CONFIRMED = "confirmed"
    EXCLUDED = "excluded"
    DISAGREED = "disagreed"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Review:
    """One verdict, as it is signed.

    Attributes:
        case_id, run_id, sighting_id, entry_id: what it is about.
        reviewer, key_id: whose it is.
        verdict: what was said.
        checklist: feature to agreement; features that are not named were not compared.
        note: in words.
        at_utc_us: when.
        seen: digest of what was shown, so that a verdict cannot be moved to other pictures.
        previous: digest of the review before it in the case; zeros for the first.
        signature: of all the rest, in hex, by the reviewer's key.
    """

    case_id: str
    run_id: str
    sighting_id: str
    entry_id: str
    reviewer: str
    key_id: str
    verdict: Verdict
    checklist: dict[str, str]
    note: str
    at_utc_us: int
    seen: str
    previous: str
    signature: str = field(default="")

    def signed_bytes(self) -> bytes:
        """What the signature covers."""
        return canonical_json({**asdict(self), "verdict": self.verdict.value, "signature": ""}).encode()

    def encoded(self) -> bytes:
        """The record as it is stored, without a newline."""
        return canonical_json({**asdict(self), "verdict": self.verdict.value}).encode()


def state_of(reviews: Sequence[Review]) -> State:
    """How far it is, from all verdicts on one candidate.

    Two confirm or two exclude decide; anything else is for people to talk about.
    """
    verdicts = [review.verdict for review in reviews]
    if len(verdicts) < 2:
        return State.FIRST if verdicts else State.OPEN
    if verdicts[0] is verdicts[1] is Verdict.CONFIRM:
        return State.CONFIRMED
    if verdicts[0] is verdicts[1] is Verdict.EXCLUDE:
        return State.EXCLUDED
    return State.UNDECIDED if Verdict.UNDECIDED in verdicts else State.DISAGREED


def same_name(one: str, other: str) -> bool:
    """Whether two names are one however they are written; signs that nobody sees make no other name.

    >>> same_name("B.  Becker", "b. becker"), same_name("B. Becker", "C. Cole")
    (True, False)
    """
    return plain(one) == plain(other)


def refusal(
    reviews: Sequence[Review], *, reviewer: str, key_id: str, submitters: Sequence[str], revoked: Sequence[str]
) -> str:
    """Why this reviewer may not give a verdict on a candidate; empty if they may.

    Args:
        reviews: all verdicts on it so far.
        reviewer: who would give one.
        key_id: of the key it would be signed with.
        submitters: who answers for the case and who started its runs.
        revoked: ids of keys that count no more.
    """
    if key_id in revoked:
        return "this key was revoked"
    if any(same_name(review.reviewer, reviewer) for review in reviews):
        return "you have given your verdict; a verdict is never changed"
    if any(review.key_id == key_id for review in reviews):
        return "this key has given its verdict under another name"
    if len(reviews) >= 2:
        return "both verdicts are in"
    if reviews and any(same_name(submitter, reviewer) for submitter in submitters):
        return "who submitted the run, or answers for the case, cannot give the second verdict"
    return ""


def visible_to(reviews: Sequence[Review], reviewer: str) -> Sequence[Review]:
    """The verdicts that a reviewer may see: none before the own one is in."""
    has_decided = any(same_name(review.reviewer, reviewer) for review in reviews)
    return reviews if has_decided else ()
