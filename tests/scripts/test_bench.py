"""The benchmark: its ratios, its clips, and when the short one fails."""

from pathlib import Path

import av
import numpy as np
import pytest

from scripts.measure.bench.__main__ import exit_code
from scripts.measure.bench.footage import count_frames, write_loop, write_mostly_still
from scripts.measure.bench.measurement import Measurement
from scripts.measure.bench.report import DECODING, NETWORK, frame_rate_limit, markdown_table, summarise
from testing.street import Walker, film


def run(fps: float, cpu_s: float = 1.0) -> Measurement:
    return Measurement(100, 100 / fps, startup_s=3, cpu_s=cpu_s, peak_bytes=1 << 30, others=0.0, facts={})


def one_round(peer: float, ours: float) -> dict[str, Measurement]:
    return {
        "YOLO.track": run(peer),
        "forensics scan": run(ours),
        DECODING: run(2000, cpu_s=0.1),
        NETWORK: run(30, cpu_s=1.9),
    }


def test_ratios_are_of_contenders_of_one_round() -> None:
    """A machine that gets slower slows both contenders; a ratio of medians would be 1.5."""
    facts = summarise("every frame", [one_round(10, 20), one_round(20, 30), one_round(30, 60)], [])
    assert facts["contenders"]["forensics scan"]["ratio"] == pytest.approx({"median": 2, "least": 1.5, "most": 2})


def test_the_limit_is_what_all_cores_could_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    assert frame_rate_limit(one_round(30, 60)) == pytest.approx(100)
    facts = summarise("every frame", [one_round(30, 90)], [])
    assert facts["of_limit"]["median"] == pytest.approx(0.9)
    assert "Of the limit: 90%" in markdown_table(facts)


def test_without_its_parts_there_is_no_limit() -> None:
    assert frame_rate_limit({"YOLO.track": run(30)}) is None


@pytest.mark.parametrize(("ours", "code"), [(60, 0), (31, 1)])
def test_the_short_bench_fails_only_on_the_ratio(ours: float, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    for slower in (1, 100):
        found = {"every": summarise("every frame", [one_round(30 / slower, ours / slower)], [])}
        assert exit_code(found) == code
    assert ("expected at least" in capsys.readouterr().err) == bool(code)


@pytest.fixture(scope="module")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a short painted clip."""
    return film(tmp_path_factory.mktemp("clip") / "street.mp4", 60, [Walker(30, 55)])


def test_a_loop_is_the_clip_again_and_again_at_rising_times(short_clip: Path, tmp_path: Path) -> None:
    long = write_loop(short_clip, 15, tmp_path / "long.mp4")
    assert count_frames(long) == 180
    with av.open(str(long)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert np.allclose(np.diff(times), 0.1)


def test_the_mostly_still_clip_repeats_its_action_at_intervals(short_clip: Path, tmp_path: Path) -> None:
    still = write_mostly_still(short_clip, 20, tmp_path / "still.mp4", action=(30, 50), every_s=10)
    with av.open(str(still)) as container:
        bright = [np.count_nonzero(f.to_ndarray(format="gray8") > 225) > 300 for f in container.decode(video=0)]
    assert len(bright) == 200
    assert np.flatnonzero(bright).tolist() == [*range(80, 100), *range(180, 200)]
