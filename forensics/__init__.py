"""Offline video forensics: exact frames, repeatable runs, Parquet sighting tables.

What belongs here: values and algorithms without an execution engine, `tables` and `adapters`; each adapter wraps one
library. Analysts need a few functions, which docs/tables.md shows:

    import forensics
    case = forensics.open_case("my-case")
    forensics.near(case.sightings(), datetime(2026, 5, 1, 10, tzinfo=UTC), timedelta(minutes=5)).collect()
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forensics.custody.case_document import Case
    from forensics.tables.open import OpenCase
    from forensics.tables.open_many import OpenCases
    from forensics.tables.time_selection import during, gaps, local, near, together

__all__ = ["during", "gaps", "local", "near", "open_case", "open_cases", "together"]


def __getattr__(name: str) -> Any:
    """Import the functions on LazyFrames when they are used: Polars takes longer to load than most commands run."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from forensics.tables import time_selection

    return getattr(time_selection, name)


def __dir__() -> list[str]:
    """Return what analysts may use."""
    return list(__all__)


def open_case(path: "str | Path") -> "OpenCase":
    """Open the published tables of the case at `path`: one method per table, each returns a Polars LazyFrame.

    Raises:
        UsageError: there is no case at `path`, or nothing was published yet.
    """
    from forensics.adapters.crypto.key_files import load_key
    from forensics.tables.open import OpenCase
    from pipelines.custody.log_anchor import find_anchor
    from pipelines.custody.reading import refuse_reading

    return OpenCase.at(Path(path), load_key, find_anchor, refuse_reading, _review_states)


def _review_states(case: "Case") -> dict[tuple[str, str], str]:
    from pipelines.review.reviews import review_states  # of no use to those who read plain tables

    return review_states(case)


def open_cases(paths: "Iterable[str | Path]") -> "OpenCases":
    """Open the published tables of several cases as one; columns of each row say which case, run and model it is from.

    Raises:
        UsageError: no path is given, or a case twice; there is no case at a path, or nothing was published there.
    """
    from forensics.tables.open_many import OpenCases

    return OpenCases.of([open_case(path) for path in paths])
