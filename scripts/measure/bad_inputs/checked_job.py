"""Bad files beside healthy ones through the real commands, and everything that was promised of them."""

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from forensics.custody.case_folder import CaseFolder
from pipelines.cli.main import exit_code_of
from scripts.measure.bad_inputs.bad_file import BadFile
from scripts.measure.bad_inputs.checks import (
    Asked,
    Given,
    coverage_faults,
    ingest_faults,
    limits_faults,
    number_faults,
    source_faults,
)
from scripts.measure.bad_inputs.healthy import Baseline, Healthy, rows_of
from scripts.measure.bad_inputs.number_reader import NumberReader
from scripts.measure.bad_inputs.originals import Workshop
from scripts.measure.bad_inputs.process_limits import Watch

__all__ = ["CheckedFile", "judge", "measure_baseline"]

_INGEST_LIMIT_S, _RUN_LIMIT_S = 180, 600
_HEALTHY_CAMERAS = ("gate", "trap")


@dataclass(slots=True)
class CheckedFile:
    """What became of one bad file.

    Attributes:
        bad: the file.
        verdict, reason: its row in `sources`.
        faults: promises that did not hold.
    """

    bad: BadFile
    verdict: str = ""
    reason: str = ""
    faults: list[str] = field(default_factory=list)


def measure_baseline(healthy: Healthy, folder: Path) -> Baseline:
    """What the job says and needs for the healthy footage alone."""
    with _case(folder / "case", healthy) as case:
        again = _ask("ingest", case, healthy.clip, "--camera", _HEALTHY_CAMERAS[0], limit_s=_INGEST_LIMIT_S)
        ran = _run(case)
        if ran.code != 0:
            raise RuntimeError(f"the healthy footage alone: exit code {ran.code}: {ran.messages[-500:]}")
        rows = rows_of(CaseFolder.at(case).tables, _healthy_ids(case))
        return Baseline(rows, again.watched.peak_bytes, ran.watched.peak_bytes)


def judge(
    bads: Sequence[BadFile], *, healthy: Healthy, baseline: Baseline, originals: Path, elsewhere: Path, folder: Path
) -> list[CheckedFile]:
    """One case of the healthy footage and these bad files; one verdict of ours for each.

    Where the run as a whole breaks a promise, each file is tried again alone, so that the culprit is named.
    """
    with _case(folder / "case", healthy) as case:
        judged = [CheckedFile(bad) for bad in bads]
        given = []
        for number, each in enumerate(judged):
            place = folder / f"bad-{number}"
            place.mkdir()
            given.append(_taken_in(each, case, Workshop(originals, place, elsewhere), f"bad-{number}", baseline))
        run_faults = _run_together(case, judged, given, baseline)
    if run_faults and len(bads) > 1:
        for number, each in enumerate(judged):
            alone = folder / f"alone-{number}"
            alone.mkdir()
            (again,) = judge(
                [each.bad], healthy=healthy, baseline=baseline, originals=originals, elsewhere=elsewhere, folder=alone
            )
            each.faults += [fault for fault in again.faults if fault not in each.faults]
        if not any(each.faults for each in judged):
            judged[0].faults += [f"together with {len(bads) - 1} others: {fault}" for fault in run_faults]
    else:
        judged[0].faults += run_faults
    return judged


@contextlib.contextmanager
def _case(root: Path, healthy: Healthy) -> Iterator[Path]:
    """A case that holds the healthy footage, with keys of its own."""
    with TemporaryDirectory() as keys, mock.patch.dict(os.environ, {"FORENSICS_KEYS": keys}):
        made = [
            _ask("case", "init", root, "--purpose", "bad inputs", "--operator", "campaign", limit_s=_INGEST_LIMIT_S)
        ]
        for camera, path in zip(_HEALTHY_CAMERAS, (healthy.clip, healthy.stills), strict=True):
            made.append(_ask("ingest", root, path, "--camera", camera, limit_s=_INGEST_LIMIT_S))
        if any(answer.code for answer in made):
            raise RuntimeError(f"the healthy footage was not taken in: {[answer.messages for answer in made]}")
        yield root


def _ask(*arguments: object, limit_s: float) -> Asked:
    """One command through the program's entry."""
    words = [os.fsdecode(os.fsencode(str(argument))) for argument in arguments]
    out, messages, code = io.StringIO(), io.StringIO(), -1
    with (
        Watch(limit_s) as watch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(messages),
        contextlib.suppress(Exception),  # what nobody expected is told by code -1, and must not end the campaign
    ):
        code = exit_code_of([*words, "--json"])
    assert watch.seen is not None
    return Asked(code, out.getvalue(), messages.getvalue(), watch.seen)


def _run(case: Path) -> Asked:
    with mock.patch("pipelines.stages.detection_context.load_for", return_value=NumberReader()):
        words = ("run", case, "--runner", "serial", "--quiet", "--set", "run.stall_s=20", "--set", "chunk.seconds=1")
        return _ask(*words, limit_s=_RUN_LIMIT_S)


def _taken_in(judged: CheckedFile, case: Path, shop: Workshop, camera: str, baseline: Baseline) -> Given:
    """Give one bad file to the case; what is wrong with the answer stands in `judged`."""
    path = judged.bad.build(shop)
    before = _digests(shop.folder)
    said = ("--start", "2026-05-01T10:00:00Z", "--clock-error", "500") if path.is_file() else ()
    asked = _ask("ingest", case, path, "--camera", camera, *said, limit_s=_INGEST_LIMIT_S)
    given = Given(path, shop.folder, camera, before, _sources(asked))
    judged.faults += ingest_faults(given, asked)
    judged.faults += limits_faults(asked, baseline.ingest_bytes, "ingest")
    if given.sources:
        worst = max(given.sources, key=lambda row: ("ok", "partial", "rejected").index(row["verdict"]))
        judged.verdict, judged.reason = worst["verdict"], worst["reason"]
    if judged.bad.is_sound and judged.verdict != "ok":
        judged.faults.append(f"{judged.verdict}, although nothing is wrong with its content: {judged.reason}")
    if judged.bad.is_known_short and judged.verdict == "ok":
        judged.faults.append("ok, although its container says that something is missing")
    return given


def _run_together(case: Path, judged: list[CheckedFile], given: list[Given], baseline: Baseline) -> list[str]:
    """Run the case and hold its tables against the promises; returns what is nobody's fault in particular."""
    ran = _run(case)
    folder = CaseFolder.at(case)
    faults = limits_faults(ran, baseline.run_bytes, "run")
    if not folder.manifest.exists():
        return [*faults, f"run: exit code {ran.code}, nothing was published: {ran.messages[-400:]}"]
    for each, one in zip(judged, given, strict=True):
        each.faults += source_faults(folder, one)
        each.faults += coverage_faults(folder, one)
        each.faults += number_faults(folder, one, each.bad)
        if _digests(one.folder) != one.before:
            each.faults.append("the source was modified")
    faults += _code_faults(folder, ran)
    faults += _reading_faults(case)
    rows = rows_of(folder.tables, _healthy_ids(case))
    faults += [f"rows of healthy footage in {name} changed" for name in rows if rows[name] != baseline.rows[name]]
    return faults


def _code_faults(folder: CaseFolder, ran: Asked) -> list[str]:
    """README: 0 is done, 4 is finished with something partial, rejected, unsettled or not handed out."""
    sources = rows_like(folder, "sources")
    gaps = [row for row in rows_like(folder, "coverage") if row["state"] == "gap"]
    is_clean = all(row["verdict"] == "ok" for row in sources) and not gaps and not rows_like(folder, "failures")
    expected = 0 if is_clean else 4
    return [] if ran.code == expected else [f"run: exit code {ran.code}, expected {expected}: {ran.messages[-400:]}"]


def _reading_faults(case: Path) -> list[str]:
    """Whoever asks the case afterwards is answered."""
    questions = (("status", case), ("verify", case), ("query", case, "detections"), ("query", case, "sightings"))
    answers = {words: _ask(*words, limit_s=_RUN_LIMIT_S) for words in questions}
    return [f"{words[0]}: exit code {a.code}: {a.messages[-300:]}" for words, a in answers.items() if a.code != 0]


def rows_like(folder: CaseFolder, name: str) -> list[dict[str, Any]]:
    """A published table as rows."""
    import polars as pl

    return pl.read_parquet(folder.tables / name / "*.parquet").to_dicts()


def _healthy_ids(case: Path) -> set[str]:
    rows = rows_like(CaseFolder.at(case), "sources")
    return {row["evidence_id"] for row in rows if row["camera_id"] in _HEALTHY_CAMERAS}


def _sources(asked: Asked) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = json.loads(asked.out)["sources"]
    except (ValueError, KeyError):
        return []
    return rows


def _digests(folder: Path) -> dict[str, str]:
    """What lies below a folder: of files their digest, of everything its kind."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        is_file = path.is_file() and not path.is_symlink()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if is_file else str(state.st_size)
        found[str(path.relative_to(folder))] = f"{state.st_mode:o} {state.st_mtime_ns} {content}"
    return found
