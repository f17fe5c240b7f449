"""Manifest of the published tables: the run, and every file with its rows and digest."""

import json
from enum import Enum, auto

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.custody.registered_files import ABSENT, WRITES, noted_digests
from forensics.errors import IntegrityBroken, UsageError
from forensics.json_object import JsonObject
from forensics.spelling import in_shell

__all__ = ["PublishedState", "published_state", "read_manifest"]

_FILE_KEYS = frozenset({"path", "rows", "bytes", "sha256"})


def read_manifest(folder: CaseFolder) -> JsonObject:
    """Read `tables/MANIFEST.json`.

    Raises:
        UsageError: nothing was published yet, or a run ended while it published its tables.
        IntegrityBroken: the manifest is missing, or is no valid manifest.
    """
    try:
        manifest: JsonObject = json.loads(folder.manifest.read_text())
        if not manifest["run"] or not all(file.keys() >= _FILE_KEYS for file in manifest["files"]):
            raise KeyError("run, files")
    except FileNotFoundError as error:
        raise _missing_manifest_error(folder) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityBroken(
            f"is not a valid manifest ({error})",
            f"run `forensics run {in_shell(folder.root)}` again, which publishes the tables again",
            folder.manifest,
        ) from error
    return manifest


def _missing_manifest_error(folder: CaseFolder) -> UsageError | IntegrityBroken:
    """Return the error for a missing manifest, by what the log records."""
    state, run_command = published_state(folder), f"run `forensics run {in_shell(folder.root)}`"
    if state is PublishedState.NEVER:
        return UsageError("nothing was published yet", f"{run_command} first", folder.root)
    if state is PublishedState.HALF:
        return UsageError(
            "there are no tables, because a run ended while it published them", f"{run_command} again", folder.root
        )
    return IntegrityBroken("is missing", f"{run_command} again, which publishes the tables again", folder.manifest)


class PublishedState(Enum):
    """State of the published tables by the log: never published, about to be published, or published."""

    NEVER = auto()
    HALF = auto()
    WHOLE = auto()


def published_state(folder: CaseFolder) -> PublishedState:
    """Return from the log whether tables were never published, about to be published, or published."""
    name = folder.manifest.relative_to(folder.root).as_posix()
    lines = [line for line in read_chain(folder.audit_file).lines if name in noted_digests(line)]
    if not lines or noted_digests(lines[-1])[name] == ABSENT:
        return PublishedState.NEVER
    return PublishedState.HALF if lines[-1].command == WRITES else PublishedState.WHOLE
