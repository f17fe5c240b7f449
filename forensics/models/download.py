"""Download of one file: resumed after a cut, and checked by size and digest before it gets its final name."""

import errno
import os
import shutil
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from forensics.digests import sha256_of_file
from forensics.errors import CannotStart, IntegrityBroken
from forensics.models.catalogue import RemoteFile
from forensics.models.digest import digest_of
from forensics.models.storage import explain_disk_errors, move_into_place, open_regular, require_single_link

__all__ = ["OnProgress", "download_file"]

# called with the bytes downloaded and the total bytes, None if unknown
OnProgress = Callable[[int, int | None], None]

_BLOCK_BYTES: Final = 1 << 18
_TIMEOUT_S: Final = 30.0
_LARGEST_BYTES: Final = 1 << 30
"""Limit of a file whose size no source states."""
_PAGE_STARTS: Final = (b"<!doctype html", b"<html")


def download_file(file: RemoteFile, target: Path, on_progress: OnProgress) -> Path:
    """Download a file and return its path; only a file with the registered digest gets the name `target`.

    Raises:
        CannotStart: no network, no space, no permission, or a web page in place of the file; the next call resumes.
        IntegrityBroken: the downloaded file has another size or digest; it was deleted.
    """
    with explain_disk_errors(target.parent):
        if target.exists() and digest_of(target) == file.sha256:
            on_progress(target.stat().st_size, file.size_bytes)
            return target
        part = target.with_name(f"{target.name}.part")
        if part.is_symlink() or part.exists():
            os.close(_open_part(part, os.O_RDONLY))
        if not _is_complete(file, part):
            _download(file, target, part, on_progress)
            _check(file, target, part)
        return move_into_place(part, target)


def _open_part(part: Path, flags: int) -> int:
    """Open the partial file, which other users of the folder may have prepared, and return its descriptor.

    Raises:
        CannotStart: it is no regular file, or has a second name.
    """
    descriptor = open_regular(part, flags)
    try:
        require_single_link(descriptor, part)
    except CannotStart:
        os.close(descriptor)
        raise
    return descriptor


def _is_complete(file: RemoteFile, part: Path) -> bool:
    """Whether an earlier process was killed between the last byte and the final name."""
    return part.is_file() and sha256_of_file(part) == file.sha256


def _download(file: RemoteFile, target: Path, part: Path, on_progress: OnProgress) -> None:
    """Write what is missing to the partial file."""
    have = part.stat().st_size if part.exists() else 0
    if file.size_bytes is not None and have >= file.size_bytes:
        return
    with _open(file, target, have) as response:
        # a server without range support sends the whole file again
        resumes = response.status == HTTPStatus.PARTIAL_CONTENT and _starts_at(response, have)
        start = have if resumes else 0
        total = _total_bytes(file, response, start)
        _require_space(part.parent, (total or 0) - start)
        with os.fdopen(_open_part(part, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "ab") as out:
            if not resumes:
                out.truncate(0)
            try:
                done = _copy(response, out, start, total, on_progress)
            except _Cut as cut:
                raise _network_error(file, target, str(cut)) from cut
            finally:
                out.flush()
            os.fsync(out.fileno())
    if total is not None and done < total:
        raise _network_error(file, target, f"the connection ended after {done:,} of {total:,} bytes")


def _open(file: RemoteFile, target: Path, have: int) -> HTTPResponse:
    """Request the rest of a file.

    Raises:
        CannotStart: the server cannot be reached, refuses, or sends a web page; the partial file stays as it is.
    """
    request = Request(file.source, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response: HTTPResponse = urlopen(request, timeout=_TIMEOUT_S)
    except HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            return _open(file, target, 0)
        raise _network_error(file, target, f"the server answered {error.code} {error.reason}") from error
    except URLError as error:
        raise _network_error(file, target, str(error.reason)) from error
    except (OSError, HTTPException) as error:
        raise _network_error(file, target, str(error) or type(error).__name__) from error
    if response.headers.get_content_type() in {"text/html", "application/xhtml+xml"}:
        response.close()
        raise _page_error(file, target)
    return response


def _starts_at(response: HTTPResponse, have: int) -> bool:
    return (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-")


def _total_bytes(file: RemoteFile, response: HTTPResponse, start: int) -> int | None:
    """Return the registered size, else the one that the server states; None if neither is known."""
    if file.size_bytes is not None:
        return file.size_bytes
    return None if response.length is None else start + response.length


def _require_space(folder: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise OSError(errno.ENOSPC, f"{needed_bytes:,} bytes needed, {free:,} free")


class _Cut(Exception):
    """The connection failed while the file was read."""


def _copy(response: HTTPResponse, out: BinaryIO, done: int, total: int | None, on_progress: OnProgress) -> int:
    """Append the response to the file and return the size of the file."""
    # one byte past the expected end proves that it is another file
    limit = (total if total is not None else _LARGEST_BYTES) + 1
    while done < limit and (block := _read(response, min(_BLOCK_BYTES, limit - done))):
        out.write(block)
        done += len(block)
        on_progress(done, total)
    return done


def _read(response: HTTPResponse, n_bytes: int) -> bytes:
    """Read the next bytes, and tell errors of the network from those of the disk."""
    try:
        return response.read(n_bytes)
    except (OSError, HTTPException) as error:
        raise _Cut(str(error) or type(error).__name__) from error


def _check(file: RemoteFile, target: Path, part: Path) -> None:
    """Check the complete download; delete it if it is another file."""
    size_bytes, actual = part.stat().st_size, sha256_of_file(part)
    if actual == file.sha256 and file.size_bytes in (None, size_bytes):
        return
    with part.open("rb") as opened:
        is_page = opened.read(512).lstrip().lower().startswith(_PAGE_STARTS)
    part.unlink()
    if is_page:
        raise _page_error(file, target)
    registered = "" if file.size_bytes is None else f"{file.size_bytes:,} bytes with "
    raise IntegrityBroken(
        f"got {size_bytes:,} bytes with SHA-256 {actual[:12]}, registered are {registered}{file.sha256[:12]}; "
        "the download was deleted",
        "pull again; if the error persists, the file at the source has changed",
        file.source,
    )


def _network_error(file: RemoteFile, target: Path, what: str) -> CannotStart:
    return CannotStart(
        f"the download failed: {what}",
        f"check the network (HTTPS_PROXY names a proxy) and run the same command again, it resumes; or place the file "
        f"at {target}",
        file.source,
    )


def _page_error(file: RemoteFile, target: Path) -> CannotStart:
    return CannotStart(
        "a web page came instead of the file, such as a proxy or a login page sends",
        f"open the address in a browser, or set HTTPS_PROXY; then pull again, or place the file at {target}",
        file.source,
    )
