"""Names of cameras made from files and folders: two viewpoints never get one name, one card is one camera."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from forensics.custody.case_folder import CaseFolder
from forensics.place import StoreObject
from forensics.tables.evidence import load_evidence
from pipelines.intake.camera_names import name_cameras
from pipelines.intake.found_footage import FoundFootage, naming_path
from pipelines.intake.names_with_time import name_without_time
from testing.commands import Call, clip
from testing.painted.picture import paint

_SERIAL = ("--runner", "serial", "--quiet")
_ROOT = "s3://archive/export/"


def _below(given: str, *names: str) -> list[FoundFootage]:
    return [FoundFootage(StoreObject(given + name), StoreObject(given)) for name in names]


def _themselves(*names: str) -> list[FoundFootage]:
    return [FoundFootage(StoreObject(_ROOT + name), StoreObject(_ROOT + name)) for name in names]


@pytest.mark.parametrize(
    ("files", "cameras"),
    [
        (["gate/10.mp4", "hall/10.mp4"], ["gate", "hall"]),
        (["gate/10.mp4", "gate/11.mp4", "hall/12.mp4"], ["gate", "gate", "hall"]),
        (["gate.mp4", "hall.mp4"], ["gate", "hall"]),
        (["gate.mp4", "yard/10.mp4"], ["gate", "yard"]),
        (["north/gate/10.mp4", "south/gate/10.mp4", "hall/1.mp4"], ["north/gate", "south/gate", "hall"]),
        (["n/1/gate/10.mp4", "s/1/gate/10.mp4"], ["n/1/gate", "s/1/gate"]),
        (["2026-05-01/gate/10.mp4", "2026-05-02/gate/10.mp4"], ["gate", "gate"]),
        (["gate/2026/05/01/10/00.mp4", "hall/2026/05/01/10/00.mp4"], ["gate", "hall"]),
        (["gate/20260501_100000/a.mp4", "gate/20260501_110000/a.mp4"], ["gate", "gate"]),
        (["2026-05-01/gate.mp4", "2026-05-02/gate.mp4"], ["gate", "gate"]),
        (["DCIM/100MEDIA/DSCF0001.AVI", "DCIM/101MEDIA/DSCF0001.AVI"], ["export", "export"]),
        (["A/DCIM/100EK113/1.MP4", "B/DCIM/100EK113/1.MP4", "B/DCIM/101EK113/1.MP4"], ["A", "B", "B"]),
        (["A/PRIVATE/AVCHD/BDMV/STREAM/00000.MTS", "B/101_PANA/0.MTS"], ["A", "B"]),
        (["Stream/1.mp4", "101North/1.mp4", "2001/1.mp4"], ["Stream", "101North", "2001"]),
    ],
)
def test_files_below_one_folder(files: Sequence[str], cameras: Sequence[str]) -> None:
    assert name_cameras(_below(_ROOT, *files)) == cameras


@pytest.mark.parametrize(
    ("files", "cameras"),
    [
        (["10.mp4"], ["10"]),
        (["gate.mp4", "hall.mkv"], ["gate", "hall"]),
        (["gate/10.mp4", "hall/11.mp4"], ["10", "11"]),
        (["gate/10.mp4", "hall/10.mp4", "hall/11.mp4", "yard.mp4"], ["gate", "hall", "hall", "yard"]),
        (["a/gate/10.mp4", "b/gate/10.mp4"], ["a/gate", "b/gate"]),
    ],
)
def test_files_given_themselves(files: Sequence[str], cameras: Sequence[str]) -> None:
    assert name_cameras(_themselves(*files)) == cameras


@pytest.mark.parametrize(
    ("files", "cameras"),
    [
        (
            ["ch01_20260501_100000.mp4", "ch01_20260501_110000.mp4", "ch02_20260501_100000.mp4"],
            ["ch01", "ch01", "ch02"],
        ),
        (["20260501100000.dav", "20260501110000_0002.dav"], ["export", "export"]),
        (["gate/20260501100000.dav", "hall/20260501100000.dav"], ["gate", "hall"]),
        (["20260501100000_ch2.mp4", "gate.mp4"], ["ch2", "gate"]),
    ],
)
def test_times_in_names_are_no_part_of_a_camera_if_starts_are_read_from_them(
    files: Sequence[str], cameras: Sequence[str]
) -> None:
    assert name_cameras(_below(_ROOT, *files), name_without_time) == cameras


def test_several_given_folders_are_cameras() -> None:
    found = [*_below(_ROOT + "gate/", "10.mp4", "11.mp4"), *_below(_ROOT + "hall/", "12.mp4")]
    assert name_cameras(found) == ["gate", "gate", "hall"]
    cards = [FoundFootage(Path(f"/media/{card}/DCIM"), Path(f"/media/{card}/DCIM")) for card in "AB"]
    assert len(set(name_cameras(cards))) == 2


@pytest.mark.parametrize("seed", range(20))
def test_footage_of_two_folders_never_shares_a_camera(seed: int) -> None:
    """Random trees of folders that are no cards and no dates, with few names, so that many clash."""
    dice = random.Random(seed)
    files = {
        "/".join([*(dice.choice("abc") for _ in range(dice.randint(1, 4))), f"{dice.randint(8, 10)}.mp4"])
        for _ in range(dice.randint(2, 30))
    }
    found = [*_below(_ROOT, *sorted(files)), *_below("s3://archive/other/", *sorted(files))]
    camera_of: dict[str, str] = {}
    for each, camera in zip(found, name_cameras(found), strict=True):
        assert isinstance(each.place, StoreObject)
        folder = each.place.url.rpartition("/")[0]
        assert camera_of.setdefault(folder, camera) == camera, seed
    assert len(set(camera_of.values())) == len(camera_of), seed


@pytest.mark.parametrize(
    ("folders", "left"),
    [
        ("DCIM", ""),
        ("dcim/100media", ""),
        ("x/100_BTCF", "x"),
        ("x/099MEDIA", "x/099MEDIA"),
        ("12345678", "12345678"),
        ("2026-13-01", "2026-13-01"),
        ("2026/05", ""),
        ("2026/x", "2026/x"),
        ("2026-05-01/001", "001"),
        ("2026-05-01/23", ""),
    ],
)
def test_folders_that_name_no_viewpoint(folders: str, left: str) -> None:
    assert naming_path(folders) == left


# ---- as commands


def _picture(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(paint(number, 160, 96)).save(path)


def _cameras(case: Path) -> list[tuple[str, str, int]]:
    found = [(item.path.name, item.camera_id, item.n_frames) for item in load_evidence(CaseFolder.at(case))]
    return sorted(found)


def test_a_folder_of_cameras_is_scanned_as_cameras(call: Call, tmp_path: Path) -> None:
    for number, camera in enumerate(("gate", "hall")):
        (tmp_path / "export" / camera).mkdir(parents=True)
        clip(tmp_path / "export" / camera / "10.mp4", seed=number)
    answer = call("scan", tmp_path / "export", "--case", tmp_path / "case", *_SERIAL)
    assert answer.code == 0
    assert _cameras(tmp_path / "case") == [("10.mp4", "gate", 12), ("10.mp4", "hall", 12)]
    assert "cameras named by folders: gate (1), hall (1)" in answer.err
    assert [row["camera_id"] for row in call("query", tmp_path / "case", "coverage", "--json").json["rows"]]


def test_each_site_is_one_evidence_and_one_camera(call: Call, tmp_path: Path) -> None:
    traps = tmp_path / "traps"
    for number, folder in enumerate(("Site_001/DCIM/100EK113", "Site_001/DCIM/101EK113", "Site_002", "Site_003")):
        _picture(traps / folder / "IMG_0001.png", number)
    assert call("scan", traps, "--case", tmp_path / "case", *_SERIAL).code == 0
    assert _cameras(tmp_path / "case") == [
        ("Site_001", "Site_001", 2),
        ("Site_002", "Site_002", 1),
        ("Site_003", "Site_003", 1),
    ]
    assert call("verify", tmp_path / "case").code == 0


def test_one_card_stays_one_evidence(call: Call, tmp_path: Path) -> None:
    for number, folder in enumerate(("DCIM/100MEDIA", "DCIM/101MEDIA", "2026-05-01")):
        _picture(tmp_path / "card" / folder / "IMG_0001.png", number)
    assert call("scan", tmp_path / "card", "--case", tmp_path / "case", *_SERIAL).code == 0
    assert _cameras(tmp_path / "case") == [("card", "card", 3)]


def test_the_only_folder_with_pictures_beside_videos_is_their_camera(call: Call, tmp_path: Path) -> None:
    export = tmp_path / "export"
    for number, camera in enumerate(("gate", "hall")):
        (export / camera).mkdir(parents=True)
        clip(export / camera / f"{camera}.mp4", seed=number)
    for number in range(2):
        _picture(export / "hall" / f"IMG_000{number}.png", number)
    assert call("scan", export, "--case", tmp_path / "case", *_SERIAL).code == 0
    assert _cameras(tmp_path / "case") == [("export", "hall", 2), ("gate.mp4", "gate", 12), ("hall.mp4", "hall", 12)]


def test_footage_that_is_scanned_again_keeps_its_camera(call: Call, tmp_path: Path) -> None:
    _picture(tmp_path / "traps" / "pond" / "IMG.png", 1)
    case = tmp_path / "case"
    assert call("scan", tmp_path / "traps", "--case", case, "--camera", "trap", *_SERIAL).code == 0
    assert call("scan", tmp_path / "traps", "--case", case, *_SERIAL).code == 0
    assert _cameras(case) == [("traps", "trap", 1)]


def test_pictures_beside_sites_are_refused_and_one_camera_is_taken_at_its_word(call: Call, tmp_path: Path) -> None:
    traps = tmp_path / "traps"
    for number, name in enumerate(("IMG.png", "deer/IMG.png", "empty/IMG.png")):
        _picture(traps / name, number)
    answer = call("scan", traps, "--case", tmp_path / "case", "--dry-run")
    assert answer.code == 2
    assert f"{traps}: holds pictures beside folders with pictures of their own: deer, empty" in answer.err
    assert "--camera NAME" in answer.err
    assert call("scan", traps, "--case", tmp_path / "case", "--camera", "trap", *_SERIAL).code == 0
    assert _cameras(tmp_path / "case") == [("traps", "trap", 3)]


def test_a_stated_camera_is_kept_with_a_warning(call: Call, empty_case: Path, tmp_path: Path) -> None:
    for number, site in enumerate(("Site_001", "Site_002")):
        _picture(tmp_path / "traps" / site / "IMG.png", number)
        clip(tmp_path / "traps" / site / "1.mp4", seed=number)
    answer = call("ingest", empty_case, tmp_path / "traps", "--camera", "trap")
    assert answer.code == 0
    assert {camera for _, camera, _ in _cameras(empty_case)} == {"trap"}
    assert "2 folders look like cameras of their own: Site_001 (1), Site_002 (1)" in answer.err


def test_a_folder_that_is_one_evidence_is_not_divided_later(call: Call, tmp_path: Path) -> None:
    for number, site in enumerate(("Site_001", "Site_002")):
        _picture(tmp_path / "traps" / site / "IMG.png", number)
    words = ("scan", tmp_path / "traps", "--case", tmp_path / "case", *_SERIAL)
    assert call(*words, "--camera", "trap").code == 0
    answer = call(*words)
    assert (answer.code, "is one evidence of this case" in answer.err) == (2, True)
    assert call(*words, "--camera", "trap").code == 0
    assert _cameras(tmp_path / "case") == [("traps", "trap", 2)]


def test_a_second_file_of_one_name_from_another_folder_is_pointed_out(call: Call, tmp_path: Path) -> None:
    for number, camera in enumerate(("gate", "hall")):
        (tmp_path / camera).mkdir()
        path = clip(tmp_path / camera / "10.mp4", seed=number)
        answer = call("scan", path, "--case", tmp_path / "case", *_SERIAL)
        assert answer.code == 0
        assert (f"camera '10' has footage from {tmp_path / 'gate'} already" in answer.err) is (camera == "hall")


@pytest.mark.parametrize(("first", "second"), [("caf\u00e9", "cafe\u0301"), ("cafe\u0301", "caf\u00e9")])
def test_a_camera_is_found_in_both_spellings_of_its_letters(
    call: Call, empty_case: Path, tmp_path: Path, first: str, second: str
) -> None:
    assert call("ingest", empty_case, clip(tmp_path / "1.mp4"), "--camera", first).code == 0
    assert call("ingest", empty_case, clip(tmp_path / "2.mp4", seed=1), "--camera", second).code == 0
    assert call("ingest", empty_case, tmp_path / "1.mp4", "--camera", second).code == 0
    assert {item.camera_id for item in load_evidence(CaseFolder.at(empty_case))} == {first}
    assert call("run", empty_case, *_SERIAL).code == 0
    answer = call("query", empty_case, "detections", "--camera", second)
    assert (answer.code, "has no camera" in answer.err) == (0, False)
