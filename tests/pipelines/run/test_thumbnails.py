"""`sight.thumbnails=none`: no picture of anybody is stored, and nothing else changes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import forensics
from forensics.custody.case_folder import CaseFolder
from testing.commands import Call
from testing.face_case import FaceCase
from testing.painted_case import START_US, PaintedDetector, make_painted_case

_SERIAL = ("--runner", "serial", "--quiet", "--set", "chunk.seconds=0.8")
_NONE = ("--set", "sight.thumbnails=none")
_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG"
_IDS = ("run_id", "sighting_id", "track_id", "thumbnail")


@pytest.fixture
def case(tmp_path: Path, call: Call) -> Path:
    """Make a case of mode scene in which a person walks."""
    call.use_detector(PaintedDetector())
    return make_painted_case(tmp_path, start_utc_us=START_US, clock_error_ms=40).folder.root


def _pictures(root: Path) -> list[Path]:
    """Return the files that are, or contain, a picture."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return [path for path in files if any(start in path.read_bytes() for start in (_JPEG, _PNG))]


def test_no_picture_of_anybody_is_stored(call: Call, case: Path, tmp_path: Path) -> None:
    assert call("run", case, *_SERIAL, *_NONE).code == 0
    assert _pictures(case) == []
    assert list(case.glob("runs/*/crops/*")) == []
    opened = forensics.open_case(case)
    assert opened.sightings().collect()["thumbnail"].to_list() == [None]
    assert call("verify", case).code == 0
    assert call("reproduce", case, "--runner", "serial", "--quiet").code == 0
    answer = call("query", case, "--pictures", tmp_path / "sheet.png")
    assert (answer.code, "no row that was found has a picture" in answer.err) == (2, True)


@pytest.mark.parametrize("mode", ["scene", "wildlife"])
def test_both_modes_without_faces_detect_people_and_keep_their_pictures_in_clear(
    call: Call, case: Path, tmp_path: Path, mode: str
) -> None:
    """What docs/law.md says openly: nothing is encrypted or covered, in wildlife cases either."""
    root = tmp_path / mode
    assert call("case", "init", root, "--mode", mode, "--purpose", "p", "--operator", "o").code == 0
    assert call("ingest", root, case.parent / "gate.mp4", "--camera", "gate").code == 0
    assert call("run", root, *_SERIAL).code == 0
    opened = forensics.open_case(root)
    (row,) = opened.sightings().collect().iter_rows(named=True)
    assert row["class_name"] == "person"
    picture = (root / row["thumbnail"]).read_bytes()
    assert picture.startswith(_JPEG)
    (part,) = root.glob("runs/*/parts/sight/*.parquet")
    assert picture in part.read_bytes()
    sheet = tmp_path / "sheet.png"
    assert call("query", root, "--class", "person", "--pictures", sheet).code == 0
    with Image.open(sheet) as written, Image.open(root / row["thumbnail"]) as stored:
        enlarged = stored.convert("RGB").resize((3 * stored.width, 3 * stored.height), Image.Resampling.LANCZOS)
        assert _contains(np.asarray(written.convert("RGB")), np.asarray(enlarged))


def _contains(sheet: np.ndarray, picture: np.ndarray) -> bool:
    """Whether a picture is somewhere in a sheet, pixel by pixel but for the line around the object."""
    height, width = picture.shape[:2]
    places = np.argwhere((sheet == picture[0, 0]).all(axis=2))
    inside = places[(places[:, 0] + height <= sheet.shape[0]) & (places[:, 1] + width <= sheet.shape[1])]
    return any(np.mean(sheet[y : y + height, x : x + width] == picture) > 0.95 for y, x in inside)


def test_only_the_pictures_are_missing(call: Call, case: Path) -> None:
    tables = []
    for setting in ((), _NONE):
        assert call("run", case, *_SERIAL, *setting).code == 0
        opened = forensics.open_case(case)
        tables.append([opened.table(name).collect() for name in ("detections", "coverage", "sightings")])
    (with_pictures, without) = tables
    for one, other in zip(with_pictures, without, strict=True):
        assert one.drop(_IDS, strict=False).equals(other.drop(_IDS, strict=False))
        assert len(one) > 0
    assert with_pictures[2]["thumbnail"].null_count() == 0


def test_pictures_of_earlier_runs_stay(call: Call, case: Path) -> None:
    assert call("run", case, *_SERIAL).code == 0
    before = _pictures(case)
    assert any(path.suffix == ".jpg" for path in before)
    assert call("run", case, *_SERIAL, *_NONE).code == 0
    assert [path for path in _pictures(case) if path.suffix == ".jpg"] == [
        path for path in before if path.suffix == ".jpg"
    ]


def test_the_next_run_stores_none_either_and_the_default_is_the_run_of_before(call: Call, case: Path) -> None:
    ids = []
    for setting in ((), ("--set", "sight.thumbnails=all"), _NONE, ()):
        assert call("run", case, *_SERIAL, *setting).code == 0
        ids.append(forensics.open_case(case).run_id)
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_pictures_are_all_or_none(call: Call, case: Path) -> None:
    answer = call("run", case, *_SERIAL, "--set", "sight.thumbnails=some")
    assert (answer.code, "sight.thumbnails" in answer.err) == (2, True)


def test_a_search_finds_the_same_without_thumbnails(tmp_path: Path, call: Call) -> None:
    case = FaceCase.make(tmp_path, call, n_people=2)
    case.enrol("E0", 0, tmp_path)
    found = []
    for setting in ((), _NONE):
        case.run("--runner", "serial", *setting)
        found.append([(row["entry_id"], row["decision"], row["frames"]) for row in case.candidates()])
    assert found[0] == found[1]
    assert "candidate" in {decision for _, decision, _ in found[1]}
    run = CaseFolder(case.root).run(forensics.open_case(case.root).run_id)
    assert not run.crops.exists()
    assert len(case.thumbnails()) == 2, "those of the first run"
