"""Offline video forensics: exact frames, repeatable runs, Parquet sighting tables.

What belongs here: values and algorithms without an execution engine, `tables` and `adapters`; each adapter wraps one
library. Analysts need one function:

    import forensics
    case = forensics.open_case("my-case")
    case.sightings().collect()
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forensics.tables.open import OpenCase

__all__ = ["open_case"]


def open_case(path: "str | Path") -> "OpenCase":
    """Open the published tables of the case at `path`: one method per table, each returns a Polars LazyFrame.

    Raises:
        UsageError: there is no case at `path`, or nothing was published yet.
    """
    from forensics.adapters.crypto.key_files import load_key
    from forensics.tables.open import OpenCase
    from pipelines.custody.log_anchor import find_anchor
    from pipelines.custody.reading import find_review_states, refuse_reading

    return OpenCase.at(Path(path), load_key, find_anchor, refuse_reading, find_review_states)
