"""`evidence`: correct the camera of footage, find moved footage, and withdraw paths that were given by mistake."""

from pathlib import Path

import click

from forensics.custody.corrections import Correction
from forensics.place import Place
from forensics.spelling import in_shell
from forensics.tables.evidence import load_evidence
from pipelines.cli.corrections import record_corrections
from pipelines.cli.groups import Group
from pipelines.cli.output import (
    NOT_CLEAN,
    emit,
    footage_type,
    json_option,
    new_camera_option,
    path_type,
    required_reason,
    say,
)
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need, Session
from pipelines.intake.camera_corrections import plan_camera_correction
from pipelines.intake.evidence_lists import EvidenceLists
from pipelines.intake.moved_clocks import ClockChoice, plan_moved_clock
from pipelines.intake.relocate import is_absent, relocate
from pipelines.intake.unknown_clocks import describe_unknown_clocks
from pipelines.intake.withdraw import withdraw
from pipelines.run.footage_scope import describe_outside

__all__ = ["evidence"]


@click.group(cls=Group)
def evidence() -> None:
    """Correct the camera of footage, find moved footage, or withdraw a path that was given by mistake."""


@evidence.command("camera")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("footage", metavar="FILE...", nargs=-1, required=True)
@click.argument("camera")
@click.option(
    "--clock",
    type=click.Choice([choice.value for choice in ClockChoice]),
    help="Which clock correction dates the footage: keep, the one it has; target, that of CAMERA.  [default: keep if "
    "the camera only gets another name; refused if another correction would change times]",
)
@new_camera_option
@required_reason("Why the footage is of another camera than was stated.")
@json_option
def camera_command(
    root: Path,
    footage: tuple[str, ...],
    camera: str,
    clock: str | None,
    is_new_camera: bool,
    reason: str,
    as_json: bool,
) -> None:
    """State another camera for footage: files or folders as they were ingested, or evidence ids.

    The log keeps the old name. The next `run` publishes the tables with the new one; nothing is detected again.

    \b
    Example:
      forensics evidence camera my-case gate-1.mp4 gate --reason "the name was misspelled"
    """
    facts = {"footage": list(footage), "camera": camera, **({} if clock is None else {"clock": clock})}
    with (
        open_session(root, "evidence camera", need=Need.CHANGE, reason=reason, facts=facts) as session,
        session.lock(),
    ):
        choice = None if clock is None else ClockChoice(clock)
        corrections = _correct_camera(session, footage, camera, choice, is_new=is_new_camera)
        for line in describe_unknown_clocks(session.case, load_evidence(session.folder)):
            say(line)
        outside = describe_outside(session.case, {each.of for each in corrections})
        if outside:
            say(outside)
    done = [{"evidence_id": each.of, "before": each.before, "after": each.after} for each in corrections]
    text = f"next: forensics run {in_shell(root)}, which publishes the corrected tables"
    emit({"corrected": done}, text if done else f"all of it is footage of camera {camera} already", as_json)


def _correct_camera(
    session: Session, footage: tuple[str, ...], camera: str, choice: ClockChoice | None, *, is_new: bool
) -> tuple[Correction, ...]:
    """State another camera for footage, and say what becomes of its clock; return the cameras that were corrected."""
    lists = EvidenceLists.load(session.folder)
    move = plan_camera_correction(lists, footage, camera, case=session.case, is_new=is_new)
    clock = plan_moved_clock(session.case, move, choice)
    if move.corrections:
        record_corrections(session, [*move.corrections, *clock.corrections])
        if clock.kept is not None:
            session.change(clock.before_footage)
        lists.set_camera(move.sources, move.camera)
        lists.save(session.files)
        if clock.left:
            session.change(clock.after_footage)
        for line in clock.remarks:
            say(line)
    return move.corrections


@evidence.command("relocate")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("search", metavar="FOLDER", type=footage_type)
@json_option
def relocate_command(root: Path, search: Place, as_json: bool) -> int:
    """Find moved footage by its digest in a folder, a file, or a store's s3://BUCKET/FOLDER/.

    Exit 4 if some footage is still missing.

    \b
    Example:
      forensics evidence relocate my-case /media/archive
    """
    if isinstance(search, Path) and not search.exists():
        raise click.UsageError(f"{search}: does not exist; give the folder that the footage was moved to")
    with open_session(root, "evidence relocate", need=Need.CHANGE) as session, session.lock():
        found = relocate(session.files, search.absolute() if isinstance(search, Path) else search)
        absent = [item for item in load_evidence(session.folder) if is_absent(item)]
        session.record.exit_code = NOT_CLEAN if absent else 0
    facts = {"found": {item.evidence_id: str(path) for item, path in found}, "absent": [i.evidence_id for i in absent]}
    lines = [f"found  {item.evidence_id}  {path}" for item, path in found]
    lines += [f"absent {item.evidence_id}  {item.path}" for item in absent]
    if found:
        lines.append(f"next: forensics run {in_shell(root)}")
    emit(facts, "\n".join(lines) or "all footage is in its place", as_json)
    return NOT_CLEAN if absent else 0


@evidence.command("withdraw")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("path", metavar="PATH", type=footage_type)
@json_option
def withdraw_command(root: Path, path: Place, as_json: bool) -> None:
    """Withdraw a path that was given by mistake, or a file of which no frame could be read; the log records it.

    \b
    Example:
      forensics evidence withdraw my-case gaet.mp4
    """
    place = path.absolute() if isinstance(path, Path) else path
    with (
        open_session(root, "evidence withdraw", need=Need.CHANGE, facts={"path": str(place)}) as session,
        session.lock(),
    ):
        withdrawn = withdraw(session.files, place)
        session.record.outputs["withdrawn"] = [[each.evidence_id, each.camera_id, each.reason] for each in withdrawn]
    emit({"withdrawn": str(place)}, f"withdrawn  {place}\nnext: forensics status {in_shell(root)}", as_json)
