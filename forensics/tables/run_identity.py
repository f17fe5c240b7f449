"""Which case, run and model published a table: in the metadata of its file, and in its last columns."""

from dataclasses import dataclass

import pyarrow as pa

from forensics.tables.schemas import RUN_COLUMNS, SCHEMA_VERSION, VERSION_KEY

__all__ = ["RunIdentity"]


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """What tells the tables of one run from those of every other.

    Attributes:
        case_id: id of the case.
        run_id: id of the run, equal for runs of several cases with the same settings and model.
        model: name of the detector's model.
        model_sha256: digest of its files; empty for a model without a file.
    """

    case_id: str
    run_id: str
    model: str
    model_sha256: str

    @property
    def metadata(self) -> dict[bytes, bytes]:
        """Metadata of the files of the published tables."""
        facts = {
            "case_id": self.case_id,
            "run_id": self.run_id,
            "model": self.model,
            "model_sha256": self.model_sha256,
        }
        named = {f"forensics.{name}".encode(): value.encode() for name, value in facts.items()}
        return {VERSION_KEY: SCHEMA_VERSION.encode(), **named}

    def add_columns(self, rows: pa.Table) -> pa.Table:
        """Return the rows with the columns `RUN_COLUMNS`, equal in every row."""
        for name, value in zip(RUN_COLUMNS, (self.case_id, self.run_id, self.model), strict=True):
            rows = rows.append_column(name, pa.repeat(value, len(rows)))
        return rows
