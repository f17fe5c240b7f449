"""Authorities and reports of missing people as records: what is refused, what is stored, and what is said of it."""

import hashlib
import json
import random
import tomllib
import unicodedata
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from forensics.custody.authority import Authority, check_authority
from forensics.custody.case_document import decode_case, encode_case
from forensics.custody.log import read_chain
from forensics.custody.missing_report import MissingReport, check_report
from forensics.errors import UsageError
from pipelines import clock
from pipelines.custody.case_store import load_case, with_first_run
from pipelines.custody.open_session import Need, open_session
from testing.audit_events import KILLED, die_at
from testing.commands import MANDATE_ENDS, REPORT_WORDS, Call, authority_words, search_case

NOW = datetime(2026, 12, 1, 15, tzinfo=UTC)
_ENDS = datetime(2028, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_GRANTED = Authority(
    decided_by="Judge Weber",
    body="District court",
    reference="12 Gs 345/26",
    requested_utc=datetime(2026, 11, 3, 8, tzinfo=UTC),
    granted_utc=datetime(2026, 11, 4, 9, tzinfo=UTC),
    document_sha256="ab" * 32,
)
_TEXTS = {"decided_by": "--decided-by", "body": "--authority-body", "reference": "--authority-reference"}
_N_TRIALS = 400

# ---- what is refused, by a generator

_TO_COURT = ("--recipient", "court", "--reason", "r")


def _refusal(authority: Authority, *, ends: datetime = _ENDS) -> str:
    """Return the error of an authority; empty if it is accepted."""
    try:
        check_authority(authority, now=NOW, ends_utc=ends)
    except UsageError as error:
        return str(error)
    return ""


def _random_case(text: str, chance: random.Random) -> str:
    return "".join(chance.choice((each.lower(), each.upper())) for each in text)


def _random_width(text: str, chance: random.Random) -> str:
    """Write some ASCII characters in their full width."""
    return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" and chance.random() < 0.5 else each for each in text)


def _random_marks(text: str, chance: random.Random) -> str:
    return "".join(each + ("\u0301" if each.isalpha() and chance.random() < 0.2 else "") for each in text)


def _random_punctuation(text: str, chance: random.Random) -> str:
    return "".join(each + "".join(chance.choices(" .-_/!?()\u2014\u00a0", k=chance.randrange(2))) for each in text)


def _random_invisible(text: str, chance: random.Random) -> str:
    """Put a character that is not drawn somewhere into a text."""
    place = chance.randrange(len(text) + 1)
    return text[:place] + chance.choice(_INVISIBLE) + text[place:]


_INVISIBLE = [
    *(each for each in map(chr, range(0x11000)) if unicodedata.category(each) in {"Cf", "Co"}),
    *("\x00", "\x07", "\x1b", "\u034f", "\u115f", "\u2800", "\u3164", "\ufe0f", "\U000e0100"),
]
_WAYS: tuple[Callable[[str, random.Random], str], ...] = (
    *(_random_case, _random_width, _random_marks, _random_punctuation, _random_invisible),
)
# What people write who have no answer.
_NO_ANSWER = (
    *("pending", "TBD", "n/a", "none", "unknown", "refused", "to do", "ausstehend", "beantragt", "folgt", "abgelehnt"),
    *("sp\u00e4ter", "en attente", "refus\u00e9", "inconnu", "pendiente", "nessuno", "in attesa"),
)


def test_a_whole_record_is_accepted() -> None:
    """So that the tests below can fail."""
    assert _refusal(_GRANTED) == ""
    assert _refusal(Authority(is_pending=True)) == ""
    assert _refusal(Authority(is_pending=True, body="District court", requested_utc=NOW - _HOUR)) == ""


@pytest.mark.parametrize("field", _TEXTS)
def test_no_spelling_of_no_answer_is_accepted(field: str) -> None:
    for seed in range(_N_TRIALS):
        chance = random.Random(seed)
        written = chance.choice(_NO_ANSWER)
        for way in chance.sample(_WAYS, chance.randrange(1, len(_WAYS))):
            written = way(written, chance)
        assert _TEXTS[field] in _refusal(replace(_GRANTED, **{field: written})), (seed, written)


@pytest.mark.parametrize("field", _TEXTS)
def test_no_text_of_invisible_characters_and_punctuation_is_accepted(field: str) -> None:
    for seed in range(_N_TRIALS):
        chance = random.Random(seed)
        signs = [*_INVISIBLE, *" \t\n.-/_'\"\u00a0\u2003"]
        written = "".join(chance.choices(signs, k=chance.randrange(1, 12)))
        assert _refusal(replace(_GRANTED, **{field: written})), (seed, written)


@pytest.mark.parametrize("field", _TEXTS)
def test_an_invisible_character_in_a_good_text_is_refused(field: str) -> None:
    for seed in range(_N_TRIALS):
        written = _random_invisible(getattr(_GRANTED, field), random.Random(seed))
        assert "invisible" in _refusal(replace(_GRANTED, **{field: written})), (seed, written)


def test_a_reference_without_a_number_is_refused() -> None:
    for written in ("judge Smith said yes", "granted", "see file", "Gs III/XXVI"):
        assert "has no number" in _refusal(replace(_GRANTED, reference=written)), written


def test_dates_are_accepted_in_their_order_only() -> None:
    """requested <= granted <= now, and granted before the mandate ends; a day counts as any time of it."""
    seen = {True: 0, False: 0}
    for seed in range(_N_TRIALS):
        chance = random.Random(seed)
        requested, granted = (NOW + timedelta(minutes=chance.randrange(-9 * 1440, 3 * 1440)) for _ in range(2))
        if chance.random() < 0.3:
            granted = granted.replace(hour=0, minute=0)
        if chance.random() < 0.3:
            requested = requested.replace(hour=0, minute=0)
        ends = NOW + timedelta(days=chance.choice((-2, 30)))
        last = granted if (granted.hour, granted.minute) != (0, 0) else granted + timedelta(hours=23, minutes=59)
        is_right = requested <= last and requested <= NOW and granted <= NOW and granted < ends
        authority = replace(_GRANTED, requested_utc=requested, granted_utc=granted)
        assert (not _refusal(authority, ends=ends)) is is_right, (seed, requested, granted, ends)
        seen[is_right] += 1
    assert min(seen.values()) > 40, "both kinds were tried"


def test_the_limits_of_dates_are_exact() -> None:
    at_once = replace(_GRANTED, requested_utc=NOW, granted_utc=NOW)
    assert _refusal(at_once) == ""
    assert "in the future" in _refusal(replace(at_once, granted_utc=NOW + timedelta(microseconds=1)))
    assert "is before" in _refusal(replace(at_once, granted_utc=NOW - timedelta(microseconds=1)))
    assert "after the end" in _refusal(at_once, ends=NOW)
    assert _refusal(at_once, ends=NOW + timedelta(microseconds=1)) == ""


@pytest.mark.parametrize("field", ["decided_by", "body", "reference", "requested_utc", "granted_utc"])
def test_a_granted_authority_needs_every_field(field: str) -> None:
    option = {"requested_utc": "--requested", "granted_utc": "--granted"}.get(field, _TEXTS.get(field, ""))
    lacking = replace(_GRANTED, **{field: None if field.endswith("utc") else " "})
    assert option in _refusal(lacking)


@pytest.mark.parametrize(
    "decision",
    [
        {"decided_by": "Judge Weber"},
        {"reference": "12 Gs 3/26"},
        {"granted_utc": NOW - _HOUR},
        {"document_sha256": "1" * 64},
    ],
)
def test_a_pending_authority_states_no_decision(decision: dict[str, object]) -> None:
    assert "a pending authority has no" in _refusal(replace(Authority(is_pending=True), **decision))


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": ""},
        {"body": "unknown"},
        {"body": "City\u200b police"},
        {"reported_utc": None},
        {"reported_utc": NOW + _HOUR},
    ],
)
def test_a_report_needs_a_body_and_a_time_in_the_past(wrong: dict[str, object]) -> None:
    whole = MissingReport("City police", NOW - _HOUR)
    check_report(whole, now=NOW)
    with pytest.raises(UsageError):
        check_report(replace(whole, **wrong), now=NOW)


# ---- on the command line

_BASE = (
    *("--title", "Platform 2", "--purpose", "find a person", "--operator", "A. Ahmed", "--reference", "K 118/26"),
    *("--legal-basis", "Police Act s. 7", "--camera", "gate", "--from", "2026-05-01T00:00:00Z"),
    *("--to", "2026-05-02T00:00:00Z", "--expires", f"{MANDATE_ENDS:%Y-%m-%d}"),
)
_PENDING = ("--authority", "pending")


@pytest.mark.parametrize("written", ["12 Gs 3/26", "District court 12 Gs 3/26", "granted", "", "judge"])
def test_a_free_text_is_refused_and_the_options_are_named(call: Call, tmp_path: Path, written: str) -> None:
    pending = search_case(tmp_path / "pending", authority="pending")
    for command in (("case", "init", tmp_path / "case", "--mode", "search", *_BASE), ("case", "authorise", pending)):
        answer = call(*command, "--authority", written)
        assert (answer.code, (tmp_path / "case").exists()) == (2, False)
        for option in ("--decided-by", "--authority-body", "--authority-reference", "--requested", "--granted"):
            assert option in answer.err
    assert load_case(pending).mandate.is_authority_pending


@pytest.mark.parametrize(
    ("mode", "words", "said"),
    [
        ("search", (), "--authority pending or the record"),
        ("search", authority_words()[:-2], "--granted"),
        ("search", (*_PENDING, *REPORT_WORDS), "has no report"),
        ("search", (*_PENDING, "--decided-by", "Judge Weber"), "no --decided-by"),
        ("search", (*_PENDING, "--requested", "2999-01-01"), "in the future"),
        ("search", ("--authority-body", "District court"), "--decided-by"),
        ("missing", (), "--report-body, --reported"),
        ("missing", REPORT_WORDS[:2], "--reported"),
        ("missing", (*REPORT_WORDS, *_PENDING), "has no authority"),
        ("missing", (*REPORT_WORDS, *authority_words()), "has no authority"),
        ("missing", (*REPORT_WORDS[:3], "2999-01-01"), "in the future"),
        ("scene", authority_words(), "has no authority"),
        ("scene", _PENDING, "has no authority"),
        ("wildlife", REPORT_WORDS, "has no report"),
        ("search", (*authority_words(), "--document", "/no/such/file"), "not a document"),
        ("search", (*authority_words(), "--document", "/dev/null"), "not a document"),
    ],
)
def test_each_mode_takes_its_own_record_only(
    call: Call, tmp_path: Path, mode: str, words: tuple[str, ...], said: str
) -> None:
    answer = call("case", "init", tmp_path / "case", "--mode", mode, *_BASE, *words)
    assert (answer.code, said in answer.err) == (2, True), answer.err
    assert not (tmp_path / "case").exists()


def test_a_granted_authority_is_stored_shown_logged_and_disclosed_whole(call: Call, tmp_path: Path) -> None:
    (tmp_path / "order.pdf").write_bytes(b"signed order")
    digest = hashlib.sha256(b"signed order").hexdigest()
    case, words = tmp_path / "case", (*authority_words("12 Gs 3/26"), "--document", tmp_path / "order.pdf")
    assert call("case", "init", case, "--mode", "search", *_BASE, *words).code == 0
    (tmp_path / "order.pdf").unlink()  # the case keeps the digest
    expected = {
        "state": "granted",
        "decided_by": "Judge Weber",
        "body": "District court",
        "reference": "12 Gs 3/26",
        "requested_utc": "2026-05-01",
        "granted_utc": "2026-05-02T09:30:00+00:00",
        "document_sha256": digest,
        "is_requested_late": False,
    }
    assert call("case", "show", case, "--json").json["authority"] == expected
    assert read_chain(case / "audit.jsonl").lines[0].facts["authority"] == expected
    assert call("case", "disclose", case, "-o", tmp_path / "d.json", *_TO_COURT).code == 0
    assert json.loads((tmp_path / "d.json").read_text())["case"]["authority"] == expected
    for command in (("case", "show"), ("status",)):
        shown = call(*command, case).out
        for fact in ("Judge Weber", "District court", "12 Gs 3/26", "2026-05-01", "2026-05-02 09:30Z", digest):
            assert fact in shown, (command, fact)


def test_a_report_is_stored_shown_logged_and_disclosed_whole(call: Call, tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_bytes(b"report")
    digest = hashlib.sha256(b"report").hexdigest()
    case, words = tmp_path / "case", (*REPORT_WORDS, "--document", tmp_path / "report.pdf")
    assert call("case", "init", case, "--mode", "missing", *_BASE, *words).code == 0
    expected = {"body": "City police", "reported_utc": "2026-05-02", "document_sha256": digest}
    shown = call("case", "show", case, "--json").json
    assert (shown["report"], shown["authority"]) == (expected, None)
    assert read_chain(case / "audit.jsonl").lines[0].facts["report"] == expected
    assert call("case", "disclose", case, "-o", tmp_path / "d.json", *_TO_COURT).code == 0
    assert json.loads((tmp_path / "d.json").read_text())["case"]["report"] == expected
    for command in (("case", "show"), ("status",)):
        said = " ".join(call(*command, case).out.split())
        assert f"City police, reported 2026-05-02, document SHA-256 {digest}" in said


def test_a_terminal_is_asked_for_what_is_missing(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "File number": "12 Gs 3/26",
        "Who decided": "Judge Weber",
        "Court": "District court",
        "Requested": "2026-05-01",
        "Granted": "2026-05-02",
    }
    asked = []

    def prompt(text: str, *, type: object, err: bool) -> object:  # noqa: A002
        asked.append(next(start for start in answers if text.startswith(start)))
        return type.convert(answers[asked[-1]], None, None)  # type: ignore[attr-defined]

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.prompt", prompt)
    answer = call("case", "init", tmp_path / "case", "--mode", "search", *_BASE)
    assert (answer.code, sorted(asked)) == (0, sorted(answers)), answer.err
    answers["File number"] = "pending"
    asked.clear()
    assert call("case", "init", tmp_path / "pending", "--mode", "search", *_BASE).code == 0
    assert asked == ["File number"], "nothing else is asked about a pending authority"
    assert load_case(tmp_path / "pending").mandate.is_authority_pending


# ---- entered later


def test_authorise_keeps_what_was_recorded_of_the_request(call: Call, tmp_path: Path) -> None:
    case = tmp_path / "case"
    known = ("--authority-body", "District court", "--requested", "2026-05-03")
    assert call("case", "init", case, "--mode", "search", *_BASE, *_PENDING, *known).code == 0
    assert "asked of District court, requested 2026-05-03" in call("case", "show", case).out
    answer = call("case", "authorise", case, "--decided-by", "Judge Weber", "--granted", "2026-05-04")
    assert (answer.code, "--authority-reference" in answer.err, "--requested" in answer.err) == (2, True, False)
    decided = ("--decided-by", "Judge Weber", "--granted", "2026-05-04", "--authority-reference", "12 Gs 3/26")
    assert call("case", "authorise", case, *decided).code == 0
    entered = load_case(case).mandate.authority
    assert entered is not None
    assert (entered.body, entered.requested_utc) == ("District court", datetime(2026, 5, 3, tzinfo=UTC))


def test_a_request_that_is_stated_otherwise_later_is_said_and_both_are_logged(call: Call, tmp_path: Path) -> None:
    case = tmp_path / "case"
    known = ("--authority-body", "County court", "--requested", "2026-05-03")
    assert call("case", "init", case, "--mode", "search", *_BASE, *_PENDING, *known).code == 0
    answer = call("case", "authorise", case, *authority_words())
    assert (answer.code, "made to County court" in answer.out, "made on 2026-05-03" in answer.out) == (0, True, True)
    lines = read_chain(case / "audit.jsonl").lines
    (outputs,) = [line.facts["outputs"] for line in lines if (line.kind, line.command) == ("end", "case authorise")]
    assert (outputs["before"]["body"], outputs["authority"]["body"]) == ("County court", "District court")


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """A search with a pending authority that ran first on 1 October 2026 at noon."""
    root = search_case(tmp_path / "case", authority="pending")
    with open_session(root, "run", need=Need.CHANGE) as session:
        first = with_first_run(session.case, datetime(2026, 10, 1, 12, tzinfo=UTC))
        session.files.write(session.folder.case_file, encode_case(first))
    return root


def _authorise(call: Call, case: Path, requested: str) -> tuple[int, str, str]:
    words = list(authority_words())
    words[words.index("--requested") + 1] = requested
    words[words.index("--granted") + 1] = "2026-10-20"
    answer = call("case", "authorise", case, *words)
    return answer.code, answer.out, answer.err


@pytest.mark.parametrize(
    ("requested", "is_late"),
    [
        ("2026-10-02", False),
        ("2026-10-03T12:00:00Z", False),
        ("2026-10-03T12:00:01Z", True),
        ("2026-10-04", True),
        ("2026-09-01", False),
    ],
)
def test_a_request_later_than_48_hours_after_the_first_run_is_stored_and_said(
    call: Call, ran: Path, requested: str, is_late: bool
) -> None:
    late = "requested later than 48 hours after the first run (2026-10-01 12:00Z)"
    code, out, err = _authorise(call, ran, requested)
    assert (code, late in out) == (0, is_late), err
    assert (late in call("case", "show", ran).out) is is_late
    assert call("case", "show", ran, "--json").json["authority"]["is_requested_late"] is is_late


def test_a_request_on_the_day_of_the_limit_needs_its_time(call: Call, ran: Path) -> None:
    code, _, err = _authorise(call, ran, "2026-10-03")
    assert (code, "give the time of the request" in err) == (2, True)
    assert load_case(ran).mandate.is_authority_pending


def test_a_decision_after_the_end_of_the_mandate_is_refused(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = search_case(tmp_path / "case", authority="pending")
    monkeypatch.setattr(clock, "utc_now", lambda: MANDATE_ENDS + timedelta(days=3))
    words = list(authority_words())
    words[-1] = f"{MANDATE_ENDS + timedelta(days=1):%Y-%m-%d}"
    answer = call("case", "authorise", case, *words)
    assert (answer.code, "after the end of the mandate" in answer.err) == (2, True)
    words[-1] = f"{MANDATE_ENDS - timedelta(days=1):%Y-%m-%d}"
    assert call("case", "authorise", case, *words).code == 0


# ---- case.toml


def test_every_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    case = load_case(search_case(tmp_path / "case"))
    for seed in range(60):
        chance = random.Random(seed)
        known = {name: getattr(_GRANTED, name) for name in ("body", "requested_utc") if chance.random() < 0.5}
        granted = replace(_GRANTED, document_sha256=chance.choice(("", "c" * 64)))
        authority = Authority(is_pending=True, **known) if seed % 2 else granted
        stated = replace(case, mandate=replace(case.mandate, authority=authority))
        assert decode_case(case.folder, encode_case(stated)).mandate == stated.mandate, seed


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("pending", Authority(is_pending=True)),
        (" Pending ", Authority(is_pending=True)),
        ("District court 12 Gs 3/26", Authority(reference="District court 12 Gs 3/26")),
        ("granted by somebody", Authority(reference="granted by somebody")),
    ],
)
def test_the_text_of_an_earlier_version_is_read_as_a_reference(tmp_path: Path, text: str, authority: Authority) -> None:
    case = load_case(search_case(tmp_path / "case"))
    lines = case.folder.case_file.read_text().splitlines()
    start = lines.index("[authority]")
    stop = lines.index("", start)
    old = "\n".join([f'authority = "{text}"', *lines[:start], *lines[stop:]])
    read = decode_case(case.folder, old.encode())
    assert read.mandate.authority == authority
    assert decode_case(case.folder, encode_case(read)).mandate == read.mandate


def test_an_older_missing_case_needs_no_report(tmp_path: Path) -> None:
    case = load_case(search_case(tmp_path / "case", mode="missing"))
    old = replace(case, mandate=replace(case.mandate, report=None))
    assert "report" not in tomllib.loads(encode_case(old).decode())
    assert decode_case(case.folder, encode_case(old)).mandate.report is None


@pytest.mark.parametrize("is_killed", [False, True])
def test_the_defence_learns_what_was_on_record_before_the_grant(call: Call, tmp_path: Path, is_killed: bool) -> None:
    case = tmp_path / "case"
    pending = ("--authority", "pending", "--authority-body", "District court", "--requested", "2026-05-01")
    assert call("case", "init", case, "--mode", "search", *_BASE, *pending).code == 0
    with die_at("rename", str(case / "case.toml"), after=True) if is_killed else nullcontext():
        assert call("case", "authorise", case, *authority_words()).code == (KILLED if is_killed else 0)
    assert call("case", "disclose", case, "-o", tmp_path / "d.json", *_TO_COURT).code == 0
    history = json.loads((tmp_path / "d.json").read_text())["case"]["authority_history"]
    assert [each["authority"]["state"] for each in history] == ["pending", "granted"]
    assert history[0]["authority"]["requested_utc"] == "2026-05-01"
    assert history[0]["at_utc"] < history[1]["at_utc"]
