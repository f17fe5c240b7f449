"""Digests of the files in all run folders, published or not: `reproduce` and other runs use these files.

Existing files must be unchanged since tables were made from them. Missing ones are no fault: faces are destroyed when a
run is superseded, and missing parts are made again. But those that no certificate names are listed.
"""

from collections.abc import Iterator
from pathlib import Path

from forensics.custody.case_folder import SEALED_SUFFIX, CaseFolder, RunFolder
from forensics.custody.log import read_chain
from forensics.custody.registered_files import noted_digests
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.json_object import decode_json
from forensics.tables.run_inventory import read_inventory
from pipelines.custody.erasure import certified_paths

__all__ = ["find_unexplained_losses", "is_recorded_manifest", "stored_run_checks"]

_UNFINISHED = {"running", "interrupted", "refused"}


def stored_run_checks(folder: CaseFolder) -> Iterator[tuple[Path, str]]:
    """Yield path and recorded SHA-256 of every existing part, table and picture of all runs.

    Raises:
        IntegrityBroken: an inventory cannot be read, or the manifest of a finished run differs from the published one.
    """
    for run in folder.run_folders():
        yield from (check for check in _recorded_files(folder, run) if check[0].exists())


def find_unexplained_losses(folder: CaseFolder) -> tuple[str, ...]:
    """Return the missing files of all runs that no certificate of a destruction names, by path relative to the case.

    A file that was made again after its destruction has other bytes, and counts. If the manifest of a run is missing,
    nobody knows its tables: then there may be more.
    """
    destroyed = certified_paths(folder)
    lost = {
        path.relative_to(folder.root).as_posix()
        for run in folder.run_folders()
        for path, sha256 in (*_recorded_files(folder, run), *_expected_manifest(run))
        if not _exists(path) and not destroyed & _descriptions(folder, path, sha256)
    }
    return tuple(sorted(lost))


def _descriptions(folder: CaseFolder, path: Path, sha256: str) -> set[tuple[str, str]]:
    """Return path and digest under which a certificate may name a file, which was perhaps sealed later."""
    name = path.relative_to(folder.root).as_posix()
    return {(name, sha256)} | (set() if name.endswith(SEALED_SUFFIX) else {(f"{name}{SEALED_SUFFIX}", "")})


def _exists(path: Path) -> bool:
    """Whether a file is there, perhaps sealed since a version before 0.3 recorded it."""
    return path.exists() or path.with_name(f"{path.name}{SEALED_SUFFIX}").exists()


def _recorded_files(folder: CaseFolder, run: RunFolder) -> Iterator[tuple[Path, str]]:
    if run.parts_list.exists():
        yield from read_inventory(run)
    yield from _output_checks(folder, run)


def _expected_manifest(run: RunFolder) -> Iterator[tuple[Path, str]]:
    """Yield the manifest of a run that has ended, with an empty digest: only the log knows it."""
    if run.record.exists() and _recorded_state(run) not in _UNFINISHED:
        yield run.manifest, ""


def _output_checks(folder: CaseFolder, run: RunFolder) -> Iterator[tuple[Path, str]]:
    if not run.manifest.exists():
        return
    if not is_recorded_manifest(folder, run):
        if _recorded_state(run) not in _UNFINISHED:
            raise IntegrityBroken(
                "the manifest differs from the one that the log recorded", "restore it from a backup", run.manifest
            )
        return
    manifest = decode_json(run.manifest.read_text())
    yield from ((run.tables / file["path"], file["sha256"]) for file in manifest["files"])
    yield from ((run.case_root / each["path"], each["sha256"]) for each in manifest.get("pictures", ()))


def is_recorded_manifest(folder: CaseFolder, run: RunFolder) -> bool:
    """Whether the run's manifest names this run and was published at some time, according to the log."""
    name = folder.manifest.relative_to(folder.root).as_posix()
    published = {noted_digests(line).get(name) for line in read_chain(folder.audit_file).lines}
    return sha256_of_file(run.manifest) in published and decode_json(run.manifest.read_text())["run"] == run.run_id


def _recorded_state(run: RunFolder) -> str:
    """Return the state in the run's record; empty if it cannot be read."""
    try:
        record = decode_json(run.record.read_text())
    except (OSError, ValueError):
        return ""
    return str(record.get("state", "")) if isinstance(record, dict) else ""
