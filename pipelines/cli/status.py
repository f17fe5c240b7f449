"""`status` and `export`: the state of a case, and its results for other tools."""

from datetime import datetime
from pathlib import Path

import click
import polars as pl

import forensics
from forensics.json_object import JsonObject
from forensics.tables.evidence import load_evidence
from forensics.tracking.export_mot import mot_lines
from forensics.wording import counted
from pipelines.cli.groups import Group
from pipelines.cli.output import (
    emit,
    facts_text,
    json_option,
    path_type,
    reason_option,
    table_text,
)
from pipelines.cli.output_options import OutputOptions, with_output_options
from pipelines.cli.progress_text import problem_lines, progress_text, unfinished_lines, wrap_line
from pipelines.cli.row_selection import RowFilter, wanted_rows
from pipelines.custody.mandate_text import last_day_text
from pipelines.custody.open_session import open_session
from pipelines.custody.outputs import Outputs
from pipelines.custody.session import Need
from pipelines.desk.status import case_status
from pipelines.run.face_choice import faces_text
from pipelines.run.record import accuracy_text, model_text
from pipelines.run.spot_check_report import describe_spot_check

__all__ = ["export", "status"]


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@json_option
def status(root: Path, as_json: bool) -> None:
    """Show what the case contains, how far the newest run is, which frames were processed, and what went wrong.

    States of a run: running; interrupted, because it ended early, and the same command continues it; complete; complete
    with gaps, because something was not read or not processed. A run in progress has frames a second and the time left.

    \b
    Example:
      forensics status my-case
    """
    with open_session(root, "status", need=Need.READ) as session:
        facts = case_status(session.case, session.now)
    emit(facts, "\n".join(_status_lines(facts)), as_json)


def _status_lines(facts: JsonObject) -> list[str]:
    shown = {name: facts[name] for name in ("case", "sources", "evidence")}
    shown |= {"run": facts["run"] or "none yet", "model": facts["model"] and model_text(facts["model"])}
    shown |= {"accuracy": accuracy_text(facts["model"])} if facts["model"] else {}
    shown |= {"faces": faces_text(facts["face_models"] or {})}
    shown |= {"state": _state_text(facts), "frames": progress_text(facts["progress"]), "mandate": _mandate_text(facts)}
    if facts["published_run"] not in (None, facts["run"]):
        shown |= {"tables": f"of run {facts['published_run']}, as are the frames below"}
    if "entries" in facts:
        shown |= {name: facts[name] for name in ("authority", "report") if facts[name]}
        shown |= {"entries": facts["entries"], "review": _review_text(facts), "decided": _outcomes_text(facts)}
    shown |= {"retention": facts["retention"], "removed": facts["removed"]}
    lines = [line for fact in facts_text(shown) for line in wrap_line(fact, indent=_indent_of(shown))]
    if facts["progress"].get("unfinished"):
        lines += ["", *unfinished_lines(facts["progress"]["unfinished"])]
    if facts["coverage"]:
        rows = [[row["state"], row["reason"] or "-", row["frames"], row["settled"]] for row in facts["coverage"]]
        lines += ["", table_text(["state", "reason", "frames", "settled"], rows)]
    if facts["audit"]:
        lines += ["", *wrap_line(describe_spot_check(facts["audit"]))]
    if facts["problem_groups"]:
        lines += ["", "Problems:", *problem_lines(facts["problem_groups"])]
    return [*lines, "", f"next: {facts['next']}"]


def _indent_of(shown: JsonObject) -> int:
    """Return the column at which the values of facts begin."""
    return max(len(name) for name, value in shown.items() if value not in (None, "", [])) + 2


def _state_text(facts: JsonObject) -> str:
    """Return the state of the newest run and what it means."""
    return str(facts["state"]) if facts["run"] is None else f"{facts['state']}: {facts['meaning']}"


def _mandate_text(facts: JsonObject) -> str:
    """Return whether the case may run, and until when."""
    if "expires_utc" not in facts:
        return str(facts["standing"])
    return f"{facts['standing']}, last day {last_day_text(datetime.fromisoformat(facts['expires_utc']))}"


def _review_text(facts: JsonObject) -> str:
    """Return how many candidates wait for a review, or why that is unknown."""
    if facts["uncounted"]:
        return f"candidates: {facts['uncounted']}"
    first = counted(facts["wait_for_first"], "candidate waits", "candidates wait")
    return f"{first} for the first review, {facts['wait_for_second']} for the second"


def _outcomes_text(facts: JsonObject) -> str:
    """Return the outcomes of the reviews in which both verdicts were given; empty if there are none."""
    outcomes = facts["outcomes"] or {}
    return ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items() if count)


@click.group(cls=Group)
def export() -> None:
    """Export results for other tools."""


@export.command("mot")
@click.argument("root", metavar="CASE", type=path_type)
@click.option(
    "--output", "-o", type=path_type, required=True, help="Folder to write to, one text file for each evidence."
)
@click.option("--class", "class_name", help="Only this class, such as person.")
@with_output_options
@reason_option
@json_option
def mot(
    root: Path,
    output: Path,
    class_name: str | None,
    reason: str,
    as_json: bool,
    output_options: OutputOptions,
) -> None:
    """Export tracks as MOT Challenge text, one file for each evidence.

    \b
    Example:
      forensics export mot my-case -o tracks --class person
    """
    facts = {"format": "mot", "output": str(output), **output_options.facts}
    with open_session(root, "export", need=Need.READ, reason=reason, facts=facts) as session:
        outputs = output_options.outputs_of(session)
        outputs.check_folder(output, [_mot_name(item.evidence_id) for item in load_evidence(session.folder)])
        detections = forensics.open_case(root).detections()
        rows = wanted_rows(detections, "detections", RowFilter({"class_name": class_name})).collect()
        written = _write_mot(rows, output, outputs)
        session.record.outputs["files"] = len(written)
    emit({"files": written}, "\n".join(written.values()), as_json)


def _mot_name(evidence_id: object) -> str:
    return f"{evidence_id}.txt"


def _write_mot(rows: pl.DataFrame, output: Path, outputs: Outputs) -> dict[str, str]:
    """Write one text file for each evidence; returns their paths by evidence id."""
    output.mkdir(exist_ok=True)
    written = {}
    for (evidence_id,), part in rows.partition_by("evidence_id", as_dict=True, maintain_order=True).items():
        boxes = part.select("x1", "y1", "x2", "y2").to_numpy()
        lines = mot_lines(
            part["frame"].to_numpy(), boxes, part["score"].to_numpy(), track_id=part["track_id"].to_list()
        )
        target = output / _mot_name(evidence_id)
        outputs.write(target, "".join(f"{line}\n" for line in lines).encode())
        written[str(evidence_id)] = str(target)
    return written
