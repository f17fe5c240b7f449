"""Whether everything recorded still is what it was."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from forensics.adapters.footage_index import digest_and_size
from forensics.case import CaseFolder
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken, UnreadableFootage
from forensics.evidence import Evidence
from forensics.tables.evidence import load_evidence
from forensics.tables.open import read_manifest

__all__ = ["Report", "check_footage", "verify_case"]


@dataclass(frozen=True, slots=True)
class Report:
    """What was compared.

    Attributes:
        n_checked: files whose digest was computed.
        problems: what is wrong, the first thing first; empty if nothing is.
    """

    n_checked: int
    problems: tuple[str, ...]


def verify_case(folder: CaseFolder) -> Report:
    """Compare the digests of evidence, working copies, indexes and published files with what was recorded."""
    checks = [check for item in load_evidence(folder) for check in _evidence_checks(folder, item)]
    if folder.manifest.exists():
        files = read_manifest(folder)["files"]
        checks += [(folder.tables / file["path"], file["sha256"]) for file in files]
    return Report(len(checks), tuple(problem for path, expected in checks for problem in _differs(path, expected)))


def check_footage(evidence: Iterable[Evidence]) -> None:
    """Return only if the footage that is about to be decoded still has the bytes that were ingested.

    Footage that is absent passes: each of its chunks will fail and say so.

    Raises:
        IntegrityBroken: a file has other bytes.
    """
    for item in evidence:
        for path, expected in _footage_checks(item):
            for problem in _differs(path, expected) if path.exists() else ():
                raise IntegrityBroken(problem, "nothing was decoded; restore the footage as it was ingested")


def _evidence_checks(folder: CaseFolder, item: Evidence) -> Iterator[tuple[Path, str]]:
    yield from _footage_checks(item)
    if item.readable is not None:
        yield folder.index_file(item.evidence_id), item.readable.index_sha256


def _footage_checks(item: Evidence) -> Iterator[tuple[Path, str]]:
    """The original, and the working copy it is read through if there is one."""
    yield item.path, item.sha256
    if item.readable is not None and item.readable.working_copy_sha256 is not None:
        yield item.readable.footage.path, item.readable.working_copy_sha256


def _differs(path: Path, expected: str) -> Iterator[str]:
    try:
        actual = digest_and_size(path)[0] if path.is_dir() else sha256_of_file(path)
    except (OSError, UnreadableFootage) as error:
        yield f"{path}: cannot be read ({error})"
        return
    if actual != expected:
        yield f"{path}: SHA-256 is {actual[:12]}, recorded is {expected[:12]}"
