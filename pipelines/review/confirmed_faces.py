"""Faces from the evidence that may serve as reference pictures: of a candidate that two reviewers confirmed."""

from forensics.adapters.crypto.sealing import Key
from forensics.errors import NotAuthorised, UsageError
from forensics.faces.review_rules import State, state_of
from forensics.tables.result_access import refuse_stale_scope
from pipelines.custody.case_document import Case
from pipelines.review.reviews import load_reviews, of_candidate
from pipelines.search.candidate_faces import candidate_faces
from pipelines.search.reference_pictures import Picture

__all__ = ["confirmed_faces"]


def confirmed_faces(case: Case, key: Key, candidate: str) -> list[Picture]:
    """The faces of a candidate, ``sighting:entry``.

    Raises:
        UsageError: there is no such candidate.
        NotAuthorised: two reviewers have not confirmed it, or a clock was corrected since.
    """
    refuse_stale_scope(case.folder)
    sighting_id, _, entry_id = candidate.partition(":")
    state = state_of(of_candidate(load_reviews(case), sighting_id, entry_id))
    if state is not State.CONFIRMED:
        raise NotAuthorised(
            f"two reviewers have not confirmed who it is (its review is {state.value})",
            "nobody is looked for by a picture of an unknown person: forensics review CASE --as NAME",
            candidate,
        )
    faces = candidate_faces(case.folder, key, sighting_id=sighting_id, entry_id=entry_id)
    if not faces:
        raise UsageError(
            "the published run has no faces of it", "name a candidate of `query CASE candidates`", candidate
        )
    return [Picture(f"{candidate}, face {number}", data) for number, data in enumerate(faces, start=1)]
