"""Every list of candidates that was ever published, with how it was made, so that none is replaced in silence.

A run with other settings publishes another list. The earlier one stays in `lists/`, encrypted with the key of the case,
and is in the file for the defence. A list is stored before its tables can be read. So a list whose run was killed in
between is stored too; it is said to be interrupted, and the next run with the same result stores it again in its place.
"""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa

from forensics.custody.case_document import Case
from forensics.custody.case_folder import RunFolder
from forensics.custody.log import read_chain
from forensics.custody.private_facts import seal_facts
from forensics.custody.registered_files import WROTE, noted_digests
from forensics.custody.sealer import Sealer
from forensics.digests import canonical_json, sha256_of_file
from forensics.faces.comparison import DECISIONS_TO_REVIEW
from forensics.json_object import JsonObject
from forensics.tables.files import read_sealed_table
from forensics.tables.schemas import CANDIDATES, CANDIDATES_TABLE
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.keys import key_of
from pipelines.search.candidate_inputs import candidate_inputs
from pipelines.search.recognition import Recognition

__all__ = ["COMPLETE", "INTERRUPTED", "describe_list_change", "load_published_lists", "record_candidates"]

COMPLETE: Final = "complete"
"""Publication of a list whose tables were put in place."""

INTERRUPTED: Final = "interrupted"
"""Publication of a list whose run ended at that moment; the list may or may not have been readable."""

_CONTEXT: Final = "published list"
_OF_PUBLICATION: Final = ("published_utc", "manifest_sha256", "publication")


def record_candidates(
    case: Case, files: DecidingFiles, recognition: Recognition, run: RunFolder, *, now: datetime
) -> int:
    """Note the compared frames in the log and store the list, unless it is the last one that was published.

    The caller holds the lock of the case, and puts the tables in place afterwards.

    Args:
        case: the case.
        files: writes the list, with notes in the log.
        recognition: inputs of the comparison.
        run: the run, whose tables and manifest are complete.
        now: time of the publication.

    Returns:
        How many candidates and leads of the list before are not in this one.
    """
    rows = _candidates_of(run, recognition.key)
    similar = rows.filter(pl.col("decision").is_in(DECISIONS_TO_REVIEW))
    files.note("candidates", seal_facts({"candidates": candidate_inputs(run, similar)}, recognition.key))
    record = json.loads(run.record.read_text())
    content: JsonObject = {
        **{name: record[name] for name in ("run", "settings", "model", "faces")},
        "threshold": recognition.setup.threshold,
        "entries": [entry.entry_id for entry in recognition.entries],
        "pairs": dict(Counter(rows["decision"].to_list())),
        "candidates": similar.to_dicts(),
    }
    before = load_published_lists(case, recognition.key)
    is_repeated = bool(before) and _result_of(before[-1]) == json.loads(canonical_json(content))
    if is_repeated and before.pop()["publication"] == COMPLETE:
        return 0
    path = case.folder.published_lists / f"{len(before) + 1:04}.json.sealed"
    published = {"published_utc": now.isoformat(), "manifest_sha256": sha256_of_file(run.manifest)}
    files.write(path, recognition.key.seal(canonical_json({**content, **published}).encode(), _CONTEXT))
    return len(_pairs(before[-1]) - _pairs(content)) if before else 0


def load_published_lists(case: Case, key: Sealer | None = None) -> list[JsonObject]:
    """Return all lists in the order of their publication, each with its `publication`: complete or interrupted.

    Raises:
        NotAuthorised: there are lists, and the key of the case cannot be used.
    """
    paths = sorted(case.folder.published_lists.glob("*.sealed"))
    if not paths:
        return []
    opened = key or key_of(case)
    lists = [json.loads(opened.unseal(path.read_bytes(), _CONTEXT)) for path in paths]
    return [{**each, "publication": _publication(case, path, each)} for path, each in zip(paths, lists, strict=True)]


def describe_list_change(before: JsonObject, now: JsonObject) -> str:
    """Return why the run of a list may list other candidates than the run before; empty if both are one run.

    >>> faces = [{"detector": {"name": name}} for name in ("dlib", "yunet")]
    >>> describe_list_change({"run": "0a", "faces": faces[0]}, {"run": "0b", "faces": faces[1]})
    'run 0a found faces with dlib, this run with yunet'
    >>> describe_list_change({"run": "0a", "faces": faces[0]}, {"run": "0b", "faces": faces[0]})
    'run 0a had other settings or another model'
    """
    if before["run"] == now["run"]:
        return ""
    detectors = [each["faces"]["detector"]["name"] for each in (before, now)]
    if detectors[0] != detectors[1]:
        return f"run {before['run']} found faces with {detectors[0]}, this run with {detectors[1]}"
    return f"run {before['run']} had other settings or another model"


def _publication(case: Case, path: Path, stored: JsonObject) -> str:
    """Return whether the tables of a list were put in place after it was stored."""
    sha256 = stored.get("manifest_sha256")
    if sha256 is None:  # stored by an earlier version, after the tables were in place
        return COMPLETE
    name, manifest = (each.relative_to(case.folder.root).as_posix() for each in (path, case.folder.manifest))
    lines = read_chain(case.folder.audit_file).lines
    stored_at = max((line.number for line in lines if name in noted_digests(line)), default=0)
    noted = {line.command for line in lines[stored_at:] if noted_digests(line).get(manifest) == sha256}
    is_in_place = case.folder.manifest.exists() and sha256_of_file(case.folder.manifest) == sha256
    return COMPLETE if WROTE in noted or (noted and is_in_place) else INTERRUPTED


def _candidates_of(run: RunFolder, key: Sealer) -> pl.DataFrame:
    paths: Sequence[Path] = sorted(run.tables.glob(f"{CANDIDATES_TABLE}.*.sealed"))
    rows = pl.from_arrow(pa.concat_tables([read_sealed_table(path, CANDIDATES, key) for path in paths]))
    assert isinstance(rows, pl.DataFrame)
    return rows


def _result_of(stored: JsonObject) -> JsonObject:
    return {name: value for name, value in stored.items() if name not in _OF_PUBLICATION}


def _pairs(content: JsonObject) -> set[tuple[str, str]]:
    """Return the pairs; under other settings the same person has another sighting, so all pairs differ then."""
    return {(row["sighting_id"], row["entry_id"]) for row in content["candidates"]}
