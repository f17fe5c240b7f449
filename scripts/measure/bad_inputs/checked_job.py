"""Runs the real commands on bad files beside healthy ones and checks all promises."""

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
from forensics.decoding.child import DecodingChild, Limits
from pipelines.cli.main import exit_code_of
from pipelines.stages.model_loaders import ModelLoaders
from scripts.measure.bad_inputs.bad_file import BadFile
from scripts.measure.bad_inputs.checks import (
    CommandResult,
    GivenFile,
    coverage_faults,
    ingest_faults,
    limits_faults,
    number_faults,
    repeated_read_faults,
    source_faults,
)
from scripts.measure.bad_inputs.healthy import Baseline, HealthyFootage, rows_of
from scripts.measure.bad_inputs.number_reader import NumberReader
from scripts.measure.bad_inputs.originals import Workshop
from scripts.measure.bad_inputs.process_limits import ProcessWatch
from testing.given_detector import GivenDetector

__all__ = ["CheckedFile", "check_files", "measure_baseline"]

_HEALTHY_CAMERAS = ("gate", "trap")
_INGEST_LIMIT_S, _RUN_LIMIT_S = 180, 600
_LOADERS = ModelLoaders(load_detector=GivenDetector(NumberReader()))


@dataclass(slots=True)
class CheckedFile:
    """Result of one bad file.

    Attributes:
        bad: the file.
        verdict, reason: its row in `sources`.
        faults: broken promises.
    """

    bad: BadFile
    verdict: str = ""
    reason: str = ""
    faults: list[str] = field(default_factory=list)


def measure_baseline(healthy: HealthyFootage, folder: Path) -> Baseline:
    """Run the job on the healthy footage alone and return its rows and memory."""
    with _case(folder / "case", healthy) as case:
        again = _run_command("ingest", case, healthy.clip, "--camera", _HEALTHY_CAMERAS[0], limit_s=_INGEST_LIMIT_S)
        ran = _run(case)
        if ran.code != 0:
            raise RuntimeError(f"the run on healthy footage alone ended with {ran.code}: {ran.messages[-500:]}")
        rows = rows_of(CaseFolder.at(case).tables, _healthy_ids(case))
        return Baseline(rows, again.usage.peak_bytes, ran.usage.peak_bytes)


def check_files(
    bads: Sequence[BadFile],
    *,
    healthy: HealthyFootage,
    baseline: Baseline,
    originals: Path,
    elsewhere: Path,
    folder: Path,
) -> list[CheckedFile]:
    """Check a case with the healthy footage and these bad files; return one result for each bad file.

    If the run as a whole breaks a promise, each file is checked again alone, to find the cause.
    """
    with _case(folder / "case", healthy) as case:
        checked = [CheckedFile(bad) for bad in bads]
        given = []
        for number, each in enumerate(checked):
            place = folder / f"bad-{number}"
            place.mkdir()
            given.append(_ingest_bad_file(each, case, Workshop(originals, place, elsewhere), f"bad-{number}", baseline))
        run_faults = _run_together(case, checked, given, baseline)
    if run_faults and len(bads) > 1:
        for number, each in enumerate(checked):
            alone = folder / f"alone-{number}"
            alone.mkdir()
            (again,) = check_files(
                [each.bad], healthy=healthy, baseline=baseline, originals=originals, elsewhere=elsewhere, folder=alone
            )
            each.faults += [fault for fault in again.faults if fault not in each.faults]
        if not any(each.faults for each in checked):
            checked[0].faults += [f"together with {len(bads) - 1} others: {fault}" for fault in run_faults]
    else:
        checked[0].faults += run_faults
    return checked


@contextlib.contextmanager
def _case(root: Path, healthy: HealthyFootage) -> Iterator[Path]:
    """Make a case with the healthy footage and its own keys."""
    with TemporaryDirectory() as keys, mock.patch.dict(os.environ, {"FORENSICS_KEYS": keys}):
        made = [
            _run_command(
                "case", "init", root, "--purpose", "bad inputs", "--operator", "campaign", limit_s=_INGEST_LIMIT_S
            )
        ]
        for camera, path in zip(_HEALTHY_CAMERAS, (healthy.clip, healthy.stills), strict=True):
            made.append(_run_command("ingest", root, path, "--camera", camera, limit_s=_INGEST_LIMIT_S))
        if any(answer.code for answer in made):
            raise RuntimeError(f"ingest of the healthy footage failed: {[answer.messages for answer in made]}")
        yield root


def _run_command(*arguments: object, limit_s: float) -> CommandResult:
    """Run one command through the entry point of the program, with a detector that reads the painted numbers."""
    words = [os.fsdecode(os.fsencode(str(argument))) for argument in arguments]
    out, messages, code = io.StringIO(), io.StringIO(), -1
    with (
        ProcessWatch(limit_s) as watch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(messages),
        contextlib.suppress(Exception),  # an unexpected error gives code -1 and must not end the campaign
    ):
        code = exit_code_of([*words, "--json"], _LOADERS)
    assert watch.usage is not None
    return CommandResult(code, out.getvalue(), messages.getvalue(), watch.usage)


def _run(case: Path) -> CommandResult:
    settings = ("--set", "run.stall_s=20", "--set", "chunk.seconds=1")
    words = ("run", case, "--model", "builtin", "--runner", "serial", "--quiet", *settings)
    return _run_command(*words, limit_s=_RUN_LIMIT_S)


def _ingest_bad_file(checked: CheckedFile, case: Path, shop: Workshop, camera: str, baseline: Baseline) -> GivenFile:
    """Ingest one bad file into the case and record faults of the result in `checked`."""
    path = checked.bad.build(shop)
    before = _folder_state(shop.folder)
    times = ("--start", "2026-05-01T10:00:00Z", "--clock-error", "500") if path.is_file() else ()
    result = _run_command("ingest", case, path, "--camera", camera, *times, limit_s=_INGEST_LIMIT_S)
    given = GivenFile(path, shop.folder, camera, before, _sources(result))
    checked.faults += ingest_faults(given, result)
    checked.faults += limits_faults(result, baseline.ingest_bytes, "ingest")
    if given.sources:
        worst = max(given.sources, key=lambda row: ("ok", "partial", "rejected").index(row["verdict"]))
        checked.verdict, checked.reason = worst["verdict"], worst["reason"]
    if checked.bad.is_sound and checked.verdict != "ok":
        checked.faults.append(f"{checked.verdict}, although its content is intact: {checked.reason}")
    if checked.bad.is_known_short and checked.verdict == "ok":
        checked.faults.append("ok, although its container states that something is missing")
    return given


def _run_together(case: Path, checked: list[CheckedFile], given: list[GivenFile], baseline: Baseline) -> list[str]:
    """Run the case and check its tables; return the faults that belong to no particular file."""
    ran = _run(case)
    folder = CaseFolder.at(case)
    faults = limits_faults(ran, baseline.run_bytes, "run")
    if not folder.manifest.exists():
        return [*faults, f"run: exit code {ran.code}, no tables were published: {ran.messages[-400:]}"]
    with DecodingChild(Limits()) as child:
        for each, one in zip(checked, given, strict=True):
            each.faults += source_faults(folder, one)
            each.faults += coverage_faults(folder, one)
            each.faults += number_faults(folder, one, each.bad)
            each.faults += repeated_read_faults(folder, one, each.bad, child)
            if _folder_state(one.folder) != one.before:
                each.faults.append("the source was modified")
    faults += _code_faults(folder, ran)
    faults += _reading_faults(case)
    rows = rows_of(folder.tables, _healthy_ids(case))
    faults += [f"rows of healthy footage in {name} changed" for name in rows if rows[name] != baseline.rows[name]]
    return faults


def _code_faults(folder: CaseFolder, ran: CommandResult) -> list[str]:
    """Check the exit code: 0 if all is done, 4 if a source is partial or rejected, or there are gaps or failures."""
    sources = read_rows(folder, "sources")
    gaps = [row for row in read_rows(folder, "coverage") if row["state"] == "gap"]
    is_clean = all(row["verdict"] == "ok" for row in sources) and not gaps and not read_rows(folder, "failures")
    expected = 0 if is_clean else 4
    return [] if ran.code == expected else [f"run: exit code {ran.code}, expected {expected}: {ran.messages[-400:]}"]


def _reading_faults(case: Path) -> list[str]:
    """Check that later reading commands on the case succeed."""
    commands = (("status", case), ("verify", case), ("query", case, "detections"), ("query", case, "sightings"))
    answers = {words: _run_command(*words, limit_s=_RUN_LIMIT_S) for words in commands}
    return [f"{words[0]}: exit code {a.code}: {a.messages[-300:]}" for words, a in answers.items() if a.code != 0]


def read_rows(folder: CaseFolder, name: str) -> list[dict[str, Any]]:
    """Return the rows of a published table."""
    import polars as pl

    return pl.read_parquet(folder.tables / f"{name}.parquet").to_dicts()


def _healthy_ids(case: Path) -> set[str]:
    rows = read_rows(CaseFolder.at(case), "sources")
    return {row["evidence_id"] for row in rows if row["camera_id"] in _HEALTHY_CAMERAS}


def _sources(result: CommandResult) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = json.loads(result.out)["sources"]
    except (ValueError, KeyError):
        return []
    return rows


def _folder_state(folder: Path) -> dict[str, str]:
    """Return mode, modification time and content digest of everything below a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        is_file = path.is_file() and not path.is_symlink()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if is_file else str(state.st_size)
        found[str(path.relative_to(folder))] = f"{state.st_mode:o} {state.st_mtime_ns} {content}"
    return found
