"""Whether everything recorded still is what it was.

In this order, so that what is named first is what the rest depends on: the log, its witness and its checkpoints; the
files that the log knows; verdicts; evidence with its working copies and indexes; what the tables were made of; the
tables and their pictures; what lies in the folders of all runs; and at last whether the published coverage accounts
for every frame.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.footage.evidence import Evidence
from forensics.place import Place
from forensics.tables.evidence import load_evidence
from forensics.tables.manifest import Published, published_state, read_manifest
from forensics.tables.run_inventory import parts_named
from pipelines.custody.case_document import Case
from pipelines.custody.case_integrity import find_alterations
from pipelines.custody.case_store import load_case
from pipelines.custody.checkpoints import stored_checkpoints
from pipelines.custody.deciding_files import RECORDS, alterations
from pipelines.custody.erasure import certified, withheld_as
from pipelines.proof.coverage_check import check_coverage
from pipelines.proof.signatures import Signer, TrustedKeys, signature_faults, signers_of
from pipelines.proof.stored_runs import stored_run_checks
from pipelines.review.reviews import load_reviews
from pipelines.run.footage_integrity import difference, footage_checks

__all__ = ["NOT_PUBLISHED", "Report", "verify_case"]

NOT_PUBLISHED: Final = "the manifest does not name it, so no run published it"
"""How the problem with such a file ends."""

Checks = Iterable[tuple[Place, str]]


@dataclass(frozen=True, slots=True)
class Report:
    """What was compared.

    Attributes:
        n_checked: files whose digest was computed.
        problems: what is wrong, the first thing first; empty if nothing is.
        n_lines: of the log.
        signers: whose signatures it bears.
        published: the run whose tables are there; None if there are none.
        is_half_published: a run ended while its tables were put in place, so that there are none.
    """

    n_checked: int
    problems: tuple[str, ...]
    n_lines: int
    signers: tuple[Signer, ...]
    published: str | None
    is_half_published: bool


def verify_case(case: Case, asked: TrustedKeys) -> Report:
    """Compare the log, evidence, parts, published files and pictures with what was recorded.

    Where a run publishes meanwhile, what was read before says nothing about what it published: all is compared again.
    """
    published = _digest_of_manifest(case.folder)
    report = _compared(case, asked)
    while report.problems and published != (published := _digest_of_manifest(case.folder)):
        report = _compared(load_case(case.folder.root), asked)
    return report


def _digest_of_manifest(folder: CaseFolder) -> str:
    """Empty where nothing is published."""
    try:
        return sha256_of_file(folder.manifest)
    except FileNotFoundError:
        return ""


def _compared(case: Case, asked: TrustedKeys) -> Report:
    folder = case.folder
    known = stored_checkpoints(folder)
    chain = read_chain(folder.audit_file)
    problems = [*find_alterations(case), *signature_faults(case, known, chain.digests, asked)]
    problems += alterations(folder, lambda: read_chain(folder.audit_file).lines, RECORDS)
    problems += _told(partial(_reviews, case))
    checks: list[tuple[Place, str]] = []
    for named in (
        partial(_of_evidence, folder),
        partial(_of_parts, case),
        partial(_of_tables, case),
        partial(stored_run_checks, folder),
    ):
        problems += _told(partial(_kept_in, checks, named))
    checks = list(dict.fromkeys(checks))
    losses = (difference(path, expected) for path, expected in checks)
    problems += [loss.detail for loss in losses if loss is not None]
    problems += _told(partial(_unnamed, case))
    if not problems:  # counted again from files that are what they were, or there is nothing to count from
        problems += _told(partial(_coverage, folder))
    return Report(
        len(checks),
        tuple(dict.fromkeys(problems)),
        len(chain.lines),
        signers_of(known, asked),
        published=_manifest(folder)["run"] if folder.manifest.exists() and not problems else None,
        is_half_published=not folder.manifest.exists() and published_state(folder) is Published.HALF,
    )


def _told(look: Callable[[], Iterable[str]]) -> list[str]:
    """What a look finds wrong, or that it could not be made since a record cannot be read."""
    found: list[str] = []
    try:
        found.extend(look())
    except IntegrityBroken as error:
        found.append(error.statement)
    return found


def _kept_in(checks: list[tuple[Place, str]], named: Callable[[], Checks]) -> Iterable[str]:
    """The checks are in the list; nothing is wrong with having them."""
    checks.extend(named())
    return ()


def _reviews(case: Case) -> Iterable[str]:
    load_reviews(case)
    return ()


def _manifest(folder: CaseFolder) -> dict[str, Any]:
    return read_manifest(folder) if folder.manifest.exists() else {"files": []}


def _of_evidence(folder: CaseFolder) -> Checks:
    return [check for item in load_evidence(folder) for check in _evidence_checks(folder, item)]


def _evidence_checks(folder: CaseFolder, item: Evidence) -> Iterator[tuple[Place, str]]:
    yield from footage_checks(item)
    if item.readable is not None:
        yield folder.index_file(item.evidence_id), item.readable.index_sha256


def _of_parts(case: Case) -> Checks:
    """What the published tables were made of; runs of older versions have no list of it."""
    if not case.folder.manifest.exists():
        return []
    run = case.folder.run(_manifest(case.folder)["run"])
    return _not_gone(case, parts_named(run)) if run.parts_list.exists() else []


def _of_tables(case: Case) -> Checks:
    """Tables lie below `tables/`, pictures below the case; older manifests name no pictures."""
    folder, manifest = case.folder, _manifest(case.folder)
    tables = [(folder.tables / file["path"], file["sha256"]) for file in manifest["files"]]
    pictures = [(folder.root / each["path"], each["sha256"]) for each in manifest.get("pictures", ())]
    return [*_not_gone(case, tables), *pictures]


def _not_gone(case: Case, checks: Iterable[tuple[Path, str]]) -> Checks:
    """All but what was destroyed or withheld on record."""
    gone = certified(case.folder).keys() | withheld_as(case)
    root = case.folder.root
    return [check for check in checks if check[0].exists() or check[0].relative_to(root).as_posix() not in gone]


def _unnamed(case: Case) -> Iterator[str]:
    """Files that nobody published: who opens `tables/` by a pattern would read them too."""
    folder = case.folder
    named = {folder.tables / file["path"] for file in _manifest(folder)["files"]}
    named |= {folder.root / f"{name}.sealed" for name in withheld_as(case)}
    found = (path for path in folder.tables.rglob("*") if not path.is_dir() and path != folder.manifest)
    for path in sorted(set(found) - named):
        yield f"{path}: {NOT_PUBLISHED}"


def _coverage(folder: CaseFolder) -> Iterable[str]:
    return check_coverage(folder, _manifest(folder)) if folder.manifest.exists() else ()
