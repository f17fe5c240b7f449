"""Whether footage is what was ingested, before it is decoded and still when a result is kept.

Digests are compared once, before the first frame. From then on a cheap mark of the same files is
held against that moment: who overwrites or moves footage while it is read changes its size, times or inode, also if
he puts it back: nobody can set the time at which an inode last changed.

An object of a store is not fetched whole: every block that is read of it is held against a digest of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from forensics.adapters.footage_index import digest_and_size
from forensics.adapters.stills.album import changes_of, mark_stills
from forensics.adapters.store.object_store import size_of_object
from forensics.errors import CannotStart, DecoderLost, UnreadableFootage
from forensics.footage.evidence import Evidence
from forensics.place import Place, StoreObject

__all__ = ["FootageChecker", "Loss", "difference", "footage_checks"]

_Mark = tuple[object, ...]
_ABSENT: _Mark = ()


@dataclass(frozen=True, slots=True)
class Loss:
    """Why nothing of an evidence may be decoded now.

    Attributes:
        reason: ``altered``, ``missing``, or what else stands in its way.
        detail: in words, with both digests where they differ.
    """

    reason: str
    detail: str


@dataclass(slots=True)
class FootageChecker:
    """What the footage of one run was when its digest was compared; the first loss of each stays."""

    lost: dict[str, Loss] = field(default_factory=dict)
    _marks: dict[Place, _Mark] = field(default_factory=dict)

    def admits(self, item: Evidence) -> bool:
        """Compare the digests of what will be decoded; the marks are taken before, so no change slips between."""
        for path, expected in footage_checks(item):
            self._marks[path] = _mark(path)
            loss = _difference_now(path, expected, item.size_bytes)
            if loss is not None:
                self.lost.setdefault(item.evidence_id, loss)
        return item.evidence_id not in self.lost

    def still_admits(self, item: Evidence) -> bool:
        """Whether what was compared is untouched since; what was lost once stays lost for this run."""
        for path, _ in footage_checks(item):
            mark = _mark(path)
            if mark != self._marks.get(path):
                self.lost.setdefault(item.evidence_id, _changed_while_read(path, mark))
        return item.evidence_id not in self.lost


def footage_checks(item: Evidence) -> Iterator[tuple[Place, str]]:
    """The original, and the working copy it is read through if there is one, each with its digest."""
    yield item.path, item.sha256
    if item.readable is not None and item.readable.working_copy_sha256 is not None:
        yield item.readable.footage.path, item.readable.working_copy_sha256


def _difference_now(path: Place, expected: str, size_bytes: int) -> Loss | None:
    """What can be known before anything is decoded."""
    if not isinstance(path, StoreObject):
        return difference(path, expected)
    try:
        there = size_of_object(path)
    except (UnreadableFootage, DecoderLost) as error:
        return Loss(error.reason, f"{path}: cannot be read ({error.detail})")
    return None if there == size_bytes else Loss("altered", f"{path}: has {there} bytes, recorded are {size_bytes}")


def difference(path: Place, expected: str) -> Loss | None:
    """What is wrong with a file, object, or folder of stills, that must have this digest; None for nothing.

    Raises:
        CannotStart: a store does not answer, which says nothing of what lies in it.
    """
    try:
        actual = digest_and_size(path)[0]
    except (UnreadableFootage, DecoderLost) as error:
        if isinstance(path, StoreObject) and isinstance(error, DecoderLost):
            raise CannotStart(f"the store does not give it ({error.detail})", "try again when it does", path) from error
        # An emptied file has other bytes; it is no kind of its own.
        reason = "altered" if error.reason == "empty" else error.reason
        return Loss(reason, f"{path}: cannot be read ({error.detail})")
    if actual == expected:
        return None
    return Loss("altered", f"{path}: SHA-256 is {actual[:12]}, recorded is {expected[:12]}")


def _changed_while_read(path: Place, mark: _Mark) -> Loss:
    if mark == _ABSENT:
        return Loss("missing", f"{path}: was there when the run began")
    return Loss("altered", f"{path}: changed while the run worked; what was read of it is not kept")


def _mark(path: Place) -> _Mark:
    """Of a file, or of every picture of a folder; see `changes_of`. Of an object none is needed."""
    if isinstance(path, StoreObject):
        return ("object",)
    try:
        if path.is_dir():
            return mark_stills(path)
        return changes_of(path)
    except OSError:
        return _ABSENT
