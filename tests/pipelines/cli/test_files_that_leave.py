"""Files that leave a case: every command that writes one records recipient, reason, path and SHA-256 (LED Art. 25)."""

import itertools
import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click
import pytest

import forensics
from forensics.custody.log import LogLine, read_chain
from forensics.custody.mandate import Mandate, Mode
from forensics.digests import sha256_of_file
from forensics.errors import NotAuthorised, UsageError
from pipelines import clock
from pipelines.cli.output import path_type
from pipelines.custody.accounts import login_user
from pipelines.custody.case_store import make_case
from pipelines.custody.open_session import open_session
from pipelines.custody.outputs import Outputs
from pipelines.custody.session import Need
from testing.audit_events import KILLED, die_at
from testing.command_tree import LEAVES
from testing.commands import Call, clip, new_case, search_case
from testing.face_case import FaceCase

# Paths that are read, or that hold nothing from a case. Every other path of an option is a file that leaves a case.
_NO_OUTPUT = {
    *(("scan", "root"), ("scan", "starts"), ("scan", "profile"), ("ingest", "starts"), ("run", "profile")),
    ("settings", "root"),
    *(("scan", "footage_list"), ("ingest", "footage_list")),
    *(("case init", "document"), ("case authorise", "document"), ("case amend", "document")),  # only its digest is kept
    *(("verify", "kept"), ("watchlist add", "pictures"), ("demo", "root"), ("models pull", "into")),
    *(("scan", "metrics_file"), ("run", "metrics_file")),  # counts of the work in progress, for node_exporter
    ("installation", "output"),  # the public key of the machine
}


def _path_options(command: click.Command) -> Iterator[click.Option]:
    return (each for each in command.params if isinstance(each, click.Option) and each.type is path_type)


_WRITING = {
    name.removeprefix("forensics ")
    for name, command in LEAVES.items()
    if any((name.removeprefix("forensics "), each.name) not in _NO_OUTPUT for each in _path_options(command))
}


def test_the_commands_that_write_a_file_outside_are_known() -> None:
    outside = {"query", "verify", "case disclose", "case report", "case checkpoint", "review", "export mot"}
    assert outside == _WRITING


@pytest.mark.parametrize("name", sorted(_WRITING))
def test_every_command_that_writes_a_file_outside_takes_recipient_and_reason(name: str) -> None:
    options = {each.name for each in LEAVES[f"forensics {name}"].params}
    assert {"recipient", "reason", "force"} <= options


def _with_statements() -> list[tuple[str, str]]:
    """Return command and option of every reason and recipient, except that of a denial, which is urgent."""
    others = {name: command for name, command in LEAVES.items() if name != "forensics case deny"}
    return [
        (name, each.name or "") for name, command in others.items() for each in command.params if each.name in _STATED
    ]


def test_a_denial_is_never_refused_for_a_poor_reason(tmp_path: Path, call: Call) -> None:
    case = search_case(tmp_path / "case", authority="pending")
    assert call("case", "deny", case, "--reason", " ").code == 2
    assert call("case", "deny", case, "--reason", "refused").code == 0


_STATED = {"reason", "recipient"}


def test_no_reason_or_recipient_may_be_blank_or_a_placeholder() -> None:
    stated = _with_statements()
    assert len(stated) > 20
    for (name, option), text in itertools.product(stated, ("", " ", "n/a", "T.B.D.", "\u200b", "unbekannt")):
        command = LEAVES[name]
        (param,) = (each for each in command.params if each.name == option)
        with pytest.raises(click.BadParameter, match=r"is blank|is a placeholder"):
            param.process_value(click.Context(command), text)


# ---- the record of each command


@pytest.fixture(scope="module")
def scene_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case of mode scene with tables."""
    call, folder = Call(), tmp_path_factory.mktemp("scene")
    case = new_case(call, folder / "case")
    assert call("ingest", case, clip(folder / "gate.mp4"), "--camera", "gate").code == 0
    assert call("run", case, "--runner", "serial", "--quiet").code == 0
    return case


@pytest.fixture
def scene(scene_once: Path, tmp_path: Path) -> Path:
    """A copy of that case."""
    return Path(shutil.copytree(scene_once, tmp_path / "case"))


def _writing(root: Path, folder: Path, call: Call) -> dict[str, tuple[tuple[object, ...], Path]]:
    """Return a call of each command that writes outside of a case that compares no faces, and the file."""
    (row,) = call("query", root, "evidence", "--json").json["rows"]
    frame = f"{row['evidence_id']}#3"
    return {
        "verify": (("verify", root, "--frame", frame, "-o", folder / "frame.png"), folder / "frame.png"),
        "case checkpoint": (("case", "checkpoint", root, "-o", folder / "kept.json"), folder / "kept.json"),
        "case disclose": (("case", "disclose", root, "-o", folder / "told.json"), folder / "told.json"),
    }


def _lines(root: Path) -> tuple[LogLine, ...]:
    return read_chain(root / "audit.jsonl").lines


@pytest.mark.parametrize("name", ["verify", "case checkpoint", "case disclose"])
def test_the_log_says_who_received_what_and_why(scene: Path, tmp_path: Path, call: Call, name: str) -> None:
    words, target = _writing(scene, tmp_path, call)[name]
    assert call(*words, "--recipient", "B. Bold, counsel", "--reason", "request of 4 May").code == 0
    begin, note, end = _lines(scene)[-3:]
    assert begin.facts["recipient"] == "B. Bold, counsel", "on record before the file is written"
    (written,) = end.facts["outputs"]["written"]
    assert written == {
        "file": str(target),
        "sha256": sha256_of_file(target),
        "recipient": "B. Bold, counsel",
        "is_own_use": False,
    }
    assert note.facts == written
    assert end.why == "request of 4 May"


def test_without_a_recipient_a_file_is_for_the_person_who_runs_the_command(
    scene: Path, tmp_path: Path, call: Call
) -> None:
    assert call("case", "checkpoint", scene, "-o", tmp_path / "kept.json").code == 0
    (written,) = _lines(scene)[-1].facts["outputs"]["written"]
    assert (written["recipient"], written["is_own_use"]) == (login_user(), True)


def test_the_file_for_the_defence_needs_recipient_and_reason_in_every_mode(
    scene: Path, tmp_path: Path, call: Call
) -> None:
    disclose = ("case", "disclose", scene, "-o", tmp_path / "told.json")
    for given in ((), ("--reason", "r"), ("--recipient", "counsel"), ("--recipient", "", "--reason", "r")):
        assert call(*disclose, *given).code == 2
    assert not (tmp_path / "told.json").exists()


@pytest.mark.parametrize("mode", ["search", "missing"])
def test_a_case_that_compares_faces_gives_out_nothing_without_a_reason(tmp_path: Path, call: Call, mode: str) -> None:
    case = search_case(tmp_path / "case", mode=mode)
    checkpoint = ("case", "checkpoint", case, "-o", tmp_path / "kept.json")
    answer = call(*checkpoint)
    assert (answer.code, "requires a reason" in answer.err, (tmp_path / "kept.json").exists()) == (3, True, False)
    assert call(*checkpoint, "--reason", "for the archive").code == 0


def test_no_picture_or_track_of_a_search_leaves_without_a_reason(found: FaceCase, tmp_path: Path) -> None:
    (name,) = [f"{row['sighting_id']}:E0" for row in found.candidates() if row["decision"] == "candidate"]
    (row,) = found.call("query", found.root, "evidence", "--json").json["rows"]
    for command in (
        ("export", "mot", found.root, "-o", tmp_path / "mot"),
        ("query", found.root, "--pictures", tmp_path / "sheet.png"),
        ("verify", found.root, "--frame", f"{row['evidence_id']}#3", "-o", tmp_path / "frame.png"),
        ("review", found.root, "--as", "B. Becker", "--candidate", name, "--pictures", tmp_path / "one.png"),
    ):
        before = set(tmp_path.iterdir())
        assert found.call(*command).code == 3, command
        assert set(tmp_path.iterdir()) == before
        answer = found.call(*command, "--reason", "appeal", "--recipient", "prosecutor")
        assert answer.code == 0, answer.err
        written = _lines(found.root)[-1].facts["outputs"]["written"]
        assert {(each["recipient"], sha256_of_file(Path(each["file"]))) for each in written} == {
            ("prosecutor", each["sha256"]) for each in written
        }


def test_python_reads_people_for_a_stated_reason_only_and_on_record(found: FaceCase) -> None:
    opened = forensics.open_case(found.root)
    name = opened.sightings().collect()["thumbnail"][0]
    n_lines = len(_lines(found.root))
    for reason in ("", " ", "n/a", "unbekannt"):
        for ask in (opened.candidates, partial(opened.read_picture, name)):
            with pytest.raises(UsageError, match=r"is blank|is a placeholder"):
                ask(reason=reason)
    assert len(_lines(found.root)) == n_lines, "refused before anything is opened"
    opened.candidates(reason="appeal")
    opened.read_picture(name, reason="appeal")
    logged = [(line.kind, line.command, line.why) for line in _lines(found.root)[n_lines:]]
    assert logged == [
        (kind, command, "appeal") for command in ("open candidates", "open picture") for kind in ("begin", "end")
    ]


@pytest.mark.parametrize(("mode", "is_refused"), [(Mode.SCENE, False), (Mode.WILDLIFE, False), (Mode.SEARCH, True)])
def test_the_rule_is_that_of_the_writer_not_of_a_command(tmp_path: Path, mode: Mode, is_refused: bool) -> None:
    """A command that checks nothing itself cannot write a file without a reason."""
    root = tmp_path / "case"
    if mode is Mode.SEARCH:
        search_case(root)
    else:
        make_case(root, Mandate(mode, title="t", purpose="p", operator="o"), now=clock.utc_now())
    with open_session(root, "status", need=Need.READ) as session:
        outputs = Outputs(session, recipient="", replaces_own=False)
        if is_refused:
            for ask in (
                lambda: outputs.check(tmp_path / "new"),
                lambda: outputs.check_folder(tmp_path / "new", ()),
                lambda: outputs.write(tmp_path / "new", b"x"),
            ):
                with pytest.raises(NotAuthorised, match="requires a reason"):
                    ask()
        else:
            outputs.write(tmp_path / "new", b"x")
    assert (tmp_path / "new").exists() is not is_refused


@pytest.mark.parametrize(("reason", "recipient"), [("n/a", "counsel"), ("r", "tbd"), ("r", " ")])
def test_the_writer_refuses_placeholders(tmp_path: Path, call: Call, reason: str, recipient: str) -> None:
    case = new_case(call, tmp_path / "case")
    with open_session(case, "status", need=Need.READ, reason=reason) as session:
        outputs = Outputs(session, recipient=recipient, replaces_own=False)
        with pytest.raises(UsageError, match=r"is blank|is a placeholder"):
            outputs.write(tmp_path / "new", b"x")
    assert not (tmp_path / "new").exists()


# ---- the file for the defence, and yearly counts


def test_the_file_for_the_defence_lists_everything_that_was_given_out(scene: Path, tmp_path: Path, call: Call) -> None:
    given = [
        (("case", "checkpoint", scene, "-o", tmp_path / "kept.json"), None, "", tmp_path / "kept.json"),
        (("case", "disclose", scene, "-o", tmp_path / "first.json"), "counsel", "4 May", tmp_path / "first.json"),
    ]
    for words, recipient, reason, _ in given:
        stated = (("--recipient", recipient) if recipient else ()) + (("--reason", reason) if reason else ())
        assert call(*words, *stated).code == 0
    assert call("case", "disclose", scene, "-o", tmp_path / "b.json", "--recipient", "court", "--reason", "r").code == 0
    told = json.loads((tmp_path / "b.json").read_text())["files_given_out"]
    assert [(each["file"], each["sha256"], each["recipient"], each["reason"], each["command"]) for each in told] == [
        (str(path), sha256_of_file(path), recipient or login_user(), reason, " ".join(map(str, words[:2])))
        for words, recipient, reason, path in given
    ]
    assert all({"at_utc", "by", "is_own_use"} <= each.keys() for each in told)


def test_a_file_of_a_killed_command_is_given_out_too(scene: Path, tmp_path: Path, call: Call) -> None:
    (*words,), copy = _writing(scene, tmp_path, call)["case disclose"]
    with die_at("write", "*/audit.jsonl", nth=5):  # the end of the command
        assert call(*words, "--recipient", "counsel", "--reason", "request of counsel").code == KILLED
    call("case", "disclose", scene, "-o", tmp_path / "d.json", "--recipient", "counsel", "--reason", "court")
    (given,) = json.loads((tmp_path / "d.json").read_text())["files_given_out"]
    assert (given["command"], given["file"], given["sha256"]) == ("case disclose", str(copy), sha256_of_file(copy))
    assert (given["recipient"], given["reason"]) == ("counsel", "request of counsel")


def test_yearly_counts_tell_disclosures_from_other_outputs_and_state_no_small_number(
    tmp_path: Path, call: Call
) -> None:
    case, year = new_case(call, tmp_path / "case"), clock.utc_now().year

    def give(command: str, recipient: str, n_times: int) -> None:
        for _ in range(n_times):
            target = tmp_path / f"{len(list(tmp_path.glob('*.json')))}.json"
            stated = ("--recipient", recipient) if recipient else ()
            assert call("case", command, case, "-o", target, *stated, "--reason", "r").code == 0

    def uses() -> dict[str, int | None]:
        rows = call("case", "report", tmp_path, "--annual", year, "--json").json["uses"]
        return {row["use"]: row["times"] for row in rows}

    give("disclose", "counsel", 4)
    give("checkpoint", "court", 5)
    assert uses() == {"disclosures": None, "outputs for others": 5}
    give("disclose", "counsel", 1)
    give("checkpoint", "", 6)
    assert uses() == {"disclosures": 5, "outputs for others": 5, "outputs": 6}
