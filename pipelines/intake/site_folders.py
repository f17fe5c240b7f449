"""Folders of stills below a given folder: one for each site, because pictures of two sites are two cameras.

Folders of memory cards and dates are no sites: ``Site_001/DCIM/100EK113`` and ``Site_001/DCIM/101EK113`` are one site.
The pictures of a folder are always read with those of its subfolders, so no site may lie within another one.
"""

from collections import Counter
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Final

from forensics.adapters.stills.album import open_album
from forensics.errors import DecoderLost, UnreadableFootage, UsageError
from pipelines.intake.found_footage import FoundFootage, naming_path

__all__ = ["find_sites"]

_SHOWN: Final = 5
_ONE_CAMERA: Final = "give --camera NAME if all of them are of one camera"


def find_sites(folder: Path) -> list[FoundFootage]:
    """Return the folders whose pictures are one evidence each: its sites, or the given folder if there is only one.

    Raises:
        UsageError: the folder has pictures of its own beside those of sites, so that no folder stands for them.
    """
    sites = _count_pictures(folder)
    if len({naming_path(str(site)) for site in sites}) <= 1:
        return [FoundFootage(folder, folder, str(min(sites)) if any(site.parts for site in sites) else "")]
    _refuse_nested(folder, sites)
    return [FoundFootage(folder / site, folder) for site in sorted(sites)]


def _count_pictures(folder: Path) -> Counter[PurePosixPath]:
    """Return the number of pictures of each site, by its path relative to the folder."""
    try:
        with open_album(folder) as album:
            parents = Counter(PurePosixPath(picture.name).parent for picture in album.pictures)
    except (UnreadableFootage, DecoderLost):
        return Counter()  # ingest reports it
    sites = Counter[PurePosixPath]()
    for parent, number in parents.items():
        sites[_site_of(parent)] += number
    return sites


def _site_of(parent: PurePosixPath) -> PurePosixPath:
    """Return the folder without the card and date folders at its end.

    >>> str(_site_of(PurePosixPath("2026-05-01/Site_001/DCIM/100EK113")))
    '2026-05-01/Site_001'
    """
    name = naming_path(str(parent)) if parent.parts else ""
    above = [each for each in (*reversed(parent.parents), parent) if naming_path(str(each)) == name and each.parts]
    return above[0] if name and above else PurePosixPath()


def _refuse_nested(folder: Path, sites: Collection[PurePosixPath]) -> None:
    """Refuse sites within other sites."""
    for site in sorted(sites):
        inner = sorted(str(each) for each in sites if site != each and site in each.parents)
        if inner:
            more = f" and {len(inner) - _SHOWN} more" if len(inner) > _SHOWN else ""
            raise UsageError(
                f"holds pictures beside folders with pictures of their own: {', '.join(inner[:_SHOWN])}{more}; they "
                "may be of several cameras",
                f"give the folders one by one after moving the pictures beside them into a folder, or {_ONE_CAMERA}",
                folder / site,
            )
