"""Denials outlive their case: what a later case about the same is asked, and what the memory of denials holds."""

import contextlib
import errno
import fcntl
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

import forensics
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.errors import NotAuthorised
from forensics.tables.evidence import load_evidence
from pipelines import clock
from pipelines.custody.case_store import load_case
from pipelines.custody.denial_memory import denials_file, is_remembered, load_denials, remembered
from pipelines.custody.earlier_denials import find_denials
from pipelines.custody.installation import installation_key_file
from pipelines.custody.keys import keyring_for
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.review.desk import ReviewDesk
from testing.audit_events import KILLED, die_at, fail_at, started_programs
from testing.commands import ENTRY_LAST_DAY, REPORT_WORDS, Answer, Call, authority_words, search_case
from testing.face_case import FaceCase, film_people, write_reference

_RUN = ("--runner", "serial", "--quiet")
_START = ("--start", "2026-05-01T12:00:00Z", "--clock-error", 0)
_DENY = ("--reason", "refused by the court, person Max Muster")

_TO_COURT = ("--recipient", "court", "--reason", "r")


@dataclass(frozen=True, slots=True)
class Denied:
    """A search that was denied, or is about to be.

    Attributes:
        case: the case, with footage and one entry.
        case_id: its id.
        footage, picture: the files, outside of the case.
    """

    case: FaceCase
    case_id: str
    footage: Path
    picture: Path

    def deny(self) -> None:
        """Deny the case; its evidence and the log stay."""
        self.case.do("case deny", *_DENY)

    @property
    def has_key(self) -> bool:
        """Whether the key of the case exists, withheld or not."""
        return keyring_for(CaseFolder(self.case.root), self.case_id).exists


@pytest.fixture
def searched(tmp_path: Path, call: Call) -> Denied:
    """A search with a pending authority, footage of the gate and one entry."""
    folder = tmp_path / "first"
    folder.mkdir()
    case = FaceCase.make(folder, call, n_people=2, authority="pending")
    case.enrol("E0", 0, folder)
    return Denied(case, load_case(case.root).case_id, folder / "gate.mp4", folder / "E0.png")


@pytest.fixture
def denied(searched: Denied) -> Denied:
    """The same search after its denial."""
    searched.deny()
    return searched


def _ingest(call: Call, root: Path, footage: Path) -> Answer:
    return call("ingest", root, footage, "--camera", "hall", *_START)


def _add(call: Call, root: Path, picture: Path) -> Answer:
    return call("watchlist", "add", root, "E7", picture, "--basis", "warrant 13/26", "--expires", ENTRY_LAST_DAY)


def _acknowledge(call: Call, root: Path, reason: str = "another offence, asked the prosecutor") -> Answer:
    return call("case", "policy", root, "--after-denial", "--reason", reason)


def _other_footage(folder: Path) -> Path:
    return film_people(folder / "other.mp4", quality=31)


# ---- what is asked after 48 hours without an authority


def test_a_case_about_the_same_as_one_that_lapsed_is_asked(
    searched: Denied, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other case was made, and ran, while the first was pending; nobody opens the first again."""
    searched.case.run()
    root = search_case(tmp_path / "new", reference="J 9/26", authority="pending")
    before = clock.utc_now
    monkeypatch.setattr(clock, "utc_now", lambda: before() + timedelta(hours=47))
    assert "without an authority" not in _ingest(call, root, searched.footage).err
    assert call("run", root, *_RUN).code == 0
    monkeypatch.setattr(clock, "utc_now", lambda: before() + timedelta(hours=49))
    said = f"footage in common with case {searched.case_id}, whose 48 hours without an authority ended"
    for answer in (call("run", root, *_RUN), call("query", root, "candidates", "--reason", "look")):
        assert (answer.code, said in answer.err, "--after-denial" in answer.err) == (3, True, True), answer.err
    assert said in _ingest(call, search_case(tmp_path / "third", reference="J 10/26"), searched.footage).err
    assert f"case {searched.case_id}, no authority" in call("case", "show", root).out
    assert _acknowledge(call, root).code == 0
    assert call("run", root, *_RUN).code == 0
    searched.deny()
    answer = call("run", root, *_RUN)
    assert (answer.code, "which was denied" in answer.err) == (3, True), "a denial needs another acknowledgement"


def test_a_lapse_is_forgotten_when_the_authority_is_entered(
    searched: Denied, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched.case.run()
    root = search_case(tmp_path / "new", reference="J 9/26")
    assert _ingest(call, root, searched.footage).code == 0
    before = clock.utc_now
    monkeypatch.setattr(clock, "utc_now", lambda: before() + timedelta(hours=49))
    assert call("case", "show", searched.case.root).code == 0
    assert call("run", root, *_RUN).code == 3
    assert call("case", "authorise", searched.case.root, *authority_words()).code == 0
    assert call("run", root, *_RUN).code == 0
    assert not is_remembered(searched.case_id)
    searched.deny()
    assert call("run", root, *_RUN).code == 3


# ---- what a new case is asked


@pytest.mark.parametrize("mode", ["search", "missing"])
def test_a_new_case_about_the_same_footage_is_asked_before_anything_is_decoded(
    denied: Denied, call: Call, tmp_path: Path, mode: str
) -> None:
    root = search_case(tmp_path / "another name", mode=mode, authority="pending", reference="J 9/26")
    copied = Path(shutil.copy(denied.footage, tmp_path / "holiday.mp4"))
    answer = _ingest(call, root, copied)
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    said = f"footage in common with case {denied.case_id}, which was denied on {day}"
    assert (answer.code, said in answer.err) == (0, True), answer.err
    picture = write_reference(1, tmp_path / "somebody else.png")
    with started_programs() as started:
        for refused in (
            *(call("run", root, *_RUN), call("run", root, *_RUN, "--dry-run"), _add(call, root, picture)),
            *(call("scan", copied, "--case", root, *_RUN), call("reproduce", root, *_RUN)),
            call("watchlist", "calibrate", root, tmp_path, "--reason", "staff, asked"),
        ):
            assert (refused.code, said in refused.err, "--after-denial" in refused.err) == (3, True, True), refused.err
    assert started == []
    assert not list(root.glob("runs/*"))
    assert _acknowledge(call, root).code == 0
    assert _add(call, root, picture).code == 0
    assert call("run", root, *_RUN).code == 0


def test_a_scan_of_denied_footage_in_another_case_is_refused_after_it_is_ingested(
    denied: Denied, call: Call, tmp_path: Path
) -> None:
    root = search_case(tmp_path / "new", reference="J 9/26")
    answer = call("scan", denied.footage, "--case", root, "--camera", "gate", *_START, *_RUN)
    assert (answer.code, denied.case_id in answer.err) == (3, True), answer.err
    assert not list(root.glob("runs/*/parts"))


def test_a_reference_picture_of_a_denied_case_is_refused(denied: Denied, call: Call, tmp_path: Path) -> None:
    root = search_case(tmp_path / "new", reference="J 9/26")
    assert _ingest(call, root, _other_footage(tmp_path)).code == 0
    copied = Path(shutil.copy(denied.picture, tmp_path / "portrait.png"))
    assert _acknowledge(call, root).code == 2, "there is nothing in common yet"
    answer = _add(call, root, copied)
    assert (answer.code, "a reference picture in common" in answer.err) == (3, True), answer.err
    assert not CaseFolder(root).entry_files()
    assert _add(call, root, copied).code == 3, "asking twice changes nothing"
    assert _acknowledge(call, root).code == 0
    assert _add(call, root, copied).code == 0, "and no other acknowledgement is needed"
    assert call("run", root, *_RUN).code == 0


def test_a_picture_that_was_added_before_the_denial_is_noticed_by_the_next_run(
    searched: Denied, call: Call, tmp_path: Path
) -> None:
    root = search_case(tmp_path / "new", reference="J 9/26")
    assert _ingest(call, root, _other_footage(tmp_path)).code == 0
    assert _add(call, root, searched.picture).code == 0
    searched.deny()
    answer = call("run", root, *_RUN)
    assert (answer.code, "a reference picture in common" in answer.err) == (3, True)


def test_results_of_a_case_about_the_same_are_read_after_an_acknowledgement_only(
    found: FaceCase, searched: Denied, call: Call, tmp_path: Path
) -> None:
    """The other case compared faces of the same footage before; what it found is refused, but not to the defence."""
    twin = found
    opened = forensics.open_case(twin.root)
    (candidate, *_) = [f"{row['sighting_id']}:{row['entry_id']}" for row in twin.candidates()]
    with open_session(twin.root, "review", need=Need.RESULTS, reason="r") as session:
        desk = ReviewDesk.at(session, "B. Becker")
        assert desk.candidates()
        searched.deny()
        with pytest.raises(NotAuthorised, match=searched.case_id):
            desk.candidates()
    for answer in (
        call("query", twin.root, "candidates", "--reason", "look"),
        call("review", twin.root, "--as", "B. Becker", "--candidate", candidate, "--reason", "look"),
        call("query", twin.root, "--pictures", tmp_path / "people.png", "--reason", "look"),
    ):
        assert (answer.code, searched.case_id in answer.err, "--after-denial" in answer.err) == (3, True, True)
    with pytest.raises(NotAuthorised, match=searched.case_id):
        opened.candidates(reason="look")
    name = opened.sightings().collect()["thumbnail"][0]
    with pytest.raises(NotAuthorised, match=searched.case_id):
        opened.read_picture(name, reason="look")
    assert call("case", "disclose", twin.root, "-o", tmp_path / "for the defence.json", *_TO_COURT).code == 0
    assert _acknowledge(call, twin.root).code == 0
    assert twin.candidates()
    assert opened.candidates(reason="look").collect().height > 0


def test_the_reference_is_recognised_in_any_spelling(denied: Denied, call: Call, tmp_path: Path) -> None:
    words = ("--title", "t", "--purpose", "find a person", "--operator", "B. Brown", "--legal-basis", "Police Act s. 7")
    words += (
        "--expires",
        "2099-12-31",
        "--camera",
        "yard",
        "--from",
        "2026-05-01T00:00:00Z",
        "--to",
        "2026-05-02T00:00:00Z",
        *REPORT_WORDS,
    )
    for seed in range(12):
        chance = random.Random(seed)
        letters = [chance.choice((each.lower(), each.upper())) for each in "K118/26"]
        written = "".join(each + chance.choice(("", " ", "-", ".", "\u00a0")) for each in letters)
        root = tmp_path / f"case {seed}"
        answer = call(
            "case", "init", root, "--mode", "missing", *words, "--reference", written, "--expires", "2099-12-31"
        )
        said = f"the reference in common with case {denied.case_id}"
        assert (answer.code, said in answer.err) == (0, True), (seed, written, answer.err)
    assert call("run", root, *_RUN).code == 3


def test_what_has_nothing_in_common_is_not_asked(denied: Denied, call: Call, tmp_path: Path) -> None:
    root = search_case(tmp_path / "new", reference="K 118/27")
    ingested = _ingest(call, root, _other_footage(tmp_path))
    assert "denied" not in ingested.err
    assert _add(call, root, write_reference(1, tmp_path / "p.png")).code == 0
    assert call("run", root, *_RUN).code == 0
    assert "denials" not in call("case", "show", root).out
    assert _acknowledge(call, root).code == 2


@pytest.mark.parametrize("mode", ["scene", "wildlife"])
def test_a_case_that_compares_no_faces_is_not_asked(denied: Denied, call: Call, tmp_path: Path, mode: str) -> None:
    root, who = tmp_path / "new", ("--purpose", "a stolen bicycle", "--operator", "A. Ahmed", "--reference", "K 118/26")
    assert call("case", "init", root, "--mode", mode, *who).code == 0
    assert "denied" not in _ingest(call, root, denied.footage).err
    assert call("run", root, *_RUN).code == 0


def test_an_acknowledgement_covers_the_denials_that_were_known(denied: Denied, call: Call, tmp_path: Path) -> None:
    root = search_case(tmp_path / "new", reference="J 9/26")
    assert _ingest(call, root, denied.footage).code == 0
    about_others = search_case(tmp_path / "about others", reference="Z 1/26", authority="pending")
    assert call("case", "deny", about_others, *_DENY).code == 0
    assert _acknowledge(call, root).code == 0
    assert call("run", root, *_RUN).code == 0
    assert load_case(root).acknowledged_denials == (denied.case_id,), "and none of cases about something else"
    second = search_case(tmp_path / "second", reference="J 9/26", authority="pending")
    second_id = load_case(second).case_id
    assert call("case", "deny", second, *_DENY).code == 0
    answer = call("run", root, *_RUN)
    assert (answer.code, second_id in answer.err, denied.case_id in answer.err) == (3, True, False)
    assert second_id in call("status", root).out
    assert _acknowledge(call, root).code == 0
    assert call("run", root, *_RUN).code == 0
    assert load_case(root).acknowledged_denials == (denied.case_id, second_id)


def test_an_acknowledgement_needs_a_reason(denied: Denied, call: Call, tmp_path: Path) -> None:
    root = search_case(tmp_path / "new")
    assert call("case", "policy", root, "--after-denial").code == 2
    assert _acknowledge(call, root, " ").code == 2
    assert load_case(root).acknowledged_denials == ()


def test_an_acknowledgement_is_shown_logged_and_disclosed(denied: Denied, call: Call, tmp_path: Path) -> None:
    root = search_case(tmp_path / "new", reference="k118-26")
    assert _ingest(call, root, denied.footage).code == 0
    shown = call("case", "show", root).out
    assert f"case {denied.case_id}, denied" in shown
    assert "footage and the reference, not acknowledged" in shown
    assert _acknowledge(call, root, "another offence, asked the prosecutor").code == 0
    assert "footage and the reference, acknowledged" in call("case", "show", root).out
    lines = read_chain(root / "audit.jsonl").lines
    (begin,) = [line for line in lines if (line.kind, line.command) == ("begin", "case policy")]
    assert (begin.why, begin.facts["after_denial"]) == ("another offence, asked the prosecutor", True)
    assert call("case", "disclose", root, "-o", tmp_path / "d.json", *_TO_COURT).code == 0
    (row,) = json.loads((tmp_path / "d.json").read_text())["case"]["denials"]
    assert (row["case_id"], row["in_common"]) == (denied.case_id, ["footage", "the reference"])
    assert row["acknowledged"]["reason"] == "another offence, asked the prosecutor"


def test_an_acknowledgement_of_a_killed_command_keeps_its_reason(denied: Denied, call: Call, tmp_path: Path) -> None:
    root = search_case(tmp_path / "new", reference="k118-26")
    assert _ingest(call, root, denied.footage).code == 0
    with die_at("rename", str(root / "case.toml"), after=True):
        assert _acknowledge(call, root, "another offence").code == KILLED
    assert call("case", "disclose", root, "-o", tmp_path / "d.json", *_TO_COURT).code == 0
    (row,) = json.loads((tmp_path / "d.json").read_text())["case"]["denials"]
    assert row["acknowledged"]["reason"] == "another offence"


def test_a_copy_of_a_denied_case_with_its_key_never_continues(searched: Denied, call: Call, tmp_path: Path) -> None:
    keys = Path(os.environ["FORENSICS_KEYS"])
    shutil.copytree(searched.case.root, tmp_path / "copy")
    kept = {path: path.read_bytes() for path in keys.glob(f"{searched.case_id}*")}
    searched.deny()
    for path, data in kept.items():  # key and log anchor, as they were when the case was copied
        path.write_bytes(data)
    root = tmp_path / "copy"
    assert call("case", "show", root).code == 0, "the copy is whole"
    for command in (
        *(("run", root, *_RUN), ("ingest", root, searched.footage, "--camera", "gate")),
        *(("query", root, "candidates", "--reason", "r"), ("case", "policy", root, "--after-denial", "--reason", "r")),
    ):
        answer = call(*command)
        assert (answer.code, "authority was refused" in answer.err) == (3, True), answer.err
    assert not searched.has_key, "the first command denies the copy as well"


# ---- every way to deny is remembered


def _subjects(case_id: str) -> dict[str, int]:
    (denial,) = [each for each in load_denials() if each.case_id == case_id]
    return {kind: len(references) for kind, references in denial.subjects.items()}


def test_a_denial_on_hold_is_remembered_too(searched: Denied) -> None:
    searched.case.do("case hold", "--reason", "trial")
    searched.deny()
    assert searched.has_key
    assert _subjects(searched.case_id) == {"footage": 1, "pictures": 1, "reference": 1}


def _break_log(root: Path) -> None:
    path = root / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"begin"', b'"bogin"', 1))


def _break_case_file(root: Path) -> None:
    path = root / "case.toml"
    path.write_text(path.read_text().replace("purpose =", "# purpose ="))


def _break_evidence(root: Path) -> None:
    (root / "evidence" / "evidence.parquet").write_bytes(b"junk")


def _break_entry(root: Path) -> None:
    (entry,) = root.glob("watchlist/*/entry.json")
    entry.write_text('{"sealed": "00"}')


def _pipe_for_entry(root: Path) -> None:
    """A pipe that nobody writes to: reading it would never end."""
    (entry,) = root.glob("watchlist/*/entry.json")
    entry.unlink()
    os.mkfifo(entry)


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        (_break_log, {"footage": 0, "pictures": 1, "reference": 1}),
        (_break_case_file, {"footage": 1, "pictures": 1, "reference": 0}),
        (_break_evidence, {"footage": 1, "pictures": 1, "reference": 1}),
        (_break_entry, {"footage": 1, "pictures": 0, "reference": 1}),
        (_pipe_for_entry, {"footage": 1, "pictures": 0, "reference": 1}),
    ],
)
def test_of_a_damaged_case_the_rest_is_remembered_and_its_key_is_gone(
    searched: Denied, call: Call, damage: Callable[[Path], None], left: dict[str, int]
) -> None:
    """The ids of evidence are in the table and in the log: one of them is enough."""
    if damage is _break_log:
        _break_evidence(searched.case.root)
    damage(searched.case.root)
    signal.alarm(60)
    try:
        assert call("case", "deny", searched.case.root, *_DENY).code != 0
    finally:
        signal.alarm(0)
    assert _subjects(searched.case_id) == left
    assert not keyring_for(CaseFolder(searched.case.root), searched.case_id).path.exists()


def test_a_damaged_case_that_is_restored_and_denied_again_is_remembered_whole(searched: Denied, call: Call) -> None:
    whole = (searched.case.root / "case.toml").read_bytes()
    _break_case_file(searched.case.root)
    assert call("case", "deny", searched.case.root, *_DENY).code == 3
    (searched.case.root / "case.toml").write_bytes(whole)
    searched.deny()
    assert _subjects(searched.case_id) == {"footage": 1, "pictures": 1, "reference": 1}


@pytest.mark.parametrize(
    ("operation", "file", "is_after"),
    [
        ("rename", "{root}/.denied", False),
        ("rename", "{root}/.denied", True),
        ("write", "{key}", False),
        ("remove", "{key}", False),
        ("rename", "{root}/case.toml", False),
    ],
)
def test_a_killed_denial_is_remembered_by_the_next_command(
    searched: Denied, call: Call, *, operation: str, file: str, is_after: bool
) -> None:
    key = keyring_for(CaseFolder(searched.case.root), searched.case_id).path
    with die_at(operation, file.format(root=searched.case.root, key=key), after=is_after):
        assert call("case", "deny", searched.case.root, *_DENY).code == KILLED
    assert call("case", "show", searched.case.root).code == 0
    assert not searched.has_key
    assert _subjects(searched.case_id) == {"footage": 1, "pictures": 1, "reference": 1}


def test_a_denial_of_an_earlier_version_is_remembered_by_the_next_command(denied: Denied, call: Call) -> None:
    denials_file().unlink()
    assert call("case", "sweep", denied.case.root.parent).code == 0
    assert _subjects(denied.case_id) == {"footage": 1, "pictures": 0, "reference": 1}, "its key is gone"


def test_a_mark_without_a_denial_in_the_log_is_not_remembered(searched: Denied, call: Call) -> None:
    (searched.case.root / ".denied").write_text("{}")
    assert call("case", "show", searched.case.root).code == 0
    assert not is_remembered(searched.case_id)


# ---- nothing keeps the key


@pytest.mark.parametrize("error_number", [errno.ENOSPC, errno.EACCES, errno.EIO])
@pytest.mark.parametrize(("operation", "place"), [("write", "*/denials.jsonl"), ("read", "*/evidence.parquet")])
def test_a_memory_that_cannot_be_written_keeps_no_key(
    searched: Denied, operation: str, place: str, error_number: int
) -> None:
    with fail_at(operation, place, error_number) if operation == "write" else contextlib.nullcontext():
        if operation == "read":
            (searched.case.root / "evidence" / "evidence.parquet").chmod(0o000)
        answer = searched.case.call("case", "deny", searched.case.root, *_DENY)
    assert not searched.has_key
    if operation == "write":
        assert (answer.code, "could not be stored" in answer.err) == (0, True), answer.err
        searched.case.do("case show")
    assert is_remembered(searched.case_id)


def test_a_command_that_holds_the_memory_delays_no_destruction(searched: Denied) -> None:
    denials_file().parent.mkdir(parents=True, exist_ok=True)
    script = "import sys; from pipelines.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", script, "case", "deny", str(searched.case.root), *_DENY]
    with denials_file().open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 60
            while searched.has_key:
                assert time.monotonic() < deadline, "the key is still there"
                time.sleep(0.05)
            assert not is_remembered(searched.case_id)
            fcntl.flock(held, fcntl.LOCK_UN)
            assert process.wait(60) == 0
    assert _subjects(searched.case_id) == {"footage": 1, "pictures": 1, "reference": 1}


# ---- the file


def test_denials_at_one_time_are_all_kept(denied: Denied) -> None:
    folder = CaseFolder(denied.case.root)

    def deny(number: int) -> None:
        with remembered(folder, f"{number:016x}", reference=f"K {number}/26", at_utc=datetime.now(UTC)):
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(deny, range(40)))
    assert {each.case_id for each in load_denials()} == {denied.case_id, *(f"{number:016x}" for number in range(40))}
    n_lines = len(denials_file().read_bytes().splitlines())
    deny(7)
    assert len(denials_file().read_bytes().splitlines()) == n_lines, "what is known is not stored twice"


def test_a_line_that_was_cut_short_is_removed_by_the_next_writer(denied: Denied, call: Call, tmp_path: Path) -> None:
    whole = denials_file().read_bytes()
    for n_bytes in range(1, len(whole) - 1, 37):
        denials_file().write_bytes(whole + whole[:n_bytes])
        assert [each.case_id for each in load_denials()] == [denied.case_id]
    second = search_case(tmp_path / "second", authority="pending")
    assert call("case", "deny", second, *_DENY).code == 0
    assert denials_file().read_bytes().startswith(whole)
    assert len(load_denials()) == 2


def test_the_file_is_private_and_says_nothing_without_the_key(denied: Denied) -> None:
    assert oct(denials_file().stat().st_mode & 0o777) == "0o600"
    assert oct(denials_file().parent.stat().st_mode & 0o777) == "0o700"
    stored = denials_file().read_text()
    for word in ("Muster", "refused", "K 118/26", "k11826", "Ahmed", "E0", "gate", "Platform"):
        assert word not in stored
    plain = [item.sha256 for item in load_evidence(CaseFolder(denied.case.root))]
    plain += [sha256(path.read_bytes()).hexdigest() for path in (denied.footage, denied.picture)]
    guessed = ("K 118/26", "k118/26", "k11826", denied.case_id, denied.footage.name)
    guesses = [each for value in (*plain, *guessed) for each in (value, *_hashes_without_key(value))]
    for guess in guesses:
        assert guess[:12] not in stored.replace(f'"case_id":"{denied.case_id}"', ""), guess
    assert len(re.findall(r'"[0-9a-f]{16}"', stored)) == 6, "case, key, footage, picture, reference, mac"


def _hashes_without_key(value: str) -> list[str]:
    kinds = ("", "footage:", "evidence:", "pictures:", "picture:", "reference:")
    return [sha256(f"{kind}{form}".encode()).hexdigest() for kind in kinds for form in (value, value[:16])]


def test_another_installation_gives_other_references(denied: Denied, monkeypatch: pytest.MonkeyPatch) -> None:
    (here,) = load_denials()
    monkeypatch.setenv("FORENSICS_KEYS", f"{os.environ['FORENSICS_KEYS']}-2")
    at_utc = datetime.now(UTC)
    with remembered(CaseFolder(denied.case.root), denied.case_id, reference="K 118/26", at_utc=at_utc):
        pass
    (there,) = load_denials()
    assert not here.subjects["footage"] & there.subjects["footage"]
    assert not here.subjects["reference"] & there.subjects["reference"]


@pytest.mark.parametrize("damage", ["a changed line", "another key", "no key"])
def test_a_damaged_memory_is_reported_and_keeps_no_key(denied: Denied, call: Call, tmp_path: Path, damage: str) -> None:
    root = search_case(tmp_path / "new", authority="pending", reference="J 9/26")
    case_id = load_case(root).case_id
    if damage == "a changed line":
        denials_file().write_bytes(
            denials_file().read_bytes().replace(b'"footage":["', b'"footage":["0000000000000000","')
        )
    elif damage == "another key":
        installation_key_file().write_bytes(bytes(range(32)))
    else:
        installation_key_file().unlink()
    answer = call("run", root, *_RUN)
    assert (answer.code, "denials.jsonl" in answer.err, "restore" in answer.err) == (5, True, True), answer.err
    assert call("case", "show", root).code == 0
    assert "not known" in call("status", root).out
    assert call("case", "disclose", root, "-o", tmp_path / "d.json", *_TO_COURT).code == 0
    assert "restore" in json.loads((tmp_path / "d.json").read_text())["case"]["denials_missing_because"]
    assert call("case", "deny", root, *_DENY).code == 0
    assert not keyring_for(CaseFolder(root), case_id).exists
    assert is_remembered(case_id)


def test_without_a_denial_nothing_is_stored_and_nothing_is_asked(searched: Denied, call: Call, tmp_path: Path) -> None:
    root = search_case(tmp_path / "granted")
    assert _ingest(call, root, _other_footage(tmp_path)).code == 0
    assert call("run", root, *_RUN).code == 0
    assert not denials_file().exists()
    assert call("run", searched.case.root, *_RUN).code == 0
    assert load_denials() == [], "of a pending case the end of its 48 hours is stored, and not yet asked about"
    assert find_denials(load_case(searched.case.root)) == []
