"""Status of the newest run: its state, the frames done, the rate, and problems by kind."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from forensics.custody.case_document import Case
from forensics.decoding.child import Limits
from forensics.errors import IntegrityBroken
from forensics.tables.evidence import load_evidence
from pipelines import clock
from pipelines.cli.progress_text import progress_text, wrap_line
from pipelines.custody.case_lock import lock_case
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.desk.run_progress import measure_rate
from pipelines.desk.status import case_status
from pipelines.intake.ingest import IngestItem, ingest
from pipelines.run.cancellation import Interrupted
from pipelines.run.progress import NoProgress
from pipelines.run.record import STATE_MEANINGS, RunState, run_state
from testing.commands import Call, clip
from testing.painted_case import N_FRAMES, START_US, PaintedDetector, make_painted_case, run


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A case of twelve painted frames in three chunks."""
    return make_painted_case(tmp_path, start_utc_us=START_US, clock_error_ms=500)


def status(case: Case) -> dict[str, Any]:
    return dict(case_status(case, clock.utc_now()))


class _Watching(NoProgress):
    """Looks at the status whenever a unit of work is done, and may cancel the run then."""

    def __init__(self, case: Case, *, cancels: bool = False) -> None:
        self._case, self._cancels = case, cancels
        self.seen: list[dict[str, Any]] = []

    def advance(self, n_done: int) -> None:
        self.seen.append(status(self._case))
        if self._cancels:
            self._case.folder.cancel_file.touch()


def cancelled(case: Case, *assignments: str) -> None:
    with pytest.raises(Interrupted):
        run(case, *assignments, progress=_Watching(case, cancels=True))


def test_a_case_without_a_run_has_no_progress(case: Case) -> None:
    facts = status(case)
    assert (facts["state"], facts["progress"]) == ("nothing was run yet", {})


def test_a_running_run_counts_the_frames_whose_parts_are_stored(case: Case) -> None:
    watching = _Watching(case)
    with lock_case(case.folder):
        run(case, progress=watching)
    detecting = [facts["progress"] for facts in watching.seen[:3]]
    assert {facts["state"] for facts in watching.seen} == {"running"}
    assert [facts["done"] for facts in detecting] == [0, 4, 8], "a part counts once it is stored"
    assert [facts["percent"] for facts in detecting] == [0.0, 33.3, 66.6]
    assert detecting[0]["seconds_left"] is None
    assert detecting[2]["seconds_left"] >= 0
    assert detecting[2]["frames_per_second"] > 0
    assert watching.seen[-1]["progress"]["done"] == N_FRAMES
    assert watching.seen[-1]["progress"]["unfinished"] == []


def test_after_a_cancellation_the_share_and_the_unfinished_evidence_are_known(case: Case) -> None:
    cancelled(case)
    facts = status(case)
    (evidence_id,) = (each.evidence_id for each in load_evidence(case.folder))
    assert (facts["state"], facts["meaning"]) == ("interrupted", STATE_MEANINGS[RunState.INTERRUPTED])
    progress = facts["progress"]
    assert (progress["frames"], progress["done"], progress["percent"]) == (N_FRAMES, 4, 33.3)
    assert [(row["evidence_id"], row["done"], row["frames"]) for row in progress["unfinished"]] == [
        (evidence_id, 4, N_FRAMES)
    ]
    assert "seconds_left" not in progress


def test_a_killed_run_is_interrupted_and_not_running(case: Case) -> None:
    cancelled(case)
    (record,) = case.folder.runs.glob("*/run.json")
    stored = {**json.loads(record.read_text()), "state": "running"}
    assert run_state(case.folder, stored) is RunState.INTERRUPTED
    with lock_case(case.folder):
        assert run_state(case.folder, stored) is RunState.RUNNING


def test_a_complete_run_counts_from_the_tables(case: Case) -> None:
    run(case)
    facts = status(case)
    assert facts["state"] == "complete"
    done = {"frames": N_FRAMES, "done": N_FRAMES, "percent": 100.0, "unfinished": []}
    assert facts["progress"] == {**done, "detected": N_FRAMES}


def test_frames_that_are_accounted_for_are_not_taken_for_detected_ones(call: Call, case: Case) -> None:
    """Twelve frames at 5 a second, of which 2.5 a second are sampled."""
    run(case, "detect.fps=2.5")
    assert status(case)["progress"]["detected"] == 6
    out = call("status", case.folder.root).out
    assert "12 of 12 accounted for (100.0 %); the detector ran on 6" in " ".join(out.split())


def test_a_dry_run_of_an_interrupted_run_counts_every_chunk(call: Call, case: Case) -> None:
    cancelled(case)
    answer = call("run", case.folder.root, "--dry-run", "--json")
    facts = {name: value for name, value in answer.json.items() if name.startswith("chunks")}
    assert facts == {"chunks": 3, "chunks_done": 1, "chunks_outside": 0, "chunks_taken_over": 0, "chunks_to_do": 2}
    assert "chunks done  1" in call("run", case.folder.root, "--dry-run").out


def test_tables_that_are_older_than_the_case_are_not_complete(call: Call, tmp_path: Path, empty_case: Path) -> None:
    serial = ("--runner", "serial", "--quiet")
    for seed, camera in enumerate(("gate", "hall")):
        call("ingest", empty_case, clip(tmp_path / f"{camera}.mp4", seed=seed), "--camera", camera)
    assert call("run", empty_case, *serial).code == 0
    facts = call("status", empty_case, "--json").json
    assert (facts["added_since"], facts["corrected_since"]) == (0, 0)

    call("ingest", empty_case, clip(tmp_path / "yard.mp4", n_frames=8, seed=2), "--camera", "yard")
    call("case", "clock", empty_case, "gate", "--clock-error", "2s")
    facts = call("status", empty_case, "--json").json
    assert (facts["state"], facts["added_since"], facts["corrected_since"]) == ("complete", 1, 1)
    assert (facts["progress"]["frames"], facts["progress"]["done"], facts["progress"]["percent"]) == (32, 24, 75.0)
    assert [row["camera_id"] for row in facts["progress"]["unfinished"]] == ["yard"]
    out = " ".join(call("status", empty_case).out.split())
    older = "the tables are older than 1 recording that was added and 1 recording that was corrected since"
    assert f"state complete: {older}" in out
    assert f"next: forensics run {empty_case}" in out
    said = call("query", empty_case).err
    assert "1 recording was added after this run; `forensics run" in said
    assert "camera or clock of 1 recording" in said

    assert call("run", empty_case, *serial).code == 0
    facts = call("status", empty_case, "--json").json
    assert (facts["added_since"], facts["corrected_since"], facts["progress"]["percent"]) == (0, 0, 100.0)
    assert facts["meaning"] == STATE_MEANINGS[RunState.COMPLETE]
    assert "after this run" not in call("query", empty_case).err


def test_new_evidence_is_added_to_what_a_run_with_gaps_means(case: Case, tmp_path: Path) -> None:
    run(case, detector=PaintedDetector(failing=frozenset({5})))
    with open_session(case.folder.root, "ingest", need=Need.WORK) as session:
        given = [IngestItem(clip(tmp_path / "yard.mp4"), "yard")]
        ingest(session.files, given, limits=Limits(), on_source=lambda source: None)
    gaps = STATE_MEANINGS[RunState.WITH_GAPS]
    assert status(case)["meaning"] == f"{gaps}; the tables are older than 1 recording that was added since"


def test_a_run_with_failed_work_is_complete_with_gaps(case: Case) -> None:
    run(case, detector=PaintedDetector(failing=frozenset({5})))
    facts = status(case)
    assert facts["state"] == "complete with gaps"
    assert (facts["progress"]["done"], facts["progress"]["percent"]) == (8, 66.6)
    assert [row["done"] for row in facts["progress"]["unfinished"]] == [8]
    groups = [(group["kind"], group["count"]) for group in facts["problem_groups"]]
    assert ("detect failed, RuntimeError", 1) in groups


def test_a_new_run_after_a_complete_one_has_its_own_progress(case: Case) -> None:
    run(case)
    cancelled(case, "detect.min_score=0.2")
    facts = status(case)
    assert facts["run"] != facts["published_run"]
    assert (facts["state"], facts["progress"]["done"]) == ("interrupted", 4)


def test_the_word_of_earlier_versions_is_read(case: Case) -> None:
    assert run_state(case.folder, {"state": "finished"}) is RunState.WITH_GAPS
    with pytest.raises(IntegrityBroken, match="sleeping"):
        run_state(case.folder, {"run": "0" * 16, "state": "sleeping"})


def test_a_run_of_other_settings_has_no_progress_rather_than_a_wrong_one(case: Case) -> None:
    """As after an update of the program."""
    cancelled(case)
    (record,) = case.folder.runs.glob("*/run.json")
    stored = json.loads(record.read_text())
    stored["settings"]["detect"]["min_score"] = 0.3
    record.write_text(json.dumps(stored))
    assert status(case)["progress"] == {}


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([], None),
        ([(50, 400)], None),  # of an earlier command
        ([(50, 400), (200, 100)], 0.5),  # one part, from the begin on
        ([(110, 999), (200, 300), (210, 150)], 2.368),  # from the first part on
        ([(110, 300), (1000, 10)], 0.017),  # in the last ten minutes
    ],
)
def test_the_rate_is_that_of_this_command(stored: list[tuple[float, int]], expected: float | None) -> None:
    now_s = 1200 if stored and stored[-1][0] == 1000 else 300
    assert measure_rate(stored, began_s=100, now_s=now_s) == expected


def test_problems_of_one_kind_are_one_group(call: Call, empty_case: Path, tmp_path: Path) -> None:
    call("ingest", empty_case, clip(tmp_path / "gate.mp4"), "--camera", "gate")
    for number in range(18):
        bad = tmp_path / f"bad-{number:02}.mp4"
        bad.write_bytes(os.urandom(2000))
        assert call("ingest", empty_case, bad, "--camera", "gate").code == 4
    answer = call("status", empty_case)
    assert "18 x rejected, not_media" in answer.out
    assert answer.out.count("bad-") == 3
    assert "and 15 more" in answer.out
    facts = call("status", empty_case, "--json").json
    (group,) = facts["problem_groups"]
    assert (group["count"], group["examples"]) == (18, facts["problems"][:3])
    assert len(facts["problems"]) == 18


def test_lines_are_at_most_80_columns_wide(
    call: Call, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled(case)
    monkeypatch.chdir(tmp_path)
    answer = call("status", "case")
    assert answer.code == 0
    assert "4 of 12 accounted for (33.3 %)" in answer.out
    assert "1 recording is not finished:" in answer.out
    assert max(map(len, answer.out.replace(str(case.folder.root), "case").splitlines())) <= 80


def test_commands_and_paths_are_not_broken() -> None:
    lines = wrap_line("x " * 30 + "`forensics evidence withdraw my-case /a/long/path.mp4`; done", indent=4)
    assert lines[1] == "    `forensics evidence withdraw my-case /a/long/path.mp4`; done"
    assert wrap_line("/" + "p" * 200) == ["/" + "p" * 200]


@pytest.mark.parametrize(
    ("progress", "expected"),
    [
        ({}, ""),
        ({"frames": 3, "done": 2, "percent": 66.6}, "2 of 3 accounted for (66.6 %)"),
        (
            {"frames": 3, "done": 3, "percent": 100.0, "frames_per_second": 1.0, "seconds_left": 0},
            "3 of 3 accounted for (100.0 %); tracks, sightings and tables are being made",
        ),
        (
            {"frames": 3, "done": 0, "percent": 0.0, "frames_per_second": None, "seconds_left": None},
            "0 of 3 accounted for (0.0 %), rate not known: no part was stored lately",
        ),
    ],
)
def test_progress_in_words(progress: dict[str, Any], expected: str) -> None:
    assert progress_text(progress) == expected
