"""A whole run behind the gate: the same people to the frame, few looks, every frame accounted for, and an audit."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from forensics.adapters.statistics.binomial_bound import upper_bound
from forensics.adapters.video.pyav_index import index_file
from forensics.adapters.video.pyav_reader import open_reader
from forensics.decoding.child import Limits
from forensics.decoding.decoder_crashes import read_past_crashes
from forensics.errors import DecoderLost
from forensics.footage.evidence import Indexed
from forensics.footage.frames import Frame, Item, View
from forensics.footage.motion_gate import GateResult, GateRules, MotionGate, windows
from forensics.methods import METHODS
from forensics.sampling.spot_check import SpotCheckedFrame
from forensics.tables.spot_check_rows import SpotCheckedEvidence
from pipelines.custody.case_document import Case
from pipelines.custody.case_store import load_case
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.intake.ingest import Given, ingest
from pipelines.run.driver import RunResult
from pipelines.run.spot_check_report import spot_check_facts, spot_check_text
from pipelines.settings import DetectSettings, Settings
from testing.commands import caller
from testing.painted_case import copied, make_case_of, run, table
from testing.street import StreetDetector, Walker, film, street

N_FRAMES = 600
GATED = ("detect.gate=motion",)
PEOPLE = ["first_frame", "last_frame"]


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("street")
    return make_case_of(folder / "case", Given(film(folder / "street.mp4", N_FRAMES, street()), "street"))


@pytest.fixture
def case(untouched: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    see_with(StreetDetector(), monkeypatch)
    return copied(untouched, tmp_path / "case")


def see_with(detector: StreetDetector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.stages.detection_context.load_for", lambda settings, model: detector)


def frames_by(case: Case, *columns: str) -> dict[Any, int]:
    """How many frames `coverage` counts for each value of these columns."""
    n_frames = (pl.col("stop_frame") - pl.col("start_frame")).sum().alias("n_frames")
    rows = table(case, "coverage").group_by(*columns).agg(n_frames).rows()
    return {key[0] if len(columns) == 1 else tuple(key): n for *key, n in rows}


def people(case: Case) -> list[tuple[Any, ...]]:
    return table(case, "tracks").select(PEOPLE).sort(PEOPLE).rows()


def record(result: RunResult) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(result.folder.record.read_text())
    return stored


def test_the_same_people_are_seen_to_the_frame_with_a_fraction_of_the_looks(
    untouched: Case, case: Case, tmp_path: Path
) -> None:
    every = copied(untouched, tmp_path / "every")
    run(every)
    run(case, *GATED)
    assert len(people(every)) == 4
    assert people(case) == people(every)
    assert frames_by(every, "state") == {"detected": N_FRAMES}
    assert frames_by(case, "state")["detected"] < N_FRAMES / 4


def test_every_frame_is_accounted_for_with_the_reason_and_the_change_that_decided(case: Case) -> None:
    run(case, *GATED, "gate.audit_frames=0", "gate.audit_share=0")
    assert sum(frames_by(case, "state").values()) == N_FRAMES
    assert set(frames_by(case, "state", "reason")) == {
        *(("detected", ""), ("carried", "static"), ("skipped", "static"), ("skipped", "sampled")),
    }
    coverage = table(case, "coverage")
    static = coverage.filter(pl.col("reason") == "static")
    assert static["change"].is_between(0, 1, closed="left").all()
    sampled = coverage.filter(pl.col("reason") == "sampled")
    assert sampled["change"].is_not_null().all()
    assert sampled["detail"].str.contains(r"^between \d+ and \d+: |^the picture was as before").all()
    looked = coverage.filter(pl.col("state") == "detected")
    for start in range(0, N_FRAMES, 100):
        assert looked.filter(pl.col("start_frame") <= start, pl.col("stop_frame") > start).height == 1


def test_who_stands_still_is_carried_and_the_rows_say_so(case: Case) -> None:
    run(case, *GATED)
    detections = table(case, "detections")
    carried = detections.filter(pl.col("carried"))
    assert carried["frame"].is_between(387, 560).all()
    assert carried.height > 120
    stands = detections.filter(pl.col("frame").is_between(420, 540))
    assert stands["track_id"].n_unique() == 1
    assert stands["frame"].to_list() == list(range(420, 541))


@pytest.mark.parametrize("seconds", [15, 60])
def test_the_length_of_chunks_changes_nothing(untouched: Case, case: Case, tmp_path: Path, seconds: int) -> None:
    other = copied(untouched, tmp_path / "other")
    one, two = run(case, *GATED), run(other, *GATED, f"chunk.seconds={seconds}")
    assert one.manifest == two.manifest
    assert len(list(one.folder.root.glob("parts/detect/*"))) != len(list(two.folder.root.glob("parts/detect/*")))


def test_frames_that_were_not_chosen_stay_so_and_the_gate_judges_the_others(case: Case) -> None:
    run(case, *GATED, "detect.fps=5", "gate.audit_frames=0", "gate.audit_share=0")
    assert frames_by(case, "state", "reason")["skipped", "sampled"] >= N_FRAMES / 2
    looked = table(case, "coverage").filter(pl.col("state") == "detected")
    assert (looked["start_frame"] % 2 == 0).all()
    assert len(people(case)) == 4


class TestAudit:
    def test_frames_drawn_by_lot_are_looked_at_and_nobody_was_missed(self, case: Case) -> None:
        result = run(case, *GATED, "gate.audit_frames=100")
        audit = record(result)["audit"]
        assert (audit["frames_audited"], audit["frames_with_a_miss"], audit["missed"]) == (100, 0, {})
        assert audit["seen"]["person"] > 20
        assert audit["miss_rate_at_most"] == pytest.approx(0.0295, abs=1e-4)
        assert audit == result.spot_check
        rows = table(case, "coverage").filter(pl.col("reason") == "audited")
        assert (rows["stop_frame"] - rows["start_frame"]).sum() == 100
        assert rows["detail"].str.contains(r"^(static|sampled \(.+\)); (nobody seen|\d seen, all in tracks)$").all()

    def test_where_all_was_looked_at_nothing_is_left_to_chance(self, case: Case) -> None:
        audit = run(case, *GATED, "gate.audit_share=1").spot_check
        assert audit is not None
        assert audit["frames_audited"] == audit["frames_passed_over"] > 300
        assert audit["miss_rate_at_most"] == audit["miss_rate"] == 0
        assert spot_check_text(audit).endswith("all of them were looked at: in 0 somebody is in no track")

    def test_what_it_saw_is_in_no_other_table(self, untouched: Case, case: Case, tmp_path: Path) -> None:
        unaudited = copied(untouched, tmp_path / "unaudited")
        run(unaudited, *GATED, "gate.audit_frames=0", "gate.audit_share=0")
        run(case, *GATED, "gate.audit_frames=100")
        seen = [table(each, "detections").drop("track_id") for each in (unaudited, case)]
        assert seen[0].equals(seen[1])
        assert people(unaudited) == people(case)

    def test_whom_no_pixel_tells_of_is_found_by_it_and_named(self, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
        see_with(StreetDetector(ghosts=(Walker(120, 180, x=200),)), monkeypatch)
        audit = run(case, *GATED).spot_check
        assert audit is not None
        assert audit["frames_audited"] == 300
        assert 20 < audit["missed"]["person"] == audit["frames_with_a_miss"] < 45
        assert audit["miss_rate_at_most"] > audit["miss_rate"] == round(audit["frames_with_a_miss"] / 300, 6)
        missed = table(case, "coverage").filter(pl.col("detail").str.contains("in no track"))
        assert missed["start_frame"].is_between(120, 180).all()
        assert missed["detail"].str.ends_with("static; 1 seen, in no track: person 0.90").all()

    def test_status_says_it_in_words(self, case: Case, capsys: pytest.CaptureFixture[str]) -> None:
        result = run(case, *GATED, "gate.audit_frames=100")
        said = caller(capsys)("status", case.folder.root).out
        passed = record(result)["audit"]["frames_passed_over"]
        assert (
            f"the gate passed over {passed} frames; 100 of them, by lot, were looked at: in 0 somebody is in no track"
            in said
        )
        assert "at most 2.95%" in said

    def test_what_was_drawn_and_could_not_be_looked_at_counts_as_missed(self) -> None:
        settings = Settings(detect=DetectSettings(gate="motion"))
        audit = spot_check_facts(
            settings, [SpotCheckedEvidence(1000, tuple(SpotCheckedFrame(n, (), ()) for n in range(250)))]
        )
        assert audit is not None
        assert (audit["frames_drawn"], audit["frames_audited"], audit["miss_rate"]) == (300, 250, 0)
        assert audit["miss_rate_at_most"] == pytest.approx(upper_bound(50, 300, 0.95), abs=1e-6)
        assert "and may be in the 50 more that could not be looked at, so in at most 20.6" in spot_check_text(audit)

    def test_without_a_gate_there_is_none(self, case: Case) -> None:
        result = run(case)
        assert result.spot_check is None
        assert record(result)["audit"] is None
        assert table(case, "coverage")["change"].is_null().all()

    def test_a_part_of_it_that_is_lost_is_made_again(self, case: Case) -> None:
        before = run(case, *GATED)
        part = next(before.folder.root.glob("parts/audit/*.parquet"))
        part.unlink()
        after = run(case, *GATED)
        assert len(after.remade) == 1
        assert part.exists()
        assert after.manifest == before.manifest

    def test_more_footage_changes_how_much_of_the_first_is_drawn_and_detects_nothing_of_it_again(
        self, untouched: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        see_with(StreetDetector(), monkeypatch)
        first, second = (film(tmp_path / f"{n}.mp4", 300, [Walker(50, 90, step=n)]) for n in (2, 3))
        case = make_case_of(tmp_path / "case", Given(first, "a"))
        before = run(case, *GATED)
        times = {path: path.stat().st_mtime_ns for path in before.folder.root.glob("parts/detect/*")}
        both = make_case_of(tmp_path / "both", Given(first, "a"), Given(second, "b"))
        grown = load_case(case.folder.root)
        with open_session(grown.folder.root, "ingest", need=Need.WORK) as session:
            ingest(session.files, [Given(second, "b")], limits=Limits(), on_source=lambda source: None)
        after, at_once = run(case, *GATED), run(both, *GATED)
        assert after.spot_check == at_once.spot_check
        assert {path: path.stat().st_mtime_ns for path in times} == times


class Dying:
    """A decoding child that reads in this process and dies of one frame, after it handed out some of those before."""

    def __init__(self, clip: Indexed, deadly: int, n_ahead: int) -> None:
        self._clip, self._deadly, self._n_ahead = clip, deadly, n_ahead

    def read(
        self, footage: Any, index: Any, view: View, wanted: Any, watch: MotionGate | None = None
    ) -> Iterator[Item]:
        reader = open_reader(footage, index, view)
        for item in reader.read(wanted, copy.deepcopy(watch)):
            if item.number + self._n_ahead >= self._deadly >= item.number and self._deadly in wanted:
                raise DecoderLost(footage.path, "died", "signal SIGSEGV", True)
            yield item

    def close(self) -> None:
        self._n_ahead = 0


def test_a_watch_goes_on_behind_what_kills_the_decoder_however_far_it_was_ahead(tmp_path: Path) -> None:
    clip = index_file(film(tmp_path / "street.mp4", 120, street()), working_copy=tmp_path / "copy")
    wanted = np.arange(120)

    def told(n_ahead: int) -> list[tuple[int, str]]:
        rules = GateRules(window_us=10_000_000, step_us=500_000, follow_score=0.25, start_score=0.4)
        child: Any = Dying(clip, 67, n_ahead)
        watch = MotionGate(rules, windows(clip.index, rules.window_us))
        items = read_past_crashes(child, clip.footage, clip.index, View(320, 320), wanted, watch)
        return [(item.number, kind(item)) for item in items]

    reference = told(0)
    assert [number for number, what in reference if what == "Gap"] == [67, 68, 69]
    assert {what for _, what in reference} == {"Gap", "look", "moved", "still"}
    for n_ahead in (1, 3, 5, 16, 40):
        assert told(n_ahead) == reference


def kind(item: Item) -> str:
    glimpse = item.glimpse if isinstance(item, Frame) else item
    return glimpse.sight.value if isinstance(glimpse, GateResult) else type(item).__name__


def test_parts_of_other_rules_are_not_gone_on_with(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    before = run(case, *GATED)
    assert run(case, *GATED).folder.run_id == before.folder.run_id
    monkeypatch.setattr("pipelines.settings.METHODS", {**METHODS, "gate": 0})
    after = run(case, *GATED)
    assert after.folder.run_id != before.folder.run_id
    parts = [{path.name for path in each.folder.root.glob("parts/detect/*")} for each in (before, after)]
    assert not parts[0] & parts[1]
