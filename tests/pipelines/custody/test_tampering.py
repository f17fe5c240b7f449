"""What lies in a case folder is not bent, rolled back, hidden or forged: each attack is found by every command."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import polars as pl
import pytest

import forensics
from forensics.adapters.crypto.signing import key_id_of, new_private_key, public_of, signed
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.digests import sha256_of_bytes
from forensics.errors import IntegrityBroken, NotAuthorised
from forensics.faces.review_rules import Review, Verdict
from pipelines import clock
from pipelines.custody.case_lock import locked, take_over_lock
from pipelines.custody.case_store import load_case
from pipelines.custody.entry_removal import remove_entry
from pipelines.custody.keys import keyring_for
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.review.desk import ReviewDesk
from pipelines.review.reviewers import reviewers_of
from pipelines.review.reviews import load_reviews
from testing.commands import ENTRY_ENDS, ENTRY_LAST_DAY, Call, caller, new_case, search_case
from testing.face_case import FaceCase


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(capsys)


@pytest.fixture
def found(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> FaceCase:
    """A search with a candidate that two reviewers have excluded."""
    case = FaceCase.make(tmp_path, call, monkeypatch, n_people=2)
    case.enrol("E0", 0, tmp_path)
    case.run()
    for name in ("B. Becker", "C. Cole"):
        case.reviewer(name)
    (row,) = [row for row in case.candidates() if row["decision"] == "candidate"]
    for name in ("B. Becker", "C. Cole"):
        assert case.decide(name, f"{row['sighting_id']}:{row['entry_id']}", "exclude").code == 0
    return case


def _pass(monkeypatch: pytest.MonkeyPatch, **time_passed: float) -> None:
    """From now on it is so much later."""
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
    lines = (case / "reviews.jsonl").read_bytes().splitlines(keepends=True)
    (case / "reviews.jsonl").write_bytes(b"".join(lines[:-1]))


def _verdicts_gone(case: Path) -> None:
    (case / "reviews.jsonl").unlink()


def _ghosts(case: Path) -> None:
    """A reviewer with a key of one's own, beside those that were added."""
    public = public_of(new_private_key())
    known = json.loads((case / "reviewers.json").read_text())
    ghost = {**known[0], "name": "G. Ghost", "key_id": key_id_of(public), "public_hex": public.hex()}
    (case / "reviewers.json").write_text(json.dumps([*known, ghost]))


def _entry_for_ever(case: Path) -> None:
    _edited(case / "watchlist" / "E0" / "entry.json", f"{ENTRY_ENDS:%Y-%m-%d}", "2099-02-01")


def _entry_of_nobody(case: Path) -> None:
    shutil.copytree(case / "watchlist" / "E0", case / "watchlist" / "E9")


def _entry_elsewhere(case: Path) -> None:
    (case / "watchlist" / "E0").rename(case.parent / "elsewhere")
    (case / "watchlist" / "E0").symlink_to(case.parent / "elsewhere")


def _certificate(case: Path) -> None:
    (case / "certificates").mkdir(exist_ok=True)
    files = [{"path": "../gate.mp4", "sha256": ""}, {"path": "tables/candidates/part-0.parquet", "sha256": ""}]
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


_ATTACKS: tuple[Callable[[Path], None], ...] = (
    *(_mandate, _mode, _verdict_cut, _verdicts_gone, _ghosts, _entry_for_ever, _entry_of_nobody, _entry_elsewhere),
    *(_certificate, _log_gone, _log_cut, _log_pierced),
)


@pytest.mark.parametrize("attack", _ATTACKS)
def test_every_command_refuses_what_was_bent_each_time(found: FaceCase, attack: Callable[[Path], None]) -> None:
    evidence = (found.root.parent / "gate.mp4").read_bytes()
    attack(found.root)
    for command in (
        *(("case", "show", found.root), ("status", found.root), ("verify", found.root)),
        *(("run", found.root, "--runner", "serial"), ("query", found.root, "candidates", "--reason", "r")),
        *(("review", found.root, "--as", "B. Becker", "--reason", "r"), ("verify", found.root)),
    ):
        assert found.call(*command).code == 5, command
    assert found.call("case", "sweep", found.root.parent).code == 4
    assert keyring_for(CaseFolder(found.root), load_case(found.root).case_id).exists
    assert (found.root.parent / "gate.mp4").read_bytes() == evidence


def test_a_forged_line_of_the_log_decides_nothing(found: FaceCase) -> None:
    """Well chained, so that only the witness outside the case knows that no command wrote it."""
    _mandate(found.root)
    lines = read_chain(found.root / "audit.jsonl").lines
    facts = {"files": {"case.toml": sha256_of_bytes((found.root / "case.toml").read_bytes())}}
    note = next(line for line in lines if line.kind == "note")
    forged = replace(note, number=len(lines), previous=lines[-1].sha256, at_utc_us=lines[-1].at_utc_us, facts=facts)
    with (found.root / "audit.jsonl").open("ab") as file:
        file.write(replace(forged, command="wrote").encoded() + b"\n")
    assert found.call("run", found.root, "--runner", "serial").code == 5
    assert found.call("verify", found.root).code == 5


def test_an_older_copy_of_a_case_is_not_worked_on(found: FaceCase, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(found.root, tmp_path / "copy"))
    found.do("case policy", "--watchlist-limit", 6, "--reason", "r")
    for command in (("run", copy, "--runner", "serial"), ("case", "show", copy), ("verify", copy)):
        assert found.call(*command).code == 5, command
    assert found.call("verify", found.root).code == 0


def test_a_verdict_that_a_reviewer_stored_by_hand_is_found(found: FaceCase) -> None:
    case = load_case(found.root)
    private = next(Path(os.environ["FORENSICS_REVIEWER_KEYS"]).glob(f"{case.case_id}-*.key"))
    last = load_reviews(case)[-1]
    previous = sha256_of_bytes(last.encoded())
    public = public_of(private.read_bytes())
    name = next(each.name for each in reviewers_of(case.folder) if each.public_hex == public.hex())
    at_utc_us = last.at_utc_us + 1
    by_hand = Review(
        case.case_id, "r", "s", "e", name, key_id_of(public), Verdict.CONFIRM, {}, "", at_utc_us, "x", previous
    )
    by_hand = replace(by_hand, signature=signed(private.read_bytes(), by_hand.signed_bytes()).hex())
    with case.folder.reviews_file.open("ab") as file:
        file.write(by_hand.encoded() + b"\n")
    assert len(load_reviews(case)) == 3, "it is signed and chained"
    assert found.call("verify", found.root).code == 5
    assert found.call("review", found.root, "--as", name, "--reason", "r").code == 5


@pytest.mark.parametrize("dies_after", ["writes", "the file", "wrote"])
def test_a_change_that_was_cut_short_leaves_a_case_in_order(
    found: FaceCase, monkeypatch: pytest.MonkeyPatch, dies_after: str
) -> None:
    from pipelines.custody import deciding_files

    whole = deciding_files.write_bytes

    def dying(path: Path, data: bytes) -> None:
        if dies_after != "writes":
            whole(path, data)
        if dies_after != "wrote":
            raise SystemExit(137)

    with monkeypatch.context() as patched:
        patched.setattr(deciding_files, "write_bytes", dying)
        found.call("case", "policy", found.root, "--watchlist-limit", 6, "--reason", "r")
    for command in (("case", "show", found.root), ("verify", found.root)):
        assert found.call(*command).code == 0
    assert load_case(found.root).watchlist_limit == (5 if dies_after == "writes" else 6)


# ---- withheld, destroyed, left over


def _pending(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> FaceCase:
    monkeypatch.setattr("testing.face_case.search_case", partial(search_case, authority="pending"))
    case = FaceCase.make(tmp_path, call, monkeypatch, n_people=2)
    case.enrol("E0", 0, tmp_path)
    case.run()
    return case


def _lapsed_with_a_verdict(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> FaceCase:
    """The 48 hours are over, and no command has enforced it yet."""
    case = _pending(tmp_path, call, monkeypatch)
    case.reviewer("B. Becker")
    (row,) = [row for row in case.candidates() if row["decision"] == "candidate"]
    assert case.decide("B. Becker", f"{row['sighting_id']}:{row['entry_id']}", "exclude").code == 0
    _pass(monkeypatch, hours=49)
    return case


def test_verdicts_outlive_a_lapse_and_not_a_denial(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    case = _lapsed_with_a_verdict(tmp_path, call, monkeypatch)
    assert case.call("run", case.root).code == 3
    assert not (case.root / "reviews.jsonl").exists()
    assert case.call("verify", case.root).code == 0
    case.do("case authorise", "--authority", "12 Gs 3/26")
    assert [review.verdict for review in load_reviews(load_case(case.root))] == [Verdict.EXCLUDE]
    assert case.call("verify", case.root).code == 0


@pytest.mark.parametrize("how", ["denied", "due", "denied on hold, then lifted"])
def test_what_was_withheld_and_then_destroyed_is_not_missing(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    case = _pending(tmp_path, call, monkeypatch)
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
    (certificate,) = [each for each in told if each["reason"] != "entry"]
    assert certificate["key_destroyed"]
    assert certificate["why"] == ("the mandate expired, seven days of grace are over" if how == "due" else "refused")


def test_tables_that_a_kill_left_half_placed_go_with_a_denial(found: FaceCase) -> None:
    for name in (".tables.new", ".tables.old"):
        shutil.copytree(found.root / "tables", found.root / name)
    found.do("case deny", "--reason", "refused")
    assert not list(found.root.rglob("candidates/*.parquet"))


def test_another_key_folder_destroys_nothing_and_says_so(
    found: FaceCase, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    right = os.environ["FORENSICS_KEYS"]
    monkeypatch.setenv("FORENSICS_KEYS", str(tmp_path / "other"))
    for command in (("case", "deny", found.root, "--reason", "refused"), ("run", found.root)):
        answer = found.call(*command)
        assert (answer.code, "FORENSICS_KEYS" in answer.err) == (3, True)
    assert not list((found.root / "certificates").glob("*"))
    monkeypatch.setenv("FORENSICS_KEYS", right)
    answer = found.call("run", found.root)
    assert (answer.code, "say it again" in answer.err) == (3, True)
    found.do("case deny", "--reason", "refused")
    assert not keyring_for(CaseFolder(found.root), load_case(found.root).case_id).exists
    assert not (found.root / "watchlist").exists() or not list((found.root / "watchlist").iterdir())


@pytest.mark.parametrize("obstacle", ["clock", "case.toml", "log"])
def test_nothing_stands_in_the_way_of_a_refusal(
    found: FaceCase, monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    keyring = keyring_for(CaseFolder(found.root), load_case(found.root).case_id)
    if obstacle == "clock":
        _pass(monkeypatch, hours=-20)
    elif obstacle == "case.toml":
        (found.root / "case.toml").write_text((found.root / "case.toml").read_text() + "# \n")
    else:
        with (found.root / "audit.jsonl").open("r+b") as file:
            file.seek(-20, 2)
            file.write(b"x")
    assert found.call("case", "deny", found.root, "--reason", "refused").code in {3, 5}
    assert not keyring.exists
    assert found.call("run", found.root).code in {3, 5}


def test_after_a_run_no_face_is_kept_but_of_what_is_published_or_decided(found: FaceCase, tmp_path: Path) -> None:
    def parts() -> dict[str, int]:
        return {path.name: len(pl.read_parquet(path)) for path in found.root.glob("runs/*/parts/recognise/*")}

    before = parts()
    assert list(before.values()) == [2]
    found.enrol("E1", 1, tmp_path)
    found.run()
    assert before.keys().isdisjoint(parts())
    assert sorted(parts().values()) == [1, 4], "the pair that people decided, and all pairs of the new list"
    reasons = [json.loads(path.read_text())["reason"] for path in (found.root / "certificates").glob("*.json")]
    assert reasons == ["superseded"]
    found.run()
    assert sorted(parts().values()) == [1, 4]
    assert found.call("verify", found.root).code == 0


def test_a_command_that_died_while_it_added_an_entry_leaves_no_picture(found: FaceCase) -> None:
    half = found.root / "watchlist" / "E5"
    half.mkdir()
    (half / "a.picture.sealed").write_bytes(b"FSEAL1")
    found.do("case show")
    assert not half.exists()


def test_a_corrected_clock_withdraws_what_was_compared(found: FaceCase) -> None:
    found.do("case clock", "gate", "--offset", 5)
    for command in (
        ("query", found.root, "candidates", "--reason", "r"),
        ("review", found.root, "--as", "B. Becker", "--reason", "r"),
    ):
        answer = found.call(*command)
        assert (answer.code, "corrected" in answer.err) == (3, True)
    found.run()
    found.do("query", "candidates", "--reason", "r")


# ---- doors


def test_the_library_knows_the_mandate(found: FaceCase, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(forensics.open_case(found.root).candidates(reason="r").collect()) == 2
    kept = (found.root / "case.toml").read_bytes()
    _mandate(found.root)
    with pytest.raises(IntegrityBroken, match="other means"):
        forensics.open_case(found.root).candidates(reason="r")
    (found.root / "case.toml").write_bytes(kept)
    found.do("case deny", "--reason", "refused")
    with pytest.raises(NotAuthorised, match="denied"):
        forensics.open_case(found.root).candidates(reason="r")


@pytest.mark.parametrize("name", [".lock", "audit.jsonl"])
def test_a_link_in_the_place_of_a_file_is_not_followed(found: FaceCase, name: str) -> None:
    footage = found.root.parent / "gate.mp4"
    before = footage.read_bytes()
    (found.root / name).unlink()
    (found.root / name).symlink_to(footage)
    assert found.call("case", "hold", found.root, "--reason", "trial").code == 5
    assert footage.read_bytes() == before


def test_who_holds_the_lock_is_the_kernels_word(found: FaceCase) -> None:
    """A number in the lock file is a text that anybody may have written."""
    with (
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as bystander,
        locked(CaseFolder(found.root)),
    ):
        (found.root / ".lock").write_text(f"process {bystander.pid} on {os.uname().nodename}")
        began = time.monotonic()
        with (
            pytest.raises(Exception, match="working on this case"),
            take_over_lock(CaseFolder(found.root), patience_s=0.5),
        ):
            pytest.fail("the lock is held by this very process")
        assert time.monotonic() - began < 10
        assert bystander.poll() is None
        bystander.kill()


def test_a_hold_that_somebody_set_meanwhile_is_kept(found: FaceCase) -> None:
    """Each change is made to the case as it is on disk, not as the command first read it."""
    with open_session(found.root, "slow", need=Need.CHANGE) as session:
        found.do("case hold", "--reason", "trial")
        with locked(session.folder):
            session.change(lambda case: replace(case, watchlist_limit=6))
    case = load_case(found.root)
    assert (case.mandate.hold, case.watchlist_limit) == ("trial", 6)
    assert found.call("case", "hold", found.root, "--reason", "another").code == 2


# ---- links that lead elsewhere


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder that is nobody's business."""
    (tmp_path / "precious" / "photos").mkdir(parents=True)
    (tmp_path / "precious" / "photos" / "wedding.jpg").write_bytes(b"1")
    return tmp_path / "precious"


def test_a_linked_watchlist_deletes_nothing(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, precious: Path
) -> None:
    searching = FaceCase.make(tmp_path, call, monkeypatch).root
    scene = new_case(call, tmp_path / "scene")
    for case in (searching, scene):
        (case / "watchlist").symlink_to(precious)
        assert call("case", "show", case).code == 5
    assert (precious / "photos" / "wedding.jpg").exists()


@pytest.mark.parametrize("ends", ["lapse", "denial"])
def test_what_lies_behind_a_link_is_neither_sealed_nor_destroyed(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, precious: Path, ends: str
) -> None:
    case = _pending(tmp_path, call, monkeypatch)
    (case.root / "runs" / "zz" / "parts").mkdir(parents=True)
    (case.root / "runs" / "zz" / "parts" / "recognise").symlink_to(precious / "photos")
    if ends == "lapse":
        _pass(monkeypatch, hours=49)
    else:
        case.do("case deny", "--reason", "refused")
    case.do("case show")
    assert [path.name for path in (precious / "photos").iterdir()] == ["wedding.jpg"]
    assert case.call("verify", case.root).code == 0


def test_a_torn_line_is_not_written_through_a_link(found: FaceCase, tmp_path: Path) -> None:
    (tmp_path / "keys.txt").write_text("mine")
    (found.root / "audit.torn").symlink_to(tmp_path / "keys.txt")
    with (found.root / "audit.jsonl").open("ab") as file:
        file.write(b"attacker")
    assert found.call("case", "show", found.root).code != 0
    assert (tmp_path / "keys.txt").read_text() == "mine"


# ---- a kill at a bad moment


def _die(*_: object, **__: object) -> None:
    raise SystemExit(137)


@pytest.mark.parametrize("dies_in", ["erasure._is_put_back", "keys.Keyring.release"])
def test_an_authority_that_was_entered_half_way_is_gone_on_with(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    case = _lapsed_with_a_verdict(tmp_path, call, monkeypatch)
    case.do("case show")
    (case.root / "runs" / "junk" / "parts" / "recognise").mkdir(parents=True)
    (case.root / "runs" / "junk" / "parts" / "recognise" / "a.parquet.sealed").write_bytes(b"junk")
    with monkeypatch.context() as patched:
        patched.setattr(f"pipelines.custody.{dies_in}", _die)
        assert case.call("case", "authorise", case.root, "--authority", "12 Gs 3/26").code == 137
    case.do("case show")
    assert len(load_reviews(load_case(case.root))) == 1
    assert case.candidates()
    assert case.call("verify", case.root).code == 0


def test_verdicts_that_vanish_while_they_are_withheld_are_missed(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = _lapsed_with_a_verdict(tmp_path, call, monkeypatch)
    case.do("case show")
    (case.root / "reviews.jsonl.sealed").unlink()
    for command in (("verify", case.root), ("case", "authorise", case.root, "--authority", "12 Gs 3/26")):
        assert case.call(*command).code == 5


def test_a_denial_on_hold_says_that_nothing_was_destroyed(found: FaceCase) -> None:
    found.do("case hold", "--reason", "trial")
    found.do("case deny", "--reason", "refused")
    answer = found.call("run", found.root)
    assert (answer.code, "withheld" in answer.err, "destroyed" in answer.err) == (3, True, False)
    found.do("case hold", "--lift", "--reason", "it is over")
    assert "destroyed" in found.call("run", found.root).err


def test_a_denial_on_hold_that_died_half_way_is_not_undone(found: FaceCase, monkeypatch: pytest.MonkeyPatch) -> None:
    found.do("case hold", "--reason", "trial")
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.custody.denial.taken_over", _die)
        assert found.call("case", "deny", found.root, "--reason", "refused").code == 137
    found.do("case show")
    (found.root / ".denied").unlink()
    assert found.call("query", found.root, "candidates", "--reason", "r").code in {3, 5}
    assert keyring_for(CaseFolder(found.root), load_case(found.root).case_id).withheld.exists()


@pytest.mark.parametrize("obstacle", ["a mark that says nothing", "a full disk"])
def test_neither_a_junk_mark_nor_a_full_disk_keeps_the_key(
    found: FaceCase, monkeypatch: pytest.MonkeyPatch, obstacle: str
) -> None:
    keyring = keyring_for(CaseFolder(found.root), load_case(found.root).case_id)
    if obstacle == "a mark that says nothing":
        (found.root / ".denied").write_bytes(b"junk")
        assert found.call("run", found.root).code == 3
        found.do("case deny", "--reason", "refused")
    else:
        with monkeypatch.context() as patched:
            patched.setattr("forensics.custody.log_writer.LogWriter.append", _full)
            assert found.call("case", "deny", found.root, "--reason", "refused").code == 6
    assert not keyring.exists
    assert found.call("run", found.root).code in {3, 5}


def _full(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


def test_of_a_case_that_cannot_be_read_the_key_is_withheld(found: FaceCase) -> None:
    keyring, file = keyring_for(CaseFolder(found.root), load_case(found.root).case_id), found.root / "case.toml"
    kept = file.read_bytes()
    _edited(file, "purpose =", "# purpose =")
    assert found.call("case", "deny", found.root, "--reason", "refused").code == 3
    assert (keyring.path.exists(), keyring.withheld.exists()) == (False, True)
    file.write_bytes(kept)
    assert found.call("run", found.root).code == 3
    found.do("case deny", "--reason", "refused")
    assert not keyring.exists
    assert found.call("verify", found.root).code == 0


def test_a_case_whose_first_command_died_is_in_order(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("--purpose", "p", "--operator", "o", "--mode", "missing", "--title", "t", "--legal-basis", "l")
    given += ("--reference", "r", "--camera", "gate", "--from", "2026-05-01T00:00:00Z", "--to", "2026-05-02T00:00:00Z")
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.custody.deciding_files.DecidingFiles.know", _die)
        patched.setattr("forensics.custody.log_writer.LogWriter._end", lambda *_: None)
        made = call("case", "init", tmp_path / "case", *given, "--expires", ENTRY_LAST_DAY)
        assert made.code == 137
        monkeypatch.setattr("forensics.custody.log_writer._is_dead", lambda _: True)
    for command in (("case", "show"), ("verify",), ("status",)):
        assert call(*command, tmp_path / "case").code == 0, command


def test_an_unreadable_part_keeps_no_entry_alive(found: FaceCase) -> None:
    (part,) = found.root.glob("runs/*/parts/recognise/*.parquet")
    (part.parent / "junk.parquet").write_bytes(b"junk")
    found.do("watchlist remove", "E0", "--reason", "found")
    assert not list((found.root / "watchlist").glob("*"))
    assert not list(part.parent.glob("junk*"))
    assert found.call("verify", found.root).code == 0


# ---- between a check and a write


def test_a_desk_that_stands_launders_nothing(found: FaceCase, tmp_path: Path) -> None:
    found.enrol("E1", 1, tmp_path)
    found.run()
    with open_session(found.root, "review", need=Need.RESULTS, reason="r") as session:
        desk = ReviewDesk.at(session, "B. Becker")
        (candidate,) = desk.waiting()
        desk.pictures(candidate)
        _verdict_cut(found.root)
        with pytest.raises(IntegrityBroken, match="other means"):
            desk.decide(candidate, Verdict.EXCLUDE, {"nose": "differs"}, "")


def test_a_hold_that_came_meanwhile_counts(found: FaceCase) -> None:
    with open_session(found.root, "watchlist remove", need=Need.CHANGE) as session:
        found.do("case hold", "--reason", "trial")
        with session.alone(), pytest.raises(NotAuthorised, match="on hold"):
            remove_entry(session.case, session.files, "E0", why="w", who=session.who, now=session.now)
    assert (found.root / "watchlist" / "E0" / "entry.json").exists()


def test_no_verdict_is_stored_after_a_denial(found: FaceCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found.enrol("E1", 1, tmp_path)
    found.run()
    with open_session(found.root, "review", need=Need.RESULTS, reason="r") as session:
        desk = ReviewDesk.at(session, "B. Becker")
        (candidate,) = desk.waiting()
        desk.pictures(candidate)
        monkeypatch.setattr(ReviewDesk, "_require_active", lambda self: None)
        found.do("case deny", "--reason", "refused")
        with pytest.raises((NotAuthorised, IntegrityBroken)):
            desk.decide(candidate, Verdict.EXCLUDE, {"nose": "differs"}, "")
    assert not (found.root / "reviews.jsonl").exists()


def test_a_case_that_is_due_can_still_be_held(found: FaceCase, monkeypatch: pytest.MonkeyPatch) -> None:
    _pass(monkeypatch, days=800)
    found.do("case hold", "--reason", "trial")
    assert keyring_for(CaseFolder(found.root), load_case(found.root).case_id).exists
    assert list(found.root.glob("tables/candidates/*"))
    found.do("case hold", "--lift", "--reason", "it is over")
    assert not keyring_for(CaseFolder(found.root), load_case(found.root).case_id).exists


def test_one_bad_case_does_not_stop_the_sweep(found: FaceCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = search_case(tmp_path / "a-bad-case")
    (bad / "audit.jsonl").unlink()
    (bad / "audit.jsonl").mkdir()
    _pass(monkeypatch, days=800)
    assert found.call("case", "sweep", tmp_path).code == 4
    assert not keyring_for(CaseFolder(found.root), load_case(found.root).case_id).exists


def test_commands_side_by_side_raise_no_false_alarm(found: FaceCase) -> None:
    command = [sys.executable, "-c", "from pipelines.cli.main import main; main()", "case", "show", str(found.root)]
    dead = [sys.executable, "-c", _DIES, str(found.root)]
    subprocess.run(dead, check=False)
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
    for process in running:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert found.call("verify", found.root).code == 0


_DIES = """
import os, sys
from pathlib import Path
from pipelines.custody.open_session import Need, casework
with casework(Path(sys.argv[1]), "dies", need=Need.LOOK):
    os._exit(1)
"""
