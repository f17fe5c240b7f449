"""`demo`: the whole job on footage that it makes itself."""

from datetime import datetime
from pathlib import Path
from typing import Final

import click

import forensics
from forensics.adapters.pictures.contact_sheet import write_contact_sheet
from forensics.custody.mandate import Mandate, Mode
from forensics.decoding.child import Limits
from forensics.errors import UsageError
from forensics.models.model_store import BUILTIN
from forensics.tables.evidence import load_sources
from pipelines import clock
from pipelines.cli.output import microseconds, path_type, say
from pipelines.cli.row_formats import pictures_of, sightings_text
from pipelines.cli.run_options import runner_for
from pipelines.custody.case_document import Case
from pipelines.custody.case_store import make_case
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need, Session
from pipelines.demo.footage import make_footage
from pipelines.intake.ingest import Given, ingest
from pipelines.run.driver import plan_run, result_facts, run_case
from pipelines.run.progress import progress_for
from pipelines.run.record import run_facts
from pipelines.settings import Settings

__all__ = ["demo"]


_MANDATE: Final = Mandate(Mode.SCENE, title="demo", purpose="demonstration", operator="demo")


@click.command()
@click.option("--out", type=path_type, default=Path("demo-case"), show_default=True, help="Folder of the case.")
@click.option(
    "--runner",
    type=click.Choice(["ray", "serial"]),
    default="ray",
    show_default=True,
    help="Where the work is done: by Ray's workers, or by this process alone.",
)
def demo(out: Path, runner: str) -> None:
    """Make footage of two cameras, find who walks by, and show it; downloads nothing.

    \b
    Example:
      forensics demo --out demo-case
    """
    if not (out / "case.toml").exists():
        make_case(out, _MANDATE, now=clock.utc_now())
    with open_session(out, "demo", need=Need.WORK) as session:
        _shown(session, runner)


def _refuse_real_case(case: Case, footage: Path) -> None:
    """Return only for a case of the demo's own: painted people belong in no other, and footage is painted anew.

    Raises:
        UsageError: it is another case, or holds other footage.
    """
    is_own = (case.mandate.title, case.mandate.purpose) == (_MANDATE.title, _MANDATE.purpose)
    if not is_own or any(source.path != footage / source.path.name for source in load_sources(case.folder)):
        raise UsageError(
            "a case that the demo did not make; painted people do not belong in it",
            "choose a new folder with --out",
            case.folder.root,
        )


def _shown(session: Session, runner: str) -> None:
    case, out = session.case, session.folder.root
    _refuse_real_case(case, out / "footage")
    say("painting two cameras' footage ...")
    clips = make_footage(out / "footage")
    given = [
        Given(
            clip.path,
            clip.camera_id,
            start_utc_us=microseconds(datetime.fromisoformat(clip.start_utc)),
            clock_error_ms=clip.clock_error_ms,
        )
        for clip in clips
    ]
    settings = Settings()
    with session.alone():
        ingest(session.files, given, limits=Limits(), on_source=lambda source: say(f"taken in: {source.path.name}"))
        session.recorded.note("run", run_facts(plan_run(case, settings, BUILTIN), BUILTIN, None))
        engine, cluster = runner_for(settings, runner, None)
        with cluster:
            progress = progress_for(quiet=False)
            result = run_case(case, settings, BUILTIN, files=session.files, runner=engine, progress=progress)
    session.recorded.outputs |= result_facts(result)
    opened = forensics.open_case(out)
    found = opened.sightings().collect()
    sheet = out / "sightings.png"
    write_contact_sheet(pictures_of(opened, found), sheet)
    print(sightings_text(opened, found))
    print(f"\n{sum(clip.n_people for clip in clips)} walks were painted, {len(found)} sightings were found.")
    print(f"open next:\n  {sheet}\n  {case.folder.tables}/sightings/part-0.parquet\n  {result.folder.record}")
