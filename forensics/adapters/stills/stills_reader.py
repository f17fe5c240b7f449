"""A folder or a zip of stills, read as one evidence.

Its frames are its pictures by (time, name); their order is worked out anew whenever it is opened
and held against the index, so a picture that came, went or changed is found before one is read.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from forensics.adapters.pictures.frame_summary import gate_picture
from forensics.adapters.stills.album import MEMBER_FAULTS, Album, Picture, digest_stills, is_stills, open_album
from forensics.adapters.stills.capture_time import Stamped, Times, choose_times, spread
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
from forensics.adapters.store.checked_file import disk_failed, on_disk, refuse_failing_disk
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
    """Every picture of an album in the order of its frames.

    Attributes:
        album: whose pictures these are; closed by now.
        pictures, headers, pts: parallel; a header that could not be read is its fault in words.
        times: where the times come from.
        n_moved: pictures moved by milliseconds, because another one claims theirs.
    """

    album: Album
    pictures: tuple[Picture, ...]
    headers: tuple[Header | str, ...]
    pts: Int64Array
    times: Times
    n_moved: int

    def index(self) -> PacketIndex:
        """The address of every picture."""
        n_pictures = len(self.pictures)
        sizes = np.array([picture.size_bytes for picture in self.pictures], dtype=np.int64)
        shown = np.zeros(n_pictures, dtype=np.bool_)
        return PacketIndex(self.pts, np.ones(n_pictures, dtype=np.bool_), sizes, shown, _MILLISECOND)


@dataclass(frozen=True, slots=True, eq=False)
class _StillsReader:
    """Hands out the pictures of one folder or zip; it fills `FrameReader`."""

    path: Path
    pictures: tuple[Picture, ...]
    index: PacketIndex
    view: View

    def read(self, wanted: Int64Array, watch: MotionGate | None = None) -> Iterator[Item]:
        """Yield each wanted picture, decoded on its own."""
        with open_album(self.path) as album:
            for number in wanted.tolist():
                yield gate_picture(self._read_one(album, number), self.index, watch)

    def _read_one(self, album: Album, number: int) -> Frame | Gap:
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
            return Gap(number, "decode_error", _in_words(error))
        return Frame(number, int(self.index.pts[number]), rgb, width_px, height_px)

    def _bytes_of(self, album: Album, picture: Picture) -> bytes:
        """The whole picture, so that a zip holds it against its checksum."""
        try:
            with album.open(picture) as stream:
                data = stream.read()
        except FileNotFoundError as error:
            raise _changed(f"{self.path}: {_spelt(picture.name)} is gone") from error
        except OSError as error:
            raise disk_failed(self.path, error) from error
        if len(data) != picture.size_bytes:
            raise _changed(
                f"{self.path}: {_spelt(picture.name)} has {len(data)} bytes, the index says {picture.size_bytes}"
            )
        return data


def index_stills(path: Path) -> Indexed:
    """List the pictures of a folder or zip in the order of their times, from headers alone.

    Raises:
        UnreadableFootage: it holds no picture that can be read.
        DecoderLost: the disk fails.
    """
    survey = _survey(path)
    readable = [header for header in survey.headers if isinstance(header, Header)]
    if not readable:
        raise UnreadableFootage(path, "no_media", _shortfall(survey))
    return Indexed(
        index=survey.index(),
        medium=_medium(survey.album.container, readable, survey.times.timing),
        footage=Footage(path, Reader.STILLS, 0, 0),
        working_copy_sha256=None,
        reader_reason=_reason(survey),
        shortfall=_shortfall(survey),
        picture_names=tuple(_spelt(picture.name) for picture in survey.pictures),
    )


def open_reader(footage: Footage, index: PacketIndex, view: View) -> FrameReader:
    """Hold the pictures against their index and hand out a reader of them.

    Raises:
        IntegrityBroken: the pictures are no longer those that were indexed.
    """
    path = on_disk(footage.path)
    survey = _survey(path)
    _check_unchanged(path, survey.index(), index)
    return _StillsReader(path, survey.pictures, index, view)


def _survey(path: Path) -> _Survey:
    with open_album(path) as album, strict_pillow():
        if not album.pictures:
            raise UnreadableFootage(path, "no_media", "it holds no pictures")
        headers = [_header(path, album, picture) for picture in album.pictures]
    stamped = [_stamped(picture, header) for picture, header in zip(album.pictures, headers, strict=True)]
    times = choose_times(stamped, _FILE_CLOCKS[album.container])
    moments = np.array(times.moments_ms, dtype=np.int64)
    # Stable, so that the album's name order breaks ties.
    order = np.argsort(moments, kind="stable")
    pts = spread(moments[order])
    return _Survey(
        album=album,
        pictures=tuple(album.pictures[place] for place in order),
        headers=tuple(headers[place] for place in order),
        pts=pts,
        times=times,
        n_moved=int(np.count_nonzero(pts != moments[order] - moments[order[0]])),
    )


def _header(path: Path, album: Album, picture: Picture) -> Header | str:
    if picture.size_bytes > MAX_PICTURE_BYTES:
        return f"{picture.size_bytes} bytes"
    try:
        with album.open(picture) as stream:
            return read_header(stream)
    except (*PICTURE_FAULTS, *MEMBER_FAULTS) as error:
        refuse_failing_disk(path, error)
        return _in_words(error)


def _stamped(picture: Picture, header: Header | str) -> Stamped:
    exif_ms = header.exif_ms if isinstance(header, Header) else None
    return Stamped(picture.name, exif_ms, picture.file_time_ms, isinstance(header, Header))


def _medium(container: str, readable: list[Header], timing: Timing) -> Medium:
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


def _reason(survey: _Survey) -> str:
    """Where the times come from, with the first picture's as it was recorded."""
    times = survey.times
    sentences = [f"times from {times.source}, first picture {times.first()} {times.clock}"]
    if times.timing is Timing.ASSUMED:
        sentences = ["no times: pictures are in name order, one millisecond apart"]
    if times.passed_over:
        sentences.append(f"{times.passed_over}: {times.source} used")
    if survey.n_moved:
        sentences.append(f"{survey.n_moved} pictures share an instant and are one millisecond apart, in name order")
    return "; ".join(sentences)


def _shortfall(survey: _Survey) -> str:
    sentences = [_too_large(survey), _unreadable(survey)]
    if survey.album.n_refused:
        what = (
            "members of the zip have names" if survey.album.container == "zip" else "pictures of the folder are links"
        )
        sentences.append(f"{survey.album.n_refused} {what} that lead out of it and are left out")
    return "; ".join(filter(None, sentences))


def _spelt(name: str) -> str:
    r"""The name as text: bytes that are not UTF-8, as other systems' names may hold, are spelt out.

    >>> _spelt("caf\udce9.jpg")
    'caf\\xe9.jpg'
    """
    return os.fsencode(name).decode(errors="backslashreplace")


def _unreadable(survey: _Survey) -> str:
    pairs = zip(survey.pictures, survey.headers, strict=True)
    faults = [f"{_spelt(picture.name)} ({header})" for picture, header in pairs if isinstance(header, str)]
    return f"{len(faults)} of {len(survey.headers)} pictures cannot be read, the first is {faults[0]}" if faults else ""


def _too_large(survey: _Survey) -> str:
    headers = (header for header in survey.headers if isinstance(header, Header))
    n_large = sum(header.width_px * header.height_px > MAX_PIXELS for header in headers)
    return f"{n_large} pictures are larger than {MAX_PIXELS} pixels and are not decoded" if n_large else ""


def _check_unchanged(path: Path, found: PacketIndex, index: PacketIndex) -> None:
    """Same number, sizes and times: then each number still means the same picture."""
    if found.n_frames != index.n_frames:
        problem = f"{path}: {found.n_frames} pictures, the index has {index.n_frames}"
    elif not (np.array_equal(found.size, index.size) and np.array_equal(found.pts, index.pts)):
        problem = f"{path}: sizes or times of its pictures are not those of the index"
    else:
        return
    raise _changed(problem)


def _changed(problem: str) -> IntegrityBroken:
    return IntegrityBroken(problem, "bring the original pictures back, or ingest the folder again")


def _in_words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
