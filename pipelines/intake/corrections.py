"""Correction of what was stated about evidence: its camera, and the start of its clock."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from forensics.custody.corrections import Correction
from forensics.errors import UsageError
from forensics.footage.evidence import Evidence, Source
from forensics.place import Place, place_of
from forensics.spelling import in_shell, spelled_as_known
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.intake.evidence_lists import EvidenceLists

__all__ = ["clock_text", "correct_cameras", "start_corrections"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    if not camera.strip():
        raise UsageError("the name of the camera is blank", "give the name of the camera after the footage")
    camera = spelled_as_known(camera, [*known_cameras, *(item.camera_id for item in lists.evidence.values())])
    meant = [source for given in footage for source in _find(lists, given)]
    others = [source for source in meant if source.camera_id != camera]
    before = {source.evidence_id or str(source.path): source.camera_id for source in others}
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
        root = in_shell(lists.folder.root)
        raise UsageError(f"{given} is no footage of this case", f"`forensics status {root}` lists its footage")
    return found


def _is_at(path: Place, given: Place) -> bool:
    if isinstance(path, Path) or isinstance(given, Path):
        return isinstance(path, Path) and isinstance(given, Path) and path.is_relative_to(given)
    return path == given or (given.url.endswith("/") and path.url.startswith(given.url))


def start_corrections(known: Evidence, start_utc_us: int | None, clock_error_ms: int | None) -> list[Correction]:
    """Return what another statement of its start would change about evidence; empty if it has no start yet.

    Args:
        known: evidence of the case.
        start_utc_us: start that is stated now; None states none.
        clock_error_ms: largest error of it; None states none.
    """
    if start_utc_us is None or known.start_utc_us is None:
        return []
    compared = [
        ("start", clock_text(known.start_utc_us), clock_text(start_utc_us)),
        ("clock error", _error_text(known.clock_error_ms), _error_text(clock_error_ms)),
    ]
    return [Correction(known.evidence_id, *each) for each in compared if each[1] != each[2]]


def clock_text(microseconds: int) -> str:
    """Return an instant in ISO 8601, from microseconds since 1970 UTC."""
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")


def _error_text(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else f"{milliseconds} ms"
