"""Sections of recordings as people name them: evidence and number, such as `3f2a91c04d77e810#2`."""

from forensics.custody.case_folder import CaseFolder
from forensics.errors import UsageError
from forensics.spelling import in_shell
from forensics.tables.evidence import load_evidence, load_index

__all__ = ["find_section"]


def find_section(folder: CaseFolder, camera_id: str, name: str) -> tuple[str, int]:
    """Return evidence id and number of a later section of a camera's recording.

    Args:
        folder: the case.
        camera_id: camera of the recording.
        name: start of the evidence id, `#` and the number of the section; the first section is number 1.

    Raises:
        UsageError: the camera has no such section.
    """
    prefix, _, number = name.partition("#")
    recordings = [
        item
        for item in load_evidence(folder)
        if item.camera_id == camera_id and item.evidence_id.startswith(prefix) and item.readable is not None
    ]
    list_command = f"`forensics query {in_shell(folder.root)} sections` lists them, after a run"
    if len(recordings) != 1 or not prefix:
        raise UsageError(f"{name!r}: {len(recordings)} recordings of camera {camera_id!r} begin so", list_command)
    n_sections = max(1, len(load_index(folder, recordings[0]).sections))
    if not number.isascii() or not number.isdigit() or not 2 <= int(number) <= n_sections:
        raise UsageError(
            f"{name!r} is no later section: the recording has {n_sections}, and the first one begins at its --start",
            list_command,
        )
    return recordings[0].evidence_id, int(number)
