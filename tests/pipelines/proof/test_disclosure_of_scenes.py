"""The file for the defence of a case that compared no faces."""

import json
import os
from pathlib import Path
from typing import Any

from testing.commands import Call, clip
from testing.painted_case import PaintedDetector, make_painted_case


def test_it_speaks_of_detection_and_not_of_candidates(call: Call, tmp_path: Path) -> None:
    call.use_detector(PaintedDetector())
    root = make_painted_case(tmp_path).folder.root
    assert call("run", root, "--runner", "serial", "--quiet").code == 0
    target = tmp_path / "defence.json"
    words = ("-o", target, "--recipient", "counsel", "--reason", "for the defence")
    assert call("case", "disclose", root, *words).code == 0
    document = json.loads(target.read_text())
    assert document["heading"] == "Footage in which objects were detected"
    assert document["known_limits"][0].startswith("No faces were compared")
    assert [each["file"] for each in document["searched"]] == ["gate.mp4"]
    assert document["candidates"] == []


def disclosed(call: Call, root: Path, target: Path) -> tuple[str, dict[str, Any]]:
    """Write the file for the defence; returns what the command printed, and the document."""
    answer = call("case", "disclose", root, "-o", target, "--recipient", "counsel", "--reason", "for the defence")
    assert answer.code == 0, answer.err
    return answer.out, json.loads(target.read_text())


def test_whatever_was_handed_in_and_not_searched_is_listed_with_its_reason(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    call.use_detector(PaintedDetector())
    (tmp_path / "junk.mp4").write_bytes(b"no video")
    (tmp_path / "empty.mp4").touch()
    badly_named = Path(os.fsdecode(os.fsencode(tmp_path) + b"/h\xe4ll.mp4"))
    clip(tmp_path / "other.mp4", seed=1).rename(badly_named)
    clip(tmp_path / "gate.mp4", n_frames=6)
    clip(tmp_path / "early.mp4", n_frames=7)
    clip(tmp_path / "lost.mp4", n_frames=8)
    limits = ("--from", "2026-05-01T10:00:00Z", "--to", "2026-05-01T11:00:00Z", "--reason", "ordered")
    assert call("case", "amend", empty_case, *limits).code == 0
    for name, start in (("gate", 10), ("early", 9), ("lost", 10)):
        stated = ("--start", f"2026-05-01T{start:02}:00:00Z", "--clock-error", 0)
        assert call("ingest", empty_case, tmp_path / f"{name}.mp4", "--camera", name, *stated).code == 0
    for path in (tmp_path / "junk.mp4", tmp_path / "empty.mp4", badly_named):
        assert call("ingest", empty_case, path, "--camera", "yard").code == 4

    said, document = disclosed(call, empty_case, tmp_path / "before.json")
    assert "0 recordings that were searched, 6 sources not searched" in said
    rows = {row["file"]: row for row in document["not_searched"]}
    assert {name: row["verdict"] for name, row in rows.items()} == {
        **dict.fromkeys(("gate.mp4", "early.mp4", "lost.mp4"), "ok"),
        **dict.fromkeys(("junk.mp4", "empty.mp4", r"h\xe4ll.mp4"), "rejected"),
    }
    assert rows["gate.mp4"]["reason"] == "nothing was published"
    assert rows["junk.mp4"]["reason"].startswith("not_media")
    assert rows["junk.mp4"]["sha256"]

    (tmp_path / "lost.mp4").unlink()
    assert call("run", empty_case, "--runner", "serial", "--quiet").code == 4
    clip(tmp_path / "late.mp4", n_frames=9)
    assert call("ingest", empty_case, tmp_path / "late.mp4", "--camera", "yard").code == 0
    said, document = disclosed(call, empty_case, tmp_path / "after.json")
    assert "1 recording that was searched, 6 sources not searched" in said
    assert [row["file"] for row in document["searched"]] == ["gate.mp4"]
    reasons = {row["file"]: row["reason"] for row in document["not_searched"]}
    assert reasons.pop("early.mp4").startswith("scope: not wholly between 2026-05-01T10:00:00Z")
    assert reasons.pop("lost.mp4").startswith("missing")
    assert reasons.pop("late.mp4") == "added after the run"
    assert reasons.pop(r"h\xe4ll.mp4").startswith("bad_name")
    assert reasons.pop("empty.mp4").startswith("empty")
    assert reasons.keys() == {"junk.mp4"}
