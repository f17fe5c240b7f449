"""What was published: the run, and every file with its rows and digest."""

import json
from enum import Enum, auto
from typing import Any

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.custody.registered_files import ABSENT, WRITES, files_in
from forensics.errors import IntegrityBroken, UsageError
from forensics.spelling import in_shell

__all__ = ["Published", "published_state", "read_manifest"]

_EXPECTED = frozenset({"path", "rows", "bytes", "sha256"})


def read_manifest(folder: CaseFolder) -> dict[str, Any]:
    """What `tables/MANIFEST.json` says.

    Raises:
        UsageError: nothing was published yet, or a run ended while it put its tables in place.
        IntegrityBroken: it is no manifest any more, or is gone.
    """
    try:
        manifest: dict[str, Any] = json.loads(folder.manifest.read_text())
        if not manifest["run"] or not all(file.keys() >= _EXPECTED for file in manifest["files"]):
            raise KeyError("run, files")
    except FileNotFoundError as error:
        raise _not_there(folder) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityBroken(
            f"not a manifest any more ({error})",
            f"run `forensics run {in_shell(folder.root)}` again, which publishes anew",
            folder.manifest,
        ) from error
    return manifest


def _not_there(folder: CaseFolder) -> UsageError | IntegrityBroken:
    """Why there is no manifest, as far as the log knows."""
    state, again = published_state(folder), f"run `forensics run {in_shell(folder.root)}`"
    if state is Published.NEVER:
        return UsageError("nothing was published yet", f"{again} first", folder.root)
    if state is Published.HALF:
        return UsageError(
            "there are no tables, a run ended while it put its own in place", f"{again} again", folder.root
        )
    return IntegrityBroken("is not there any more", f"{again} again, which publishes anew", folder.manifest)


class Published(Enum):
    """What the log says of the manifest."""

    NEVER = auto()
    HALF = auto()
    WHOLE = auto()


def published_state(folder: CaseFolder) -> Published:
    """Whether a manifest should be there: none, one that was about to be written, or one that was."""
    name = folder.manifest.relative_to(folder.root).as_posix()
    notes = [line for line in read_chain(folder.audit_file).lines if name in files_in(line)]
    if not notes or files_in(notes[-1])[name] == ABSENT:
        return Published.NEVER
    return Published.HALF if notes[-1].command == WRITES else Published.WHOLE
