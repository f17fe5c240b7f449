"""Tampering with a case folder: edits, older copies and forged files are refused by every command."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

import forensics
from forensics.adapters.crypto.signing import key_id_of, new_private_key, public_key_of, sign
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import EMPTY_HEAD, read_chain
from forensics.digests import sha256_of_bytes
from forensics.errors import IntegrityBroken, NotAuthorised
from forensics.faces.review_rules import Review, Verdict
from forensics.tables.files import read_sealed_table
from forensics.tables.schemas import RECOGNISE_PART
from pipelines import clock
from pipelines.custody.case_lock import lock_case, take_over_lock
from pipelines.custody.case_store import load_case
from pipelines.custody.entry_removal import remove_entry
from pipelines.custody.keys import key_of, keyring_for
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.review.desk import ReviewDesk
from pipelines.review.reviewers import load_reviewers
from pipelines.review.reviews import load_reviews
from scripts.measure.file_edits import EDITS, replaced
from testing.audit_events import KILLED, die_at, fail_at, run_killed
from testing.commands import ENTRY_ENDS, ENTRY_LAST_DAY, REPORT_WORDS, Call, authority_words, new_case, search_case
from testing.face_case import FaceCase, answers


@pytest.fixture
def excluded(found: FaceCase) -> FaceCase:
    """A search with a candidate that two reviewers have excluded."""
    (row,) = [row for row in found.candidates() if row["decision"] == "candidate"]
    for name in ("B. Becker", "C. Cole"):
        assert found.decide(name, f"{row['sighting_id']}:{row['entry_id']}", "exclude").code == 0
    return found


def _pass(monkeypatch: pytest.MonkeyPatch, **time_passed: float) -> None:
    """Move the clock forward from now on."""
    before = clock.utc_now
    monkeypatch.setattr(clock, "utc_now", lambda: before() + timedelta(**time_passed))


def _edited(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# ---- files that decide


def _mandate(case: Path) -> None:
    _edited(case / "case.toml", '"gate",', '"gate", "street",')


def _mode(case: Path) -> None:
    _edited(case / "case.toml", 'mode = "search"', 'mode = "scene"')


def _verdict_cut(case: Path) -> None:
    verdicts, key = case / "reviews.jsonl.sealed", key_of(load_case(case))
    lines = key.unseal(verdicts.read_bytes(), "verdicts").splitlines(keepends=True)
    verdicts.write_bytes(key.seal(b"".join(lines[:-1]), "verdicts"))


def _verdicts_gone(case: Path) -> None:
    (case / "reviews.jsonl.sealed").unlink()


def _ghosts(case: Path) -> None:
    """Add a reviewer with an own key beside those that commands added."""
    public = public_key_of(new_private_key())
    known = json.loads((case / "reviewers.json").read_text())
    ghost = {**known[0], "name": "G. Ghost", "key_id": key_id_of(public), "public_hex": public.hex()}
    (case / "reviewers.json").write_text(json.dumps([*known, ghost]))


def _entry(case: Path) -> Path:
    (entry,) = (case / "watchlist").iterdir()
    return entry


def _entry_for_ever(case: Path) -> None:
    _edited(_entry(case) / "entry.json", f"{ENTRY_ENDS:%Y-%m-%d}", "2099-02-01")


def _entry_of_nobody(case: Path) -> None:
    shutil.copytree(_entry(case), _entry(case).with_name("f" * 16))


def _entry_elsewhere(case: Path) -> None:
    entry = _entry(case)
    entry.rename(case.parent / "elsewhere")
    entry.symlink_to(case.parent / "elsewhere")


def _certificate(case: Path) -> None:
    (case / "certificates").mkdir(exist_ok=True)
    files = [{"path": "../gate.mp4", "sha256": ""}, {"path": "tables/candidates.parquet", "sha256": ""}]
    forged = {"state": "begun", "reason": "denied", "why": "", "who": {}, "key_destroyed": False, "files": files}
    (case / "certificates" / "forged.json").write_text(json.dumps(forged))


def _log_gone(case: Path) -> None:
    (case / "audit.jsonl").unlink()


def _log_cut(case: Path) -> None:
    lines = (case / "audit.jsonl").read_bytes().splitlines(keepends=True)
    (case / "audit.jsonl").write_bytes(b"".join(lines[:-6]))


def _log_pierced(case: Path) -> None:
    lines = (case / "audit.jsonl").read_bytes().splitlines(keepends=True)
    (case / "audit.jsonl").write_bytes(b"".join([*lines[:4], *lines[6:]]))


def _picture_gone(case: Path) -> None:
    next(_entry(case).glob("*.picture.sealed")).unlink()


def _template_altered(case: Path) -> None:
    template = next(_entry(case).glob("*.template.sealed"))
    template.write_bytes(template.read_bytes()[:-1] + b"\0")


_ATTACKS: tuple[Callable[[Path], None], ...] = (
    *(_mandate, _mode, _verdict_cut, _verdicts_gone, _ghosts, _entry_for_ever, _entry_of_nobody, _entry_elsewhere),
    *(_certificate, _log_gone, _log_cut, _log_pierced, _picture_gone, _template_altered),
)


@pytest.mark.parametrize("attack", _ATTACKS)
def test_every_command_refuses_a_tampered_case(excluded: FaceCase, attack: Callable[[Path], None]) -> None:
    evidence = (excluded.root.parent / "gate.mp4").read_bytes()
    attack(excluded.root)
    for command in (
        *(("case", "show", excluded.root), ("status", excluded.root), ("verify", excluded.root)),
        *(("run", excluded.root, "--runner", "serial"), ("query", excluded.root, "candidates", "--reason", "r")),
        *(("review", excluded.root, "--as", "B. Becker", "--reason", "r"), ("verify", excluded.root)),
    ):
        assert excluded.call(*command).code == 5, command
    assert excluded.call("case", "sweep", excluded.root.parent).code == 4
    assert keyring_for(CaseFolder(excluded.root), load_case(excluded.root).case_id).exists
    assert (excluded.root.parent / "gate.mp4").read_bytes() == evidence


def test_a_case_under_another_id_in_the_same_folder_is_refused(excluded: FaceCase) -> None:
    """Mandate, log and id are forged as a whole, so that nothing inside the case contradicts it."""
    own = load_case(excluded.root).case_id
    _edited(excluded.root / "case.toml", own, "0123456789abcdef")
    sha256, previous, forged = sha256_of_bytes((excluded.root / "case.toml").read_bytes()), EMPTY_HEAD, b""
    for line in read_chain(excluded.root / "audit.jsonl").lines:
        files = line.facts.get("files", {})
        facts = {**line.facts, "files": {**files, "case.toml": sha256}} if "case.toml" in files else line.facts
        chained = replace(line, previous=previous, facts=facts)
        previous, forged = chained.sha256, forged + chained.encoded() + b"\n"
    (excluded.root / "audit.jsonl").write_bytes(forged)
    (excluded.root / "checkpoints.jsonl").unlink()
    for command in (("verify", excluded.root), ("case", "show", excluded.root), ("query", excluded.root, "sightings")):
        answer = excluded.call(*command)
        assert (answer.code, f"this folder held case {own}" in answer.err) == (5, True), answer.err


def test_a_new_case_may_take_the_place_of_a_lost_one(excluded: FaceCase, call: Call) -> None:
    shutil.rmtree(excluded.root)
    new_case(call, excluded.root)
    assert call("verify", excluded.root).code == 0


def test_readings_cannot_be_cut_from_the_log(excluded: FaceCase) -> None:
    before = (excluded.root / "audit.jsonl").read_bytes()
    forensics.open_case(excluded.root).candidates(reason="curious")
    (excluded.root / "audit.jsonl").write_bytes(before)
    answer = excluded.call("verify", excluded.root)
    assert (answer.code, "the log was cut" in answer.err) == (5, True), answer.err


def test_an_old_certificate_excuses_no_file_that_was_made_again(found: FaceCase) -> None:
    first = found.call("status", found.root, "--json").json["run"]
    found.run("--runner", "serial", "--set", "recognise.minimum_faces=4")
    found.run("--runner", "serial", "--set", "recognise.minimum_faces=3")
    faces = sorted((found.root / "runs" / first / "parts" / "recognise").glob("*.sealed"))
    certified = "".join(path.read_text() for path in (found.root / "certificates").glob("*.json"))
    assert any(path.name in certified for path in faces), "a certificate names what was made again"
    for path in faces:
        path.unlink()
    assert found.call("verify", found.root).code == 5


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("next_command", ["case show", "verify", "status"])
def test_the_next_command_settles_what_a_killed_one_left(
    excluded: FaceCase, next_command: str, is_after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between its two notes, a command leaves a file that may be old or new: nobody chooses later which."""
    toml = excluded.root / "case.toml"
    old = toml.read_bytes()
    with die_at("rename", str(toml), after=is_after):
        answer = excluded.call("case", "policy", excluded.root, "--watchlist-limit", 6, "--reason", "r")
    assert answer.code == KILLED
    _restart_the_machine(monkeypatch)
    left = toml.read_bytes()
    excluded.do(next_command)
    other = old if is_after else old.replace(b"watchlist_limit = 5", b"watchlist_limit = 6")
    assert other != left
    toml.write_bytes(other)
    for command in ("verify", "case show"):
        assert excluded.call(*command.split(), excluded.root).code == 5
    toml.write_bytes(left)
    assert excluded.call("verify", excluded.root).code == 0


def _restart_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands so far be of an earlier start of the machine, so that their processes are known to be dead."""
    monkeypatch.setattr("forensics.custody.log_writer._boot_id", lambda: "another")


def test_a_verdict_of_a_killed_command_cannot_be_taken_back(found: FaceCase, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = [row for row in found.candidates() if row["decision"] == "candidate"]
    with die_at("rename", f"{found.root}/reviews.jsonl.sealed", after=True):
        answer = found.decide("B. Becker", f"{row['sighting_id']}:{row['entry_id']}", "exclude")
    assert answer.code == KILLED
    _restart_the_machine(monkeypatch)
    found.do("review", "--as", "B. Becker", "--reason", "r")
    (found.root / "reviews.jsonl.sealed").unlink()
    assert found.call("verify", found.root).code == 5


def test_a_forged_line_of_the_log_is_refused(excluded: FaceCase) -> None:
    """The line is chained correctly, so that only the log anchor outside of the case reveals it."""
    _mandate(excluded.root)
    lines = read_chain(excluded.root / "audit.jsonl").lines
    facts = {"files": {"case.toml": sha256_of_bytes((excluded.root / "case.toml").read_bytes())}}
    note = next(line for line in lines if line.kind == "note")
    forged = replace(note, number=len(lines), previous=lines[-1].sha256, at_utc_us=lines[-1].at_utc_us, facts=facts)
    with (excluded.root / "audit.jsonl").open("ab") as file:
        file.write(replace(forged, command="wrote").encoded() + b"\n")
    assert excluded.call("run", excluded.root, "--runner", "serial").code == 5
    assert excluded.call("verify", excluded.root).code == 5


@pytest.mark.parametrize("name", ["reviewers.json", "watchlist/*/entry.json", "tables/MANIFEST.json"])
def test_a_json_file_with_any_other_value_is_refused(excluded: FaceCase, name: str) -> None:
    (path,), rng = excluded.root.glob(name), Random(f"20 values of {name}")
    for _ in range(20):
        edit = EDITS["json"](path, [], rng)
        assert edit is not None
        with replaced(edit):
            answer = excluded.call("verify", excluded.root)
            assert answer.code == 5
            assert f"{path}:" in answer.err
            assert excluded.call("query", excluded.root).code == 5
    assert excluded.call("verify", excluded.root).code == 0


def test_an_older_copy_of_a_case_is_not_worked_on(excluded: FaceCase, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(excluded.root, tmp_path / "copy"))
    excluded.do("case policy", "--watchlist-limit", 6, "--reason", "r")
    for command in (("run", copy, "--runner", "serial"), ("case", "show", copy), ("verify", copy)):
        assert excluded.call(*command).code == 5, command
    assert excluded.call("verify", excluded.root).code == 0


def test_a_verdict_that_a_reviewer_stored_by_hand_is_found(excluded: FaceCase) -> None:
    case = load_case(excluded.root)
    private = next(Path(os.environ["FORENSICS_REVIEWER_KEYS"]).glob(f"{case.case_id}-*.key"))
    last = load_reviews(case)[-1]
    previous = sha256_of_bytes(last.encoded())
    public = public_key_of(private.read_bytes())
    name = next(each.name for each in load_reviewers(case.folder) if each.public_hex == public.hex())
    at_utc_us = last.at_utc_us + 1
    by_hand = Review(
        case.case_id, "r", "s", "e", name, key_id_of(public), Verdict.CONFIRM, {}, "", at_utc_us, "x", previous
    )
    by_hand = replace(by_hand, signature=sign(private.read_bytes(), by_hand.signed_bytes()).hex())
    before = excluded.key.unseal(excluded.verdicts.read_bytes(), "verdicts")
    excluded.verdicts.write_bytes(excluded.key.seal(before + by_hand.encoded() + b"\n", "verdicts"))
    assert len(load_reviews(case)) == 3, "it is signed and chained"
    assert excluded.call("verify", excluded.root).code == 5
    assert excluded.call("review", excluded.root, "--as", name, "--reason", "r").code == 5


@pytest.mark.parametrize("is_after", [False, True])
def test_a_change_that_was_cut_short_leaves_a_case_in_order(excluded: FaceCase, is_after: bool) -> None:
    """The command dies just before or just after the file gets its new content."""
    with die_at("rename", f"{excluded.root}/case.toml", after=is_after):
        answer = excluded.call("case", "policy", excluded.root, "--watchlist-limit", 6, "--reason", "r")
        assert answer.code == KILLED
    for command in (("case", "show", excluded.root), ("verify", excluded.root)):
        assert excluded.call(*command).code == 0
    assert load_case(excluded.root).watchlist_limit == (6 if is_after else 5)


# ---- withheld, destroyed, left over


def _pending(tmp_path: Path, call: Call) -> FaceCase:
    """A search whose authority is pending, after its first run."""
    case = FaceCase.make(tmp_path, call, n_people=2, authority="pending")
    case.enrol("E0", 0, tmp_path)
    case.run()
    return case


def _lapsed_with_a_verdict(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> FaceCase:
    """The 48 hours are over, and no command has enforced it yet."""
    case = _pending(tmp_path, call)
    case.reviewer("B. Becker")
    (row,) = [row for row in case.candidates() if row["decision"] == "candidate"]
    assert case.decide("B. Becker", f"{row['sighting_id']}:{row['entry_id']}", "exclude").code == 0
    _pass(monkeypatch, hours=49)
    return case


def test_verdicts_outlive_a_lapse_and_not_a_denial(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    case = _lapsed_with_a_verdict(tmp_path, call, monkeypatch)
    assert case.call("run", case.root).code == 3
    with pytest.raises(NotAuthorised, match="withheld"):
        load_reviews(load_case(case.root))
    assert case.call("verify", case.root).code == 0
    case.do("case authorise", *authority_words())
    assert [review.verdict for review in load_reviews(load_case(case.root))] == [Verdict.EXCLUDE]
    assert case.call("verify", case.root).code == 0


@pytest.mark.parametrize("how", ["denied", "due", "denied on hold, then lifted"])
def test_what_was_withheld_and_then_destroyed_is_not_missing(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    case = _pending(tmp_path, call)
    if how == "denied on hold, then lifted":
        case.do("case hold", "--reason", "trial")
    _pass(monkeypatch, hours=49)
    case.do("case show")
    if how == "due":
        _pass(monkeypatch, days=800)
    else:
        case.do("case deny", "--reason", "refused")
    if how == "denied on hold, then lifted":
        case.do("case hold", "--lift", "--reason", "it is over")
    case.do("case show")
    assert case.call("verify", case.root).code == 0
    assert not list(case.root.rglob("*.sealed"))
    assert not list(case.root.rglob("*candidates*/*"))
    told = [json.loads(path.read_text()) for path in (case.root / "certificates").glob("*.json")]
    (certificate,) = [each for each in told if each["reason"] not in {"entry", "results"}]
    assert certificate["key_destroyed"]
    assert certificate["why"] == ("the mandate expired, seven days of grace are over" if how == "due" else "refused")


def test_tables_that_a_kill_left_half_placed_go_with_a_denial(excluded: FaceCase) -> None:
    for name in (".tables.new", ".tables.old"):
        shutil.copytree(excluded.root / "tables", excluded.root / name)
    excluded.do("case deny", "--reason", "refused")
    assert not list(excluded.root.rglob("candidates.parquet*"))


def test_another_key_folder_destroys_nothing_and_says_so(
    excluded: FaceCase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    right = os.environ["FORENSICS_KEYS"]
    monkeypatch.setenv("FORENSICS_KEYS", str(tmp_path / "other"))
    for command in (("case", "deny", excluded.root, "--reason", "refused"), ("run", excluded.root)):
        answer = excluded.call(*command)
        assert (answer.code, "FORENSICS_KEYS" in answer.err) == (3, True)
    assert not list((excluded.root / "certificates").glob("*"))
    monkeypatch.setenv("FORENSICS_KEYS", right)
    answer = excluded.call("run", excluded.root)
    assert (answer.code, "deny it again" in answer.err) == (3, True)
    excluded.do("case deny", "--reason", "refused")
    assert not keyring_for(CaseFolder(excluded.root), load_case(excluded.root).case_id).exists
    assert not (excluded.root / "watchlist").exists() or not list((excluded.root / "watchlist").iterdir())


@pytest.mark.parametrize("obstacle", ["clock", "case.toml", "log"])
def test_no_obstacle_prevents_a_denial_from_destroying_the_key(
    excluded: FaceCase, monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    keyring = keyring_for(CaseFolder(excluded.root), load_case(excluded.root).case_id)
    if obstacle == "clock":
        _pass(monkeypatch, hours=-20)
    elif obstacle == "case.toml":
        (excluded.root / "case.toml").write_text((excluded.root / "case.toml").read_text() + "# \n")
    else:
        with (excluded.root / "audit.jsonl").open("r+b") as file:
            file.seek(-20, 2)
            file.write(b"x")
    assert excluded.call("case", "deny", excluded.root, "--reason", "refused").code in {3, 5}
    assert not keyring.exists
    assert excluded.call("run", excluded.root).code in {3, 5}


def test_after_a_run_no_face_is_kept_but_of_what_is_published_or_decided(excluded: FaceCase, tmp_path: Path) -> None:
    def parts() -> dict[str, int]:
        return {
            path.name: len(read_sealed_table(path, RECOGNISE_PART, excluded.key)) for path in excluded.compared_parts()
        }

    before = parts()
    assert list(before.values()) == [2]
    excluded.enrol("E1", 1, tmp_path)
    excluded.run()
    assert before.keys().isdisjoint(parts())
    assert sorted(parts().values()) == [1, 4], "the pair that people decided, and all pairs of the new list"
    reasons = [json.loads(path.read_text())["reason"] for path in (excluded.root / "certificates").glob("*.json")]
    assert reasons == ["superseded"]
    excluded.run()
    assert sorted(parts().values()) == [1, 4]
    lost = json.loads(excluded.do("verify", "--json"))["lost_of_earlier_runs"]
    assert lost == [], "a certificate names each"


def test_a_command_that_died_while_it_added_an_entry_leaves_no_picture(excluded: FaceCase) -> None:
    half = excluded.root / "watchlist" / "E5"
    half.mkdir()
    (half / "a.picture.sealed").write_bytes(b"FSEAL1")
    excluded.do("case show")
    assert not half.exists()


def test_a_corrected_clock_withdraws_what_was_compared(excluded: FaceCase) -> None:
    excluded.do("case clock", "gate", "--offset", 5, "--reason", "radio clock")
    for command in (
        ("query", excluded.root, "candidates", "--reason", "r"),
        ("review", excluded.root, "--as", "B. Becker", "--reason", "r"),
    ):
        answer = excluded.call(*command)
        assert (answer.code, "corrected" in answer.err) == (3, True)
    excluded.run()
    excluded.do("query", "candidates", "--reason", "r")


# ---- doors


def test_the_library_enforces_the_mandate(excluded: FaceCase) -> None:
    assert len(forensics.open_case(excluded.root).candidates(reason="r").collect()) == 2
    kept = (excluded.root / "case.toml").read_bytes()
    _mandate(excluded.root)
    with pytest.raises(IntegrityBroken, match=r"case\.toml"):
        forensics.open_case(excluded.root).candidates(reason="r")
    (excluded.root / "case.toml").write_bytes(kept)
    excluded.do("case deny", "--reason", "refused")
    with pytest.raises(NotAuthorised, match="denied"):
        forensics.open_case(excluded.root).candidates(reason="r")


@pytest.mark.parametrize("name", [".lock", "audit.jsonl"])
def test_a_link_in_the_place_of_a_file_is_not_followed(excluded: FaceCase, name: str) -> None:
    footage = excluded.root.parent / "gate.mp4"
    before = footage.read_bytes()
    (excluded.root / name).unlink()
    (excluded.root / name).symlink_to(footage)
    assert excluded.call("case", "hold", excluded.root, "--reason", "trial").code == 5
    assert footage.read_bytes() == before


def test_the_holder_of_the_lock_is_found_by_the_kernel_not_by_the_file(excluded: FaceCase) -> None:
    """The process id in the lock file may have been written by another program."""
    with (
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as bystander,
        lock_case(CaseFolder(excluded.root)),
    ):
        (excluded.root / ".lock").write_text(f"process {bystander.pid} on {os.uname().nodename}")
        began = time.monotonic()
        with (
            pytest.raises(Exception, match="working on this case"),
            take_over_lock(CaseFolder(excluded.root), patience_s=0.5),
        ):
            pytest.fail("the lock is held by this very process")
        assert time.monotonic() - began < 10
        assert bystander.poll() is None
        bystander.kill()


def test_the_holder_of_a_lock_elsewhere_is_not_killed_through_a_hard_link(excluded: FaceCase, tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere.lock", CaseFolder(excluded.root)
    elsewhere.touch()
    folder.lock_file.unlink()
    folder.lock_file.hardlink_to(elsewhere)
    holds = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holds, str(elsewhere)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as bystander:
        assert bystander.stdout is not None
        bystander.stdout.readline()
        with pytest.raises(IntegrityBroken, match="hard link"), take_over_lock(folder, patience_s=0.2):
            pytest.fail("the lock is not that of the case")
        assert bystander.poll() is None
        bystander.kill()


def test_a_hold_set_by_another_command_is_kept(excluded: FaceCase) -> None:
    """Each change is made to the case as it is on disk, not as the command first read it."""
    with open_session(excluded.root, "slow", need=Need.CHANGE) as session:
        excluded.do("case hold", "--reason", "trial")
        with lock_case(session.folder):
            session.change(lambda case: replace(case, watchlist_limit=6))
    case = load_case(excluded.root)
    assert (case.mandate.hold, case.watchlist_limit) == ("trial", 6)
    assert excluded.call("case", "hold", excluded.root, "--reason", "another").code == 2


# ---- links that lead elsewhere


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """Make a folder outside of the case that no command may touch."""
    (tmp_path / "precious" / "photos").mkdir(parents=True)
    (tmp_path / "precious" / "photos" / "wedding.jpg").write_bytes(b"1")
    return tmp_path / "precious"


def test_a_linked_watchlist_deletes_nothing(tmp_path: Path, call: Call, precious: Path) -> None:
    searching = FaceCase.make(tmp_path, call).root
    scene = new_case(call, tmp_path / "scene")
    for case in (searching, scene):
        (case / "watchlist").symlink_to(precious)
        assert call("case", "show", case).code == 5
    assert (precious / "photos" / "wedding.jpg").exists()


@pytest.mark.parametrize("ends", ["lapse", "denial"])
def test_what_lies_behind_a_link_is_neither_sealed_nor_destroyed(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, precious: Path, ends: str
) -> None:
    case = _pending(tmp_path, call)
    (case.root / "runs" / "zz" / "parts").mkdir(parents=True)
    (case.root / "runs" / "zz" / "parts" / "recognise").symlink_to(precious / "photos")
    if ends == "lapse":
        _pass(monkeypatch, hours=49)
    else:
        case.do("case deny", "--reason", "refused")
    case.do("case show")
    assert [path.name for path in (precious / "photos").iterdir()] == ["wedding.jpg"]
    assert case.call("verify", case.root).code == 0


def test_a_torn_line_is_not_written_through_a_link(excluded: FaceCase, tmp_path: Path) -> None:
    (tmp_path / "keys.txt").write_text("mine")
    (excluded.root / "audit.torn").symlink_to(tmp_path / "keys.txt")
    with (excluded.root / "audit.jsonl").open("ab") as file:
        file.write(b"attacker")
    assert excluded.call("case", "show", excluded.root).code != 0
    assert (tmp_path / "keys.txt").read_text() == "mine"


# ---- a kill at a bad moment


def test_a_denial_that_was_killed_is_not_undone_by_removing_its_mark(excluded: FaceCase) -> None:
    with die_at("rename", f"{excluded.root}/.denied", after=True):
        assert excluded.call("case", "deny", excluded.root, "--reason", "refused").code == KILLED
    (excluded.root / ".denied").unlink()
    for command in (("query", excluded.root, "candidates", "--reason", "r"), ("run", excluded.root)):
        answer = excluded.call(*command)
        assert (answer.code, "authority was refused" in answer.err) == (3, True), answer.err
    with pytest.raises(NotAuthorised):
        forensics.open_case(excluded.root).candidates(reason="r")
    assert not keyring_for(CaseFolder(excluded.root), load_case(excluded.root).case_id).exists, "it is completed"


@pytest.mark.parametrize(
    ("operation", "file", "is_after"),
    [("rename", "{root}/case.toml", True), ("rename", "{key}", False), ("rename", "{key}", True)],
)
def test_an_authority_whose_entry_was_cut_short_is_completed(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, *, operation: str, file: str, is_after: bool
) -> None:
    case = _lapsed_with_a_verdict(tmp_path, call, monkeypatch)
    case.do("case show")
    (case.root / "runs" / "junk" / "parts" / "recognise").mkdir(parents=True)
    (case.root / "runs" / "junk" / "parts" / "recognise" / "a.parquet.sealed").write_bytes(b"junk")
    key = keyring_for(CaseFolder(case.root), load_case(case.root).case_id).path
    with die_at(operation, file.format(root=case.root, key=key), after=is_after):
        assert case.call("case", "authorise", case.root, *authority_words()).code == KILLED
    case.do("case show")
    assert len(load_reviews(load_case(case.root))) == 1
    assert case.candidates()
    assert case.call("verify", case.root).code == 0


def test_withheld_verdicts_that_vanish_are_reported(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = _lapsed_with_a_verdict(tmp_path, call, monkeypatch)
    case.do("case show")
    (case.root / "reviews.jsonl.sealed").unlink()
    for command in (("verify", case.root), ("case", "authorise", case.root, *authority_words())):
        assert case.call(*command).code == 5


def test_a_denial_on_hold_says_that_nothing_was_destroyed(excluded: FaceCase) -> None:
    excluded.do("case hold", "--reason", "trial")
    excluded.do("case deny", "--reason", "refused")
    answer = excluded.call("run", excluded.root)
    assert (answer.code, "withheld" in answer.err, "destroyed" in answer.err) == (3, True, False)
    excluded.do("case hold", "--lift", "--reason", "it is over")
    assert "destroyed" in excluded.call("run", excluded.root).err


def test_a_denial_on_hold_that_was_cut_short_is_not_undone(excluded: FaceCase) -> None:
    excluded.do("case hold", "--reason", "trial")
    with die_at("rename", f"{excluded.root}/case.toml"):
        assert excluded.call("case", "deny", excluded.root, "--reason", "refused").code == KILLED
    excluded.do("case show")
    (excluded.root / ".denied").unlink()
    assert excluded.call("query", excluded.root, "candidates", "--reason", "r").code in {3, 5}
    assert keyring_for(CaseFolder(excluded.root), load_case(excluded.root).case_id).withheld.exists()


@pytest.mark.parametrize("obstacle", ["a mark that says nothing", "a full disk"])
def test_neither_a_junk_mark_nor_a_full_disk_keeps_the_key(excluded: FaceCase, obstacle: str) -> None:
    keyring = keyring_for(CaseFolder(excluded.root), load_case(excluded.root).case_id)
    if obstacle == "a mark that says nothing":
        (excluded.root / ".denied").write_bytes(b"junk")
        assert excluded.call("run", excluded.root).code == 3
        excluded.do("case deny", "--reason", "refused")
    else:
        with fail_at("write", f"{excluded.root}/audit.jsonl", errno.ENOSPC):
            assert excluded.call("case", "deny", excluded.root, "--reason", "refused").code == 6
    assert not keyring.exists
    assert excluded.call("run", excluded.root).code in {3, 5}


def test_of_a_case_that_cannot_be_read_the_key_is_withheld(excluded: FaceCase) -> None:
    keyring, file = (
        keyring_for(CaseFolder(excluded.root), load_case(excluded.root).case_id),
        excluded.root / "case.toml",
    )
    kept = file.read_bytes()
    _edited(file, "purpose =", "# purpose =")
    assert excluded.call("case", "deny", excluded.root, "--reason", "refused").code == 3
    assert (keyring.path.exists(), keyring.withheld.exists()) == (False, True)
    file.write_bytes(kept)
    assert excluded.call("run", excluded.root).code == 3
    excluded.do("case deny", "--reason", "refused")
    assert not keyring.exists
    assert excluded.call("verify", excluded.root).code == 0


def test_a_case_whose_first_command_was_killed_is_in_order(tmp_path: Path, call: Call) -> None:
    """The command has recorded its begin, and dies before it has recorded `case.toml`."""
    given = ("--purpose", "p", "--operator", "o", "--mode", "missing", "--title", "t", "--legal-basis", "l")
    given += ("--reference", "r", "--camera", "gate", "--from", "2026-05-01T00:00:00Z", "--to", "2026-05-02T00:00:00Z")
    made = ("case", "init", tmp_path / "case", *given, "--expires", ENTRY_LAST_DAY, *REPORT_WORDS)
    log = tmp_path / "case" / "audit.jsonl"
    assert run_killed(*made, operation="write", pattern=str(log), nth=3) == -signal.SIGKILL
    assert [line.kind for line in read_chain(log).lines] == ["begin"]
    for command in (("case", "show"), ("verify",), ("status",)):
        assert call(*command, tmp_path / "case").code == 0, command


def test_an_unreadable_part_does_not_prevent_the_removal_of_an_entry(excluded: FaceCase) -> None:
    (part,) = excluded.compared_parts()
    (part.parent / "junk.parquet.sealed").write_bytes(b"junk")
    excluded.do("watchlist remove", "E0", "--reason", "found")
    assert not list((excluded.root / "watchlist").glob("*"))
    assert not list(part.parent.glob("junk*"))
    assert excluded.call("verify", excluded.root).code == 0


# ---- between a check and a write


def test_an_open_review_desk_stores_no_verdict_over_a_tampered_file(excluded: FaceCase, tmp_path: Path) -> None:
    excluded.enrol("E1", 1, tmp_path)
    excluded.run()
    with open_session(excluded.root, "review", need=Need.RESULTS, reason="r") as session:
        desk = ReviewDesk.at(session, "B. Becker")
        (candidate,) = desk.waiting()
        desk.pictures(candidate)
        _verdict_cut(excluded.root)
        with pytest.raises(IntegrityBroken, match=r"reviews\.jsonl"):
            desk.decide(candidate, Verdict.EXCLUDE, answers("differs"), "")


def test_a_hold_set_by_another_command_prevents_a_removal(excluded: FaceCase) -> None:
    with open_session(excluded.root, "watchlist remove", need=Need.CHANGE) as session:
        excluded.do("case hold", "--reason", "trial")
        with session.lock(), pytest.raises(NotAuthorised, match="on hold"):
            remove_entry(session.case, session.files, _entry(excluded.root), why="w", who=session.who, now=session.now)
    assert (_entry(excluded.root) / "entry.json").exists()


def test_no_verdict_is_stored_after_a_denial(
    excluded: FaceCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    excluded.enrol("E1", 1, tmp_path)
    excluded.run()
    with open_session(excluded.root, "review", need=Need.RESULTS, reason="r") as session:
        desk = ReviewDesk.at(session, "B. Becker")
        (candidate,) = desk.waiting()
        desk.pictures(candidate)
        monkeypatch.setattr(ReviewDesk, "_require_active", lambda self: None)
        excluded.do("case deny", "--reason", "refused")
        with pytest.raises((NotAuthorised, IntegrityBroken)):
            desk.decide(candidate, Verdict.EXCLUDE, answers("differs"), "")
    assert not (excluded.root / "reviews.jsonl.sealed").exists()


def test_a_case_that_is_due_can_still_be_held(excluded: FaceCase, monkeypatch: pytest.MonkeyPatch) -> None:
    _pass(monkeypatch, days=800)
    excluded.do("case hold", "--reason", "trial")
    assert keyring_for(CaseFolder(excluded.root), load_case(excluded.root).case_id).exists
    assert list(excluded.root.glob("tables/candidates.*"))
    excluded.do("case hold", "--lift", "--reason", "it is over")
    assert not keyring_for(CaseFolder(excluded.root), load_case(excluded.root).case_id).exists


def test_one_bad_case_does_not_stop_the_sweep(
    excluded: FaceCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = search_case(tmp_path / "a-bad-case")
    (bad / "audit.jsonl").unlink()
    (bad / "audit.jsonl").mkdir()
    _pass(monkeypatch, days=800)
    assert excluded.call("case", "sweep", tmp_path).code == 4
    assert not keyring_for(CaseFolder(excluded.root), load_case(excluded.root).case_id).exists


def test_commands_side_by_side_raise_no_false_alarm(excluded: FaceCase) -> None:
    command = [sys.executable, "-c", "from pipelines.cli.main import main; main()", "case", "show", str(excluded.root)]
    dead = [sys.executable, "-c", _DIES, str(excluded.root)]
    assert subprocess.run(dead, check=False).returncode == 7
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
    for process in running:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert excluded.call("verify", excluded.root).code == 0


_DIES = """
import os, sys
from pathlib import Path
from pipelines.custody.open_session import Need, open_session
with open_session(Path(sys.argv[1]), "dies", need=Need.READ):
    os._exit(7)
"""
