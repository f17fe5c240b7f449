"""Input that led to a candidate, for the log: which frames of which evidence were compared with whom."""

import polars as pl

from forensics.custody.case_folder import RunFolder
from forensics.json_object import JsonObject

__all__ = ["candidate_inputs"]


def candidate_inputs(run: RunFolder, similar: pl.DataFrame) -> list[JsonObject]:
    """Return the candidates and leads of a run, each with its evidence and the frames that were compared.

    Source: EU AI Act, Art. 12(3)(c), input data for which the search has led to a match.

    Args:
        run: the run, whose tables are complete.
        similar: rows of the table `candidates` that ask for examination.
    """
    sightings = pl.read_parquet(run.tables / "sightings.parquet", columns=["sighting_id", "evidence_id"])
    found = similar.join(sightings, on="sighting_id", maintain_order="left")
    return found.select("sighting_id", "entry_id", "decision", "evidence_id", "frames").to_dicts()
