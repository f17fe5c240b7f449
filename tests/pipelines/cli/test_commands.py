"""The command line: help, examples, output apart from messages, filters and formats."""

import csv
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import numpy as np
import polars as pl
import pytest
from PIL import Image

import forensics
from forensics.custody.case_folder import CaseFolder
from forensics.errors import UsageError
from forensics.tables.schemas import PUBLISHED
from pipelines.cli.main import exit_code_of
from pipelines.cli.output import one_line
from pipelines.cli.row_selection import RowFilter, wanted_rows
from pipelines.custody.case_lock import lock_case
from pipelines.run.record import newest_record
from testing.audit_events import interrupt_at
from testing.command_tree import COMMANDS, LEAVES
from testing.commands import ENTRY_LAST_DAY, TRAINING, Call, authority_words, clip, new_case, search_case
from testing.demo_clips import make_clips

_N_FRAMES = 140
_SERIAL = ("--runner", "serial", "--quiet")
_HEAVY = ("torch", "ray", "ultralytics", "decord", "cv2", "av", "polars", "pyarrow", "numpy", "pydantic")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case of two cameras in which people were seen; nothing in it may be changed."""
    folder = tmp_path_factory.mktemp("seen")
    clips = make_clips(folder / "footage", n_frames={"gate": _N_FRAMES, "hall": _N_FRAMES})
    case = folder / "case"
    for path, start in zip(clips, ("2026-03-02T08:00:00Z", "2026-03-02T08:00:30Z"), strict=True):
        _quietly("scan", str(path), "--case", str(case), "--start", start, "--set", "detect.fps=3")
    return case


def _quietly(*arguments: str) -> None:
    script = "from pipelines.cli.main import main; main()"
    answer = subprocess.run(
        [sys.executable, "-c", script, *arguments, *_SERIAL], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr


# ---- help


def _example_lines(command: click.Command) -> list[str]:
    _, _, after = (command.help or "").partition("Example:\n")
    return [line.strip() for line in after.splitlines() if line.strip().startswith("forensics ")]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_begins_with_what_the_command_does(call: Call, name: str) -> None:
    answer = call(*name.split()[1:], "--help")
    assert (answer.code, answer.err) == (0, "")
    usage, _, rest = answer.out.partition("\n\n")
    assert usage.startswith(f"Usage: {name}")
    assert " ".join(rest.split()).startswith((COMMANDS[name].help or "").splitlines()[0])
    assert max(map(len, answer.out.splitlines())) <= 100


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - set(LEAVES)))
def test_a_group_says_the_whole_of_what_its_commands_do(call: Call, name: str) -> None:
    _, _, listed = call(*name.split()[1:], "--help").out.partition("Commands:\n")
    reply = " ".join(listed.split())
    children = [child for child in COMMANDS if child.rpartition(" ")[0] == name]
    assert children
    for child in children:
        assert f"{child.split()[-1]} {(COMMANDS[child].help or '').splitlines()[0]}" in reply


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_has_an_example_that_parses(name: str) -> None:
    lines = _example_lines(LEAVES[name])
    assert lines
    for line in lines:
        assert f"{line} ".startswith(f"{name} ")
        words = shlex.split(line.removeprefix(name))
        LEAVES[name].make_context(name, words, resilient_parsing=False).close()


def test_examples_of_the_whole_program_parse() -> None:
    for line in _example_lines(COMMANDS["forensics"]):
        _, command, *words = shlex.split(line)
        LEAVES[f"forensics {command}"].make_context(command, words).close()


@pytest.mark.parametrize("name", LEAVES)
def test_every_option_says_what_it_does(name: str) -> None:
    options = [option for option in LEAVES[name].params if isinstance(option, click.Option)]
    silent = [option.name for option in options if not option.help]
    assert silent == []


def test_an_unknown_command_is_refused(call: Call) -> None:
    answer = call("identify", "case")
    assert answer.code == 2
    assert "identify" in answer.err
    assert answer.out == ""


def test_the_version_is_told(call: Call) -> None:
    assert "0." in call("--version").out


def _of_text() -> Iterator[tuple[str, click.Parameter]]:
    for name, command in LEAVES.items():
        yield from ((name, param) for param in command.params if isinstance(param.type, click.types.StringParamType))


def test_every_text_that_is_given_must_be_text(call: Call) -> None:
    given = list(_of_text())
    assert len(given) > 40
    for name, param in given:
        with pytest.raises(click.BadParameter, match="UTF-8"):
            param.type.convert("b\udcff", param, click.Context(LEAVES[name]))


@pytest.mark.parametrize(
    "words",
    [
        ("case", "hold", "{case}", "--reason", "\udcff"),
        ("case", "init", "{new}", "--operator", "o", "--purpose", "\udcff"),
        ("reviewer", "add", "{case}", "B. \udcff", *TRAINING),
        ("reviewer", "add", "{case}", "B. Becker", "--training", "\udcff", "--trained-on", "2026-03-06"),
        ("watchlist", "add", "{case}", "E1", "face.jpg", "--basis", "\udcff", "--expires", ENTRY_LAST_DAY),
        ("ingest", "{case}", "gate.mp4", "--camera", "\udcff"),
    ],
)
def test_an_argument_that_is_not_valid_text_is_refused(call: Call, tmp_path: Path, words: tuple[str, ...]) -> None:
    case = search_case(tmp_path / "case")
    before = {path: path.read_bytes() for path in case.rglob("*") if path.is_file()}
    answer = call(*(word.format(case=case, new=tmp_path / "new") for word in words))
    assert answer.code == 2
    assert "UTF-8" in answer.err
    assert {path: path.read_bytes() for path in case.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "new").exists()


# ---- data apart from messages


def _calls_with_json(case: Path, folder: Path) -> dict[str, tuple[object, ...]]:
    footage = clip(folder / "new.mp4")
    (folder / "mistyped.mp4").touch()
    own, pending = folder / "own", folder / "pending"
    return {
        "doctor": (),
        "models list": (),
        "models verify": (),
        "settings": (),
        "case init": (own, "--purpose", "p", "--operator", "o"),
        "case show": (own,),
        "case hold": (own, "--reason", "r"),
        "case policy": (own, "--watchlist-limit", 6, "--reason", "r"),
        "case amend": (own, "--title", "t", "--reason", "r"),
        "ingest": (own, footage, folder / "mistyped.mp4", "--camera", "new"),
        "evidence camera": (own, footage, "new", "--reason", "r"),
        "case clock": (own, "new", "--offset", 5),
        "evidence relocate": (own, folder),
        "evidence withdraw": (own, folder / "mistyped.mp4"),
        "run": (own, *_SERIAL),
        "scan": (footage, "--case", own, *_SERIAL),
        "status": (case,),
        "cancel": (own,),
        "query": (case,),
        "verify": (case,),
        "export mot": (case, "-o", folder / "mot"),
        "case authorise": (search_case(pending, authority="pending"), *authority_words()),
        "watchlist list": (pending,),
        "case disclose": (pending, "-o", folder / "disclosure.json", "--recipient", "counsel", "--reason", "r"),
        "case report": (folder, "--annual", 2026),
        "case checkpoint": (case, "-o", folder / "checkpoint.json"),
        "installation": (),
        "reproduce": (own, "--runner", "serial", "--quiet"),
        "case deny": (pending, "--reason", "refused"),
        "case sweep": (folder,),
    }


def test_json_is_one_object_for_every_command_that_has_it(
    call: Call, seen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FORENSICS_MODELS", raising=False)
    calls = _calls_with_json(seen, tmp_path)
    with_json = {
        name.removeprefix("forensics ")
        for name, command in LEAVES.items()
        if any("--json" in option.opts for option in command.params)
    }
    with_a_face = {"watchlist add", "watchlist calibrate", "watchlist remove", "review"}
    with_a_face |= {"reviewer add", "reviewer list", "reviewer revoke", "reviewer replace"}
    assert set(calls) == with_json - with_a_face
    for name, arguments in calls.items():
        answer = call(*name.split(), *arguments, "--json")
        assert answer.code in (0, 4), (name, answer.err)
        assert isinstance(answer.json, dict), name


def test_messages_go_to_standard_error(call: Call, tmp_path: Path) -> None:
    case = new_case(call, tmp_path / "case")
    answer = call("ingest", case, clip(tmp_path / "gate.mp4"), "--camera", "gate")
    assert answer.out.splitlines()[0].split() == ["verdict", "camera", "evidence", "path", "reason"]
    assert answer.err.startswith("ingest: 1 of 1 files, ")
    answer = call("run", case, "--runner", "serial")
    assert "detect: 12 of 12 frames" in answer.err
    assert "detect:" not in answer.out
    assert "next: forensics query" in answer.out


def test_rows_of_a_clock_without_a_stated_error_are_named_when_they_are_left_out(call: Call, seen: Path) -> None:
    n_rows = len(_rows(call, seen))
    for words, n_left_out in ((("--to", "2026-03-02T07:00:00Z"), n_rows), (("--to", "2026-03-03T00:00:00Z"), 0)):
        said = call("query", seen, *words).err
        assert ("left out although nobody stated the error of the clock" in said) is bool(n_left_out)
        assert f"{n_left_out} rows were left out" in said or not n_left_out


@pytest.mark.parametrize(
    ("camera", "hint"), [("gat", "did you mean gate? its cameras: gate, hall"), ("x", "its cameras: gate, hall")]
)
def test_a_camera_that_the_case_does_not_have_is_refused(call: Call, seen: Path, camera: str, hint: str) -> None:
    answer = call("query", seen, "--camera", camera, "--format", "csv")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == f"error: the case has no camera {camera!r}\nnext: {hint}\n"


def test_a_closed_pipe_is_no_error(seen: Path) -> None:
    script = "from pipelines.cli.main import main; main()"
    words = shlex.join([sys.executable, "-c", script, "query", str(seen), "detections", "--format", "csv"])
    answer = subprocess.run(["bash", "-c", f"{words} | head -n 1"], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("evidence_id,")
    assert answer.stderr == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("日本 ü", "日本 ü"),
        ("a\nb", "a\\nb"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\udcff", "\\udcff"),
    ],
)
def test_a_name_cannot_command_the_terminal(text: str, shown: str) -> None:
    assert one_line(text) == shown


# ---- query


def _rows(call: Call, case: Path, *arguments: object) -> list[dict[str, object]]:
    answer = call("query", case, *arguments, "--json")
    assert answer.code == 0, answer.err
    rows: list[dict[str, object]] = answer.json["rows"]
    return rows


def test_query_shows_sightings_by_default(call: Call, seen: Path) -> None:
    answer = call("query", seen)
    header, *lines = answer.out.splitlines()
    assert header.split()[:3] == ["camera_id", "class_name", "first_utc"]
    assert "sighting_id" in header.split()
    assert len(lines) == len(_rows(call, seen)) == 2
    assert {row["camera_id"] for row in _rows(call, seen)} == {"gate", "hall"}


@pytest.mark.parametrize("table", PUBLISHED)
@pytest.mark.parametrize("kind", ["table", "csv", "json", "parquet"])
def test_every_table_in_every_format(
    seen: Path, capfdbinary: pytest.CaptureFixture[bytes], table: str, kind: str
) -> None:
    capfdbinary.readouterr()
    code = exit_code_of(["query", str(seen), table, "--format", kind, "--limit", "3"])
    out, err = capfdbinary.readouterr()
    names_model = kind == "table" and table not in ("sources", "evidence", "sections", "frames")
    messages = [line for line in err.splitlines() if not line.startswith(b"not shown, to fit 80 columns: ")]
    assert (code, b"model builtin-1, which finds people only" in err, len(messages)) == (0, names_model, names_model)
    names, n_rows = PUBLISHED[table].names, forensics.open_case(seen).table(table).head(3).collect().height
    if kind == "csv":
        header, *rows = csv.reader(io.StringIO(out.decode()))
        assert (header, len(rows)) == (names, n_rows)
    elif kind == "json":
        rows = json.loads(out)
        assert len(rows) == n_rows
        assert all(list(row) == names for row in rows)
    elif kind == "parquet":
        found = pl.read_parquet(io.BytesIO(out))
        assert (found.columns, found.height) == (names, n_rows)
    else:
        lines = out.decode().splitlines()
        assert max(map(len, lines)) <= 80
        assert len([line for line in lines if not line.startswith("every row: ")]) == n_rows + 1


def test_camera_class_and_limit(call: Call, seen: Path) -> None:
    assert {row["camera_id"] for row in _rows(call, seen, "detections", "--camera", "gate")} == {"gate"}
    assert len(_rows(call, seen, "--class", "person")) == len(_rows(call, seen))
    assert _rows(call, seen, "--class", "bicycle") == []
    assert len(_rows(call, seen, "detections", "--limit", 2)) == 2
    assert call("query", seen, "--limit", 0).code == 2


def test_a_limit_shows_as_many_rows(call: Call, seen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.cli.row_formats.SHOWN_LINES", 5)
    n_rows = len(_rows(call, seen, "detections"))
    assert n_rows > 8
    for arguments, n_shown in (([], 5), (["--limit", 8], 8), (["--limit", n_rows + 1], n_rows)):
        answer = call("query", seen, "detections", *arguments)
        rows = [line for line in answer.out.splitlines() if not line.startswith("every row: ")]
        assert len(rows) == n_shown + 1
        assert ("more row" in answer.err) is (arguments == []), answer.err


def _at(text: object) -> datetime:
    return datetime.fromisoformat(str(text))


def test_a_missing_or_altered_picture_is_reported(call: Call, seen: Path, tmp_path: Path) -> None:
    case = Path(shutil.copytree(seen, tmp_path / "case"))
    words = ("query", case, "--pictures", tmp_path / "sheet.png", "--force")
    assert call(*words).code == 0
    path = next(case.glob("runs/*/crops/*.jpg"))
    path.write_bytes(path.read_bytes() + b" ")
    answer = call(*words)
    assert (answer.code, f"{path}: has changed since it was published" in answer.err) == (5, True)
    path.unlink()
    answer = call(*words)
    assert (answer.code, f"{path}: is missing" in answer.err) == (5, True)


@pytest.mark.parametrize(("since_minute", "is_found"), [(0, True), (5, True), (6, False)])
def test_a_sighting_whose_end_is_unknown_is_found_by_its_start(since_minute: int, is_found: bool) -> None:
    start = datetime(2026, 5, 1, 10, 5, tzinfo=UTC)
    rows = pl.LazyFrame(
        {"first_utc": [start], "last_utc": [None], "clock_error_ms": [0]},
        schema_overrides={"last_utc": pl.Datetime("us", "UTC")},
    )
    row_filter = RowFilter(equal={}, since=datetime(2026, 5, 1, 10, since_minute, tzinfo=UTC))
    assert len(wanted_rows(rows, "sightings", row_filter).collect()) == is_found


@pytest.mark.parametrize("table", ["sightings", "detections"])
def test_a_row_is_within_times_certainly_possibly_or_not(table: str) -> None:
    """A row is certainly within if it is so for every error of its clock, and possibly if for some: all are tried."""
    rng, base = np.random.default_rng(4), datetime(2026, 5, 1, 10, tzinfo=UTC)
    evidence = [f"e{number}" for number in rng.integers(0, 4, 300)]
    errors = {"e0": 0, "e1": 900, "e2": 5000, "e3": None}
    starts = [base + timedelta(milliseconds=int(ms)) for ms in rng.integers(0, 60_000, 300)]
    ends = [
        start + timedelta(milliseconds=int(ms)) for start, ms in zip(starts, rng.integers(0, 9000, 300), strict=True)
    ]
    columns = {"evidence_id": evidence, "n": range(300), "clock_error_ms": [errors[each] for each in evidence]}
    if table == "sightings":
        columns |= {"first_utc": starts, "last_utc": ends}
    else:
        ends = starts
        columns |= {"utc": starts}
    since, until = base + timedelta(seconds=20), base + timedelta(seconds=31)
    expected = {}
    for n, (name, start, end) in enumerate(zip(evidence, starts, ends, strict=True)):
        error = errors[name] or 0
        shifts = (timedelta(milliseconds=ms) for ms in range(-error, error + 1))
        answers = {end + shift >= since and start + shift < until for shift in shifts}
        if True in answers:
            expected[n] = "possibly" if False in answers or errors[name] is None else "certainly"
    for times in ((since, until), (since, None), (None, until)):
        found = wanted_rows(
            pl.LazyFrame(columns),
            table,
            RowFilter(equal={}, since=times[0], until=times[1]),
            timedelta(seconds=5),
        ).collect()
        if None not in times:
            assert dict(zip(found["n"], found["within"], strict=True)) == expected
        assert set(expected) <= set(found["n"])
    assert set(expected.values()) == {"certainly", "possibly"}


def test_rows_without_a_time_are_counted_when_times_are_filtered(call: Call, seen: Path, tmp_path: Path) -> None:
    (gate, _) = make_clips(tmp_path, n_frames={"gate": _N_FRAMES, "hall": _N_FRAMES})
    case = Path(shutil.copytree(seen, tmp_path / "case"))
    for words in (("ingest", case, gate, "--camera", "gate"), ("run", case, *_SERIAL)):
        assert call(*words).code == 0
    assert "no time" not in call("query", case, "--from", "2026-03-02T08:00:00Z").err
    untimed = tmp_path / "untimed"
    assert call("scan", gate, "--case", untimed, "--set", "detect.fps=3", *_SERIAL).code == 0
    n_rows = len(_rows(call, untimed))
    answer = call("query", untimed, "--from", "2026-03-02T08:00:00Z", "--class", "person")
    assert answer.code == 0
    assert f"{n_rows} row" in answer.err
    assert "no time" in answer.err
    assert "no time" not in call("query", untimed).err


def test_query_names_the_published_run_if_the_last_run_published_nothing(
    call: Call, seen: Path, tmp_path: Path
) -> None:
    case = Path(shutil.copytree(seen, tmp_path / "case"))
    assert "the last run" not in call("query", case).err
    with interrupt_at("write", f"{case}/runs/*/tables/*"):
        assert call("run", case, "--set", "detect.fps=2", *_SERIAL).code == 130
    run = call("query", case, "--json").json["run"]
    assert f"the tables are those of run {run}; the last run" in call("query", case).err
    assert f"of run {run}" in call("status", case).out
    again = call("run", case, "--set", "detect.fps=2", *_SERIAL)
    assert (again.code, "last run" in again.err) == (0, False)
    assert "detect.fps  3      unset    2" in call("run", case, "--set", "detect.fps=3", *_SERIAL).err
    assert "the last run" not in call("query", case).err


def test_a_class_without_rows_is_reported_with_the_classes_found(call: Call, seen: Path) -> None:
    answer = call("query", seen, "--class", "persn")
    assert (answer.code, "no row has class 'persn'; classes: person" in answer.err) == (0, True)


def test_from_and_to_keep_what_was_there_between(call: Call, seen: Path) -> None:
    rows = sorted(_rows(call, seen), key=lambda row: _at(row["first_utc"]))
    first, last = rows
    found = _rows(call, seen, "--from", first["last_utc"], "--to", last["first_utc"])
    assert found == [{**first, "within": "possibly"}], "nobody stated the error of the clock"
    assert _rows(call, seen, "--from", last["last_utc"]) == [{**last, "within": "possibly"}]
    assert _rows(call, seen, "--to", first["first_utc"]) == []
    detections = _rows(call, seen, "detections", "--from", first["first_utc"], "--to", first["last_utc"])
    assert all(_at(first["first_utc"]) <= _at(row["utc"]) < _at(first["last_utc"]) for row in detections)
    assert detections


@pytest.mark.parametrize("option", ["--from", "--to"])
@pytest.mark.parametrize(("text", "said"), [("2026-03-02T08:00:00", "no time zone"), ("yesterday", "is not a time")])
def test_an_ambiguous_time_is_refused(call: Call, seen: Path, *, option: str, text: str, said: str) -> None:
    answer = call("query", seen, option, text)
    assert answer.code == 2
    assert said in answer.err


def test_offsets_are_understood(call: Call, seen: Path) -> None:
    utc = _rows(call, seen, "--from", "2026-03-02T08:00:30Z")
    assert utc == _rows(call, seen, "--from", "2026-03-02T09:00:30+01:00")
    assert [row["camera_id"] for row in utc] == ["hall"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("failures", "--from", "2026-03-02T08:00:30Z"), "no times to filter by"),
        (("coverage", "--class", "person"), "has no column class_name"),
        (("failures", "--camera", "gate"), "has no column camera_id"),
        (("sections", "--pictures", "sheet.png"), "has no pictures"),
        (("suspects",), "sightings"),
    ],
)
def test_a_filter_that_the_table_lacks_is_refused(
    call: Call, seen: Path, arguments: tuple[str, ...], said: str
) -> None:
    answer = call("query", seen, *arguments)
    assert answer.code == 2
    assert said in answer.err


def test_a_case_is_found_through_a_path_that_goes_up_and_down(call: Call, seen: Path, tmp_path: Path) -> None:
    answer = call("query", seen / ".." / seen.name, "--pictures", tmp_path / "sheet.png")
    assert answer.code == 0, answer.err
    assert (tmp_path / "sheet.png").exists()


def test_pictures_are_written_on_one_sheet(call: Call, seen: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "people.png"
    answer = call("query", seen, "--camera", "gate", "--pictures", sheet)
    assert answer.code == 0
    assert str(sheet) in answer.err
    with Image.open(sheet) as picture:
        assert picture.format == "PNG"
        assert picture.width >= 220
        assert len(set(picture.convert("L").resize((32, 32)).tobytes())) > 8
    answer = call("query", seen, "--class", "bicycle", "--pictures", sheet, "--force")
    assert answer.code == 2
    assert "change the filter" in answer.err


@pytest.mark.parametrize("name", ["people.xyz", "absent/people.png"])
def test_a_sheet_that_cannot_be_written_is_reported(call: Call, seen: Path, tmp_path: Path, name: str) -> None:
    answer = call("query", seen, "--pictures", tmp_path / name)
    assert answer.code == 2
    assert str(tmp_path / name) in answer.err


# ---- export, status, dry runs


def test_tracks_as_mot_text(call: Call, seen: Path, tmp_path: Path) -> None:
    answer = call("export", "mot", seen, "-o", tmp_path / "mot", "--class", "person")
    assert answer.code == 0
    files = [Path(line) for line in answer.out.splitlines()]
    assert sorted(files) == sorted((tmp_path / "mot").iterdir())
    assert len(files) == 2
    lines = [line.split(",") for file in files for line in file.read_text().splitlines()]
    tracked = [row for row in _rows(call, seen, "detections") if row["track_id"]]
    assert len(lines) == len(tracked)
    assert all(len(line) == 10 for line in lines)


def test_status_counts_detected_frames(call: Call, seen: Path) -> None:
    answer = call("status", seen)
    assert answer.code == 0
    for said in ("complete", "detected", "skipped", "frames"):
        assert said in answer.out
    assert "not in order" not in answer.out
    facts = call("status", seen, "--json").json
    assert (facts["sources"], facts["evidence"], facts["problems"]) == (2, 2, [])
    assert facts["run"] == facts["published_run"]
    assert sum(row["frames"] for row in facts["coverage"]) == 2 * _N_FRAMES


def test_status_of_an_empty_case(call: Call, tmp_path: Path) -> None:
    answer = call("status", new_case(call, tmp_path / "case"))
    assert answer.code == 0
    assert "None" not in answer.out
    assert "nothing was run yet" in answer.out


def _snapshot(folder: Path) -> dict[Path, tuple[int, int]]:
    """Everything of a case but its lock and its log, which every command writes."""
    own = {folder / ".lock", folder / "audit.jsonl", folder / "checkpoints.jsonl"}
    return {
        path: (path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(folder.rglob("*")) if path not in own
    }


def test_a_dry_run_writes_nothing(call: Call, tmp_path: Path) -> None:
    case = new_case(call, tmp_path / "case")
    call("ingest", case, clip(tmp_path / "gate.mp4"), "--camera", "gate")
    before = _snapshot(case)
    facts = call("run", case, "--dry-run", "--json").json
    assert (facts["files"], facts["frames"], facts["chunks"], facts["chunks_to_do"]) == (1, 12, 1, 1)
    assert _snapshot(case) == before
    assert call("run", case, *_SERIAL).code == 0
    assert call("run", case, "--dry-run", "--json").json["chunks_to_do"] == 0


def test_a_dry_run_counts_what_another_run_has_done(call: Call, tmp_path: Path) -> None:
    case = new_case(call, tmp_path / "case")
    call("ingest", case, clip(tmp_path / "gate.mp4"), "--camera", "gate")
    assert call("run", case, *_SERIAL).code == 0
    facts = call("run", case, "--set", "track.buffer_ms=500", "--dry-run", "--json").json
    assert (facts["chunks"], facts["chunks_taken_over"], facts["chunks_to_do"]) == (1, 1, 0)


def test_a_dry_run_counts_a_broken_part_as_to_do(call: Call, tmp_path: Path) -> None:
    case = new_case(call, tmp_path / "case")
    call("ingest", case, clip(tmp_path / "gate.mp4"), "--camera", "gate")
    assert call("run", case, *_SERIAL).code == 0
    next(case.glob("runs/*/parts/detect/*.parquet")).write_bytes(b"other bytes")
    facts = call("run", case, "--dry-run", "--json").json
    assert (facts["chunks"], facts["chunks_taken_over"], facts["chunks_to_do"]) == (1, 0, 1)


def test_query_and_status_report_lost_footage(call: Call, tmp_path: Path) -> None:
    case = new_case(call, tmp_path / "case")
    kept, lost = make_clips(tmp_path / "footage", n_frames={"gate": _N_FRAMES, "hall": _N_FRAMES})
    for path in (kept, lost):
        assert call("ingest", case, path, "--camera", path.stem).code == 0
    lost.rename(tmp_path / "elsewhere.mp4")
    assert call("run", case, "--dry-run", "--json").json["absent"] == 1
    ran = call("run", case, *_SERIAL, "--set", "detect.fps=3")
    assert (ran.code, "next: forensics evidence relocate" in ran.out) == (4, True)
    assert "next: forensics evidence relocate" in call("status", case).out

    answer = call("query", case)
    assert "gate" in answer.out
    assert "rows may be missing because work failed (footage)" in answer.err
    assert f"{_N_FRAMES} frames could not be processed" in answer.err
    reply = call("query", case, "coverage", "--json").json
    assert (reply["failures"], reply["gap_frames"]) == (1, _N_FRAMES)

    assert call("evidence", "relocate", case, tmp_path).code == 0
    assert "next: forensics run" in call("status", case).out
    assert call("run", case, *_SERIAL).code == 0
    assert "next: forensics query" in call("status", case).out
    assert "rows may be missing" not in call("query", case).err


def test_missing_footage_is_explained_before_thresholds(call: Call, tmp_path: Path) -> None:
    case, hint = new_case(call, tmp_path / "case"), "no detection lasted long enough"
    kept, lost = make_clips(tmp_path / "footage", n_frames={"gate": _N_FRAMES, "hall": _N_FRAMES})
    for path in (kept, lost):
        assert call("ingest", case, path, "--camera", path.stem).code == 0
    lost.rename(tmp_path / "elsewhere.mp4")
    strict = ("--set", "detect.fps=3", "--set", "track.minimum_detections=99")
    ran = call("run", case, *_SERIAL, *strict)
    _, _, first, *_ = ran.out.splitlines()
    assert str(lost) in first
    assert (ran.code, hint in ran.out, hint in call("query", case).err) == (4, False, False)
    assert call("evidence", "relocate", case, tmp_path).code == 0
    ran = call("run", case, *_SERIAL, *strict)
    assert (ran.code, hint in ran.out, hint in call("query", case).err) == (0, True, True)


def test_a_run_without_changes_is_reported_as_such(call: Call, tmp_path: Path) -> None:
    case = new_case(call, tmp_path / "case")
    call("ingest", case, clip(tmp_path / "gate.mp4"), "--camera", "gate")
    assert "published before" not in call("run", case, *_SERIAL).out
    assert "published before, byte for byte" in call("run", case, *_SERIAL).out
    assert "published before" not in call("run", case, *_SERIAL, "--set", "track.buffer_ms=500").out


@pytest.mark.parametrize("names", [("before.mp4", "after.mp4"), ("one/gate.mp4", "two/gate.mp4")])
def test_recordings_of_one_camera_are_listed_separately(
    call: Call, tmp_path: Path, seen: Path, names: tuple[str, str]
) -> None:
    case = new_case(call, tmp_path / "case")
    for name in names:
        made = tmp_path / name
        made.parent.mkdir(exist_ok=True)
        make_clips(tmp_path / "made", n_frames={"gate": _N_FRAMES})[0].rename(made)
        with made.open("ab") as file:
            file.write(name.encode())  # other bytes, the same people
        assert call("ingest", case, made, "--camera", "gate").code == 0
    assert call("run", case, *_SERIAL, "--set", "detect.fps=3").code == 0
    ids = set(forensics.open_case(case).sightings().collect()["evidence_id"])
    header, *rows = call("query", case).out.splitlines()
    assert "file_name" in header.split()
    assert {name for row in rows for name in row.split() if name in {Path(each).name for each in names}} == {
        Path(name).name for name in names
    }
    assert len(ids) == 2
    assert "file_name" not in call("query", seen).out


@pytest.mark.parametrize(
    "asked",
    [
        ("--set", "detect.rectangular=true"),
        ("--set", "detect.device=cuda"),
        ("--set", "detect.batch=32"),
        ("--set", "detect.precision=bf16"),
        ("--set", "detect.classes=no such thing"),
        ("--set", "detect.classes=person", "--metrics", "metrics.txt"),
        ("--set", "detect.batch=32", "--model", "no-such-model"),
    ],
)
def test_a_dry_run_refuses_what_a_run_would(call: Call, seen: Path, tmp_path: Path, asked: tuple[str, ...]) -> None:
    case = tmp_path / "case"
    shutil.copytree(seen, case)
    said = [call("run", case, *asked, *how) for how in (("--dry-run",), _SERIAL)]
    assert [each.code for each in said] == [2, 2] or [each.code for each in said] == [6, 6]
    errors = [next(line for line in each.err.splitlines() if line.startswith("error")) for each in said]
    assert errors[0] == errors[1]


def test_a_dry_run_refuses_a_cluster_that_a_run_would_not_reach(call: Call, seen: Path, tmp_path: Path) -> None:
    case, nowhere = Path(shutil.copytree(seen, tmp_path / "case")), ("--ray", "127.0.0.1:1")
    said = [call("run", case, *nowhere, "--set", "detect.fps=2", *how) for how in (("--dry-run",), ())]
    assert [each.code for each in said] == [6, 6]
    for each in said:
        assert "no Ray cluster answers at 127.0.0.1:1" in each.err
    assert call("run", case, *nowhere, "--dry-run", *_SERIAL).code == 2
    unneeded = [call("run", case, *nowhere, "--set", "detect.fps=3", *how).code for how in (("--dry-run",), ())]
    assert unneeded == [0, 0], "no cluster is needed where nothing is left to do"


def test_a_run_without_options_goes_on_with_the_settings_of_the_last_one(call: Call, tmp_path: Path) -> None:
    case = tmp_path / "case"
    assert call("scan", clip(tmp_path / "gate.mp4"), "--case", case, "--set", "detect.fps=2", *_SERIAL).code == 0
    first = call("status", case, "--json").json["run"]
    again = call("run", case, *_SERIAL)
    assert f"settings of run {first}: model builtin" in again.err
    assert call("status", case, "--json").json["run"] == first
    assert call("run", case, "--set", "detect.fps=1", "--dry-run", "--json").json["run"] != first


def test_another_setting_keeps_the_model_of_the_last_run(call: Call, tmp_path: Path) -> None:
    case = tmp_path / "case"
    assert call("scan", clip(tmp_path / "gate.mp4"), "--case", case, *_SERIAL).code == 0
    record = CaseFolder(case).run(call("status", case, "--json").json["run"]).record
    reply = json.loads(record.read_text())
    reply["settings"]["detect"]["model"] = "a-model-that-is-gone"
    record.write_text(json.dumps(reply))
    answer = call("run", case, "--set", "detect.fps=2", *_SERIAL)
    assert (answer.code, "a-model-that-is-gone" in answer.err) == (6, True), "builtin never takes its place"


def test_the_last_run_is_what_the_log_says_and_not_the_newest_file(call: Call, tmp_path: Path) -> None:
    """A copy of a case gives its files other times."""
    case = tmp_path / "case"
    assert call("scan", clip(tmp_path / "gate.mp4"), "--case", case, *_SERIAL).code == 0
    first = call("status", case, "--json").json["run"]
    assert call("run", case, "--set", "detect.fps=2", *_SERIAL).code == 0
    os.utime(CaseFolder(case).run(first).record, (9e9, 9e9))
    assert call("status", case, "--json").json["run"] != first
    assert _last_settings(case)[0]["fps"] == 2


def test_a_run_that_was_refused_is_not_the_last_one(call: Call, tmp_path: Path) -> None:
    case = tmp_path / "case"
    assert call("scan", clip(tmp_path / "gate.mp4"), "--case", case, *_SERIAL).code == 0
    assert call("run", case, "--set", "detect.classes=no such thing", *_SERIAL).code == 2
    assert call("run", case, *_SERIAL).code == 0


def test_the_demo_stays_out_of_a_real_case(call: Call, tmp_path: Path) -> None:
    case = tmp_path / "case"
    footage = case / "footage" / "gate.mp4"
    clip(tmp_path / "gate.mp4")
    assert call("case", "init", case, "--purpose", "theft", "--operator", "b").code == 0
    footage.parent.mkdir()
    (tmp_path / "gate.mp4").rename(footage)
    before = footage.read_bytes()
    assert call("ingest", case, footage, "--camera", "gate").code == 0
    answer = call("demo", "--case", case, "--runner", "serial")
    assert (answer.code, "the demo did not make" in answer.err) == (2, True)
    assert footage.read_bytes() == before


def test_a_folder_that_holds_a_case_is_no_footage(call: Call, tmp_path: Path) -> None:
    """The next run would ingest the case's own copies and thumbnails."""
    (tmp_path / "footage").mkdir()
    clip(tmp_path / "footage" / "gate.mp4")
    inside = tmp_path / "footage" / "case"
    for _ in range(2):
        answer = call("scan", tmp_path / "footage", "--case", inside, *_SERIAL)
        assert (answer.code, "contains a case" in answer.err, inside.exists()) == (2, True, False)
    assert call("scan", tmp_path / "footage" / "gate.mp4", "--case", inside, *_SERIAL).code == 0
    answer = call("ingest", inside, inside, "--camera", "gate")
    assert (answer.code, "contains a case" in answer.err) == (2, True)
    answer = call("scan", tmp_path / "footage", "--case", tmp_path / "elsewhere", *_SERIAL)
    assert (answer.code, str(inside) in answer.err) == (2, True)


def test_an_empty_path_is_not_the_current_folder(call: Call, tmp_path: Path) -> None:
    answer = call("scan", "", "--case", tmp_path / "case", *_SERIAL)
    assert (answer.code, "the path is empty" in answer.err) == (2, True)


def _last_settings(case: Path) -> tuple[dict[str, object], dict[str, object]]:
    settings = newest_record(CaseFolder(case))["settings"]
    return settings["detect"], settings["track"]


def test_prompts_show_the_format(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answers = [], {"Start": "2026-05-01T09:00:00Z", "End": "2026-05-02T09:00:00Z", "Last": "2099-12-31"}
    answers["Reported"] = "2026-05-02"

    def prompt(text: str, **given: Any) -> Any:
        asked.append(text)
        answer = answers.get(text.split(maxsplit=1)[0], "x")
        kind = given.get("type")
        return answer if kind is None else kind.convert(answer, None, None)

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.prompt", prompt)
    answer = call("case", "init", tmp_path / "case", "--mode", "missing")
    assert answer.code == 0, answer.err
    assert {"Start (2026-05-01T09:00:00Z)", "Last day of the mandate (2027-05-31)"} <= set(asked)
    assert "2099-12-31" in call("case", "show", tmp_path / "case").out


def test_cancelling_where_nothing_runs_says_so_and_leaves_nothing(call: Call, tmp_path: Path) -> None:
    case = tmp_path / "case"
    assert call("case", "init", case, "--purpose", "p", "--operator", "o").code == 0
    assert call("cancel", case, "--json").json == {"asked": False}
    assert not (case / ".cancel").exists()


def test_files_of_a_folder_that_are_left_out_are_named(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "footage"
    folder.mkdir()
    clip(folder / "gate.mp4")
    (folder / "notes.txt").write_text("nothing")
    assert "not ingested from" in (said := call("scan", folder, "--case", tmp_path / "case", *_SERIAL).err)
    assert "1 .txt" in said


def test_a_dry_scan_counts_and_keeps_nothing(call: Call, tmp_path: Path) -> None:
    answer = call("scan", clip(tmp_path / "gate.mp4"), "--case", tmp_path / "case", "--dry-run", "--json")
    assert answer.code == 0
    assert answer.json["files"] == 1
    assert answer.json["chunks_to_do"] == answer.json["chunks"] > 0
    assert not (tmp_path / "case").exists()


def test_the_same_command_again_makes_the_same_tables(call: Call, tmp_path: Path) -> None:
    footage, case = clip(tmp_path / "gate.mp4"), tmp_path / "case"
    tables = []
    for _ in range(2):
        assert call("scan", footage, "--case", case, *_SERIAL).code == 0
        tables.append({path.name: path.read_bytes() for path in sorted((case / "tables").rglob("*.parquet"))})
    assert tables[0] == tables[1]


def test_a_request_to_cancel_ends_no_later_run(call: Call, tmp_path: Path) -> None:
    case = new_case(call, tmp_path / "case")
    call("ingest", case, clip(tmp_path / "gate.mp4"), "--camera", "gate")
    with lock_case(CaseFolder.at(case)):
        assert "the run ends" in call("cancel", case).out
    assert (case / ".cancel").exists()
    assert call("run", case, *_SERIAL).code == 0


def test_a_corrected_clock_moves_the_published_times_of_its_camera(call: Call, seen: Path, tmp_path: Path) -> None:
    case = Path(shutil.copytree(seen, tmp_path / "case"))
    before = {row["camera_id"]: row for row in _rows(call, case)}
    assert call("case", "clock", case, "gate", "--offset", -90_000, "--clock-error", 250).code == 0
    answer = call("run", case, *_SERIAL, "--set", "detect.fps=3", "--json")
    assert answer.json["figures"]["frames_detected_now"] == 0
    after = {row["camera_id"]: row for row in _rows(call, case)}
    assert after["hall"] == before["hall"]
    assert _at(after["gate"]["first_utc"]) == _at(before["gate"]["first_utc"]) - timedelta(seconds=90)
    assert (before["gate"]["clock_error_ms"], after["gate"]["clock_error_ms"]) == (None, 250)
    assert after["gate"]["sighting_id"] == before["gate"]["sighting_id"]


# ---- for analysts


@pytest.mark.parametrize("table", PUBLISHED)
def test_every_table_is_a_lazy_frame_with_the_published_columns(seen: Path, table: str) -> None:
    frame = getattr(forensics.open_case(seen), table)()
    assert isinstance(frame, pl.LazyFrame)
    assert frame.collect_schema().names() == PUBLISHED[table].names


def test_an_unknown_table_is_refused_with_the_known_ones(seen: Path) -> None:

    with pytest.raises(UsageError, match="no table 'suspects'"):
        forensics.open_case(seen).table("suspects")


def _seconds(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def test_importing_the_library_is_fast() -> None:
    with_it = min(_seconds("import forensics") for _ in range(3))
    without = min(_seconds("pass") for _ in range(3))
    assert with_it - without < 0.2


def test_importing_loads_no_heavy_library() -> None:
    code = f"import forensics, sys; print(sorted(set({_HEAVY!r}) & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_help_loads_no_engine_and_no_network() -> None:
    code = (
        "import sys\nfrom pipelines.cli.main import exit_code_of\nexit_code_of(['--help'])\n"
        "heavy = {'torch', 'ray', 'ultralytics', 'decord', 'openvino', 'cv2'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stderr.strip() == "[]"
