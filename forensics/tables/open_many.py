"""Published tables of several cases as one."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from forensics.errors import UsageError
from forensics.tables.open import OpenCase
from forensics.tables.published_tables import PublishedTables, refuse_unknown

__all__ = ["OpenCases"]


@dataclass(frozen=True, slots=True)
class OpenCases(PublishedTables):
    """Several cases opened for reading; the columns `case_id`, `run_id` and `model` say where a row is from.

    Attributes:
        cases: in the order given.
    """

    cases: tuple[OpenCase, ...]

    @classmethod
    def of(cls, cases: Sequence[OpenCase]) -> "OpenCases":
        """Return the cases as one.

        Raises:
            UsageError: there is none, or one twice, whose rows would count double.
        """
        if not cases:
            raise UsageError("no case is given", "give the folders of the cases")
        seen: dict[str, OpenCase] = {}
        for case in cases:
            other = seen.setdefault(case.case_id, case)
            if other is not case:
                raise UsageError(
                    f"is the same case as {other.folder.root}, so its rows would count twice",
                    "give each case once",
                    case.folder.root,
                )
        return cls(tuple(cases))

    def table(self, name: str) -> pl.LazyFrame:
        """Return one table of all cases, case by case.

        Raises:
            UsageError: there is no table of this name, or an older version published a run without it.
            IntegrityBroken: a file of the table is missing or has changed since it was published.
        """
        refuse_unknown(name)
        return pl.concat([case.table(name) for case in self.cases])

    def candidates(self, *, reason: str) -> pl.LazyFrame:
        """Return the candidates of all cases; each access is logged in its case. Raises as `OpenCase.candidates`."""
        return pl.concat([case.candidates(reason=reason) for case in self.cases])
