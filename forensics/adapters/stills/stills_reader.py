"""Reader of a folder or ZIP archive of stills as one evidence.

Its frames are its pictures in the order of capture. Every opening computes this order again, by the rules that made the
packet index, and compares it with the index. A picture that was added, removed or changed is found before any is
decoded.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from forensics.adapters.pictures.frame_summary import apply_gate
from forensics.adapters.stills.album import (
    MEMBER_FAULTS,
    Album,
    Picture,
    escape_name,
    is_stills,
    open_album,
    read_picture,
)
from forensics.adapters.stills.arrangement import MILLISECOND, Arrangement, arrange, arrange_by_time
from forensics.adapters.stills.capture_time import choose_times
from forensics.adapters.stills.contents import (
    Contents,
    describe_error,
    describe_rest,
    describe_shortfall,
    describe_source,
    describe_unread,
    picture_facts,
)
from forensics.adapters.stills.earlier_order import earlier_times, was_picture
from forensics.adapters.stills.picture_formats import Recognise, is_picture
from forensics.adapters.stills.pixels import (
    MAX_PICTURE_BYTES,
    PICTURE_FAULTS,
    Header,
    TooLarge,
    lenient_pillow,
    read_header,
    read_pixels,
    strict_pillow,
)
from forensics.adapters.store.checked_file import disk_failure, raise_if_disk_failed, require_local_path
from forensics.errors import IntegrityBroken, UnreadableFootage
from forensics.footage.clock_jumps import describe_sections
from forensics.footage.evidence import Footage, Indexed, Medium, Reader, Timing
from forensics.footage.frames import Frame, FrameReader, Gap, Item, View
from forensics.footage.motion_gate import MotionGate
from forensics.footage.timeline import Int64Array, PacketIndex, Section

__all__ = ["index_stills", "is_stills", "open_reader"]

_FILE_CLOCKS = {"folder": "UTC, and copying may have changed it", "zip": "by the packer's clock, no time zone"}


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
        except MEMBER_FAULTS as error:
            return Gap(number, "decode_error", describe_error(error))
        try:
            with strict_pillow():
                return self._frame(number, data)
        except TooLarge as error:
            return Gap(number, "too_large", str(error))
        except PICTURE_FAULTS as error:
            gap = Gap(number, "decode_error", describe_error(error))
        return self._show_damaged(gap, data) if self.view.shows_damaged else gap

    def _show_damaged(self, gap: Gap, data: bytes) -> Frame | Gap:
        """Decode what there is of a damaged picture; the gap if that is nothing."""
        try:
            with lenient_pillow():
                return replace(self._frame(gap.number, data), doubt=gap)
        except (TooLarge, *PICTURE_FAULTS):
            return gap

    def _frame(self, number: int, data: bytes) -> Frame:
        rgb, (width_px, height_px) = read_pixels(data, self.view)
        return Frame(number, int(self.index.pts[number]), rgb, width_px, height_px)

    def _bytes_of(self, album: Album, picture: Picture) -> bytes:
        """Read the whole picture, so that a ZIP checks its CRC."""
        try:
            data = read_picture(album, picture)
        except FileNotFoundError as error:
            raise _changed_error(f"{self.path}: {escape_name(picture.name)} is gone") from error
        except OSError as error:
            raise disk_failure(self.path, error) from error
        if len(data) != picture.size_bytes:
            raise _changed_error(
                f"{self.path}: {escape_name(picture.name)} has {len(data)} bytes, the index says {picture.size_bytes}"
            )
        return data


def index_stills(path: Path) -> Indexed:
    """Index the pictures of a folder or ZIP archive in the order of capture; only headers are read.

    Raises:
        UnreadableFootage: it holds no readable picture.
        DecoderLost: the disk fails.
    """
    contents = _read_contents(path)
    readable = [header for header in contents.headers if isinstance(header, Header)]
    if not readable:
        problems = filter(None, (describe_shortfall(contents), describe_unread(contents.album)))
        raise UnreadableFootage(path, "no_media", "; ".join(problems))
    times = choose_times(contents.timestamps, _FILE_CLOCKS[contents.album.container])
    arrangement = arrange(contents.names, times)
    index = _make_index(contents, arrangement, _mark_order(contents, arrangement))
    index = replace(index, pictures=picture_facts(contents, times, arrangement))
    return Indexed(
        index=index,
        medium=_describe_medium(contents.album.container, readable, times.timing),
        footage=Footage(path, Reader.STILLS, 0, 0),
        working_copy_sha256=None,
        reader_reason=describe_source(times, arrangement),
        shortfall=describe_shortfall(contents),
        remark="; ".join([*times.remarks, *arrangement.remarks, *describe_sections(index), *describe_rest(contents)]),
        picture_names=tuple(escape_name(contents.names[place]) for place in arrangement.order),
    )


def open_reader(footage: Footage, index: PacketIndex, view: View) -> FrameReader:
    """Compare the pictures with their packet index and return a reader of them.

    Raises:
        IntegrityBroken: the pictures are not those that were indexed.
    """
    path = require_local_path(footage.path)
    contents = _read_indexed(path, index)
    if index.sections:
        times = choose_times(contents.timestamps, _FILE_CLOCKS[contents.album.container])
        arrangement = arrange(contents.names, times)
    else:
        arrangement = arrange_by_time(earlier_times(contents.timestamps))
    _check_unchanged(path, _make_index(contents, arrangement, arrangement.sections), index)
    pictures = tuple(contents.album.pictures[place] for place in arrangement.order)
    return _StillsReader(path, pictures, index, view)


def _read_indexed(path: Path, index: PacketIndex) -> Contents:
    """Read the pictures of an index: those of today's rules, unless only the earlier rules give their number."""
    contents = _read_contents(path)
    if len(contents.headers) == index.n_frames:
        return contents
    with open_album(path, was_picture) as album:
        is_earlier = len(album.pictures) == index.n_frames
    return _read_contents(path, was_picture) if is_earlier else contents


def _read_contents(path: Path, is_member: Recognise = is_picture) -> Contents:
    """List the pictures and read their headers."""
    with open_album(path, is_member) as album, strict_pillow():
        if not album.pictures:
            problems = filter(None, ("it holds no pictures", describe_unread(album)))
            raise UnreadableFootage(path, "no_media", "; ".join(problems))
        headers = tuple(_read_header(path, album, picture) for picture in album.pictures)
    return Contents(album, headers)


def _mark_order(contents: Contents, arrangement: Arrangement) -> tuple[Section, ...]:
    """Return the sections of an index; one section marks an order that differs from that of the earlier rules.

    An index without sections was written by the earlier rules, or by rules that give the same order for its pictures.
    """
    earlier = arrange_by_time(earlier_times(contents.timestamps))
    return arrangement.sections or (() if arrangement.is_same_order(earlier) else (Section(0, 0),))


def _make_index(contents: Contents, arrangement: Arrangement, sections: tuple[Section, ...]) -> PacketIndex:
    """Return the packet index of the pictures."""
    n_pictures = len(arrangement.order)
    sizes = np.array([contents.album.pictures[place].size_bytes for place in arrangement.order], dtype=np.int64)
    shown = np.zeros(n_pictures, dtype=np.bool_)
    is_key = np.ones(n_pictures, dtype=np.bool_)
    return PacketIndex(arrangement.pts, is_key, sizes, shown, MILLISECOND, sections=sections)


def _read_header(path: Path, album: Album, picture: Picture) -> Header | str:
    """Read the header of a picture, or return its fault as text."""
    if picture.size_bytes > MAX_PICTURE_BYTES:
        return f"{picture.size_bytes} bytes"
    try:
        with album.open(picture) as stream:
            return read_header(stream)
    except (*PICTURE_FAULTS, *MEMBER_FAULTS) as error:
        raise_if_disk_failed(path, error)
        return describe_error(error)


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
    return IntegrityBroken(
        problem, "bring the original pictures back, with their file times, or ingest the folder again"
    )
