"""Reads the encrypted face pictures of candidates and leads, for reviewers; they are destroyed with their entry."""

import polars as pl
import pyarrow.compute as pc

from forensics.custody.case_folder import CaseFolder
from forensics.custody.sealer import Sealer
from forensics.tables.files import read_sealed_table
from forensics.tables.manifest import read_manifest
from forensics.tables.published import candidates_of
from forensics.tables.schemas import RECOGNISE_PART

__all__ = ["load_candidate_faces"]


def load_candidate_faces(folder: CaseFolder, key: Sealer, *, sighting_id: str, entry_id: str) -> tuple[bytes, ...]:
    """Decrypt the compared faces of a candidate or lead, as JPEG, in time order.

    Args:
        folder: the case.
        key: the case's key.
        sighting_id: the sighting of the pair.
        entry_id: the entry of the pair.

    Returns:
        No picture if this pair is not a candidate or lead, nor was one when people decided about it.
    """
    is_pair = (pl.col("sighting_id") == sighting_id) & (pl.col("entry_id") == entry_id)
    published = candidates_of(folder, key).filter(is_pair).collect()
    if not len(published):
        return ()
    wanted = (pc.field("sighting_id") == sighting_id) & (pc.field("entry_id") == entry_id)
    parts = folder.run(read_manifest(folder)["run"]).parts("recognise")
    found = [row for part in parts for row in read_sealed_table(part, RECOGNISE_PART, key).filter(wanted).to_pylist()]
    with_faces = [row for row in found if row["faces"]]
    if not with_faces:
        return ()
    # A part with decided candidates is kept when the watch-list changes. The pair can then be in two parts: use the one
    # with the published similarity.
    faces = min(with_faces, key=lambda row: row["similarity"] != published["similarity"][0])["faces"]
    return tuple(faces)
