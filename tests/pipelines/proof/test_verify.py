"""Whatever of a case is changed, `verify` finds it and names what was changed; so do lists, records and manifests."""

import json
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forensics.adapters.crypto.signing import new_private_key, pem_of, public_of
from forensics.custody.case_folder import CaseFolder
from forensics.custody.checkpoints import Checkpoint
from forensics.custody.log import read_chain
from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.tables.evidence import load_evidence
from forensics.tables.files import encoded_json, write_table
from forensics.tables.manifest import read_manifest
from forensics.tables.run_inventory import parts_named
from pipelines import clock
from pipelines.custody import deciding_files
from pipelines.custody.case_store import load_case
from pipelines.custody.checkpoints import signed_checkpoint, stored_checkpoints
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.proof.signatures import TrustedKeys
from pipelines.proof.verify import verify_case
from pipelines.run.footage_integrity import Loss, difference
from testing.commands import Answer, Call, caller, clip
from testing.face_case import FaceCase
from testing.painted_case import PaintedDetector, make_painted_case, run


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(capsys)


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A case of one painted clip, run and published."""
    monkeypatch.setattr("pipelines.stages.detection_context.load_for", lambda settings, model: PaintedDetector())
    made = make_painted_case(tmp_path)
    run(made)
    return made.folder.root


def _first(answer: Answer) -> str:
    """What was named first."""
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
    *("runs/*/crops/*.jpg", "tables/MANIFEST.json", "runs/*/PARTS.sha256", "tables/sightings/*.parquet"),
    *("tables/coverage/*.parquet", "audit.jsonl", "checkpoints.jsonl"),
)


@pytest.mark.parametrize("pattern", _FILES)
@pytest.mark.parametrize("how", ["flipped", "gone"])
def test_what_was_changed_is_named_first(call: Call, case: Path, pattern: str, how: str) -> None:
    path = _one(case, pattern)
    if how == "flipped":
        _flip(path)
    else:
        path.unlink()
    if pattern == "audit.jsonl" and how == "gone":
        path.touch()
    if pattern == "checkpoints.jsonl" and how == "gone":
        assert call("verify", case).code == 0, "without its checkpoints a log proves less, and says so"
        return
    assert str(path) in _first(call("verify", case, "--json"))


def test_parts_are_those_that_the_tables_were_made_of(case: Path) -> None:
    folder = CaseFolder(case)
    run_folder = folder.run(read_manifest(folder)["run"])
    named = dict(parts_named(run_folder))
    on_disk = [*case.glob("runs/*/parts/*/*.parquet"), *case.glob("runs/*/plan/*.json")]
    assert set(named) == set(on_disk)
    assert len(on_disk) == 3 + 1 + 1 + 1
    lines = [f"{sha256_of_file(path)}  {path.relative_to(case).as_posix()}" for path in sorted(on_disk)]
    assert run_folder.parts_list.read_text().splitlines() == lines


def test_a_list_of_parts_does_not_lead_out_of_the_case(case: Path) -> None:
    folder = CaseFolder(case)
    run_folder = folder.run(read_manifest(folder)["run"])
    for line in (f"{'0' * 64}  runs/../../gate.mp4", f"{'0' * 64}  /etc/hostname", "0  runs/x", "nonsense"):
        run_folder.parts_list.write_text(f"{line}\n")
        with pytest.raises(IntegrityBroken, match="no list of parts"):
            parts_named(run_folder)


# ---- rewritten consistently


def _manifest_with(case: Path, change: Callable[[dict[str, object]], None]) -> None:
    manifest = read_manifest(CaseFolder(case))
    change(manifest)
    (case / "tables" / "MANIFEST.json").write_bytes(encoded_json(manifest))


def test_tables_that_were_rewritten_with_their_manifest_are_found(call: Call, case: Path) -> None:
    """Rows are gone, and every digest that lies in the tables' folder says that this is right."""
    path = case / "tables" / "detections" / "part-0.parquet"
    rows = pq.read_table(path)
    path.unlink()
    write_table(path, rows.slice(0, len(rows) - 3))

    def consistently(manifest: dict[str, object]) -> None:
        for file in manifest["files"]:  # type: ignore[attr-defined]
            if file["path"].startswith("detections/"):
                file.update(rows=len(rows) - 3, bytes=path.stat().st_size, sha256=sha256_of_file(path))

    _manifest_with(case, consistently)
    assert call("query", case, "detections").code == 0, "whoever only reads does not know"
    assert _first(call("verify", case, "--json")).startswith(f"{case / 'tables' / 'MANIFEST.json'}: was changed")


def test_another_recording_in_the_place_of_the_first_is_found_by_every_command(call: Call, case: Path) -> None:
    """The list of evidence says that the forged recording is the right one."""
    clip, table = case.parent / "gate.mp4", case / "evidence" / "evidence.parquet"
    clip.write_bytes(clip.read_bytes() + b"\0\0\0\0free")
    rows = pq.read_table(table)
    digest = pa.array([sha256_of_file(clip)])
    write_table(table, rows.set_column(rows.schema.get_field_index("sha256"), rows.schema.field("sha256"), digest))
    for command in (("case", "show"), ("status",), ("run",), ("verify",)):
        answer = call(*command, case)
        assert (answer.code, f"{table}: was changed" in answer.err) == (5, True), command
    assert call("ingest", case, clip, "--camera", "gate").code == 5, "nor is it laundered by adding to it"


def test_tables_that_are_gone_are_missed(call: Call, case: Path) -> None:
    shutil.rmtree(case / "tables")
    assert "MANIFEST.json: is not there any more" in _first(call("verify", case, "--json"))


@pytest.mark.parametrize(
    "pattern", ["tables/detections/*.parquet", "tables/MANIFEST.json", "parts/detect/*.parquet", "crops/*.jpg"]
)
@pytest.mark.parametrize("is_published", [True, False])
def test_what_lies_in_the_folder_of_any_run_is_looked_at(
    call: Call, case: Path, pattern: str, is_published: bool
) -> None:
    (root,) = case.glob("runs/*")
    if not is_published:
        run(load_case(case), "track.minimum_detections=4")
    path = sorted(root.glob(pattern))[0]
    data = path.read_bytes()
    path.unlink()  # the published one is the same file
    path.write_bytes(data.replace(b'"files"', b'"files" ') if path.suffix == ".json" else data[:-1] + b"!")
    assert _first(call("verify", case, "--json")).startswith(f"{path}: ")


def test_tables_that_are_published_meanwhile_are_no_tampering(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest was read, footage is being digested, and another command publishes."""
    compared = []

    def publishing(path: Path, expected: str) -> Loss | None:
        if not compared:
            compared.append(path)
            run(load_case(case), "detect.min_score=0.6")
        return difference(path, expected)

    monkeypatch.setattr("pipelines.proof.verify.difference", publishing)
    before = sha256_of_file(case / "tables" / "MANIFEST.json")
    assert verify_case(load_case(case), TrustedKeys()).problems == ()
    assert compared
    assert sha256_of_file(case / "tables" / "MANIFEST.json") != before


@pytest.mark.parametrize("name", ["part-1.PARQUET", "part-1.pq", "notes.csv"])
def test_whatever_nobody_published_is_found(call: Call, case: Path, name: str) -> None:
    (case / "tables" / "sightings" / name).write_bytes(b"more")
    assert name in _first(call("verify", case, "--json"))


def test_a_table_that_is_a_link_is_found(call: Call, case: Path, tmp_path: Path) -> None:
    table = case / "tables" / "sightings" / "part-0.parquet"
    table.rename(tmp_path / "elsewhere.parquet")
    table.symlink_to(tmp_path / "elsewhere.parquet")
    answer = call("verify", case)
    assert (answer.code, "is a link to another place" in answer.err) == (5, True)


def test_a_case_that_was_rewritten_is_made_right_by_running_again(
    call: Call, case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _manifest_with(case, lambda manifest: manifest.update(gap_frames=5))
    run(load_case(case))
    assert call("verify", case).code == 0


def test_in_a_case_with_faces_every_command_refuses_what_was_rewritten(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = FaceCase.make(tmp_path, call, monkeypatch, n_people=2)
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
    call: Call, case: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def dying(run: object) -> None:
        if moment != "first rename":
            (case / "tables").rename(case / ".tables.old")
        if moment == "after":
            shutil.copytree(_one(case, "runs/*/tables"), case / "tables")
        raise SystemExit(137)

    with monkeypatch.context() as patched:
        patched.setattr("pipelines.run.driver.put_in_place", dying)
        with pytest.raises(SystemExit):
            run(load_case(case), "detect.min_score=0.6")
    answer = call("verify", case, "--json")
    assert (answer.code, answer.json["half_published"]) == (0, moment == "second rename")
    assert ("there are no tables" in call("verify", case).out) == (moment == "second rename")
    run(load_case(case))
    answer = call("verify", case, "--json")
    assert (answer.code, answer.json["half_published"]) == (0, False)
    assert answer.json["published"] == read_manifest(CaseFolder(case))["run"]


@pytest.mark.parametrize("dies_at", [0, 1])
def test_a_kill_between_the_lists_of_evidence_raises_no_false_alarm(
    call: Call, case: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:

    whole, written = deciding_files.write_bytes, list[Path]()

    def dying(path: Path, data: bytes) -> None:
        if len(written) == dies_at:
            raise SystemExit(137)
        written.append(path)
        whole(path, data)

    other = clip(case.parent / "hall.mp4")
    with monkeypatch.context() as patched:
        patched.setattr(deciding_files, "write_bytes", dying)
        assert call("ingest", case, other, "--camera", "hall").code == 137
    assert call("verify", case).code == 0
    assert call("ingest", case, other, "--camera", "hall").code == 0
    assert len(load_evidence(CaseFolder(case))) == 2
    assert call("verify", case).code == 0


def test_what_is_given_again_adds_no_note(call: Call, case: Path) -> None:
    assert call("ingest", case, case.parent / "gate.mp4", "--camera", "gate").code == 0
    kinds = [line.kind for line in read_chain(case / "audit.jsonl").lines[-2:]]
    assert kinds == ["begin", "end"]


# ---- coverage


def _covered(case: Path, change: Callable[[list[dict[str, object]]], None]) -> None:
    """Coverage as somebody would forge it who may register files: everything else agrees."""
    path = case / "tables" / "coverage" / "part-0.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    path.unlink()
    write_table(path, pa.Table.from_pylist(rows, schema=table.schema))
    manifest = read_manifest(CaseFolder(case))
    (file,) = [file for file in manifest["files"] if file["path"].startswith("coverage/")]
    file.update(rows=len(rows), bytes=path.stat().st_size, sha256=sha256_of_file(path))
    with open_session(case, "forged", need=Need.WORK) as session:
        session.files.write(session.folder.manifest, encoded_json(manifest))


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
def test_coverage_is_counted_again(
    call: Call, case: Path, change: Callable[[list[dict[str, object]]], None], said: str
) -> None:
    assert call("verify", case).code == 0
    _covered(case, change)
    first = _first(call("verify", case, "--json"))
    assert first.startswith(str(case / "tables" / "coverage"))
    assert said in first


# ---- checkpoints that were kept, keys that are trusted


def _kept(call: Call, case: Path) -> Path:
    path = case.parent / "kept.json"
    assert call("case", "checkpoint", case, "-o", path).code == 0
    return path


def test_a_log_that_was_cut_with_its_checkpoints_is_told_by_the_one_that_was_kept(call: Call, case: Path) -> None:
    kept = _kept(call, case)
    assert call("verify", case, "--checkpoint", kept).code == 0
    lines = (case / "audit.jsonl").read_bytes().splitlines(keepends=True)
    (case / "audit.jsonl").write_bytes(b"".join(lines[:4]))
    (case / "checkpoints.jsonl").unlink()
    said = _first(call("verify", case, "--checkpoint", kept, "--json"))
    assert said.startswith(f"{case / 'audit.jsonl'}: ")
    assert "were signed" in said


def test_a_checkpoint_that_is_none_is_said(call: Call, case: Path) -> None:
    kept = _kept(call, case)
    stored = json.loads(kept.read_text())
    for change in ({"lines": 1}, {"signature": "0" * 128}, {"extra": 1}):
        kept.write_text(json.dumps({**stored, **change}))
        answer = call("verify", case, "--checkpoint", kept)
        assert (answer.code, str(kept) in answer.err) == (5, True), change
    assert call("verify", case, "--checkpoint", case.parent / "nowhere.json").code == 2


def test_only_a_key_that_is_trusted_proves_anything(call: Call, case: Path) -> None:
    kept, own, other = _kept(call, case), case.parent / "own.pem", case.parent / "other.pem"
    told = call("installation", "-o", own, "--json").json
    other.write_bytes(pem_of(public_of(new_private_key())))
    for trust in (own, told["public_hex"]):
        assert call("verify", case, "--checkpoint", kept, "--trust", trust).code == 0
    assert call("verify", case, "--trust", own, "--trust", other).code == 0
    answer = call("verify", case, "--checkpoint", kept, "--trust", other, "--json")
    assert _first(answer).startswith(f"{kept}: is signed with key {told['key_id']}")
    assert "no checkpoint is signed" in _first(call("verify", case, "--trust", other, "--json"))
    for nonsense in (case.parent / "gate.mp4", "abc", case.parent / "nowhere.pem"):
        assert call("verify", case, "--trust", nonsense).code == 2


def test_a_strangers_checkpoint_with_a_key_of_his_own_proves_nothing(case: Path) -> None:
    """He chained the log anew and signed it: right in itself, and not signed by whom one trusts."""
    folder = CaseFolder(case)

    loaded, line = load_case(case), read_chain(case / "audit.jsonl").lines[-1]
    forged: Checkpoint = signed_checkpoint(loaded.case_id, line, new_private_key(), now=clock.utc_now())
    folder.checkpoints_file.write_bytes(forged.encoded() + b"\n")
    assert verify_case(loaded, TrustedKeys()).problems == ()
    own = frozenset({stored_checkpoints(folder).all[0].public_hex[::-1]})
    assert verify_case(loaded, TrustedKeys(trusted=own)).problems != ()


def test_verify_says_whose_signatures_there_are(call: Call, case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (before,) = call("verify", case, "--json").json["signers"]
    assert before["whose"] == "this installation"
    monkeypatch.setenv("FORENSICS_KEYS", str(case.parent / "second"))
    assert call("case", "clock", case, "gate", "--offset", 5).code == 0
    signers = {each["key_id"]: each for each in call("verify", case, "--json").json["signers"]}
    assert signers.pop(before["key_id"])["whose"] == "another installation"
    (own,) = signers.values()
    assert (own["whose"], own["checkpoints"], own["lines"] > before["lines"]) == ("this installation", 1, True)
    assert f"with key {own['key_id']} (this installation)" in call("verify", case).out


def test_one_bad_signature_is_named(call: Call, case: Path) -> None:
    known = (case / "checkpoints.jsonl").read_bytes().splitlines()
    stored = json.loads(known[0])
    stored["at_utc"] = "2020-01-01T00:00:00+00:00"
    bent = json.dumps(stored, sort_keys=True, separators=(",", ":")).encode()
    (case / "checkpoints.jsonl").write_bytes(b"\n".join([bent, *known[1:], b""]))
    assert "checkpoint 1 does not bear the signature" in _first(call("verify", case, "--json"))


def test_writing_what_is_there_already_is_no_write(tmp_path: Path) -> None:
    notes: list[tuple[str, object]] = []
    files = DecidingFiles(CaseFolder(tmp_path), lambda name, facts: notes.append((name, facts)), is_guarded=False)
    files.write(tmp_path / "case.toml", b"1")
    facts = {"files": {"case.toml": sha256_of_bytes(b"1")}}
    assert notes == [("writes", facts), ("wrote", facts)]


# ---- what the lines of a run say


def test_the_log_says_of_a_run_what_went_in_and_what_came_out(call: Call, case: Path) -> None:
    assert call("run", case, "--runner", "serial", "--quiet", "--reason", "again").code == 0
    lines, folder = read_chain(case / "audit.jsonl").lines, CaseFolder(case)
    begin = [line for line in lines if (line.kind, line.command) == ("begin", "run")][-1]
    (note,) = [line for line in lines if (line.of, line.command, line.kind) == (begin.number, "run", "note")]
    end = lines[-1]
    record = json.loads(_one(case, "runs/*/run.json").read_text())
    assert all(line.facts["version"] == version("video-forensics") for line in lines if line.kind == "begin")
    assert (begin.why, end.of, end.facts["exit_code"]) == ("again", begin.number, 0)
    assert note.facts["settings_digest"] == record["settings_digest"]
    assert note.facts["evidence"] == [item.evidence_id for item in load_evidence(folder)]
    assert note.facts["inputs"]["list of evidence"] == sha256_of_file(folder.evidence_file)
    assert end.facts["outputs"]["run"] == note.facts["run"] == record["run"]
    assert end.facts["outputs"]["manifest_sha256"] == sha256_of_file(folder.manifest)


def test_a_run_adds_few_lines_however_many_parts_it_has(call: Call, case: Path) -> None:
    def added(*options: str) -> int:
        before = len(read_chain(case / "audit.jsonl").lines)
        assert call("run", case, "--runner", "serial", "--quiet", *options).code == 0
        return len(read_chain(case / "audit.jsonl").lines) - before

    few = added("--set", "detect.min_score=0.3", "--set", "chunk.seconds=60")
    many = added("--set", "detect.min_score=0.4", "--set", "chunk.seconds=0.8")
    assert few == many < 15
