"""Files that versions before 0.3 stored in clear in a case that compares faces; `old_case.py` seals them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from forensics.custody.case_folder import CaseFolder
from forensics.json_object import decode_json

__all__ = ["CLEAR_VERDICTS", "clear_entries", "has_clear_files"]

CLEAR_VERDICTS: Final = "reviews.jsonl"
"""Name of the file of verdicts."""


def has_clear_files(folder: CaseFolder) -> bool:
    """Whether a case that compares faces holds files that this version would have sealed."""
    return any(_clear_files(folder)) or any(clear_entries(folder))


def _clear_files(folder: CaseFolder) -> Iterator[Path]:
    verdicts = folder.root / CLEAR_VERDICTS
    if verdicts.exists():
        yield verdicts
    patterns = ("runs/*/parts/recognise/*.parquet", "runs/*/tables/candidates/*.parquet", "runs/*/crops/*.jpg")
    for pattern in (*patterns, "tables/candidates/*.parquet"):
        yield from sorted(folder.root.glob(pattern))


def clear_entries(folder: CaseFolder) -> Iterator[Path]:
    """Yield the folder of each entry whose name and basis are in clear."""
    for path in folder.entry_files():
        if "sealed" not in decode_json(path.read_text()):
            yield path.parent
