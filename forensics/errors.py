"""Every error that a person can meet, with its facts and the next step.

    ForensicsError                 exit 1
    ├── UsageError                 exit 2   what was asked cannot be meant
    ├── NotAuthorised              exit 3   the case does not allow it
    ├── IntegrityBroken            exit 5   something recorded is no longer what it was
    ├── CannotStart                exit 6   the run lacks what it needs
    ├── UnreadableFootage          becomes a verdict: the file says why it cannot be read
    └── DecoderLost                becomes a gap: the decoding child died, hung or grew too large

An error keeps its facts as attributes and hands the same arguments to its base, so that it
survives pickling on the way out of a worker. Every message says what, where, what was expected
and what to do next.
"""

from typing import ClassVar

from forensics.place import Place

__all__ = [
    "CannotStart",
    "DecoderLost",
    "ForensicsError",
    "IntegrityBroken",
    "NotAuthorised",
    "UnreadableFootage",
    "UsageError",
]


class ForensicsError(Exception):
    """Something this program knows how to explain."""

    exit_code: ClassVar[int] = 1


class _Explained(ForensicsError):
    """An error whose message is one fact and one next step."""

    def __init__(self, problem: str, next_step: str) -> None:
        super().__init__(problem, next_step)
        self.problem = problem
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.problem}; {self.next_step}"


class UsageError(_Explained):
    """What was asked cannot be meant: an unknown name, a value out of range, a missing path."""

    exit_code: ClassVar[int] = 2


class NotAuthorised(_Explained):
    """The case lacks or has passed what this step needs."""

    exit_code: ClassVar[int] = 3


class IntegrityBroken(_Explained):
    """Something recorded is no longer what it was."""

    exit_code: ClassVar[int] = 5


class CannotStart(_Explained):
    """A run lacks what it needs: readable footage, a model, disk space, a cluster."""

    exit_code: ClassVar[int] = 6


class UnreadableFootage(ForensicsError):
    """A path that yields no frames; it stands in `sources` and `evidence` with this reason.

    Attributes:
        path: what was opened.
        reason: one short word for tables, such as ``not_media`` or ``no_video``.
        detail: what the reader said.
    """

    def __init__(self, path: Place, reason: str, detail: str) -> None:
        super().__init__(path, reason, detail)
        self.path = path
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}: {self.detail}"


class DecoderLost(ForensicsError):
    """The decoding child died, hung, grew too large or was failed by its disk; what it did not finish is not trusted.

    Attributes:
        path: the footage it was reading.
        reason: ``died``, ``hung``, ``timeout``, ``memory``, ``unreadable``, ``altered`` or ``abandoned``.
        detail: signal or exit status, seconds it was busy or waited for, bytes held, the disk's error.
        blames_footage: whether the footage may have done it: the child crashed, or was busy without end.
            Anybody may be to blame for a kill, a wait or a full memory.
    """

    def __init__(self, path: Place, reason: str, detail: str, blames_footage: bool = False) -> None:
        super().__init__(path, reason, detail, blames_footage)
        self.path = path
        self.reason = reason
        self.detail = detail
        self.blames_footage = blames_footage

    def __str__(self) -> str:
        return f"{self.path}: the decoder was lost ({self.reason}: {self.detail}); run again to try these frames anew"
