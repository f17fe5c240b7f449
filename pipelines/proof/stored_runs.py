"""What lies in the folder of every run, published or not: `reproduce` and other runs build on it.

A part or table that is gone is no matter here: faces are forgotten when a run is superseded, and what is missing is
made again. What is there must be what it was when tables were made of it.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from forensics.custody.case_folder import CaseFolder, RunFolder
from forensics.custody.log import read_chain
from forensics.custody.registered_files import files_in
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.tables.run_inventory import parts_named

__all__ = ["is_known", "stored_run_checks"]

_AT_WORK = {"running", "interrupted", "refused"}


def stored_run_checks(folder: CaseFolder) -> Iterator[tuple[Path, str]]:
    """Path and SHA-256 of every part, table and picture that a run's lists name and that is there.

    Raises:
        IntegrityBroken: a list is none, or a finished run's manifest is not one that the log says was published.
    """
    for root in sorted(path for path in folder.runs.glob("*") if path.is_dir()):
        run = folder.run(root.name)
        named = [*(parts_named(run) if run.parts_list.exists() else ()), *_tables(folder, run)]
        yield from (check for check in named if check[0].exists())


def _tables(folder: CaseFolder, run: RunFolder) -> Iterator[tuple[Path, str]]:
    if not run.manifest.exists():
        return
    if not is_known(folder, run):
        if _state(run) not in _AT_WORK:
            raise IntegrityBroken("is not what the log says was published", "restore it from a copy", run.manifest)
        return
    manifest = json.loads(run.manifest.read_text())
    yield from ((run.tables / file["path"], file["sha256"]) for file in manifest["files"])
    yield from ((run.case_root / each["path"], each["sha256"]) for each in manifest.get("pictures", ()))


def is_known(folder: CaseFolder, run: RunFolder) -> bool:
    """Whether the run's manifest is its own and was published at some time, as the log says."""
    name = folder.manifest.relative_to(folder.root).as_posix()
    published = {files_in(line).get(name) for line in read_chain(folder.audit_file).lines}
    return sha256_of_file(run.manifest) in published and json.loads(run.manifest.read_text())["run"] == run.run_id


def _state(run: RunFolder) -> str:
    """As its record says, which the log knows; empty if there is none."""
    try:
        record = json.loads(run.record.read_text())
    except (OSError, ValueError):
        return ""
    return str(record.get("state", "")) if isinstance(record, dict) else ""
