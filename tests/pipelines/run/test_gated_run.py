"""Whole runs behind the motion gate: the same people, few detected frames, complete coverage, and the spot check."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from forensics.adapters.statistics.binomial_bound import upper_bound
from forensics.adapters.video.indexing.pyav_index import index_file
from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.custody.case_document import Case
from forensics.decoding.child import Limits
from forensics.decoding.decoder_crashes import read_past_crashes
from forensics.errors import DecoderLost
from forensics.footage.evidence import Indexed
from forensics.footage.frames import Frame, Item, View
from forensics.footage.motion_gate import GateResult, GateRules, MotionGate, window_starts
from forensics.methods import METHODS
from forensics.sampling.spot_check import SpotCheckedFrame
from forensics.tables.spot_check_rows import SpotCheckedEvidence
from pipelines.custody.case_store import load_case
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.intake.ingest import ingest
from pipelines.intake.ingest_item import IngestItem
from pipelines.run.driver import RunResult
from pipelines.run.spot_check_report import describe_spot_check, spot_check_facts
from pipelines.settings import DetectSettings, Settings
from testing.commands import Call
from testing.painted_case import copy_case, make_case_of, published_table
from testing.painted_case import run as run_case
from testing.street import StreetDetector, Walker, film, street_walkers

N_FRAMES = 600
GATED = ("detect.gate=motion",)
PEOPLE = ["first_frame", "last_frame"]
SEEING = StreetDetector()


@pytest.fixture(scope="module")
def street_once(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A case of one minute of street that was never run; tests copy it."""
    folder = tmp_path_factory.mktemp("street")
    return make_case_of(folder / "case", IngestItem(film(folder / "street.mp4", N_FRAMES, street_walkers()), "street"))


@pytest.fixture
def street_case(street_once: Case, tmp_path: Path) -> Case:
    """A copy of the case that was never run."""
    return copy_case(street_once, tmp_path / "case")


def run(case: Case, *assignments: str, detector: StreetDetector = SEEING) -> RunResult:
    """Run the case with a detector that finds the painted walkers."""
    return run_case(case, *assignments, detector=detector)


def frames_by(case: Case, *columns: str) -> dict[Any, int]:
    """How many frames `coverage` counts for each value of these columns."""
    n_frames = (pl.col("stop_frame") - pl.col("start_frame")).sum().alias("n_frames")
    rows = published_table(case, "coverage").group_by(*columns).agg(n_frames).rows()
    return {key[0] if len(columns) == 1 else tuple(key): n for *key, n in rows}


def people(case: Case) -> list[tuple[Any, ...]]:
    return published_table(case, "sightings").select(PEOPLE).sort(PEOPLE).rows()


def record(result: RunResult) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(result.folder.record.read_text())
    return stored


def test_the_same_people_are_found_to_the_frame_with_a_fraction_of_the_detections(
    street_once: Case, street_case: Case, tmp_path: Path
) -> None:
    every = copy_case(street_once, tmp_path / "every")
    run(every)
    run(street_case, *GATED)
    assert len(people(every)) == 4
    assert people(street_case) == people(every)
    assert frames_by(every, "state") == {"detected": N_FRAMES}
    assert frames_by(street_case, "state")["detected"] < N_FRAMES / 4


def test_every_frame_is_accounted_for_with_the_reason_and_the_change_that_decided(street_case: Case) -> None:
    run(street_case, *GATED, "gate.audit_frames=0", "gate.audit_share=0")
    assert sum(frames_by(street_case, "state").values()) == N_FRAMES
    assert set(frames_by(street_case, "state", "reason")) == {
        *(("detected", ""), ("carried", "static"), ("skipped", "static"), ("skipped", "sampled")),
    }
    coverage = published_table(street_case, "coverage")
    static = coverage.filter(pl.col("reason") == "static")
    assert static["change"].is_between(0, 1, closed="left").all()
    sampled = coverage.filter(pl.col("reason") == "sampled")
    assert sampled["change"].is_not_null().all()
    assert sampled["detail"].str.contains(r"^between \d+ and \d+: |^the picture was as before").all()
    looked = coverage.filter(pl.col("state") == "detected")
    for start in range(0, N_FRAMES, 100):
        assert looked.filter(pl.col("start_frame") <= start, pl.col("stop_frame") > start).height == 1


def test_a_person_who_stands_still_is_carried_and_marked_so(street_case: Case) -> None:
    run(street_case, *GATED)
    detections = published_table(street_case, "detections")
    carried = detections.filter(pl.col("carried"))
    assert carried["frame"].is_between(387, 560).all()
    assert carried.height > 120
    stands = detections.filter(pl.col("frame").is_between(420, 540))
    assert stands["track_id"].n_unique() == 1
    assert stands["frame"].to_list() == list(range(420, 541))


@pytest.mark.parametrize("seconds", [15, 60])
def test_the_length_of_chunks_changes_nothing(
    street_once: Case, street_case: Case, tmp_path: Path, seconds: int
) -> None:
    other = copy_case(street_once, tmp_path / "other")
    one, two = run(street_case, *GATED), run(other, *GATED, f"chunk.seconds={seconds}")
    assert one.manifest == two.manifest
    assert len(list(one.folder.root.glob("parts/detect/*"))) != len(list(two.folder.root.glob("parts/detect/*")))


def test_frames_that_were_not_sampled_stay_skipped_behind_the_gate(street_case: Case) -> None:
    run(street_case, *GATED, "detect.fps=5", "gate.audit_frames=0", "gate.audit_share=0")
    assert frames_by(street_case, "state", "reason")["skipped", "sampled"] >= N_FRAMES / 2
    looked = published_table(street_case, "coverage").filter(pl.col("state") == "detected")
    assert (looked["start_frame"] % 2 == 0).all()
    assert len(people(street_case)) == 4


class TestSpotCheck:
    def test_a_random_sample_is_detected_and_no_person_was_missed(self, street_case: Case) -> None:
        result = run(street_case, *GATED, "gate.audit_frames=100")
        audit = record(result)["audit"]
        assert (audit["frames_audited"], audit["frames_with_a_miss"], audit["missed"]) == (100, 0, {})
        assert audit["seen"]["person"] > 20
        assert audit["miss_rate_at_most"] == pytest.approx(0.0295, abs=1e-4)
        assert audit == result.spot_check
        rows = published_table(street_case, "coverage").filter(pl.col("reason") == "audited")
        assert (rows["stop_frame"] - rows["start_frame"]).sum() == 100
        assert rows["detail"].str.contains(r"^(static|sampled \(.+\)); (nobody seen|\d seen, all in tracks)$").all()

    def test_a_sample_of_all_frames_has_an_exact_rate(self, street_case: Case) -> None:
        audit = run(street_case, *GATED, "gate.audit_share=1").spot_check
        assert audit is not None
        assert audit["frames_audited"] == audit["frames_passed_over"] > 300
        assert audit["miss_rate_at_most"] == audit["miss_rate"] == 0
        assert describe_spot_check(audit).endswith("all of them were checked: 0 show a person in no track")

    def test_spot_checked_frames_change_no_other_table(
        self, street_once: Case, street_case: Case, tmp_path: Path
    ) -> None:
        unaudited = copy_case(street_once, tmp_path / "unaudited")
        run(unaudited, *GATED, "gate.audit_frames=0", "gate.audit_share=0")
        run(street_case, *GATED, "gate.audit_frames=100")
        seen = [
            published_table(each, "detections").drop("track_id", "sighting_id") for each in (unaudited, street_case)
        ]
        assert seen[0].equals(seen[1])
        assert people(unaudited) == people(street_case)

    def test_people_that_the_gate_misses_are_found_and_named(self, street_case: Case) -> None:
        audit = run(street_case, *GATED, detector=StreetDetector(ghosts=(Walker(120, 180, x=200),))).spot_check
        assert audit is not None
        assert audit["frames_audited"] == 300
        assert 20 < audit["missed"]["person"] == audit["frames_with_a_miss"] < 45
        assert audit["miss_rate_at_most"] > audit["miss_rate"] == round(audit["frames_with_a_miss"] / 300, 6)
        missed = published_table(street_case, "coverage").filter(pl.col("detail").str.contains("in no track"))
        assert missed["start_frame"].is_between(120, 180).all()
        assert missed["detail"].str.ends_with("static; 1 seen, in no track: person 0.90").all()

    def test_status_describes_the_spot_check(self, street_case: Case, call: Call) -> None:
        result = run(street_case, *GATED, "gate.audit_frames=100")
        said = " ".join(call("status", street_case.folder.root).out.split())
        passed = record(result)["audit"]["frames_passed_over"]
        assert (
            f"the gate skipped {passed} frames; 100 of them, drawn at random, were checked: 0 show a person in no track"
            in said
        )
        assert "at most 2.95%" in said

    def test_sampled_frames_that_could_not_be_detected_count_as_missed(self) -> None:
        settings = Settings(detect=DetectSettings(gate="motion"))
        audit = spot_check_facts(
            settings, [SpotCheckedEvidence(1000, tuple(SpotCheckedFrame(n, (), ()) for n in range(250)))]
        )
        assert audit is not None
        assert (audit["frames_drawn"], audit["frames_audited"], audit["miss_rate"]) == (300, 250, 0)
        assert audit["miss_rate_at_most"] == pytest.approx(upper_bound(50, 300, 0.95), abs=1e-6)
        said = describe_spot_check(audit)
        assert "(and perhaps 50 more that could not be checked) show a person in no track, so at most 20.6" in said

    def test_without_a_gate_there_is_no_spot_check(self, street_case: Case) -> None:
        result = run(street_case)
        assert result.spot_check is None
        assert record(result)["audit"] is None
        assert published_table(street_case, "coverage")["change"].is_null().all()

    def test_a_lost_part_of_the_spot_check_is_made_again(self, street_case: Case) -> None:
        before = run(street_case, *GATED)
        part = next(before.folder.root.glob("parts/audit/*.parquet"))
        part.unlink()
        after = run(street_case, *GATED)
        assert len(after.rebuilt_parts) == 1
        assert part.exists()
        assert after.manifest == before.manifest

    def test_more_footage_changes_the_sample_and_detects_no_chunk_again(self, tmp_path: Path) -> None:
        first, second = (film(tmp_path / f"{n}.mp4", 300, [Walker(50, 90, step=n)]) for n in (2, 3))
        case = make_case_of(tmp_path / "case", IngestItem(first, "a"))
        before = run(case, *GATED)
        times = {path: path.stat().st_mtime_ns for path in before.folder.root.glob("parts/detect/*")}
        both = make_case_of(tmp_path / "both", IngestItem(first, "a"), IngestItem(second, "b"))
        grown = load_case(case.folder.root)
        with open_session(grown.folder.root, "ingest", need=Need.WORK) as session:
            ingest(session.files, [IngestItem(second, "b")], limits=Limits(), on_source=lambda source: None)
        after, at_once = run(case, *GATED), run(both, *GATED)
        assert after.spot_check == at_once.spot_check
        assert {path: path.stat().st_mtime_ns for path in times} == times


class Dying:
    """A decoding child that reads in this process and dies of one frame, after it handed out some of those before."""

    def __init__(self, clip: Indexed, deadly: int, n_ahead: int) -> None:
        self._clip, self._deadly, self._n_ahead = clip, deadly, n_ahead

    def read(self, footage: Any, index: Any, view: View, wanted: Any, gate: MotionGate | None = None) -> Iterator[Item]:
        reader = open_reader(footage, index, view)
        for item in reader.read(wanted, copy.deepcopy(gate)):
            if item.number + self._n_ahead >= self._deadly >= item.number and self._deadly in wanted:
                raise DecoderLost(footage.path, "died", "signal SIGSEGV", True)
            yield item

    def close(self) -> None:
        self._n_ahead = 0


def test_a_gate_continues_after_a_decoder_crash_however_far_the_decoder_was_ahead(tmp_path: Path) -> None:
    clip = index_file(film(tmp_path / "street.mp4", 120, street_walkers()), working_copy=tmp_path / "copy")
    wanted = np.arange(120)

    def told(n_ahead: int) -> list[tuple[int, str]]:
        rules = GateRules(window_us=10_000_000, step_us=500_000, follow_score=0.25, start_score=0.4)
        child: Any = Dying(clip, 67, n_ahead)
        gate = MotionGate(rules, window_starts(clip.index, rules.window_us))
        items = read_past_crashes(child, clip.footage, clip.index, View(320, 320), wanted, gate)
        return [(item.number, kind(item)) for item in items]

    reference = told(0)
    assert [number for number, what in reference if what == "Gap"] == [67, 68, 69]
    assert {what for _, what in reference} == {"Gap", "detect", "moved", "still"}
    for n_ahead in (1, 3, 5, 16, 40):
        assert told(n_ahead) == reference


def kind(item: Item) -> str:
    gate_result = item.gate_result if isinstance(item, Frame) else item
    return gate_result.decision.value if isinstance(gate_result, GateResult) else type(item).__name__


def test_parts_made_by_other_rules_are_not_reused(street_case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run(street_case, *GATED)
    assert run(street_case, *GATED).folder.run_id == before.folder.run_id
    monkeypatch.setattr("pipelines.settings.METHODS", {**METHODS, "gate": 0})
    after = run(street_case, *GATED)
    assert after.folder.run_id != before.folder.run_id
    parts = [{path.name for path in each.folder.root.glob("parts/detect/*")} for each in (before, after)]
    assert not parts[0] & parts[1]
