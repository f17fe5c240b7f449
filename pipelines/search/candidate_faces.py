"""Reads the encrypted face pictures of candidates and leads, for reviewers; they are destroyed with their entry."""

import polars as pl

from forensics.adapters.crypto.sealing import Key, unseal
from forensics.custody.case_folder import CaseFolder
from forensics.tables.open import OpenCase, candidates_of
from pipelines.stages.recognise import face_context

__all__ = ["load_candidate_faces"]


def load_candidate_faces(folder: CaseFolder, key: Key, *, sighting_id: str, entry_id: str) -> tuple[bytes, ...]:
    """Decrypt the compared faces of a candidate or lead, as JPEG, in time order.

    Args:
        folder: the case.
        key: the case's key.
        sighting_id: the sighting of the pair.
        entry_id: the entry of the pair.

    Returns:
        No picture if this pair is not a candidate or lead.
    """
    is_pair = (pl.col("sighting_id") == sighting_id) & (pl.col("entry_id") == entry_id)
    published = candidates_of(folder).filter(is_pair & pl.col("similarity").is_not_null()).collect()
    if not len(published):
        return ()
    parts = folder.run(OpenCase.at(folder.root).run_id).parts("recognise")
    with_faces = is_pair & (pl.col("sealed_faces").list.len() > 0)
    found = [row for part in parts for row in pl.scan_parquet(part).filter(with_faces).collect().to_dicts()]
    if not found:
        return ()
    # A part with decided candidates is kept when the watch-list changes. The pair can then be in two parts: use the one
    # with the published similarity.
    sealed = min(found, key=lambda row: row["similarity"] != published["similarity"][0])["sealed_faces"]
    return tuple(unseal(key, data, face_context(sighting_id, number)) for number, data in enumerate(sealed))
