"""Verification: every change of a case is found and named."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import forensics
from forensics.adapters.crypto.signing import new_private_key, public_key_of, public_key_to_pem
from forensics.custody.case_folder import CaseFolder
from forensics.custody.checkpoints import Checkpoint
from forensics.custody.log import read_chain
from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.tables.evidence import load_evidence
from forensics.tables.files import encode_json, write_table
from forensics.tables.manifest import read_manifest
from forensics.tables.run_inventory import read_inventory
from forensics.wording import counted
from pipelines import clock
from pipelines.custody.case_store import load_case
from pipelines.custody.checkpoints import load_checkpoints, sign_checkpoint
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.proof.signatures import TrustedKeys
from pipelines.proof.verify import verify_case
from testing.audit_events import KILLED, call_at, die_at
from testing.commands import Answer, Call, clip
from testing.face_case import FaceCase
from testing.painted_case import run


def _first(answer: Answer) -> str:
    """Return the fault that was named first."""
    assert answer.code == 5
    problems: list[str] = answer.json["problems"]
    assert answer.err.startswith(f"error: {problems[0]}")
    return problems[0]


def _flip(path: Path) -> Path:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)
    return path


def _one(case: Path, pattern: str) -> Path:
    return sorted(case.glob(pattern))[0]


_FILES = (
    *("evidence/evidence.parquet", "evidence/sources.parquet", "evidence/index/*.parquet", "runs/*/run.json"),
    *("runs/*/plan/*.json", "runs/*/parts/detect/*.parquet", "runs/*/parts/track/*", "runs/*/parts/sight/*"),
    *("runs/*/crops/*.jpg", "tables/MANIFEST.json", "runs/*/PARTS.sha256", "tables/sightings.parquet"),
    *("tables/coverage.parquet", "audit.jsonl", "checkpoints.jsonl"),
)


@pytest.mark.parametrize("pattern", _FILES)
@pytest.mark.parametrize("how", ["flipped", "gone"])
def test_a_changed_file_is_named_first(call: Call, published_case: Path, pattern: str, how: str) -> None:
    path = _one(published_case, pattern)
    if how == "flipped":
        _flip(path)
    else:
        path.unlink()
    if pattern == "audit.jsonl" and how == "gone":
        path.touch()
    if pattern == "checkpoints.jsonl" and how == "gone":
        assert call("verify", published_case).code == 0, "without its checkpoints a log proves less, and says so"
        return
    assert str(path) in _first(call("verify", published_case, "--json"))


def test_parts_are_those_that_the_tables_were_made_of(published_case: Path) -> None:
    folder = CaseFolder(published_case)
    run_folder = folder.run(read_manifest(folder)["run"])
    named = dict(read_inventory(run_folder))
    on_disk = [*published_case.glob("runs/*/parts/*/*.parquet"), *published_case.glob("runs/*/plan/*.json")]
    assert set(named) == set(on_disk)
    assert len(on_disk) == 3 + 1 + 1 + 1
    lines = [f"{sha256_of_file(path)}  {path.relative_to(published_case).as_posix()}" for path in sorted(on_disk)]
    assert run_folder.parts_list.read_text().splitlines() == lines


def test_a_list_of_parts_does_not_lead_out_of_the_case(published_case: Path) -> None:
    folder = CaseFolder(published_case)
    run_folder = folder.run(read_manifest(folder)["run"])
    for line in (f"{'0' * 64}  runs/../../gate.mp4", f"{'0' * 64}  /etc/hostname", "0  runs/x", "nonsense"):
        run_folder.parts_list.write_text(f"{line}\n")
        with pytest.raises(IntegrityBroken, match="not a valid list of parts"):
            read_inventory(run_folder)


# ---- rewritten consistently


def _manifest_with(case: Path, change: Callable[[dict[str, object]], None]) -> None:
    manifest = read_manifest(CaseFolder(case))
    change(manifest)
    (case / "tables" / "MANIFEST.json").write_bytes(encode_json(manifest))


def test_tables_that_were_rewritten_with_their_manifest_are_found(
    call: Call, published_case: Path, tmp_path: Path
) -> None:
    """Rows were removed and the manifest was adapted, so that all digests among the tables agree."""
    path = published_case / "tables" / "detections.parquet"
    rows = pq.read_table(path)
    path.unlink()
    write_table(path, rows.slice(0, len(rows) - 3))

    def consistently(manifest: dict[str, object]) -> None:
        for file in manifest["files"]:  # type: ignore[attr-defined]
            if file["path"] == "detections.parquet":
                file.update(rows=len(rows) - 3, bytes=path.stat().st_size, sha256=sha256_of_file(path))

    _manifest_with(published_case, consistently)
    for command in (("query", published_case, "detections"), ("export", "mot", published_case, "-o", tmp_path / "mot")):
        answer = call(*command)
        assert (answer.code, "MANIFEST.json: was changed" in answer.err) == (5, True), command
    with pytest.raises(IntegrityBroken, match=r"MANIFEST.json: was changed"):
        forensics.open_case(published_case)
    assert _first(call("verify", published_case, "--json")).startswith(
        f"{published_case / 'tables' / 'MANIFEST.json'}: was changed"
    )
    assert call("run", published_case, "--runner", "serial").code == 0
    assert forensics.open_case(published_case).detections().collect().height == len(rows)


def test_tables_are_read_while_a_run_publishes_others(published_case: Path) -> None:
    """They are replaced after the old manifest was read, and before the log is."""
    manifest = published_case / "tables" / "MANIFEST.json"
    other_run = partial(run, load_case(published_case), "detect.min_score=0.6")
    with call_at("read", str(published_case / "audit.jsonl"), other_run):
        opened = forensics.open_case(published_case)
    assert opened.run_id == json.loads(manifest.read_text())["run"]


def test_tables_that_no_log_names_can_be_read(published_case: Path) -> None:
    """Version 0.1 registered no manifest."""
    lines = [line for line in (published_case / "audit.jsonl").read_bytes().splitlines() if b"MANIFEST" not in line]
    (published_case / "audit.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    assert forensics.open_case(published_case).detections().collect().height


def test_another_recording_in_the_place_of_the_first_is_found_by_every_command(
    call: Call, published_case: Path
) -> None:
    """The list of evidence was adapted to the forged recording."""
    clip, table = published_case.parent / "gate.mp4", published_case / "evidence" / "evidence.parquet"
    clip.write_bytes(clip.read_bytes() + b"\0\0\0\0free")
    rows = pq.read_table(table)
    digest = pa.array([sha256_of_file(clip)])
    write_table(table, rows.set_column(rows.schema.get_field_index("sha256"), rows.schema.field("sha256"), digest))
    for command in (("case", "show"), ("status",), ("run",), ("verify",)):
        answer = call(*command, published_case)
        assert (answer.code, f"{table}: was changed" in answer.err) == (5, True), command
    assert call("ingest", published_case, clip, "--camera", "gate").code == 5, "nor is it laundered by adding to it"


def test_missing_tables_are_reported(call: Call, published_case: Path) -> None:
    shutil.rmtree(published_case / "tables")
    assert "MANIFEST.json: is missing" in _first(call("verify", published_case, "--json"))


@pytest.mark.parametrize(
    "pattern", ["tables/detections.parquet", "tables/MANIFEST.json", "parts/detect/*.parquet", "crops/*.jpg"]
)
@pytest.mark.parametrize("is_published", [True, False])
def test_files_of_every_run_are_verified(call: Call, published_case: Path, pattern: str, is_published: bool) -> None:
    (root,) = published_case.glob("runs/*")
    if not is_published:
        run(load_case(published_case), "track.minimum_detections=4")
    path = sorted(root.glob(pattern))[0]
    data = path.read_bytes()
    path.unlink()  # the published one is the same file
    path.write_bytes(data.replace(b'"files"', b'"files" ') if path.suffix == ".json" else data[:-1] + b"!")
    assert _first(call("verify", published_case, "--json")).startswith(f"{path}: ")


def test_tables_that_are_published_meanwhile_are_no_tampering(published_case: Path) -> None:
    """Another command publishes after the manifest was read, while the footage is being digested."""
    before = sha256_of_file(published_case / "tables" / "MANIFEST.json")
    with call_at(
        "read", f"{published_case.parent}/gate.mp4", lambda: run(load_case(published_case), "detect.min_score=0.6")
    ):
        assert verify_case(load_case(published_case), TrustedKeys()).faults == ()
    assert sha256_of_file(published_case / "tables" / "MANIFEST.json") != before


@pytest.mark.parametrize("name", ["part-1.PARQUET", "part-1.pq", "notes.csv"])
def test_an_unlisted_file_among_the_tables_is_found(call: Call, published_case: Path, name: str) -> None:
    (published_case / "tables" / name).write_bytes(b"more")
    assert name in _first(call("verify", published_case, "--json"))


def test_a_table_that_is_a_link_is_found(call: Call, published_case: Path, tmp_path: Path) -> None:
    table = published_case / "tables" / "sightings.parquet"
    table.rename(tmp_path / "elsewhere.parquet")
    table.symlink_to(tmp_path / "elsewhere.parquet")
    answer = call("verify", published_case)
    assert (answer.code, "is a link to another place" in answer.err) == (5, True)


def test_a_case_that_was_rewritten_is_made_right_by_running_again(call: Call, published_case: Path) -> None:
    _manifest_with(published_case, lambda manifest: manifest.update(gap_frames=5))
    run(load_case(published_case))
    assert call("verify", published_case).code == 0


def test_in_a_case_with_faces_every_command_refuses_what_was_rewritten(call: Call, tmp_path: Path) -> None:
    found = FaceCase.make(tmp_path, call, n_people=2)
    found.enrol("E0", 0, tmp_path)
    found.run()
    assert call("verify", found.root).code == 0
    for name in ("evidence/sources.parquet", "tables/MANIFEST.json"):
        kept = (found.root / name).read_bytes()
        (found.root / name).unlink()
        (found.root / name).write_bytes(kept + b" ")
        for command in (("case", "show", found.root), ("query", found.root), ("run", found.root)):
            assert call(*command).code == 5, (name, command)
        (found.root / name).write_bytes(kept)
    assert call("verify", found.root).code == 0


# ---- a kill at a bad moment


@pytest.mark.parametrize("moment", ["first rename", "second rename", "after"])
def test_a_kill_while_tables_are_put_in_place_raises_no_false_alarm(
    call: Call, published_case: Path, moment: str
) -> None:
    target = published_case / (".tables.old" if moment == "first rename" else "tables")
    with die_at("rename", str(target), after=moment == "after"), pytest.raises(SystemExit):
        run(load_case(published_case), "detect.min_score=0.6")
    answer = call("verify", published_case, "--json")
    assert (answer.code, answer.json["half_published"]) == (0, moment == "second rename")
    assert ("there are no tables" in call("verify", published_case).out) == (moment == "second rename")
    run(load_case(published_case))
    answer = call("verify", published_case, "--json")
    assert (answer.code, answer.json["half_published"]) == (0, False)
    assert answer.json["published"] == read_manifest(CaseFolder(published_case))["run"]


@pytest.mark.parametrize("nth", [1, 2])
def test_a_kill_between_the_lists_of_evidence_raises_no_false_alarm(call: Call, published_case: Path, nth: int) -> None:
    other = clip(published_case.parent / "hall.mp4")
    with die_at("rename", f"{published_case}/evidence/[es]*.parquet", nth=nth):
        assert call("ingest", published_case, other, "--camera", "hall").code == KILLED
    assert call("verify", published_case).code == 0
    assert call("ingest", published_case, other, "--camera", "hall").code == 0
    assert len(load_evidence(CaseFolder(published_case))) == 2
    assert call("verify", published_case).code == 0


def test_ingesting_known_footage_adds_no_note(call: Call, published_case: Path) -> None:
    assert call("ingest", published_case, published_case.parent / "gate.mp4", "--camera", "gate").code == 0
    kinds = [line.kind for line in read_chain(published_case / "audit.jsonl").lines[-2:]]
    assert kinds == ["begin", "end"]


# ---- coverage


def _covered(case: Path, change: Callable[[list[dict[str, object]]], None]) -> None:
    """Forge the coverage and register it, so that everything else agrees."""
    path = case / "tables" / "coverage.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    path.unlink()
    write_table(path, pa.Table.from_pylist(rows, schema=table.schema))
    manifest = read_manifest(CaseFolder(case))
    (file,) = [file for file in manifest["files"] if file["path"] == "coverage.parquet"]
    file.update(rows=len(rows), bytes=path.stat().st_size, sha256=sha256_of_file(path))
    with open_session(case, "forged", need=Need.WORK) as session:
        session.files.write(session.folder.manifest, encode_json(manifest))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[-1].update(stop_frame=11), "frame 11 of 12"),
        (lambda rows: rows[0].update(start_frame=1), "frame 0 of 12"),
        (lambda rows: rows.append(dict(rows[-1])), "covered twice"),
        (lambda rows: rows.clear(), "frame 0 of 12"),
        (lambda rows: rows[0].update(evidence_id="f" * 16), "frame 0 of 12"),
    ],
)
def test_verify_counts_coverage_again(
    call: Call, published_case: Path, change: Callable[[list[dict[str, object]]], None], said: str
) -> None:
    assert call("verify", published_case).code == 0
    _covered(published_case, change)
    first = _first(call("verify", published_case, "--json"))
    assert first.startswith(str(published_case / "tables" / "coverage"))
    assert said in first


# ---- checkpoints that were kept, keys that are trusted


def _kept(call: Call, case: Path) -> Path:
    path = case.parent / "kept.json"
    assert call("case", "checkpoint", case, "-o", path).code == 0
    return path


def test_a_log_cut_with_its_checkpoints_is_found_by_a_kept_checkpoint(call: Call, published_case: Path) -> None:
    kept = _kept(call, published_case)
    assert call("verify", published_case, "--checkpoint", kept).code == 0
    lines = (published_case / "audit.jsonl").read_bytes().splitlines(keepends=True)
    (published_case / "audit.jsonl").write_bytes(b"".join(lines[:4]))
    (published_case / "checkpoints.jsonl").unlink()
    said = _first(call("verify", published_case, "--checkpoint", kept, "--json"))
    assert said.startswith(f"{published_case / 'audit.jsonl'}: ")
    assert "were signed" in said


@pytest.mark.parametrize("added", [b"{\x12\xa0", b"{anything", b'{"at_utc":"\xff', b"}", b"\0"])
def test_other_bytes_after_the_checkpoints_are_reported(call: Call, published_case: Path, added: bytes) -> None:
    path = published_case / "checkpoints.jsonl"
    path.write_bytes(path.read_bytes() + added)
    assert str(path) in _first(call("verify", published_case, "--json"))


@pytest.mark.parametrize("length", [1, 12, 100])
def test_a_checkpoint_that_a_killed_command_left_is_no_fault(call: Call, published_case: Path, length: int) -> None:
    path = published_case / "checkpoints.jsonl"
    path.write_bytes(path.read_bytes() + path.read_bytes()[:length])
    assert call("verify", published_case).code == 0


def test_an_invalid_checkpoint_is_reported(call: Call, published_case: Path) -> None:
    kept = _kept(call, published_case)
    stored = json.loads(kept.read_text())
    for change in ({"lines": 1}, {"signature": "0" * 128}, {"extra": 1}):
        kept.write_text(json.dumps({**stored, **change}))
        answer = call("verify", published_case, "--checkpoint", kept)
        assert (answer.code, str(kept) in answer.err) == (5, True), change
    assert call("verify", published_case, "--checkpoint", published_case.parent / "nowhere.json").code == 2


def test_only_a_key_that_is_trusted_proves_anything(call: Call, published_case: Path) -> None:
    kept, own, other = (
        _kept(call, published_case),
        published_case.parent / "own.pem",
        published_case.parent / "other.pem",
    )
    told = call("installation", "-o", own, "--json").json
    other.write_bytes(public_key_to_pem(public_key_of(new_private_key())))
    for trust in (own, told["public_hex"]):
        assert call("verify", published_case, "--checkpoint", kept, "--trust", trust).code == 0
    assert call("verify", published_case, "--trust", own, "--trust", other).code == 0
    answer = call("verify", published_case, "--checkpoint", kept, "--trust", other, "--json")
    assert _first(answer).startswith(f"{kept}: is signed with key {told['key_id']}")
    assert "no checkpoint is signed" in _first(call("verify", published_case, "--trust", other, "--json"))
    for nonsense in (published_case.parent / "gate.mp4", "abc", published_case.parent / "nowhere.pem"):
        assert call("verify", published_case, "--trust", nonsense).code == 2


def test_a_checkpoint_signed_with_an_unknown_key_proves_nothing(published_case: Path) -> None:
    """The log was rewritten and signed with another key: consistent, but not signed by a trusted key."""
    folder = CaseFolder(published_case)

    loaded, line = load_case(published_case), read_chain(published_case / "audit.jsonl").lines[-1]
    forged: Checkpoint = sign_checkpoint(loaded.case_id, line, new_private_key(), now=clock.utc_now())
    folder.checkpoints_file.write_bytes(forged.encoded() + b"\n")
    assert verify_case(loaded, TrustedKeys()).faults == ()
    own = frozenset({load_checkpoints(folder).all[0].public_hex[::-1]})
    assert verify_case(loaded, TrustedKeys(trusted=own)).faults != ()


def test_verify_names_the_keys_that_signed(call: Call, published_case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (before,) = call("verify", published_case, "--json").json["signers"]
    assert before["whose"] == "this installation"
    monkeypatch.setenv("FORENSICS_KEYS", str(published_case.parent / "second"))
    assert call("case", "clock", published_case, "gate", "--offset", 5).code == 0
    signers = {each["key_id"]: each for each in call("verify", published_case, "--json").json["signers"]}
    assert signers.pop(before["key_id"])["whose"] == "another installation"
    (own,) = signers.values()
    assert (own["whose"], own["checkpoints"], own["lines"] > before["lines"]) == ("this installation", 1, True)
    assert f"with key {own['key_id']} (this installation)" in call("verify", published_case).out


def test_one_bad_signature_is_named(call: Call, published_case: Path) -> None:
    known = (published_case / "checkpoints.jsonl").read_bytes().splitlines()
    stored = json.loads(known[0])
    stored["at_utc"] = "2020-01-01T00:00:00+00:00"
    bent = json.dumps(stored, sort_keys=True, separators=(",", ":")).encode()
    (published_case / "checkpoints.jsonl").write_bytes(b"\n".join([bent, *known[1:], b""]))
    assert "checkpoint 1 is not signed with key" in _first(call("verify", published_case, "--json"))


def test_writing_equal_content_adds_no_note(tmp_path: Path) -> None:
    notes: list[tuple[str, object]] = []
    files = DecidingFiles(CaseFolder(tmp_path), lambda name, facts: notes.append((name, facts)), is_guarded=False)
    files.write(tmp_path / "case.toml", b"1")
    facts = {"files": {"case.toml": sha256_of_bytes(b"1")}}
    assert notes == [("writes", facts), ("wrote", facts)]


# ---- what the lines of a run say


def test_the_log_says_of_a_run_what_went_in_and_what_came_out(call: Call, published_case: Path) -> None:
    assert call("run", published_case, "--runner", "serial", "--quiet", "--reason", "again").code == 0
    lines, folder = read_chain(published_case / "audit.jsonl").lines, CaseFolder(published_case)
    begin = [line for line in lines if (line.kind, line.command) == ("begin", "run")][-1]
    (note,) = [line for line in lines if (line.of, line.command, line.kind) == (begin.number, "run", "note")]
    end = lines[-1]
    record = json.loads(_one(published_case, "runs/*/run.json").read_text())
    assert all(line.facts["version"] == version("video-forensics") for line in lines if line.kind == "begin")
    assert (begin.why, end.of, end.facts["exit_code"]) == ("again", begin.number, 0)
    assert note.facts["settings_digest"] == record["settings_digest"]
    assert note.facts["evidence"] == [item.evidence_id for item in load_evidence(folder)]
    assert note.facts["inputs"]["list of evidence"] == sha256_of_file(folder.evidence_file)
    assert end.facts["outputs"]["run"] == note.facts["run"] == record["run"]
    assert end.facts["outputs"]["manifest_sha256"] == sha256_of_file(folder.manifest)


def test_a_run_adds_few_lines_however_many_parts_it_has(call: Call, published_case: Path) -> None:
    def added(*options: str) -> int:
        before = len(read_chain(published_case / "audit.jsonl").lines)
        assert call("run", published_case, "--runner", "serial", "--quiet", *options).code == 0
        return len(read_chain(published_case / "audit.jsonl").lines) - before

    few = added("--set", "detect.min_score=0.3", "--set", "chunk.seconds=60")
    many = added("--set", "detect.min_score=0.4", "--set", "chunk.seconds=0.8")
    assert few == many < 15


# ---- what a verification rests on


def test_verify_says_what_it_rests_on(call: Call, published_case: Path, tmp_path: Path) -> None:
    answer = call("verify", published_case)
    assert (answer.code, "nothing outside the case was compared" in answer.out) == (0, True), answer.out
    assert call("verify", published_case, "--json").json["rests_on"] == []
    assert call("case", "checkpoint", published_case, "-o", tmp_path / "kept.json").code == 0
    compared = call("verify", published_case, "--checkpoint", tmp_path / "kept.json")
    assert (compared.code, "at least the lines of the checkpoint that you gave" in compared.out) == (0, True)


def test_in_a_case_with_faces_the_log_anchor_counts(call: Call, tmp_path: Path) -> None:
    case = FaceCase.make(tmp_path, call, n_people=2)
    assert call("verify", case.root, "--json").json["rests_on"] == ["anchor"]


def test_a_certificate_that_no_command_wrote_excuses_no_missing_file(call: Call, published_case: Path) -> None:
    """A case without faces: nothing is destroyed in it, so a certificate must come from somewhere else."""
    table = next(published_case.glob("tables/detections.parquet"))
    name = table.relative_to(published_case).as_posix()
    forged = {"state": "done", "reason": "expired", "why": "", "who": {}, "key_destroyed": True,
              "files": [{"path": name, "sha256": sha256_of_file(table)}]}  # fmt: skip
    (published_case / "certificates").mkdir(exist_ok=True)
    (published_case / "certificates" / "20260501T000000-expired.json").write_text(json.dumps(forged))
    table.unlink()
    answer = call("verify", published_case)
    assert (answer.code, "certificates/20260501T000000-expired.json" in answer.out) == (5, True), answer.out


# ---- files of earlier runs


@pytest.fixture
def superseded_run(published_case: Path) -> Path:
    """Publish another run; returns the folder of the earlier one."""
    (earlier,) = published_case.glob("runs/*")
    run(load_case(published_case), "track.minimum_detections=4")
    return earlier


def test_nothing_of_an_earlier_run_is_lost_at_first(call: Call, published_case: Path, superseded_run: Path) -> None:
    assert call("verify", published_case, "--json").json["lost_of_earlier_runs"] == []
    assert "earlier runs" not in call("verify", published_case).out


@pytest.mark.parametrize("pattern", ["parts/*/*.parquet", "plan/*", "crops/*", "tables/*.parquet"])
def test_missing_files_of_an_earlier_run_are_counted(
    call: Call, published_case: Path, superseded_run: Path, pattern: str
) -> None:
    paths = sorted(superseded_run.glob(pattern))
    for path in paths:
        path.unlink()
    answer = call("verify", published_case)
    assert answer.code == 0
    count = counted(len(paths), "file of earlier runs is", "files of earlier runs are")
    assert f"\n{count} missing, and no certificate says why" in answer.out
    named = call("verify", published_case, "--json").json["lost_of_earlier_runs"]
    assert named == [path.relative_to(published_case).as_posix() for path in paths] != []


def test_an_earlier_run_of_which_only_the_record_is_left(
    call: Call, published_case: Path, superseded_run: Path
) -> None:
    n_parts = len((superseded_run / "PARTS.sha256").read_text().splitlines())
    for name in ("parts", "tables", "crops", "plan"):
        shutil.rmtree(superseded_run / name)
    answer = call("verify", published_case)
    assert (answer.code, f"at least {n_parts + 1} files of earlier runs are missing" in answer.out) == (0, True)
