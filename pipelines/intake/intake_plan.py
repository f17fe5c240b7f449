"""Plan of an ingest: which footage becomes evidence of which camera, when it starts, and what is left out.

Nothing is decoded, and nothing is written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from forensics.custody.case_document import Case
from forensics.errors import UsageError
from forensics.footage.evidence import Evidence
from forensics.place import Place
from forensics.spelling import compose, fault_in_camera
from forensics.tables.evidence import load_evidence, load_sources
from pipelines.intake.camera_names import (
    describe_camera_folders,
    describe_names_without_times,
    describe_shared_names,
    name_cameras,
)
from pipelines.intake.footage_list import ListedFootage
from pipelines.intake.footage_paths import LeftOut, expand_paths, find_left_out
from pipelines.intake.found_footage import FoundFootage
from pipelines.intake.names_with_time import name_without_time
from pipelines.intake.start_times import Start, StartRule, Starts, describe_starts, find_starts
from pipelines.intake.unknown_clocks import describe_missing_clock_errors

__all__ = ["IntakePlan", "IntakeRequest", "PlannedFootage", "plan_intake", "refuse_unclear_starts"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class IntakeRequest:
    """Footage that the user gave, as paths or as lines of a list.

    Attributes:
        places: paths that the user gave; of a list, the footage that it names.
        camera: name of the camera of all of it; None to take those of the list, or to make them from files and folders.
        listed: footage of a list; empty without a list.
    """

    places: tuple[Place, ...]
    camera: str | None = None
    listed: tuple[ListedFootage, ...] = ()

    @property
    def states_cameras(self) -> bool:
        """Whether the user named the cameras."""
        return self.camera is not None or bool(self.listed)


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


def plan_intake(request: IntakeRequest, rule: StartRule, case: Case) -> IntakePlan:
    """Return what an ingest of this footage will do.

    Args:
        request: footage given by the user.
        rule: how start times are stated.
        case: case that the footage is for.

    Raises:
        CannotStart: the objects below a prefix cannot be listed.
        UsageError: no folder stands for some pictures, or the start times are not valid.
    """
    evidence = load_evidence(case.folder)
    if request.listed:
        found = [each.found for each in request.listed]
        starts = Starts(tuple(each.start for each in request.listed))
        cameras = _spell_as_known([each.camera for each in request.listed], case, evidence)
        remarks = describe_starts(found, starts)
    else:
        _check_camera(request.camera)
        found = expand_paths(request.places, is_one_camera=request.camera is not None)
        starts = find_starts(found, rule)
        cameras, about_cameras = _name_cameras(found, request.camera, rule, case, evidence)
        remarks = [*about_cameras, *describe_starts(found, starts)]
    _refuse_divided_evidence(found, {source.path for source in load_sources(case.folder)})
    planned = tuple(map(PlannedFootage, (each.place for each in found), cameras, starts.of))
    stated = [(each.camera_id, each.start.clock_error_ms) for each in planned if each.start.at is not None]
    remarks += describe_missing_clock_errors(case, stated)
    return IntakePlan(planned, tuple(find_left_out(request.places)), tuple(remarks))


def _check_camera(camera: str | None) -> None:
    fault = "" if camera is None else fault_in_camera(camera)
    if fault:
        raise UsageError(f"the name --camera {camera!a} {fault}", "give a name in visible letters")


def _name_cameras(
    found: Sequence[FoundFootage], camera: str | None, rule: StartRule, case: Case, evidence: Sequence[Evidence]
) -> tuple[list[str], list[str]]:
    """Return the name of the camera of each piece of footage, and what people should know of them."""
    name_file = name_without_time if rule.is_in_names else str
    remarks = describe_camera_folders(found, camera, name_file)
    if camera is not None:
        return _spell_as_known([camera] * len(found), case, evidence), remarks
    known = {item.path: item.camera_id for item in evidence}
    derived = zip(found, _spell_as_known(name_cameras(found, name_file), case, evidence), strict=True)
    names = [known.get(_absolute(each.place)) or name for each, name in derived]
    remarks += describe_shared_names(found, names, evidence)
    return names, [*remarks, *([describe_names_without_times(names)] if rule.is_in_names else [])]


def _absolute(place: Place) -> Place:
    return place.absolute() if isinstance(place, Path) else place


def _spell_as_known(names: Iterable[str], case: Case, evidence: Iterable[Evidence]) -> list[str]:
    """Return names of cameras, their letters composed as in the name that was stated first."""
    known = [*case.mandate.cameras, *case.cameras, *dict.fromkeys(item.camera_id for item in evidence)]
    exact, by_spelling = set(known), dict[str, str]()
    for name in known:
        by_spelling.setdefault(compose(name), name)
    return [name if name in exact else by_spelling.setdefault(compose(name), name) for name in names]


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
            "state these starts with their offset in --starts FILE.csv, beside --start from-name for the others",
        )
