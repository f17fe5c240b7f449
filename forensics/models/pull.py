"""Download of registered models: resumable, and checked by size and digest before a file gets its final name."""

import os
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from forensics.errors import CannotStart, IntegrityBroken
from forensics.models.catalogue import Entry, RemoteFile, entry_named
from forensics.models.digest import digest_of

__all__ = ["OnProgress", "fetch", "pull"]

# called with the bytes downloaded and the total bytes
OnProgress = Callable[[int, int], None]

_BLOCK_BYTES: Final = 1 << 18
_TIMEOUT_S: Final = 30.0


def pull(name: str, into: Path, *, on_progress: OnProgress) -> Path:
    """Download a registered model to the folder `into` and return its path there."""
    return fetch(entry_named(name), into, on_progress=on_progress)


def fetch(entry: Entry, into: Path, *, on_progress: OnProgress) -> Path:
    """Download the model of an entry to `into` and return its path; a folder appears once all its files are checked.

    Raises:
        CannotStart: the download failed; the next call resumes it.
        IntegrityBroken: the downloaded or the existing file has another digest.
    """
    target = into / entry.location
    if target.exists():
        return _check_existing(entry, target, on_progress)
    into.mkdir(parents=True, exist_ok=True)
    if entry.format == "openvino":
        return _fetch_folder(entry, target, on_progress)
    return _fetch_file(entry.files[0], target, on_progress)


def _check_existing(entry: Entry, target: Path, on_progress: OnProgress) -> Path:
    if digest_of(target) != entry.sha256:
        raise IntegrityBroken(f"{target} differs from the registered {entry.name}", "remove it and pull again")
    on_progress(entry.size_bytes, entry.size_bytes)
    return target


def _fetch_folder(entry: Entry, target: Path, on_progress: OnProgress) -> Path:
    staging = target.with_name(f"{target.name}.part")
    staging.mkdir(exist_ok=True)
    before = 0
    for file in entry.files:
        _fetch_file(file, staging / file.name, _with_offset(on_progress, before, entry.size_bytes))
        before += file.size_bytes
    return _move_into_place(staging, target)


def _with_offset(on_progress: OnProgress, before_bytes: int, total_bytes: int) -> OnProgress:
    return lambda done_bytes, _: on_progress(before_bytes + done_bytes, total_bytes)


def _fetch_file(file: RemoteFile, target: Path, on_progress: OnProgress) -> Path:
    if target.exists() and digest_of(target) == file.sha256:
        on_progress(file.size_bytes, file.size_bytes)
        return target
    part = target.with_name(f"{target.name}.part")
    try:
        _download(file, part, on_progress)
    except (OSError, HTTPException) as error:
        raise CannotStart(
            f"{file.source}: the download failed: {error}",
            f"check network and disk space and run the same command again, it resumes; or place the file at {target}",
        ) from error
    _check(file, part)
    return _move_into_place(part, target)


def _download(file: RemoteFile, part: Path, on_progress: OnProgress) -> None:
    have = part.stat().st_size if part.exists() else 0
    if have >= file.size_bytes:
        on_progress(have, file.size_bytes)
        return
    with _request(file, have) as response:
        # a server without range support sends the whole file again
        resumes = response.status == HTTPStatus.PARTIAL_CONTENT and _starts_at(response, have)
        with part.open("ab" if resumes else "wb") as out:
            done = _copy(response, out, have if resumes else 0, file.size_bytes, on_progress)
            out.flush()
            os.fsync(out.fileno())
    if done < file.size_bytes:
        raise ConnectionError(f"the connection ended after {done} of {file.size_bytes} bytes")


def _request(file: RemoteFile, have: int) -> HTTPResponse:
    request = Request(file.source, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response: HTTPResponse = urlopen(request, timeout=_TIMEOUT_S)
    except HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return _request(file, 0)
        raise
    return response


def _starts_at(response: HTTPResponse, have: int) -> bool:
    return (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-")


def _copy(response: HTTPResponse, out: BinaryIO, done: int, total_bytes: int, on_progress: OnProgress) -> int:
    # one byte past the expected end proves that it is another file
    while done <= total_bytes and (block := response.read(min(_BLOCK_BYTES, total_bytes + 1 - done))):
        out.write(block)
        done += len(block)
        on_progress(done, total_bytes)
    return done


def _check(file: RemoteFile, part: Path) -> None:
    size_bytes = part.stat().st_size
    actual = digest_of(part)
    if size_bytes == file.size_bytes and actual == file.sha256:
        return
    part.unlink()
    raise IntegrityBroken(
        f"got {size_bytes} bytes with SHA-256 {actual[:12]}, "
        f"registered are {file.size_bytes} bytes with {file.sha256[:12]}; the download was deleted",
        "pull again; if the error persists, the file at the source has changed",
        file.source,
    )


def _move_into_place(part: Path, target: Path) -> Path:
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return target
