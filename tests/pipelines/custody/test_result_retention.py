"""Retention of results: tables, parts and thumbnails are removed on their day, and nothing else is."""

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import forensics
from forensics.custody.case_document import decode_case, encode_case, read_case
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.custody.mandate import Mandate, Mode
from forensics.custody.result_retention import ResultRetention, results_due, results_since
from forensics.digests import sha256_of_bytes
from forensics.errors import UsageError
from pipelines import clock
from pipelines.custody.case_lock import lock_case
from pipelines.custody.case_store import load_case, make_case
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from testing.audit_events import KILLED, die_at
from testing.commands import ENTRY_LAST_DAY, MANDATE_ENDS, REPORT_WORDS, Call, authority_words, clip
from testing.face_case import FaceCase

_RUN = "0123456789abcdef"
_SERIAL = ("--runner", "serial", "--quiet")
_WRITTEN_BY_EVERY_COMMAND = {"audit.jsonl", "checkpoints.jsonl", ".lock", "case.toml"}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock by one that stands still."""
    standing_still = Clock()
    monkeypatch.setattr(clock, "utc_now", standing_still)
    return standing_still


def _files(root: Path) -> dict[str, bytes]:
    """Return the content of every file that not every command writes."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in _WRITTEN_BY_EVERY_COMMAND
    }


_RESULTS = (
    *("tables/", ".tables.new/", ".tables.old/", f"runs/{_RUN}/tables/", f"runs/{_RUN}/parts/", f"runs/{_RUN}/crops/"),
    f"runs/{_RUN}/PARTS.sha256",
)
_KEPT = (
    *("evidence/index/e.parquet", "evidence/copies/e.mkv", "footage/gate.mp4"),
    *(f"runs/{_RUN}/run.json", f"runs/{_RUN}/plan/e.json", "notes.txt", "lists/old.sealed"),
)


def _published(root: Path, *, mode: Mode = Mode.SCENE, days: int | None = None) -> Path:
    """Make a case with files in every place of a case, whose tables are published now."""
    mandate = Mandate(mode, title="t", purpose="p", operator="o")
    case = make_case(root, mandate, now=clock.utc_now(), keep_results_days=days)
    with open_session(root, "run", need=Need.WORK) as session:
        for name in _KEPT:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(name)
        for folder in (each for each in _RESULTS if each.endswith("/")):
            (root / folder / "sightings").mkdir(parents=True)
            (root / folder / "sightings.parquet").write_text(folder)
        (root / f"runs/{_RUN}/crops/a.jpg").write_bytes(b"a face")
        (root / f"runs/{_RUN}/parts/.part.tmp").write_bytes(b"unfinished")
        (root / f"runs/{_RUN}/PARTS.sha256").touch()
        manifest = json.dumps({"run": _RUN, "files": []}).encode()
        with session.files.record_replacement(case.folder.manifest, sha256_of_bytes(manifest)):
            case.folder.manifest.write_bytes(manifest)
    return root


# ---- rules


def test_random_instants_before_and_after_the_day(tmp_path: Path, call: Call, at: Clock) -> None:
    chance = random.Random(26)
    for number in range(40):
        days = chance.choice((1, chance.randint(1, 400), 36_525))
        root = _published(tmp_path / f"{number}", mode=chance.choice((Mode.SCENE, Mode.WILDLIFE)), days=days)
        began, before = at.now, _files(root)
        since = results_since(CaseFolder(root))
        assert since is not None
        assert abs(since - began) < timedelta(seconds=1)
        at.now = since + timedelta(days=days) - timedelta(microseconds=chance.randint(10_000, 86_400_000_000))
        assert call("case", "show", root).code == 0
        assert _files(root) == before, (number, days)
        at.now = since + timedelta(days=days) + timedelta(seconds=chance.choice((0, chance.randint(0, 10**6))))
        assert call("case", "show", root).code == 0
        assert not [name for name in _files(root) if name.startswith(_RESULTS)], (number, days)


@pytest.mark.parametrize("days", [1, 30])
def test_the_instant_itself_is_too_late(days: int) -> None:
    since = datetime(2026, 5, 1, 12, tzinfo=UTC)
    mandate = Mandate(Mode.SCENE, title="t", purpose="p", operator="o")
    assert results_due(ResultRetention(days), mandate, since) == since + timedelta(hours=24 * days)
    assert results_due(ResultRetention(days), mandate, None) is None
    assert results_due(ResultRetention(), mandate, since) is None
    assert results_due(None, replace(mandate, expires_utc=since), since) is None
    ends = results_due(ResultRetention(), replace(mandate, expires_utc=since), None)
    assert ends == datetime(2026, 5, 8, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("mode", "days", "stored"),
    [
        ("scene", None, None),
        ("wildlife", None, None),
        ("scene", 30, ResultRetention(30)),
        ("search", None, ResultRetention()),
        ("missing", None, ResultRetention()),
        ("search", 30, ResultRetention(30)),
    ],
)
def test_the_default_of_each_mode(
    tmp_path: Path, call: Call, mode: str, days: int | None, stored: ResultRetention | None
) -> None:
    options = {
        "--purpose": "p",
        "--operator": "o",
        "--title": "t",
        "--legal-basis": "b",
        "--reference": "K 1/26",
        "--camera": "gate",
        "--from": "2026-05-01T00:00:00Z",
        "--to": "2026-05-02T00:00:00Z",
        "--expires": "2099-12-31",
        **({"--keep-results": days} if days else {}),
    }
    words = [word for pair in options.items() for word in pair]
    words += {"search": authority_words(), "missing": REPORT_WORDS}.get(mode, ())
    assert call("case", "init", tmp_path / "case", "--mode", mode, *words).code == 0
    assert load_case(tmp_path / "case").retention == stored
    shown = call("case", "show", tmp_path / "case").out
    if stored is None:
        assert "results are kept without limit" in shown
    elif days:
        assert "results are kept for 30 days after their last publication" in shown
    else:
        assert "until seven days after the mandate's end, until 2100-01-08 00:00Z" in shown


def test_a_case_of_an_earlier_version_keeps_results_without_limit(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", Mandate(Mode.SCENE, "t", "p", "o"), now=datetime.now(UTC))
    stored = encode_case(case).decode()
    assert "retention" not in stored
    assert decode_case(case.folder, stored.encode()).retention is None


@pytest.mark.parametrize("line", ["results_days = 0", "results_days = 36526", 'results_until = "never"', "other = 1"])
def test_a_rule_that_means_nothing_is_refused(tmp_path: Path, line: str) -> None:
    root = _published(tmp_path / "case", days=30)
    data = (root / "case.toml").read_text().replace("results_days = 30", line).encode()
    with pytest.raises(UsageError, match="retention"):
        decode_case(CaseFolder(root), data)


# ---- removal


def test_everything_computed_from_footage_goes_and_nothing_else(tmp_path: Path, call: Call, at: Clock) -> None:
    root = _published(tmp_path / "case", days=30)
    before = _files(root)
    gone = {name for name in before if name.startswith(_RESULTS)}
    assert before.keys() - gone == set(_KEPT)
    at.now += timedelta(days=30, seconds=1)
    answer = call("case", "sweep", tmp_path, "--json")
    assert "results removed, because results are kept for 30 days" in answer.json["cases"][0]["done"]
    assert "results removed" in answer.err
    after = _files(root)
    (certificate,) = after.keys() - before.keys()
    assert {name: data for name, data in after.items() if name != certificate} == {
        name: data for name, data in before.items() if name not in gone
    }
    stored = json.loads(after[certificate])
    assert {each["path"]: each["sha256"] for each in stored["files"]} == {
        name: sha256_of_bytes(before[name]) for name in gone
    }
    assert (stored["reason"], stored["state"], stored["key_destroyed"]) == ("results", "done", False)
    assert sorted(path.name for path in root.iterdir() if path.is_dir()) == [
        *("certificates", "evidence", "footage", "lists", "runs")
    ]
    assert [line.command for line in read_chain(root / "audit.jsonl").lines].count("results_removed") == 1


@pytest.mark.parametrize("mode", [Mode.SCENE, Mode.WILDLIFE])
def test_without_a_rule_nothing_is_removed(tmp_path: Path, call: Call, at: Clock, mode: Mode) -> None:
    root = _published(tmp_path / "case", mode=mode)
    before = _files(root)
    at.now += timedelta(days=20_000)
    assert call("case", "sweep", tmp_path).code == 0
    assert _files(root) == before


def test_a_hold_stops_the_removal_until_it_is_lifted(tmp_path: Path, call: Call, at: Clock) -> None:
    root = _published(tmp_path / "case", days=30)
    before = _files(root)
    assert call("case", "hold", root, "--reason", "appeal").code == 0
    at.now += timedelta(days=90)
    assert call("case", "sweep", tmp_path).code == 0
    assert _files(root) == before
    answer = call("case", "hold", root, "--lift", "--reason", "the appeal is over")
    assert "results removed" in answer.out
    assert not (root / "tables").exists()


def test_a_run_in_progress_keeps_its_results_until_it_ends(tmp_path: Path, call: Call, at: Clock) -> None:
    root = _published(tmp_path / "case", days=30)
    before = _files(root)
    at.now += timedelta(days=30, seconds=1)
    with lock_case(CaseFolder(root)):
        assert call("case", "show", root).code == 0
        swept = call("case", "sweep", tmp_path)
        assert (swept.code, "another command holds the case" in swept.out) == (4, True), swept.err
        assert _files(root) == before
    assert call("case", "show", root).code == 0
    assert not (root / "tables").exists()


def test_a_sweep_enforces_the_day_of_each_case(tmp_path: Path, call: Call, at: Clock) -> None:
    roots = {days: _published(tmp_path / "cases" / f"{days}", days=days) for days in (10, 20, 30)}
    at.now += timedelta(days=20, seconds=1)
    assert call("case", "sweep", tmp_path / "cases").code == 0
    assert [(root / "tables").exists() for root in roots.values()] == [False, False, True]


_KILLS: dict[str, tuple[str, str, int]] = {
    "before the certificate": ("rename", "*-results.json", 1),
    "before the first file": ("remove", "*/tables/MANIFEST.json", 1),
    "after the manifest": ("remove", "*/sightings.parquet", 1),
    "among thumbnails": ("remove", "*/crops/a.jpg", 1),
    "before a folder goes": ("rmdir", "*/tables", 1),
    "before the certificate is done": ("rename", "*-results.json", 2),
}


@pytest.mark.parametrize("name", _KILLS)
def test_a_removal_that_was_cut_short_is_finished(tmp_path: Path, call: Call, at: Clock, name: str) -> None:
    operation, pattern, nth = _KILLS[name]
    root = _published(tmp_path / "case", days=30)
    before = _files(root)
    at.now += timedelta(days=30, seconds=1)
    with die_at(operation, pattern, nth=nth):
        assert call("case", "show", root).code == KILLED
    if name in {"after the manifest", "among thumbnails"}:
        with pytest.raises(UsageError, match="the results were removed on"):
            forensics.open_case(root)
    assert call("case", "show", root).code == 0
    after = {path: data for path, data in _files(root).items() if not path.endswith(".tmp")}
    (certificate,) = after.keys() - before.keys()
    assert set(after) - {certificate} == set(_KEPT)
    assert not (root / "tables").exists()
    assert json.loads(after[certificate])["state"] == "done"


def test_parts_of_a_run_that_never_published_go_too(tmp_path: Path, call: Call, at: Clock) -> None:
    case = make_case(tmp_path / "case", Mandate(Mode.SCENE, "t", "p", "o"), now=at(), keep_results_days=30)
    run = case.folder.run(_RUN)
    with open_session(case.folder.root, "run", need=Need.WORK) as session:
        run.part("detect", "u").parent.mkdir(parents=True)
        run.part("detect", "u").write_bytes(b"rows")
        session.files.write(run.record, b"{}")
    at.now += timedelta(days=29)
    assert call("case", "sweep", tmp_path).code == 0
    assert run.part("detect", "u").exists()
    at.now += timedelta(days=2)
    assert call("case", "sweep", tmp_path).code == 0
    assert not run.part("detect", "u").exists()
    assert run.record.exists()


def test_after_a_removal_the_days_of_a_new_run_count_from_its_start(tmp_path: Path, call: Call, at: Clock) -> None:
    root = _published(tmp_path / "case", days=30)
    at.now += timedelta(days=31)
    assert call("case", "sweep", tmp_path).code == 0
    run = CaseFolder(root).run("fedcba9876543210")
    with open_session(root, "run", need=Need.WORK) as session:
        run.part("detect", "u").parent.mkdir(parents=True)
        run.part("detect", "u").write_bytes(b"rows")
        session.files.write(run.record, b"{}")
    at.now += timedelta(days=29)
    assert call("case", "sweep", tmp_path).code == 0
    assert run.part("detect", "u").exists(), "the former publication does not count any more"
    at.now += timedelta(days=2)
    assert call("case", "sweep", tmp_path).code == 0
    assert not run.part("detect", "u").exists()


def test_a_link_in_a_folder_of_results_is_removed_and_not_followed(tmp_path: Path, call: Call, at: Clock) -> None:
    root = _published(tmp_path / "case", days=30)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.txt").write_text("mine")
    (root / f"runs/{_RUN}/crops/b.jpg").symlink_to(tmp_path / "elsewhere" / "a.txt")
    (root / f"runs/{_RUN}/crops/deep").symlink_to(tmp_path / "elsewhere")
    at.now += timedelta(days=31)
    assert call("case", "sweep", tmp_path).code == 0
    assert (tmp_path / "elsewhere" / "a.txt").read_text() == "mine"
    assert not (root / f"runs/{_RUN}/crops").exists()


# ---- policy


def test_a_shorter_time_removes_at_once_what_is_older(tmp_path: Path, call: Call, at: Clock) -> None:
    root = _published(tmp_path / "case")
    at.now += timedelta(days=60)
    answer = call("case", "policy", root, "--keep-results", 30, "--reason", "data protection officer")
    assert (answer.code, "results removed" in answer.err) == (0, True)
    assert not (root / "tables").exists()
    assert read_case(CaseFolder(root)).retention == ResultRetention(30)


def test_after_the_mandate_results_may_only_be_kept_for_a_shorter_time(found: FaceCase, at: Clock) -> None:
    policy = ("case", "policy", found.root, "--reason", "r", "--keep-results")
    at.now = MANDATE_ENDS + timedelta(days=1)
    answer = found.call(*policy, 36_000)
    assert (answer.code, "shorter time" in answer.err) == (3, True)
    assert list(found.root.glob("tables/sightings.*"))
    assert found.call(*policy, 1).code == 0
    assert not list(found.root.glob("tables/sightings.*"))


def test_while_the_mandate_is_active_results_may_be_kept_longer(tmp_path: Path, call: Call, at: Clock) -> None:
    root = _published(tmp_path / "case", days=30)
    assert call("case", "policy", root, "--keep-results", 60, "--reason", "the trial lasts longer").code == 0
    at.now += timedelta(days=59)
    assert call("case", "sweep", tmp_path).code == 0
    assert (root / "tables").exists()


# ---- what commands say afterwards, with real results


@pytest.fixture(scope="module")
def scene_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case of mode scene with tables and a rule of 30 days; the models are real."""
    call, folder = Call(), tmp_path_factory.mktemp("scene")
    words = ("--purpose", "p", "--operator", "o", "--keep-results", 30)
    assert call("case", "init", folder / "case", *words).code == 0
    assert call("ingest", folder / "case", clip(folder / "gate.mp4"), "--camera", "gate").code == 0
    assert call("run", folder / "case", *_SERIAL).code == 0
    return folder / "case"


@pytest.fixture
def removed(scene_once: Path, tmp_path: Path, call: Call, at: Clock) -> Path:
    """A copy of that case whose results were removed."""
    root = Path(shutil.copytree(scene_once, tmp_path / "case"))
    at.now += timedelta(days=31)
    assert call("case", "sweep", tmp_path).code == 0
    return root


def test_commands_say_that_and_when_results_were_removed(removed: Path, tmp_path: Path, call: Call, at: Clock) -> None:
    day = f"the results were removed on {at.now:%Y-%m-%d}, as the retention of the case requires"
    status = call("status", removed)
    said = " ".join(status.out.split())
    assert f"{day}; `forensics run {removed}` makes them again from the evidence" in said
    assert f"next: forensics run {removed}" in status.out
    assert day in call("case", "show", removed).out
    for command in (("query", removed), ("export", "mot", removed, "-o", tmp_path / "mot"), ("reproduce", removed)):
        answer = call(*command)
        assert (answer.code, day in answer.err) == (2, True), answer.err
        assert f"`forensics run {removed}` makes them again" in answer.err
    told = ("case", "disclose", removed, "-o", tmp_path / "told.json", "--recipient", "counsel", "--reason", "r")
    assert call(*told).code == 0
    assert json.loads((tmp_path / "told.json").read_text())["candidates_missing_because"] == day


def test_verify_says_which_files_are_missing_on_purpose(removed: Path, call: Call) -> None:
    answer = call("verify", removed)
    assert answer.code == 0, answer.err
    certificate = next(removed.glob("certificates/*-results.json")).relative_to(removed).as_posix()
    assert "missing on purpose" in answer.out
    assert f"{certificate} names each" in answer.out
    assert "the results were removed on" in answer.out
    found = call("verify", removed, "--json").json
    (destroyed,) = found["destroyed"]
    assert found["lost_of_earlier_runs"] == []
    named = [each["path"] for each in json.loads((removed / certificate).read_text())["files"]]
    assert (destroyed["reason"], destroyed["missing"]) == ("results", named)
    assert "tables/sightings.parquet" in named


def test_one_frame_can_still_be_opened_from_the_evidence(removed: Path, call: Call) -> None:
    evidence_id = next(removed.glob("evidence/index/*")).stem
    answer = call("verify", removed, "--frame", f"{evidence_id}#3", "--json")
    assert answer.code == 0, answer.err
    assert len(answer.json["rgb_sha256"]) == 64


def test_a_later_run_makes_the_same_tables_and_the_days_count_anew(
    removed: Path, scene_once: Path, tmp_path: Path, call: Call, at: Clock
) -> None:
    answer = call("run", removed, *_SERIAL)
    assert answer.code == 0, answer.err
    assert "was missing" not in answer.out + answer.err
    for table in scene_once.glob("tables/*.parquet"):
        if table.parent.name not in {"evidence", "sources"}:
            assert (removed / table.relative_to(scene_once)).read_bytes() == table.read_bytes()
    assert "removed" not in call("status", removed).out
    at.now += timedelta(days=29)
    assert call("query", removed, "evidence").code == 0
    at.now += timedelta(days=2)
    assert call("query", removed, "evidence").code == 2
    assert len(list(removed.glob("certificates/*-results*.json"))) == 2
    assert call("verify", removed).code == 0


def test_an_old_certificate_excuses_no_table_that_was_made_again(removed: Path, call: Call) -> None:
    assert call("run", removed, *_SERIAL).code == 0
    assert call("verify", removed).code == 0
    next(removed.glob("tables/sightings.*")).unlink()
    answer = call("verify", removed)
    assert (answer.code, "tables/sightings.parquet" in answer.err) == (5, True)


# ---- cases that compare faces


def _results(root: Path) -> list[Path]:
    return CaseFolder(root).result_files()


@pytest.mark.parametrize("mode", ["search", "missing"])
def test_object_tables_of_a_search_go_with_its_mandate(tmp_path: Path, call: Call, at: Clock, mode: str) -> None:
    case = FaceCase.make(tmp_path, call, n_people=2, mode=mode)
    case.enrol("E0", 0, tmp_path)
    case.run()
    at.now = MANDATE_ENDS + timedelta(days=6, hours=23, minutes=59)
    assert call("case", "sweep", tmp_path).code == 0
    assert list(case.root.glob("tables/sightings.*"))
    at.now = MANDATE_ENDS + timedelta(days=7)
    answer = call("case", "sweep", tmp_path)
    assert "biometric data destroyed" in answer.out
    assert "results removed" in answer.out
    assert _results(case.root) == []
    assert call("verify", case.root).code == 0
    status = call("status", case.root).out
    assert "the results were removed on" in status
    assert "forensics run" not in status, "the mandate is over"


def _decided(row: dict[str, object]) -> tuple[object, ...]:
    """Return what a row says without its numbers, in which the fake models have noise."""
    return tuple(row[name] for name in ("sighting_id", "entry_id", "decision", "frames"))


def _deny(case: FaceCase) -> None:
    case.do("case deny", "--reason", "refused by the district court")


@pytest.mark.parametrize(
    ("days", "last", "first_gone"),
    [
        (None, lambda now: MANDATE_ENDS + timedelta(days=6), lambda now: MANDATE_ENDS + timedelta(days=7, seconds=1)),
        (30, lambda now: now + timedelta(days=29), lambda now: now + timedelta(days=31)),
    ],
)
def test_after_a_denial_sightings_stay_until_retention_ends_them(
    tmp_path: Path,
    call: Call,
    at: Clock,
    *,
    days: int | None,
    last: Callable[[datetime], datetime],
    first_gone: Callable[[datetime], datetime],
) -> None:
    case = FaceCase.make(tmp_path, call, n_people=2)
    if days:
        case.do("case policy", "--keep-results", days, "--reason", "r")
    case.run()
    now = at.now
    _deny(case)
    assert list(case.root.glob("tables/sightings.*"))
    assert not list(case.root.rglob("*.jpg.sealed"))
    at.now = last(now)
    assert call("case", "sweep", tmp_path).code == 0
    assert list(case.root.glob("tables/sightings.*")), "proof of what was done"
    at.now = first_gone(now)
    assert call("case", "sweep", tmp_path).code == 0
    assert _results(case.root) == []
    assert call("verify", case.root).code == 0


def test_days_in_a_search_end_results_but_neither_key_nor_kept_lists_nor_verdicts(
    found: FaceCase, tmp_path: Path, at: Clock
) -> None:
    found.do("case policy", "--keep-results", 30, "--reason", "r")
    candidates, before = found.candidates(), _files(found.root)
    at.now += timedelta(days=31)
    status = found.do("status")
    assert "candidates: removed by retention" in status
    assert _results(found.root) == []
    lists = {name: data for name, data in before.items() if name.startswith(("lists/", "watchlist/"))}
    assert lists.items() <= _files(found.root).items()
    assert found.key
    told = ("--recipient", "counsel", "--reason", "r")
    found.do("case disclose", "-o", tmp_path / "told.json", *told)
    assert len(json.loads((tmp_path / "told.json").read_text())["published_lists"]) == 1
    found.run()
    assert [_decided(row) for row in found.candidates()] == [_decided(row) for row in candidates]
    assert found.call("verify", found.root).code == 0


def test_a_thumbnail_that_was_kept_elsewhere_is_still_known_as_a_picture_of_the_footage(
    found: FaceCase, tmp_path: Path, at: Clock
) -> None:
    kept = tmp_path / "thumbnail.jpg"
    kept.write_bytes(found.thumbnails()[0])
    found.do("case policy", "--keep-results", 30, "--reason", "r")
    at.now += timedelta(days=31)
    found.do("status")
    assert found.thumbnails() == []
    answer = found.call(
        "watchlist", "add", found.root, "E9", kept, "--basis", "warrant 13/26", "--expires", ENTRY_LAST_DAY
    )
    assert (answer.code, "footage" in answer.err) == (3, True), answer.err


def test_the_removal_of_withheld_results_needs_no_key(tmp_path: Path, call: Call, at: Clock) -> None:
    case = FaceCase.make(tmp_path, call, n_people=2, authority="pending")
    case.do("case policy", "--keep-results", 30, "--reason", "r")
    case.run()
    at.now += timedelta(hours=49)
    assert call("case", "sweep", tmp_path).code == 0
    assert list(case.root.rglob("*.jpg.sealed"))
    at.now += timedelta(days=30)
    assert call("case", "sweep", tmp_path).code == 0
    assert _results(case.root) == []
