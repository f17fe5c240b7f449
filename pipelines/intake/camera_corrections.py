"""Correction of the camera of footage."""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forensics.custody.case_document import Case
from forensics.custody.corrections import Correction
from forensics.errors import UsageError
from forensics.footage.evidence import Source
from forensics.place import Place, place_of
from forensics.spelling import compose
from pipelines.intake.camera_spelling import known_cameras, spell_stated_cameras
from pipelines.intake.evidence_lists import EvidenceLists

__all__ = ["CameraCorrection", "plan_camera_correction"]

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class CameraCorrection:
    """Footage of which another camera is stated.

    Attributes:
        camera: name of the new camera.
        sources: paths of the footage, also those that are of this camera already.
        corrections: what changes, by evidence, or by path for what is no evidence; empty if nothing does.
        cameras_before: cameras of the footage that changes.
        emptied: those of them of which no footage is left.
        has_other_footage: whether the new camera has footage besides this.
    """

    camera: str
    sources: tuple[Source, ...]
    corrections: tuple[Correction, ...]
    cameras_before: frozenset[str]
    emptied: frozenset[str]
    has_other_footage: bool


def plan_camera_correction(
    lists: EvidenceLists, footage: Sequence[str], camera: str, *, case: Case, is_new: bool
) -> CameraCorrection:
    """Return what it changes to state another camera for evidence, and for the paths that it was ingested from.

    Args:
        lists: evidence and sources of the case.
        footage: evidence ids, or paths as they were ingested.
        camera: name of the camera.
        case: the case.
        is_new: whether the user said that a name that looks like a known one is another camera.

    Raises:
        UsageError: something given is no footage of the case, or the name of the camera is faulty or looks like that
            of a camera that keeps other footage.
    """
    meant = list(dict.fromkeys(source for given in footage for source in _find(lists, given)))
    ids = {source.evidence_id for source in meant} - {None}
    staying = {_camera_of(lists, each) for each in lists.sources if each not in meant and each.evidence_id not in ids}
    camera = _spelled(lists, camera, case, {_camera_of(lists, source) for source in meant} - staying, is_new=is_new)
    _refuse_footage(lists, camera)
    before = dict.fromkeys((source.evidence_id or str(source.path), _camera_of(lists, source)) for source in meant)
    changed = sorted((of, name) for of, name in before if name != camera)
    cameras_before = frozenset(name for _, name in changed)
    return CameraCorrection(
        camera=camera,
        sources=tuple(meant),
        corrections=tuple(Correction(of, "camera", name, camera) for of, name in changed),
        cameras_before=cameras_before,
        emptied=cameras_before - staying,
        has_other_footage=camera in staying or (camera in {name for _, name in before}),
    )


def _spelled(lists: EvidenceLists, camera: str, case: Case, emptied: Collection[str], *, is_new: bool) -> str:
    """Return the new camera as the case spells it; a name that none of its footage keeps may be spelled better."""
    known = known_cameras(case, [*lists.evidence.values(), *lists.sources])
    if camera not in known:
        known = [name for name in known if name not in emptied or compose(name) == compose(camera.strip())]
    (spelled,) = spell_stated_cameras([camera], known, is_new=is_new)
    return spelled


def _find(lists: EvidenceLists, given: str) -> list[Source]:
    """Return the sources that are meant by an evidence id or a path; of a folder, everything below it."""
    place = place_of(given)
    place = place.absolute() if isinstance(place, Path) else place
    found = [each for each in lists.sources if each.evidence_id == given or _is_at(each.path, place)]
    if not found:
        raise UsageError(f"{given} is no footage of this case", _footage_text(lists, given))
    return found


def _camera_of(lists: EvidenceLists, source: Source) -> str:
    known = lists.evidence.get(source.evidence_id or "")
    return source.camera_id if known is None else known.camera_id


def _refuse_footage(lists: EvidenceLists, camera: str) -> None:
    """Check that the last argument is a camera, and not one more file."""
    if any(camera in (source.evidence_id, source.path.name, str(source.path)) for source in lists.sources):
        raise UsageError(f"{camera} is footage of this case, and no camera", "give the camera after the footage")


def _footage_text(lists: EvidenceLists, given: str) -> str:
    """Return which footage the case has: what is called similarly, else the first of it."""
    paths = sorted({str(source.path) for source in lists.sources})
    by_name = {path: Path(path).name for path in paths}
    similar = set(difflib.get_close_matches(Path(given).name, by_name.values(), n=_SHOWN))
    shown = [path for path in paths if by_name[path] in similar] or paths
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return f"give a path as it was ingested: {', '.join(shown[:_SHOWN]) or 'none yet'}{more}"


def _is_at(path: Place, given: Place) -> bool:
    if isinstance(path, Path) or isinstance(given, Path):
        return isinstance(path, Path) and isinstance(given, Path) and path.is_relative_to(given)
    return path == given or (given.url.endswith("/") and path.url.startswith(given.url))
