"""Download of a registered model: a file, or a folder that appears once all its files are checked."""

from pathlib import Path

from forensics.errors import IntegrityBroken
from forensics.models.catalogue import Entry
from forensics.models.digest import digest_of
from forensics.models.download import OnProgress, download_file
from forensics.models.storage import explain_disk_errors, lock_model, make_staging, move_into_place

__all__ = ["OnProgress", "fetch"]


def fetch(entry: Entry, into: Path, *, on_progress: OnProgress) -> Path:
    """Download the files of an entry to the folder `into` and return the path of its file or folder there.

    Raises:
        CannotStart: the download failed, or the folder cannot be written; the next call resumes.
        IntegrityBroken: the downloaded or the existing file has another digest.
    """
    target = into / entry.location
    if target.exists():
        return _check_existing(entry, target, on_progress)
    with lock_model(into, entry.name):
        if target.exists():  # another process has downloaded it meanwhile
            return _check_existing(entry, target, on_progress)
        if entry.format == "openvino":
            return _fetch_folder(entry, target, on_progress)
        return download_file(entry.files[0], target, on_progress)


def _check_existing(entry: Entry, target: Path, on_progress: OnProgress) -> Path:
    """Check the digest of a model that is there already."""
    if digest_of(target) != entry.sha256:
        raise IntegrityBroken(
            f"differs from the registered {entry.name}", "remove it, or move it away, and pull again", target
        )
    if entry.size_bytes is not None:
        on_progress(entry.size_bytes, entry.size_bytes)
    return target


def _fetch_folder(entry: Entry, target: Path, on_progress: OnProgress) -> Path:
    """Download all files to a folder with another name, then rename it."""
    staging = target.with_name(f"{target.name}.part")
    with explain_disk_errors(target.parent):
        make_staging(staging)
        before = 0
        for file in entry.files:
            path = download_file(file, staging / file.name, _with_offset(on_progress, before, entry.size_bytes))
            before += path.stat().st_size
        return move_into_place(staging, target)


def _with_offset(on_progress: OnProgress, before_bytes: int, total_bytes: int | None) -> OnProgress:
    return lambda done_bytes, _: on_progress(before_bytes + done_bytes, total_bytes)
