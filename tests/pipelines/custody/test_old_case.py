"""Cases of version 0.2, which stored verdicts, entries, candidates and thumbnails in clear.

`search-0.2.tar.xz` was made by that version: a search with two entries, one that was removed, a candidate that two
reviewers have confirmed, and the keys of all of them.
"""

import json
import shutil
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import forensics
from forensics.custody.authority import Authority
from forensics.custody.log import read_chain
from forensics.custody.sealer import is_sealed
from forensics.errors import UsageError
from forensics.faces.review_rules import Verdict
from forensics.tables.schemas import PUBLISHED
from pipelines import clock
from pipelines.custody.case_store import load_case
from pipelines.custody.denial_memory import load_denials
from pipelines.proof.report import Template
from pipelines.review.reviews import load_reviews
from testing.audit_events import KILLED, die_at
from testing.commands import TRAINING, Call
from testing.face_case import fake_loaders

_ARCHIVE = Path(__file__).with_name("search-0.2.tar.xz")
_MADE = datetime(2026, 11, 30, 20, 44, 30, tzinfo=UTC)


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Unpack the case, a day after it was made."""
    with tarfile.open(_ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.setenv("FORENSICS_KEYS", str(tmp_path / "keys"))
    monkeypatch.setenv("FORENSICS_REVIEWER_KEYS", str(tmp_path / "reviewer-keys"))
    began = clock.utc_now()
    monkeypatch.setattr(clock, "utc_now", lambda: _MADE + timedelta(days=1) + (datetime.now(UTC) - began))
    return tmp_path / "case"


def _clear(root: Path) -> list[str]:
    """Return the files that hold in clear what says who somebody may be."""
    secrets = (b"warrant 12/26", b"a scar", b'"confirm"', b"\xff\xd8\xff\xe0", b"similarity\x18")
    files = [path for path in root.rglob("*") if path.is_file() and path.name != "audit.jsonl"]
    return [str(path) for path in files if any(secret in path.read_bytes() for secret in secrets) or "E0" in str(path)]


def test_a_case_of_version_0_2_opens_and_is_sealed_by_the_next_command_that_may(old: Path, call: Call) -> None:
    assert len(_clear(old)) > 8, "the search finds what is in clear"
    moved = call("evidence", "relocate", old, old.parent)
    assert moved.code == 0, moved.err
    assert _clear(old) == []
    assert call("verify", old, "--json").json["lost_of_earlier_runs"] == []
    listed = call("watchlist", "list", old, "--json").json["entries"]
    assert [(each["entry"], each["basis"]) for each in listed] == [("E0", "warrant 12/26"), ("absent", "warrant 12/26")]
    rows = call("query", old, "candidates", "--reason", "look", "--json").json["rows"]
    assert [(row["entry_id"], row["similarity"] is None) for row in rows if row["decision"] == "candidate"] == [
        ("E0", False)
    ]
    assert {row["similarity"] for row in rows if row["decision"] == "below"} == {None}
    assert [each.verdict for each in load_reviews(load_case(old))] == [Verdict.CONFIRM] * 2


def test_the_pictures_and_documents_of_a_sealed_case_are_as_before(old: Path, call: Call, tmp_path: Path) -> None:
    assert call("evidence", "relocate", old, old.parent).code == 0
    opened = forensics.open_case(old)
    for name in opened.sightings().collect()["thumbnail"].to_list():
        assert is_sealed((old / f"{name}.sealed").read_bytes())
        assert opened.unseal_picture(name, opened.find_key(load_case(old).case_id)).startswith(b"\xff\xd8\xff")
    (row,) = [row for row in call("query", old, "candidates", "--reason", "look", "--json").json["rows"]
              if row["decision"] == "candidate"]  # fmt: skip
    candidate = f"{row['sighting_id']}:E0"
    seen = ("review", old, "--as", "B. Becker", "--reason", "r", "--candidate", candidate)
    answer = call(*seen, "--pictures", tmp_path / "sheet.png")
    assert (answer.code, "a scar" in answer.out) == (0, True), answer.err
    assert (
        call(
            "case", "disclose", old, "-o", tmp_path / "disclosure.json", "--recipient", "counsel", "--reason", "court"
        ).code
        == 0
    )
    disclosure = json.loads((tmp_path / "disclosure.json").read_text())
    assert [(each["entry"], each["is_listed"]) for each in disclosure["for"]] == [
        ("E0", True),
        ("gone", False),
        ("absent", True),
    ]
    (confirmed,) = [each for each in disclosure["candidates"] if each["decision"] == "candidate"]
    assert (confirmed["review_state"], confirmed["same_account"]) == ("confirmed", True)


def test_reviewers_of_an_old_case_have_no_training_on_record_and_their_verdicts_stay(
    old: Path, call: Call, tmp_path: Path
) -> None:
    before = (old / "reviewers.json").read_bytes()
    assert call("reviewer", "list", old).out.count("not on record") == 2
    assert [each["training"] for each in call("reviewer", "list", old, "--json").json["reviewers"]] == ["", ""]
    assert (
        call(
            "case", "disclose", old, "-o", tmp_path / "disclosure.json", "--recipient", "court", "--reason", "request"
        ).code
        == 0
    )
    rows = json.loads((tmp_path / "disclosure.json").read_text())["candidates"]
    (confirmed,) = [row for row in rows if row["verdicts"]]
    assert confirmed["review_state"] == "confirmed"
    assert [(each["training"], each["trained_on"]) for each in confirmed["verdicts"]] == [("not on record", None)] * 2
    assert (old / "reviewers.json").read_bytes() == before
    assert call("reviewer", "add", old, "D. Diaz", *TRAINING).code == 0
    assert call("reviewer", "list", old).out.count("not on record") == 2


def test_tables_of_version_1_open_in_the_columns_of_this_version(old: Path) -> None:
    opened = forensics.open_case(old)
    for name in ("sources", "evidence", "detections", "sightings", "coverage", "failures"):
        rows = opened.table(name).collect()
        assert rows.schema == pl.from_arrow(PUBLISHED[name].empty_table()).schema, name
        assert rows["case_id"].unique().to_list() in ([opened.case_id], [])
    (item,) = opened.evidence().collect().rows(named=True)
    assert item["start_utc"] is None, "the corrected start was in no table of version 1"
    assert (item["start_stated"], item["start_camera_clock"] is not None) == (None, True)
    assert item["file_name"] == Path(item["path"]).name
    assert item["model"] is not None
    with pytest.raises(UsageError, match="older version"):
        opened.frames()


@pytest.mark.parametrize("template", [template.value for template in Template])
def test_the_documents_of_a_deployer_can_be_written_for_an_old_case(
    old: Path, call: Call, tmp_path: Path, template: str
) -> None:
    answer = call("case", "report", old, "--template", template, "-o", tmp_path / "r.md", "--reason", "asked for")
    assert answer.code == 0, answer.err
    assert "Becker" not in (tmp_path / "r.md").read_text()


def test_a_case_of_version_0_2_has_an_authority_that_is_a_reference_and_runs(
    old: Path, call: Call, tmp_path: Path
) -> None:
    assert load_case(old).mandate.authority == Authority(reference="12 Gs 3/26")
    assert "authority  file 12 Gs 3/26" in call("case", "show", old).out
    call.loaders, _ = fake_loaders(tmp_path, n_people=2)
    quiet = ("--runner", "serial", "--quiet", "--set", "recognise.minimum_eyes_px=8")
    answer = call("run", old, *quiet, "--set", "recognise.minimum_sharpness=0")
    assert (answer.code, "no footage could be read" in answer.err) == (6, True), "it may run; its footage is elsewhere"
    assert call("case", "policy", old, "--watchlist-limit", 6, "--reason", "r").code == 0
    assert load_case(old).mandate.authority == Authority(reference="12 Gs 3/26"), "also after it was written again"
    assert call("verify", old, "--json").json["lost_of_earlier_runs"] == []


@pytest.mark.parametrize(
    ("operation", "file"),
    [
        ("remove", "{root}/reviews.jsonl"),
        ("remove", "{root}/watchlist/E0/entry.json"),
        ("rename", "{root}/watchlist/*/entry.json"),
        ("rename", "{root}/runs/*/PARTS.sha256"),
        ("rename", "{root}/tables/MANIFEST.json"),
        ("remove", "{root}/runs/*/crops/*.jpg"),
        ("remove", "{root}/tables/candidates/part-0.parquet"),
    ],
)
@pytest.mark.parametrize("is_after", [False, True])
def test_sealing_that_was_cut_short_is_completed(
    old: Path, call: Call, *, operation: str, file: str, is_after: bool
) -> None:
    with die_at(operation, file.format(root=old), after=is_after):
        assert call("evidence", "relocate", old, old.parent).code == KILLED
    assert call("evidence", "relocate", old, old.parent).code == 0
    assert _clear(old) == []
    assert call("verify", old, "--json").json["lost_of_earlier_runs"] == []
    assert len(load_reviews(load_case(old))) == 2
    assert len(call("watchlist", "list", old, "--json").json["entries"]) == 2


def test_a_case_on_hold_loses_nothing(old: Path, call: Call) -> None:
    assert call("case", "hold", old, "--reason", "trial").code == 0
    assert call("evidence", "relocate", old, old.parent).code == 0
    assert _clear(old) == []
    rows = call("query", old, "candidates", "--reason", "look", "--json").json["rows"]
    assert all(row["similarity"] is not None for row in rows)
    assert call("verify", old, "--json").json["lost_of_earlier_runs"] == []


def test_a_command_that_reads_seals_an_old_case_too(old: Path, call: Call) -> None:
    assert call("status", old).code == 0
    assert _clear(old) == []
    assert "sealed" in {line.command for line in read_chain(old / "audit.jsonl").lines}


def test_without_its_key_an_old_case_is_only_read(old: Path, call: Call, tmp_path: Path) -> None:
    before = _clear(old)
    shutil.move(tmp_path / "keys", tmp_path / "elsewhere")
    assert call("evidence", "relocate", old, old.parent).code == 3
    assert _clear(old) == before


def test_pictures_that_an_old_case_names_in_clear_are_remembered_after_a_denial(old: Path, call: Call) -> None:
    (old / "audit.jsonl").write_text("damaged\n")
    assert call("case", "deny", old, "--reason", "refused").code == 5
    (denial,) = load_denials()
    assert {kind: len(found) for kind, found in denial.subjects.items()} == {
        "footage": 1,
        "pictures": 2,
        "reference": 1,
    }
