"""`case`, `evidence` and `cancel`."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from forensics.cameras import Camera
from forensics.case import CaseFolder
from forensics.tables.evidence import load_evidence
from pipelines.cases import Case, is_held, load_case, locked, make_case, set_clock
from pipelines.cli.output import emit, json_option, microseconds, parse_utc, path_type, table_text
from pipelines.ingest import relocate

__all__ = ["cancel", "case", "evidence"]


@click.group()
def case() -> None:
    """Make a case, look at it, correct its clocks."""


@case.command("init")
@click.argument("root", metavar="DIR", type=path_type)
@click.option(
    "--mode",
    type=click.Choice(["scene"]),
    default="scene",
    show_default=True,
    help="What may be asked; scene: people and things as boxes, no faces.",
)
@click.option("--title", default="", help="One line for people.")
@click.option("--purpose", required=True, help="Why this footage is looked at.")
@click.option("--operator", required=True, help="Who answers for it.")
@json_option
def init(root: Path, mode: str, title: str, purpose: str, operator: str, as_json: bool) -> None:
    """Make a case in a new or empty folder.

    \b
    Example:
      forensics case init my-case --purpose "stolen bicycle, 1 May" --operator "A. Ahmed"
    """
    made = make_case(
        root, mode=mode, title=title or root.name, purpose=purpose, operator=operator, now=datetime.now(UTC)
    )
    emit(_facts(made), f"made {made.folder.root}\nnext: forensics ingest {root} FOOTAGE... --camera ID", as_json)


@case.command("show")
@click.argument("root", metavar="CASE", type=path_type)
@json_option
def show(root: Path, as_json: bool) -> None:
    """Who, why, and which cameras with which clocks.

    \b
    Example:
      forensics case show my-case
    """
    facts = _facts(load_case(root))
    lines = [f"{name:>12}  {value}" for name, value in facts.items() if name != "cameras"]
    rows = [[name, *clock.values()] for name, clock in facts["cameras"].items()]
    columns = ["camera", "offset_ms", "error_ms", "drift_ppm", "files"]
    emit(facts, "\n".join([*lines, "", table_text(columns, rows)]), as_json)


def _facts(shown: Case) -> dict[str, Any]:
    files = [item.camera_id for item in load_evidence(shown.folder)]
    cameras = {name: shown.camera(name) for name in sorted({*files, *shown.cameras})}
    return {
        "case": str(shown.folder.root),
        "mode": shown.mode,
        "title": shown.title,
        "purpose": shown.purpose,
        "operator": shown.operator,
        "created_utc": shown.created_utc.isoformat(timespec="seconds"),
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
@json_option
def clock(
    root: Path,
    camera_id: str,
    offset_ms: int | None,
    error_ms: int | None,
    drift_ppm: int | None,
    drift_from: datetime | None,
    as_json: bool,
) -> None:
    """Correct a camera's clock; nothing is detected again, the times change at the next `run`.

    \b
    Example:
      forensics case clock my-case gate --offset -90000 --error 500
    """
    loaded = load_case(root)
    if camera_id not in loaded.cameras and all(item.camera_id != camera_id for item in load_evidence(loaded.folder)):
        raise click.UsageError(f"the case has no camera {camera_id!r}; `forensics case show {root}` lists them")
    if drift_ppm and drift_from is None:
        raise click.UsageError("--drift needs --drift-from, the instant at which the offset held")
    given: dict[str, Any] = {
        "offset_ms": offset_ms,
        "error_ms": error_ms,
        "drift_ppm": drift_ppm,
        "drift_from_utc_us": microseconds(drift_from),
    }
    if all(value is None for value in given.values()):
        raise click.UsageError("say what to correct: --offset, --error or --drift")
    corrected: Camera = replace(loaded.camera(camera_id), **{name: v for name, v in given.items() if v is not None})
    with locked(loaded.folder):
        set_clock(loaded, corrected)
    emit(
        {"camera": camera_id, "offset_ms": corrected.offset_ms, "error_ms": corrected.error_ms},
        f"{camera_id}: offset {corrected.offset_ms} ms\nnext: forensics run {root}, which publishes the new times",
        as_json,
    )


@click.group()
def evidence() -> None:
    """Footage that the case already knows."""


@evidence.command("relocate")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("search", metavar="FOLDER", type=path_type)
@json_option
def relocate_command(root: Path, search: Path, as_json: bool) -> None:
    """Find moved footage by its digest, below a file or folder.

    \b
    Example:
      forensics evidence relocate my-case /media/archive
    """
    folder = CaseFolder.at(root)
    if not search.exists():
        raise click.UsageError(f"{search}: there is nothing to search; name the folder that the footage was moved to")
    with locked(folder):
        found = relocate(folder, search)
        absent = [item for item in load_evidence(folder) if not item.path.exists()]
    facts = {"found": {item.evidence_id: str(path) for item, path in found}, "absent": [i.evidence_id for i in absent]}
    lines = [f"found  {item.evidence_id}  {path}" for item, path in found]
    lines += [f"absent {item.evidence_id}  {item.path}" for item in absent]
    emit(facts, "\n".join(lines) or "all footage is where it was", as_json)


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@json_option
def cancel(root: Path, as_json: bool) -> None:
    """Ask the run on this case to end after the chunks it is working on; nothing that is done is lost.

    \b
    Example:
      forensics cancel my-case
    """
    folder = CaseFolder.at(root)
    works = is_held(folder)
    if works:
        folder.cancel_file.touch()
    text = "asked; the run ends after the chunks in flight" if works else "nothing is running on this case"
    emit({"asked": works}, text, as_json)
