"""Contents of a folder or ZIP archive of stills: facts about each picture, and their description for people."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forensics.adapters.stills.album import Album, escape_name
from forensics.adapters.stills.arrangement import Arrangement
from forensics.adapters.stills.capture_time import CaptureTimes
from forensics.adapters.stills.exif_times import ExifTimes
from forensics.adapters.stills.picture_formats import CONVERT
from forensics.adapters.stills.pixels import MAX_PAGES, MAX_PIXELS, Header
from forensics.adapters.stills.time_sources import PictureTimestamps
from forensics.footage.pictures import PictureFacts, Timing

__all__ = [
    "Contents",
    "describe_error",
    "describe_rest",
    "describe_shortfall",
    "describe_source",
    "describe_unread",
    "picture_facts",
]

_PYTHON_OBJECT = re.compile(r"\s*<[^<>]*(?:_io\.|object at 0x)[^<>]*>")


@dataclass(frozen=True)
class Contents:
    """Every picture of an album, in name order.

    Attributes:
        album: the folder or archive; closed by now.
        headers: of the pictures, parallel; in place of an unreadable header, its fault as text.
    """

    album: Album
    headers: tuple[Header | str, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the pictures."""
        return tuple(picture.name for picture in self.album.pictures)

    @cached_property
    def timestamps(self) -> tuple[PictureTimestamps, ...]:
        """Times recorded for each picture."""
        pairs = zip(self.album.pictures, self.headers, strict=True)
        return tuple(
            PictureTimestamps(picture.name, header.exif, picture.file_time_ms, is_readable=True)
            if isinstance(header, Header)
            else PictureTimestamps(picture.name, ExifTimes(), picture.file_time_ms, is_readable=False)
            for picture, header in pairs
        )


def picture_facts(contents: Contents, times: CaptureTimes, arrangement: Arrangement) -> PictureFacts:
    """Return what is recorded of each picture, in the order of the frames."""
    order = arrangement.order.tolist()
    timings = tuple(times.timings[place] for place in order)
    taken_ms = np.array(times.times_ms, dtype=np.int64)[arrangement.order]
    timed_ms = [at for at, timing in zip(taken_ms.tolist(), timings, strict=True) if timing is not Timing.ASSUMED]
    first_ms = timed_ms[0] if timed_ms else 0
    headers = (contents.headers[place] for place in order)
    sizes = [(one.width_px, one.height_px) if isinstance(one, Header) else (0, 0) for one in headers]
    return PictureFacts(timings, (taken_ms - first_ms) * 1000, np.array(sizes, dtype=np.int32))


def describe_source(times: CaptureTimes, arrangement: Arrangement) -> str:
    """Describe the source of the times, with the time of the first picture as it was recorded."""
    sentences = [f"times from {times.source}, first picture {times.first()} {times.clock}"]
    if times.timing is Timing.ASSUMED:
        sentences = ["no times: pictures are in name order, one millisecond apart"]
    if times.rejected_sources:
        sentences.append(f"{times.rejected_sources}: {times.source} used")
    if times.counts:
        sentences.append(times.counts)
    if arrangement.n_moved:
        sentences.append(
            f"{arrangement.n_moved} pictures share an instant and are one millisecond apart, in name order"
        )
    return "; ".join(sentences)


def describe_shortfall(contents: Contents) -> str:
    """Describe the pictures that are left out or cannot be read; empty if there are none."""
    album = contents.album
    sentences = [_describe_too_large(contents), _describe_unreadable(contents)]
    if album.n_refused:
        what = "members of the zip have names" if album.container == "zip" else "pictures of the folder are links"
        sentences.append(f"{album.n_refused} {what} that lead out of it and are left out")
    return "; ".join(filter(None, sentences))


def describe_rest(contents: Contents) -> Iterator[str]:
    """Yield what people should know about pictures and pages that are not read."""
    yield from filter(None, (_describe_pages(contents), describe_unread(contents.album)))


def describe_unread(album: Album) -> str:
    """Describe the pictures in formats that are not read, with what to do; empty if there are none."""
    kinds = Counter(name.rpartition(".")[2].lower() for name in album.unread)
    counts = ", ".join(f"{number} .{kind}" for kind, number in sorted(kinds.items()))
    return f"{len(album.unread)} pictures are not read, because of their format ({counts}): {CONVERT}" if kinds else ""


def describe_error(error: BaseException) -> str:
    """Return type and message of an exception, without objects of Python, whose addresses change with every run.

    >>> describe_error(OSError("no picture in <_io.BytesIO object at 0x7f23bbd00fe0>"))
    'OSError: no picture in'
    """
    return f"{type(error).__name__}: {_PYTHON_OBJECT.sub('', str(error))}"


def _describe_pages(contents: Contents) -> str:
    """Describe the pages behind the first of each file, which are not read; empty if there are none."""
    pairs = zip(contents.names, contents.headers, strict=True)
    found = [(name, one.n_pages) for name, one in pairs if isinstance(one, Header) and one.n_pages > 1]
    if not found:
        return ""
    least = "at least " if any(n_pages == MAX_PAGES for _, n_pages in found) else ""
    n_further = sum(n_pages - 1 for _, n_pages in found)
    return (
        f"{least}{n_further} further pages, frames or pictures in {len(found)} files are not read, only the first one "
        f"of each, the first file is {escape_name(found[0][0])}: save each of them as a file of its own to ingest it"
    )


def _describe_unreadable(contents: Contents) -> str:
    """Describe the unreadable pictures; empty if there are none."""
    pairs = zip(contents.names, contents.headers, strict=True)
    faults = [f"{escape_name(name)} ({header})" for name, header in pairs if isinstance(header, str)]
    n_pictures = len(contents.headers)
    return f"{len(faults)} of {n_pictures} pictures cannot be read, the first is {faults[0]}" if faults else ""


def _describe_too_large(contents: Contents) -> str:
    """Describe the pictures that are too large to decode; empty if there are none."""
    headers = (header for header in contents.headers if isinstance(header, Header))
    n_large = sum(header.width_px * header.height_px > MAX_PIXELS for header in headers)
    return f"{n_large} pictures are larger than {MAX_PIXELS} pixels and are not decoded" if n_large else ""
