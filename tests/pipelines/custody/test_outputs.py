"""Output files: none may be written into a case, its evidence or its keys, by whatever path."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from forensics.custody.log import read_chain
from forensics.custody.mandate import Mandate, Mode
from forensics.decoding.child import Limits
from forensics.digests import sha256_of_file
from forensics.errors import UsageError
from pipelines.custody.case_store import make_case
from pipelines.custody.open_session import open_session
from pipelines.custody.outputs import Outputs
from pipelines.custody.session import Need
from pipelines.intake.ingest import ingest
from pipelines.intake.ingest_item import IngestItem
from testing.commands import Call, clip
from testing.face_case import FaceCase, write_reference

_FORENSICS = (sys.executable, "-c", "from pipelines.cli.main import main; main()")


@pytest.fixture(scope="module")
def place_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a case with a clip and a folder of stills, and run it; tests copy it."""
    folder = tmp_path_factory.mktemp("seen")
    (folder / "stills").mkdir()
    write_reference(1, folder / "stills" / "a.png")
    case = make_case(folder / "case", Mandate(Mode.SCENE, title="", purpose="p", operator="o"), now=datetime.now(UTC))
    given = [IngestItem(clip(folder / "gate.mp4"), "gate"), IngestItem(folder / "stills", "hall")]
    with open_session(case.folder.root, "ingest", need=Need.WORK) as session:
        ingest(session.files, given, limits=Limits(), on_source=lambda _: None)
    run = [*_FORENSICS, "run", case.folder.root, "--runner", "serial", "--quiet"]
    subprocess.run(run, check=True, capture_output=True)
    return case.folder.root


@pytest.fixture
def place(place_once: Path, tmp_path: Path, call: Call) -> Path:
    """A folder with a case that was run, and its evidence: `gate.mp4` and the folder `stills`."""
    copied = Path(shutil.copytree(place_once.parent, tmp_path / "place"))
    for name, camera in (("gate.mp4", "gate"), ("stills", "hall")):  # the copies are known as evidence as well
        assert call("ingest", copied / "case", copied / name, "--camera", camera).code == 0
    return copied


def _state(folder: Path) -> dict[Path, bytes]:
    """Return the content of every file except those that every command writes."""
    files = (
        path for path in folder.rglob("*") if path.is_file() and path.name not in {"audit.jsonl", "checkpoints.jsonl"}
    )
    return {path: path.read_bytes() for path in files}


def _commands(case: Path, target: Path) -> list[tuple[object, ...]]:
    return [
        ("case", "disclose", case, "-o", target, "--recipient", "counsel", "--reason", "r"),
        ("case", "report", case, "--template", "registration", "-o", target, "--reason", "r"),
        ("query", case, "--pictures", target),
        ("export", "mot", case, "-o", target),
    ]


def _hard_link(target: Path, of: Path) -> Path:
    os.link(of, target)
    return target


def _link(target: Path, of: Path) -> Path:
    target.symlink_to(of)
    return target


_OWN: dict[str, Callable[[Path], Path]] = {
    "in the case": lambda place: place / "case" / "new.png",
    "the case": lambda place: place / "case",
    "case.toml": lambda place: place / "case" / "case.toml",
    "a way around": lambda place: place / "stills" / ".." / "case" / "new.png",
    "a link into the case": lambda place: _link(place / "in", place / "case") / "new.png",
    "a link that leads to nothing yet": lambda place: _link(place / "new.png", place / "case" / "new.png"),
    "evidence": lambda place: place / "gate.mp4",
    "a link to evidence": lambda place: _link(place / "new.png", place / "gate.mp4"),
    "a hard link to evidence": lambda place: _hard_link(place / "new.png", place / "gate.mp4"),
    "below evidence": lambda place: place / "stills" / "new.png",
    "a picture of the evidence": lambda place: place / "stills" / "a.png",
    "a hard link to a picture of it": lambda place: _hard_link(place / "new.png", place / "stills" / "a.png"),
    "a hard link to the case": lambda place: _hard_link(place / "new.png", place / "case" / "case.toml"),
    "keys": lambda _: Path(os.environ["FORENSICS_KEYS"]) / "new.png",
    "keys of reviewers": lambda _: Path(os.environ["FORENSICS_REVIEWER_KEYS"]) / "new.png",
}


@pytest.mark.parametrize("name", _OWN)
def test_outputs_into_case_evidence_or_keys_are_refused(call: Call, place: Path, name: str) -> None:
    target = _OWN[name](place)
    before = _state(place)
    for command in _commands(place / "case", target):
        answer = call(*command)
        assert answer.code == 2, (command, answer.err)
        assert "which must not be written to" in answer.err
    assert _state(place) == before
    assert call("verify", place / "case").code == 0


_NOWHERE: dict[str, Callable[[Path], Path]] = {
    "does not exist": lambda place: place / "absent" / "new.png",
    "its folder ": lambda place: place / "file" / "new.png",
    "exists and is not a": lambda place: place / "pipe",
    "cannot be written": lambda place: place / ("a" * 300 + ".png"),
}


@pytest.mark.parametrize("said", _NOWHERE)
def test_a_place_where_nothing_can_be_written_is_said(call: Call, place: Path, said: str) -> None:
    (place / "file").touch()
    os.mkfifo(place / "pipe")
    for command in _commands(place / "case", _NOWHERE[said](place)):
        answer = call(*command)
        assert answer.code == 2, (command, answer.err)
        assert said in answer.err


def test_files_of_an_export_that_are_links_to_evidence(call: Call, place: Path) -> None:
    (place / "mot").mkdir()
    evidence = call("query", place / "case", "evidence", "--json").json["rows"]
    target = next(row["evidence_id"] for row in evidence if str(row["path"]).endswith("gate.mp4"))
    _hard_link(place / "mot" / f"{target}.txt", place / "gate.mp4")
    before = _state(place)
    answer = call("export", "mot", place / "case", "-o", place / "mot")
    assert (answer.code, "which must not be written to" in answer.err) == (2, True)
    assert _state(place) == before


def test_an_output_beside_the_evidence_is_accepted_once(call: Call, place: Path) -> None:
    assert (
        call(
            "case", "disclose", place / "case", "-o", place / "told.json", "--recipient", "counsel", "--reason", "r"
        ).code
        == 0
    )
    assert call("export", "mot", place / "case", "-o", place / "tracks").code == 0


@pytest.mark.parametrize("number", range(3))
def test_a_file_of_somebody_else_is_never_replaced(call: Call, place: Path, number: int) -> None:
    target = place / "other.mp4"
    command = _commands(place / "case", target)[number]
    if command[0] == "export":
        evidence = call("query", place / "case", "evidence", "--json").json["rows"]
        target = place / "mot" / f"{evidence[0]['evidence_id']}.txt"
        target.parent.mkdir()
        command = ("export", "mot", place / "case", "-o", place / "mot")
    target.write_bytes(b"evidence of another case")
    for more in ((), ("--force",)):
        answer = call(*command, *more)
        assert (answer.code, "exists" in answer.err) == (2, True), answer.err
    assert target.read_bytes() == b"evidence of another case"


def test_a_former_output_is_replaced_on_request_while_it_is_as_it_was(call: Call, place: Path) -> None:
    disclose = (
        "case",
        "disclose",
        place / "case",
        "-o",
        place / "told.json",
        "--recipient",
        "counsel",
        "--reason",
        "r",
    )
    assert [call(*disclose).code, call(*disclose).code, call(*disclose, "--force").code] == [0, 2, 0]
    (place / "told.json").write_text("annotated by counsel")
    assert call(*disclose, "--force").code == 2
    assert (place / "told.json").read_text() == "annotated by counsel"


def test_the_log_names_every_output_with_its_digest(call: Call, place: Path) -> None:
    assert (
        call(
            "case", "disclose", place / "case", "-o", place / "told.json", "--recipient", "counsel", "--reason", "r"
        ).code
        == 0
    )
    (written,) = read_chain(place / "case" / "audit.jsonl").lines[-1].facts["outputs"]["written"]
    told = {"file": str(place / "told.json"), "sha256": sha256_of_file(place / "told.json")}
    assert written == {**told, "recipient": "counsel", "is_own_use": False}


def test_a_file_that_appears_meanwhile_is_not_replaced(place: Path) -> None:
    with open_session(place / "case", "query", need=Need.READ) as session:
        outputs = Outputs(session, recipient="", replaces_own=False)
        outputs.check(place / "new.png")
        (place / "new.png").write_bytes(b"mine")
        with pytest.raises(UsageError, match="exists already"):
            outputs.write(place / "new.png", b"x")
    assert (place / "new.png").read_bytes() == b"mine"


def test_a_metrics_file_replaces_metrics_only(call: Call, place: Path) -> None:
    run = ("run", place / "case", "--runner", "serial", "--quiet", "--metrics", place / "case.prom")
    assert [call(*run).code, call(*run).code] == [0, 0]
    (place / "case.prom").write_bytes(b"evidence of another case")
    answer = call(*run)
    assert (answer.code, "no metrics" in answer.err) == (2, True)
    assert (place / "case.prom").read_bytes() == b"evidence of another case"


def test_a_reviewers_pictures_into_these_places_are_refused(tmp_path: Path, call: Call) -> None:
    case = FaceCase.make(tmp_path, call, n_people=2)
    case.enrol("E0", 0, tmp_path)
    case.run()
    case.reviewer("B. Becker")
    (name,) = [f"{row['sighting_id']}:E0" for row in case.candidates() if row["decision"] == "candidate"]
    asked = ("--as", "B. Becker", "--reason", "r", "--candidate", name, "--pictures")
    _hard_link(tmp_path / "twin.png", tmp_path / "gate.mp4")
    before = (tmp_path / "gate.mp4").read_bytes()
    for target in (case.root / "new.png", tmp_path / "twin.png", tmp_path / "absent" / "new.png"):
        assert call("review", case.root, *asked, target).code == 2
        assert not (case.root / "new.png").exists()
    assert (tmp_path / "gate.mp4").read_bytes() == before
    case.do("review", *asked, tmp_path / "new.png")
