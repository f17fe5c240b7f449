"""`case amend`: which amendments are allowed in which mode, and what the log and the documents say of them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.custody.case_store import load_case
from testing.commands import REPORT_WORDS, Call, authority_words, new_case, search_case
from testing.face_case import FaceCase

_REASON = ("--reason", "the paragraph was mistyped")
_WIDER = {
    "camera": ("--camera", "gate", "--camera", "hall", "--camera", "yard"),
    "start": ("--from", "2026-04-30T00:00:00Z"),
    "end": ("--to", "2026-05-03T00:00:00Z"),
    "last day": ("--expires", "2099-01-01"),
}
_NARROWER = {
    "camera": ("--camera", "gate"),
    "start": ("--from", "2026-05-01T08:00:00Z"),
    "end": ("--to", "2026-05-01T20:00:00Z"),
}


@pytest.mark.parametrize("mode", ["search", "missing"])
def test_texts_are_corrected_and_old_and_new_are_shown(call: Call, tmp_path: Path, mode: str) -> None:
    root = search_case(tmp_path / "case", mode=mode)
    answer = call(
        "case", "amend", root, "--title", "Platform 3", "--legal-basis", "Police Act s. 8", *_REASON, "--json"
    )
    assert (answer.code, answer.json["amended"]["title"]) == (0, {"before": "Platform 2", "after": "Platform 3"})
    mandate = load_case(root).mandate
    assert (mandate.title, mandate.legal_basis) == ("Platform 3", "Police Act s. 8")
    shown = call("case", "show", root)
    assert "mandate: legal basis Police Act s. 7 -> Police Act s. 8" in shown.out
    assert _REASON[1] in shown.out
    facts = call("case", "show", root, "--json").json["corrections"]
    assert [(each["name"], each["reason"]) for each in facts] == [("title", _REASON[1]), ("legal basis", _REASON[1])]


@pytest.mark.parametrize("what", sorted(_NARROWER))
def test_a_search_is_narrowed_with_a_reason_alone(call: Call, tmp_path: Path, what: str) -> None:
    root = search_case(tmp_path / "case")
    assert call("case", "amend", root, *_NARROWER[what], *_REASON).code == 0
    assert call("verify", root).code == 0


@pytest.mark.parametrize("what", sorted(_WIDER))
@pytest.mark.parametrize("mode", ["search", "missing"])
def test_a_wider_mandate_needs_what_permits_it(call: Call, tmp_path: Path, mode: str, what: str) -> None:
    root = search_case(tmp_path / "case", mode=mode)
    before = load_case(root).mandate
    refused = call("case", "amend", root, *_WIDER[what], *_REASON)
    assert (refused.code, "permits more than the mandate" in refused.err) == (3, True)
    assert load_case(root).mandate == before
    incomplete = ("--decided-by", "Judge Weber") if mode == "search" else REPORT_WORDS[:2]
    assert call("case", "amend", root, *_WIDER[what], *incomplete, *_REASON).code == 3
    record = authority_words("14 Gs 9/26") if mode == "search" else REPORT_WORDS
    assert call("case", "amend", root, *_WIDER[what], *record, *_REASON).code == 0
    after = load_case(root).mandate
    assert after != before
    assert mode == "missing" or (after.authority is not None and after.authority.reference == "14 Gs 9/26")


def test_a_pending_authority_permits_nothing_more(call: Call, tmp_path: Path) -> None:
    root = search_case(tmp_path / "case", authority="pending")
    refused = call("case", "amend", root, *_WIDER["end"], *authority_words(), *_REASON)
    assert (refused.code, "still pending" in refused.err) == (3, True)


def test_the_operator_of_a_search_stays(call: Call, tmp_path: Path) -> None:
    root = search_case(tmp_path / "case")
    assert call("case", "amend", root, "--operator", "B. Becker", *_REASON).code == 3
    scene = new_case(call, tmp_path / "scene")
    assert call("case", "amend", scene, "--operator", "B. Becker", *_REASON).code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 2),
        (("--title", "Platform 2"), 2),
        (("--title", "TBD"), 2),
        (("--legal-basis", "\u200b"), 2),
        (("--expires", "2020-01-01"), 2),
        (("--from", "2026-05-03T00:00:00Z"), 2),
        (("--title", "Platform 3", *authority_words()), 2),
    ],
)
def test_what_is_refused_changes_nothing(call: Call, tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    root = search_case(tmp_path / "case")
    before = (root / "case.toml").read_bytes()
    assert call("case", "amend", root, *words, *_REASON).code == code
    assert (root / "case.toml").read_bytes() == before


def test_a_scene_may_be_widened_and_limited(call: Call, tmp_path: Path) -> None:
    root = new_case(call, tmp_path / "case")
    assert call("case", "amend", root, "--camera", "gate", "--from", "2026-05-01T00:00:00Z", *_REASON).code == 0
    assert call("case", "amend", root, "--from", "2026-04-01T00:00:00Z", *_REASON).code == 0
    assert load_case(root).mandate.from_utc == datetime(2026, 4, 1, tzinfo=UTC)


def test_an_ended_mandate_is_not_extended(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = search_case(tmp_path / "case")
    assert call("case", "deny", root, "--reason", "refused by the court").code == 0
    assert call("case", "amend", root, *_WIDER["last day"], *authority_words(), *_REASON).code == 3


# ---- candidates after a change


def test_candidates_are_withheld_until_they_are_compared_within_the_new_scope(call: Call, tmp_path: Path) -> None:
    case = FaceCase.make(tmp_path, call)
    case.enrol("E1", 0, tmp_path)
    case.run()
    assert case.candidates()
    case.do("case amend", "--to", "2026-05-01T11:00:00Z", *_REASON)
    refused = call("query", case.root, "candidates", "--reason", "look at candidates")
    assert (refused.code, "run `forensics run" in refused.err) == (3, True)
    case.run()
    assert case.candidates() == []


@pytest.mark.parametrize(
    "correction",
    [
        ("evidence camera", "{footage}", "hall"),
        ("ingest", "{footage}", "--camera", "gate", "--start", "2026-05-01T13:00:00Z", "--clock-error", 0),
        ("case clock", "gate", "--offset", "5s"),
    ],
)
def test_candidates_are_withheld_after_a_correction_of_footage(
    call: Call, tmp_path: Path, correction: tuple[str, ...]
) -> None:
    case = FaceCase.make(tmp_path, call)
    case.enrol("E1", 0, tmp_path)
    case.run()
    command, *words = (str(word).format(footage=tmp_path / "gate.mp4") for word in correction)
    case.do(command, *words, *_REASON)
    assert call("query", case.root, "candidates", "--reason", "look at candidates").code == 3
    case.run()
    assert case.candidates()


def test_a_correction_of_a_clock_that_decides_what_is_searched_needs_a_reason(call: Call, tmp_path: Path) -> None:
    case = FaceCase.make(tmp_path, call)
    assert call("case", "clock", case.root, "gate", "--offset", "5s").code == 2


# ---- the file for the defence


def test_the_file_for_the_defence_says_where_when_and_by_which_clock(call: Call, tmp_path: Path) -> None:
    case = FaceCase.make(tmp_path, call)
    case.enrol("E1", 0, tmp_path)
    clock = ("--offset", "-25m3s", "--clock-error", "2s", "--reason", "radio clock, 4 May")
    case.do("case clock", "gate", *clock)
    case.run()
    target = tmp_path / "defence.json"
    case.do("case disclose", "-o", target, "--recipient", "counsel", "--reason", "for the defence")
    document = json.loads(target.read_text())
    for row in document["candidates"]:
        assert (row["camera_id"], row["clock_error_ms"], row["file_name"]) == ("gate", 2000, "gate.mp4")
        assert row["first_utc"].startswith("2026-05-01 11:34:57+00:00")
        assert row["first_media_us"] == 0
    (searched,) = document["searched"]
    assert searched["start_camera_clock"] == "2026-05-01 12:00:00"
    assert searched["start_utc"] == "2026-05-01 11:34:57+00:00"
    assert (searched["clock_offset_ms"], searched["clock_error_ms"]) == (-1_503_000, 2000)
    assert document["not_searched"] == []
    assert not any(document["changed_since_the_run"].values())
    (known,) = document["clocks"]
    assert (known["camera_id"], known["offset_ms"], known["error_ms"], known["drift_ppm"]) == (
        "gate",
        -1_503_000,
        2000,
        0,
    )
    assert [each["name"] for each in document["corrections"]] == ["offset", "clock error"]
    assert {each["reason"] for each in document["corrections"]} == {"radio clock, 4 May"}
    assert document["corrections"][0]["who"]["user"]


# ---- denials


def test_an_amended_reference_does_not_hide_a_denial(call: Call, tmp_path: Path) -> None:
    first = search_case(tmp_path / "first", reference="K 118/26")
    assert call("case", "deny", first, "--reason", "refused by the court").code == 0
    second = search_case(tmp_path / "second", reference="K 118/26")
    assert call("case", "amend", second, "--reference", "K 7/27", *_REASON).code == 0
    assert call("run", second, "--runner", "serial", "--quiet").code == 3
    third = search_case(tmp_path / "third", reference="K 55/26")
    assert call("case", "amend", third, "--reference", "K 56/26", *_REASON).code == 0
    assert call("case", "deny", third, "--reason", "refused by the court").code == 0
    fourth = search_case(tmp_path / "fourth", reference="K 55/26")
    refused = call("run", fourth, "--runner", "serial", "--quiet")
    assert (refused.code, "the reference in common" in refused.err) == (3, True)


# ---- what an attacker tried


@pytest.mark.parametrize("mode", ["search", "missing"])
def test_the_record_that_permitted_less_permits_nothing_more(call: Call, tmp_path: Path, mode: str) -> None:
    root = search_case(tmp_path / "case", mode=mode)
    mandate = load_case(root).mandate
    if mandate.authority is not None:
        requested, granted = mandate.authority.requested_utc, mandate.authority.granted_utc
        assert requested is not None
        assert granted is not None
        words = ("--decided-by", "Judge Weber", "--authority-body", "District court")
        words += (
            "--authority-reference",
            "12 Gs 3/26",
            "--requested",
            requested.isoformat(),
            "--granted",
            granted.isoformat(),
        )
    else:
        assert mandate.report is not None
        assert mandate.report.reported_utc is not None
        words = ("--report-body", "City police", "--reported", mandate.report.reported_utc.isoformat())
    refused = call("case", "amend", root, *_WIDER["camera"], *words, *_REASON)
    assert (refused.code, "permitted less until now" in refused.err) == (3, True)


@pytest.mark.parametrize("is_same_day", [True, False])
def test_a_record_spelled_in_another_way_is_the_same_record(call: Call, tmp_path: Path, is_same_day: bool) -> None:
    root = search_case(tmp_path / "case")
    authority = load_case(root).mandate.authority
    assert authority is not None
    assert authority.granted_utc is not None
    granted = authority.granted_utc if is_same_day else authority.granted_utc - timedelta(days=1)
    body, reference = authority.body.upper(), authority.reference.replace(" ", "  ").lower()
    document = tmp_path / "order.txt"
    document.write_text("an order")
    words = ("--decided-by", "J.  Weber", "--authority-body", body, "--authority-reference", reference)
    words += ("--requested", granted.isoformat(), "--granted", granted.isoformat(), "--document", document)
    answer = call("case", "amend", root, *_WIDER["camera"], *words, *_REASON)
    assert (answer.code, "permitted less until now" in answer.err) == ((3, True) if is_same_day else (0, False))


def _confirmed_by_two(call: Call, folder: Path) -> tuple[FaceCase, dict[str, object]]:
    """Make a case with one candidate that two reviewers have confirmed; returns both."""
    case = FaceCase.make(folder, call)
    case.do("case policy", "--one-account", "--reason", "one machine")
    case.enrol("E1", 0, folder)
    case.run()
    (candidate,) = [row for row in case.candidates() if row["decision"] == "candidate"]
    for name in ("B. Becker", "C. Cole"):
        case.reviewer(name)
        decided = case.decide(name, f"{candidate['sighting_id']}:E1", "confirm")
        assert decided.code == 0, decided.err
    return case, candidate


def test_candidates_and_verdicts_survive_a_correction_of_the_camera(call: Call, tmp_path: Path) -> None:
    case, candidate = _confirmed_by_two(call, tmp_path)
    case.do("evidence camera", tmp_path / "gate.mp4", "hall", *_REASON)
    case.run()
    (after,) = [row for row in case.candidates() if row["decision"] == "candidate"]
    assert (after["sighting_id"], after["camera_id"]) == (candidate["sighting_id"], "hall")
    assert after["review_state"] == "confirmed"
    case.enrol("E2", 1, tmp_path)
    case.run()
    (again,) = [row for row in case.candidates() if (row["decision"], row["entry_id"]) == ("candidate", "E1")]
    assert again["review_state"] == "confirmed"
    assert call("reproduce", case.root, "--runner", "serial", "--quiet").code in (0, 5)
    case.do("evidence camera", tmp_path / "gate.mp4", "gate", "--reason", "it was right before")
    case.run()
    assert case.candidates()[0]["sighting_id"]


def test_candidates_and_verdicts_survive_a_repair_after_a_correction_of_the_camera(call: Call, tmp_path: Path) -> None:
    case, candidate = _confirmed_by_two(call, tmp_path)
    case.do("evidence camera", tmp_path / "gate.mp4", "hall", *_REASON)
    case.run()
    for index in (case.root / "evidence" / "index").iterdir():
        index.unlink()
    case.do("ingest", tmp_path / "gate.mp4", "--camera", "hall")
    case.run()
    (after,) = [row for row in case.candidates() if row["decision"] == "candidate"]
    assert (after["sighting_id"], after["review_state"]) == (candidate["sighting_id"], "confirmed")


def test_verdicts_on_an_earlier_list_are_in_the_file_for_the_defence(call: Call, tmp_path: Path) -> None:
    case, candidate = _confirmed_by_two(call, tmp_path)
    assert call("run", case.root, "--runner", "serial", "--quiet", "--set", "detect.fps=2").code == 0
    target = tmp_path / "defence.json"
    case.do("case disclose", "-o", target, "--recipient", "counsel", "--reason", "for the defence")
    document = json.loads(target.read_text())
    (earlier,) = document["verdicts_on_other_lists"]
    assert (earlier["sighting_id"], earlier["review_state"]) == (candidate["sighting_id"], "confirmed")
    assert all(verdict["at_utc"] for verdict in earlier["verdicts"])
    states = {row["decision"]: row["review_state"] for row in document["candidates"]}
    assert states.get("below") is None
    assert [each["name"] for each in document["corrections"]] == ["allows one account"]


def test_the_file_for_the_defence_says_what_was_changed_after_the_run(call: Call, tmp_path: Path) -> None:
    case = FaceCase.make(tmp_path, call)
    case.enrol("E1", 0, tmp_path)
    case.run()
    case.film("hall", tmp_path)
    case.do("case clock", "gate", "--offset", "5s", *_REASON)
    target = tmp_path / "defence.json"
    case.do("case disclose", "-o", target, "--recipient", "counsel", "--reason", "for the defence")
    document = json.loads(target.read_text())
    assert [each["camera_id"] for each in document["searched"]] == ["gate"]
    assert [each["camera_id"] for each in document["not_searched"]] == ["hall"]
    assert document["searched"][0]["clock_offset_ms"] == 0
    changed = document["changed_since_the_run"]
    assert changed["cameras_hours_or_clocks_of_the_case"]
    assert changed["evidence_with_another_camera_or_clock"] == [document["searched"][0]["evidence_id"]]


def test_verdicts_survive_another_comparison_of_the_same_sightings(call: Call, tmp_path: Path) -> None:
    case, candidate = _confirmed_by_two(call, tmp_path)
    before = call("status", case.root, "--json").json["run"]
    changed = ("--set", "recognise.false_candidate_rate=0.02")
    assert call("run", case.root, "--runner", "serial", "--quiet", *changed).code == 0
    assert call("status", case.root, "--json").json["run"] != before
    (after,) = [row for row in case.candidates() if row["decision"] == "candidate"]
    assert (after["sighting_id"], after["review_state"]) == (candidate["sighting_id"], "confirmed")
