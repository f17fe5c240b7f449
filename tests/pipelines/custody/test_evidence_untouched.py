"""Evidence is never written to: bytes, inode and the times that the kernel keeps stay as they are."""

import os
from pathlib import Path

from PIL import Image

from testing.commands import Call, clip, new_case


def _state(paths: list[Path]) -> list[tuple[object, ...]]:
    """Return content, and what the kernel changes with every write, rename or change of mode."""
    states = [path.stat() for path in paths]
    times = [(each.st_ino, each.st_mtime_ns, each.st_ctime_ns, each.st_mode, each.st_nlink) for each in states]
    contents = [path.read_bytes() if path.is_file() else sorted(path.iterdir()) for path in paths]
    return list(zip(contents, times, strict=True))


def test_the_state_shows_a_write_that_is_undone(tmp_path: Path) -> None:
    path = tmp_path / "gate.mp4"
    path.write_bytes(b"x")
    before, state = _state([path]), path.stat()
    path.write_bytes(b"x")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert _state([path]) != before


def test_no_command_touches_evidence(call: Call, tmp_path: Path) -> None:
    footage, out = tmp_path / "footage", tmp_path / "out"
    stills = footage / "stills"
    for folder in (stills, out):
        folder.mkdir(parents=True)
    for number in range(2):
        Image.new("RGB", (64, 48), (90 * number, 0, 0)).save(stills / f"{number}.jpg")
    film = clip(footage / "gate.mp4")
    (footage / "broken.mp4").write_bytes(film.read_bytes()[:900])
    everything = [footage, *sorted(footage.rglob("*"))]
    before = _state(everything)
    case = new_case(call, tmp_path / "case")
    for path, camera in ((film, "gate"), (stills, "hall"), (footage / "broken.mp4", "yard")):
        assert call("ingest", case, path, "--camera", camera).code in {0, 4}
    reason = ("--reason", "r")
    commands: list[tuple[object, ...]] = [
        ("run", case, "--runner", "serial", "--quiet"),
        ("run", case, "--runner", "serial", "--quiet", "--set", "detect.gate=motion"),
        ("verify", case, "--frame", f"{_evidence(case)}#0", "-o", out / "frame.png", *reason),
        ("verify", case),
        ("reproduce", case, "--runner", "serial", "--quiet"),
        ("case", "clock", case, "gate", "--offset", 5),
        ("case", "disclose", case, "-o", out / "d.json", "--recipient", "court", *reason),
        ("case", "report", case, "--template", "registration", "-o", out / "r.md", *reason),
        ("export", "mot", case, "-o", out / "mot"),
        ("evidence", "relocate", case, footage),
        ("status", case),
    ]
    for command in commands:
        answer = call(*command)
        assert answer.code in {0, 4}, (command, answer.err)
        assert _state(everything) == before, command


def _evidence(case: Path) -> str:
    """Return the id of the clip, before anything is published."""
    from forensics.custody.case_folder import CaseFolder
    from forensics.tables.evidence import load_evidence

    return next(item.evidence_id for item in load_evidence(CaseFolder(case)) if item.camera_id == "gate")
