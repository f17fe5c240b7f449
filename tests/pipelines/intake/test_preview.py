"""`ingest --dry-run` shows what ingest does, and writes no more than a command that reads."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from forensics.custody.case_folder import CaseFolder
from forensics.tables.evidence import load_evidence, load_sources
from testing.commands import Call, clip
from testing.painted.not_footage import APPLE_DOUBLE, HEIC
from testing.painted.picture import paint

_SERIAL = ("--runner", "serial", "--quiet")


def _snapshot(case: Path) -> dict[str, bytes]:
    """Everything in a case but its log."""
    return {str(path): path.read_bytes() for path in case.rglob("*") if path.is_file() and path.name != "audit.jsonl"}


def _export(folder: Path) -> Path:
    (folder / "hall").mkdir(parents=True)
    clip(folder / "gate_20260501_100000.mp4", n_frames=25)
    shutil.copy(folder / "gate_20260501_100000.mp4", folder / "twin.mp4")
    clip(folder / "hall" / "10.ts", seed=1)
    (folder / "broken.mp4").write_text("no video")
    (folder / "._clip.mp4").write_bytes(APPLE_DOUBLE)
    (folder / "a.heic").write_bytes(HEIC)
    (folder / "list.txt").write_text("gate")
    (folder / "link.mp4").symlink_to(folder.parent / "elsewhere.mp4")
    return folder


def _facts(answer: Any) -> list[tuple[object, ...]]:
    return [
        (row["path"], row["camera_id"], row["evidence_id"], row["verdict"], row["reason"], row["n_frames"])
        for row in answer.json["footage"]
    ]


def test_a_dry_run_shows_what_ingest_does_and_changes_nothing(
    call: Call, empty_case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export, temporary = _export(tmp_path / "export"), tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    words = ("ingest", empty_case, export, "--camera", "gate", "--start", "from-name")
    assert call("status", empty_case).code == 0
    before, lines = _snapshot(empty_case), (empty_case / "audit.jsonl").read_text().count("\n")
    shown = call(*words, "--dry-run", "--json")
    assert shown.code == 4
    assert _snapshot(empty_case) == before
    assert (empty_case / "audit.jsonl").read_text().count("\n") == lines + 2
    assert list(temporary.iterdir()) == []
    done = call(*words)
    assert done.code == 4
    n_frames = {item.evidence_id: item.n_frames for item in load_evidence(CaseFolder.at(empty_case))}
    expected = [
        (
            str(each.path),
            each.camera_id,
            each.evidence_id,
            each.verdict.value,
            each.reason,
            n_frames[str(each.evidence_id)],
        )
        for each in load_sources(CaseFolder.at(empty_case))
    ]
    assert _facts(shown) == expected
    rows = {Path(row["path"]).name: row for row in shown.json["footage"]}
    first = rows.pop("gate_20260501_100000.mp4")
    assert first["start_utc"] == "2026-05-01T10:00:00+00:00"
    assert first["start_source"] == "name, YYYYMMDD_HHMMSS, UTC, as no --start-zone is given"
    assert {row["start_utc"] for row in rows.values()} == {None}
    assert (first["duration_us"], first["n_sections"], first["is_known"]) == (960_000, 1, False)
    assert {(row["kind"], row["number"], row["example"]) for row in shown.json["left_out"]} == {
        (".heic", 1, "a.heic"),
        (".txt", 1, "list.txt"),
        ("macOS companion (._ name)", 1, "._clip.mp4"),
        ("links that lead out of it", 1, "link.mp4"),
    }
    again = call(*words, "--dry-run", "--json")
    assert [row["is_known"] for row in again.json["footage"]] == [True] * len(expected)


def test_the_table_for_people(call: Call, empty_case: Path, tmp_path: Path) -> None:
    answer = call("ingest", empty_case, _export(tmp_path / "export"), "--camera", "gate", "--dry-run")
    header, *rows = answer.out.splitlines()
    assert header.split() == ["file", "camera", "start", "±", "becomes"]
    assert [row.split() for row in rows[:4]] == [
        ["broken.mp4", "gate", "-", "-", "rejected"],
        ["gate_20260501_100000.mp4", "gate", "-", "-", "evidence"],
        ["10.ts", "gate", "-", "-", "evidence"],
        ["twin.mp4", "gate", "-", "-", "copy"],
    ]
    assert rows[4] == "4 files: 1 rejected, 2 evidence, 1 copy"
    assert any(row.startswith("rejected: broken.mp4: not_media: ") for row in rows)
    assert "left out: 1 .heic: a.heic; keep the originals, and give copies converted to JPEG" in answer.out


def test_the_time_read_in_each_name_is_shown(call: Call, empty_case: Path, tmp_path: Path) -> None:
    names = {
        "ch01_20260501_100000.mp4": ("20260501_100000", "YYYYMMDD_HHMMSS", "2026-05-01T08:00:00+00:00"),
        "gate 2026-05-01 1-59-50 PM.mp4": (
            "2026-05-01 1-59-50 PM",
            "YYYY-MM-DD h-MM-SS AM/PM",
            "2026-05-01T11:59:50+00:00",
        ),
        "test.mp4": ("", "", None),
    }
    paths = [clip(tmp_path / name, n_frames=4, seed=seed) for seed, name in enumerate(names)]
    words = ("ingest", empty_case, *paths, "--camera", "gate", "--start", "from-name", "--start-zone", "Europe/Berlin")
    rows = call(*words, "--dry-run", "--json").json["footage"]
    assert [(row["name_text"], row["name_pattern"], row["start_utc"]) for row in rows] == list(names.values())
    assert rows[2]["start_problem"] == "no date and time in the name"
    lines = call(*words, "--clock-error", "1500", "--dry-run").out.splitlines()
    assert lines[1].split() == [
        "ch01_[20260501_100000].mp4",
        "gate",
        "2026-05-01",
        "08:00:00Z",
        "1500",
        "ms",
        "evidence",
    ]
    assert lines[2].startswith("gat…[2026-05-01 1-59-50 PM].mp4  ")
    assert lines[3].split() == ["test.mp4", "gate", "none", "-", "evidence"]
    assert "[ ] marks the time in 1 name, read as YYYYMMDD_HHMMSS, Europe/Berlin" in lines
    assert "no start for test.mp4: no date and time in the name" in lines


def test_the_table_fits_a_terminal(call: Call, empty_case: Path, tmp_path: Path) -> None:
    names = (
        "NVR_channel-2_main_20260501100000_of_the_northern_gate.mp4",
        "20260501_100000_a_long_remark_about_what_it_shows_from_beginning_to_end.mp4",
        "a_recording_of_the_northern_gate_without_any_time_in_its_name.mp4",
    )
    paths = [clip(tmp_path / name, n_frames=4, seed=seed) for seed, name in enumerate(names)]
    words = ("--camera", "the camera at the northern gate", "--start", "from-name", "--clock-error", "1500")
    table = call("ingest", empty_case, *paths, *words, "--dry-run").out.splitlines()[:4]
    assert max(map(len, table)) <= 80
    assert ["[20260501100000]" in table[1], "[20260501_100000]" in table[2]] == [True, True]


def test_what_is_left_out_is_grouped_by_kind(call: Call, empty_case: Path, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("north", "south")]
    for seed, folder in enumerate(folders):
        folder.mkdir()
        clip(folder / "10.mp4", n_frames=4, seed=seed)
        for number in range(4):
            (folder / f"{number}.txt").write_text("x")
    words = ("ingest", empty_case, *folders, "--camera", "gate", "--dry-run")
    assert [line for line in call(*words).out.splitlines() if "txt" in line] == [
        "left out: 8 .txt: 0.txt, 1.txt, 2.txt, 3.txt, 0.txt and 3 more; give the path of a file itself to ingest it"
    ]
    left_out = call(*words, "--json").json["left_out"]
    assert [(row["path"], row["number"], row["names"]) for row in left_out] == [
        (str(folder), 4, ["0.txt", "1.txt", "2.txt", "3.txt"]) for folder in folders
    ]


def test_what_ingest_would_refuse_is_refused(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    assert call("ingest", empty_case, path, "--camera", "gate").code == 0
    before = _snapshot(empty_case)
    answer = call("ingest", empty_case, path, "--camera", "hall", "--dry-run", "--json")
    assert (answer.code, "footage of camera 'gate'" in answer.json["footage"][0]["refusal"]) == (2, True)
    assert "footage of camera 'gate'" in _error_lines(answer.err)[0]
    assert call("ingest", empty_case, path, "--camera", "gate", "--dry-run").code == 0
    assert _snapshot(empty_case) == before
    assert (
        call("ingest", empty_case, path, path, "--camera", "g", "--start", "2026-05-01T10:00Z", "--dry-run").code == 2
    )


def test_a_dry_scan_shows_cameras_and_frames(call: Call, tmp_path: Path) -> None:
    export = _export(tmp_path / "export")
    answer = call("scan", export, "--case", tmp_path / "case", "--dry-run", "--json")
    assert answer.code == 4, answer.err  # as the scan would, because of broken.mp4
    assert {row["camera_id"] for row in answer.json["footage"]} == {"gate_20260501_100000", "broken", "hall"}
    assert answer.json["frames"] == 37
    assert not (tmp_path / "case").exists()


def test_a_dry_scan_of_a_case_knows_its_footage_and_changes_nothing(call: Call, tmp_path: Path) -> None:
    gate, case = clip(tmp_path / "gate.mp4"), tmp_path / "case"
    assert call("scan", gate, "--case", case, *_SERIAL).code == 0
    hall, twin = clip(tmp_path / "hall.mp4", n_frames=25, seed=1), shutil.copy(gate, tmp_path / "twin.mp4")
    before, lines = _snapshot(case), (case / "audit.jsonl").read_text().count("\n")
    shown = call("scan", gate, hall, twin, "--case", case, "--dry-run", "--json")
    assert (shown.code, _snapshot(case)) == (0, before)
    assert (case / "audit.jsonl").read_text().count("\n") == lines + 2
    rows = {Path(row["path"]).name: row for row in shown.json["footage"]}
    assert {name: row["is_known"] for name, row in rows.items()} == {
        "gate.mp4": True,
        "hall.mp4": False,
        "twin.mp4": True,
    }
    assert {rows[name]["camera_id"] for name in ("gate.mp4", "twin.mp4")} == {"gate"}
    assert (shown.json["frames"], shown.json["files"]) == (12 + 25, 2)
    assert shown.json["chunks_to_do"] == shown.json["chunks"] - 1 > 0
    text = call("scan", gate, hall, twin, "--case", case, "--dry-run").out
    assert [line.split()[-1] for line in text.splitlines()[1:4]] == ["known", "evidence", "known"]
    assert [row["becomes"] for row in shown.json["footage"]] == ["known", "evidence", "known"]
    assert call("scan", gate, hall, twin, "--case", case, *_SERIAL).code == 0
    done = call("run", case, "--dry-run", "--json").json
    planned = ("run", "frames", "files", "chunks", "hours", "frames_looked_at")
    assert {name: shown.json[name] for name in planned} == {name: done[name] for name in planned}


@pytest.mark.parametrize("words", [("scan", "{footage}", "--case", "{case}"), ("ingest", "{case}", "{footage}")])
def test_both_dry_runs_show_the_same(call: Call, empty_case: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    export = _export(tmp_path / "export")
    assert call("ingest", empty_case, export / "hall" / "10.ts", "--camera", "Hall").code == 0
    start = ("--camera", "hall", "--start", "from-name", "--dry-run", "--json")
    refused = call(*(word.format(case=empty_case, footage=export) for word in words), *start)
    rows = {Path(row["path"]).name: row for row in refused.json["footage"]}
    assert refused.code == 2
    assert "is footage of camera 'Hall', not 'hall'" in rows["10.ts"]["refusal"]
    assert "chunks" not in refused.json
    start = ("--camera", "Hall", *start[2:])
    shown = call(*(word.format(case=empty_case, footage=export) for word in words), *start)
    rows = {Path(row["path"]).name: row for row in shown.json["footage"]}
    assert (shown.code, {name for name, row in rows.items() if row["is_known"]}) == (4, {"10.ts"})
    assert rows["gate_20260501_100000.mp4"]["start_utc"] == "2026-05-01T10:00:00+00:00"
    assert rows["twin.mp4"]["reason"].startswith("the same bytes as")
    assert {row["kind"] for row in shown.json["left_out"]} >= {".heic", "macOS companion (._ name)"}


def test_a_dry_scan_shows_a_start_that_a_scan_would_refuse(call: Call, tmp_path: Path) -> None:
    path = clip(tmp_path / "a_20261025_023000.mp4")
    words = ("scan", path, "--case", tmp_path / "case", "--start", "from-name", "--start-zone", "Europe/Berlin")
    answer = call(*words, "--dry-run", "--json")
    assert (answer.code, "occurs twice" in answer.json["footage"][0]["start_problem"]) == (2, True)
    refused = call(*words, *_SERIAL)
    assert refused.code == 2
    assert _error_lines(answer.err) == _error_lines(refused.err)
    assert not (tmp_path / "case").exists()


def _error_lines(err: str) -> list[str]:
    """Return the lines of an error, which are the same in a dry run."""
    lines = [line for line in err.splitlines() if line.startswith(("error: ", "next: "))]
    assert [line.partition(":")[0] for line in lines] == ["error", "next"]
    return lines


@pytest.mark.parametrize(
    ("names", "options", "said"),
    [
        (["a_20260501_100000.mp4"], ["--runner", "serial", "--ray", "127.0.0.1:1"], "exclude each other"),
        (["a.mp4", "b.mp4"], ["--start", "2026-05-01T10:00:00Z"], "is the time of one recording, but 2 were given"),
        (["a.mp4"], ["--camera", "gate\u200b"], "gate"),
    ],
)
def test_a_scan_that_is_refused_makes_no_case(
    call: Call, tmp_path: Path, names: list[str], options: list[str], said: str
) -> None:
    footage = [clip(tmp_path / name, seed=number) for number, name in enumerate(names)]
    answer = call("scan", *footage, "--case", tmp_path / "case", *options)
    assert (answer.code, said in answer.err) == (2, True), answer.err
    assert not (tmp_path / "case").exists()


def test_every_marked_name_is_counted(call: Call, empty_case: Path, tmp_path: Path) -> None:
    """Two of five names have a time that occurs twice."""
    names = ["20261025_013000", "20261025_023000", "20261025_024500", "20261025_033000", "20261026_100000"]
    footage = [clip(tmp_path / f"a_{name}.mp4", n_frames=4, seed=number) for number, name in enumerate(names)]
    words = ("--camera", "g", "--start", "from-name", "--start-zone", "Europe/Berlin", "--dry-run")
    answer = call("ingest", empty_case, *footage, *words)
    assert answer.code == 2
    assert sum("[2026" in line for line in answer.out.splitlines()) == 5
    assert "[ ] marks the time in 3 names, read as YYYYMMDD_HHMMSS, Europe/Berlin" in answer.out
    assert "[ ] marks the time in 2 names, read as YYYYMMDD_HHMMSS, but refused as below" in answer.out
    refused = call("ingest", empty_case, *footage, *words[:-1])
    assert _error_lines(answer.err) == _error_lines(refused.err)


# ---- files that are no video


def _still(path: Path) -> Path:
    Image.fromarray(paint(7, 160, 96)).save(path)
    return path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.jpg", "a picture (JPEG), not a video; give the folder or a ZIP archive"),
        ("a.png", "a picture (PNG), not a video"),
        ("a.tif", "a picture (TIFF), not a video"),
        ("a.bmp", "a picture (BMP), not a video"),
        ("a.webp", "a picture (WebP), not a video"),
    ],
)
@pytest.mark.parametrize("is_renamed", [False, True])
def test_a_still_given_as_a_file(
    call: Call, empty_case: Path, tmp_path: Path, *, name: str, said: str, is_renamed: bool
) -> None:
    path = _still(tmp_path / name)
    path = path.rename(tmp_path / "clip.mp4") if is_renamed else path
    answer = call("ingest", empty_case, path, "--camera", "g", "--json")
    assert answer.code == 4
    assert answer.json["sources"][0]["reason"].startswith(f"not_media: {said}")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.heic", HEIC, "a picture (HEIC), which is not read; keep the originals"),
        ("a.mp4", HEIC, "a picture (HEIC), which is not read; keep the originals"),
        ("._clip.mp4", APPLE_DOUBLE, "a file that macOS wrote beside another one"),
    ],
)
def test_other_files_that_are_no_video(
    call: Call, empty_case: Path, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    answer = call("ingest", empty_case, tmp_path / name, "--camera", "g", "--json")
    assert (answer.code, "lost power" in answer.out) == (4, False)
    assert answer.json["sources"][0]["reason"].startswith(f"not_media: {said}")


@pytest.mark.parametrize("name", ["a.avif", "a.mp4"])
@pytest.mark.parametrize("n_pictures", [1, 3])
def test_an_avif_is_no_video(call: Call, empty_case: Path, tmp_path: Path, name: str, n_pictures: int) -> None:
    first, *others = (Image.fromarray(paint(number, 160, 96)) for number in range(n_pictures))
    first.save(tmp_path / name, "AVIF", **({"save_all": True, "append_images": others} if others else {}))
    answer = call("ingest", empty_case, tmp_path / name, "--camera", "g", "--json")
    assert answer.code == 4
    assert answer.json["sources"][0]["reason"].startswith("not_media: a picture (AVIF), which is not read; keep")


@pytest.mark.parametrize(
    ("brand", "kind"), [("heic", "HEIC"), ("mif1", "HEIC"), ("avis", "AVIF"), ("crx ", "Canon raw")]
)
def test_a_picture_is_no_video_although_its_container_could_be_read_as_one(
    call: Call, empty_case: Path, tmp_path: Path, brand: str, kind: str
) -> None:
    path = clip(tmp_path / "clip.mp4")
    data = path.read_bytes()
    assert data[4:12] == b"ftypisom"
    path.write_bytes(data[:8] + brand.encode() + data[12:])
    answer = call("ingest", empty_case, path, "--camera", "g", "--json")
    assert answer.json["sources"][0]["reason"].startswith(f"not_media: a picture ({kind}), which is not read; keep")


def test_a_raw_picture_is_not_sent_to_a_folder_that_would_not_read_it(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.NEF").write_bytes(_still(tmp_path / "a.tif").read_bytes())
    answer = call("ingest", empty_case, tmp_path / "a.NEF", "--camera", "g", "--json")
    assert answer.json["sources"][0]["reason"].startswith("not_media: a picture (.nef), which is not read; keep")


def test_a_video_behind_the_name_of_a_macos_file_is_footage(call: Call, empty_case: Path, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    clip(tmp_path / "export" / "._hidden.mp4")
    answer = call("ingest", empty_case, tmp_path / "export", "--camera", "g", "--json")
    assert (answer.code, len(answer.json["sources"])) == (0, 1)


def test_without_a_camera_ingest_names_the_command_that_names_cameras(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    export = _export(tmp_path / "export")
    answer = call("ingest", empty_case, export, "--start", "from-name")
    assert answer.code == 2
    assert "Missing option '--camera'" in answer.err
    assert "`forensics scan` names cameras by files and folders" in " ".join(answer.err.split())
    assert call("scan", export, "--case", empty_case, "--start", "from-name", "--dry-run").code == 4
