"""Runs of a recording whose sections begin at different times: exactly those within the mandate are detected."""

from pathlib import Path

import polars as pl
import pytest

import forensics
from forensics.custody.case_folder import CaseFolder
from forensics.digests import digest_of
from forensics.methods import METHODS
from forensics.models.model_store import BUILTIN
from forensics.tables.evidence import load_evidence
from pipelines.custody.case_store import load_case
from pipelines.run.plan import EvidencePlan, make_plan
from pipelines.settings import Settings
from pipelines.versions import library_versions
from testing.commands import Call
from testing.painted.recorders import RECORDED
from testing.painted_case import PaintedDetector
from testing.published_content import published_content

_MAY_10 = "2026-05-01T10:10:00Z"
_OUTSIDE, _INSIDE = "2026-05-01T12:00:00Z", "2026-05-01T10:30:00Z"
_REASON = ("--reason", "the recorder's log")
_SPANS = ("--from", "2026-05-01T10:00:00Z", "--to", "2026-05-01T11:00:00Z")
_RUN = ("--runner", "serial", "--quiet")


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of three sections of 45 frames."""
    joined = next(each for each in RECORDED if each.name == "ts joined, three clocks starting anew")
    return joined.build(tmp_path_factory.mktemp("joined"))


def make_case(call: Call, root: Path, footage: Path, second: str = "", third: str = "") -> str:
    """Make a case limited to one hour, with the recording; returns the id of its evidence."""
    call.use_detector(PaintedDetector())
    init = ("case", "init", root, "--purpose", "a stolen bicycle", "--operator", "A. Ahmed", *_SPANS)
    assert call(*init).code == 0
    stated = ("--camera", "gate", "--start", _MAY_10, "--clock-error", 0)
    assert call("ingest", root, footage, *stated).code == 0
    evidence_id = load_evidence(CaseFolder.at(root))[0].evidence_id
    for number, start in ((2, second), (3, third)):
        if start:
            words = ("case", "clock", root, "gate", "--section", f"{evidence_id}#{number}", "--start", start, *_REASON)
            assert call(*words).code == 0
    return evidence_id


def plan_of(root: Path) -> EvidencePlan:
    case = load_case(root)
    (plan,) = make_plan(case, load_evidence(case.folder), Settings(), BUILTIN).evidence
    return plan


def coverage_of(root: Path) -> list[tuple[object, ...]]:
    columns = ("state", "reason", "start_frame", "stop_frame")
    return forensics.open_case(root).coverage().select(columns).collect().rows()


_OUTSIDE_BETWEEN = [
    ("detected", "", 0, 45),
    ("skipped", "scope", 45, 90),
    ("detected", "", 90, 135),
]


@pytest.mark.parametrize("chunk_s", ["0.7", "60"])
def test_sections_on_both_sides_of_one_outside_are_detected(
    call: Call, tmp_path: Path, footage: Path, chunk_s: str
) -> None:
    root = tmp_path / "case"
    evidence_id = make_case(call, root, footage, _OUTSIDE, _INSIDE)
    planned = call("run", root, "--dry-run", "--json")
    assert planned.json["frames_outside"] == 45
    assert call("ingest", root, footage, "--camera", "gate").err.count("45 of 135 frames are outside the scope") == 1
    answer = call("run", root, *_RUN, "--set", f"chunk.seconds={chunk_s}")
    assert (answer.code, "45 of 135 frames are outside the mandate (scope)" in answer.out) == (0, True), answer.err
    assert coverage_of(root) == _OUTSIDE_BETWEEN
    detected = set(forensics.open_case(root).detections().collect()["frame"])
    assert detected == {*range(45), *range(90, 135)}
    sightings = forensics.open_case(root).sightings().collect()
    assert not sightings.filter(pl.col("first_frame") < 45, pl.col("last_frame") >= 45).height
    assert "is outside the scope of the case" in call("verify", root, "--frame", f"{evidence_id}#50").err
    assert call("verify", root, "--frame", f"{evidence_id}#100", "--json").json["frame"] == 100


def test_a_section_without_a_start_between_two_others_is_unknown(call: Call, tmp_path: Path, footage: Path) -> None:
    root = tmp_path / "case"
    evidence_id = make_case(call, root, footage, third=_INSIDE)
    answer = call("run", root, *_RUN)
    assert (answer.code, "45 of 135 frames are outside the mandate (scope_unknown)" in answer.out) == (4, True)
    assert coverage_of(root) == [
        ("detected", "", 0, 45),
        ("skipped", "scope_unknown", 45, 90),
        ("detected", "", 90, 135),
    ]
    detail = forensics.open_case(root).coverage().collect()["detail"].to_list()
    assert (detail[0], detail[2]) == ("", "")
    assert "nobody stated when their section begins" in detail[1]
    (problem,) = call("status", root, "--json").json["problems"]
    assert f"nobody stated when section 2 of {evidence_id} begins, so it was not searched" in problem
    words = problem.split("`")[1].replace("TIME", _OUTSIDE).split()[1:]
    assert call(*words).code == 0
    assert call("status", root, "--json").json["problems"] == []


def test_behind_the_gate_every_section_starts_with_a_detection(call: Call, tmp_path: Path, footage: Path) -> None:
    root = tmp_path / "case"
    make_case(call, root, footage, _OUTSIDE, _INSIDE)
    assert call("run", root, *_RUN, "--set", "detect.gate=motion").code == 0
    rows = coverage_of(root)
    assert [row for row in rows if row[1] == "scope"] == [("skipped", "scope", 45, 90)]
    firsts = {row[2]: row[0] for row in rows}
    assert (firsts[0], firsts[90]) == ("detected", "detected")


def test_a_run_after_a_corrected_section_equals_a_new_one(call: Call, tmp_path: Path, footage: Path) -> None:
    late, once = tmp_path / "late", tmp_path / "once"
    evidence_id = make_case(call, late, footage, _OUTSIDE, _OUTSIDE)
    assert call("run", late, *_RUN).code == 0
    assert {row[:2] for row in coverage_of(late) if row[2] >= 45} == {("skipped", "scope")}
    words = ("case", "clock", late, "gate", "--section", f"{evidence_id}#3", "--start", _INSIDE, *_REASON)
    assert call(*words).code == 0
    assert call("run", late, *_RUN).code == 0
    make_case(call, once, footage, _OUTSIDE, _INSIDE)
    assert call("run", once, *_RUN).code == 0
    assert published_content(late) == published_content(once)


def test_names_of_parts_with_one_range_are_those_of_earlier_versions(call: Call, tmp_path: Path, footage: Path) -> None:
    root = tmp_path / "case"
    make_case(call, root, footage, _OUTSIDE, _OUTSIDE)
    plan = plan_of(root)
    assert plan.evidence.readable is not None
    detail = "not wholly between 2026-05-01T10:00:00Z and 2026-05-01T11:00:00Z, clock error 0 ms"
    facts = {
        "scope": [0, 45, "scope", detail],
        "evidence": plan.evidence.evidence_id,
        "index": plan.evidence.readable.index_sha256,
        "reader": "pyav",
        "detect": Settings().evidence_settings()["detect"],
        "method": METHODS["detect"],
        "model": BUILTIN.name,
        "libraries": library_versions(),
    }
    assert plan.detect_digest == digest_of(facts)
    other = tmp_path / "other"
    make_case(call, other, footage, _OUTSIDE, _INSIDE)
    assert plan_of(other).detect_digest != plan.detect_digest
