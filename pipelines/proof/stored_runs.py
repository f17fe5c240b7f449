"""Digests of the files in all run folders, published or not: `reproduce` and other runs use these files.

Missing parts and tables are ignored: faces are destroyed when a run is superseded, and missing parts are made again.
Existing files must be unchanged since tables were made from them.
"""

from collections.abc import Iterator
from pathlib import Path

from forensics.custody.case_folder import CaseFolder, RunFolder
from forensics.custody.log import read_chain
from forensics.custody.registered_files import noted_digests
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.json_object import decode_json
from forensics.tables.run_inventory import read_inventory

__all__ = ["is_recorded_manifest", "stored_run_checks"]

_UNFINISHED = {"running", "interrupted", "refused"}


def stored_run_checks(folder: CaseFolder) -> Iterator[tuple[Path, str]]:
    """Yield path and recorded SHA-256 of every existing part, table and picture of all runs.

    Raises:
        IntegrityBroken: an inventory cannot be read, or the manifest of a finished run differs from the published one.
    """
    for run in folder.run_folders():
        checks = [*(read_inventory(run) if run.parts_list.exists() else ()), *_output_checks(folder, run)]
        yield from (check for check in checks if check[0].exists())


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
