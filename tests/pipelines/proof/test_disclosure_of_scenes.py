"""The file for the defence of a case that compared no faces."""

import json
from pathlib import Path

from testing.commands import Call
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
