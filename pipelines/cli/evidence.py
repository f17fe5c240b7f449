"""`evidence`: find moved footage, and withdraw paths that were given by mistake."""

from pathlib import Path

import click

from forensics.place import Place
from forensics.spelling import in_shell
from forensics.tables.evidence import load_evidence
from pipelines.cli.groups import Group
from pipelines.cli.output import NOT_CLEAN, emit, footage_type, json_option, path_type
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.intake.relocate import is_absent, relocate
from pipelines.intake.withdraw import withdraw

__all__ = ["evidence"]


@click.group(cls=Group)
def evidence() -> None:
    """Find moved footage, or withdraw a path that was given by mistake."""


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
