"""Footage found at or below a path that the user gave, and the folder that stands for its viewpoint.

Folders of memory cards (``DCIM/100MEDIA``, ``101_PANA``) and of dates (``2026-05-01``, ``2026/05/01/10``) name no
viewpoint, so they are left out when a viewpoint is named.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from forensics.place import Place, StoreObject

__all__ = ["FoundFootage", "is_below_card", "naming_path", "place_parts"]

_CARD: Final = (
    r"(?i:DCIM(?:/\d{3}[^/]{5})*|(?:PRIVATE/)?(?:AVCHD|M4ROOT|MP_ROOT)(?:/BDMV)?(?:/STREAM|/CLIP|/\d{3}[^/]{5})*)"
    r"|[1-9]\d\d(?=[^/]*[A-Za-z_])(?:[A-Z0-9_]{5}|[a-z0-9_]{5})"
)
_MONTH, _DAY, _HOUR = "(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])", r"(?:[01]\d|2[0-3])"
_DATE: Final = (
    rf"(?:19|20)\d\d(?:/{_MONTH}(?:/{_DAY}(?:/{_HOUR})?)?(?=/|$))"
    rf"|(?:19|20)\d\d[-_.]?{_MONTH}[-_.]?{_DAY}(?:[-_T ]?{_HOUR}[-_.]?[0-5]\d(?:[-_.]?[0-5]\d)?)?(?:/{_HOUR})?(?=/|$)"
)
_NO_VIEWPOINT: Final = re.compile(rf"(?:^|(?<=/))(?:{_CARD}|{_DATE})(?:/|$)")
_ONLY_CARD: Final = re.compile(rf"(?:^|(?<=/))(?:{_CARD})(?:/|$)")


@dataclass(frozen=True, slots=True)
class FoundFootage:
    """Footage found at or below a path that the user gave.

    Attributes:
        place: file, folder of stills or object.
        given: path that the user gave.
        site: folder below a folder of stills that holds all of them; empty if there is none.
    """

    place: Place
    given: Place
    site: str = ""

    @property
    def is_given(self) -> bool:
        """Whether the user gave this very path."""
        return self.place == self.given

    @property
    def folders_between(self) -> str:
        """Path from the given folder to the folder that holds the footage, with slashes; empty if it is that one."""
        above, parts = place_parts(self.given), place_parts(self.place)
        is_folder = isinstance(self.place, Path) and self.place.is_dir()
        return "/".join(parts[len(above) :] if is_folder else parts[len(above) : -1])


def place_parts(place: Place) -> tuple[str, ...]:
    """Return the parts of a path or of the address of an object; a path is made absolute, without reading links.

    >>> place_parts(StoreObject("s3://archive/gate/10.mp4"))
    ('s3:', 'archive', 'gate', '10.mp4')
    """
    # abspath, because `resolve` would name a link by the file that it leads to
    return PurePosixPath(place.url if isinstance(place, StoreObject) else os.path.abspath(place)).parts  # noqa: PTH100


def naming_path(folders: str) -> str:
    """Return a relative path of folders without those of memory cards and dates.

    >>> [naming_path(each) for each in ("gate/2026/05/01", "Site_001/DCIM/100EK113", "2026-05-01/north/gate/13")]
    ['gate', 'Site_001', 'north/gate/13']
    """
    return _NO_VIEWPOINT.sub("", folders).strip("/")


def is_below_card(folders: str) -> bool:
    """Whether a relative path of folders contains one of a memory card.

    >>> [is_below_card(each) for each in ("DCIM/100MEDIA", "101_PANA", "101North", "2026-05-01", "Stream")]
    [True, True, False, False, False]
    """
    return bool(_ONLY_CARD.search(folders))
