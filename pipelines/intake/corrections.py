"""Correction of what was stated about evidence: its camera, and the start of its clock."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from forensics.custody.corrections import Correction
from forensics.errors import UsageError
from forensics.footage.evidence import Evidence, Source
from forensics.place import Place, place_of
from forensics.spelling import fault_in_camera, spelled_as_known
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.intake.evidence_lists import EvidenceLists

__all__ = ["NO_CORRECTIONS", "Corrector", "clock_text", "correct_cameras", "start_corrections"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Corrector:
    """What an ingest does with statements that differ from earlier ones.

    Attributes:
        record: puts corrections into the log, before they are made.
        may_replace: whether an earlier statement may be replaced; a first one is always taken.
    """

    record: Callable[[Sequence[Correction]], None]
    may_replace: bool

    def check(self, place: Place, corrections: Sequence[Correction]) -> None:
        """Raise `UsageError` if these would replace a statement that must stay."""
        replaced = [each for each in corrections if each.before is not None]
        if not replaced or self.may_replace:
            return
        before, after = (
            ", ".join(f"{each.name} {getattr(each, side)}" for each in replaced) for side in ("before", "after")
        )
        raise UsageError(
            f"{place} was ingested before with {before}, now with {after}",
            "to correct it, give the same command with --reason TEXT; otherwise leave --start and --clock-error out",
        )


NO_CORRECTIONS: Final = Corrector(lambda corrections: None, may_replace=False)


def correct_cameras(
    files: DecidingFiles,
    footage: Sequence[str],
    camera: str,
    *,
    known_cameras: Iterable[str],
    record: Callable[[Sequence[Correction]], None],
) -> list[Correction]:
    """State another camera for evidence, and for the paths that it was ingested from.

    Args:
        files: writes the lists of the case; the caller holds its lock.
        footage: evidence ids, or paths as they were ingested.
        camera: name of the camera.
        known_cameras: names that the case knows besides those of its evidence.
        record: puts the corrections into the log, before they are made.

    Returns:
        what was corrected; empty if all of it is of this camera already.

    Raises:
        UsageError: something given is no footage of the case, or the name is blank; nothing is changed.
    """
    lists = EvidenceLists.load(files.folder)
    fault = fault_in_camera(camera)
    if fault:
        raise UsageError(f"the name of the camera {camera!a} {fault}", "give the name of the camera after the footage")
    camera = spelled_as_known(camera, [*known_cameras, *(item.camera_id for item in lists.evidence.values())])
    meant = [source for given in footage for source in _find(lists, given)]
    _refuse_footage(lists, camera)
    stated = {source.evidence_id or str(source.path): _camera_of(lists, source) for source in meant}
    before = {of: name for of, name in stated.items() if name != camera}
    corrections = [Correction(of, "camera", camera_id, camera) for of, camera_id in sorted(before.items())]
    if corrections:
        record(corrections)
        lists.set_camera(meant, camera)
        lists.save(files)
    return corrections


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


def start_corrections(
    known: Evidence, start_utc_us: int | None, start_stated: str | None, clock_error_ms: int | None
) -> list[Correction]:
    """Return what another statement about its start would change about evidence; what is not stated stays.

    Args:
        known: evidence of the case.
        start_utc_us: start that is stated now; None states none.
        start_stated: the same as it is stated; None if that is not known.
        clock_error_ms: largest error of it; None states none.
    """
    compared: list[tuple[str, str | None, str | None]] = []
    if start_utc_us is not None:
        before = None if known.start_utc_us is None else known.start_stated or clock_text(known.start_utc_us)
        after = start_stated or clock_text(start_utc_us)
        # of a case of an older version the same time is stated, and only how is new
        is_same = start_utc_us == known.start_utc_us and None in (start_stated, known.start_stated)
        compared.append(("start", before, before if is_same else after))
    if clock_error_ms is not None:
        compared.append(("clock error", _error_text(known.clock_error_ms), _error_text(clock_error_ms)))
    return [Correction(known.evidence_id, *each) for each in compared if each[1] != each[2]]


def clock_text(microseconds: int) -> str:
    """Return an instant in ISO 8601, from microseconds since 1970 UTC."""
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


def _error_text(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else f"{milliseconds} ms"
