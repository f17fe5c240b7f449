"""Candidates as the file for the defence states them: where and when somebody was seen, and every verdict."""

from datetime import UTC, datetime, timedelta
from typing import Final

import forensics
from forensics.custody.case_document import Case
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.errors import ForensicsError
from forensics.faces.comparison import DECISIONS_TO_REVIEW
from forensics.faces.review_rules import Review, State, state_of
from forensics.json_object import JsonObject
from forensics.tables.published import candidates_of
from pipelines import clock
from pipelines.custody.keys import key_of
from pipelines.review.reviewers import NOT_ON_RECORD, Reviewer, load_reviewers
from pipelines.review.reviews import accounts_of, load_reviews, select_reviews

__all__ = ["disclosed_candidates", "verdicts_on_other_lists"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_FIRST_REVIEW_ONLY: Final = "the second review is not made yet"
_WHERE: Final = (
    *("camera_id", "evidence_id", "first_utc", "last_utc", "clock_error_ms", "first_media_us", "last_media_us"),
    *("first_frame", "last_frame"),
)


def disclosed_candidates(case: Case) -> tuple[list[JsonObject], str]:
    """Return every compared pair, also rejected ones: where, when and with which verdicts.

    Returns:
        the pairs, or an empty list and the reason for it.
    """
    mandate = mandate_status(case.mandate, clock.utc_now())
    if mandate not in {MandateStatus.ACTIVE, MandateStatus.EXPIRED}:
        return [], f"the case is {mandate.value}"
    try:
        key = key_of(case)
        seen = forensics.open_case(case.folder.root).sightings().select("sighting_id", *_WHERE)
        files = forensics.open_case(case.folder.root).evidence().select("evidence_id", "file_name")
        where = seen.join(files, on="evidence_id", how="left")
        pairs = candidates_of(case.folder, key).join(where, on="sighting_id", how="left", maintain_order="left")
        rows = pairs.collect().to_dicts()
    except ForensicsError as error:
        return [], str(error)
    reviews = load_reviews(case)
    return [
        {**row, **_review_facts(case, select_reviews(reviews, row["sighting_id"], row["entry_id"]), row["decision"])}
        for row in rows
    ], ""


def verdicts_on_other_lists(case: Case, candidates: list[JsonObject]) -> list[JsonObject]:
    """Return the verdicts on candidates that are not among these: a run with other settings published another list."""
    listed = {(row["sighting_id"], row["entry_id"]) for row in candidates}
    reviews = load_reviews(case)
    others = dict.fromkeys((each.sighting_id, each.entry_id) for each in reviews)
    return [
        {"sighting_id": pair[0], "entry_id": pair[1], **_review_facts(case, select_reviews(reviews, *pair), None)}
        for pair in others
        if pair not in listed
    ]


def _review_facts(case: Case, reviews: list[Review], decision: str | None) -> JsonObject:
    """Return the verdicts on one candidate; a first verdict is withheld, so that the second review is blind.

    Args:
        case: the case.
        reviews: all verdicts on the pair.
        decision: of the pair in the published list; None if it is on another list.
    """
    state = state_of(reviews)
    if state is State.OPEN and decision is not None and decision not in DECISIONS_TO_REVIEW:
        return {"review_state": None, "verdicts": [], "verdicts_missing_because": "", "same_account": None}
    if state is State.FIRST:
        return {
            "review_state": state.value,
            "verdicts": [],
            "verdicts_missing_because": _FIRST_REVIEW_ONLY,
            "same_account": None,
        }
    accounts = accounts_of(case, reviews) if reviews else []
    known = {each.key_id: each for each in load_reviewers(case.folder)}
    verdicts = [
        _verdict_facts(review, known[review.key_id], account) for review, account in zip(reviews, accounts, strict=True)
    ]
    same_account = accounts[0] == accounts[1] if len(accounts) == 2 and "" not in accounts else None
    return {
        "review_state": state.value,
        "verdicts": verdicts,
        "verdicts_missing_because": "",
        "same_account": same_account,
    }


def _verdict_facts(review: Review, reviewer: Reviewer, account: str) -> JsonObject:
    return {
        "reviewer": review.reviewer,
        "training": reviewer.training or NOT_ON_RECORD,
        "trained_on": reviewer.trained_on or None,
        "key_id": review.key_id,
        "account": account or None,
        "at_utc": (_EPOCH + timedelta(microseconds=review.at_utc_us)).isoformat(),
        "verdict": review.verdict.value,
        "checklist": review.checklist,
        "note": review.note,
    }
