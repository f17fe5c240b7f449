"""The commands of README.md run in the order of its tables, as they are written; only names are replaced."""

import ast
import re
import shlex
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pytest

import forensics
from forensics.detection.detections import Boxes
from forensics.footage.frames import Frame, View
from testing.command_tree import LEAVES
from testing.commands import Answer, Call, clip
from testing.demo_clips import make_clips
from testing.documented_commands import commands_in, parse
from testing.painted_case import PaintedDetector, walker_xyxy
from testing.project import ROOT

_README: Final = (ROOT / "README.md").read_text()
_TABLES: Final = _README.partition("\n## I want to\n")[2].partition("\n## ")[0]
_COMMANDS: Final = {shlex.join(words) for words in commands_in(_TABLES, "forensics")}
_ALL: Final = {shlex.join(words) for words in commands_in(_README, "forensics")}
_N_FRAMES: Final = {"gate": 48, "hall": 60}
_SERIAL: Final = ["--runner", "serial", "--quiet"]
# commands that compare faces, take long, or need the network, a store or a cluster, and where their tests are
_OF_FACES: Final = re.compile(
    r"watchlist |reviewer |review |case authorise |case deny |.*(candidates|-denial|-limit)\b"
)
_TESTED_ELSEWHERE: Final = {
    "doctor": "tests/pipelines/desk/test_doctor.py",
    "models pull yolo11n": "tests/pipelines/cli/test_models.py",
    "ingest CASE s3://BUCKET/KEY --camera gate": "tests/pipelines/intake/test_ingest.py",
    "evidence relocate CASE s3://BUCKET/FOLDER/": "tests/pipelines/intake/test_ingest.py",
    "run CASE --ray ADDRESS --metrics FILE.prom": "tests/pipelines/run/test_metrics.py",
    "demo --case CASE": "tests/pipelines/demo/test_footage.py",
    **dict.fromkeys(filter(_OF_FACES.match, _COMMANDS), "tests/pipelines/search"),
}


class _Walker(PaintedDetector):
    """Finds a walker in every frame of any footage."""

    view = View(640, 360)

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        for frame in frames:
            xyxy = np.array([walker_xyxy(frame.number)], dtype=np.float32)
            yield frame.number, Boxes(xyxy, np.array([0.75], dtype=np.float32), np.zeros(1, dtype=np.int64))


class _Reader:
    """Runs commands of the README, and remembers which."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.commands: set[str] = set()

    def __call__(self, command: str, *, case: str = "my-case", **names: str) -> Answer:
        """Run a command that stands in the README, with these names in place of its placeholders."""
        words = shlex.split(command)
        self.commands.add(shlex.join(words))
        assert self.commands <= _ALL
        for placeholder, name in {"CASE": case, "TEXT": "a reason", **names}.items():
            words = [re.sub(rf"\b{placeholder}\b", name, word) for word in words]
        options = {option for param in LEAVES[parse(words).command_path].params for option in param.opts}
        answer = self.call(*words, *(_SERIAL if "--runner" in options else ()))
        assert answer.code == 0, (command, answer.err)
        return answer


@pytest.fixture
def readme(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Reader:
    """What runs commands in a folder with the footage that the README names."""
    call.use_detector(_Walker())
    monkeypatch.chdir(tmp_path)
    make_clips(tmp_path, n_frames=_N_FRAMES)
    Path("hall.mp4").rename("hall.mkv")
    Path("archive").mkdir()
    clip(Path("archive/yard.mp4"), n_frames=30)
    shutil.copytree(ROOT / "configs", "configs")
    return _Reader(call)


def _answers_of_the_python_block() -> list[pl.DataFrame]:
    """Run the block, and return what each of its expressions gives."""
    (block,) = re.findall(r"```python\n(.*?)```", _README, re.DOTALL)
    known: dict[str, Any] = {}
    answers = []
    for statement in ast.parse(block).body:
        if isinstance(statement, ast.Expr):
            answers.append(eval(compile(ast.Expression(statement.value), "README.md", "eval"), known))
        else:
            exec(compile(ast.Module([statement], []), "README.md", "exec"), known)
    return answers


def _published() -> pl.DataFrame:
    return forensics.open_case("my-case").sightings().sort("camera_id", "first_utc").collect()


def test_every_command_that_needs_no_face_and_no_network_runs(readme: _Reader) -> None:
    _scan_and_see(readme)
    _add_footage(readme)
    _correct(readme)
    _set_clock_of_section(readme)
    _hand_over(readme)
    _operate(readme)
    assert _COMMANDS - readme.commands == set(_TESTED_ELSEWHERE)
    assert all((ROOT / place).exists() for place in _TESTED_ELSEWHERE.values())


def _scan_and_see(readme: _Reader) -> None:
    readme("scan gate.mp4 hall.mkv archive/ --case my-case")
    readme("query my-case --class person --pictures people.png")
    assert Path("people.png").stat().st_size
    people, _, failures = _answers_of_the_python_block()
    assert people.columns == ["camera_id", "first_utc", "thumbnail"]
    assert set(people["camera_id"]) == {"gate", "hall", "yard"}
    assert failures.is_empty()
    assert "builtin" in readme("models list").out
    readme("models verify")
    assert "detect.fps" in readme("settings").out
    readme("settings detect.fps")
    readme("settings --case CASE")
    readme("run CASE --dry-run")
    assert "complete" in readme("status CASE").out
    readme("query CASE --camera gate --class person --pictures FILE.png", FILE="gate")
    readme("query CASE --sort time --tz Europe/Berlin")
    assert readme("query CASE coverage --format csv").out.startswith("evidence_id,")
    readme("case show CASE")
    readme("verify CASE")


def _add_footage(readme: _Reader) -> None:
    readme("case init CASE --purpose TEXT --operator TEXT", case="other-case")
    readme(
        "ingest CASE FILE --camera gate --start 2026-05-01T10:00:00Z --clock-error 500ms",
        case="other-case",
        FILE="gate.mp4",
    )
    Path("list.csv").write_text("file,camera,start,clock_error\nhall.mkv,hall,2026-05-01T10:00:00Z,500ms\n")
    for command in ("ingest CASE --list FILE.csv --dry-run", "ingest CASE --list FILE.csv"):
        readme(command, case="other-case", FILE="list")
    Path("export/door").mkdir(parents=True)
    shutil.copy("gate.mp4", "export/door/ch01_20260501_100000.mp4")
    planned = readme(
        "scan FOLDER --case CASE --start from-name --start-zone Europe/Berlin --dry-run",
        case="export-case",
        FOLDER="export",
    )
    assert "door" in planned.out
    assert not Path("export-case").exists()
    Path("moved").mkdir()
    Path("hall.mkv").rename("moved/hall.mkv")
    readme("evidence relocate CASE FOLDER", FOLDER="moved")


def _correct(readme: _Reader) -> None:
    before = _published()
    parts = set(Path("my-case").rglob("parts/detect/*.parquet"))
    readme("case amend CASE --purpose TEXT --reason TEXT")
    readme("evidence camera CASE FILE gate --reason TEXT", FILE="archive/yard.mp4")
    readme("ingest CASE FILE --camera gate --start TIME --reason TEXT", FILE="gate.mp4", TIME="2026-05-01T10:00:00Z")
    readme("case clock CASE gate --offset -1m30s --clock-error 2s")
    Path("gaet.mp4").write_bytes(b"no footage")
    readme.call("ingest", "my-case", "gaet.mp4", "--camera", "gate")
    readme("evidence withdraw CASE FILE", FILE="gaet.mp4")
    readme("run CASE")
    after = _published()
    assert set(Path("my-case").rglob("parts/detect/*.parquet")) == parts
    assert (before["camera_id"].to_list(), set(before["first_utc"])) == (["gate", "hall", "yard"], {None})
    assert after["camera_id"].to_list() == ["gate", "gate", "hall"]
    (corrected,) = after.drop_nulls("first_utc").select("first_utc", "clock_error_ms").rows()
    assert corrected == (datetime(2026, 5, 1, 9, 58, 30, tzinfo=UTC), 2000)


def _set_clock_of_section(readme: _Reader) -> None:
    joined = b"".join(clip(Path(f"{number}.ts"), n_frames=30, seed=number).read_bytes() for number in (1, 2))
    Path("joined.ts").write_bytes(joined)
    assert readme.call("scan", "joined.ts", "--camera", "gate", "--case", "joined-case", *_SERIAL).code == 0
    (evidence,) = set(re.findall(r"[0-9a-f]{16}", readme("query CASE sections", case="joined-case").out))
    readme(
        "case clock CASE gate --section EVIDENCE#2 --start TIME",
        case="joined-case",
        EVIDENCE=evidence,
        TIME="2026-05-01T11:00:00Z",
    )


def _hand_over(readme: _Reader) -> None:
    readme("case checkpoint CASE -o FILE.json", FILE="kept")
    readme("installation -o KEY.pem", KEY="office")
    readme("verify CASE")
    readme("verify CASE --checkpoint FILE", FILE="kept.json")
    frame = forensics.open_case("my-case").frames().collect().row(3, named=True)
    address = {"EVIDENCE": frame["evidence_id"], "PTS": str(frame["pts"])}
    readme("verify CASE --frame EVIDENCE:PTS -o FILE.png", **address, FILE="frame")
    readme("verify CASE --frame EVIDENCE:PTS --marked FILE.png", **address, FILE="marked")
    readme("reproduce CASE")
    readme("case disclose CASE -o FILE.json --recipient TEXT --reason TEXT", FILE="defence")
    readme("case report FOLDER --annual 2026", FOLDER=".")
    readme("case report CASE --template impact-assessment -o FILE.md --reason TEXT", FILE="assessment")
    readme("export mot CASE -o FOLDER", FOLDER="tracks")
    readme("export mot CASE -o FOLDER --recipient TEXT", FOLDER="tracks-for-the-lab")


def _operate(readme: _Reader) -> None:
    readme("run CASE --model MODEL --profile configs/still-cameras.toml", MODEL="builtin")
    readme("cancel CASE")
    readme("case hold CASE --reason TEXT", case="other-case")
    readme("case sweep FOLDER", FOLDER=".")
    readme("case policy CASE --keep-results 30 --reason TEXT")
