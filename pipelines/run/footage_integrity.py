"""Checks that footage has not changed since ingest, before it is decoded and again before a part is stored.

Digests are compared once, before the first frame is decoded. Later checks compare only a file's fingerprint (size,
times, inode) with the one taken then. Overwriting or moving a file changes its fingerprint, even if the file is put
back afterwards, because no program can set the time of the last inode change.

An object of an object store is not fetched whole: each block that is read is compared with its own digest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from forensics.adapters.footage_index import digest_and_size, earlier_digest
from forensics.adapters.stills.folder_digest import file_state, fingerprint_stills
from forensics.adapters.store.object_store import size_of_object
from forensics.errors import CannotStart, DecoderLost, UnreadableFootage
from forensics.faults import Fault, FaultKind
from forensics.footage.evidence import Evidence
from forensics.place import Place, StoreObject

__all__ = ["FootageChecker", "Loss", "find_loss", "footage_checks"]

_Fingerprint = tuple[object, ...]
_ABSENT: _Fingerprint = ()


@dataclass(frozen=True, slots=True)
class Loss:
    """Reason why an evidence must not be decoded.

    Attributes:
        reason: ``altered``, ``missing``, or the reader's word for another problem.
        path: the file, folder or object.
        problem: description, with both digests if they differ.
    """

    reason: str
    path: Place
    problem: str

    @property
    def detail(self) -> str:
        """Path and problem, as in the table `failures`."""
        return f"{self.path}: {self.problem}"

    @property
    def fault(self) -> Fault:
        """The loss as a fault, for `verify`."""
        kind = FaultKind.ALTERED if self.reason == "altered" else FaultKind.UNREADABLE
        return Fault(kind, self.path, self.problem)


@dataclass(slots=True)
class FootageChecker:
    """Checks the footage of one run; an evidence that was lost once stays lost for the run.

    Attributes:
        lost: the first loss of each evidence, by evidence id.
    """

    lost: dict[str, Loss] = field(default_factory=dict)
    _fingerprints: dict[Place, _Fingerprint] = field(default_factory=dict)

    def admits(self, item: Evidence) -> bool:
        """Compare the digests of an evidence with the recorded ones; returns whether it may be decoded.

        The fingerprint is taken before the digest, so that no change in between is overlooked.
        """
        for path, expected in footage_checks(item):
            self._fingerprints[path] = _fingerprint(path)
            loss = _find_loss_before_decoding(path, expected, item.size_bytes)
            if loss is not None:
                self.lost.setdefault(item.evidence_id, loss)
        return item.evidence_id not in self.lost

    def still_admits(self, item: Evidence) -> bool:
        """Compare the fingerprints of an evidence with those taken by `admits`; returns whether parts may be stored."""
        for path, _ in footage_checks(item):
            fingerprint = _fingerprint(path)
            if fingerprint != self._fingerprints.get(path):
                self.lost.setdefault(item.evidence_id, _changed_while_read(path, fingerprint))
        return item.evidence_id not in self.lost


def footage_checks(item: Evidence) -> Iterator[tuple[Place, str]]:
    """Yield path and recorded SHA-256 of the original, and of its working copy if there is one."""
    yield item.path, item.sha256
    if item.readable is not None and item.readable.working_copy_sha256 is not None:
        yield item.readable.footage.path, item.readable.working_copy_sha256


def _find_loss_before_decoding(path: Place, expected: str, size_bytes: int) -> Loss | None:
    """Compare the digest of a file; of an object only the size, because its blocks are compared when they are read."""
    if not isinstance(path, StoreObject):
        return find_loss(path, expected)
    try:
        found_bytes = size_of_object(path)
    except (UnreadableFootage, DecoderLost) as error:
        return Loss(error.reason, path, f"cannot be read ({error.detail})")
    if found_bytes == size_bytes:
        return None
    return Loss("altered", path, f"has {found_bytes} bytes, recorded are {size_bytes}")


def find_loss(path: Place, expected: str) -> Loss | None:
    """Compare the digest of a file, an object or a folder of stills with the expected one; None if they are equal.

    Raises:
        CannotStart: the object store does not answer, so that the digest is unknown.
    """
    try:
        actual = digest_and_size(path)[0]
        is_expected = actual == expected or earlier_digest(path) == expected
    except (UnreadableFootage, DecoderLost) as error:
        if isinstance(path, StoreObject) and isinstance(error, DecoderLost):
            raise CannotStart(
                f"the object store cannot be read ({error.detail})", "try again when the store answers", path
            ) from error
        # An emptied file is an altered file.
        reason = "altered" if error.reason == "empty" else error.reason
        return Loss(reason, path, f"cannot be read ({error.detail})")
    if is_expected:
        return None
    return Loss("altered", path, f"SHA-256 is {actual[:12]}, recorded is {expected[:12]}")


def _changed_while_read(path: Place, fingerprint: _Fingerprint) -> Loss:
    if fingerprint == _ABSENT:
        return Loss("missing", path, "was there when the run began")
    return Loss("altered", path, "changed while the run worked; what was read of it is not kept")


def _fingerprint(path: Place) -> _Fingerprint:
    """Return the state of a file or of every picture of a folder, see `file_state`; constant for an object."""
    if isinstance(path, StoreObject):
        return ("object",)
    try:
        if path.is_dir():
            return fingerprint_stills(path)
        return file_state(path)
    except OSError:
        return _ABSENT
