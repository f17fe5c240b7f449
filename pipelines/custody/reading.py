"""Conditions for reading results through `forensics.open_case` that need this user's key folder and the clock."""

from forensics.custody.case_document import Case
from pipelines import clock
from pipelines.custody.earlier_denials import refuse_earlier_denials

__all__ = ["refuse_reading"]


def refuse_reading(case: Case) -> None:
    """Check that results about people may be read now.

    Raises:
        NotAuthorised: the clock was changed for this process, the case was denied, or a case about the same was denied
            and nobody has acknowledged it.
    """
    clock.refuse_false_clock()
    refuse_earlier_denials(case)
