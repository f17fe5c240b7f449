"""Rules of the review by two people, the second blind to the first. Pure functions: no files, no keys.

A verdict is given once and never changed. The person who submitted the run or answers for the case may give the first
verdict, never the second. Before giving a verdict, a reviewer sees neither the other verdict nor any score.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Final

from forensics.digests import canonical_json
from forensics.json_object import JsonObject
from forensics.spelling import fold_spelling

__all__ = [
    "CHECKLIST",
    "Agreement",
    "Excluded",
    "Review",
    "Signer",
    "State",
    "Verdict",
    "is_same_name",
    "refusal_reason",
    "state_of",
    "unanswered_features",
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
        checklist: from feature to `Agreement`. Features are missing in verdicts of earlier versions, and where a note
            says why nothing was decided.
        note: free text.
        at_utc_us: UTC time of the verdict, in microseconds.
        seen: digest of what was shown, so that a verdict cannot be moved to other pictures.
        previous: digest of the previous review of the case; zeros for the first.
        signature: signature of all other fields by the reviewer's key, in hex.
        account: account of the system under which it was given, ``user@host``. Empty in verdicts of versions before
            0.3, which have no such field.
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
    account: str = field(default="")

    def signed_bytes(self) -> bytes:
        """Return the bytes that the signature covers."""
        return canonical_json({**self._stored(), "signature": ""}).encode()

    def encoded(self) -> bytes:
        """Encode the record as it is stored, without a newline."""
        return canonical_json(self._stored()).encode()

    def _stored(self) -> JsonObject:
        stored = {**asdict(self), "verdict": self.verdict.value}
        return {name: value for name, value in stored.items() if name != "account" or value}


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


def unanswered_features(verdict: Verdict, checklist: Mapping[str, str], note: str) -> tuple[str, ...]:
    """Return the features that still need an answer before the verdict may be given, in the order of the list.

    A verdict to confirm or to exclude needs an answer for every feature; `undecided` needs that too, or a note.

    >>> unanswered_features(Verdict.EXCLUDE, dict.fromkeys(CHECKLIST, "differs") | {"ears": ""}, "another person")
    ('ears',)
    >>> unanswered_features(Verdict.UNDECIDED, {}, "too dark")
    ()
    """
    if verdict is Verdict.UNDECIDED and note.strip():
        return ()
    return tuple(feature for feature in CHECKLIST if not checklist.get(feature))


def is_same_name(one: str, other: str) -> bool:
    """Whether two names are the same up to case, spacing, invisible characters and Unicode form.

    >>> is_same_name("B.  Becker", "b. becker"), is_same_name("B. Becker", "C. Cole")
    (True, False)
    """
    return fold_spelling(one) == fold_spelling(other)


@dataclass(frozen=True, slots=True)
class Signer:
    """The person who would give a verdict.

    Attributes:
        name: name of the reviewer.
        key_id: id of the key that would sign.
        account: account of the system, ``user@host``; empty if it does not count.
    """

    name: str
    key_id: str
    account: str = ""


@dataclass(frozen=True, slots=True)
class Excluded:
    """Those who may not give the second verdict on a candidate.

    Attributes:
        submitters: names of the people who answer for the case or started its runs.
        accounts: accounts of the system under which the first verdict was given or runs were started; empty if the case
            allows both reviewers one account.
        revoked: ids of revoked keys, which give no verdict at all.
    """

    submitters: Sequence[str] = ()
    accounts: Sequence[str] = ()
    revoked: Sequence[str] = ()


def refusal_reason(reviews: Sequence[Review], signer: Signer, excluded: Excluded) -> str:
    """Return why a reviewer may not give a verdict on a candidate; empty if they may.

    Args:
        reviews: all verdicts on the candidate so far.
        signer: the reviewer.
        excluded: who may not decide.
    """
    is_second = bool(reviews)
    rules = (
        (signer.key_id in excluded.revoked, "this key was revoked"),
        (
            any(is_same_name(review.reviewer, signer.name) for review in reviews),
            "you have already given your verdict; a verdict is never changed",
        ),
        (
            any(review.key_id == signer.key_id for review in reviews),
            "this key has already signed a verdict under another name",
        ),
        (len(reviews) >= 2, "both verdicts have been given"),
        (
            is_second and any(is_same_name(submitter, signer.name) for submitter in excluded.submitters),
            "a person who submitted the run or answers for the case cannot give the second verdict",
        ),
        (
            is_second and signer.account in excluded.accounts,
            f"the first verdict or the run came from the same account of the system, {signer.account}",
        ),
    )
    return next((refusal for applies, refusal in rules if applies), "")


def visible_reviews(reviews: Sequence[Review], reviewer: str) -> Sequence[Review]:
    """Return the verdicts that a reviewer may see: none before their own is given."""
    has_decided = any(is_same_name(review.reviewer, reviewer) for review in reviews)
    return reviews if has_decided else ()
