"""`case report --template`: documents with the facts of a case, with marked blanks and without names."""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from forensics.digests import sha256_of_file
from pipelines import clock
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.proof.report import Template, render_report
from testing.commands import Call, clip, new_case, search_case
from testing.face_case import FaceCase

_TEMPLATES = [template.value for template in Template]
_NAME, _ENTRY, _NOTE = "Erika Mustermann", "erika-mustermann", "a scar under the chin"
_MODES = ("scene", "wildlife", "search", "missing")


def _make(call: Call, root: Path, mode: str) -> Path:
    if mode in {"search", "missing"}:
        return search_case(root, mode=mode)
    options = ("--mode", mode, "--purpose", "count deer", "--operator", "A. Ahmed")
    assert call("case", "init", root, *options).code == 0
    return root


def _write(call: Call, case: Path, template: str, target: Path) -> str:
    answer = call("case", "report", case, "--template", template, "-o", target, "--reason", "asked for")
    assert answer.code == 0, answer.err
    return target.read_text()


def _all(call: Call, case: Path, folder: Path) -> dict[str, str]:
    """Return every document about a case by the name of its template."""
    folder.mkdir()
    return {name: _write(call, case, name, folder / f"{name}.md") for name in _TEMPLATES}


def _row(text: str, first: str) -> str:
    """Return the second cell of the only row of a table whose first cell is this."""
    (cell,) = re.findall(rf"^\| {re.escape(first)} \| (.*) \|$", text, re.MULTILINE)
    return str(cell)


# ---- blanks


@pytest.mark.parametrize("mode", _MODES)
def test_every_blank_is_marked_in_one_way_and_listed_at_the_end(call: Call, tmp_path: Path, mode: str) -> None:
    for name, text in _all(call, _make(call, tmp_path / "case", mode), tmp_path / "out").items():
        body, _, listed = text.partition("## Blanks to fill\n\n")
        marked = re.findall(r"\[to be stated: ([^\[\]]+)\]", body)
        assert len(marked) >= 4, name
        assert re.findall(r"^\d+\. (.+)$", listed, re.MULTILINE) == list(dict.fromkeys(marked)), name
        assert re.sub(r"\[to be stated: [^\[\]]+\]", "", body).count("to be stated") == 0, name
        assert not re.search(r"None|\{\{|\{%|undefined", text), name


def test_the_command_lists_the_blanks(call: Call, empty_case: Path, tmp_path: Path) -> None:
    target = tmp_path / "r.md"
    words = ("case", "report", empty_case, "--template", "registration", "-o", target, "--reason", "r", "--json")
    blanks = call(*words).json["blanks"]
    assert blanks == re.findall(r"^\d+\. (.+)$", target.read_text().partition("## Blanks")[2], re.MULTILINE)
    assert "name, address and contact details of the deployer" in blanks


# ---- facts


@pytest.fixture
def six(tmp_path: Path, call: Call) -> FaceCase:
    """Make a search with six people, all on the list, found and confirmed by two reviewers."""
    case = FaceCase.make(tmp_path, call, n_people=6)
    case.do("case policy", "--watchlist-limit", 9, "--reason", "six people of one boat")
    for number in range(6):
        case.enrol(_ENTRY if number == 0 else f"E{number}", number, tmp_path)
    case.run()
    for name in ("B. Becker", "C. Cole", "D. Diaz"):
        case.reviewer(name)
    return case


def _candidates(case: FaceCase) -> list[str]:
    rows = [row for row in case.candidates() if row["decision"] == "candidate"]
    return [f"{row['sighting_id']}:{row['entry_id']}" for row in rows]


def _uses_in_log(root: Path) -> Counter[str]:
    """Count with nothing but JSON what the log holds."""
    lines = [json.loads(line) for line in (root / "audit.jsonl").read_text().splitlines()]
    return Counter(f"{line['kind']} {line['command']}" for line in lines)


def test_numbers_are_those_of_the_case(six: FaceCase, tmp_path: Path) -> None:
    for candidate in _candidates(six):
        for name in ("B. Becker", "C. Cole"):
            assert six.decide(name, candidate, "confirm", "--note", _NOTE).code == 0
    text = _write(six.call, six.root, "impact-assessment", tmp_path / "i.md")
    expected = {
        "paths given": "1",
        "recordings that can be read": "1",
        "cameras": "1",
        "frames": "12",
        "duration of video (hours:minutes:seconds)": "0:00:02",
        "frames detected": "12",
        "tracks of people (one person can have several)": "6",
        "entries that may ever be added": "9",
        "entries added so far": "6",
        "entries now": "6",
        "compared pairs in the last list": "36",
        "candidates": "6",
        "leads (too few faces, or too short)": "fewer than 5",
        "decided by two people: confirmed": "6",
        "purpose": "find a person",
        "legal basis": "Police Act s. 7",
        "cameras in scope": "gate, hall",
        "verdicts": "12",
        "openings of faces": "12",
        "entries": "6",
        "runs": "fewer than 5",
    }
    assert {first: _row(text, first) for first in expected} == expected
    assert "file 12 Gs 3/26, decided by Judge Weber, requested " in _row(text, "authority")
    logged = _uses_in_log(six.root)
    assert (logged["note verdict"], logged["note pictures opened"], logged["begin watchlist add"]) == (12, 12, 6)
    for part in ("0" * 64, "1" * 64):
        assert part in text, "digests of the face models"
    keys = json.loads((six.root / "reviewers.json").read_text())
    verified = {each["name"]: _verified(text, each["key_id"]) for each in keys}
    assert verified == {"B. Becker": "yes", "C. Cole": "yes", "D. Diaz": "no"}
    assert text.count("| face comparison, two weeks | 2026-03-06 |") == 3


def _verified(text: str, key_id: str) -> str:
    (cell,) = re.findall(rf"^\| {key_id} \|.*\| (\w+) \|$", text, re.MULTILINE)
    return str(cell)


def test_numbers_below_five_are_not_stated(found: FaceCase, tmp_path: Path) -> None:
    (candidate,) = _candidates(found)
    for name in ("B. Becker", "C. Cole"):
        assert found.decide(name, candidate, "confirm").code == 0
    text = _write(found.call, found.root, "impact-assessment", tmp_path / "i.md")
    for first in (
        *("tracks of people (one person can have several)", "entries added so far", "entries now", "candidates"),
        *("compared pairs in the last list", "decided by two people: confirmed", "verdicts", "runs", "entries"),
    ):
        assert _row(text, first) == "fewer than 5", first


def test_a_first_verdict_shows_in_no_document(found: FaceCase, tmp_path: Path) -> None:
    (candidate,) = _candidates(found)
    assert found.decide("B. Becker", candidate, "exclude", "--note", _NOTE).code == 0
    for text in _all(found.call, found.root, tmp_path / "out").values():
        assert "excluded" not in text
        assert "decided by two people" not in text
        assert "| yes |" not in text


@pytest.mark.parametrize("mode", _MODES)
def test_a_document_says_what_the_mode_does(call: Call, tmp_path: Path, mode: str) -> None:
    said = _all(call, _make(call, tmp_path / "case", mode), tmp_path / "out")
    compares = mode in {"search", "missing"}
    assert ("compares no faces" in said["record-of-use"]) is not compares
    assert ("compares no faces" in said["registration"]) is not compares
    assert ("watchlist remove" in said["data-subject-request"]) is compares
    assert ("clear pictures" in said["impact-assessment"]) is not compares
    assert ("file 12 Gs 3/26, decided by Judge Weber" in said["record-of-use"]) is (mode == "search")
    assert ("| City police, reported " in said["record-of-use"]) is (mode == "missing")


def test_a_scene_that_was_run_names_its_detector_and_hours(call: Call, tmp_path: Path) -> None:
    case = new_case(call, tmp_path / "case")
    for number, camera in enumerate(("gate", "hall")):
        footage = clip(tmp_path / f"{camera}.mp4", n_frames=76, seed=number)
        assert call("ingest", case, footage, "--camera", camera).code == 0
    assert call("run", case, "--runner", "serial", "--quiet", "--set", "sight.thumbnails=none").code == 0
    text = _write(call, case, "impact-assessment", tmp_path / "i.md")
    assert (_row(text, "frames"), _row(text, "cameras")) == ("152", "2")
    assert _row(text, "duration of video (hours:minutes:seconds)") == "0:00:06", "twice 75 intervals of 40 ms"
    assert _row(text, "detector").startswith("builtin-1")
    assert _row(text, "thumbnails") == "not stored"
    assert _row(text, "changed settings") == "sight.thumbnails=none"
    assert "stored no thumbnails" in _write(call, case, "data-subject-request", tmp_path / "d.md")


def test_a_refused_case_has_documents_without_its_results(found: FaceCase, tmp_path: Path) -> None:
    found.do("case deny", "--reason", "refused by the court")
    for text in _all(found.call, found.root, tmp_path / "out").values():
        assert _row(text, "state") == "denied"
        assert "names of entries were not looked for" in text
        assert "that the texts of the case name nobody, after reading them" in text.partition("## Blanks")[2]
        assert "decided by two people" not in text


# ---- names


def _state(case: FaceCase, **texts: str) -> None:
    """Replace texts of the mandate, as a person may have stated them at the start."""
    with open_session(case.root, "case policy", need=Need.CHANGE) as session, session.lock():
        session.change(lambda old: replace(old, mandate=replace(old.mandate, **texts)))


def test_no_document_names_anybody(six: FaceCase, tmp_path: Path) -> None:
    for candidate in _candidates(six)[:5]:
        for name in ("B. Becker", "C. Cole"):
            assert six.decide(name, candidate, "exclude", "--check", "nose=differs", "--note", _NOTE).code == 0
    six.do("watchlist remove", "E3", "--reason", "gone to Lima")
    _state(six, purpose=f"find {_NAME.upper()},  for A.  Ahmed and b. becker (E3, E30)", reference=f"K 1: {_NAME}")
    for name, text in _all(six.call, six.root, tmp_path / "out").items():
        for hidden in (_NAME, "mustermann", _NOTE, "scar", "ahmed", "becker", "cole", "diaz", "warrant 12/26", "lima"):
            assert hidden.casefold() not in text.casefold(), (name, hidden)
        assert not re.search(r"\bE[0-9]\b", text), name
        assert "E30" in text, "only whole names are left out"


def test_texts_of_a_case_cannot_look_like_parts_of_the_document(call: Call, tmp_path: Path) -> None:
    purpose = "a | b <script>x</script> [to be stated: nothing] [x](http://y) `z` # Approved"
    case = tmp_path / "case"
    assert call("case", "init", case, "--purpose", purpose, "--operator", "o").code == 0
    for name, text in _all(call, case, tmp_path / "out").items():
        assert "<script" not in re.sub(r"\\[<>]", "", text), name
        assert not re.search(r"(?<!\\)\[to be stated: nothing", text), name
        assert "# Approved" not in re.findall(r"^#.*$", text, re.MULTILINE), name
        assert "nothing" not in re.findall(r"^\d+\. (.+)$", text, re.MULTILINE), name
        assert r"a \| b \<script\>x\</script\>" in text, name


def test_an_unknown_fact_is_an_error_and_never_printed() -> None:
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        render_report(Template.REGISTRATION, {})


# ---- the command


def test_a_document_is_logged_with_its_reason_and_digest(call: Call, empty_case: Path, tmp_path: Path) -> None:
    _write(call, empty_case, "record-of-use", tmp_path / "r.md")
    lines = [json.loads(line) for line in (empty_case / "audit.jsonl").read_text().splitlines()]
    begin, end = [line for line in lines if line["command"] == "case report"]
    assert begin["why"] == "asked for"
    assert begin["facts"]["template"] == "record-of-use"
    (written,) = end["facts"]["outputs"]["written"]
    assert (written["file"], written["sha256"]) == (str(tmp_path / "r.md"), sha256_of_file(tmp_path / "r.md"))
    assert written["is_own_use"], "no recipient was given"


_TO_FILE = ("--template", "registration", "-o", "{folder}/r.md")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((*_TO_FILE,), "reason"),
        ((*_TO_FILE, "--reason", "  "), "reason"),
        (("--template", "registration", "--reason", "r"), "-o FILE.md"),
        ((*_TO_FILE, "--reason", "r", "--annual", "2026"), "either --annual or --template"),
        ((), "either --annual or --template"),
        (("--template", "licence", "-o", "{folder}/r.md", "--reason", "r"), "impact-assessment"),
        (("--template", "registration", "-o", "{case}/r.md", "--reason", "r"), "must not be written to"),
    ],
)
def test_a_document_is_refused(
    call: Call, empty_case: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    words = [word.format(folder=tmp_path, case=empty_case) for word in options]
    answer = call("case", "report", empty_case, *words)
    assert (answer.code, said in answer.err) == (2, True), answer.err
    assert list(tmp_path.rglob("r.md")) == []


def test_an_existing_file_is_replaced_only_on_request(call: Call, empty_case: Path, tmp_path: Path) -> None:
    target = tmp_path / "r.md"
    _write(call, empty_case, "registration", target)
    words = ("case", "report", empty_case, "--template", "registration", "-o", target, "--reason", "r")
    assert (call(*words).code, call(*words, "--force").code) == (2, 0)


def test_templates_promise_only_commands_that_exist(call: Call, tmp_path: Path) -> None:
    from pipelines.cli.main import forensics as command_line

    texts = [
        text
        for mode in _MODES
        for text in _all(call, _make(call, tmp_path / mode, mode), tmp_path / f"{mode}-out").values()
    ]
    named = {tuple(words) for text in texts for words in map(str.split, re.findall(r"`forensics ([a-z ]+)", text))}
    assert len(named) > 5
    for words in named:
        _require_command(command_line, words)


def _require_command(group: object, words: tuple[str, ...]) -> None:
    commands: Callable[[object], dict[str, object]] = lambda each: getattr(each, "commands", {})  # noqa: E731
    for word in words:
        if not commands(group):
            return
        assert word in commands(group), words
        group = commands(group)[word]


def test_what_was_refused_or_only_planned_is_no_use(found: FaceCase, tmp_path: Path) -> None:
    """One run and one entry happened; the others were refused, or only showed what they would do."""
    for _ in range(6):
        assert found.call("run", found.root, "--dry-run").code == 0
        assert found.call("watchlist", "add", found.root, "E9", tmp_path / "no.png", "--basis", "b").code != 0
        assert found.call("query", found.root, "candidates").code == 3
    uses = found.call("case", "report", found.root.parent, "--annual", clock.utc_now().year, "--json").json["uses"]
    assert {row["use"]: row["times"] for row in uses}.keys() == {"entries", "runs"}
    assert {row["times"] for row in uses} == {None}


def test_the_defence_learns_that_an_authority_was_pending_and_why_it_was_refused(call: Call, tmp_path: Path) -> None:
    case = _make(call, tmp_path / "case", "search")
    assert call("case", "deny", case, "--reason", "refused by the court").code == 0
    to_court = ("-o", tmp_path / "d.json", "--recipient", "counsel", "--reason", "request")
    assert call("case", "disclose", case, *to_court).code == 0
    told = json.loads((tmp_path / "d.json").read_text())["case"]
    assert (told["authority"]["state"], told["denied_because"]) == ("denied", "refused by the court")
    assert "12 Gs 3/26" in call("case", "show", case).out, "what was refused stays visible"
