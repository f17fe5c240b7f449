"""Runs with `detect.damaged`: damaged frames are gaps, or are searched on request and marked in every table."""

from pathlib import Path

import av
import polars as pl
import pytest

from testing.commands import Call
from testing.demo_clips import make_clips
from testing.face_case import FaceCase, film_people
from testing.published_content import digest_without_case

SHOW = ("--set", "detect.damaged=show")
TWO_WORKERS = ("--runner", "ray", "--workers", "2", "--set", "chunk.seconds=2")


def damage_keyframes(clip: Path, *, every: int) -> Path:
    """Overwrite some bytes in the middle of every n-th keyframe."""
    with av.open(str(clip)) as container:
        packets = [packet for packet in container.demux(container.streams.video[0]) if packet.is_keyframe]
    data = bytearray(clip.read_bytes())
    for packet in packets[::every]:
        assert packet.pos is not None
        middle, n_bytes = packet.pos + packet.size // 2, min(200, packet.size // 2)
        data[middle : middle + n_bytes] = bytes(n_bytes)
    clip.write_bytes(data)
    return clip


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a clip of a person who walks through it; every second group of pictures is damaged from its start."""
    (clip,) = make_clips(tmp_path_factory.mktemp("clip"), n_frames={"gate": 96})
    return damage_keyframes(clip, every=2)


@pytest.fixture(scope="module")
def hidden(damaged: Path) -> Path:
    """Make a case of the clip in which damaged frames are gaps."""
    return scanned(damaged, damaged.parent / "hidden")


@pytest.fixture(scope="module")
def shown(damaged: Path) -> Path:
    """Make a case of the clip in which damaged frames are shown."""
    return scanned(damaged, damaged.parent / "shown", *SHOW)


def scanned(clip: Path, root: Path, *options: str) -> Path:
    """Make a case of the clip and run it; its exit code says that some frames are damaged."""
    assert Call()("scan", clip, "--case", root, "--quiet", *options).code == 4
    return root


def table(root: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(root / "tables" / f"{name}.parquet")


def frames_in(root: Path, state: str) -> list[int]:
    rows = table(root, "coverage").filter(state=state).sort("start_frame")
    return [n for row in rows.iter_rows(named=True) for n in range(row["start_frame"], row["stop_frame"])]


def test_damaged_frames_are_gaps_unless_they_are_asked_for(hidden: Path) -> None:
    assert frames_in(hidden, "gap")
    assert not frames_in(hidden, "doubtful")
    assert not table(hidden, "detections")["doubtful"].any()
    assert set(table(hidden, "detections")["frame"]).isdisjoint(frames_in(hidden, "gap"))
    assert set(table(hidden, "sightings")["n_doubtful"]) == {0}


def test_damaged_frames_that_are_asked_for_are_marked_and_whole_ones_stay_as_they_are(
    hidden: Path, shown: Path
) -> None:
    assert sorted(frames_in(shown, "doubtful") + frames_in(shown, "gap")) == frames_in(hidden, "gap")
    assert len(frames_in(shown, "doubtful")) > 20
    boxes = table(shown, "detections")
    marked = boxes.filter("doubtful")
    assert set(marked["frame"]) <= set(frames_in(shown, "doubtful"))
    assert len(marked)
    columns = ["frame", "class_name", "score", "x1", "y1", "x2", "y2"]
    assert boxes.filter(~pl.col("doubtful")).select(columns).equals(table(hidden, "detections").select(columns))


def test_counts_of_doubtful_detections_agree_between_the_tables(shown: Path) -> None:
    counted = table(shown, "detections").group_by("track_id").agg(n=pl.col("doubtful").sum().cast(pl.Int64))
    both = table(shown, "sightings").join(counted, on="track_id")
    assert both["n_doubtful"].to_list() == both["n"].to_list()
    assert both["n"].sum() > 0
    best = table(shown, "sightings").select("track_id", frame="best_frame")
    assert not best.join(table(shown, "detections"), ["track_id", "frame"])["doubtful"].any()  # whole ones exist


def test_doubtful_rows_are_the_same_in_every_way_to_run(shown: Path, damaged: Path, tmp_path: Path) -> None:
    other = scanned(damaged, tmp_path / "case", *SHOW, *TWO_WORKERS)
    for name in ("detections", "sightings", "coverage"):
        one, two = (digest_without_case(root / "tables" / f"{name}.parquet") for root in (shown, other))
        assert one == two


def test_people_are_informed_about_doubtful_rows(call: Call, shown: Path, tmp_path: Path) -> None:
    n_doubtful = len(frames_in(shown, "doubtful"))
    answer = call("query", shown, "detections")
    assert f"{n_doubtful} damaged frames were searched; what was found there is marked doubtful" in answer.err
    assert "doubtful" in answer.out.splitlines()[0]
    (evidence,) = table(shown, "evidence")["evidence_id"]
    frame = frames_in(shown, "doubtful")[0]
    opened = call("verify", shown, "--frame", f"{evidence}#{frame}", "-o", tmp_path / "frame.png", "--json")
    assert opened.json["doubt"].endswith("the picture may be wrong")
    assert (tmp_path / "frame.png").exists()


def test_the_gate_does_not_compare_damaged_frames(call: Call, damaged: Path, tmp_path: Path) -> None:
    answer = call("scan", damaged, "--case", tmp_path / "case", *SHOW, "--set", "detect.gate=motion")
    assert answer.code == 2
    assert "detect.damaged=show needs detect.gate=off" in answer.err


def test_no_face_is_compared_from_a_doubtful_frame(call: Call, tmp_path: Path) -> None:
    case = FaceCase.make(tmp_path, call)
    clip = damage_keyframes(film_people(tmp_path / "hall.mp4", quality=22), every=1)
    case.do("ingest", clip, "--camera", "hall", "--start", "2026-05-01T12:00:00Z", "--clock-error", 0)
    case.enrol("E1", 1, tmp_path)
    faces = ("--set", "recognise.minimum_eyes_px=8", "--set", "recognise.minimum_sharpness=0")
    assert call("run", case.root, "--runner", "serial", "--quiet", *faces, *SHOW).code == 4
    sightings = table(case.root, "sightings")
    assert set(sightings.filter(camera_id="hall")["n_doubtful"]) == {12}  # every frame of the camera
    rows = {camera: [row for row in case.candidates() if row["camera_id"] == camera] for camera in ("gate", "hall")}
    assert sorted(str(row["decision"]) for row in rows["gate"]) == ["below", "below", "candidate"]
    for row in rows["hall"]:
        assert (row["decision"], row["n_faces"], row["similarity"]) == ("no_face", 0, None)
        assert "decode_error" in str(row["reason"])
