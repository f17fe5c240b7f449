"""Conditions for reading results through `forensics.open_case` that need this user's key folder and the clock."""

from forensics.custody.case_document import Case
from pipelines import clock
from pipelines.custody.earlier_denials import refuse_earlier_denials

__all__ = ["find_review_states", "refuse_reading"]


def find_review_states(case: Case) -> dict[tuple[str, str], str]:
    """Return the state of the review of every pair with a verdict, by sighting id and entry id.

    Raises:
        NotAuthorised: the key of the case cannot be used.
        IntegrityBroken: a verdict was changed, removed or moved.
    """
    from pipelines.review.reviews import review_states  # of no use to those who read plain tables

    return review_states(case)


def refuse_reading(case: Case) -> None:
    """Check that results about people may be read now.

    Raises:
        NotAuthorised: the clock was changed for this process, the case was denied, or a case about the same was denied
            and nobody has acknowledged it.
    """
    clock.refuse_false_clock()
    refuse_earlier_denials(case)
