"""`verify`: check that nothing recorded has changed, or open one frame again."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from forensics.adapters.pictures.frame_picture import draw_boxes, frame_png
from forensics.custody.result_retention import removal_statement
from forensics.errors import IntegrityBroken, UsageError
from forensics.faults import Fault, FaultKind
from forensics.spelling import in_shell
from forensics.tables.evidence import load_evidence
from forensics.wording import counted
from pipelines.cli.output import (
    NOT_CLEAN,
    emit,
    facts_text,
    json_option,
    path_type,
    reason_option,
    table_text,
)
from pipelines.cli.output_options import OutputOptions, with_output_options
from pipelines.custody.case_store import load_case
from pipelines.custody.checkpoints import read_checkpoint
from pipelines.custody.erasure import Destruction
from pipelines.custody.open_session import open_session
from pipelines.custody.outputs import Outputs
from pipelines.custody.session import Need, Session
from pipelines.proof.frame import Address, OpenedFrame, open_frame, parse_address
from pipelines.proof.signatures import Signer, TrustedKeys, parse_public_key
from pipelines.proof.verify import Report, verify_case

__all__ = ["verify"]


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@click.option(
    "--checkpoint",
    "kept",
    multiple=True,
    type=path_type,
    metavar="FILE.json",
    help="Compare the log with this checkpoint. Can be given several times.",
)
@click.option(
    "--trust",
    "trusted",
    multiple=True,
    metavar="FILE.pem|HEX",
    help="Accept only this public key. Can be given several times.",
)
@click.option("--frame", "address", metavar="EVIDENCE:PTS", help="Open this one frame instead; or EVIDENCE#NUMBER.")
@click.option("--output", "-o", type=path_type, metavar="FILE.png", help="With --frame: write its pixels.")
@click.option(
    "--marked", "boxed", type=path_type, metavar="FILE.png", help="With --frame: write it with its detections drawn."
)
@with_output_options
@reason_option
@json_option
def verify(
    root: Path,
    kept: tuple[Path, ...],
    trusted: tuple[str, ...],
    address: str | None,
    output: Path | None,
    boxed: Path | None,
    reason: str,
    as_json: bool,
    output_options: OutputOptions,
) -> int:
    """Check that log, evidence, indexes, parts and published files have not changed; exit 5 if one has.

    Lists what has changed, the most fundamental first. Decodes nothing and writes only to the log. With --frame it
    checks the digest of one recording and decodes one frame; in a case that compares faces that needs a --reason.

    \b
    Example:
      forensics verify my-case
      forensics verify my-case --checkpoint my-case-2026-05-04.json --trust office-7.pem
      forensics verify my-case --frame 3f2a91c07d5e4b18:90000 -o frame.png
    """
    pictures = {name: path for name, path in (("plain", output), ("marked", boxed)) if path}
    if address is not None:
        return _verify_frame(root, parse_address(address), pictures, reason, as_json, output_options)
    if pictures:
        raise click.UsageError("-o and --marked write one frame; give it with --frame EVIDENCE:PTS")
    with open_session(root, "verify", need=Need.CHECK) as session:
        report = verify_case(session.case, _asked(kept, trusted))
        _emit(report, as_json)
        session.record.outputs["checked"] = report.n_checked
        if report.faults:
            raise _error(session, report.faults)
    return 0


def _verify_frame(
    root: Path,
    address: Address,
    pictures: dict[str, Path],
    reason: str,
    as_json: bool,
    output_options: OutputOptions,
) -> int:
    need = Need.RESULTS if load_case(root).mandate.mode.compares_faces else Need.READ
    asked = {"frame": asdict(address), "pictures": {name: str(path) for name, path in pictures.items()}}
    asked |= output_options.facts
    with open_session(root, "verify frame", need=need, reason=reason, facts=asked) as session:
        outputs = output_options.outputs_of(session)
        for path in pictures.values():
            outputs.check(path)
        opened = open_frame(session.case, address)
        session.record.outputs |= {name: opened.facts.get(name) for name in ("evidence", "frame", "rgb_sha256", "gap")}
        session.record.exit_code = 0 if opened.rgb is not None else NOT_CLEAN
        _write_pictures(opened, pictures, outputs)
    facts = {**opened.facts, "detections": opened.detections.to_dicts(), **{k: str(p) for k, p in pictures.items()}}
    emit(facts, "\n".join(_frame_lines(opened, pictures)), as_json)
    return session.record.exit_code


def _write_pictures(opened: OpenedFrame, pictures: dict[str, Path], outputs: Outputs) -> None:
    """Write the requested pictures: plain, with boxes, or both; none of a gap."""
    if opened.rgb is None:
        return
    if "plain" in pictures:
        outputs.write(pictures["plain"], frame_png(opened.rgb))
    if "marked" in pictures:
        boxes = opened.detections.select("x1", "y1", "x2", "y2").to_numpy()
        outputs.write(pictures["marked"], frame_png(draw_boxes(opened.rgb, boxes)))


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
        raise UsageError("no such file", "give a file that `forensics case checkpoint` wrote", missing[0])
    return TrustedKeys({path: read_checkpoint(path) for path in kept}, frozenset(map(parse_public_key, trusted)))


def _emit(report: Report, as_json: bool) -> None:
    facts = {
        "checked": report.n_checked,
        "problems": [str(fault) for fault in report.faults],
        "log_lines": report.n_lines,
        "signers": [asdict(signer) for signer in report.signers],
        "published": report.published,
        "rests_on": list(report.rests_on),
        "half_published": report.is_half_published,
        "destroyed": [asdict(each) for each in report.destroyed],
        "lost_of_earlier_runs": list(report.lost),
        "results_removed_utc": None if report.results_removed_utc is None else report.results_removed_utc.isoformat(),
        "unopened_verdicts": report.has_unopened_verdicts,
    }
    unchanged = counted(report.n_checked, "file is", "files are")
    lines = [str(fault) for fault in report.faults] or [
        f"{unchanged} unchanged, the log is complete",
        _tables_text(report),
        *map(_destruction_text, report.destroyed),
        *_loss_text(report),
        *_unopened_text(report),
        *_signatures(report),
        _foundation_text(report),
    ]
    emit(facts, "\n".join(lines), as_json)


def _tables_text(report: Report) -> str:
    if report.is_half_published:
        return "there are no tables: a run was killed while it published; `forensics run` again finishes it"
    if report.results_removed_utc is not None:
        return removal_statement(report.results_removed_utc)
    return f"the tables are those of run {report.published}" if report.published else "no run has published tables"


def _destruction_text(destruction: Destruction) -> str:
    """Return how many files a certificate excuses."""
    missing = counted(len(destruction.missing), "file is", "files are")
    return (
        f"{missing} missing on purpose, destroyed on {destruction.at_utc[:10]} ({destruction.why}); "
        f"{destruction.certificate} names each"
    )


def _loss_text(report: Report) -> list[str]:
    """Return how many files of earlier runs are gone; without its manifest, nobody knows the tables of a run."""
    if not report.lost:
        return []
    least = "at least " if any(path.endswith("/MANIFEST.json") for path in report.lost) else ""
    missing = counted(len(report.lost), "file of earlier runs is", "files of earlier runs are")
    return [f"{least}{missing} missing, and no certificate says why; with --json, verify names each"]


def _foundation_text(report: Report) -> str:
    """Return what the statement rests on, and what nobody can know without it."""
    if report.rests_on:
        names = {"anchor": "the log anchor in your key folder", "kept checkpoint": "the checkpoint that you gave"}
        return f"the log has at least the lines of {' and of '.join(names[each] for each in report.rests_on)}"
    return (
        "nothing outside the case was compared: a log that was cut together with its files and checkpoints would look "
        "the same; compare a checkpoint that was kept elsewhere, with --checkpoint FILE"
    )


def _unopened_text(report: Report) -> list[str]:
    unopened = "the verdicts are unchanged, but were not opened: the key of the case is not here"
    return [unopened] if report.has_unopened_verdicts else []


def _signatures(report: Report) -> list[str]:
    if not report.signers:
        return ["the case has no signed checkpoint of its log"]
    return [_signature(signer, report.n_lines) for signer in report.signers]


def _signature(signer: Signer, n_lines: int) -> str:
    return f"signed up to line {signer.lines} of {n_lines} with key {signer.key_id} ({signer.whose})"


def _error(session: Session, faults: tuple[Fault, ...]) -> IntegrityBroken:
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return IntegrityBroken(f"{faults[0].detail}{more}", _next_step(session, faults[0]), faults[0].path)


def _next_step(session: Session, fault: Fault) -> str:
    """Return how the first fault can be corrected; no run repairs footage, it would only leave a gap."""
    folder, root = session.folder, in_shell(session.folder.root)
    if str(fault.path) in _footage(session):
        return (
            "restore the recording as it was ingested, from the original or a copy of it; if it was moved, "
            f"`forensics evidence relocate {root} FOLDER` finds it"
        )
    path = fault.path if isinstance(fault.path, Path) else folder.root
    if fault.kind is FaultKind.UNLISTED and path.is_relative_to(folder.tables):
        return "move it out of the folder, so that nobody reads it together with the tables"
    made_again = {
        folder.tables: f"`forensics run {root}` publishes the tables again",
        folder.index_file("").parent: "ingesting the recording again makes the index again",
        folder.working_copy("any").parent: "ingesting the recording again makes the working copy again",
    }
    how = [text for place, text in made_again.items() if path.is_relative_to(place)]
    return "; or ".join(["restore the file from a backup", *how])


def _footage(session: Session) -> set[str]:
    """Return the paths of the evidence, if their list can be read."""
    try:
        return {str(item.path) for item in load_evidence(session.folder)}
    except IntegrityBroken:
        return set()
