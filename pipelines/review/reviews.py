"""Verdicts on disk: signed, chained, appended under the case's lock, and checked whenever they are read."""

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Final

from forensics.adapters.crypto.signing import is_signed_by, signed
from forensics.custody.case_folder import CaseFolder
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.digests import sha256_of_bytes
from forensics.errors import IntegrityBroken, NotAuthorised
from forensics.faces.review_rules import Review, Verdict, refusal
from pipelines import clock
from pipelines.custody.case_document import Case
from pipelines.custody.case_lock import locked
from pipelines.custody.case_store import load_case
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.review.reviewers import Reviewer, load_private, reviewers_of

__all__ = ["FIRST", "add_review", "load_reviews", "of_candidate"]

FIRST: Final = "0" * 64
_NAMES: Final = {field.name for field in fields(Review)}


def load_reviews(case: Case) -> list[Review]:
    """All verdicts of a case, in order.

    Raises:
        IntegrityBroken: one was altered, removed, put elsewhere, or signed by no reviewer of the case.
    """
    file = case.folder.reviews_file
    if not file.exists():
        return []
    publics = {reviewer.key_id: reviewer for reviewer in reviewers_of(case.folder)}
    reviews: list[Review] = []
    for number, raw in enumerate(file.read_bytes().splitlines(), start=1):
        previous = sha256_of_bytes(reviews[-1].encoded()) if reviews else FIRST
        try:
            review = _decoded(raw)
        except (ValueError, TypeError, KeyError) as error:
            raise _broken(case.folder, number, f"cannot be read ({error})") from error
        problem = _problem(review, case.case_id, publics.get(review.key_id), previous)
        if problem:
            raise _broken(case.folder, number, problem)
        earlier = of_candidate(reviews, review.sighting_id, review.entry_id)
        if refused := refusal(earlier, reviewer=review.reviewer, key_id=review.key_id, submitters=(), revoked=()):
            raise _broken(case.folder, number, refused)
        reviews.append(review)
    return reviews


def _decoded(raw: bytes) -> Review:
    stored = json.loads(raw)
    if set(stored) != _NAMES:
        raise ValueError("not the names of a review")
    review = Review(**{**stored, "verdict": Verdict(stored["verdict"])})
    if review.encoded() != raw:
        raise ValueError("not what was written")
    return review


def _problem(review: Review, case_id: str, reviewer: Reviewer | None, previous: str) -> str:
    if review.case_id != case_id:
        return "belongs to another case"
    if review.previous != previous:
        return "does not follow the one before"
    if reviewer is None or reviewer.name != review.reviewer:
        return "was signed by no reviewer of this case"
    if reviewer.revoked_utc and review.at_utc_us >= _microseconds(reviewer.revoked_utc):
        return "was signed after its key was revoked"
    if not is_signed_by(bytes.fromhex(reviewer.public_hex), review.signed_bytes(), bytes.fromhex(review.signature)):
        return "does not bear its reviewer's signature"
    return ""


def _microseconds(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp() * 1_000_000)


def _broken(folder: CaseFolder, number: int, problem: str) -> IntegrityBroken:
    return IntegrityBroken(f"verdict {number} {problem}", "restore the file from a copy", folder.reviews_file)


def of_candidate(reviews: Sequence[Review], sighting_id: str, entry_id: str) -> list[Review]:
    """The verdicts on one candidate."""
    return [review for review in reviews if (review.sighting_id, review.entry_id) == (sighting_id, entry_id)]


def add_review(
    case: Case, files: DecidingFiles, reviewer: Reviewer, unsigned: Review, *, submitters: Sequence[str]
) -> Review:
    """The verdict is signed and stored, unless the rules refuse it.

    Raises:
        NotAuthorised: a rule refuses it, or the key is not at hand.
    """
    private = load_private(case, reviewer)
    with locked(case.folder):
        standing = mandate_status(load_case(case.folder.root).mandate, clock.utc_now())
        if standing is not MandateStatus.ACTIVE:
            raise NotAuthorised(f"the mandate is {standing.value}", "see `forensics case show CASE`")
        reviews = load_reviews(case)
        revoked = [each.key_id for each in reviewers_of(case.folder) if each.revoked_utc]
        refused = refusal(
            of_candidate(reviews, unsigned.sighting_id, unsigned.entry_id),
            reviewer=reviewer.name,
            key_id=reviewer.key_id,
            submitters=submitters,
            revoked=revoked,
        )
        if refused:
            raise NotAuthorised(refused, "somebody else may review this candidate")
        previous = sha256_of_bytes(reviews[-1].encoded()) if reviews else FIRST
        chained = replace(unsigned, previous=previous, signature="")
        review = replace(chained, signature=signed(private, chained.signed_bytes()).hex())
        stored = b"".join(each.encoded() + b"\n" for each in (*reviews, review))
        files.write(case.folder.reviews_file, stored)
    return review
