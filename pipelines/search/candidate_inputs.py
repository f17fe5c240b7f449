"""Input that led to a candidate, for the log: which frames of which evidence were compared with whom."""

import polars as pl

import forensics
from forensics.custody.case_folder import CaseFolder
from forensics.custody.sealer import Sealer
from forensics.faces.comparison import DECISIONS_TO_REVIEW
from forensics.json_object import JsonObject
from forensics.tables.open import candidates_of

__all__ = ["candidate_inputs"]


def candidate_inputs(folder: CaseFolder, key: Sealer) -> list[JsonObject]:
    """Return the published candidates and leads, each with its evidence and the frames that were compared.

    Source: EU AI Act, Art. 12(3)(c), input data for which the search has led to a match.
    """
    is_similar = pl.col("decision").is_in(DECISIONS_TO_REVIEW)
    sightings = forensics.open_case(folder.root).sightings().select("sighting_id", "evidence_id")
    found = candidates_of(folder, key).filter(is_similar).join(sightings, on="sighting_id", maintain_order="left")
    return found.select("sighting_id", "entry_id", "decision", "evidence_id", "frames").collect().to_dicts()
