"""Writer of published tables, in row groups of a fixed size."""

from typing import IO, Final

import pyarrow as pa

from forensics.tables.files import parquet_writer
from forensics.tables.run_identity import RunIdentity
from forensics.tables.schemas import PUBLISHED

__all__ = ["TableWriter"]

# A query for one minute of one camera decodes one or two row groups, and reads the statistics of all of them. So groups
# are small in a table of few, wide rows and large in a table of many rows. docs/scale.md has the measurements.
_ROW_GROUP_ROWS: Final = 65_536
_ROW_GROUP_ROWS_OF: Final = {"sightings": 16_384}


class TableWriter:
    """Writes tables of any length as row groups of a fixed size.

    Args:
        file: the Parquet file.
        name: name of the table.
        identity: case, run and model that the rows are from.
    """

    def __init__(self, file: IO[bytes], name: str, identity: RunIdentity) -> None:
        schema = PUBLISHED[name].with_metadata(identity.metadata)
        self._identity = identity
        self._writer = parquet_writer(file, schema, _encodings(schema))
        self._waiting, self._n_waiting = [schema.empty_table()], 0
        self._n_rows = _ROW_GROUP_ROWS_OF.get(name, _ROW_GROUP_ROWS)

    def add(self, table: pa.Table) -> None:
        """Append rows, which must come in their final order, without the columns of the run."""
        self._waiting.append(self._identity.add_columns(table).replace_schema_metadata(self._writer.schema.metadata))
        self._n_waiting += len(table)
        full = self._n_waiting // self._n_rows * self._n_rows
        if full:
            waiting = pa.concat_tables(self._waiting)
            # pages must not depend on how the rows were divided into calls
            self._writer.write_table(waiting.slice(0, full).combine_chunks(), row_group_size=self._n_rows)
            self._waiting, self._n_waiting = [waiting.slice(full).combine_chunks()], len(waiting) - full

    def close(self) -> None:
        """Write the remaining rows and the footer; an empty table keeps its columns."""
        if self._n_waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks())
        self._writer.close()

    def abandon(self) -> None:
        """Stop writing after an error; pyarrow's own clean-up would otherwise write to the closed file."""
        self._writer.is_open = False


def _encodings(schema: pa.Schema) -> dict[str, str]:
    """Return the encoding of each column with numbers, which a dictionary would only make larger.

    Frames and times rise from row to row, so their differences are small. docs/scale.md has the measurements.
    """
    found = {}
    for field in schema:
        if pa.types.is_int64(field.type) or pa.types.is_timestamp(field.type):
            found[field.name] = "DELTA_BINARY_PACKED"
        elif pa.types.is_float32(field.type):
            found[field.name] = "BYTE_STREAM_SPLIT"
    return found
