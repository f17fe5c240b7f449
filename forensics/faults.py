"""Faults: recorded data that has changed, as values. The command line composes the message."""

from dataclasses import dataclass
from enum import StrEnum

from forensics.errors import IntegrityBroken
from forensics.place import Place

__all__ = ["Fault", "FaultKind"]


class FaultKind(StrEnum):
    """The kind of change that was found."""

    ALTERED = "altered"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    LINK = "link"
    UNLISTED = "unlisted"
    LOG = "log"
    SIGNATURE = "signature"
    COVERAGE = "coverage"


@dataclass(frozen=True, slots=True)
class Fault:
    """One recorded file, folder or object that has changed.

    Attributes:
        kind: the kind of change.
        path: the file, folder or object.
        detail: what was expected and what was found.
    """

    kind: FaultKind
    path: Place | str | None
    detail: str

    def __str__(self) -> str:
        return self.detail if self.path is None else f"{self.path}: {self.detail}"

    def to_error(self, next_step: str) -> IntegrityBroken:
        """Return the fault as the error that ends a command."""
        return IntegrityBroken(self.detail, next_step, self.path)

    @classmethod
    def from_error(cls, error: IntegrityBroken) -> "Fault":
        """Return the fault that an error reports."""
        return cls(FaultKind.UNREADABLE, error.where, error.problem)
