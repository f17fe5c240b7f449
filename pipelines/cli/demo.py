"""`demo`: the whole job on synthetic footage."""

from datetime import datetime
from pathlib import Path
from typing import Final

import click

import forensics
from forensics.custody.case_document import Case
from forensics.custody.case_folder import CaseFolder
from forensics.custody.mandate import Mandate, Mode
from forensics.decoding.child import Limits
from forensics.errors import UsageError
from forensics.models.model_store import BUILTIN
from forensics.tables.evidence import load_sources
from forensics.tables.files import write_bytes
from pipelines import clock
from pipelines.cli.output import microseconds, path_type, say
from pipelines.cli.renamed_option import RenamedOption
from pipelines.cli.row_formats import sightings_text
from pipelines.cli.run_options import runner_for, with_runner_choice
from pipelines.cli.sighting_sheet import cells_of, draw_sheets, heading_of
from pipelines.custody.case_store import make_case
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need, Session
from pipelines.demo.footage import make_footage
from pipelines.intake.ingest import IngestItem, ingest
from pipelines.run.driver import plan_run, result_facts, run_case
from pipelines.run.progress import progress_for
from pipelines.run.record import run_facts
from pipelines.settings import Settings

__all__ = ["demo"]


_MANDATE: Final = Mandate(Mode.SCENE, title="demo", purpose="demonstration", operator="demo")


@click.command()
@click.option(
    "--case",
    "root",
    cls=RenamedOption,
    former="--out",
    type=path_type,
    default=Path("demo-case"),
    show_default=True,
    help="Folder of the case; made if it does not exist.",
)
@with_runner_choice
def demo(root: Path, runner: str) -> None:
    """Make footage of two cameras, run the whole job on it, and show the people found; downloads nothing.

    \b
    Example:
      forensics demo --case demo-case
    """
    if not CaseFolder.for_path(root).case_file.exists():
        make_case(root, _MANDATE, now=clock.utc_now())
    with open_session(root, "demo", need=Need.WORK) as session:
        _run_and_show(session, runner)


def _refuse_real_case(case: Case, footage: Path) -> None:
    """Return only for a case that the demo made: synthetic people must not get into another one.

    Raises:
        UsageError: it is another case, or has other footage.
    """
    is_own = (case.mandate.title, case.mandate.purpose) == (_MANDATE.title, _MANDATE.purpose)
    if not is_own or any(source.path != footage / source.path.name for source in load_sources(case.folder)):
        raise UsageError(
            "is a case that the demo did not make; synthetic people must not get into it",
            "choose a new folder with --case",
            case.folder.root,
        )


def _run_and_show(session: Session, runner: str | None) -> None:
    case, out = session.case, session.folder.root
    _refuse_real_case(case, out / "footage")
    say("making the footage of two cameras ...")
    clips = make_footage(out / "footage")
    given = [
        IngestItem(
            clip.path,
            clip.camera_id,
            start_utc_us=microseconds(datetime.fromisoformat(clip.start_utc)),
            start_stated=clip.start_utc,
            clock_error_ms=clip.clock_error_ms,
        )
        for clip in clips
    ]
    settings = Settings()
    with session.lock():
        ingest(session.files, given, limits=Limits(), on_source=lambda source: say(f"ingested: {source.path.name}"))
        session.record.note("run", run_facts(plan_run(case, settings, BUILTIN), BUILTIN, None))
        with runner_for(settings, runner) as engine:
            progress = progress_for(quiet=False)
            result = run_case(case, settings, BUILTIN, files=session.files, runner=engine, progress=progress)
    session.record.outputs |= result_facts(result)
    opened = forensics.open_case(out)
    found = opened.sightings().collect()
    sheet = session.folder.contact_sheet
    heading = heading_of(case, opened, found, {}, session.now)
    for page, data in draw_sheets(heading, cells_of(opened, found, None), sheet):
        write_bytes(page, data)
    print(sightings_text(opened, found)[0])
    print(f"\n{sum(clip.n_people for clip in clips)} people walk by, {len(found)} sightings were found.")
    print(f"next: open\n  {sheet}\n  {case.folder.tables}/sightings.parquet\n  {result.folder.record}")
