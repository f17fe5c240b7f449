"""What was published: the run, and every file with its rows and digest."""

import json
from typing import Any

from forensics.case import CaseFolder
from forensics.errors import IntegrityBroken, UsageError
from forensics.spelling import in_shell

__all__ = ["read_manifest"]

_EXPECTED = frozenset({"path", "rows", "bytes", "sha256"})


def read_manifest(folder: CaseFolder) -> dict[str, Any]:
    """What `tables/MANIFEST.json` says.

    Raises:
        UsageError: nothing was published yet.
        IntegrityBroken: it is no manifest any more.
    """
    try:
        manifest: dict[str, Any] = json.loads(folder.manifest.read_text())
        if not manifest["run"] or not all(file.keys() >= _EXPECTED for file in manifest["files"]):
            raise KeyError("run, files")
    except FileNotFoundError as error:
        raise UsageError(
            f"{folder.root}: nothing was published yet", f"run `forensics run {in_shell(folder.root)}` first"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IntegrityBroken(
            f"{folder.manifest}: not a manifest any more ({error})",
            f"run `forensics run {in_shell(folder.root)}` again, which publishes anew",
        ) from error
    return manifest
