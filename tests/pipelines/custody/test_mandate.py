"""Mandates: what they require, when they end, and the commands that enforce them."""

import hmac
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import forensics
from forensics.adapters.crypto.case_key import Key
from forensics.adapters.crypto.key_files import keys_folder, load_key
from forensics.custody.authority import Authority
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.custody.mandate import Mandate, MandateStatus, Mode, mandate_status, stops_at
from forensics.errors import IntegrityBroken, NotAuthorised
from forensics.tables.files import write_bytes
from pipelines import clock
from pipelines.custody.case_lock import lock_case
from pipelines.custody.case_store import load_case
from pipelines.custody.keys import keyring_for
from testing.audit_events import KILLED, die_at
from testing.commands import MANDATE_ENDS, REPORT_WORDS, Call, authority_words, clip, search_case

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR_US = 3_600_000_000
NOON_US = 1_777_636_800_000_000


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock by one that stands still."""
    standing_still = Clock()
    monkeypatch.setattr(clock, "utc_now", standing_still)
    return standing_still


# ---- rules

_FULL = Mandate(
    Mode.SEARCH,
    title="t",
    purpose="p",
    operator="o",
    legal_basis="b",
    reference="r",
    cameras=("gate",),
    from_utc=NOON,
    to_utc=NOON + timedelta(hours=2),
    expires_utc=NOON + timedelta(days=30),
    authority=Authority(is_pending=True),
)


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({}, ()),
        ({"purpose": " "}, ("purpose",)),
        ({"operator": ""}, ("operator",)),
        ({"title": ""}, ("title",)),
        ({"legal_basis": ""}, ("legal-basis",)),
        ({"reference": "\t"}, ("reference",)),
        ({"cameras": ()}, ("camera",)),
        ({"cameras": ("",)}, ("camera",)),
        ({"from_utc": None}, ("from",)),
        ({"to_utc": None}, ("to",)),
        ({"expires_utc": None}, ("expires",)),
        ({"authority": None}, ("authority",)),
        ({"authority": Authority("Judge Weber")}, ("authority",)),
    ],
)
def test_a_search_needs_every_field(changes: dict[str, object], missing: tuple[str, ...]) -> None:
    assert replace(_FULL, **changes).missing_fields == missing


def test_each_mode_requires_its_own_fields() -> None:
    little = Mandate(Mode.SCENE, title="", purpose="p", operator="o")
    assert little.missing_fields == ()
    assert replace(little, mode=Mode.WILDLIFE).missing_fields == ()
    assert "authority" not in replace(_FULL, mode=Mode.MISSING, authority=None).missing_fields
    assert "legal-basis" in replace(little, mode=Mode.MISSING).missing_fields


_RUN = NOON + timedelta(days=1)
_GRANTED = Authority(reference="12 Gs 3/26")


@pytest.mark.parametrize(
    ("changes", "after", "standing"),
    [
        ({}, timedelta(days=29), MandateStatus.ACTIVE),
        ({"first_run_utc": _RUN}, timedelta(days=1, hours=47, minutes=59), MandateStatus.ACTIVE),
        ({"first_run_utc": _RUN}, timedelta(days=3), MandateStatus.LAPSED),
        ({"first_run_utc": _RUN}, timedelta(days=3, minutes=1), MandateStatus.LAPSED),
        ({"first_run_utc": _RUN, "authority": _GRANTED}, timedelta(days=3, minutes=1), MandateStatus.ACTIVE),
        ({"authority": _GRANTED}, timedelta(days=30), MandateStatus.EXPIRED),
        ({"authority": _GRANTED}, timedelta(days=36, hours=23), MandateStatus.EXPIRED),
        ({"authority": _GRANTED}, timedelta(days=37), MandateStatus.DUE),
        ({"first_run_utc": _RUN}, timedelta(days=37), MandateStatus.DUE),
        ({"hold": "trial"}, timedelta(days=99), MandateStatus.EXPIRED),
        ({"denied_utc": _RUN, "hold": "trial"}, timedelta(days=99), MandateStatus.DENIED),
        ({"erased_utc": _RUN}, timedelta(days=99), MandateStatus.ERASED),
    ],
)
def test_the_status_of_a_mandate_by_date(changes: dict[str, object], after: timedelta, standing: MandateStatus) -> None:
    assert mandate_status(replace(_FULL, **changes), NOON + after) is standing


@pytest.mark.parametrize("written", ["Pending", " pending ", "PENDING\n", "\uff50ending", "pend\u200bing "])
def test_every_spelling_of_pending_is_pending(call: Call, tmp_path: Path, written: str) -> None:
    case = tmp_path / "case"
    assert call("case", "init", case, *_options({**_STATED, "--mode": "search"}), "--authority", written).code == 0
    assert load_case(case).mandate.authority == Authority(is_pending=True)
    answer = call("case", "authorise", case, "--authority", written)
    assert (answer.code, "a pending authority cannot be entered" in answer.err) == (2, True)
    assert call("case", "authorise", case, *authority_words()).code == 0


def test_a_run_stops_at_the_first_of_its_ends() -> None:
    assert stops_at(_FULL) == _FULL.expires_utc
    assert stops_at(replace(_FULL, first_run_utc=_RUN)) == _RUN + timedelta(hours=48)
    assert stops_at(Mandate(Mode.SCENE, title="", purpose="p", operator="o")) is None


# ---- sealing


def test_sealed_bytes_open_with_their_key_and_place_only() -> None:
    key = Key.fresh()
    sealed = key.seal(b"face", "a")
    assert key.unseal(sealed, "a") == b"face"
    assert b"face" not in sealed
    assert key.seal(b"face", "a") == sealed, "the same again gives the same bytes"
    for other_key, data, context in (
        (Key.fresh(), sealed, "a"),
        (key, sealed, "b"),
        (key, sealed[:-1] + bytes([sealed[-1] ^ 1]), "a"),
        (key, b"face", "a"),
        (key, sealed[:10], "a"),
    ):
        with pytest.raises(IntegrityBroken):
            other_key.unseal(data, context)


def test_the_size_of_sealed_bytes_tells_a_power_of_two_only() -> None:
    key, rng = Key.fresh(), np.random.default_rng(1)
    for n_bytes, at_least in [(0, 0), (511, 0), (512, 0), *rng.integers(0, 5000, (200, 2)).tolist()]:
        data = rng.bytes(n_bytes // 2) + bytes(n_bytes - n_bytes // 2)  # zeros at the end, as padding has
        sealed = key.seal(data, "a", at_least=at_least)
        assert key.unseal(sealed, "a") == data
        size = len(sealed) - len(b"FSEAL2") - 12 - 16
        assert size == next(2**n for n in range(9, 30) if 2**n >= max(n_bytes + 1, at_least))


def test_bytes_sealed_before_version_03_open_and_cannot_pass_for_new_ones() -> None:
    """Sealed as 0.2 did: AES-256-GCM of the data alone, with the context as associated data."""
    key, nonce = Key(bytes(range(32))), bytes(12)
    cipher = AESGCM(hmac.digest(bytes(range(32)), b"seal", "sha256"))
    assert key.unseal(b"FSEAL1" + nonce + cipher.encrypt(nonce, b"face", b"a"), "a") == b"face"
    sealed = key.seal(b"face", "a")
    with pytest.raises(IntegrityBroken):
        key.unseal(b"FSEAL1" + sealed[6:], "a")


def test_a_key_is_never_printed() -> None:
    key = Key(bytes(range(32)))
    assert str(key) == repr(key) == f"{key}" == "Key(...)"


def test_a_key_is_private_and_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    case = load_case(search_case(tmp_path / "case"))
    keyring = keyring_for(case.folder, case.case_id)
    assert oct(keyring.path.stat().st_mode & 0o777) == "0o600"
    assert not keyring.path.is_relative_to(case.folder.root)
    keyring.path.chmod(0o640)
    with pytest.raises(NotAuthorised, match="other users can read"):
        keyring.load()
    monkeypatch.setenv("FORENSICS_KEYS", str(tmp_path / "inner" / "keys"))
    answer = call("case", "init", tmp_path / "inner", "--purpose", "p", "--operator", "o")
    assert answer.code == 2, "keys may not lie in the case"


# ---- a case over time


@pytest.fixture
def searched(tmp_path: Path, at: Clock, call: Call) -> Path:
    """A search with a pending authority that was run once, on footage of its camera and hour."""
    case = search_case(tmp_path / "case", authority="pending", now=at())
    footage = clip(tmp_path / "gate.mp4")
    stated = ("--start", "2026-05-01T12:00:00Z", "--clock-error", 0)
    assert call("ingest", case, footage, "--camera", "gate", *stated).code == 0
    answer = call("run", case, "--runner", "serial", "--quiet")
    assert answer.code == 0, answer.err
    return case


def test_48_hours_from_the_first_run(searched: Path, at: Clock, call: Call) -> None:
    first = load_case(searched).mandate.first_run_utc
    assert first is not None
    at.now = first + timedelta(hours=47, minutes=59)
    assert call("run", searched, "--runner", "serial", "--quiet").code == 0
    assert load_case(searched).mandate.first_run_utc == first, "the first run counts, not the last"
    assert call("query", searched, "candidates", "--reason", "look").code == 0

    until = f"pending, until {first + timedelta(hours=48):%Y-%m-%d %H:%M}Z"
    for command in (("case", "show"), ("status",)):
        assert until in call(*command, searched).out
    assert until in call("run", searched, "--runner", "serial", "--quiet").err

    at.now = first + timedelta(hours=48, minutes=1)
    answer = call("run", searched, "--runner", "serial", "--quiet")
    assert answer.code == 3
    assert "authority" in answer.err
    with pytest.raises(NotAuthorised, match="withheld"):
        load_key(load_case(searched).case_id)
    assert call("query", searched, "candidates", "--reason", "look").code == 3
    status = call("status", searched).out
    for said in ("mandate  lapsed", "results withheld since", "candidates: withheld", "next: forensics case authorise"):
        assert said in status
    case = load_case(searched)
    assert keyring_for(case.folder, case.case_id).withheld.exists()
    assert call("verify", searched).code == 0, "withheld is not missing"

    answer = call("case", "authorise", searched, *authority_words("12 Gs 345/26"))
    assert answer.code == 0, answer.err
    assert call("query", searched, "candidates", "--reason", "look").code == 0
    assert call("run", searched, "--runner", "serial", "--quiet").code == 0
    assert call("case", "authorise", searched, *authority_words("9 Gs 1/26")).code == 3, "an authority is entered once"
    assert call("verify", searched).code == 0


@pytest.mark.parametrize("place", ["/proc/nowhere", "a-file"])
def test_without_a_place_for_keys_no_case_is_made(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "a-file").write_text("")
    monkeypatch.setenv("FORENSICS_KEYS", str(tmp_path / place / "keys"))
    told = ("--title", "t", "--purpose", "p", "--operator", "o", "--legal-basis", "l", "--reference", "r")
    when = ("--from", "2026-05-01T00:00:00Z", "--to", "2026-05-02T00:00:00Z", "--expires", "2099-12-31")
    answer = call(
        "case", "init", tmp_path / "case", "--mode", "missing", *told, "--camera", "gate", *when, *REPORT_WORDS
    )
    assert (answer.code, "set $FORENSICS_KEYS" in answer.err) == (2, True)
    assert not (tmp_path / "case").exists()


def test_where_the_case_cannot_be_written_no_key_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        search_case(tmp_path / "file" / "case")
    assert [path for path in keys_folder().rglob("*") if path.is_file()] == []


def test_before_the_first_run_the_48_hours_have_not_begun(tmp_path: Path, call: Call) -> None:
    case = search_case(tmp_path / "case", authority="pending")
    for command in (("case", "show"), ("status",)):
        assert "pending, 48 hours from the first run" in call(*command, case).out
    last_day = f"{MANDATE_ENDS - timedelta(days=1):%Y-%m-%d}"
    assert f"last day {last_day}" in call("status", case).out
    assert f"expires utc  {last_day}" in call("case", "show", case).out
    assert "next: forensics ingest" in call("status", case).out


def test_a_denied_case_is_over(searched: Path, call: Call) -> None:
    evidence = {p: p.read_bytes() for p in [searched.parent / "gate.mp4", *(searched / "evidence").rglob("*.parquet")]}
    sealed = keyring_for(CaseFolder(searched), load_case(searched).case_id).load().seal(b"x", "y")
    started = time.monotonic()
    answer = call("case", "deny", searched, "--reason", "refused by the court")
    assert answer.code == 0, answer.err
    assert time.monotonic() - started < 60
    assert not list(searched.rglob("candidates/*.*"))
    (certificate,) = (searched / "certificates").glob("*.json")
    stored = json.loads(certificate.read_text())
    assert (stored["state"], stored["key_destroyed"], stored["reason"]) == ("done", True, "denied")
    assert all(set(file) == {"path", "sha256"} for file in stored["files"])
    with pytest.raises(NotAuthorised):
        keyring_for(CaseFolder(searched), load_case(searched).case_id).load()
    with pytest.raises(IntegrityBroken):
        Key.fresh().unseal(sealed, "y")
    for command in (["run", searched], ["ingest", searched, searched.parent / "gate.mp4", "--camera", "gate"]):
        assert call(*command).code == 3
    assert call("query", searched, "candidates", "--reason", "look").code == 3
    assert call("case", "authorise", searched, *authority_words()).code == 3
    assert call("case", "deny", searched, "--reason", "again").code == 3
    shown, status = call("case", "show", searched).out, call("status", searched).out
    assert "pending" not in shown + status
    assert f"authority  denied, on record since {datetime.now(UTC):%Y}" in shown
    for said in ("mandate  denied", "candidates: destroyed", "none; this case is closed"):
        assert said in status
    assert call("verify", searched).code == 0, "what is certified is not missing"
    assert call("query", searched, "sightings").code == 0
    assert {path: path.read_bytes() for path in evidence} == evidence, "evidence is untouched"


def test_results_of_an_expired_case_are_erased_after_seven_days(searched: Path, at: Clock, call: Call) -> None:
    assert call("case", "authorise", searched, *authority_words()).code == 0
    at.now = MANDATE_ENDS + timedelta(seconds=1)
    assert call("run", searched, "--runner", "serial").code == 3
    assert list(searched.rglob("tables/candidates.*.sealed")), "seven days of grace"
    assert call("case", "hold", searched, "--reason", "appeal").code == 0
    at.now = MANDATE_ENDS + timedelta(days=8)
    assert call("case", "sweep", searched.parent).code == 0
    assert list(searched.rglob("tables/candidates.*.sealed")), "a hold blocks deletion"
    answer = call("case", "hold", searched, "--lift", "--reason", "the appeal is over")
    assert answer.code == 0, answer.err
    assert not list(searched.rglob("tables/candidates.*.sealed"))
    assert load_case(searched).mandate.erased_utc is not None
    assert "erased" in call("case", "show", searched).out
    assert call("verify", searched).code == 0


def test_a_sweep_says_that_another_command_kept_it_from_what_is_due(searched: Path, at: Clock, call: Call) -> None:
    at.now = MANDATE_ENDS + timedelta(days=8)
    with lock_case(CaseFolder(searched)):
        answer = call("case", "sweep", searched.parent)
    assert (answer.code, "another command holds the case" in answer.out) == (4, True), answer.err
    assert list(searched.rglob("tables/candidates.*.sealed"))
    assert call("case", "sweep", searched.parent).code == 0
    assert not list(searched.rglob("tables/candidates.*.sealed"))


def test_cron_enforces_the_dates_of_every_case(searched: Path, at: Clock, call: Call, tmp_path: Path) -> None:
    shutil.copytree(searched, tmp_path / "broken")
    (tmp_path / "broken" / "case.toml").write_text("nonsense")
    first = load_case(searched).mandate.first_run_utc
    assert first is not None
    at.now = first + timedelta(hours=49)
    answer = call("case", "sweep", tmp_path, "--json")
    assert answer.code == 4, "one of them cannot be read"
    standings = {Path(row["case"]).name: row["standing"] for row in answer.json["cases"]}
    assert standings == {"case": "lapsed", "broken": "failed"}
    case = load_case(searched)
    assert keyring_for(case.folder, case.case_id).withheld.exists()


def test_a_clock_that_runs_backwards_is_refused(searched: Path, at: Clock, call: Call) -> None:
    at.forward(hours=-1)
    for command in (["status", searched], ["run", searched], ["case", "show", searched]):
        answer = call(*command)
        assert answer.code == 3
        assert "clock" in answer.err


@pytest.mark.parametrize("change", ["expires_utc = 2099-01-01T00:00:00Z", 'operator = "B. Bold"', "edited"])
def test_a_mandate_is_not_edited_by_hand(searched: Path, call: Call, change: str) -> None:
    file = searched / "case.toml"
    name = change.partition(" ")[0]
    lines = [change if line.startswith(f"{name} =") else line for line in file.read_text().splitlines()]
    file.write_text("\n".join([*lines, "# edited" if change == "edited" else ""]))
    answer = call("run", searched)
    assert answer.code == 5
    assert "something other than" in answer.err


def test_an_older_case_file_is_refused(searched: Path, call: Call) -> None:
    before = (searched / "case.toml").read_bytes()
    assert call("case", "policy", searched, "--watchlist-limit", 6, "--reason", "r").code == 0
    (searched / "case.toml").write_bytes(before)
    assert call("status", searched).code == 5


def test_a_missing_log_is_reported(searched: Path, call: Call) -> None:
    (searched / "audit.jsonl").unlink()
    assert call("run", searched).code == 5


def test_the_log_records_who_read_candidates_and_why(searched: Path, call: Call, at: Clock) -> None:
    at.now = datetime.now(UTC)
    call("query", searched, "candidates", "--reason", "report to the prosecutor")
    lines = read_chain(searched / "audit.jsonl").lines
    commands = [(line.kind, line.command) for line in lines if line.kind != "note"]
    assert commands[:2] == [("begin", "case init"), ("end", "case init")]
    assert commands[-1] == ("end", "query")
    (run,) = [line for line in lines if line.kind == "note" and line.command == "run"]
    assert {"run", "settings_digest", "model", "evidence", "watchlist", "version"} <= run.facts.keys()
    forensics.open_case(searched).candidates(reason="appeal")
    begins = [line for line in read_chain(searched / "audit.jsonl").lines if line.kind == "begin"]
    assert [(line.command, line.why) for line in begins[-2:]] == [
        ("query", "report to the prosecutor"),
        ("open candidates", "appeal"),
    ]
    at.now = datetime.now(UTC)
    assert call("verify", searched).code == 0
    text = (searched / "audit.jsonl").read_text().replace("prosecutor", "defence")
    (searched / "audit.jsonl").write_text(text)
    assert call("verify", searched).code == 5


# ---- what lies outside is never looked at


@pytest.mark.parametrize(
    ("camera", "stated", "reason"),
    [
        ("yard", ("--start", "2026-05-01T12:00:00Z", "--clock-error", 0), "scope"),
        ("gate", ("--start", "2026-05-03T12:00:00Z", "--clock-error", 0), "scope"),
        ("gate", ("--start", "2026-05-01T23:59:59.9Z", "--clock-error", 1000), "scope"),
        ("gate", ("--start", "2026-05-01T12:00:00Z"), "scope_unknown"),
        ("gate", (), "scope_unknown"),
    ],
)
def test_footage_outside_is_not_opened(
    tmp_path: Path, call: Call, camera: str, stated: tuple[object, ...], reason: str
) -> None:
    case = search_case(tmp_path / "case")
    footage = clip(tmp_path / "gate.mp4")
    answer = call("ingest", case, footage, "--camera", camera, *stated)
    assert answer.code == 0
    assert ("12 of 12 frames are outside the scope of the case" in answer.err) == (reason == "scope")
    footage.unlink()  # whoever opened it now would notice
    first = call("run", case, "--runner", "serial", "--quiet")
    assert (first.code, f"all 12 frames are outside the mandate ({reason} 12)" in first.err) == (6, True), first.err
    assert load_case(case).mandate.first_run_utc is None, "no 48 hours begin for a search of nothing"
    inside = ("--camera", "gate", "--start", "2026-05-01T12:00:00Z", "--clock-error", 500)
    assert call("ingest", case, clip(tmp_path / "inside.mp4", n_frames=13), *inside).code == 0
    answer = call("run", case, "--runner", "serial", "--quiet")
    assert answer.code == (4 if reason == "scope_unknown" else 0), answer.err
    assert f"12 of 25 frames are outside the mandate ({reason})" in answer.out
    rows = call("query", case, "coverage", "--json").json["rows"]
    found = sorted((row["state"], row["reason"], row["stop_frame"]) for row in rows)
    assert found == [("detected", "", 13), ("skipped", reason, 12)]
    (outside,) = {row["evidence_id"] for row in rows if row["state"] == "skipped"}
    seen = call("query", case, "detections", "--json").json["rows"]
    assert outside not in {row["evidence_id"] for row in seen}


def test_the_edge_of_the_window_is_exact_to_the_frame(tmp_path: Path, call: Call) -> None:
    case = search_case(tmp_path / "case")
    # 25 frames a second from 0.2 s before midnight: frames 0 to 4 are before it, the window ends there
    stated = ("--start", "2026-05-01T23:59:59.8Z", "--clock-error", 0)
    answer = call("ingest", case, clip(tmp_path / "gate.mp4"), "--camera", "gate", *stated)
    assert "7 of 12 frames are outside the scope of the case and are never processed: not wholly" in answer.err
    assert "7 of 12 frames are outside the mandate (scope)" in call("run", case, "--runner", "serial", "--quiet").out
    rows = call("query", case, "coverage", "--json").json["rows"]
    assert [(row["state"], row["reason"], row["start_frame"], row["stop_frame"]) for row in rows] == [
        ("detected", "", 0, 5),
        ("skipped", "scope", 5, 12),
    ]


# ---- a run is stopped

_RUN_SLOWLY = """
import sys, time
from pipelines.cli.main import exit_code_of
from pipelines.stages.model_loaders import ModelLoaders
from testing.given_detector import GivenDetector
from testing.painted_case import PaintedDetector
class Slow(PaintedDetector):
    def detect(self, frames, references):
        time.sleep(120)
sys.exit(exit_code_of(["run", sys.argv[1], "--runner", "serial", "--quiet"], ModelLoaders(GivenDetector(Slow()))))
"""


@pytest.fixture
def working(tmp_path: Path, call: Call) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """Return a case and a process that has started to run it and would take two minutes."""
    case = search_case(tmp_path / "case")
    stated = ("--start", "2026-05-01T12:00:00Z", "--clock-error", 0)
    assert call("ingest", case, clip(tmp_path / "gate.mp4"), "--camera", "gate", *stated).code == 0
    with subprocess.Popen([sys.executable, "-c", _RUN_SLOWLY, str(case)], stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not list(case.glob("runs/*/run.json")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.1)
        yield case, process
        process.kill()


def test_denial_stops_a_run_that_works(working: tuple[Path, subprocess.Popen[bytes]], call: Call) -> None:
    case, process = working
    started = time.monotonic()
    answer = call("case", "deny", case, "--reason", "refused")
    assert answer.code == 0, answer.err
    assert process.wait(10) == 3
    assert time.monotonic() - started < 60
    assert process.stderr is not None
    assert b"refused" in process.stderr.read()
    lines = read_chain(case / "audit.jsonl").lines
    (end,) = [line for line in lines if line.command == "run" and line.kind == "end"]
    assert end.facts["exit_code"] == 3


def test_denial_ends_a_run_that_hangs(working: tuple[Path, subprocess.Popen[bytes]], call: Call) -> None:
    case, process = working
    os.kill(process.pid, 19)  # SIGSTOP: it can hear nothing
    started = time.monotonic()
    assert call("case", "deny", case, "--reason", "refused").code == 0
    assert time.monotonic() - started < 60
    assert process.wait(10) == -9
    assert load_case(case).mandate.denied_utc is not None


@pytest.mark.parametrize(
    ("operation", "file", "nth"),
    [
        ("write", "{key}", 1),
        ("remove", "{key}", 1),
        ("rename", "{root}/case.toml", 1),
        ("rename", "{root}/certificates/*.json", 1),
        ("remove", "{root}/tables/candidates.*", 1),
        ("rename", "{root}/certificates/*.json", 2),
    ],
)
def test_a_denial_that_was_cut_short_is_completed(
    searched: Path, call: Call, *, operation: str, file: str, nth: int
) -> None:
    write_bytes(searched / "watchlist" / "E1" / "a.picture.sealed", b"FSEAL1")
    key = keyring_for(CaseFolder(searched), load_case(searched).case_id).path
    with die_at(operation, file.format(root=searched, key=key), nth=nth):
        assert call("case", "deny", searched, "--reason", "refused").code == KILLED
    assert call("run", searched).code == 3
    assert call("case", "show", searched).code == 0
    assert not (searched / "watchlist" / "E1").exists()
    assert not keyring_for(CaseFolder(searched), load_case(searched).case_id).exists
    (certificate,) = (searched / "certificates").glob("*.json")
    assert json.loads(certificate.read_text())["why"] == "refused"
    assert call("verify", searched).code == 0


def test_a_mark_alone_stops_and_destroys_nothing(searched: Path, call: Call) -> None:
    """A file can stop a case; only a denial in the log destroys its data."""
    facts = {"why": "mischief", "who": {}, "at_utc": datetime.now(UTC).isoformat()}
    (searched / ".denied").write_text(json.dumps(facts))
    assert call("run", searched).code == 3
    assert call("case", "sweep", searched.parent).code == 0
    assert keyring_for(CaseFolder(searched), load_case(searched).case_id).exists


def test_reading_commands_take_no_lock(searched: Path, call: Call) -> None:
    with lock_case(CaseFolder(searched)):
        for command in (["status", searched], ["case", "show", searched], ["verify", searched]):
            assert call(*command).code == 0


# ---- words that state nothing

_STATED = {
    "--mode": "missing",
    "--title": "t",
    "--purpose": "find a person",
    "--operator": "A. Ahmed",
    "--legal-basis": "Police Act s. 7",
    "--reference": "K 118/26",
    "--camera": "gate",
    "--from": "2026-05-01T00:00:00Z",
    "--to": "2026-05-02T00:00:00Z",
    "--expires": f"{MANDATE_ENDS:%Y-%m-%d}",
}


def _options(stated: dict[str, str]) -> list[str]:
    """Return options and their values as words of a command line."""
    return [word for pair in stated.items() for word in pair]


@pytest.mark.parametrize("option", ["--title", "--purpose", "--legal-basis", "--reference"])
@pytest.mark.parametrize("written", ["\u200b", "TBD", "none", "unbekannt", "...", "\u2800"])
def test_a_field_that_states_nothing_is_refused(call: Call, tmp_path: Path, option: str, written: str) -> None:
    words = _options({**_STATED, option: written})
    answer = call("case", "init", tmp_path / "case", *words, *REPORT_WORDS)
    assert (answer.code, option in answer.err, (tmp_path / "case").exists()) == (2, True, False), answer.err


# ---- a clock that only this process sees


def test_another_clock_than_the_kernels_is_refused(searched: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine days late, an expired case would run with faketime; the kernel is asked without the C library."""
    clock.refuse_false_clock()
    lines = len(read_chain(searched / "audit.jsonl").lines)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 9 * 86_400)
    for command in (("run", searched), ("query", searched, "candidates", "--reason", "r"), ("verify", searched)):
        answer = call(*command)
        assert (answer.code, "the clock of this process was changed" in answer.err) == (3, True), answer.err
    assert len(read_chain(searched / "audit.jsonl").lines) == lines


@pytest.mark.skipif(shutil.which("cc") is None, reason="no compiler")
def test_a_preloaded_library_does_not_deceive_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "late.c").write_text(
        "#define _GNU_SOURCE\n#include <dlfcn.h>\n#include <time.h>\n"
        "int clock_gettime(clockid_t clock, struct timespec *now) {\n"
        '  int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");\n'
        "  int status = real(clock, now); if (clock == CLOCK_REALTIME) now->tv_sec -= 777600; return status; }\n"
    )
    library = tmp_path / "late.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "late.c", "-ldl"], check=True)
    code = "from pipelines.custody.open_session import clock; clock.refuse_false_clock()"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the clock of this process was changed" in ended.stderr, ended.stderr
