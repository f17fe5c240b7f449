"""Every list of candidates that was ever published, with how it was made, so that none is replaced in silence.

A run with other settings publishes another list. The earlier one stays in `lists/`, encrypted with the key of the case,
and is in the file for the defence.
"""

import json
from collections import Counter
from datetime import datetime
from typing import Final

import polars as pl

from forensics.custody.case_document import Case
from forensics.custody.sealer import Sealer
from forensics.digests import canonical_json
from forensics.faces.comparison import DECISIONS_TO_REVIEW
from forensics.json_object import JsonObject
from forensics.tables.open import candidates_of
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.keys import key_of
from pipelines.search.recognition import Recognition

__all__ = ["keep_published_list", "load_published_lists"]

_CONTEXT: Final = "published list"


def keep_published_list(
    case: Case, files: DecidingFiles, recognition: Recognition, record: JsonObject, *, now: datetime
) -> int:
    """Store the published list, unless it is the last one that was stored.

    Args:
        case: the case; the caller holds its lock.
        files: writes the list, with notes in the log.
        recognition: inputs of the comparison.
        record: record of the run that published it.
        now: time of the publication.

    Returns:
        How many candidates and leads of the list before are not in this one.
    """
    rows = candidates_of(case.folder, recognition.key).collect()
    similar = rows.filter(pl.col("decision").is_in(DECISIONS_TO_REVIEW))
    content = {
        "run": record["run"],
        "settings": record["settings"],
        "model": record["model"],
        "faces": record["faces"],
        "threshold": recognition.setup.threshold,
        "entries": [entry.entry_id for entry in recognition.entries],
        "pairs": dict(Counter(rows["decision"].to_list())),
        "candidates": similar.to_dicts(),
    }
    before = load_published_lists(case)
    if before and {**before[-1], "published_utc": ""} == json.loads(canonical_json({**content, "published_utc": ""})):
        return 0
    path = case.folder.published_lists / f"{len(before) + 1:04}.json.sealed"
    data = canonical_json({**content, "published_utc": now.isoformat()}).encode()
    files.write(path, recognition.key.seal(data, _CONTEXT))
    return len(_pairs(before[-1]) - _pairs(content)) if before else 0


def load_published_lists(case: Case, key: Sealer | None = None) -> list[JsonObject]:
    """Return all lists in the order of their publication.

    Raises:
        NotAuthorised: there are lists, and the key of the case cannot be used.
    """
    paths = sorted(case.folder.published_lists.glob("*.sealed"))
    if not paths:
        return []
    opened = key or key_of(case)
    return [json.loads(opened.unseal(path.read_bytes(), _CONTEXT)) for path in paths]


def _pairs(content: JsonObject) -> set[tuple[str, str]]:
    """Return the pairs; under other settings the same person has another sighting, so all pairs differ then."""
    return {(row["sighting_id"], row["entry_id"]) for row in content["candidates"]}
