"""How published tables are written: rows in their order, in row groups of one size."""

from typing import IO, Final

import pyarrow as pa

from forensics.tables.files import parquet_writer

__all__ = ["TableWriter"]

# Small enough that a minute of one camera costs one of them, large enough that their number stays small.
_ROW_GROUP_ROWS: Final = 65_536


class TableWriter:
    """Gathers rows into row groups of one size, whatever the size of what comes."""

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        self._writer = parquet_writer(file, schema)
        self._waiting = schema.empty_table()

    def add(self, table: pa.Table) -> None:
        """Rows in the order they must have."""
        self._waiting = pa.concat_tables([self._waiting, table])
        full = len(self._waiting) // _ROW_GROUP_ROWS * _ROW_GROUP_ROWS
        if full:
            self._writer.write_table(self._waiting.slice(0, full), row_group_size=_ROW_GROUP_ROWS)
            self._waiting = self._waiting.slice(full).combine_chunks()

    def close(self) -> None:
        """Write what is left; an empty table keeps its columns."""
        if len(self._waiting):
            self._writer.write_table(self._waiting.combine_chunks())
        self._writer.close()

    def abandon(self) -> None:
        """Nothing more is written, also not by the library's own tidying up, which would find the file closed."""
        self._writer.is_open = False
