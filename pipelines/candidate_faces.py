"""The sealed faces of candidates and leads: read for those who decide, and gone with their entry."""

from pathlib import Path

import polars as pl
import pyarrow.compute as pc

from forensics.adapters.sealing import Key, unseal
from forensics.case import CaseFolder
from forensics.digests import digest_of
from forensics.tables.files import read_table, write_table
from forensics.tables.open import OpenCase, candidates_of
from forensics.tables.schemas import RECOGNISE_PART
from pipelines.stages.recognise import face_context

__all__ = ["candidate_faces", "parts_replaced_without"]


def candidate_faces(folder: CaseFolder, key: Key, *, sighting_id: str, entry_id: str) -> tuple[bytes, ...]:
    """JPEG pictures of the faces that made it a candidate or a lead, in time order; none if there is no such pair."""
    is_it = (pl.col("sighting_id") == sighting_id) & (pl.col("entry_id") == entry_id)
    published = candidates_of(folder).filter(is_it & pl.col("similarity").is_not_null()).collect()
    if not len(published):
        return ()
    # earlier watch-lists left parts of their own: the published row came from one with its very similarity
    is_it &= (pl.col("similarity") == published["similarity"][0]) & (pl.col("sealed_faces").list.len() > 0)
    parts = sorted((folder.run(OpenCase.at(folder.root).run_id).root / "parts" / "recognise").glob("*.parquet"))
    for part in parts:
        found = pl.scan_parquet(part).filter(is_it).collect()
        if len(found):
            sealed: list[bytes] = found["sealed_faces"][0].to_list()
            return tuple(unseal(key, data, face_context(sighting_id, number)) for number, data in enumerate(sealed))
    return ()


def parts_replaced_without(folder: CaseFolder, entry_id: str) -> list[Path]:
    """The parts that name an entry, for the caller to destroy: what they say of other entries lies in new ones.

    Parts that are withheld, or that a dying command left half written, cannot be opened, so all of them are among
    these; the next run compares anew.
    """
    named = sorted(path for kind in ("sealed", "tmp") for path in folder.runs.glob(f"*/parts/recognise/*.{kind}"))
    for part in sorted(folder.runs.glob("*/parts/recognise/*.parquet")):
        rows = read_table(part, RECOGNISE_PART)
        others = rows.filter(pc.field("entry_id") != entry_id)
        if len(others) == len(rows):
            continue
        named.append(part)
        if len(others):
            write_table(part.with_stem(digest_of({"part": part.stem, "without": entry_id})), others)
    return named
