"""What the bench says of its rounds, and when the short one fails: on a ratio, never on a time."""

from pathlib import Path

import av
import numpy as np
import pytest

from scripts.measure.bench.__main__ import verdict
from scripts.measure.bench.footage import looped, mostly_still, n_frames_in
from scripts.measure.bench.measurement import Measured
from scripts.measure.bench.report import DECODING, NETWORK, limit_of, summary, table
from testing.street import Walker, film


def run(fps: float, cpu_s: float = 1.0) -> Measured:
    return Measured(100, 100 / fps, startup_s=3, cpu_s=cpu_s, peak_bytes=1 << 30, facts={})


def one_round(peer: float, ours: float) -> dict[str, Measured]:
    return {
        "YOLO.track": run(peer),
        "forensics scan": run(ours),
        DECODING: run(2000, cpu_s=0.1),
        NETWORK: run(30, cpu_s=1.9),
    }


def test_ratios_are_of_contenders_of_one_round() -> None:
    """A machine that gets slower slows both: the ratio of medians would say 1.5."""
    facts = summary("every frame", [one_round(10, 20), one_round(20, 30), one_round(30, 60)], [])
    assert facts["contenders"]["forensics scan"]["ratio"] == pytest.approx({"median": 2, "least": 1.5, "most": 2})


def test_the_limit_is_what_all_cores_could_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    assert limit_of(one_round(30, 60)) == pytest.approx(100)
    facts = summary("every frame", [one_round(30, 90)], [])
    assert facts["of_limit"]["median"] == pytest.approx(0.9)
    assert "Of the limit: 90%" in table(facts)


def test_without_its_parts_there_is_no_limit() -> None:
    assert limit_of({"YOLO.track": run(30)}) is None


@pytest.mark.parametrize(("ours", "code"), [(60, 0), (31, 1)])
def test_the_short_bench_fails_only_on_the_ratio(ours: float, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    for slower in (1, 100):
        found = {"every": summary("every frame", [one_round(30 / slower, ours / slower)], [])}
        assert verdict(found) == code
    assert ("expected at least" in capsys.readouterr().err) == bool(code)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("clip") / "street.mp4", 60, [Walker(30, 55)])


def test_a_loop_is_the_clip_again_and_again_at_rising_times(clip: Path, tmp_path: Path) -> None:
    long = looped(clip, 15, tmp_path / "long.mp4")
    assert n_frames_in(long) == 180
    with av.open(str(long)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert np.allclose(np.diff(times), 0.1)


def test_what_is_mostly_still_shows_the_action_once_every_so_often(clip: Path, tmp_path: Path) -> None:
    still = mostly_still(clip, 20, tmp_path / "still.mp4", action=(30, 50), every_s=10)
    with av.open(str(still)) as container:
        bright = [np.count_nonzero(f.to_ndarray(format="gray8") > 225) > 300 for f in container.decode(video=0)]
    assert len(bright) == 200
    assert np.flatnonzero(bright).tolist() == [*range(80, 100), *range(180, 200)]
