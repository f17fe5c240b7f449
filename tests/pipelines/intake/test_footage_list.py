"""A list of footage gives each file its camera and start; every line is checked before anything is ingested."""

import csv
import json
import random
import shutil
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from forensics.adapters.store import object_store
from forensics.custody.case_folder import CaseFolder
from forensics.digests import sha256_of_file
from forensics.errors import CannotStart, UsageError
from forensics.tables.evidence import load_evidence, load_sources
from pipelines.intake.footage_list import read_footage_list
from pipelines.intake.start_times import StartRule
from testing.commands import Call, clip

_SERIAL = ("--runner", "serial", "--quiet")
_TEN_UTC_US = 1_777_629_600_000_000  # date -ud 2026-05-01T10:00:00 +%s
_HOUR_US = 3_600_000_000


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A folder of four clips, two of them named by their time, and a text."""
    folder = tmp_path / "export"
    names = ("ch01_20260501_100000.mp4", "ch01_20260501_110000.mp4", "hall/10.mp4", "yard/10.mp4")
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        clip(folder / name, n_frames=4, seed=number)
    (folder / "hall" / "notes.txt").write_text("x")
    return folder


def _write(path: Path, *lines: str, header: str = "file,camera,start,clock_error") -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def _evidence(case: Path) -> dict[str, tuple[str, int | None, int | None]]:
    return {
        "/".join(item.path.parts[-2:]) if isinstance(item.path, Path) else item.path.url: (
            item.camera_id,
            item.start_utc_us,
            item.clock_error_ms,
        )
        for item in load_evidence(CaseFolder.at(case))
    }


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_each_line_is_ingested_with_its_camera_and_start(
    call: Call, empty_case: Path, export: Path, delimiter: str, mark: str
) -> None:
    rows = [
        ("clock_error", "FILE", "camera", "start"),
        ("500ms", "ch01_20260501_100000.mp4", "gate", "from-name"),
        ("", str(export / "hall/10.mp4"), "hall", "2026-05-01 12:00:00"),
        ("", "./yard/10.mp4", "yard", ""),
        ("2s", "ch01_20260501_110000.mp4", "gate", "2026-05-01T10:00:00-01:00"),
    ]
    table = export / "list.csv"
    table.write_text(mark + "\r\n".join(delimiter.join(row) for row in rows) + "\r\n\r\n", encoding="utf-8")
    words = ("--list", table, "--start-zone", "Europe/Berlin", "--clock-error", "1s")
    assert call("ingest", empty_case, *words).code == 0
    assert _evidence(empty_case) == {
        "export/ch01_20260501_100000.mp4": ("gate", _TEN_UTC_US - 2 * _HOUR_US, 500),
        "hall/10.mp4": ("hall", _TEN_UTC_US, 1000),
        "yard/10.mp4": ("yard", None, None),
        "export/ch01_20260501_110000.mp4": ("gate", _TEN_UTC_US + _HOUR_US, 2000),
    }
    begun = [json.loads(line) for line in (empty_case / "audit.jsonl").read_text().splitlines()]
    (facts,) = [line["facts"] for line in begun if line["command"] == "ingest" and line["kind"] == "begin"]
    assert (facts["list"], facts["list_sha256"]) == (str(table), sha256_of_file(table))


def test_all_faulty_lines_are_reported_together_and_nothing_is_ingested(
    call: Call, empty_case: Path, export: Path
) -> None:
    table = _write(
        export / "list.csv",
        "hall/10.mp4,hall,2026-05-01T10:00:00Z,2s",
        "hall/11.mp4,hall,2026-05-01T10:00:00Z,2s",
        "yard/10.mp4,,yesterday,half",
        "hall/../hall/10.mp4,hall,,",
        "ch01_20260501_100000.mp4,gate,2026-05-01T10:00:00,-2s",
        "ch01_20260501_110000.mp4,gate,,2s",
        "hall/notes.txt,hall,from-name,",
        ".,gate,2026-05-01T10:00:00Z,,more",
        "s3://bucket,gate,,",
    )
    answer = call("ingest", empty_case, "--list", table)
    assert (answer.code, _evidence(empty_case), load_sources(CaseFolder.at(empty_case))) == (2, {}, [])
    assert "8 faulty lines of 9" in answer.err
    for said in (
        "line 3, file: got 'hall/11.mp4', expected a file, a folder or an object such as s3://BUCKET/KEY that exists",
        "line 4, camera: got '', expected the name of a camera",
        "line 4, start: got 'yesterday', expected a day from 1970 on with a time, such as 2026-05-01T10",
        "line 4, clock_error: got 'half', expected a duration such as 500ms or 2s",
        "expected other footage, because line 2 names this already",
        "line 6, start: got '2026-05-01T10:00:00', expected a time with its zone",
        "line 6, clock_error: got '-2s', expected a duration",
        "line 7, clock_error: got '2s', expected nothing without a start",
        "line 8, start: got 'from-name', expected a time, because it cannot be read in the name notes.txt (no date",
        "line 9, start: got '2026-05-01T10:00:00Z', expected the start of one recording, not of 4",
        "line 9, end of line: got 'more', expected no more than 4 cells",
        "line 10, file: got 's3://bucket', expected an object, s3://BUCKET/KEY",
    ):
        assert said in answer.err
    assert "line 2" not in answer.err.replace("line 2 names", "")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("file,camera,start,clock_error,note", "has unknown columns: note"),
        ("file,camera,begin,note", "has unknown columns: begin, note"),
        ("file,start", "lacks: camera"),
        ("hall/10.mp4,hall,,", "lacks: file, camera; has unknown columns: hall/10.mp4, hall, (empty), (empty)"),
    ],
)
def test_the_header_names_the_columns(call: Call, empty_case: Path, export: Path, header: str, said: str) -> None:
    table = _write(export / "list.csv", "hall/10.mp4,hall,,", header=header)
    answer = call("ingest", empty_case, "--list", table)
    assert (answer.code, said in answer.err, "file,camera,start,clock_error" in answer.err) == (2, True, True)


def test_an_empty_list_is_refused(call: Call, empty_case: Path, export: Path) -> None:
    answer = call("ingest", empty_case, "--list", _write(export / "list.csv", "", ",,,"))
    assert (answer.code, "names no footage" in answer.err) == (2, True)


def test_a_time_that_occurs_twice_needs_its_offset(call: Call, empty_case: Path, export: Path) -> None:
    zone = ("--start-zone", "Europe/Berlin")
    shutil.move(export / "ch01_20260501_100000.mp4", export / "ch01_20261025_023000.mp4")
    lines = ("hall/10.mp4,hall,2026-10-25 02:30:00,", "ch01_20261025_023000.mp4,gate,from-name,")
    answer = call("ingest", empty_case, "--list", _write(export / "list.csv", *lines), *zone)
    assert (answer.code, answer.err.count("occurs twice")) == (2, 2)
    lines = ("hall/10.mp4,hall,2026-10-25 02:30:00+02:00,", "ch01_20261025_023000.mp4,gate,2026-10-25T02:30+01:00,")
    assert call("ingest", empty_case, "--list", _write(export / "list.csv", *lines), *zone).code == 0


def test_a_folder_in_a_list(call: Call, empty_case: Path, export: Path) -> None:
    lines = (".,site,,", "hall,hall,,")
    answer = call("ingest", empty_case, "--list", _write(export / "list.csv", *lines))
    assert (answer.code, "because line 2 names this already" in answer.err) == (2, True)
    assert call("ingest", empty_case, "--list", _write(export / "list.csv", lines[0])).code == 0
    assert {camera for camera, _, _ in _evidence(empty_case).values()} == {"site"}
    (export / "empty").mkdir()
    answer = call("ingest", empty_case, "--list", _write(export / "list.csv", "empty,site,,"))
    assert (answer.code, "expected a folder or prefix with videos or stills" in answer.err) == (2, True)


def test_a_scan_of_a_list_makes_no_case_before_the_list_is_right(call: Call, export: Path, tmp_path: Path) -> None:
    table, case = _write(export / "list.csv", "hall/10.mp4,hall,from-name,"), tmp_path / "case"
    assert call("scan", "--list", table, "--case", case, *_SERIAL).code == 2
    assert not case.exists()
    _write(table, "hall/10.mp4,hall,2026-05-01T10:00:00Z,2s", "ch01_20260501_110000.mp4,gate,from-name,")
    shown = call("scan", "--list", table, "--case", case, "--dry-run", "--json")
    assert (shown.code, case.exists()) == (0, False)
    assert [(row["camera_id"], row["start_utc"], row["clock_error_ms"]) for row in shown.json["footage"]] == [
        ("hall", "2026-05-01T10:00:00+00:00", 2000),
        ("gate", "2026-05-01T11:00:00+00:00", None),
    ]
    assert call("scan", "--list", table, "--case", case, *_SERIAL).code == 0
    assert {camera for camera, _, _ in _evidence(case).values()} == {"hall", "gate"}


@pytest.mark.parametrize(
    "words",
    [
        ("{case}", "x.mp4", "--list", "{list}"),
        ("{case}", "--camera", "gate", "--list", "{list}"),
        ("{case}", "--list", "{list}", "--start", "from-name"),
        ("{case}", "--list", "{list}", "--starts", "{list}"),
        ("{case}", "x.mp4"),
        ("{case}", "--camera", "gate"),
        ("{case}", "--list", "absent.csv"),
    ],
)
def test_what_does_not_go_with_a_list(call: Call, empty_case: Path, export: Path, words: tuple[str, ...]) -> None:
    table = _write(export / "list.csv", "hall/10.mp4,hall,,")
    answer = call("ingest", *(word.format(case=empty_case, list=table) for word in words))
    assert (answer.code, _evidence(empty_case)) == (2, {})


def test_a_camera_keeps_the_spelling_of_the_case(call: Call, empty_case: Path, export: Path) -> None:
    assert call("ingest", empty_case, export / "hall" / "10.mp4", "--camera", "caf\u00e9").code == 0
    table = _write(export / "list.csv", "yard/10.mp4,cafe\u0301,,")
    assert call("ingest", empty_case, "--list", table).code == 0
    assert {camera for camera, _, _ in _evidence(empty_case).values()} == {"caf\u00e9"}


@pytest.mark.parametrize("seed", range(40))
def test_any_list_is_read_back_as_it_was_written(tmp_path: Path, seed: int) -> None:
    """Truth is what the csv writer of Python was given, and `datetime`."""
    dice = random.Random(seed)
    footage, columns = tmp_path / "f", ["file", "camera", "start", "clock_error"]
    footage.mkdir()
    dice.shuffle(columns)
    expected = []
    with (tmp_path / "list.csv").open("w", encoding=dice.choice(["utf-8", "utf-8-sig"]), newline="") as file:
        writer = csv.DictWriter(file, columns, delimiter=dice.choice(",;"), lineterminator=dice.choice(["\n", "\r\n"]))
        writer.writeheader()
        for number in range(dice.randrange(1, 20)):
            name = f"{number}" + "".join(dice.choices("ab ,;\"'äß日\\[]", k=12)) + ".mp4"
            (footage / name).touch()
            at = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(milliseconds=dice.randrange(40 * 365 * 86_400_000))
            zone = timezone(timedelta(minutes=15 * dice.randrange(-48, 57)))
            milliseconds = dice.choice([None, dice.randrange(100_000)])
            error = "" if milliseconds is None else dice.choice(["{}", "{}ms", "{} ms"]).format(milliseconds)
            row = {"file": f"f/{name}", "camera": f"cam,{number};x", "start": at.astimezone(zone), "clock_error": error}
            writer.writerow(row)
            expected.append((footage / name, f"cam,{number};x", at, milliseconds))
    listed = read_footage_list(tmp_path / "list.csv", StartRule())
    assert [(each.found.place, each.camera, each.start.at, each.start.clock_error_ms) for each in listed] == expected


# ---- objects, in a store of memory


class _Store:
    """Replaces the store of fsspec: it has one object, or is out of reach."""

    def __init__(self, error: OSError | None = None) -> None:
        self._error = error

    def info(self, url: str, refresh: bool) -> dict[str, Any]:
        if self._error is not None:
            raise self._error
        if url != "s3://archive/gate.mp4":
            raise FileNotFoundError(url)
        return {"type": "file", "size": 5}

    def find(self, url: str) -> list[str]:
        return ["archive/gate.mp4", "archive/notes.txt"] if url == "s3://archive/" else []


def test_objects_are_checked_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(object_store, "_open_store", _Store)
    table = _write(tmp_path / "list.csv", "s3://archive/gate.mp4,gate,2026-05-01T10:00:00Z,500ms")
    (listed,) = read_footage_list(table, StartRule())
    assert (str(listed.found.place), listed.camera, listed.start.clock_error_ms) == (
        "s3://archive/gate.mp4",
        "gate",
        500,
    )
    assert listed.start.at == datetime(2026, 5, 1, 10, tzinfo=UTC)
    lines = ("s3://archive/hall.mp4,hall,,", "s3://archive/nothing/,hall,,")
    with pytest.raises(UsageError) as refused:
        read_footage_list(_write(table, *lines), StartRule())
    assert "line 2, file: got 's3://archive/hall.mp4', expected an object that can be read" in str(refused.value)
    assert "line 3, file: got 's3://archive/nothing/', expected a folder or prefix with videos" in str(refused.value)


def test_a_store_out_of_reach_is_no_fault_of_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(object_store, "_open_store", lambda: _Store(ConnectionError("no route to host")))
    with pytest.raises(CannotStart):
        read_footage_list(_write(tmp_path / "list.csv", "s3://archive/gate.mp4,gate,,"), StartRule())
