"""Every error that a person can meet, with its facts and the next step.

    ForensicsError                 exit 1   error of the program
    ├── Explained                           has a problem, a place and a next step
    │   ├── UsageError             exit 2   invalid arguments or settings
    │   │   ├── Unfit                a picture of a person that cannot be compared
    │   │   └── SeveralPeople        pictures of an entry that do not all show one person
    │   ├── NotAuthorised          exit 3   the case does not allow it
    │   ├── IntegrityBroken        exit 5   something recorded has changed
    │   │   └── CoverageBroken              the parts do not account for every frame
    │   └── CannotStart            exit 6   the run lacks what it needs
    ├── UnreadableFootage                   becomes a verdict: the file says why it cannot be read
    └── DecoderLost                         becomes a gap: the decoding child died, hung or grew too large

An error keeps its facts as attributes and passes the same arguments to its base class, so that it can be pickled on
the way out of a worker. The command line prints them as one line `error:` and one line `next:`.
"""

from typing import ClassVar

from forensics.place import Place

__all__ = [
    "CannotStart",
    "CoverageBroken",
    "DecoderLost",
    "Explained",
    "ForensicsError",
    "IntegrityBroken",
    "NotAuthorised",
    "SeveralPeople",
    "Unfit",
    "UnreadableFootage",
    "UsageError",
]


class ForensicsError(Exception):
    """Something this program knows how to explain."""

    exit_code: ClassVar[int] = 1


class Explained(ForensicsError):
    """An error of which a person can do something: where it is, what is wrong, and the next step.

    Attributes:
        problem: what is wrong, with what was expected and what was found.
        next_step: what to do about it.
        where: the file, folder or object it is about; None if it is about none.
    """

    def __init__(self, problem: str, next_step: str, where: Place | str | None = None) -> None:
        super().__init__(problem, next_step, where)
        self.problem = problem
        self.next_step = next_step
        self.where = where

    @property
    def statement(self) -> str:
        """Where it is and what is wrong, without the next step."""
        return self.problem if self.where is None else f"{self.where}: {self.problem}"

    def __str__(self) -> str:
        return f"{self.statement}; {self.next_step}"


class UsageError(Explained):
    """What was asked cannot be meant: an unknown name, a value out of range, a missing path."""

    exit_code: ClassVar[int] = 2


class Unfit(UsageError):
    """A picture of a person that cannot be compared.

    Attributes:
        problems: why, each one word: ``unreadable``, ``none``, ``several``, or a shortcoming of the face.
    """

    def __init__(self, problem: str, next_step: str, where: str | None, problems: tuple[str, ...]) -> None:
        super().__init__(problem, next_step, where)
        self.problems = problems
        self.args = (problem, next_step, where, problems)


class SeveralPeople(UsageError):
    """Pictures of an entry that do not all show one person; the log counts such comparisons."""


class NotAuthorised(Explained):
    """The case lacks or has passed what this step needs."""

    exit_code: ClassVar[int] = 3


class IntegrityBroken(Explained):
    """Something recorded is no longer what it was."""

    exit_code: ClassVar[int] = 5


class CoverageBroken(IntegrityBroken):
    """The parts do not account for every frame exactly once; nothing is published.

    Attributes:
        evidence_id: whose frames.
        frame: the first frame that is missing or counted twice.
        n_frames: how many frames the index has.
    """

    def __init__(self, evidence_id: str, frame: int, n_frames: int) -> None:
        super().__init__(
            f"coverage breaks at frame {frame} of {n_frames}; nothing was published",
            "delete the run's parts of this evidence and run again",
            f"evidence {evidence_id}",
        )
        self.evidence_id = evidence_id
        self.frame = frame
        self.n_frames = n_frames
        self.args = (evidence_id, frame, n_frames)


class CannotStart(Explained):
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
