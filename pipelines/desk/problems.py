"""Problems of a case, each with what to do about it, and groups of those of one kind."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import polars as pl

import forensics
from forensics.custody.case_document import Case
from forensics.custody.case_folder import CaseFolder
from forensics.custody.mandate import MandateStatus, mandate_status
from forensics.errors import ForensicsError, UsageError
from forensics.footage.evidence import Evidence, Source, Verdict
from forensics.json_object import JsonObject
from forensics.spelling import in_shell
from forensics.tables.evidence import load_evidence, load_sources
from forensics.tracking.sparse_footage import has_stills
from forensics.wording import counted
from pipelines.custody.earlier_denials import describe_denials
from pipelines.intake.unknown_clocks import describe_unknown_clocks

__all__ = ["Problem", "absent_footage", "group_problems", "problems_of"]

_N_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem.

    Attributes:
        kind: what such problems have in common, such as ``rejected, not_media``.
        text: the whole problem in words.
    """

    kind: str
    text: str


def problems_of(case: Case, now: datetime) -> list[Problem]:
    """Return all problems of a case: sources, what the run found, clocks, denials, missing footage, failed work."""
    folder = case.folder
    sources, evidence, is_published = load_sources(folder), load_evidence(folder), folder.manifest.exists()
    is_active = mandate_status(case.mandate, now) is MandateStatus.ACTIVE
    return [
        *(_source_problem(folder, source, sources) for source in sources if source.verdict is not Verdict.OK),
        *(_found_by_run(folder, sources) if is_published else ()),
        *(Problem("unknown clock", text) for text in describe_unknown_clocks(case, evidence)),
        *(_sections_without_start(case) if is_published else ()),
        *(_pictures_without_time(folder, evidence) if is_published else ()),
        *(Problem("denial", text) for text in (_denials(case) if is_active else ())),
        *absent_footage(folder, evidence),
        *_claimed_twice(folder, evidence),
        *(_failures(folder) if is_published else ()),
    ]


def group_problems(problems: Sequence[Problem]) -> list[JsonObject]:
    """Return kind, count and the first three texts of the problems of each kind, in the order of the first of a kind.

    >>> group_problems([Problem("a", "1"), Problem("b", "2"), Problem("a", "3")])[0]
    {'kind': 'a', 'count': 2, 'examples': ['1', '3']}
    """
    by_kind = defaultdict[str, list[str]](list)
    for problem in problems:
        by_kind[problem.kind].append(problem.text)
    return [{"kind": kind, "count": len(texts), "examples": texts[:_N_EXAMPLES]} for kind, texts in by_kind.items()]


def absent_footage(folder: CaseFolder, evidence: Sequence[Evidence]) -> list[Problem]:
    """Return a problem for each missing file; objects of a store are checked only when they are read."""
    find = f"find it with `forensics evidence relocate {in_shell(folder.root)} FOLDER`"
    return [
        Problem("absent", f"absent: {item.path} is missing; {find}")
        for item in evidence
        if isinstance(item.path, Path) and not item.path.exists()
    ]


def _source_problem(folder: CaseFolder, source: Source, sources: Sequence[Source]) -> Problem:
    """Return why a source is not complete, and how to withdraw it if it yields no frames."""
    withdraw = f"`forensics evidence withdraw {in_shell(folder.root)} {in_shell(source.path)}`"
    way_out = ""
    if source.evidence_id is None:
        way_out = f"; if it was given by mistake, withdraw it with {withdraw}"
    elif source.verdict is Verdict.REJECTED and any(
        each.path == source.path and each.verdict is not Verdict.REJECTED for each in sources
    ):
        way_out = f"; the file that is there now was read; withdraw the earlier one with {withdraw}"
    text = f"{source.verdict.value}: {source.path}: {source.reason}{way_out}"
    return Problem(_kind_of(source.verdict.value, source.reason), text)


def _kind_of(verdict: str, reason: str) -> str:
    """Return the verdict with the reason's own word for it, if it begins with one.

    >>> _kind_of("rejected", "not_media: no video stream"), _kind_of("partial", "12 frames are missing")
    ('rejected, not_media', 'partial')
    """
    word, colon, _ = reason.partition(":")
    return f"{verdict}, {word}" if colon and word.replace("_", "").isalnum() else verdict


def _found_by_run(folder: CaseFolder, sources: Sequence[Source]) -> Iterator[Problem]:
    """Yield what the newest run found missing in footage that was whole when it was ingested."""
    whole = {str(source.path) for source in sources if source.verdict is Verdict.OK}
    rows = forensics.open_case(folder.root).sources().select("path", "verdict", "reason").collect()
    for path, verdict, reason in rows.iter_rows():
        if path in whole and verdict != Verdict.OK.value:
            yield Problem(_kind_of(verdict, reason), f"{verdict}: {path}: {reason}")


def _sections_without_start(case: Case) -> Iterator[Problem]:
    """Yield the sections that are out of scope because nobody stated when they begin, and still has not."""
    mandate, root = case.mandate, case.folder.root
    if (mandate.from_utc, mandate.to_utc) == (None, None):
        return
    try:
        undated = forensics.open_case(root).sections().filter(pl.col("section") > 1, pl.col("first_utc").is_null())
    except UsageError:  # version 0.1 published no sections
        return
    for evidence_id, number, camera in undated.select("evidence_id", "section", "camera_id").collect().iter_rows():
        is_permitted = not mandate.cameras or camera in mandate.cameras
        if is_permitted and number not in case.section_starts.get(evidence_id, {}):
            state_it = f"forensics case clock {in_shell(root)} {in_shell(camera)} --section {evidence_id}#{number}"
            text = f"nobody stated when section {number} of {evidence_id} begins, so it was not searched"
            yield Problem("unknown clock", f"{text}; `{state_it} --start TIME`")


def _pictures_without_time(folder: CaseFolder, evidence: Sequence[Evidence]) -> Iterator[Problem]:
    """Yield how many pictures are out of scope because no time is recorded for them, of each folder of stills."""
    dated = [item.evidence_id for item in evidence if has_stills(item) and item.start_utc_us is not None]
    skipped = forensics.open_case(folder.root).coverage().filter(pl.col("reason") == "scope_unknown")
    n_frames = (pl.col("stop_frame") - pl.col("start_frame")).sum()
    counts = skipped.filter(pl.col("evidence_id").is_in(dated)).group_by("evidence_id").agg(n_frames)
    for evidence_id, n_pictures in counts.sort("evidence_id").collect().iter_rows():
        text = f"{counted(n_pictures, 'picture', 'pictures')} of {evidence_id} have no recorded time"
        way_out = "write the times into their names in a copy, and ingest the copy"
        yield Problem("unknown clock", f"{text}, so they were not searched; {way_out}")


def _denials(case: Case) -> list[str]:
    """Return a problem for each denial that the case must acknowledge; or why these are not known."""
    try:
        return describe_denials(case)
    except ForensicsError as error:
        return [f"denials of other cases are not known: {error}"]


def _claimed_twice(folder: CaseFolder, evidence: Sequence[Evidence]) -> Iterator[Problem]:
    """Yield a problem for each path with several recordings, of which it can hold only one."""
    by_path = defaultdict[str, list[str]](list)
    for item in evidence:
        if item.readable is not None:
            by_path[str(item.path)].append(item.evidence_id)
    find = f"find the others with `forensics evidence relocate {in_shell(folder.root)} FOLDER`"
    for path, ids in by_path.items():
        if len(ids) > 1:
            claim = f"evidence {' and '.join(ids)} were all read at {path}, which can hold only one of them"
            yield Problem("claimed twice", f"claimed twice: {claim}; {find}")


def _failures(folder: CaseFolder) -> Iterator[Problem]:
    for row in forensics.open_case(folder.root).failures().collect().iter_rows(named=True):
        text = f"{row['stage']}: {row['evidence_id']} {row['unit']}: {row['error']}: {row['detail']}"
        yield Problem(f"{row['stage']} failed, {row['error']}", f"{text} (the next run tries again)")
