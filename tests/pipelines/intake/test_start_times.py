"""Start times from names and tables: what recorders write is read, what can be read in two ways is refused."""

import random
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from forensics.adapters.stills.name_times import file_name_time_ms
from forensics.custody.case_folder import CaseFolder
from forensics.tables.evidence import load_evidence
from pipelines.intake.names_with_time import name_without_time, read_named_time
from pipelines.intake.time_zones import UnclearTime, instant_in_zone, parse_zone
from testing.commands import Call, clip

_OF_A_MACHINE = ("localtime", "posixrules", "Factory", "right/Europe/Berlin", "posix/Europe/Berlin")
_HOUR_US = 3_600_000_000
_TEN_UTC_US = 1_777_629_600_000_000  # date -ud 2026-05-01T10:00:00Z +%s


@pytest.mark.parametrize(
    "name",
    [
        "20260501100000",
        "ch01_20260501_100000",
        "gate_2026-05-01_10-00-00",
        "NVR_ch2_main_20260501100000_20260501110000",
        "2026.05.01-10.00.00",
        "gate 2026-05-01T10:00:00",
        "gate_20260501T100000_0007",
        "hall_20260501_100000_1234567",
        "192.168.1.64_01_20260501100000000",
    ],
)
def test_names_as_recorders_write_them(name: str) -> None:
    assert read_named_time(name).at == datetime(2026, 5, 1, 10)


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("x_20260501_100000.250", datetime(2026, 5, 1, 10, 0, 0, 250_000)),
        ("20260501100000007", datetime(2026, 5, 1, 10, 0, 0, 7_000)),
        ("20260501T100000Z", datetime(2026, 5, 1, 10, tzinfo=UTC)),
        ("2026-05-01T10:00:00+02:00", datetime(2026, 5, 1, 10, tzinfo=timezone(timedelta(hours=2)))),
        ("2026-05-01T10:00:00-05:30", datetime(2026, 5, 1, 10, tzinfo=timezone(-timedelta(hours=5, minutes=30)))),
    ],
)
def test_fractions_and_zones_in_names(name: str, at: datetime) -> None:
    found = read_named_time(name).at
    assert (found, found.utcoffset()) == (at, at.utcoffset())


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("10", "no date and time"),
        ("gate", "no date and time"),
        ("gate_01-05-2026_10-00-00", "no date and time"),
        ("gate_20260501", "a date without a time"),
        ("gate_20260501_250000", "a date without a time"),
        ("120260501100000", "no date and time"),
        ("20260231_100000", "is no date"),
        ("2026-05-01 1-59-50", "an hour of one digit without AM or PM"),
        ("Bildschirmaufnahme 2026-05-01 um 1.59.50", "an hour of one digit without AM or PM"),
        ("2026-05-01_IMG_1-59-50", "a date without a time"),
        ("2026-05-01 1-61-50 PM", "a date without a time"),
        ("2026-05-011-59-50 PM", "no date and time"),
        ("2026-05-01 10-00-00 PM2", "twelve hours"),
        ("2026-05-01 13-59-50 AM", "13 AM is no hour"),
        ("2026-05-01 00-59-50 PM", "00 PM is no hour"),
        ("20260501_100000-0500", "may be a time zone or a number"),
        ("20260501110000_20260501100000", "the second is earlier"),
        ("20260501100000_20260501110000_20260501120000", "3 times"),
    ],
)
def test_names_without_a_clear_time(name: str, why: str) -> None:
    with pytest.raises(UnclearTime, match=why):
        read_named_time(name)


@pytest.mark.parametrize("seed", range(200))
def test_any_time_in_any_pattern_is_read(seed: int) -> None:
    dice = random.Random(seed)
    at = datetime(1990, 1, 1) + timedelta(seconds=dice.randrange(40 * 365 * 86_400))
    pattern = "".join(
        part + dice.choice(separators)
        for part, separators in zip(
            ("%Y", "%m", "%d", "%H", "%M", "%S"),
            (["", "-", "_"], ["", "-"], ["", "_", "-", "T", " "], ["", "-", "."], [""], [""]),
            strict=True,
        )
    )
    pattern = re.sub(r"^%Y%m[-_]", "%Y%m", pattern)  # 202605_01 is no date
    name = (
        dice.choice(["", "ch01_", "cam-7 ", "Überwachung_"]) + at.strftime(pattern) + dice.choice(["", "_main", "[R]"])
    )
    assert read_named_time(name).at == at, name


@pytest.mark.parametrize(
    ("name", "at", "pattern"),
    [
        ("2026-05-01 1-59-50 PM", datetime(2026, 5, 1, 13, 59, 50), "YYYY-MM-DD h-MM-SS AM/PM"),
        ("2026-05-01 11-59-50 am", datetime(2026, 5, 1, 11, 59, 50), "YYYY-MM-DD h-MM-SS AM/PM"),
        ("ch01_20260501_015950_PM", datetime(2026, 5, 1, 13, 59, 50), "YYYYMMDD_hMMSS AM/PM"),
        ("2026-05-01 13-59-50 PM", datetime(2026, 5, 1, 13, 59, 50), "YYYY-MM-DD h-MM-SS AM/PM"),
        ("2026-05-01 12-00-00 AM", datetime(2026, 5, 1), "YYYY-MM-DD h-MM-SS AM/PM"),
        ("2026-05-01 12-00-00 PM", datetime(2026, 5, 1, 12), "YYYY-MM-DD h-MM-SS AM/PM"),
        ("2026-05-01 9-30-00.5 p.m.", datetime(2026, 5, 1, 21, 30, 0, 500_000), "YYYY-MM-DD h-MM-SS.f AM/PM"),
        (
            "Screen Recording 2026-05-01 at 1.59.50\u202fPM (2)",
            datetime(2026, 5, 1, 13, 59, 50),
            "YYYY-MM-DD at h.MM.SS AM/PM",
        ),
        ("Bildschirmaufnahme 2026-05-01 um 13.59.50", datetime(2026, 5, 1, 13, 59, 50), "YYYY-MM-DD um HH.MM.SS"),
    ],
)
def test_times_of_the_twelve_hour_clock(name: str, at: datetime, pattern: str) -> None:
    found = read_named_time(name)
    assert (found.at, found.pattern) == (at, pattern)


@pytest.mark.parametrize("seed", range(100))
def test_videos_and_stills_are_read_alike(seed: int) -> None:
    """Truth is `strftime`, whose %I and %p are those of the C library."""
    dice = random.Random(seed)
    at = datetime(1990, 1, 1) + timedelta(seconds=dice.randrange(40 * 365 * 86_400))
    clock = dice.choice(["%I-%M-%S %p", "%I.%M.%S%p", "{h}-%M-%S %p", "{h}.%M.%S_%p", "%H-%M-%S"])
    pattern = dice.choice(["%Y-%m-%d ", "%Y%m%d_", "%Y-%m-%d at ", "clip %Y-%m-%d um "]) + clock
    name = at.strftime(pattern.format(h=at.hour % 12 or 12)) + dice.choice(["", " (2)", "_cam"])
    assert read_named_time(name).at == at, name
    assert file_name_time_ms(name) == (at - datetime(1970, 1, 1)) // timedelta(milliseconds=1), name


@pytest.mark.parametrize(
    ("name", "camera"),
    [("gate 2026-05-01 1-59-50 PM", "gate"), ("2026-05-01 1-59-50 PM gate", "gate"), ("20260501_015950_AM_0007", "")],
)
def test_half_of_the_day_is_no_part_of_a_camera(name: str, camera: str) -> None:
    assert name_without_time(name) == camera


# ---- zones, whose truth is arithmetic: Berlin is one hour ahead of UTC in winter, two in summer


@pytest.mark.parametrize(
    ("zone", "local", "hours"),
    [
        ("UTC", datetime(2026, 5, 1, 10), 0),
        ("Europe/Berlin", datetime(2026, 5, 1, 10), 2),
        ("Europe/Berlin", datetime(2026, 1, 1, 10), 1),
        ("Europe/Berlin", datetime(2026, 10, 25, 1, 59, 59), 2),
        ("Europe/Berlin", datetime(2026, 10, 25, 3), 1),
        ("Europe/Berlin", datetime(2026, 3, 29, 1, 59, 59), 1),
        ("Europe/Berlin", datetime(2026, 3, 29, 3), 2),
        ("+05:30", datetime(2026, 10, 25, 2, 30), 5.5),
        ("-0800", datetime(2026, 10, 25, 2, 30), -8),
    ],
)
def test_local_times(zone: str, local: datetime, hours: float) -> None:
    instant = instant_in_zone(local, parse_zone(zone))
    assert instant == local.replace(tzinfo=UTC) - timedelta(hours=hours)
    assert (instant.replace(tzinfo=None), instant.utcoffset()) == (local, timedelta(hours=hours))


@pytest.mark.parametrize(
    ("local", "why", "offsets"),
    [
        (datetime(2026, 10, 25, 2, 0), "occurs twice", (2, 1)),
        (datetime(2026, 10, 25, 2, 59, 59), "occurs twice", (2, 1)),
        (datetime(2026, 3, 29, 2, 0), "does not exist", (1, 2)),
        (datetime(2026, 3, 29, 2, 59, 59), "does not exist", (1, 2)),
    ],
)
def test_the_hours_when_clocks_are_set(local: datetime, why: str, offsets: tuple[int, int]) -> None:
    with pytest.raises(UnclearTime, match=f"2026-.* in Europe/Berlin {why}") as refused:
        instant_in_zone(local, parse_zone("Europe/Berlin"))
    readings = [f"{local.isoformat()}+0{offset}:00" for offset in offsets]
    assert str(refused.value).endswith(f"that night; {readings[0]} and {readings[1]} are clear")


@pytest.mark.parametrize("text", ["Europe/Atlantis", "Europe", "../../etc/passwd", "", "+25:00", "2", *_OF_A_MACHINE])
def test_what_is_no_zone(call: Call, empty_case: Path, text: str) -> None:
    answer = call("ingest", empty_case, "x.mp4", "--camera", "g", "--start", "from-name", "--start-zone", text)
    assert (answer.code, "Europe/Berlin" in answer.err) == (2, True)


# ---- as commands


def _starts(case: Path) -> dict[str, tuple[int | None, int | None]]:
    return {item.path.name: (item.start_utc_us, item.clock_error_ms) for item in load_evidence(CaseFolder.at(case))}


def _export(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        clip(folder / name, n_frames=4, seed=number)
    return folder


def test_starts_from_names(call: Call, empty_case: Path, tmp_path: Path) -> None:
    export = _export(tmp_path / "export", "ch01_20260501_100000.mp4", "ch01_20260501_110000.mp4", "test.mp4")
    words = ("ingest", empty_case, export, "--camera", "gate", "--start", "from-name", "--clock-error", 500)
    answer = call(*words, "--start-zone", "Europe/Berlin", "--json")
    assert answer.code == 0
    assert _starts(empty_case) == {
        "ch01_20260501_100000.mp4": (_TEN_UTC_US - 2 * _HOUR_US, 500),
        "ch01_20260501_110000.mp4": (_TEN_UTC_US - _HOUR_US, 500),
        "test.mp4": (None, None),
    }
    assert (
        "YYYYMMDD_HHMMSS, Europe/Berlin: 2 of 3 files, such as ch01_20260501_100000.mp4 at 2026-05-01T08:00:00Z"
        in answer.err
    )
    assert f"no start time: {export / 'test.mp4'}: no date and time in the name" in answer.err
    assert answer.json["starts"][str(export / "ch01_20260501_110000.mp4")] == {
        "start_utc": "2026-05-01T09:00:00+00:00",
        "source": "name, YYYYMMDD_HHMMSS, Europe/Berlin",
    }
    log = (empty_case / "audit.jsonl").read_text()
    assert "name, YYYYMMDD_HHMMSS, Europe/Berlin" in log


@pytest.mark.parametrize("option", ["--start", "--starts"])
@pytest.mark.parametrize(
    ("zone", "text", "hours"),
    [
        ("Europe/Berlin", "2026-05-01T10:00:00", 2),
        ("+05:30", "2026-05-01T10:00:00", 5.5),
        ("Europe/Berlin", "2026-05-01T10:00:00Z", 0),
        ("Europe/Berlin", "2026-05-01T10:00:00-03:00", -3),
    ],
)
def test_a_zone_applies_to_a_start_without_one(
    call: Call, empty_case: Path, tmp_path: Path, *, option: str, zone: str, text: str, hours: float
) -> None:
    export = _export(tmp_path / "export", "gate.mp4")
    table = tmp_path / "starts.csv"
    table.write_text(f"file,start\ngate.mp4,{text}\n")
    start = text if option == "--start" else str(table)
    words = (export / "gate.mp4", "--camera", "gate", option, start, "--start-zone", zone)
    assert call("ingest", empty_case, *words).code == 0
    assert _starts(empty_case) == {"gate.mp4": (_TEN_UTC_US - int(hours * _HOUR_US), None)}


@pytest.mark.parametrize("day", ["2026-10-25", "2026-03-29"])
def test_an_unclear_start_is_refused_with_both_readings(call: Call, empty_case: Path, tmp_path: Path, day: str) -> None:
    export = _export(tmp_path / "export", "gate.mp4")
    words = ("ingest", empty_case, export / "gate.mp4", "--camera", "gate", "--start", f"{day}T02:30:00")
    answer = call(*words, "--start-zone", "Europe/Berlin")
    assert answer.code == 2
    assert {f"{day}T02:30:00+01:00", f"{day}T02:30:00+02:00"} <= set(answer.err.replace(";", " ").split())
    assert "--start-zone" in call(*words).err
    assert _starts(empty_case) == {}


def test_starts_of_the_twelve_hour_clock(call: Call, empty_case: Path, tmp_path: Path) -> None:
    names = ("2026-05-01 1-59-50 PM.mp4", "2026-05-01 1-59-50 AM.mp4", "2026-05-01 1-59-51.mp4")
    export = _export(tmp_path / "export", *names)
    answer = call("ingest", empty_case, export, "--camera", "gate", "--start", "from-name")
    assert answer.code == 0
    night_us = _TEN_UTC_US - 8 * _HOUR_US - 10_000_000
    starts = [start for start, _ in map(_starts(empty_case).get, names)]  # type: ignore[misc]
    assert starts == [night_us + 12 * _HOUR_US, night_us, None]
    assert "YYYY-MM-DD h-MM-SS AM/PM, UTC" in answer.err
    assert f"no start time: {export / names[2]}: an hour of one digit without AM or PM" in answer.err


def test_a_scan_of_an_export_names_cameras_without_the_times(call: Call, tmp_path: Path) -> None:
    export = _export(
        tmp_path / "export", *(f"ch0{n}_20260501_1{n}0000.mp4" for n in (1, 2)), "ch01_20260501_130000.mp4"
    )
    words = ("scan", export, "--case", tmp_path / "case", "--start", "from-name", "--dry-run", "--json")
    answer = call(*words)
    rows = answer.json["footage"]
    assert "cameras named by files without the times in their names: ch01 (2), ch02 (1)" in answer.err
    assert [(row["camera_id"], row["start_utc"][11:13]) for row in rows] == [
        ("ch01", "11"),
        ("ch01", "13"),
        ("ch02", "12"),
    ]


def test_utc_is_assumed_aloud(call: Call, empty_case: Path, tmp_path: Path) -> None:
    export = _export(tmp_path, "gate_2026-05-01_10-00-00.mp4")
    answer = call("ingest", empty_case, *export.glob("*.mp4"), "--camera", "gate", "--start", "from-name")
    assert (answer.code, "UTC, as no --start-zone is given" in answer.err) == (0, True)
    assert _starts(empty_case) == {"gate_2026-05-01_10-00-00.mp4": (_TEN_UTC_US, None)}


def test_an_ambiguous_start_is_refused_until_it_is_stated(call: Call, empty_case: Path, tmp_path: Path) -> None:
    export = _export(tmp_path / "export", "a_20261025_023000.mp4", "a_20261025_033000.mp4")
    words = ("ingest", empty_case, export, "--camera", "g", "--start", "from-name", "--start-zone", "Europe/Berlin")
    answer = call(*words)
    assert (answer.code, _starts(empty_case)) == (2, {})
    assert "a_20261025_023000.mp4: 2026-10-25 02:30:00 in Europe/Berlin occurs twice" in answer.err
    assert "--starts" in answer.err
    shown = call(*words, "--dry-run", "--json")
    assert (shown.code, shown.json["footage"][0]["start_utc"]) == (2, None)
    assert "occurs twice" in shown.json["footage"][0]["start_problem"]
    table = tmp_path / "starts.csv"
    table.write_text("file,start\na_20261025_023000.mp4,2026-10-25T02:30:00+02:00\n")
    assert call(*words, "--starts", table).code == 0
    midnight_us = 1_792_886_400_000_000  # date -ud 2026-10-25 +%s
    assert {start for start, _ in _starts(empty_case).values()} == {
        midnight_us + _HOUR_US // 2,
        midnight_us + 5 * _HOUR_US // 2,
    }


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_table_of_starts(call: Call, empty_case: Path, tmp_path: Path, delimiter: str, mark: str) -> None:
    export = _export(tmp_path / "export", "gate/10.mp4", "hall/10.mp4", "c.mp4", "d.mp4")
    rows = [
        ("File", "Start", "clock_error_ms"),
        ("gate/10.mp4", "2026-05-01T10:00:00Z", "250"),
        (str(export / "hall/10.mp4"), "2026-05-01 12:00:00", ""),
        ("./c.mp4", "2026-05-01T10:00:00-01:00", ""),
        ("elsewhere.mp4", "2026-05-01T10:00:00Z", ""),
    ]
    table = tmp_path / "starts.csv"
    table.write_text(mark + "\r\n".join(delimiter.join(row) for row in rows) + "\r\n\r\n", encoding="utf-8")
    words = ("ingest", empty_case, export, "--camera", "g", "--clock-error", 900, "--start-zone", "Europe/Berlin")
    answer = call(*words, "--starts", table)
    assert answer.code == 0
    found = {
        str(item.path.relative_to(export)): (item.start_utc_us, item.clock_error_ms)
        for item in load_evidence(CaseFolder.at(empty_case))
    }  # type: ignore[union-attr]
    assert found == {
        "gate/10.mp4": (_TEN_UTC_US, 250),
        "hall/10.mp4": (_TEN_UTC_US, 900),
        "c.mp4": (_TEN_UTC_US + _HOUR_US, 900),
        "d.mp4": (None, None),
    }
    assert "line 5 of the start times names no file given here: elsewhere.mp4" in answer.err
    assert f"no start time: {export / 'd.mp4'}: not in starts.csv" in answer.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a.mp4,2026-05-01T10:00:00Z\n", "its first line is"),
        (
            "file,start\na.mp4,2026-05-01T10:00:00\n",
            "got '2026-05-01T10:00:00', expected a time with its zone",
        ),
        ("file,start\na.mp4,2026-05-01\n", "line 2, start: got '2026-05-01', expected a day from 1970 on with a time"),
        (
            "file,start\na.mp4,yesterday\n",
            "start: got 'yesterday', expected a day from 1970 on with a time, such as 2026-05-01T10",
        ),
        ("file,start\na.mp4\n", "line 2, start: got '', expected a day from 1970 on with a time"),
        (
            "file,start,clock_error_ms\na.mp4,2026-05-01T10:00:00Z,half\n",
            "got 'half', expected a duration such as",
        ),
        ("file,start\na.mp4,2026-05-01T10:00:00Z\n./a.mp4,2026-05-01T10:00:00Z\n", "lines 2 and 3 both name"),
        (
            "file,start\na.mp4,2026-05-01T10:00:00Z,500,x\n",
            "got '500, x', expected no more than 2 cells",
        ),
        ("file,start\na.mp4,soon\n,2026-05-01T10:00:00Z\n", "2 faulty lines of 2"),
        ("file,start,camera,\na.mp4,2026-05-01T10:00:00Z,gate\n", "has unknown columns: camera, (empty)"),
        ("file,start,start\n", "repeats: start"),
        ("file,clock_error\n", "lacks: start"),
        ("", "its first line is"),
        ("\udcff", "cannot be read"),
    ],
)
def test_an_invalid_table(call: Call, empty_case: Path, tmp_path: Path, content: str, said: str) -> None:
    table = tmp_path / "starts.csv"
    table.write_bytes(content.encode(errors="surrogateescape"))
    answer = call("ingest", empty_case, _export(tmp_path / "x", "a.mp4"), "--camera", "g", "--starts", table)
    assert (answer.code, said in answer.err) == (2, True), answer.err
    assert _starts(empty_case) == {}


def test_a_row_that_names_two_files_is_refused(call: Call, empty_case: Path, tmp_path: Path) -> None:
    export = _export(tmp_path / "export", "gate/10.mp4", "hall/10.mp4")
    (tmp_path / "starts.csv").write_text("file,start\n10.mp4,2026-05-01T10:00:00Z\n")
    answer = call("ingest", empty_case, export, "--camera", "g", "--starts", tmp_path / "starts.csv")
    assert (answer.code, "'10.mp4' names 2 files" in answer.err) == (2, True)


@pytest.mark.parametrize(
    "options",
    [("--start-zone", "UTC"), ("--start", "2026-05-01T10:00:00Z", "--starts", "s.csv"), ("--starts", "absent.csv")],
)
def test_options_that_do_not_go_together(
    call: Call, empty_case: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    answer = call("ingest", empty_case, _export(tmp_path / "x", "a.mp4"), "--camera", "g", *options)
    assert answer.code == 2
    assert _starts(empty_case) == {}
