"""The sealed faces of candidates and leads: read for those who decide, and gone with their entry."""

from collections.abc import Collection, Iterable
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from forensics.adapters.sealing import Key, unseal
from forensics.case import CaseFolder
from forensics.digests import digest_of
from forensics.errors import IntegrityBroken
from forensics.tables.files import read_table, write_table
from forensics.tables.open import OpenCase, candidates_of
from forensics.tables.schemas import RECOGNISE_PART
from pipelines.stages.recognise import face_context

__all__ = ["candidate_faces", "parts_but_for", "parts_without"]


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


def parts_without(folder: CaseFolder, entry_id: str) -> list[Path]:
    """The parts that name an entry, for the caller to destroy: what they say of other entries lies in new ones.

    Parts that are withheld, or that a dying command left half written, cannot be opened, so all of them are among
    these; the next run compares anew.
    """
    unreadable = [path for kind in ("sealed", "tmp") for path in folder.runs.glob(f"*/parts/recognise/*.{kind}")]
    readable = sorted(folder.runs.glob("*/parts/recognise/*.parquet"))
    return sorted(unreadable) + [
        part for part in readable if _is_replaced(part, pc.field("entry_id") != entry_id, why=f"without {entry_id}")
    ]


def parts_but_for(parts: Iterable[Path], pairs: Collection[tuple[str, str]]) -> list[Path]:
    """These parts, for the caller to destroy, but for what they say of some pairs (sighting, entry)."""
    names = pa.array(sorted(f"{sighting_id}:{entry_id}" for sighting_id, entry_id in pairs), pa.string())
    pair = pc.binary_join_element_wise(pc.field("sighting_id"), pc.field("entry_id"), ":")
    kept = pair.isin(names)
    return [
        part
        for part in sorted(parts)
        if part.suffix != ".parquet" or _is_replaced(part, kept, why=f"only {names.to_pylist()}")
    ]


def _is_replaced(part: Path, kept: pc.Expression, *, why: str) -> bool:
    """Whether a part must go, since it holds rows that are not kept; those that are lie in a new part then."""
    try:
        rows = read_table(part, RECOGNISE_PART)
    except IntegrityBroken:  # nobody can tell whom it names
        return True
    others = rows.filter(kept)
    if len(others) == len(rows):
        return False
    if len(others):
        write_table(part.with_stem(digest_of({"part": part.stem, "why": why})), others)
    return True
