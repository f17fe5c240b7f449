"""`case`, `evidence` and `cancel`."""

import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from forensics.custody.mandate import Mandate, Mode
from forensics.errors import UsageError
from forensics.place import Place
from forensics.spelling import in_shell
from forensics.tables.evidence import load_evidence
from pipelines import clock
from pipelines.cli.checkpoints import checkpoint_command
from pipelines.cli.disclosure import disclose_command, report_command
from pipelines.cli.groups import Group
from pipelines.cli.mandates import authorise_command, deny_command, hold_command, sweep_command
from pipelines.cli.output import (
    NOT_CLEAN,
    emit,
    footage_type,
    json_option,
    microseconds,
    parse_last_day,
    parse_utc,
    path_type,
    reason_option,
    required_reason,
    table_text,
)
from pipelines.cli.text_types import TEXT
from pipelines.custody.case_document import Case
from pipelines.custody.case_lock import is_held
from pipelines.custody.case_store import make_case, with_clock
from pipelines.custody.mandate_text import authority_text, last_day_text
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.intake.ingest import withdraw
from pipelines.intake.relocate import is_absent, relocate

__all__ = ["cancel", "case", "evidence"]


@click.group(cls=Group)
def case() -> None:
    """Who may look for what, on which footage, until when.

    \b
    Example:
      forensics case init my-case --purpose "stolen bicycle, 1 May" --operator "A. Ahmed"
      forensics case show my-case
    """


_ASKED = {
    "title": "One line for people",
    "purpose": "Why is this footage looked at?",
    "legal_basis": "On which law does it rest?",
    "reference": "Reference of the offence or of the missing person",
    "operator": "Who answers for it?",
    "authority": "Reference of the authority, or pending",
}


_INSTANTS = {
    "from": ("Begin (2026-05-01T09:00:00Z)", parse_utc()),
    "to": ("End (2026-05-01T21:00:00Z)", parse_utc()),
    "expires": ("Last day of the mandate (2027-05-31)", parse_last_day()),
}


@case.command("init")
@click.argument("root", metavar="DIR", type=path_type)
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.SCENE.value,
    show_default=True,
    help="scene: people and things as boxes, no faces; search: a known person, by an authority; "
    "missing: a missing or trafficked person; wildlife: animals.",
)
@click.option("--title", default="", help="One line for people.")
@click.option("--purpose", default="", help="Why this footage is looked at.")
@click.option("--legal-basis", default="", help="The law it rests on.")
@click.option("--reference", default="", help="Of the offence, or of the missing person.")
@click.option("--operator", default="", help="Who answers for it.")
@click.option("--camera", "cameras", multiple=True, help="A camera the case is limited to; repeat it.")
@click.option("--from", "from_utc", type=parse_utc(), help="Begin of the time it is limited to.")
@click.option("--to", "to_utc", type=parse_utc(), help="End of that time.")
@click.option("--expires", "expires_utc", type=parse_last_day(), help="Last day of the mandate.")
@click.option("--authority", default="", help="Its reference, or pending, which gives 48 hours; mode search only.")
@json_option
def init(root: Path, mode: str, as_json: bool, **given: Any) -> None:
    """Make a case in a new or empty folder; asks for what is missing where somebody can answer.

    Modes search and missing compare faces with a watch-list. They need every field, and a search an
    authority as well.

    \b
    Example:
      forensics case init my-case --purpose "stolen bicycle, 1 May" --operator "A. Ahmed"
      forensics case init lost-child --mode missing --reference MP-2026-118 --camera gate
    """
    given["title"] = given["title"] or ("" if Mode(mode).compares_faces else root.name)
    mandate = Mandate(**_asked({"mode": Mode(mode), **given}))
    made = make_case(root, mandate, now=clock.utc_now())
    with open_session(root, "case init", need=Need.CHANGE, facts=_facts(made)):
        emit(
            _facts(made),
            f"made {made.folder.root}\nnext: forensics ingest {in_shell(root)} FOOTAGE... --camera ID",
            as_json,
        )


def _asked(given: dict[str, Any]) -> dict[str, Any]:
    """What was given, and the rest asked for if a person sits there."""
    answers = dict(given)
    for name in Mandate(**given).missing_fields if sys.stdin.isatty() else ():
        if name == "camera":
            cameras = click.prompt("Cameras, separated by commas", type=TEXT, err=True).split(",")
            answers["cameras"] = tuple(camera.strip() for camera in cameras)
        elif name in _INSTANTS:
            question, kind = _INSTANTS[name]
            answers[f"{name}_utc"] = click.prompt(question, type=kind, err=True)
        else:
            field = name.replace("-", "_")
            answers[field] = click.prompt(_ASKED[field], type=TEXT, err=True)
    return answers


@case.command("show")
@click.argument("root", metavar="CASE", type=path_type)
@json_option
def show(root: Path, as_json: bool) -> None:
    """Who, why, until when, and which cameras with which clocks.

    \b
    Example:
      forensics case show my-case
    """
    with open_session(root, "case show", need=Need.LOOK) as session:
        facts = {**_facts(session.case), "standing": session.standing.value}
        said = {**facts, **_in_words(session.case.mandate, session.now)}
        lines = [
            f"{name.replace('_', ' '):>15}  {value}" for name, value in said.items() if name != "cameras" and value
        ]
        rows = [[name, *known.values()] for name, known in facts["cameras"].items()]
        columns = ["camera", "offset_ms", "error_ms", "drift_ppm", "files"]
        emit(facts, "\n".join([*lines, "", table_text(columns, rows)]), as_json)


def _in_words(mandate: Mandate, now: datetime) -> dict[str, str]:
    """What people read instead of the facts of the same names."""
    days = {} if mandate.expires_utc is None else {"expires_utc": f"{last_day_text(mandate.expires_utc)}, the last day"}
    return {"authority": authority_text(mandate, now), "authority_ends_utc": "", **days}


def _facts(shown: Case) -> dict[str, Any]:
    files = [item.camera_id for item in load_evidence(shown.folder)]
    cameras = {name: shown.camera(name) for name in sorted({*files, *shown.cameras})}
    mandate = shown.mandate
    return {
        "case": str(shown.folder.root),
        "case_id": shown.case_id,
        "mode": mandate.mode.value,
        "title": mandate.title,
        "purpose": mandate.purpose,
        "legal_basis": mandate.legal_basis,
        "reference": mandate.reference,
        "operator": mandate.operator,
        "authority": mandate.authority,
        "authority_ends_utc": _instant(mandate.authority_ends),
        "only_cameras": ", ".join(mandate.cameras),
        **{
            name: _instant(getattr(mandate, name))
            for name in ("from_utc", "to_utc", "expires_utc", "first_run_utc", "denied_utc", "erased_utc")
        },
        "hold": mandate.hold,
        "watchlist_limit": shown.watchlist_limit,
        "created_utc": _instant(shown.created_utc),
        "cameras": {
            name: {
                "offset_ms": camera.offset_ms,
                "error_ms": camera.error_ms,
                "drift_ppm": camera.drift_ppm,
                "files": files.count(name),
            }
            for name, camera in cameras.items()
        },
    }


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="seconds")


@case.command("clock")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("camera_id", metavar="CAMERA")
@click.option("--offset", "offset_ms", type=int, metavar="MS", help="What to add to the camera's clock to get UTC.")
@click.option(
    "--error", "error_ms", type=click.IntRange(0), metavar="MS", help="How far the corrected time may be off."
)
@click.option(
    "--drift", "drift_ppm", type=int, metavar="PPM", help="Microseconds lost per second; negative if it runs fast."
)
@click.option(
    "--drift-from", type=parse_utc(), help="When the offset held, by the camera's clock; needed with --drift."
)
@reason_option
@json_option
def clock_command(
    root: Path,
    camera_id: str,
    offset_ms: int | None,
    error_ms: int | None,
    drift_ppm: int | None,
    drift_from: datetime | None,
    reason: str,
    as_json: bool,
) -> None:
    """Correct a camera's clock; nothing is detected again, the times change at the next `run`.

    \b
    Example:
      forensics case clock my-case gate --offset -90000 --error 500
    """
    if drift_ppm and drift_from is None:
        raise click.UsageError("--drift needs --drift-from, the instant at which the offset held")
    given: dict[str, Any] = {
        "offset_ms": offset_ms,
        "error_ms": error_ms,
        "drift_ppm": drift_ppm,
        "drift_from_utc_us": microseconds(drift_from),
    }
    stated = {name: value for name, value in given.items() if value is not None}
    if not stated:
        raise click.UsageError("say what to correct: --offset, --error or --drift")
    with open_session(
        root, "case clock", need=Need.CHANGE, reason=reason, facts={"camera": camera_id, **stated}
    ) as session:
        known = {item.camera_id for item in load_evidence(session.folder)} | set(session.case.cameras)
        if camera_id not in known:
            raise UsageError(
                f"the case has no camera {camera_id!r}", f"`forensics case show {in_shell(root)}` lists them"
            )
        with session.alone():
            session.change(lambda case: with_clock(case, replace(case.camera(camera_id), **stated)))
        corrected = session.case.camera(camera_id)
    emit(
        {"camera": camera_id, "offset_ms": corrected.offset_ms, "error_ms": corrected.error_ms},
        f"{camera_id}: offset {corrected.offset_ms} ms\n"
        f"next: forensics run {in_shell(root)}, which publishes the new times",
        as_json,
    )


@case.command("policy")
@click.argument("root", metavar="CASE", type=path_type)
@click.option("--watchlist-limit", type=click.IntRange(1), required=True, help="Entries the watch-list may have.")
@required_reason("Why so many are needed.")
@json_option
def policy_command(root: Path, watchlist_limit: int, reason: str, as_json: bool) -> None:
    """Raise or lower a limit of the case, on record.

    \b
    Example:
      forensics case policy my-case --watchlist-limit 8 --reason "eight people missing from one boat"
    """
    facts = {"watchlist_limit": watchlist_limit}
    with open_session(root, "case policy", need=Need.WORK, reason=reason, facts=facts) as session, session.alone():
        facts = {**facts, "was": session.case.watchlist_limit}
        session.change(lambda case: replace(case, watchlist_limit=watchlist_limit))
    emit(facts, f"the watch-list may have {watchlist_limit} entries, it was {facts['was']}", as_json)


for _command in (
    *(authorise_command, deny_command, hold_command, sweep_command),
    *(disclose_command, report_command, checkpoint_command),
):
    case.add_command(_command)


@click.group(cls=Group)
def evidence() -> None:
    """Footage that the case already knows."""


@evidence.command("relocate")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("search", metavar="FOLDER", type=footage_type)
@json_option
def relocate_command(root: Path, search: Place, as_json: bool) -> int:
    """Find moved footage by its digest, below a file, a folder or a store's s3://BUCKET/FOLDER/.

    Exit 4 if some stays absent.

    \b
    Example:
      forensics evidence relocate my-case /media/archive
    """
    if isinstance(search, Path) and not search.exists():
        raise click.UsageError(f"{search}: there is nothing to search; name the folder that the footage was moved to")
    with open_session(root, "evidence relocate", need=Need.CHANGE) as session, session.alone():
        found = relocate(session.files, search.absolute() if isinstance(search, Path) else search)
        absent = [item for item in load_evidence(session.folder) if is_absent(item)]
        session.recorded.exit_code = NOT_CLEAN if absent else 0
    facts = {"found": {item.evidence_id: str(path) for item, path in found}, "absent": [i.evidence_id for i in absent]}
    lines = [f"found  {item.evidence_id}  {path}" for item, path in found]
    lines += [f"absent {item.evidence_id}  {item.path}" for item in absent]
    if found:
        lines.append(f"next: forensics run {in_shell(root)}")
    emit(facts, "\n".join(lines) or "all footage is where it was", as_json)
    return NOT_CLEAN if absent else 0


@evidence.command("withdraw")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("path", metavar="PATH", type=footage_type)
@json_option
def withdraw_command(root: Path, path: Place, as_json: bool) -> None:
    """Take back a path that was given by mistake, or a file of which no frame could be read; the log keeps it.

    \b
    Example:
      forensics evidence withdraw my-case gaet.mp4
    """
    place = path.absolute() if isinstance(path, Path) else path
    with (
        open_session(root, "evidence withdraw", need=Need.CHANGE, facts={"path": str(place)}) as session,
        session.alone(),
    ):
        withdrawn = withdraw(session.files, place)
        session.recorded.outputs["withdrawn"] = [[each.evidence_id, each.camera_id, each.reason] for each in withdrawn]
    emit({"withdrawn": str(place)}, f"withdrawn  {place}\nnext: forensics status {in_shell(root)}", as_json)


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@json_option
def cancel(root: Path, as_json: bool) -> None:
    """Ask the run on this case to end after the chunks it is working on; nothing that is done is lost.

    \b
    Example:
      forensics cancel my-case
    """
    with open_session(root, "cancel", need=Need.LOOK) as session:
        works = is_held(session.folder)
        if works:
            session.folder.cancel_file.touch()
    text = "asked; the run ends after the chunks in flight" if works else "nothing is running on this case"
    emit({"asked": works}, text, as_json)
