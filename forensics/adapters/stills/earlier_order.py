"""Choice and order of pictures by the rules of versions 0.1 and 0.2, so that what they ingested still opens.

A file with one of seven suffixes was a picture, unless its name began with ``._``. All pictures had one source of time:
DateTimeOriginal of EXIF without its offset, a calendar time in the name, an epoch in the name, the file time. A source
was used only if every readable picture had it. Nothing here changes any more.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np

from forensics.adapters.stills.exif_times import calendar_ms
from forensics.adapters.stills.name_times import name_epoch_ms
from forensics.adapters.stills.time_sources import PictureTimestamps
from forensics.footage.timeline import Int64Array

__all__ = ["earlier_times", "was_picture"]

_PICTURE = re.compile(r"\.(jpe?g|png|bmp|tiff?|webp)\Z", re.IGNORECASE)
_CALENDAR = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_./:]?(0[1-9]|1[0-2])[-_./:]?(0[1-9]|[12]\d|3[01])[-_./ T]{0,3}"
    r"([01]\d|2[0-3])[-_./:]?([0-5]\d)[-_./:]?([0-5]\d)(?:[.,](\d{1,6})|(\d{3}))?(?!\d)"
)


def was_picture(name: str, read_start: Callable[[], bytes]) -> bool:
    """Whether a file was a picture by the earlier rules."""
    return bool(_PICTURE.search(name)) and not name.rpartition("/")[2].startswith("._")


def earlier_times(pictures: Sequence[PictureTimestamps]) -> Int64Array:
    """Return the times by the earlier rules, (N,) int64 milliseconds; all 0 without any source.

    Args:
        pictures: the pictures in name order.
    """
    for read_ms in (_original_ms, _calendar_ms, lambda one: name_epoch_ms(one.name), lambda one: one.file_time_ms):
        times = [read_ms(picture) for picture in pictures]
        is_complete = not any(one.is_readable and at is None for one, at in zip(pictures, times, strict=True))
        if is_complete and any(at is not None for at in times):
            return _fill_missing(times)
    return np.zeros(len(pictures), dtype=np.int64)


def _original_ms(picture: PictureTimestamps) -> int | None:
    """Return DateTimeOriginal without its offset; None if absent."""
    return picture.exif.original.wall_ms if picture.exif.original else None


def _calendar_ms(picture: PictureTimestamps) -> int | None:
    """Return the last time of the 24-hour clock that ends in the file's own name; None if absent."""
    start_of_own = picture.name.rfind("/") + 1
    found = [match for match in _CALENDAR.finditer(picture.name) if match.end() > start_of_own]
    return (
        calendar_ms([int(part) for part in found[-1].groups()[:6]], found[-1][7] or found[-1][8] or "")
        if found
        else None
    )


def _fill_missing(times: Sequence[int | None]) -> Int64Array:
    """Replace each missing time by the one before it; those at the start by the first known."""
    last, filled = next(at for at in times if at is not None), []
    for at in times:
        last = last if at is None else at
        filled.append(last)
    return np.array(filled, dtype=np.int64)
