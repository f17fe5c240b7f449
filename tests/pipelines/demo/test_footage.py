"""The demo footage: two cameras, a known number of walks, and the same bytes every time."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from forensics.adapters.detectors.builtin import load_builtin
from forensics.footage.frames import Frame
from forensics.footage.timeline import PacketIndex
from pipelines.demo.footage import DemoRecording, demo_scenes, make_footage


@pytest.fixture(scope="module")
def demo_clips(tmp_path_factory: pytest.TempPathFactory) -> list[DemoRecording]:
    """Make the whole demo footage."""
    return make_footage(tmp_path_factory.mktemp("demo"))


def decoded(path: Path) -> list[Frame]:
    with av.open(str(path)) as container:
        frames = container.decode(video=0)
        return [Frame(n, f.pts, f.to_ndarray(format="rgb24"), f.width, f.height) for n, f in enumerate(frames)]


def test_two_cameras_see_the_same_people(demo_clips: list[DemoRecording]):
    assert [clip.camera_id for clip in demo_clips] == ["gate", "hall"]
    assert {walk.person for walk in demo_clips[0].truth} == {walk.person for walk in demo_clips[1].truth}
    for clip in demo_clips:
        assert clip.n_people == len(clip.truth) == 3
        assert sorted(path.name for path in clip.path.parent.iterdir()) == ["gate.mp4", "hall.mp4"]


def test_walks_are_apart_and_inside_the_clip(demo_clips: list[DemoRecording]):
    for clip in demo_clips:
        edges = [edge for walk in clip.truth for edge in (walk.first_frame, walk.last_frame)]
        assert edges == sorted(edges)
        assert edges[0] > 0
        assert edges[-1] < clip.n_frames - 1


def test_builtin_follows_every_walk_and_sees_nobody_between(demo_clips: list[DemoRecording]):
    clip = demo_clips[0]
    frames = decoded(clip.path)
    assert len(frames) == clip.n_frames
    found = ask_builtin(frames, every=4)
    during = {n for walk in clip.truth for n in range(walk.first_frame, walk.last_frame + 1)}
    around = {n for walk in clip.truth for n in range(walk.first_frame - 12, walk.last_frame + 13)}
    assert np.mean([n_boxes == 1 for n, n_boxes in found.items() if n in during]) > 0.9
    assert sum(n_boxes for n, n_boxes in found.items() if n not in around) == 0


def ask_builtin(frames: list[Frame], *, every: int) -> dict[int, int]:
    """How many boxes a frame gets."""
    pts = np.array([frame.pts for frame in frames])
    flags = np.zeros(len(pts), dtype=bool)
    index = PacketIndex(pts, flags, np.ones_like(pts), flags, Fraction(1, 12_288))
    detector = load_builtin(classes=("person",), min_score=0.25)
    references = [frames[number] for number in detector.references(index, 0, len(frames)).tolist()]
    return {number: len(boxes) for number, boxes in detector.detect(frames[::every], references)}


def test_the_same_bytes_are_made_each_time_and_kept(tmp_path: Path):
    short = [replace(scene, n_frames=12, walks=(replace(scene.walks[0], start_s=-3.0),)) for scene in demo_scenes()]
    gate, hall = (clip.path for clip in make_footage(tmp_path / "one", short))
    other = [clip.path.read_bytes() for clip in make_footage(tmp_path / "other", short)]
    assert [gate.read_bytes(), hall.read_bytes()] == other

    kept = gate.stat().st_mtime_ns
    hall.write_bytes(b"torn")
    make_footage(tmp_path / "one", short)
    assert gate.stat().st_mtime_ns == kept
    assert hall.read_bytes() == other[1]
