"""Clock corrections of cameras when footage is stated to be of another camera: whether they go with the footage.

A correction belongs to a camera. If the name of the camera was misspelled, the correction was measured on this footage
and goes with it. If the footage is of another camera, the clock of that camera dates it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from forensics.custody.case_document import Case
from forensics.custody.corrections import Correction
from forensics.errors import UsageError
from forensics.footage.cameras import Camera
from pipelines.custody.case_store import with_clock, without_clock
from pipelines.intake.camera_corrections import CameraCorrection
from pipelines.intake.corrections import clock_text

__all__ = ["ClockChoice", "MovedClock", "clock_corrections", "plan_moved_clock"]


class ClockChoice(StrEnum):
    """Which clock dates footage whose camera is corrected: the one it had, or that of the new camera."""

    KEEP = "keep"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class MovedClock:
    """What becomes of clock corrections.

    Attributes:
        kept: clock that the new camera takes over; None if its own stays.
        left: cameras whose correction went with all of their footage.
        corrections: what changes, for the log.
        remarks: what people should know, one line each.
    """

    kept: Camera | None = None
    left: tuple[str, ...] = ()
    corrections: tuple[Correction, ...] = ()
    remarks: tuple[str, ...] = ()

    def before_footage(self, case: Case) -> Case:
        """Return the case as it must be before the footage gets its camera: no time changes in between."""
        return case if self.kept is None else with_clock(case, self.kept)

    def after_footage(self, case: Case) -> Case:
        """Return the case without the corrections that went with the footage."""
        for camera_id in self.left:
            case = without_clock(case, camera_id)
        return case


def plan_moved_clock(case: Case, move: CameraCorrection, choice: ClockChoice | None) -> MovedClock:
    """Return what becomes of the clock corrections when footage gets another camera.

    Args:
        case: the case.
        move: footage and its new camera.
        choice: which clock dates the footage; None if the user did not state it.

    Raises:
        UsageError: the choice is not stated and not clear, or one clock cannot date all of the footage.
    """
    target = case.camera(move.camera)
    before = [case.camera(name) for name in sorted(move.cameras_before)]
    other = [each for each in before if not _is_same(each, target)]
    if not other:
        return MovedClock()
    if choice is None:
        choice = _clear_choice(other, target, move)
    return _keep(other, before, target, move) if choice is ClockChoice.KEEP else _follow(other, target, move)


def _clear_choice(other: Sequence[Camera], target: Camera, move: CameraCorrection) -> ClockChoice:
    """Return the choice that needs no statement: nothing is lost, and the times of other footage stay."""
    corrected = [each for each in other if _is_corrected(each)]
    if not corrected:
        return ClockChoice.TARGET
    is_renamed = len(move.cameras_before) == 1 and move.cameras_before <= move.emptied
    if is_renamed and not move.has_other_footage and not _is_corrected(target):
        return ClockChoice.KEEP
    raise UsageError(
        f"the clock of camera {corrected[0].camera_id} is corrected by {_text(corrected[0])}, that of camera "
        f"{target.camera_id} by {_text(target)}, so the times of this footage would change",
        f"give --clock keep to take the correction along, or --clock target to date it by the clock of "
        f"{target.camera_id}",
    )


def _keep(other: Sequence[Camera], before: Sequence[Camera], target: Camera, move: CameraCorrection) -> MovedClock:
    if len({replace(each, camera_id="") for each in before}) > 1:
        raise UsageError(
            f"the clocks of cameras {', '.join(each.camera_id for each in before)} differ; one camera cannot keep all",
            "correct the footage of one camera at a time, or give --clock target",
        )
    if move.has_other_footage:
        raise UsageError(
            f"camera {target.camera_id} has other footage, whose times would change with its clock",
            "give --clock target, or correct its clock with `forensics case clock`",
        )
    kept = replace(other[0], camera_id=target.camera_id)
    left = tuple(each.camera_id for each in other if each.camera_id in move.emptied and _is_corrected(each))
    changed = [*clock_corrections(target, kept)]
    for each in other:
        if each.camera_id in left:
            changed += clock_corrections(each, Camera(each.camera_id))
    remark = f"the clock correction of camera {other[0].camera_id} goes along to {target.camera_id}: {_text(kept)}"
    return MovedClock(kept, left, tuple(changed), (remark,))


def _follow(other: Sequence[Camera], target: Camera, move: CameraCorrection) -> MovedClock:
    remarks = [f"the footage is dated by the clock of camera {target.camera_id}: {_text(target)}"]
    remarks += [
        f"camera {each.camera_id} has no footage any more; its clock stays corrected by {_text(each)}"
        for each in other
        if each.camera_id in move.emptied and _is_corrected(each)
    ]
    return MovedClock(remarks=tuple(remarks))


def _is_same(one: Camera, other: Camera) -> bool:
    return replace(one, camera_id="") == replace(other, camera_id="")


def _is_corrected(camera: Camera) -> bool:
    return not _is_same(camera, Camera(""))


def _text(camera: Camera) -> str:
    """Return what is stated about a clock, in words."""
    usual = _values(Camera(camera.camera_id))
    stated = [f"{name} {value}" for name, value in _values(camera).items() if value != usual[name]]
    return ", ".join(stated) or "nothing"


def clock_corrections(before: Camera, after: Camera, of_recordings: Collection[int | None] = ()) -> list[Correction]:
    """Return what changes between two clocks of one camera.

    Args:
        before: the clock as it was.
        after: the clock as it will be.
        of_recordings: clock errors in milliseconds that were stated with its recordings, which count where its clock
            states none; None for a recording without one.
    """
    old, new = _values(before, of_recordings), _values(after, of_recordings)
    return [
        Correction(f"camera {after.camera_id}", name, old[name], new[name]) for name in old if old[name] != new[name]
    ]


def _values(camera: Camera, of_recordings: Collection[int | None] = ()) -> dict[str, str | None]:
    """Return the correction of a clock as text, by name."""
    since, error_ms = camera.drift_from_utc_us, camera.error_ms
    return {
        "offset": f"{camera.offset_ms} ms",
        "clock error": _stated_with(of_recordings) if error_ms is None else f"{error_ms} ms",
        "drift": f"{camera.drift_ppm} ppm",
        "drift from": None if since is None else clock_text(since),
    }


def _stated_with(of_recordings: Collection[int | None]) -> str | None:
    """Return the clock errors that count where a camera states none; None if no recording has one.

    >>> _stated_with({500}), _stated_with({2000, 500, None}), _stated_with({None})
    ('500 ms (of its recordings)', '500 to 2000 ms (of its recordings)', None)
    """
    known = [error for error in of_recordings if error is not None]
    if not known:
        return None
    text = f"{min(known)}" if len(set(known)) == 1 else f"{min(known)} to {max(known)}"
    return f"{text} ms (of its recordings)"
