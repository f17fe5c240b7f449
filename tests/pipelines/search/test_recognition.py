"""A search for known people with fake face models: candidates, what is stored, and what never is."""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import forensics
from forensics.adapters.crypto.case_key import Key
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.custody.private_facts import read_facts
from forensics.custody.sealer import is_sealed
from forensics.digests import sha256_of_bytes
from forensics.errors import NotAuthorised, UsageError
from forensics.faces.single_faces import SingleFaces
from forensics.tables.files import read_sealed_table
from forensics.tables.schemas import RECOGNISE_PART
from pipelines import clock
from pipelines.custody.case_store import load_case
from pipelines.custody.entry_removal import remove_entry
from pipelines.custody.erasure import quarantine, release
from pipelines.custody.keys import keyring_for
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from testing.audit_events import die_at
from testing.commands import ENTRY_ENDS, ENTRY_LAST_DAY, MANDATE_ENDS, Call, search_case
from testing.face_case import FaceCase, write_reference
from testing.sealed import decrypted

_QUIET_RUN = ("--runner", "serial", "--quiet", "--set", "recognise.minimum_sharpness=0", "--set")


@pytest.fixture
def three_found(tmp_path: Path, call: Call) -> FaceCase:
    """Make a search with three people at the gate, two of them on the watch-list, and one entry who is not there."""
    case = FaceCase.make(tmp_path, call)
    for entry, number in (("E0", 0), ("E1", 1), ("absent", 40)):
        case.enrol(entry, number, tmp_path)
    case.run()
    return case


def test_the_right_sightings_become_candidates(three_found: FaceCase) -> None:
    rows = three_found.candidates()
    assert len(rows) == 9, "every pair that was compared has a row"
    candidates = {row["entry_id"]: row for row in rows if row["decision"] == "candidate"}
    assert set(candidates) == {"E0", "E1"}
    assert candidates["E0"]["sighting_id"] != candidates["E1"]["sighting_id"]
    for row in candidates.values():
        assert row["rank"] == 1
        assert row["n_faces"] >= 3
        assert row["span_ms"] >= 1000
        assert row["margin"] > 0.5
        assert row["similarity"] > row["threshold"]
    assert [row["decision"] for row in rows if row["entry_id"] == "absent"] == ["below"] * 3
    assert {row["expected_false_candidates"] for row in rows} == {rows[0]["expected_false_candidates"]}
    assert rows[0]["expected_false_candidates"] == pytest.approx(3 * 0.01)


def test_an_empty_list_is_a_recorded_result(tmp_path: Path, call: Call) -> None:
    case = FaceCase.make(tmp_path, call)
    case.run()
    assert case.candidates() == []


def test_a_repeated_run_changes_nothing_and_another_entry_compares_again(three_found: FaceCase, tmp_path: Path) -> None:
    before, n_vectors = three_found.candidates(), len(three_found.faces.vectors)
    three_found.run()
    assert three_found.candidates() == before
    assert len(three_found.faces.vectors) == n_vectors, "nothing was embedded again"
    three_found.enrol("E2", 2, tmp_path)
    three_found.run()
    assert {row["entry_id"] for row in three_found.candidates() if row["decision"] == "candidate"} == {"E0", "E1", "E2"}


def _named_in_parts(case: FaceCase) -> set[str]:
    parts = (read_sealed_table(path, RECOGNISE_PART, case.key) for path in case.compared_parts())
    return {name for part in parts for name in part["entry_id"].to_pylist()}


def test_an_entry_that_is_removed_is_gone(three_found: FaceCase) -> None:
    before = {path.name for path in three_found.root.glob("runs/*/parts/recognise/*")}
    three_found.do("watchlist remove", "E1", "--reason", "found")
    assert not three_found.entry("E1").exists()
    assert _named_in_parts(three_found) == {"E0", "absent"}
    assert before.isdisjoint(path.name for path in three_found.root.glob("runs/*/parts/recognise/*"))
    assert three_found.call("verify", three_found.root).code == 0
    three_found.run()
    assert {row["entry_id"] for row in three_found.candidates()} == {"E0", "absent"}
    assert three_found.call("verify", three_found.root).code == 0


def test_an_entry_that_ends_while_results_are_withheld_is_gone_too(three_found: FaceCase) -> None:
    entry = three_found.entry("E1")
    with open_session(three_found.root, "lapse", need=Need.READ) as session:
        quarantine(session.case)
        remove_entry(session.case, session.files, entry, why="ended", who=session.who, now=session.now)
        release(session.case)
    assert _named_in_parts(three_found) == {"E0", "absent"}
    three_found.run()
    assert {row["entry_id"] for row in three_found.candidates()} == {"E0", "absent"}
    assert three_found.call("verify", three_found.root).code == 0


def test_the_others_can_be_reviewed_when_an_entry_is_gone(three_found: FaceCase, tmp_path: Path) -> None:
    names = {row["entry_id"]: f"{row['sighting_id']}:{row['entry_id']}"
             for row in three_found.candidates() if row["decision"] == "candidate"}  # fmt: skip
    three_found.reviewer("B. Becker")
    three_found.do("watchlist remove", "E1", "--reason", "found")
    who = ("--as", "B. Becker", "--reason", "r", "--candidate")
    three_found.do("review", *who, names["E0"], "--pictures", tmp_path / "sheet.png")
    gone = three_found.call("review", three_found.root, *who, names["E1"], "--pictures", tmp_path / "gone.png")
    assert (gone.code, (tmp_path / "gone.png").exists()) == (2, False)


def test_the_name_of_a_removed_entry_cannot_be_used_for_other_pictures(three_found: FaceCase, tmp_path: Path) -> None:
    three_found.do("watchlist remove", "E1", "--reason", "found")
    told = ("--basis", "b", "--expires", ENTRY_LAST_DAY)
    for name in ("E1", "e1", "E0"):
        answer = three_found.call(
            "watchlist", "add", three_found.root, name, write_reference(2, tmp_path / "other.png"), *told
        )
        assert (answer.code, "another name" in answer.err) == (2, True)


def test_the_defence_learns_of_entries_that_are_gone(three_found: FaceCase, tmp_path: Path) -> None:
    three_found.call(
        "watchlist", "add", three_found.root, "bad", tmp_path / "none.png", "--basis", "b", "--expires", ENTRY_LAST_DAY
    )
    three_found.do("watchlist remove", "E1", "--reason", "found")
    three_found.do(
        "case disclose", "-o", tmp_path / "told.json", "--recipient", "counsel", "--reason", "request of counsel"
    )
    told = json.loads((tmp_path / "told.json").read_text())["for"]
    assert [(entry["entry"], entry["pictures"], entry["is_listed"]) for entry in told] == [
        ("E0", 1, True),
        ("E1", 1, False),
        ("absent", 1, True),
    ]


def _everything(root: Path, key: Key) -> list[bytes]:
    """Return every file of a case as it is, and decrypted; float columns as they are in memory too."""
    contents = []
    for path in (path for path in sorted(root.rglob("*")) if path.is_file()):
        data = path.read_bytes()
        contents.append(data)
        if is_sealed(data):
            data = decrypted(key, data)
            contents.append(data)
        if data.startswith(b"PAR1"):
            table = pl.read_parquet(data)
            contents += [table[name].to_numpy().tobytes() for name in table.columns if table[name].dtype.is_float()]
    return contents


def test_no_template_of_other_people_is_ever_written(tmp_path: Path, call: Call) -> None:
    case = FaceCase.make(tmp_path, call, n_people=54)
    case.enrol("E0", 0, tmp_path)
    template = case.faces.vectors[0]
    case.run()
    for number in (1, 2):
        case.enrol(f"E{number}", number, tmp_path)
        case.run()  # a list that changed compares everybody again
    assert len(case.faces.vectors) > 500
    key = case.key
    contents = _everything(case.root, key)
    others = [vector for vector in case.faces.vectors if not np.array_equal(vector, template)]
    enrolled = {vector.tobytes() for vector in _templates(case, key)}
    written = [
        vector
        for vector in others
        if vector.tobytes() not in enrolled
        for form in (vector.tobytes()[:32], vector.astype("<f8").tobytes()[:32], repr(float(vector[3])).encode()[:9])
        if any(form in data for data in contents)
    ]
    assert written == []
    assert any(template.tobytes()[:32] in data for data in contents), "the search finds what is there"
    assert not any(template.tobytes()[:32] in path.read_bytes() for path in case.root.rglob("*") if path.is_file())


def _templates(case: FaceCase, key: Key) -> list[np.ndarray]:
    sealed = {
        kind: [decrypted(key, path.read_bytes()) for path in case.root.glob(f"watchlist/*/*.{kind}.sealed")]
        for kind in ("template", "faces")
    }
    templates = [np.frombuffer(data, dtype="<f4")[:-1] for data in sealed["template"]]
    return templates + [vector for data in sealed["faces"] for vector in SingleFaces.decoded(data).pools.vectors]


def test_after_erasure_nothing_opens(three_found: FaceCase) -> None:
    copies = [path.read_bytes() for path in three_found.root.rglob("*.sealed")]
    assert len(copies) > 8
    assert all(_is_readable(three_found.key, data) for data in copies), "all of them open before"
    folder = CaseFolder(three_found.root)
    three_found.do("case deny", "--reason", "refused")
    assert not keyring_for(folder, load_case(three_found.root).case_id).exists
    assert [data for data in copies if any(_is_readable(key, data) for key in _keys_left())] == []
    assert not list(three_found.root.glob("watchlist/*/*"))
    assert not list(three_found.root.glob("runs/*/parts/recognise/*"))


_TEMPLATE_BYTES = (128 + 1) * 4  # the vector and its scatter


def _is_readable(key: Key, data: bytes) -> bool:
    """Whether sealed bytes become a picture, a table, faces or a template with this key, in whatever context."""
    clear = decrypted(key, data)
    heads = (b"\xff\xd8\xff", b"\x89PNG", b"PAR1", b"PK\x03\x04", b'{"candidates"')
    return clear.startswith(heads) or _is_template(clear)


def _is_template(clear: bytes) -> bool:
    if len(clear) != _TEMPLATE_BYTES:
        return False
    values = np.frombuffer(clear, dtype="<f4")[:-1]
    return bool(np.all(np.abs(values) < 2)) and 0.5 < float(np.linalg.norm(values)) < 2


def _keys_left() -> list[Key]:
    """Return everything in the key folder that could be a key, and some new keys."""
    import os

    keys = [Key.fresh() for _ in range(3)]
    for path in Path(os.environ["FORENSICS_KEYS"]).rglob("*"):
        if path.is_file() and path.stat().st_size == 32:
            keys.append(Key(path.read_bytes()))
    return keys


# ---- refusals at the watch-list


@pytest.mark.parametrize(
    ("entry", "options", "code", "said"),
    [
        ("../x", {}, 2, "not a valid entry name"),
        ("", {}, 2, "not a valid entry name"),
        (".hidden", {}, 2, "not a valid entry name"),
        ("a" * 65, {}, 2, "not a valid entry name"),
        ("E1", {"--basis": " "}, 2, "basis"),
        ("E1", {"--expires": "2020-01-01"}, 2, "is in the past"),
        ("E1", {"--expires": f"{MANDATE_ENDS:%Y-%m-%d}"}, 2, "after the last day of the case"),
        ("E1", {"--expires": "soon"}, 2, "not a day"),
        ("E0", {}, 2, "already"),
        ("e0", {}, 2, "already"),
    ],
)
def test_an_invalid_entry_is_refused(
    tmp_path: Path,
    call: Call,
    entry: str,
    options: dict[str, str],
    code: int,
    said: str,
) -> None:
    case = FaceCase.make(tmp_path, call)
    case.enrol("E0", 0, tmp_path)
    stated = {"--basis": "b", "--expires": ENTRY_LAST_DAY} | options
    flags = [word for pair in stated.items() for word in pair]
    answer = call("watchlist", "add", case.root, entry, write_reference(1, tmp_path / "1.png"), *flags)
    assert (answer.code, said in answer.err) == (code, True), answer.err
    assert list((case.root / "watchlist").iterdir()) == [case.entry("E0")]


def test_a_longer_watch_list_needs_a_reason(tmp_path: Path, call: Call) -> None:
    case = FaceCase.make(tmp_path, call)
    for number in range(5):
        case.enrol(f"E{number}", number, tmp_path)
    sixth = (case.root, "E5", write_reference(5, tmp_path / "5.png"), "--basis", "b", "--expires", ENTRY_LAST_DAY)
    assert call("watchlist", "add", *sixth).code == 3
    assert call("case", "policy", case.root, "--watchlist-limit", 6).code == 2, "not without a reason"
    assert call("case", "policy", case.root, "--watchlist-limit", 51, "--reason", "r").code == 2
    case.do("case policy", "--watchlist-limit", 6, "--reason", "six missing from one boat")
    assert call("watchlist", "add", *sixth).code == 0
    assert "six missing from one boat" in (case.root / "audit.jsonl").read_text()


def test_a_picture_from_the_footage_is_refused_as_a_reference(
    three_found: FaceCase, tmp_path: Path, call: Call
) -> None:
    (thumbnail, *_) = sorted(three_found.root.rglob("crops/*.jpg.sealed"))
    copy = tmp_path / "innocent.jpg"
    copy.write_bytes(three_found.thumbnails()[0])
    for picture in (thumbnail, copy, tmp_path / "gate.mp4"):
        answer = call("watchlist", "add", three_found.root, "E9", picture, "--basis", "b", "--expires", ENTRY_LAST_DAY)
        assert answer.code == 3, answer.err
        assert "footage" in answer.err


@pytest.fixture
def of_stills(tmp_path: Path, call: Call) -> Path:
    """A search whose evidence is a folder and a zip of pictures."""
    case = search_case(tmp_path / "case")
    for number in range(2):
        write_reference(number, tmp_path / f"{number}.png")
    (tmp_path / "stills").mkdir()
    shutil.copy(tmp_path / "0.png", tmp_path / "stills" / "a.png")
    with zipfile.ZipFile(tmp_path / "stills.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "1.png", "deep/b.png")
    for name in ("stills", "stills.zip"):
        assert call("ingest", case, tmp_path / name, "--camera", "gate").code == 0
    return case


def _enrolled(call: Call, case: Path, picture: Path) -> tuple[int, str]:
    answer = call("watchlist", "add", case, "E9", picture, "--basis", "b", "--expires", ENTRY_LAST_DAY)
    return answer.code, answer.err


@pytest.mark.parametrize("take", [shutil.copy, os.link, os.symlink])
@pytest.mark.parametrize("name", ["stills/a.png", "1.png"])
def test_a_picture_of_the_evidence_is_known_wherever_it_lies(
    of_stills: Path, tmp_path: Path, call: Call, *, take: Callable[[Path, Path], object], name: str
) -> None:
    take(tmp_path / name, tmp_path / "innocent.jpg")
    code, said = _enrolled(call, of_stills, tmp_path / "innocent.jpg")
    assert (code, "own footage" in said) == (3, True), said


def test_evidence_of_stills_must_be_there_to_be_compared(of_stills: Path, tmp_path: Path, call: Call) -> None:
    other = write_reference(7, tmp_path / "other.png")
    (tmp_path / "stills").rename(tmp_path / "moved")
    code, said = _enrolled(call, of_stills, other)
    assert (code, "evidence relocate" in said) == (3, True), said


def test_thumbnails_of_earlier_runs_are_the_cases_own(three_found: FaceCase, tmp_path: Path) -> None:
    earlier = three_found.root / "runs" / "0123456789abcdef" / "crops" / "t.jpg"
    earlier.parent.mkdir(parents=True)
    write_reference(8, tmp_path / "innocent.png").replace(earlier)
    shutil.copy(earlier, tmp_path / "innocent.png")
    code, said = _enrolled(three_found.call, three_found.root, tmp_path / "innocent.png")
    assert (code, "own footage" in said) == (3, True), said


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_a_reference_that_is_no_regular_file_is_refused(tmp_path: Path, call: Call, kind: str) -> None:
    picture = {"pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "folder": tmp_path / "folder"}[kind]
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    code, said = _enrolled(call, search_case(tmp_path / "case"), picture)
    assert (code, f"{picture}: not a file" in said) == (2, True), said


@pytest.mark.parametrize("mode", ["scene", "wildlife"])
def test_other_modes_compare_no_faces(tmp_path: Path, call: Call, mode: str) -> None:
    case = tmp_path / "case"
    assert call("case", "init", case, "--mode", mode, "--purpose", "p", "--operator", "o").code == 0
    picture = write_reference(1, tmp_path / "1.png")
    assert call("watchlist", "add", case, "E1", picture, "--basis", "b", "--expires", ENTRY_LAST_DAY).code == 3
    assert call("query", case, "candidates", "--reason", "r").code == 3
    assert call("review", case, "--as", "B. Becker", "--reason", "r").code == 3


def test_an_unfit_picture_is_refused_with_the_reason(tmp_path: Path, call: Call) -> None:
    from PIL import Image

    case = FaceCase.make(tmp_path, call)
    Image.new("RGB", (300, 200), "grey").save(tmp_path / "none.png")
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (200, 200, 3), dtype=np.uint8)).save(tmp_path / "two.png")
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (80, 90, 3), dtype=np.uint8)).save(tmp_path / "small.png")
    smooth = np.tile(np.linspace(0, 255, 900, dtype=np.uint8)[:, np.newaxis, np.newaxis], (1, 700, 3))
    Image.fromarray(smooth).save(tmp_path / "blurred.png")
    (tmp_path / "text.png").write_text("no picture")
    said = {
        "none.png": "no face was found",
        "two.png": "2 faces were found",
        "small.png": "too small",
        "blurred.png": "blurred",
        "text.png": "not a picture",
        "absent.png": "No such file",
    }
    for name, words in said.items():
        answer = call("watchlist", "add", case.root, "E1", tmp_path / name, "--basis", "b", "--expires", ENTRY_LAST_DAY)
        assert (answer.code, words in answer.err) == (2, True), answer.err
    assert not (case.root / "watchlist").exists()


def test_candidates_are_read_for_a_reason(three_found: FaceCase, call: Call) -> None:
    assert call("query", three_found.root, "candidates").code == 3
    assert call("query", three_found.root, "candidates", "--reason", " ").code == 2
    assert call("query", three_found.root, "sightings").code == 0


def test_a_key_that_is_gone_stops_everything_sealed(three_found: FaceCase, call: Call) -> None:
    keyring_for(CaseFolder(three_found.root), load_case(three_found.root).case_id).path.unlink()
    assert call("run", three_found.root, "--runner", "serial").code == 3
    picture = write_reference(2, three_found.root.parent / "2.png")
    assert (
        call("watchlist", "add", three_found.root, "E2", picture, "--basis", "b", "--expires", ENTRY_LAST_DAY).code == 3
    )


def test_an_entry_ends_on_its_day(three_found: FaceCase, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = sorted(path.name for path in three_found.root.glob("watchlist/*"))
    assert len(listed) > 1, "each has a certificate of its own"
    monkeypatch.setattr(clock, "utc_now", lambda: ENTRY_ENDS + timedelta(seconds=1))
    assert call("status", three_found.root).code == 0
    assert not list(three_found.root.glob("watchlist/*"))
    certificates = [json.loads(path.read_text()) for path in three_found.root.glob("certificates/*-entry*.json")]
    assert [each["why"] for each in certificates] == ["expired"] * len(listed), "no certificate names anybody"
    assert call("verify", three_found.root).code == 0


def test_the_case_of_these_tests_has_every_field(tmp_path: Path) -> None:
    assert load_case(search_case(tmp_path / "case")).mandate.missing_fields == ()


# ---- what a person asks about candidates


def test_a_run_names_one_next_step(three_found: FaceCase) -> None:
    quiet = ("--runner", "serial", "--quiet")
    out = three_found.do("run", *quiet)
    assert "2 candidates for examination\n" in out
    assert [line.split()[2] for line in out.splitlines() if "forensics" in line] == ["review"]
    for entry in ("E0", "E1"):
        three_found.do("watchlist remove", entry, "--reason", "found")
    out = three_found.do("run", *quiet)
    assert "0 candidates for examination\n" in out
    assert [line.split()[2] for line in out.splitlines() if "forensics" in line] == ["query"]


def test_an_entry_ends_on_the_day_that_was_given(three_found: FaceCase, tmp_path: Path) -> None:
    told = ("--basis", "b", "--expires", ENTRY_LAST_DAY)
    out = three_found.do("watchlist add", "E5", write_reference(5, tmp_path / "E5.png"), *told)
    assert f"E5: 1 picture, until {ENTRY_LAST_DAY}\n" in out
    assert ENTRY_LAST_DAY in three_found.do("watchlist list")


def test_candidates_say_where_and_when_and_what_asks_for_examination_goes_first(three_found: FaceCase) -> None:
    rows = three_found.candidates()
    decisions = [row["decision"] for row in rows]
    assert decisions[:2] == ["candidate"] * 2
    assert "candidate" not in decisions[2:]
    assert {row["camera_id"] for row in rows} == {"gate"}
    assert all(str(row["first_utc"]) < str(row["last_utc"]) for row in rows)
    assert list(rows[0])[-4:] == ["camera_id", "first_utc", "last_utc", "clock_error_ms"]


def test_facts_common_to_all_candidates_are_printed_once(three_found: FaceCase) -> None:
    answer = three_found.call("query", three_found.root, "candidates", "--reason", "r")
    header, *lines, equal = answer.out.splitlines()
    assert "camera gate" in equal
    assert "first_utc 2026-05-01 12:00:00.00" in equal
    assert not {"expected_false_candidates", "threshold", "log10_ratio"} & set(header.split())
    assert "Expected false candidates in this run: 0.03" in answer.err
    assert len(lines) == 9
    assert max(map(len, answer.out.splitlines())) <= 130


@pytest.mark.parametrize(
    ("asked", "n_rows"),
    [
        (("--decision", "candidate"), 2),
        (("--decision", "candidate", "--decision", "below"), 9),
        (("--decision", "no_face"), 0),
        (("--entry", "E0", "--camera", "gate"), 3),
        (("--class", "person", "--from", "2026-05-01T12:00:01Z"), 9),
        (("--class", "bicycle"), 0),
        (("--to", "2026-05-01T12:00:00Z"), 0),
    ],
)
def test_candidates_are_chosen_by_what_is_known_of_their_sighting(
    three_found: FaceCase, asked: tuple[str, ...], n_rows: int
) -> None:
    answer = three_found.call("query", three_found.root, "candidates", "--reason", "r", *asked, "--json")
    assert len(answer.json["rows"]) == n_rows


def test_an_entry_that_nobody_knows_is_answered_with_those_that_are(three_found: FaceCase) -> None:
    answer = three_found.call(
        "query", three_found.root, "candidates", "--reason", "r", "--entry", "nobody", "--format", "csv"
    )
    assert answer.code == 0
    assert "no face was compared with an entry 'nobody'; compared entries: E0, E1, absent\n" in answer.err


def test_only_candidates_have_a_filter_by_decision(three_found: FaceCase) -> None:
    answer = three_found.call("query", three_found.root, "sightings", "--decision", "candidate")
    assert answer.code == 2
    assert "has no column decision" in answer.err


# ---- what a reader without the key sees


def test_thumbnails_of_people_are_encrypted_and_opened_for_a_reason(
    three_found: FaceCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = forensics.open_case(three_found.root)
    (name, *_) = opened.sightings().collect()["thumbnail"].to_list()
    assert is_sealed((three_found.root / name).read_bytes())
    for ask in (opened.picture, opened.read_picture, partial(opened.read_picture, reason=" ")):
        with pytest.raises(UsageError, match=r"encrypted|reason"):
            ask(name)
    assert opened.read_picture(name, reason="appeal").startswith(b"\xff\xd8\xff")
    last = read_chain(three_found.root / "audit.jsonl").lines[-1]
    assert (last.command, last.why) == ("open picture", "appeal")
    sheet = tmp_path / "sheet.png"
    assert three_found.call("query", three_found.root, "--pictures", sheet).code == 3, "not without a reason"
    assert not sheet.exists()
    three_found.do("query", "--pictures", sheet, "--reason", "appeal")
    assert sheet.read_bytes().startswith(b"\x89PNG")
    monkeypatch.setenv("FORENSICS_KEYS", str(tmp_path / "other keys"))
    with pytest.raises(NotAuthorised, match="key"):
        opened.read_picture(name, reason="appeal")


def test_a_case_says_to_nobody_without_the_key_whom_it_searches_for(three_found: FaceCase, tmp_path: Path) -> None:
    """The name, the basis, the picture and the verdict appear in no file, in no file name, and as no digest."""
    root = three_found.root
    three_found.do("watchlist remove", "absent", "--reason", "gone home")
    three_found.enrol("marked-man", 2, tmp_path)
    three_found.run()
    three_found.reviewer("B. Becker")
    names = {row["entry_id"]: f"{row['sighting_id']}:{row['entry_id']}"
             for row in three_found.candidates() if row["decision"] == "candidate"}  # fmt: skip
    three_found.decide("B. Becker", names["marked-man"], "undecided", "--note", "a scar like no other")
    three_found.do("query", "candidates", "--entry", "marked-man", "--reason", "look")
    again = (root, "marked-man", tmp_path / "E0.png", "--basis", "b", "--expires", ENTRY_LAST_DAY)
    assert "marked-man" in three_found.call("watchlist", "add", *again).err
    picture = (tmp_path / "marked-man.png").read_bytes()
    secrets = [
        *(b"marked-man", b"warrant 12/26", b"a scar like no other", b"undecided", names["marked-man"].encode()),
        *(sha256_of_bytes(picture).encode(), sha256_of_bytes(picture)[:16].encode(), b"\xff\xd8\xff\xe0"),
    ]
    contents = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    found = [(str(path), secret) for path, data in contents.items() for secret in secrets if secret in data]
    assert found == []
    assert not [path for path in contents if "marked-man" in str(path)]
    assert three_found.call("watchlist", "list", root).out.count("marked-man") == 1, "whoever has the key sees it"


def test_the_log_holds_the_frames_that_led_to_a_candidate(three_found: FaceCase) -> None:
    lines = [line for line in read_chain(three_found.root / "audit.jsonl").lines if line.command == "candidates"]
    assert lines[-1].facts.keys() == {"sealed"}
    logged = read_facts(lines[-1], three_found.key)["candidates"]
    rows = {
        (row["sighting_id"], row["entry_id"]): row for row in three_found.candidates() if row["decision"] == "candidate"
    }
    assert {(each["sighting_id"], each["entry_id"]) for each in logged} == rows.keys()
    (evidence,) = forensics.open_case(three_found.root).evidence().collect()["evidence_id"]
    for each in logged:
        row = rows[each["sighting_id"], each["entry_id"]]
        assert each["frames"] == row["frames"]
        assert (each["evidence_id"], len(each["frames"])) == (evidence, row["n_faces"])
    assert all(row["frames"] == [] for row in three_found.candidates() if row["decision"] == "below")


def test_every_list_that_was_published_stays_in_the_file_for_the_defence(three_found: FaceCase, tmp_path: Path) -> None:
    """Another run finds nobody; the first list does not disappear with it."""
    quiet = ("--runner", "serial", "--quiet", "--set", "recognise.minimum_eyes_px=8")
    three_found.run()
    answer = three_found.call("run", three_found.root, *quiet, "--set", "recognise.minimum_eyes_px=900")
    assert (answer.code, "2 candidates of the list before are not in this one" in answer.err) == (0, True), answer.err
    three_found.do("case disclose", "-o", tmp_path / "told.json", "--recipient", "counsel", "--reason", "court")
    told = json.loads((tmp_path / "told.json").read_text())
    assert [each["decision"] for each in told["candidates"]] == ["no_face"] * 9
    first, second = told["published_lists"]
    assert [len(each["candidates"]) for each in (first, second)] == [2, 0]
    assert {row["entry_id"] for row in first["candidates"]} == {"E0", "E1"}
    assert (first["settings"]["recognise"]["minimum_eyes_px"], first["pairs"]) == (8, {"candidate": 2, "below": 7})
    assert (second["settings"]["recognise"]["minimum_eyes_px"], second["entries"]) == (900, ["E0", "E1", "absent"])
    assert three_found.call("verify", three_found.root).code == 0
    next(three_found.root.glob("lists/*")).unlink()
    assert three_found.call("verify", three_found.root).code == 5


def _published(case: FaceCase) -> list[tuple[str, int]]:
    """Return publication and number of candidates of each list in the file for the defence."""
    file = case.root.parent / "told.json"
    file.unlink(missing_ok=True)
    case.do("case disclose", "-o", file, "--recipient", "counsel", "--reason", "court")
    told = json.loads(file.read_text())["published_lists"]
    return [(each["publication"], len(each["candidates"])) for each in told]


@pytest.mark.parametrize("is_readable", [False, True])
def test_a_list_is_kept_before_it_can_be_read(tmp_path: Path, call: Call, is_readable: bool) -> None:
    """The run is killed just before or just after its tables are in place; the next run finds nobody."""
    case = FaceCase.make(tmp_path, call)
    case.enrol("E0", 0, tmp_path)
    with die_at("rename", f"{case.root}/tables", after=is_readable):
        call("run", case.root, *_QUIET_RUN, "recognise.minimum_eyes_px=8")
    assert (case.root / "tables").exists() is is_readable
    assert _published(case) == [("complete" if is_readable else "interrupted", 1)]
    notes = [line.command for line in read_chain(case.root / "audit.jsonl").lines if line.kind == "note"]
    assert "candidates" in notes, "the compared frames"
    answer = call("run", case.root, *_QUIET_RUN, "recognise.minimum_eyes_px=900")
    assert (answer.code, "1 candidate of the list before is not in this one" in answer.err) == (0, True), answer.err
    assert _published(case) == [("interrupted", 1), ("complete", 0)]
    assert call("verify", case.root).code == 0


def test_a_list_whose_publication_was_interrupted_is_published_once_by_the_next_run(
    three_found: FaceCase, call: Call
) -> None:
    three_found.run()
    others = (*_QUIET_RUN, "recognise.minimum_eyes_px=900")
    with die_at("rename", f"{three_found.root}/tables"):
        call("run", three_found.root, *others)
    assert _published(three_found) == [("complete", 2), ("interrupted", 0)]
    answer = call("run", three_found.root, *others)
    assert (answer.code, "2 candidates of the list before are not in this one" in answer.err) == (0, True), answer.err
    assert _published(three_found) == [("complete", 2), ("complete", 0)]
    three_found.do("run", *others)
    assert _published(three_found) == [("complete", 2), ("complete", 0)]
    assert three_found.call("verify", three_found.root).code == 0


def test_another_installation_keeps_the_faces_of_decided_candidates(three_found: FaceCase, tmp_path: Path) -> None:
    """They are in no inventory of the present list, and the record of their storing is that of another installation."""
    three_found.run()
    (row,) = [row for row in three_found.candidates() if row["decision"] == "candidate"][:1]
    three_found.reviewer("B. Becker")
    assert three_found.decide("B. Becker", f"{row['sighting_id']}:{row['entry_id']}", "confirm").code == 0
    three_found.do("watchlist remove", "absent", "--reason", "found")
    three_found.run()
    before = {path: path.read_bytes() for path in three_found.root.glob("runs/*/parts/recognise/*.sealed")}
    for record in three_found.root.glob("runs/*/stored-parts.hmac"):
        record.write_text("")
    three_found.run()
    assert {path: path.read_bytes() for path in before if path.exists()} == before
