"""Whether everything recorded still is what it was."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics.case import CaseFolder
from forensics.errors import IntegrityBroken
from forensics.evidence import Evidence
from forensics.tables.evidence import load_evidence
from forensics.tables.manifest import read_manifest
from pipelines.custody.case_file import Case
from pipelines.custody.casework import altered_in
from pipelines.custody.erasure import certified, withheld_as
from pipelines.footage_guard import difference, footage_checks
from pipelines.review.reviews import load_reviews

__all__ = ["Report", "verify_case"]


@dataclass(frozen=True, slots=True)
class Report:
    """What was compared.

    Attributes:
        n_checked: files whose digest was computed.
        problems: what is wrong, the first thing first; empty if nothing is.
    """

    n_checked: int
    problems: tuple[str, ...]


def verify_case(case: Case) -> Report:
    """Compare evidence, working copies, indexes, published files and pictures with what was recorded."""
    folder = case.folder
    manifest = read_manifest(folder) if folder.manifest.exists() else {"files": []}
    checks = [check for item in load_evidence(folder) for check in _evidence_checks(folder, item)]
    gone = certified(folder).keys() | withheld_as(case)
    checks += [
        (path, sha256)
        for path, sha256 in _published_checks(folder, manifest)
        if path.exists() or path.relative_to(folder.root).as_posix() not in gone
    ]
    losses = (difference(path, expected) for path, expected in checks)
    differing = [loss.detail for loss in losses if loss is not None]
    of_the_log = [*altered_in(case), *_reviews(case)]
    return Report(len(checks), (*of_the_log, *differing, *_unnamed(folder, manifest)))


def _reviews(case: Case) -> list[str]:
    try:
        load_reviews(case)
    except IntegrityBroken as error:
        return [error.problem]
    return []


def _evidence_checks(folder: CaseFolder, item: Evidence) -> Iterator[tuple[Path, str]]:
    yield from footage_checks(item)
    if item.readable is not None:
        yield folder.index_file(item.evidence_id), item.readable.index_sha256


def _published_checks(folder: CaseFolder, manifest: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Tables lie below `tables/`, pictures below the case; older manifests name no pictures."""
    for file in manifest["files"]:
        yield folder.tables / file["path"], file["sha256"]
    for picture in manifest.get("pictures", ()):
        yield folder.root / picture["path"], picture["sha256"]


def _unnamed(folder: CaseFolder, manifest: dict[str, Any]) -> Iterator[str]:
    """Tables that nobody published: who opens `tables/` by a pattern would read them too."""
    named = {folder.tables / file["path"] for file in manifest["files"]}
    for path in sorted(set(folder.tables.rglob("*.parquet")) - named):
        yield f"{path}: the manifest does not name it, so no run published it"
