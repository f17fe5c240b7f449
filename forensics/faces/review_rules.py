"""Rules of the review by two people, the second blind to the first. Pure functions: no files, no keys.

A verdict is given once and never changed. The person who submitted the run or answers for the case may give the first
verdict, never the second. Before giving a verdict, a reviewer sees neither the other verdict nor any score.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Final

from forensics.digests import canonical_json
from forensics.spelling import fold_spelling

__all__ = [
    "CHECKLIST",
    "Agreement",
    "Review",
    "State",
    "Verdict",
    "is_same_name",
    "refusal_reason",
    "state_of",
    "visible_reviews",
]

# Facial features that a reviewer compares one by one (after FISWG's list); none of them describes a personal attribute.
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
    """Verdict of one reviewer on one candidate."""

    CONFIRM = "confirm"
    EXCLUDE = "exclude"
    UNDECIDED = "undecided"


class Agreement(StrEnum):
    """Finding of one reviewer on one facial feature."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_SEEN = "not_seen"


class State(StrEnum):
    """Progress and result of the review of one candidate."""

    OPEN = "open"
    FIRST = "first"
    CONFIRMED = "confirmed"
    EXCLUDED = "excluded"
    DISAGREED = "disagreed"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Review:
    """One signed verdict.

    Attributes:
        case_id, run_id, sighting_id, entry_id: the candidate.
        reviewer, key_id: the reviewer's name and the id of the key that signs.
        verdict: the reviewer's verdict.
        checklist: from feature to `Agreement`; features that are missing were not compared.
        note: free text.
        at_utc_us: UTC time of the verdict, in microseconds.
        seen: digest of what was shown, so that a verdict cannot be moved to other pictures.
        previous: digest of the previous review of the case; zeros for the first.
        signature: signature of all other fields by the reviewer's key, in hex.
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
        """Return the bytes that the signature covers."""
        return canonical_json({**asdict(self), "verdict": self.verdict.value, "signature": ""}).encode()

    def encoded(self) -> bytes:
        """Encode the record as it is stored, without a newline."""
        return canonical_json({**asdict(self), "verdict": self.verdict.value}).encode()


def state_of(reviews: Sequence[Review]) -> State:
    """Return the state of a review from all verdicts on one candidate.

    Two equal verdicts to confirm or to exclude decide; any other two leave the decision to the people.
    """
    verdicts = [review.verdict for review in reviews]
    if len(verdicts) < 2:
        return State.FIRST if verdicts else State.OPEN
    if verdicts[0] is verdicts[1] is Verdict.CONFIRM:
        return State.CONFIRMED
    if verdicts[0] is verdicts[1] is Verdict.EXCLUDE:
        return State.EXCLUDED
    return State.UNDECIDED if Verdict.UNDECIDED in verdicts else State.DISAGREED


def is_same_name(one: str, other: str) -> bool:
    """Whether two names are the same up to case, spacing, invisible characters and Unicode form.

    >>> is_same_name("B.  Becker", "b. becker"), is_same_name("B. Becker", "C. Cole")
    (True, False)
    """
    return fold_spelling(one) == fold_spelling(other)


def refusal_reason(
    reviews: Sequence[Review], *, reviewer: str, key_id: str, submitters: Sequence[str], revoked: Sequence[str]
) -> str:
    """Return why a reviewer may not give a verdict on a candidate; empty if they may.

    Args:
        reviews: all verdicts on the candidate so far.
        reviewer: name of the reviewer.
        key_id: id of the key that would sign.
        submitters: names of the people who answer for the case or started its runs.
        revoked: ids of revoked keys.
    """
    if key_id in revoked:
        return "this key was revoked"
    if any(is_same_name(review.reviewer, reviewer) for review in reviews):
        return "you have already given your verdict; a verdict is never changed"
    if any(review.key_id == key_id for review in reviews):
        return "this key has already signed a verdict under another name"
    if len(reviews) >= 2:
        return "both verdicts have been given"
    if reviews and any(is_same_name(submitter, reviewer) for submitter in submitters):
        return "a person who submitted the run or answers for the case cannot give the second verdict"
    return ""


def visible_reviews(reviews: Sequence[Review], reviewer: str) -> Sequence[Review]:
    """Return the verdicts that a reviewer may see: none before their own is given."""
    has_decided = any(is_same_name(review.reviewer, reviewer) for review in reviews)
    return reviews if has_decided else ()
