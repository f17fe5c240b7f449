"""Loads faces from the footage as reference pictures, only of a candidate that two reviewers confirmed."""

from forensics.custody.case_document import Case
from forensics.custody.sealer import Sealer
from forensics.errors import NotAuthorised, UsageError
from forensics.faces.review_rules import State, state_of
from forensics.tables.result_access import refuse_stale_scope
from pipelines.review.reviews import accounts_of, load_reviews, select_reviews
from pipelines.search.candidate_faces import load_candidate_faces
from pipelines.search.reference_pictures import Picture

__all__ = ["load_confirmed_faces"]


def load_confirmed_faces(case: Case, key: Sealer, candidate: str) -> list[Picture]:
    """Return the faces of a confirmed candidate, ``sighting:entry``, in time order.

    Raises:
        UsageError: the published run has no faces of this candidate.
        NotAuthorised: two reviewers have not confirmed it, or a clock was corrected since the comparison.
    """
    refuse_stale_scope(case.folder)
    sighting_id, _, entry_id = candidate.partition(":")
    reviews = select_reviews(load_reviews(case), sighting_id, entry_id)
    state = state_of(reviews)
    if state is not State.CONFIRMED:
        raise NotAuthorised(
            f"not confirmed by two reviewers (its review is {state.value})",
            "let two reviewers confirm it: forensics review CASE --as NAME --reason TEXT",
            candidate,
        )
    accounts = accounts_of(case, reviews)
    if len(set(accounts) - {""}) < len(accounts):
        raise NotAuthorised(
            f"both verdicts were given under one account of the system ({accounts[-1] or 'unknown'})",
            "give pictures of the person from another source",
            candidate,
        )
    faces = load_candidate_faces(case.folder, key, sighting_id=sighting_id, entry_id=entry_id)
    if not faces:
        raise UsageError(
            "the published run has no faces of this candidate",
            "give another candidate; list them: forensics query CASE candidates --reason TEXT",
            candidate,
        )
    return [Picture(f"{candidate}, face {number}", data) for number, data in enumerate(faces, start=1)]
