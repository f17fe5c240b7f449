"""What `run` prints: the plan of a dry run, or the result."""

import polars as pl

import forensics
from forensics.adapters.faces.face_models import FaceModels
from forensics.custody.case_folder import CaseFolder
from forensics.footage.coverage import State
from forensics.json_object import JsonObject
from forensics.models.conversion import NOT_PINNED
from forensics.models.model_store import Model
from forensics.spelling import in_shell
from forensics.tables.open import OpenCase
from forensics.tables.published import table_of_file
from forensics.tracking.sparse_footage import has_stills
from forensics.wording import counted
from pipelines.cli.output import emit, one_line
from pipelines.custody.case_store import load_case
from pipelines.custody.part_records import PartRecords
from pipelines.intake.relocate import is_absent
from pipelines.review.remarks import candidate_remarks
from pipelines.review.search_status import search_status
from pipelines.run.driver import RunResult
from pipelines.run.face_choice import faces_text
from pipelines.run.part_integrity import PartChecker
from pipelines.run.part_reuse import reusable_parts
from pipelines.run.plan import RunPlan
from pipelines.run.record import accuracy_text, faces_of_run, model_of_run, model_text
from pipelines.run.spot_check_report import describe_spot_check
from pipelines.settings import Settings

__all__ = ["emit_result", "no_sighting_hint", "plan_facts"]


def no_sighting_hint(opened: OpenCase) -> str:
    """Return why a case with detections may have no sighting; empty if it has one, or failures or gaps explain it."""
    gaps = opened.coverage().filter(pl.col("state") == State.GAP.value)
    is_explained = any(not _is_empty(rows) for rows in (opened.sightings(), opened.failures(), gaps))
    if is_explained or _is_empty(opened.detections()):
        return ""
    return (
        "no detection lasted long enough, or was certain enough, to be a sighting (track.minimum_detections, "
        "track.minimum_duration_ms, track.activation_score, in stills and time lapse track.single_frame_score): "
        f"`forensics query {in_shell(opened.folder.root)} detections` shows them all"
    )


def _is_empty(rows: pl.LazyFrame) -> bool:
    return rows.limit(1).collect().is_empty()


def plan_facts(plan: RunPlan, settings: Settings, model: Model, faces: FaceModels | None) -> JsonObject:
    """Return what a run would do; `faces` is None if it compares none.

    Chunks are done, outside the mandate, taken over from another run, or to do.
    """
    stills = [each for each in plan.evidence if has_stills(each.evidence)]
    videos = [each for each in plan.evidence if not has_stills(each.evidence)]
    checker = PartChecker.load(CaseFolder(plan.folder.case_root), PartRecords.of(plan.folder).load())
    others = reusable_parts(plan.folder, settings)
    open_chunks = plan.chunks_to_do(lambda part: part.exists() and not checker.find_fault(part))
    to_do = [planned for planned in open_chunks if not planned.is_outside]
    n_taken_over = sum(planned.unit in others and checker.may_reuse(others[planned.unit]) for planned in to_do)
    looked = sum(each.n_sampled for each in plan.evidence)
    return {
        "run": plan.folder.run_id,
        "model": model.name,
        "model_sha256": model.sha256 or None,
        "model_source_sha256": model.conversion and model.conversion.source_sha256,
        "model_pinned": model.is_pinned,
        "model_accuracy": model.accuracy,
        **({} if faces is None else {"faces": faces_text(faces.described), "face_models": faces.choice}),
        "files": len(plan.evidence),
        "unreadable": len(plan.unreadable),
        "absent": sum(is_absent(each.evidence) for each in plan.evidence),
        "frames": plan.n_frames,
        # behind the motion gate the numbers are known only after decoding
        "max_frames_looked_at" if plan.is_gated else "frames_looked_at": looked,
        "min_frames_skipped" if plan.is_gated else "frames_skipped": plan.n_frames - looked,
        "frames_outside": sum(plan.outside.values()),
        # of stills the time from the first to the last, which may be years, says nothing about the work
        "hours": round(sum(each.seconds for each in videos) / 3600, 3) if videos else None,
        "pictures": sum(each.evidence.n_frames for each in stills) if stills else None,
        "sparse_files": plan.n_sparse,
        "chunks": plan.n_chunks,
        "chunks_done": plan.n_chunks - len(open_chunks),
        "chunks_outside": len(open_chunks) - len(to_do),
        "chunks_taken_over": n_taken_over,
        "chunks_to_do": len(to_do) - n_taken_over,
        "bytes_to_write": plan.bytes_to_write,
    }


def emit_result(folder: CaseFolder, result: RunResult, as_json: bool) -> None:
    """Print the result of a run, and the next command."""
    rows = {table_of_file(file["path"]): file["rows"] for file in result.manifest["files"]}
    model = model_of_run(folder, result.folder.run_id)
    faces = faces_of_run(folder, result.folder.run_id)
    facts: JsonObject = {
        "run": result.folder.run_id,
        "clean": result.is_clean,
        "model": model.get("name"),
        "model_sha256": model.get("sha256") or None,
        "model_source_sha256": (model.get("conversion") or {}).get("source_sha256"),
        "model_pinned": model.get("pinned"),
        "model_accuracy": model.get("accuracy"),
        "face_models": faces or None,
        "rows": rows,
        "figures": result.figures,
        "audit": result.spot_check,
        "outside": result.outside,
        "remade": result.rebuilt_parts,
        "lost_footage": result.lost_footage,
        "as_before": result.is_unchanged,
        "replaced_run": result.replaced_run or None,
    }
    seen = counted(rows["sightings"], "sighting", "sightings")
    lines = [
        f"run {result.folder.run_id}: {seen}, {counted(rows['detections'], 'detection', 'detections')}",
        f"model {model_text(model)}",
        *map(one_line, (*result.lost_footage, *result.rebuilt_parts)),
        f"accuracy of the model: {accuracy_text(model)}",
        *([f"faces: {faces_text(faces)}"] if faces else []),
    ]
    if model.get("conversion"):
        lines.append(f"the model is {NOT_PINNED}")
    if rows["detections"] and not rows["sightings"]:
        lines += filter(None, [no_sighting_hint(forensics.open_case(folder.root))])
    if result.figures["sparse_recordings"]:
        lines.append(_sparse_text(result.figures))
    if result.outside:
        frames = f"{sum(result.outside.values())} of {counted(result.n_frames, 'frame', 'frames')}"
        lines.append(f"{frames} are outside the mandate ({_reasons(result.outside)})")
    if result.spot_check is not None:
        lines.append(describe_spot_check(result.spot_check))
    if result.candidates is not None:
        facts |= _review_counts(folder, result.candidates)
        lines.append(_candidates_text(facts["to_review"], facts["decided"]))
        facts["remarks"] = candidate_remarks(folder)
        lines += facts["remarks"]
    if result.is_unchanged:
        lines.append("the tables are identical to those published before, byte for byte")
    if result.replaced_run:
        before = folder.run(result.replaced_run)
        model_before = model_text(model_of_run(folder, before.run_id))
        lines.append(f"the tables before, of run {before.run_id} with model {model_before}, are in {before.tables}")
    if not result.is_clean:
        lines.append("some footage could not be read or processed; `forensics status` lists it with the reasons")
    lines.append(f"next: {_next_step(folder, result, to_review=facts.get('to_review', 0))}")
    emit(facts, "\n".join(lines), as_json)


def _sparse_text(figures: JsonObject) -> str:
    """Return in how many recordings a single detection is a sighting."""
    recordings = counted(figures["recordings"], "recording is", "recordings are")
    return (
        f"{figures['sparse_recordings']} of {recordings} stills or time lapse: there a single detection is a sighting "
        "from track.single_frame_score up (docs/tracking.md)"
    )


def _reasons(outside: dict[str, int]) -> str:
    """Return one reason alone, several with the number of frames each."""
    if len(outside) == 1:
        return next(iter(outside))
    return ", ".join(f"{reason} {n_frames}" for reason, n_frames in outside.items())


def _review_counts(folder: CaseFolder, n_candidates: int) -> JsonObject:
    """Return how many candidates need a verdict, and on how many both reviewers have decided.

    All of them need one if the verdicts cannot be counted.
    """
    search = search_status(load_case(folder.root))
    if search["uncounted"]:
        return {"to_review": n_candidates, "decided": 0}
    to_review = search["wait_for_first"] + search["wait_for_second"]
    return {"to_review": to_review, "decided": sum(search["outcomes"].values())}


def _candidates_text(n_to_review: int, n_decided: int) -> str:
    """Return how many candidates are to be examined, and how many are decided, if any.

    >>> _candidates_text(2, 0), _candidates_text(1, 3)
    ('2 candidates for examination', '1 candidate for examination, 3 decided')
    """
    text = counted(n_to_review, "candidate for examination", "candidates for examination")
    return f"{text}, {n_decided:,} decided" if n_decided else text


def _next_step(folder: CaseFolder, result: RunResult, *, to_review: int) -> str:
    if to_review:
        return f"forensics review {in_shell(folder.root)} --as NAME --reason TEXT"
    if result.is_unfinished:
        return f"forensics run {in_shell(folder.root)}, which tries the failed work again"
    if result.lost_footage:
        return f"forensics evidence relocate {in_shell(folder.root)} FOLDER, if the footage was moved"
    return f"forensics query {in_shell(folder.root)}"
