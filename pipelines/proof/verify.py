"""Verifies a case: checks that everything recorded is unchanged.

The checks run in this order, so that the first fault is the one that others depend on: the log, its anchor and its
checkpoints; the files that the log registers; verdicts; evidence with working copies and indexes; the parts of the
published tables; the tables and their pictures; the folders of all runs; and the published coverage of every frame.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from forensics.custody.case_document import Case
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.custody.result_retention import results_removed
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.faults import Fault, FaultKind
from forensics.footage.evidence import Evidence
from forensics.json_object import JsonObject
from forensics.place import Place
from forensics.tables.evidence import load_evidence
from forensics.tables.manifest import PublishedState, published_state, read_manifest
from forensics.tables.run_inventory import read_inventory
from pipelines.custody.case_integrity import find_alterations
from pipelines.custody.case_store import load_case
from pipelines.custody.checkpoints import load_checkpoints
from pipelines.custody.deciding_files import RECORDS, find_altered_files
from pipelines.custody.erasure import Destruction, certified_digests, list_destructions
from pipelines.custody.keys import find_key
from pipelines.custody.log_anchor import anchor_for
from pipelines.proof.coverage_check import check_coverage
from pipelines.proof.signatures import Signer, TrustedKeys, list_signers, signature_faults
from pipelines.proof.stored_runs import find_unexplained_losses, stored_run_checks
from pipelines.review.reviews import load_reviews
from pipelines.run.footage_integrity import find_loss, footage_checks

__all__ = ["Report", "verify_case"]

Checks = Iterable[tuple[Place, str]]


@dataclass(frozen=True, slots=True)
class Report:
    """Result of a verification.

    Attributes:
        n_checked: number of files whose digest was computed.
        faults: everything that has changed, the most fundamental first; empty if nothing has.
        n_lines: number of lines of the log.
        signers: keys that signed checkpoints of the log.
        rests_on: what shows that the log was not cut together with the files: ``anchor``, ``kept checkpoint``; empty if
            nothing outside the case does.
        published: id of the published run; None if there are no tables or if there are faults.
        is_half_published: whether a run was killed while it put its tables in place, so that there are none.
        destroyed: what was destroyed on record and is missing on purpose, in the order of time.
        lost: files of earlier runs that are missing although no certificate names them, by path relative to the case;
            empty if there are faults.
        results_removed_utc: when retention removed the results; None if it did not, or if there are tables again.
        has_unopened_verdicts: whether there are verdicts whose signatures were not checked, because the key of the case
            cannot be used here.
    """

    n_checked: int
    faults: tuple[Fault, ...]
    n_lines: int
    signers: tuple[Signer, ...]
    rests_on: tuple[str, ...]
    published: str | None
    is_half_published: bool
    destroyed: tuple[Destruction, ...]
    lost: tuple[str, ...]
    results_removed_utc: datetime | None
    has_unopened_verdicts: bool


def verify_case(case: Case, asked: TrustedKeys) -> Report:
    """Compare the log, evidence, parts, published files and pictures with what was recorded.

    If there are faults and a run has published in the meantime, the comparison is repeated, because it mixed the old
    and the new tables.
    """
    published = _manifest_digest(case.folder)
    report = _compare(case, asked)
    while report.faults and published != (published := _manifest_digest(case.folder)):
        report = _compare(load_case(case.folder.root), asked)
    return report


def _manifest_digest(folder: CaseFolder) -> str:
    """Return the digest of the published manifest; empty if there is none."""
    try:
        return sha256_of_file(folder.manifest)
    except FileNotFoundError:
        return ""


def _compare(case: Case, asked: TrustedKeys) -> Report:
    folder = case.folder
    known = load_checkpoints(folder)
    chain = read_chain(folder.audit_file)
    faults = [*find_alterations(case), *signature_faults(case, known, chain.digests, asked)]
    faults += find_altered_files(folder, lambda: read_chain(folder.audit_file).lines, RECORDS)
    faults += _faults_in(partial(_review_faults, case))
    checks: list[tuple[Place, str]] = []
    for listed in (
        partial(_evidence_checks, folder),
        partial(_part_checks, case),
        partial(_table_checks, case),
        partial(stored_run_checks, folder),
    ):
        faults += _faults_in(partial(_collect, checks, listed))
    checks = list(dict.fromkeys(checks))
    losses = (find_loss(path, expected) for path, expected in checks)
    faults += [loss.fault for loss in losses if loss is not None]
    faults += _faults_in(partial(_unlisted_files, case))
    if not faults:  # frames can only be counted in unchanged files
        faults += _faults_in(partial(_coverage_faults, folder))
    return Report(
        len(checks),
        tuple({str(fault): fault for fault in faults}.values()),
        len(chain.lines),
        list_signers(known, asked),
        rests_on=_foundations(case, asked),
        published=_manifest(folder)["run"] if folder.manifest.exists() and not faults else None,
        is_half_published=not folder.manifest.exists() and published_state(folder) is PublishedState.HALF,
        destroyed=() if faults else tuple(each for each in list_destructions(folder) if each.missing),
        lost=() if faults else find_unexplained_losses(folder),
        results_removed_utc=results_removed(folder),
        has_unopened_verdicts=folder.reviews_file.exists() and find_key(case) is None,
    )


def _foundations(case: Case, asked: TrustedKeys) -> tuple[str, ...]:
    """Return what outside of the case the log was compared with."""
    has_anchor = anchor_for(case.folder, case.case_id).exists
    return tuple(
        name for name, is_there in (("anchor", has_anchor), ("kept checkpoint", bool(asked.exported))) if is_there
    )


def _faults_in(check: Callable[[], Iterable[Fault]]) -> list[Fault]:
    """Return the faults that a check finds, including the file that it could not read."""
    found: list[Fault] = []
    try:
        found.extend(check())
    except IntegrityBroken as error:
        found.append(Fault.from_error(error))
    return found


def _collect(checks: list[tuple[Place, str]], listed: Callable[[], Checks]) -> Iterable[Fault]:
    """Add listed files and their digests to `checks`; returns no fault, but may raise `IntegrityBroken`."""
    checks.extend(listed())
    return ()


def _review_faults(case: Case) -> Iterable[Fault]:
    """Check the verdicts, unless the key that opens them is not here; their file is checked against the log."""
    if find_key(case) is not None:
        load_reviews(case)
    return ()


def _manifest(folder: CaseFolder) -> JsonObject:
    return read_manifest(folder) if folder.manifest.exists() else {"files": []}


def _evidence_checks(folder: CaseFolder) -> Checks:
    return [check for item in load_evidence(folder) for check in _checks_of(folder, item)]


def _checks_of(folder: CaseFolder, item: Evidence) -> Iterator[tuple[Place, str]]:
    yield from footage_checks(item)
    if item.readable is not None:
        yield folder.index_file(item.evidence_id), item.readable.index_sha256


def _part_checks(case: Case) -> Checks:
    """Return the checks of the parts of the published tables; runs of older versions have no inventory."""
    if not case.folder.manifest.exists():
        return []
    run = case.folder.run(_manifest(case.folder)["run"])
    return _without_destroyed(case, read_inventory(run)) if run.parts_list.exists() else []


def _table_checks(case: Case) -> Checks:
    """Return the checks of tables and pictures; manifests of older versions list no pictures."""
    folder, manifest = case.folder, _manifest(case.folder)
    tables = [(folder.tables / file["path"], file["sha256"]) for file in manifest["files"]]
    pictures = [(folder.root / each["path"], each["sha256"]) for each in manifest.get("pictures", ())]
    return list(_without_destroyed(case, [*tables, *pictures]))


def _without_destroyed(case: Case, checks: Iterable[tuple[Path, str]]) -> Checks:
    """Leave out missing files that were destroyed on record after they were last published."""
    destroyed = certified_digests(case.folder, since=_last_published(case.folder)).keys()
    root = case.folder.root
    return [check for check in checks if check[0].exists() or check[0].relative_to(root).as_posix() not in destroyed]


def _last_published(folder: CaseFolder) -> datetime | None:
    """Return when the command began that last published the present tables; None if the log has no such command."""
    lines, run = read_chain(folder.audit_file).lines, _manifest(folder).get("run")
    begins = [
        lines[line.of].at_utc
        for line in lines
        if line.kind == "end" and line.of is not None and line.facts.get("outputs", {}).get("run") == run
    ]
    return max(begins, default=None)


def _unlisted_files(case: Case) -> Iterator[Fault]:
    """Yield files in `tables/` that no run published; opening the folder by a pattern would read them too."""
    folder = case.folder
    listed = {folder.tables / file["path"] for file in _manifest(folder)["files"]}
    found = (path for path in folder.tables.rglob("*") if not path.is_dir() and path != folder.manifest)
    for path in sorted(set(found) - listed):
        yield Fault(FaultKind.UNLISTED, path, "the manifest does not list it, so no run published it")


def _coverage_faults(folder: CaseFolder) -> Iterable[Fault]:
    return check_coverage(folder, _manifest(folder)) if folder.manifest.exists() else ()
