"""The sealed faces of candidates and leads: read for those who decide, and gone with their entry."""

import polars as pl

from forensics.adapters.crypto.sealing import Key, unseal
from forensics.custody.case_folder import CaseFolder
from forensics.tables.open import OpenCase, candidates_of
from pipelines.stages.recognise import face_context

__all__ = ["candidate_faces"]


def candidate_faces(folder: CaseFolder, key: Key, *, sighting_id: str, entry_id: str) -> tuple[bytes, ...]:
    """JPEG pictures of the faces that made it a candidate or a lead, in time order; none if there is no such pair."""
    is_it = (pl.col("sighting_id") == sighting_id) & (pl.col("entry_id") == entry_id)
    published = candidates_of(folder).filter(is_it & pl.col("similarity").is_not_null()).collect()
    if not len(published):
        return ()
    parts = sorted((folder.run(OpenCase.at(folder.root).run_id).root / "parts" / "recognise").glob("*.parquet"))
    with_faces = is_it & (pl.col("sealed_faces").list.len() > 0)
    found = [row for part in parts for row in pl.scan_parquet(part).filter(with_faces).collect().to_dicts()]
    if not found:
        return ()
    # of a pair that people decided before the list changed, the part that they decided on is kept beside the new one
    sealed = min(found, key=lambda row: row["similarity"] != published["similarity"][0])["sealed_faces"]
    return tuple(unseal(key, data, face_context(sighting_id, number)) for number, data in enumerate(sealed))
