"""What an ingest warns of: clocks that put footage out of scope, and recordings of one camera at the same time."""

from pathlib import Path

import pytest

from testing.commands import Call, clip, new_case

_TEN = "2026-05-01T10:00:00Z"


def _limited_case(call: Call, root: Path) -> Path:
    words = ("--purpose", "x", "--operator", "A. Ahmed", "--from", "2026-04-01T00:00:00Z")
    assert call("case", "init", root, *words).code == 0
    return root


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_a_missing_clock_error_is_said_at_once_if_the_case_is_limited_in_time(
    call: Call, tmp_path: Path, words: tuple[str, ...]
) -> None:
    case = _limited_case(call, tmp_path / "case")
    table = tmp_path / "list.csv"
    clips = [clip(tmp_path / f"{name}.mp4", n_frames=4, seed=seed) for seed, name in enumerate(("a", "b", "c", "d"))]
    starts = (f"{_TEN},", f"{_TEN},", f"{_TEN},2s", ",")
    lines = [f"{path.name},camera-{path.stem},{start}" for path, start in zip(clips, starts, strict=True)]
    table.write_text("\n".join(["file,camera,start,clock_error", *lines]))
    answer = call("ingest", case, "--list", table, "--json", *words)
    missing = (
        "no clock error for footage of cameras camera-a, camera-b: the case is limited in time, so it is out of scope; "
        "give --clock-error, or `forensics case clock`"
    )
    without_start = "no start time for footage of cameras camera-d: the case is limited in time"
    first, second = answer.json["warnings"]
    assert (first.startswith(without_start), second) == (True, missing)
    assert answer.err.count(missing) == 1
    assert answer.err.index(missing) < answer.err.index("ingest: ")  # before the files are read
    if not words:
        assert missing in call("status", case, "--json").json["problems"]
        for camera in ("camera-a", "camera-b"):
            assert call("case", "clock", case, camera, "--clock-error", "2s").code == 0
        assert missing not in call("ingest", case, "--list", table).err


def test_a_case_without_limits_needs_no_clock_error(call: Call, tmp_path: Path) -> None:
    case = new_case(call, tmp_path / "case")
    answer = call("ingest", case, clip(tmp_path / "a.mp4"), "--camera", "gate", "--start", _TEN, "--json")
    assert (answer.code, answer.json["warnings"]) == (0, [])


def test_recordings_of_one_camera_at_the_same_time(call: Call, tmp_path: Path) -> None:
    case = new_case(call, tmp_path / "case")
    first, second, third, other = (
        clip(tmp_path / f"{name}.mp4", n_frames=50, seed=seed) for seed, name in enumerate(("a", "b", "c", "d"))
    )
    stated = ("--camera", "gate", "--json")
    assert call("ingest", case, first, *stated, "--start", _TEN).json["warnings"] == []
    # two seconds a clip; recorders let recordings overlap a little
    assert call("ingest", case, second, *stated, "--start", "2026-05-01T10:00:01.5Z").json["warnings"] == []
    assert call("ingest", case, other, "--camera", "hall", "--json", "--start", _TEN).json["warnings"] == []
    words = (case, third, *stated, "--start", "2026-05-01T10:00:00.5Z")
    shown, done = call("ingest", *words, "--dry-run").out, call("ingest", *words)
    (warning,) = done.json["warnings"]
    assert warning.startswith(
        "camera gate: a.mp4 and c.mp4 were recorded at the same time, from 2026-05-01T10:00:00Z on. If a start is wrong"
    )
    assert warning in shown
    assert warning in done.err


def test_of_many_files_only_what_is_not_ok_is_printed(call: Call, tmp_path: Path) -> None:
    case, folder = new_case(call, tmp_path / "case"), tmp_path / "export"
    folder.mkdir()
    content = clip(folder / "00.mp4", n_frames=2).read_bytes()
    for number in range(1, 24):
        (folder / f"{number:02}.mp4").write_bytes(content + b"\0\0\0\x0cfree%04d" % number)
    (folder / "broken.mp4").write_text("no video")
    answer = call("ingest", case, folder, "--camera", "gate")
    header, row, rest = answer.out.splitlines()
    assert (answer.code, header.split()[0], row.split()[0]) == (4, "verdict", "rejected")
    assert str(folder / "broken.mp4") in row
    assert rest == "24 of 25 files are ok; --json lists them"
    assert "00.mp4" not in answer.err
    assert "ingest: 25 of 25 files" in answer.err
    assert len(call("ingest", case, folder, "--camera", "gate", "--json").json["sources"]) == 25
    (folder / "broken.mp4").unlink()
    assert call("ingest", case, folder, "--camera", "gate").out == "24 of 24 files are ok; --json lists them\n"
