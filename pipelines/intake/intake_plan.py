"""Plan of an ingest: which footage becomes evidence of which camera, when it starts, and what is left out.

Nothing is decoded, and nothing is written.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from forensics.custody.case_document import Case
from forensics.errors import UsageError
from forensics.footage.evidence import Evidence
from forensics.place import Place
from forensics.spelling import spelled_as_known
from forensics.tables.evidence import load_evidence, load_sources
from pipelines.intake.camera_names import (
    describe_camera_folders,
    describe_names_without_times,
    describe_shared_names,
    name_cameras,
)
from pipelines.intake.footage_paths import LeftOut, expand_paths, find_left_out
from pipelines.intake.found_footage import FoundFootage
from pipelines.intake.names_with_time import name_without_time
from pipelines.intake.start_times import Start, StartRule, describe_starts, find_starts

__all__ = ["IntakePlan", "PlannedFootage", "plan_intake", "refuse_unclear_starts"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class PlannedFootage:
    """One piece of footage that is to be ingested.

    Attributes:
        place: file, folder of stills or object.
        camera_id: name of its camera.
        start: when it starts.
    """

    place: Place
    camera_id: str
    start: Start


@dataclass(frozen=True, slots=True)
class IntakePlan:
    """What an ingest will do.

    Attributes:
        footage: in the order in which it is ingested.
        left_out: files that are not ingested.
        remarks: what people should know of cameras and start times, one line each.
    """

    footage: tuple[PlannedFootage, ...]
    left_out: tuple[LeftOut, ...]
    remarks: tuple[str, ...]


def plan_intake(places: tuple[Place, ...], camera: str | None, rule: StartRule, case: Case) -> IntakePlan:
    """Return what an ingest of these paths will do.

    Args:
        places: paths given by the user.
        camera: name of the camera of all of it; None to make names from files and folders.
        rule: how start times are stated.
        case: case that the footage is for.

    Raises:
        CannotStart: the objects below a prefix cannot be listed.
        UsageError: no folder stands for some pictures, or the start times are not valid.
    """
    found = expand_paths(places, is_one_camera=camera is not None)
    _refuse_divided_evidence(found, {source.path for source in load_sources(case.folder)})
    evidence = load_evidence(case.folder)
    name_file = name_without_time if rule.is_in_names else str
    derived = name_cameras(found, name_file) if camera is None else [camera] * len(found)
    known = _camera_names(case, evidence)
    cameras = {item.path: item.camera_id for item in evidence} if camera is None else {}
    pairs = zip(found, derived, strict=True)
    names = [cameras.get(_absolute(each.place)) or spelled_as_known(name, known) for each, name in pairs]
    starts = find_starts(found, rule)
    remarks = [*describe_camera_folders(found, camera, name_file), *describe_starts(found, starts)]
    if camera is None:
        remarks += describe_shared_names(found, names, evidence)
    if camera is None and rule.is_in_names:
        remarks.append(describe_names_without_times(names))
    planned = map(PlannedFootage, (each.place for each in found), names, starts.of)
    return IntakePlan(tuple(planned), tuple(find_left_out(places)), tuple(remarks))


def _absolute(place: Place) -> Place:
    return place.absolute() if isinstance(place, Path) else place


def _camera_names(case: Case, evidence: Iterable[Evidence]) -> list[str]:
    """Return the names of all cameras of a case, as they were stated first."""
    return [*case.mandate.cameras, *case.cameras, *dict.fromkeys(item.camera_id for item in evidence)]


def _refuse_divided_evidence(found: Iterable[FoundFootage], known: set[Place]) -> None:
    """Check that no folder of stills that is one evidence already is now divided, which would count pictures twice.

    Raises:
        UsageError: one is; nothing was ingested.
    """
    divided = {
        each.given for each in found if isinstance(each.place, Path) and each.place.is_dir() and not each.is_given
    }
    for given in divided:
        if isinstance(given, Path) and given.absolute() in known:
            raise UsageError(
                "is one evidence of this case, but holds pictures of several folders, which would now be evidence each",
                "give --camera NAME to keep it as one, or ingest the folders in a new case",
                given,
            )


def refuse_unclear_starts(plan: IntakePlan) -> None:
    """Check that no local time in a name is ambiguous or does not exist.

    Raises:
        UsageError: one is; nothing was ingested.
    """
    unclear = [f"{each.place.name}: {each.start.problem}" for each in plan.footage if each.start.is_refused]
    if unclear:
        more = [f"and {len(unclear) - _SHOWN} more"] if len(unclear) > _SHOWN else []
        raise UsageError(
            "; ".join([*unclear[:_SHOWN], *more]),
            "state the start of these files in UTC with --starts FILE.csv, beside --start from-name for the others",
        )
