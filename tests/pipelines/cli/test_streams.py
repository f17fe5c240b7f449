"""Standard streams of real processes: encodings that lack characters, readers that go away, closed and full outputs."""

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from testing.commands import clip

_FORENSICS = [sys.executable, "-c", "from pipelines.cli.main import main; main()"]
_PURPOSE = "Tür 東 €"


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case whose path, footage and mandate hold letters that ASCII and Latin-1 lack; nothing in it may be changed."""
    folder = tmp_path_factory.mktemp("fälle")
    path = clip(folder / "süd 東.mp4", n_frames=200)
    words = ["scan", str(path), "--case", str(folder / "fall"), "--purpose", _PURPOSE, "--runner", "serial", "--quiet"]
    subprocess.run([*_FORENSICS, *words], check=True, capture_output=True)
    return folder / "fall"


def _run(environment: dict[str, str], *words: object) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [*_FORENSICS, *map(str, words)], env={**os.environ, **environment}, capture_output=True, check=False
    )


_ENCODINGS = (
    ({"PYTHONIOENCODING": "ascii"}, "ascii"),
    ({"PYTHONIOENCODING": "latin-1"}, "latin-1"),
    ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "ascii"),
)


@pytest.mark.parametrize(("environment", "encoding"), _ENCODINGS)
@pytest.mark.parametrize("words", [("case", "show"), ("status",), ("query", "evidence")])
def test_characters_that_the_terminal_lacks_are_replaced(
    case: Path, environment: dict[str, str], encoding: str, words: tuple[str, ...]
) -> None:
    answer = _run(environment, *words[: 2 if words[0] == "case" else 1], case, *words[2 if words[0] == "case" else 1 :])
    assert (answer.returncode, b"Traceback" in answer.stderr) == (0, False), answer.stderr
    text = answer.stdout.decode(encoding)
    assert text.isascii() or encoding != "ascii"
    if words == ("case", "show"):
        assert _PURPOSE.encode(encoding, "replace").decode(encoding) in text
        assert f"{encoding} lacks were printed as '?'" in answer.stderr.decode()


@pytest.mark.parametrize(("environment", "encoding"), _ENCODINGS)
def test_json_loses_no_character(case: Path, environment: dict[str, str], encoding: str) -> None:
    answer = _run(environment, "case", "show", case, "--json")
    facts = json.loads(answer.stdout.decode(encoding))
    assert (facts["purpose"], facts["case"]) == (_PURPOSE, str(case))
    (row,) = json.loads(_run(environment, "query", case, "evidence", "--format", "json").stdout.decode(encoding))
    assert row["camera_id"] == "süd 東"
    (cells,) = csv.DictReader(
        io.StringIO(_run(environment, "query", case, "evidence", "--format", "csv").stdout.decode(encoding))
    )
    assert cells["camera_id"] == "süd 東".encode(encoding, "replace").decode(encoding)


@pytest.mark.parametrize(("environment", "encoding"), _ENCODINGS)
def test_footage_is_ingested_and_named_alike_in_any_locale(
    tmp_path: Path, environment: dict[str, str], encoding: str
) -> None:
    path = clip(tmp_path / "süd 東.mp4")
    answer = _run(environment, "scan", path, "--case", tmp_path / "fälle", "--runner", "serial", "--quiet")
    assert answer.returncode == 0, answer.stderr
    (row,) = json.loads(_run({}, "query", tmp_path / "fälle", "evidence", "--format", "json").stdout)
    assert (row["path"], row["camera_id"]) == (str(path), "süd 東")
    assert _run({}, "verify", tmp_path / "fälle").returncode == 0


_COMMANDS = (
    ("case", "show", "{case}"),
    ("query", "{case}", "evidence", "--format", "csv"),
    ("query", "{case}", "evidence", "--format", "parquet"),
    ("--help",),
)


def _in_shell(case: Path, words: tuple[str, ...], rest: str) -> "subprocess.CompletedProcess[str]":
    line = shlex.join([*_FORENSICS, *(word.format(case=case) for word in words)])
    return subprocess.run(
        ["bash", "-c", f"{line} {rest}; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("words", _COMMANDS)
@pytest.mark.parametrize("reader", ["| true", "| head -c 1 > /dev/null", "2>&1 | true", ">&-", ">&- 2>&- <&-"])
def test_a_reader_that_goes_away_is_no_error(case: Path, words: tuple[str, ...], reader: str) -> None:
    answer = _in_shell(case, words, reader)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_the_log_records_what_the_command_did_and_not_its_reader(case: Path) -> None:
    assert _in_shell(case, ("case", "show", "{case}"), "| true").returncode == 0
    line = read_chain(CaseFolder.at(case).audit_file).lines[-1]
    assert (line.kind, line.command, line.facts["exit_code"]) == ("end", "case show", 0)


def test_an_error_is_one_for_a_reader_that_goes_away_too(tmp_path: Path) -> None:
    assert _in_shell(tmp_path, ("status", "{case}"), "2>&1 | true").returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", _COMMANDS)
def test_an_output_that_is_full_is_one_plain_error(case: Path, words: tuple[str, ...]) -> None:
    answer = _in_shell(case, words, "> /dev/full")
    assert answer.returncode == 6
    assert answer.stderr.splitlines() == [
        "error: the disk of a file, or standard output is full (No space left on device)",
        "next: free some space there and run the same command again; it continues",
    ]


def test_a_long_table_to_a_reader_that_goes_away() -> None:
    """Longer than the buffer of a pipe, so that a write fails in the middle."""
    script = (
        "from pipelines.cli.streams import finish_streams, prepare_streams; prepare_streams()\n"
        "for number in range(100_000): print(number, 'x' * 50)\n"
        "finish_streams()"
    )
    line = shlex.join([sys.executable, "-c", script])
    answer = subprocess.run(
        ["bash", "-c", f"{line} | true; exit ${{PIPESTATUS[0]}}"], capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stderr) == (0, "")
