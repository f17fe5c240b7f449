"""`watchlist`: the people that a case searches for."""

from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path

import click

from forensics.errors import UsageError
from forensics.spelling import in_shell
from forensics.wording import counted
from pipelines.cli.groups import Group
from pipelines.cli.model_choice import face_models_of
from pipelines.cli.output import emit, json_option, parse_last_day, path_type, required_reason, say, table_text
from pipelines.custody.accounts import os_user
from pipelines.custody.entries import (
    ORIGIN_CANDIDATE,
    ORIGIN_PICTURES,
    Entry,
    find_entry,
    load_entries,
)
from pipelines.custody.entry_additions import count_additions
from pipelines.custody.entry_removal import remove_entry
from pipelines.custody.erasure import certificate_facts
from pipelines.custody.mandate_text import last_day_text
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.review.confirmed_faces import load_confirmed_faces
from pipelines.search.calibration import CalibrationResult, calibrate
from pipelines.search.reference_pictures import read_pictures
from pipelines.search.watchlist import NewEntry, add_entry
from pipelines.settings import Settings

__all__ = ["watchlist"]


@click.group(cls=Group)
def watchlist() -> None:
    """Manage the watch-list of a case in mode search or missing.

    \b
    Example:
      forensics watchlist add my-case E1 face.jpg --basis "warrant 12/26" --expires 2027-12-31
      forensics watchlist list my-case
    """


@watchlist.command("add")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("entry_id", metavar="ENTRY")
@click.argument("pictures", metavar="[PICTURE]...", nargs=-1, type=path_type)
@click.option(
    "--from-sighting",
    "candidate",
    metavar="SIGHTING:ENTRY",
    help="Take the pictures from a candidate that two reviewers confirmed.",
)
@click.option("--basis", required=True, help="Why this person may be searched for.")
@click.option("--expires", "expires_utc", required=True, type=parse_last_day(), help="Last day of the entry.")
@json_option
def add(
    root: Path,
    entry_id: str,
    pictures: tuple[Path, ...],
    candidate: str | None,
    basis: str,
    expires_utc: datetime,
    as_json: bool,
) -> None:
    """Add a person by pictures that each show one good face; they are stored encrypted with the case's key.

    A face from the case's own footage can be used only after two reviewers have confirmed the candidate.

    \b
    Example:
      forensics watchlist add my-case E1 face.jpg --basis "warrant 12/26" --expires 2027-12-31
    """
    if bool(pictures) == bool(candidate):
        raise UsageError(
            "an entry needs pictures or a confirmed candidate, not both", "give either PICTURE... or --from-sighting"
        )
    origin = f"{ORIGIN_CANDIDATE}{candidate}" if candidate else ORIGIN_PICTURES
    facts = {"expires_utc": expires_utc.isoformat()}
    private = {"entry": entry_id, "basis": basis, "origin": origin}
    with (
        open_session(root, "watchlist add", need=Need.COMPARE, facts=facts, private=private) as session,
        session.lock(),
    ):
        given = (
            load_confirmed_faces(session.case, session.key, candidate)
            if candidate
            else read_pictures(session.folder, session.key, pictures)
        )
        entry = add_entry(
            session.case,
            session.files,
            NewEntry(entry_id, given, origin, basis, expires_utc),
            models_for=partial(face_models_of, session.folder),
            key_for=lambda: session.key,
            now=session.now,
            who=os_user(),
        )
        key = session.key
        session.record.outputs["entry"] = entry.folder.name
        session.record.outputs["pictures"] = [key.reference("picture", each["sha256"]) for each in entry.pictures]
    shown = counted(len(entry.pictures), "picture", "pictures")
    text = f"{entry_id}: {shown}, until {last_day_text(expires_utc)}\nnext: forensics run {in_shell(root)}"
    emit(_facts(entry), text, as_json)


@watchlist.command("list")
@click.argument("root", metavar="CASE", type=path_type)
@json_option
def list_command(root: Path, as_json: bool) -> None:
    """List the entries, without their pictures.

    \b
    Example:
      forensics watchlist list my-case
    """
    with open_session(root, "watchlist list", need=Need.READ) as session:
        entries = load_entries(session.case)
        limit, n_added = session.case.watchlist_limit, count_additions(session.case)
    rows = [
        [e.entry_id, len(e.pictures), e.basis, last_day_text(e.expires_utc), e.added_utc, e.added_by, e.origin]
        for e in entries
    ]
    listed = counted(len(entries), "entry", "entries")
    say(f"{listed}; {n_added} of at most {limit} were added over the life of the case")
    columns = ["entry", "pictures", "basis", "until", "added_utc", "added_by", "origin"]
    emit(
        {"entries": [_facts(entry) for entry in entries], "limit": limit, "added": n_added},
        table_text(columns, rows),
        as_json,
    )


def _facts(entry: Entry) -> dict[str, object]:
    return {
        "entry": entry.entry_id,
        "basis": entry.basis,
        "expires_utc": entry.expires_utc.isoformat(),
        "added_utc": entry.added_utc.isoformat(),
        "added_by": entry.added_by,
        "origin": entry.origin,
        "pictures": list(entry.pictures),
    }


@watchlist.command("remove")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("entry_id", metavar="ENTRY")
@required_reason("Why this person is no longer searched for. Kept in the case.")
@json_option
def remove(root: Path, entry_id: str, reason: str, as_json: bool) -> None:
    """Destroy an entry's pictures, its template and similar faces. Its candidates are removed by the next run.

    \b
    Example:
      forensics watchlist remove my-case E1 --reason "the person was found"
    """
    with (
        open_session(root, "watchlist remove", need=Need.CHANGE, reason=reason, private={"entry": entry_id}) as session,
        session.lock(),
    ):
        entry = find_entry(session.case, entry_id).folder
        certificate = remove_entry(session.case, session.files, entry, why=reason, who=session.who, now=session.now)
        session.record.outputs["certificate"] = certificate_facts(certificate)
    emit(
        {"certificate": str(certificate)},
        f"{entry_id}: removed, see {certificate}\nnext: forensics run {in_shell(root)}",
        as_json,
    )


@watchlist.command("calibrate")
@click.argument("root", metavar="CASE", type=path_type)
@click.argument("pictures", metavar="FOLDER", type=path_type)
@required_reason("Who is in the pictures, and why they may be used.")
@json_option
def calibrate_command(root: Path, pictures: Path, reason: str, as_json: bool) -> None:
    """Fit likelihood ratios to pictures of known people; the pictures are not kept.

    FOLDER contains one folder for each person. Later candidates have a likelihood ratio, limited to the range that
    this number of pairs supports. Near copies of one photograph are left out, so that no pair counts twice.

    \b
    Example:
      forensics watchlist calibrate my-case people/ --reason "staff, asked on 2 May"
    """
    with (
        open_session(
            root, "watchlist calibrate", need=Need.COMPARE, reason=reason, private={"folder": str(pictures)}
        ) as session,
        session.lock(),
    ):
        calibrated = calibrate(
            session.case,
            pictures,
            session.files,
            limits=Settings().recognise.limits(),
            models=face_models_of(session.folder),
            key=session.key,
        )
        facts = asdict(calibrated)
        session.record.outputs["calibration"] = {name: facts[name] for name in ("n_pictures", "left_out")}
    emit(facts, _calibration_text(calibrated, root), as_json)


def _calibration_text(calibrated: CalibrationResult, root: Path) -> str:
    model = calibrated.likelihood
    pairs = f"{model.n_same} pairs of one person, {model.n_different} of two"
    left_out = ", ".join(f"{reason} {n}" for reason, n in sorted(calibrated.left_out.items())) or "none"
    bounds = f"from 10^{model.lowest:.2f} to 10^{model.highest:.2f}"
    lines = [
        f"{calibrated.n_pictures} pictures of {model.n_people} people: {pairs}; left out: {left_out}",
        *(f"  {reason}: {', '.join(files)}" for reason, files in sorted(calibrated.files_left_out.items())),
        *(f"warning: {warning}" for warning in calibrated.warnings),
        f"likelihood ratios {bounds}; cost (Cllr) {model.cllr:.2f} on these pairs (0: perfect, 1: no information)",
        f"next: forensics run {in_shell(root)}",
    ]
    return "\n".join(lines)
