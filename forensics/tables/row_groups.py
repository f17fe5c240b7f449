"""How published tables are written: rows in their order, in row groups of one size."""

from typing import IO, Final

import pyarrow as pa

from forensics.tables.files import parquet_writer
from forensics.tables.schemas import TABLES

__all__ = ["TableWriter"]

# A question about a minute of one camera decodes one or two of them, and reads where all of them begin and end: few
# rows where a row is wide and there are few, more where there are many. docs/scale.md has what was measured.
_ROW_GROUP_ROWS: Final = 65_536
_OF_WIDE_TABLES: Final = {"sightings": 16_384}


class TableWriter:
    """Gathers rows into row groups of one size, whatever the size of what comes.

    Args:
        file: the Parquet file.
        name: of the table.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._writer = parquet_writer(file, TABLES[name])
        self._waiting, self._n_waiting = [TABLES[name].empty_table()], 0
        self._n_rows = _OF_WIDE_TABLES.get(name, _ROW_GROUP_ROWS)

    def add(self, table: pa.Table) -> None:
        """Rows in the order they must have."""
        self._waiting.append(table)
        self._n_waiting += len(table)
        full = self._n_waiting // self._n_rows * self._n_rows
        if full:
            waiting = pa.concat_tables(self._waiting)
            # pages must not depend on how the rows came
            self._writer.write_table(waiting.slice(0, full).combine_chunks(), row_group_size=self._n_rows)
            self._waiting, self._n_waiting = [waiting.slice(full).combine_chunks()], len(waiting) - full

    def close(self) -> None:
        """Write what is left; an empty table keeps its columns."""
        if self._n_waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks())
        self._writer.close()

    def abandon(self) -> None:
        """Nothing more is written, also not by the library's own tidying up, which would find the file closed."""
        self._writer.is_open = False
