"""The length of chunks changes no table of files whose frames need history, whose clock starts anew, or with fields."""

from collections.abc import Callable
from pathlib import Path

import pytest

from forensics.custody.case_document import Case
from pipelines.intake.ingest_item import IngestItem
from pipelines.run.driver import RunResult
from testing.painted import KINDS
from testing.painted.recorders import RECORDED
from testing.painted_case import copy_case, make_case_of, published_table, run
from testing.project import ROOT

_BUILD: dict[str, Callable[[Path], Path]] = {each.name: each.build for each in (*KINDS, *RECORDED)}
_NAMES = (
    "h264_open_mkv",
    "intra refresh in ts",
    "ts joined, each clock starting anew",
    "fields in mkv, both in one packet",
)
_SHORT, _LONG = "chunk.seconds=0.5", "chunk.seconds=60"
_GATED = ("detect.gate=motion", "gate.window_s=1", "gate.step_ms=200")
# Each painted number is another picture, which looks like a cut.
_ONE_TRACK = "track.cuts=false"


@pytest.fixture(scope="module")
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Make a case of one file that is never run; tests copy it."""
    folder = tmp_path_factory.mktemp("recorded")
    return make_case_of(folder / "case", IngestItem(_BUILD[request.param](folder), "gate"))


def run_both(case: Case, folder: Path, *settings: str) -> tuple[Case, list[RunResult]]:
    """Run copies of a case in short chunks and in one; return the latter and both results."""
    by_parts, whole = copy_case(case, folder / "parts"), copy_case(case, folder / "whole")
    results = [run(by_parts, _SHORT, _ONE_TRACK, *settings), run(whole, _LONG, _ONE_TRACK, *settings)]
    n_parts, n_whole = (len(list(result.folder.root.glob("parts/detect/*.parquet"))) for result in results)
    assert n_parts > n_whole == 1
    return whole, results


@pytest.mark.parametrize("recorded", _NAMES, indirect=True)
@pytest.mark.parametrize("settings", [(), _GATED], ids=["all frames", "gated"])
def test_the_length_of_chunks_changes_nothing(recorded: Case, tmp_path: Path, settings: tuple[str, ...]) -> None:
    case, (by_parts, whole) = run_both(recorded, tmp_path, *settings)
    assert by_parts.manifest == whole.manifest
    assert "gap" not in set(published_table(case, "coverage")["state"])
    assert len(published_table(case, "sightings"))


@pytest.mark.parametrize("recorded", _NAMES[:2], indirect=True)
def test_frames_that_crash_their_decoder_do_not_depend_on_the_length_of_chunks(
    recorded: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'testing' / 'crashing_footage'}:{ROOT}")
    monkeypatch.setenv("POISON", ". 17 SIGSEGV")
    case, (by_parts, whole) = run_both(recorded, tmp_path)
    assert by_parts.manifest == whole.manifest
    lost = published_table(case, "coverage").filter(state="gap")
    assert all(lost["start_frame"] <= 17)
    assert set(lost["reason"]) == {"decoder_died"}
