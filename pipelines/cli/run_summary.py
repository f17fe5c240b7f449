"""What a run, or the plan of one, answers to the person who asked for it."""

from typing import Any

from forensics.custody.case_folder import CaseFolder
from forensics.models.model_store import Model
from forensics.spelling import in_shell
from pipelines.cli.output import counted, emit, facts_text, one_line
from pipelines.intake.relocate import is_absent
from pipelines.review.remarks import remarks
from pipelines.run.driver import RunResult
from pipelines.run.part_integrity import PartChecker
from pipelines.run.part_reuse import reusable_parts
from pipelines.run.plan import RunPlan
from pipelines.run.spot_check_report import spot_check_text
from pipelines.settings import Settings

__all__ = ["emit_plan", "emit_result"]


def emit_plan(plan: RunPlan, settings: Settings, model: Model, as_json: bool) -> None:
    """What a run would do is on standard output."""
    seconds = sum(each.seconds for each in plan.evidence)
    guard, others = PartChecker.of(CaseFolder(plan.folder.case_root)), reusable_parts(plan.folder, settings)
    open_chunks = plan.chunks_to_do(lambda part: part.exists() and not guard.fault_in(part))
    to_do = [planned for planned in open_chunks if not planned.is_outside]
    n_taken_over = sum(planned.unit in others and guard.may_adopt(others[planned.unit]) for planned in to_do)
    looked = sum(each.n_looked_at for each in plan.evidence)
    facts = {
        "run": plan.folder.run_id,
        "model": model.name,
        "files": len(plan.evidence),
        "unreadable": len(plan.unreadable),
        "absent": sum(is_absent(each.evidence) for each in plan.evidence),
        "frames": plan.n_frames,
        # behind a gate fewer are, and nobody knows before they are decoded
        "max_frames_looked_at" if plan.is_gated else "frames_looked_at": looked,
        "min_frames_skipped" if plan.is_gated else "frames_skipped": plan.n_frames - looked,
        "frames_outside": sum(plan.outside.values()),
        "hours": round(seconds / 3600, 3),
        "chunks": plan.n_chunks,
        "chunks_taken_over": n_taken_over,
        "chunks_to_do": len(to_do) - n_taken_over,
        "bytes_to_write": plan.bytes_to_write,
    }
    emit(facts, "\n".join(facts_text(facts)), as_json)


def emit_result(folder: CaseFolder, result: RunResult, as_json: bool) -> None:
    """What came of a run is on standard output, and what to do next."""
    rows = {file["path"].partition("/")[0]: file["rows"] for file in result.manifest["files"]}
    facts: dict[str, Any] = {
        "run": result.folder.run_id,
        "clean": result.is_clean,
        "rows": rows,
        "figures": result.figures,
        "audit": result.spot_check,
        "outside": result.outside,
        "remade": result.remade,
        "lost_footage": result.lost_footage,
        "as_before": result.is_as_before,
    }
    seen = counted(rows["sightings"], "sighting", "sightings")
    lines = [f"run {result.folder.run_id}: {seen}, {counted(rows['detections'], 'detection', 'detections')}"]
    if result.outside:
        frames = f"{sum(result.outside.values())} of {counted(result.n_frames, 'frame', 'frames')}"
        lines.append(f"{frames} lie outside the mandate ({_reasons(result.outside)})")
    if result.spot_check is not None:
        lines.append(spot_check_text(result.spot_check))
    if result.candidates is not None:
        lines.append(counted(result.candidates, "candidate for examination", "candidates for examination"))
        facts["remarks"] = remarks(folder)
        lines += facts["remarks"]
    lines += [one_line(line) for line in (*result.remade, *result.lost_footage)]
    if result.is_as_before:
        lines.append("these are the tables that were published before, byte for byte")
    if not result.is_clean:
        lines.append("not everything could be read or looked at; `forensics status` says what and why")
    lines.append(f"next: {_next_step(folder, result)}")
    emit(facts, "\n".join(lines), as_json)


def _reasons(outside: dict[str, int]) -> str:
    """One reason by its word alone, several with how many frames each."""
    if len(outside) == 1:
        return next(iter(outside))
    return ", ".join(f"{reason} {n_frames}" for reason, n_frames in outside.items())


def _next_step(folder: CaseFolder, result: RunResult) -> str:
    if result.candidates:
        return f"forensics review {in_shell(folder.root)} --as NAME --reason TEXT"
    if result.is_unfinished:
        return f"forensics run {in_shell(folder.root)}, which tries again what failed"
    if result.lost_footage:
        return f"forensics evidence relocate {in_shell(folder.root)} FOLDER, if the footage lies elsewhere now"
    return f"forensics query {in_shell(folder.root)}"
