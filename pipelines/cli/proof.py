"""`verify`: whether a result still is what it was, and one frame opened again."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from forensics.adapters.pictures.frame_picture import frame_png, marked
from forensics.errors import IntegrityBroken, UsageError
from forensics.spelling import in_shell
from forensics.tables.evidence import load_evidence
from forensics.tables.files import write_bytes
from pipelines.cli.output import (
    NOT_CLEAN,
    counted,
    emit,
    facts_text,
    json_option,
    path_type,
    reason_option,
    table_text,
)
from pipelines.custody.case_store import load_case
from pipelines.custody.checkpoints import read_checkpoint
from pipelines.custody.open_session import open_session
from pipelines.custody.outputs import output_file
from pipelines.custody.session import Need, Session
from pipelines.proof.frame import Address, OpenedFrame, open_frame, parse_address
from pipelines.proof.signatures import Signer, TrustedKeys, public_key
from pipelines.proof.verify import NOT_PUBLISHED, Report, verify_case

__all__ = ["verify"]


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@click.option(
    "--checkpoint",
    "kept",
    multiple=True,
    type=path_type,
    metavar="FILE.json",
    help="Hold the log against a checkpoint that was kept elsewhere; repeat it.",
)
@click.option(
    "--trust",
    "trusted",
    multiple=True,
    metavar="FILE.pem|HEX",
    help="A public key that is to be trusted, and no other but those named; repeat it.",
)
@click.option("--frame", "address", metavar="EVIDENCE:PTS", help="Open this one frame instead; or EVIDENCE#NUMBER.")
@click.option("--output", "-o", type=path_type, metavar="FILE.png", help="With --frame: write it, pixel for pixel.")
@click.option("--marked", "boxed", type=path_type, metavar="FILE.png", help="With --frame: write it with its boxes.")
@reason_option
@json_option
def verify(
    root: Path, kept: tuple[Path, ...], trusted: tuple[str, ...], address: str | None, as_json: bool, **options: Any
) -> int:
    """Check that log, evidence, indexes, parts and published files still are what they were; exit 5 if not.

    The first thing that is wrong is named first. Nothing is decoded, and nothing is changed but
    the log, which tells that it was done. With --frame one
    recording is digested and one of its frames decoded; where faces are compared that needs a --reason.

    \b
    Example:
      forensics verify my-case
      forensics verify my-case --checkpoint my-case-2026-05-04.json --trust office-7.pem
      forensics verify my-case --frame 3f2a91c07d5e4b18:90000 -o frame.png
    """
    pictures = {name: path for name, path in (("plain", options["output"]), ("marked", options["boxed"])) if path}
    if address is not None:
        return _verify_frame(root, parse_address(address), pictures, options["reason"], as_json)
    if pictures:
        raise click.UsageError("-o and --marked write one frame; name it with --frame EVIDENCE:PTS")
    with open_session(root, "verify", need=Need.CHECK) as session:
        report = verify_case(session.case, _asked(kept, trusted))
        _emit(report, as_json)
        session.recorded.outputs["checked"] = report.n_checked
        if report.problems:
            _refuse(session, report.problems)
    return 0


def _verify_frame(root: Path, address: Address, pictures: dict[str, Path], reason: str, as_json: bool) -> int:
    need = Need.RESULTS if load_case(root).mandate.mode.compares_faces else Need.LOOK
    asked = {"frame": asdict(address), "pictures": {name: str(path) for name, path in pictures.items()}}
    with open_session(root, "verify frame", need=need, reason=reason, facts=asked) as session:
        for path in pictures.values():
            output_file(session.folder, path)
        opened = open_frame(session.case, address)
        session.recorded.outputs |= {
            name: opened.facts.get(name) for name in ("evidence", "frame", "rgb_sha256", "gap")
        }
        session.recorded.exit_code = 0 if opened.rgb is not None else NOT_CLEAN
        _write_pictures(opened, pictures)
    facts = {**opened.facts, "detections": opened.detections.to_dicts(), **{k: str(p) for k, p in pictures.items()}}
    emit(facts, "\n".join(_frame_lines(opened, pictures)), as_json)
    return session.recorded.exit_code


def _write_pictures(opened: OpenedFrame, pictures: dict[str, Path]) -> None:
    """One as it is, one with its boxes, whichever was asked for; of a gap there is none."""
    if opened.rgb is None:
        return
    if "plain" in pictures:
        write_bytes(pictures["plain"], frame_png(opened.rgb))
    if "marked" in pictures:
        boxes = opened.detections.select("x1", "y1", "x2", "y2").to_numpy()
        write_bytes(pictures["marked"], frame_png(marked(opened.rgb, boxes)))


def _frame_lines(opened: OpenedFrame, pictures: dict[str, Path]) -> list[str]:
    facts = dict(opened.facts)
    utc_us = facts.pop("utc_us")
    if utc_us is not None:
        facts["utc"] = datetime.fromtimestamp(utc_us // 1_000_000, tz=UTC).replace(microsecond=utc_us % 1_000_000)
    written = {name: str(path) for name, path in pictures.items() if opened.rgb is not None}
    lines = facts_text({**facts, **written})
    if len(opened.detections):
        rows = [list(row) for row in opened.detections.iter_rows()]
        lines += ["", table_text(opened.detections.columns, rows)]
    return lines


def _asked(kept: tuple[Path, ...], trusted: tuple[str, ...]) -> TrustedKeys:
    missing = [path for path in kept if not path.is_file()]
    if missing:
        raise UsageError("there is no such file", "name what `forensics case checkpoint` wrote", missing[0])
    return TrustedKeys({path: read_checkpoint(path) for path in kept}, frozenset(map(public_key, trusted)))


def _emit(report: Report, as_json: bool) -> None:
    facts = {
        "checked": report.n_checked,
        "problems": list(report.problems),
        "log_lines": report.n_lines,
        "signers": [asdict(signer) for signer in report.signers],
        "published": report.published,
        "half_published": report.is_half_published,
    }
    whole = counted(report.n_checked, "file is what it was", "files are what they were")
    lines = list(report.problems) or [f"{whole}, the log is whole", _tables_said(report), *_signed(report)]
    emit(facts, "\n".join(lines), as_json)


def _tables_said(report: Report) -> str:
    if report.is_half_published:
        return "there are no tables: a run ended while it put its own in place; the same `run` again does so"
    return f"the tables are those of {report.published}" if report.published else "no run has published tables"


def _signed(report: Report) -> list[str]:
    if not report.signers:
        return ["no signed checkpoint of the log lies in the case"]
    return [_signed_by(signer, report.n_lines) for signer in report.signers]


def _signed_by(signer: Signer, n_lines: int) -> str:
    return f"signed up to line {signer.lines} of {n_lines} with key {signer.key_id} ({signer.whose})"


def _refuse(session: Session, problems: tuple[str, ...]) -> None:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    raise IntegrityBroken(f"{problems[0]}{more}", _advice(session, problems[0]))


def _advice(session: Session, problem: str) -> str:
    """How the first thing that is wrong can be mended; no run mends footage, it would only leave a gap."""
    root = session.folder.root
    if any(problem.startswith(f"{path}:") for path in _footage(session)):
        return (
            "restore the recording as it was ingested, from the original or a copy of it; if it was moved, "
            f"`forensics evidence relocate {in_shell(root)} FOLDER` finds it"
        )
    if problem.endswith(NOT_PUBLISHED):
        return "move it out of the folder: whoever opens the tables by a pattern would read it, too"
    made_anew = {
        f"{session.folder.tables}/": f"`forensics run {in_shell(root)}` again publishes anew",
        f"{session.folder.index_file('').parent}/": "an index is made anew by ingesting the recording again",
        f"{session.folder.working_copy('any').parent}/": "a working copy is made anew by ingesting the recording again",
    }
    how = [said for place, said in made_anew.items() if problem.startswith(place)]
    return "; ".join(["restore the file from a copy", *how])


def _footage(session: Session) -> set[str]:
    """Where the evidence lies, if the list of it can be read."""
    try:
        return {str(item.path) for item in load_evidence(session.folder)}
    except IntegrityBroken:
        return set()
