"""Manifest of the published tables: the run, and every file with its rows and digest."""

from enum import Enum, auto
from pathlib import PurePosixPath
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.custody.registered_files import ABSENT, WRITES, accepted_contents, noted_digests
from forensics.custody.result_retention import removal_statement, results_removed
from forensics.digests import sha256_of_bytes
from forensics.errors import IntegrityBroken, UsageError
from forensics.json_object import JsonObject, decode_json
from forensics.spelling import in_shell

__all__ = ["PublishedState", "published_state", "read_manifest"]


def _require_inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise ValueError("is not a path inside the case")
    return path


class _StoredPicture(BaseModel):
    """One picture in the manifest."""

    model_config = ConfigDict(strict=True)

    path: Annotated[str, AfterValidator(_require_inside)]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class _StoredTable(_StoredPicture):
    """One file of a table in the manifest."""

    rows: int = Field(ge=0)
    bytes: int = Field(ge=0)


class _StoredManifest(BaseModel):
    """What a manifest must contain; versions may add fields, and old ones list no pictures."""

    model_config = ConfigDict(strict=True)

    run: str = Field(pattern=r"^[0-9a-f]{16}$")
    files: list[_StoredTable]
    pictures: list[_StoredPicture] = []


_READINGS: Final = 3
"""How often a manifest that differs from the log is read, because a run may be publishing."""


def read_manifest(folder: CaseFolder) -> JsonObject:
    """Read `tables/MANIFEST.json`, after comparing its digest with the log.

    Raises:
        UsageError: nothing was published yet, a run ended while it published its tables, or retention removed them.
        IntegrityBroken: the manifest is missing, is no valid manifest, or differs from the one that the log records.
    """
    try:
        manifest: JsonObject = decode_json(_read_recorded(folder))
        _StoredManifest.model_validate(manifest)
    except FileNotFoundError as error:
        raise _missing_manifest_error(folder) from error
    except ValueError as error:
        raise IntegrityBroken(
            f"is not a valid manifest ({_first_line(error)})",
            f"run `forensics run {in_shell(folder.root)}` again, which publishes the tables again",
            folder.manifest,
        ) from error
    return manifest


def _read_recorded(folder: CaseFolder) -> bytes:
    """Return the bytes of the manifest, which are those that the log records; version 0.1 recorded none."""
    name, case = _name_in_log(folder), in_shell(folder.root)
    for _ in range(_READINGS):
        stored = folder.manifest.read_bytes()
        accepted = accepted_contents(read_chain(folder.audit_file).lines).get(name)
        if accepted is None or sha256_of_bytes(stored) in accepted:
            return stored
    raise IntegrityBroken(
        "was changed by something other than a `forensics` command",
        f"run `forensics verify {case}` to see what has changed; `forensics run {case}` publishes the tables again",
        folder.manifest,
    )


def _name_in_log(folder: CaseFolder) -> str:
    return folder.manifest.relative_to(folder.root).as_posix()


def _first_line(error: ValueError) -> str:
    """Return what is wrong: of several invalid fields the first."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def _missing_manifest_error(folder: CaseFolder) -> UsageError | IntegrityBroken:
    """Return the error for a missing manifest, by what the log records."""
    removed_utc = results_removed(folder)
    state, run_command = published_state(folder), f"run `forensics run {in_shell(folder.root)}`"
    if state is PublishedState.NEVER:
        return UsageError("nothing was published yet", f"{run_command} first", folder.root)
    if state is PublishedState.REMOVED and removed_utc is not None:
        return UsageError(
            removal_statement(removed_utc),
            f"while the mandate is active, {run_command} makes them again from the evidence",
            folder.root,
        )
    if state is PublishedState.HALF:
        return UsageError(
            "there are no tables, because a run ended while it published them", f"{run_command} again", folder.root
        )
    return IntegrityBroken("is missing", f"{run_command} again, which publishes the tables again", folder.manifest)


class PublishedState(Enum):
    """State of the published tables by the log: never or about to be published, published, or removed by retention."""

    NEVER = auto()
    HALF = auto()
    WHOLE = auto()
    REMOVED = auto()


def published_state(folder: CaseFolder) -> PublishedState:
    """Return from the log whether tables were never published, about to be published, published, or removed."""
    if results_removed(folder) is not None:
        return PublishedState.REMOVED
    name = _name_in_log(folder)
    lines = [line for line in read_chain(folder.audit_file).lines if name in noted_digests(line)]
    if not lines or noted_digests(lines[-1])[name] == ABSENT:
        return PublishedState.NEVER
    return PublishedState.HALF if lines[-1].command == WRITES else PublishedState.WHOLE
