"""Footage that changes during a run: the change is found even if it is undone."""

import os
from pathlib import Path

import pytest
from PIL import Image

from forensics.footage.evidence import Evidence
from forensics.tables.evidence import load_evidence
from pipelines.intake.ingest_item import IngestItem
from pipelines.run.footage_integrity import FootageChecker
from testing.commands import clip
from testing.painted_case import make_case_of


def taken_in(path: Path, case: Path) -> Evidence:
    (item,) = load_evidence(make_case_of(case, IngestItem(path, "gate")).folder)
    return item


@pytest.fixture
def stills(tmp_path: Path) -> Path:
    """Make a folder of stills."""
    folder = tmp_path / "stills"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (32, 32), (80 * number, 0, 0)).save(folder / f"{number}.png")
    return folder


def test_footage_that_was_overwritten_and_put_back_is_altered(tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    item, guard = taken_in(path, tmp_path / "case"), FootageChecker()
    assert guard.admits(item)
    assert guard.still_admits(item)
    data, state = path.read_bytes(), path.stat()
    for content in (bytes(len(data)), data):
        with path.open("r+b") as file:
            file.write(content)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert not guard.still_admits(item)
    assert guard.lost[item.evidence_id].reason == "altered"


def test_pictures_that_changed_places_and_back_are_altered(tmp_path: Path, stills: Path) -> None:
    item, guard = taken_in(stills, tmp_path / "case"), FootageChecker()
    assert guard.admits(item)
    assert guard.still_admits(item)
    one, other, aside = stills / "0.png", stills / "1.png", tmp_path / "aside"
    for _ in range(2):
        one.rename(aside)
        other.rename(one)
        aside.rename(other)
    assert not guard.still_admits(item)
    assert guard.lost[item.evidence_id].reason == "altered"
