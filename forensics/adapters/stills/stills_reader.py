"""Reader of a folder or ZIP archive of stills as one evidence.

Its frames are its pictures, ordered by capture time, ties by name. Every opening computes this order again and compares
it with the packet index. A picture that was added, removed or changed is found before any is decoded.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from forensics.adapters.pictures.frame_summary import apply_gate
from forensics.adapters.stills.album import MEMBER_FAULTS, Album, Picture, digest_stills, is_stills, open_album
from forensics.adapters.stills.capture_time import CaptureTimes, PictureTimestamps, choose_times, space_out_times
from forensics.adapters.stills.pixels import (
    MAX_PICTURE_BYTES,
    MAX_PIXELS,
    PICTURE_FAULTS,
    Header,
    TooLarge,
    read_header,
    read_pixels,
    strict_pillow,
)
from forensics.adapters.store.checked_file import disk_failure, raise_if_disk_failed, require_local_path
from forensics.errors import IntegrityBroken, UnreadableFootage
from forensics.footage.evidence import Footage, Indexed, Medium, Reader, Timing
from forensics.footage.frames import Frame, FrameReader, Gap, Item, View
from forensics.footage.motion_gate import MotionGate
from forensics.footage.timeline import Int64Array, PacketIndex

__all__ = ["digest_stills", "index_stills", "is_stills", "open_reader"]

_MILLISECOND = Fraction(1, 1000)
_FILE_CLOCKS = {"folder": "UTC, and copying may have changed it", "zip": "by the packer's clock, no time zone"}


@dataclass(frozen=True, slots=True)
class _Survey:
    """Every picture of an album, in the order of the frames.

    Attributes:
        album: the folder or archive; closed by now.
        pictures, headers, pts: parallel; in place of an unreadable header, its fault as text.
        times: the capture times and their source.
        n_moved: pictures moved by milliseconds because another one has the same time.
    """

    album: Album
    pictures: tuple[Picture, ...]
    headers: tuple[Header | str, ...]
    pts: Int64Array
    times: CaptureTimes
    n_moved: int

    def index(self) -> PacketIndex:
        """Return the packet index of the pictures."""
        n_pictures = len(self.pictures)
        sizes = np.array([picture.size_bytes for picture in self.pictures], dtype=np.int64)
        shown = np.zeros(n_pictures, dtype=np.bool_)
        return PacketIndex(self.pts, np.ones(n_pictures, dtype=np.bool_), sizes, shown, _MILLISECOND)


@dataclass(frozen=True, slots=True, eq=False)
class _StillsReader:
    """Reads the pictures of one folder or ZIP archive; implements `FrameReader`."""

    path: Path
    pictures: tuple[Picture, ...]
    index: PacketIndex
    view: View

    def read(self, wanted: Int64Array, gate: MotionGate | None = None) -> Iterator[Item]:
        """Yield each wanted picture, decoded on its own."""
        with open_album(self.path) as album:
            for number in wanted.tolist():
                yield apply_gate(self._read_one(album, number), self.index, gate)

    def _read_one(self, album: Album, number: int) -> Frame | Gap:
        """Decode one picture, or return a gap with the reason."""
        picture = self.pictures[number]
        if picture.size_bytes > MAX_PICTURE_BYTES:
            return Gap(number, "too_large", f"{picture.size_bytes} bytes")
        try:
            data = self._bytes_of(album, picture)
            with strict_pillow():
                rgb, (width_px, height_px) = read_pixels(data, self.view)
        except TooLarge as error:
            return Gap(number, "too_large", str(error))
        except (*PICTURE_FAULTS, *MEMBER_FAULTS) as error:
            return Gap(number, "decode_error", _describe_error(error))
        return Frame(number, int(self.index.pts[number]), rgb, width_px, height_px)

    def _bytes_of(self, album: Album, picture: Picture) -> bytes:
        """Read the whole picture, so that a ZIP checks its CRC."""
        try:
            with album.open(picture) as stream:
                data = stream.read()
        except FileNotFoundError as error:
            raise _changed_error(f"{self.path}: {_escape_name(picture.name)} is gone") from error
        except OSError as error:
            raise disk_failure(self.path, error) from error
        if len(data) != picture.size_bytes:
            raise _changed_error(
                f"{self.path}: {_escape_name(picture.name)} has {len(data)} bytes, the index says {picture.size_bytes}"
            )
        return data


def index_stills(path: Path) -> Indexed:
    """Index the pictures of a folder or ZIP archive in the order of their capture times; only headers are read.

    Raises:
        UnreadableFootage: it holds no readable picture.
        DecoderLost: the disk fails.
    """
    survey = _survey(path)
    readable = [header for header in survey.headers if isinstance(header, Header)]
    if not readable:
        raise UnreadableFootage(path, "no_media", _describe_shortfall(survey))
    return Indexed(
        index=survey.index(),
        medium=_describe_medium(survey.album.container, readable, survey.times.timing),
        footage=Footage(path, Reader.STILLS, 0, 0),
        working_copy_sha256=None,
        reader_reason=_describe_times(survey),
        shortfall=_describe_shortfall(survey),
        picture_names=tuple(_escape_name(picture.name) for picture in survey.pictures),
    )


def open_reader(footage: Footage, index: PacketIndex, view: View) -> FrameReader:
    """Compare the pictures with their packet index and return a reader of them.

    Raises:
        IntegrityBroken: the pictures are not those that were indexed.
    """
    path = require_local_path(footage.path)
    survey = _survey(path)
    _check_unchanged(path, survey.index(), index)
    return _StillsReader(path, survey.pictures, index, view)


def _survey(path: Path) -> _Survey:
    """List the pictures, read their headers, and order them by capture time."""
    with open_album(path) as album, strict_pillow():
        if not album.pictures:
            raise UnreadableFootage(path, "no_media", "it holds no pictures")
        headers = [_read_header(path, album, picture) for picture in album.pictures]
    timestamps = [_collect_timestamps(picture, header) for picture, header in zip(album.pictures, headers, strict=True)]
    times = choose_times(timestamps, _FILE_CLOCKS[album.container])
    times_ms = np.array(times.times_ms, dtype=np.int64)
    # Stable, so that the album's name order breaks ties.
    order = np.argsort(times_ms, kind="stable")
    pts = space_out_times(times_ms[order])
    return _Survey(
        album=album,
        pictures=tuple(album.pictures[place] for place in order),
        headers=tuple(headers[place] for place in order),
        pts=pts,
        times=times,
        n_moved=int(np.count_nonzero(pts != times_ms[order] - times_ms[order[0]])),
    )


def _read_header(path: Path, album: Album, picture: Picture) -> Header | str:
    """Read the header of a picture, or return its fault as text."""
    if picture.size_bytes > MAX_PICTURE_BYTES:
        return f"{picture.size_bytes} bytes"
    try:
        with album.open(picture) as stream:
            return read_header(stream)
    except (*PICTURE_FAULTS, *MEMBER_FAULTS) as error:
        raise_if_disk_failed(path, error)
        return _describe_error(error)


def _collect_timestamps(picture: Picture, header: Header | str) -> PictureTimestamps:
    """Collect the times recorded for a picture."""
    exif_ms = header.exif_ms if isinstance(header, Header) else None
    return PictureTimestamps(picture.name, exif_ms, picture.file_time_ms, isinstance(header, Header))


def _describe_medium(container: str, readable: list[Header], timing: Timing) -> Medium:
    """Describe the pictures: the most common size and codec of the readable ones."""
    width_px, height_px = Counter((header.width_px, header.height_px) for header in readable).most_common(1)[0][0]
    return Medium(
        container=container,
        codec=Counter(header.codec for header in readable).most_common(1)[0][0],
        width_px=width_px,
        height_px=height_px,
        rotation_degrees=0,
        rate_stated=None,
        rate_counted=None,
        n_frames_from_header=None,
        timing=timing,
        other_streams=(),
    )


def _describe_times(survey: _Survey) -> str:
    """Describe the source of the times, with the time of the first picture as it was recorded."""
    times = survey.times
    sentences = [f"times from {times.source}, first picture {times.first()} {times.clock}"]
    if times.timing is Timing.ASSUMED:
        sentences = ["no times: pictures are in name order, one millisecond apart"]
    if times.rejected_sources:
        sentences.append(f"{times.rejected_sources}: {times.source} used")
    if survey.n_moved:
        sentences.append(f"{survey.n_moved} pictures share an instant and are one millisecond apart, in name order")
    return "; ".join(sentences)


def _describe_shortfall(survey: _Survey) -> str:
    """Describe the pictures that are left out or cannot be read; empty if there are none."""
    sentences = [_describe_too_large(survey), _describe_unreadable(survey)]
    if survey.album.n_refused:
        what = (
            "members of the zip have names" if survey.album.container == "zip" else "pictures of the folder are links"
        )
        sentences.append(f"{survey.album.n_refused} {what} that lead out of it and are left out")
    return "; ".join(filter(None, sentences))


def _escape_name(name: str) -> str:
    r"""Return a name as valid text: bytes that are not UTF-8, as names from other systems may hold, become escapes.

    >>> _escape_name("caf\udce9.jpg")
    'caf\\xe9.jpg'
    """
    return os.fsencode(name).decode(errors="backslashreplace")


def _describe_unreadable(survey: _Survey) -> str:
    """Describe the unreadable pictures; empty if there are none."""
    pairs = zip(survey.pictures, survey.headers, strict=True)
    faults = [f"{_escape_name(picture.name)} ({header})" for picture, header in pairs if isinstance(header, str)]
    return f"{len(faults)} of {len(survey.headers)} pictures cannot be read, the first is {faults[0]}" if faults else ""


def _describe_too_large(survey: _Survey) -> str:
    """Describe the pictures that are too large to decode; empty if there are none."""
    headers = (header for header in survey.headers if isinstance(header, Header))
    n_large = sum(header.width_px * header.height_px > MAX_PIXELS for header in headers)
    return f"{n_large} pictures are larger than {MAX_PIXELS} pixels and are not decoded" if n_large else ""


def _check_unchanged(path: Path, found: PacketIndex, index: PacketIndex) -> None:
    """Check that number, sizes and times are those of the index, so that each frame number means the same picture."""
    if found.n_frames != index.n_frames:
        problem = f"{path}: {found.n_frames} pictures, the index has {index.n_frames}"
    elif not (np.array_equal(found.size, index.size) and np.array_equal(found.pts, index.pts)):
        problem = f"{path}: sizes or times of its pictures are not those of the index"
    else:
        return
    raise _changed_error(problem)


def _changed_error(problem: str) -> IntegrityBroken:
    """Build the error for pictures that changed since they were indexed."""
    return IntegrityBroken(problem, "bring the original pictures back, or ingest the folder again")


def _describe_error(error: BaseException) -> str:
    """Return type and message of an exception."""
    return f"{type(error).__name__}: {error}"
