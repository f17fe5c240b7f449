"""Errors of the command line: each names the place, what was expected and the next step, and nothing is lost."""

import ctypes
import errno
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import forensics
from forensics.custody.case_folder import CaseFolder
from forensics.custody.mandate import Mandate, Mode
from forensics.decoding.child import Limits
from forensics.errors import IntegrityBroken
from forensics.footage.evidence import Verdict
from forensics.tables.evidence import load_evidence, load_sources
from pipelines.custody.case_store import make_case
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.intake.ingest import ingest
from pipelines.intake.ingest_item import IngestItem
from testing.audit_events import fail_at
from testing.commands import Call, clip
from testing.painted.damage import cut_tail
from testing.painted.encode import Recipe, encode

_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 24, 1, 2
_FORENSICS = (sys.executable, "-c", "from pipelines.cli.main import main; main()")
_RAY_LIMIT_S = 30
_SERIAL = ("--runner", "serial", "--quiet")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One clip that can be read."""
    return clip(tmp_path_factory.mktemp("whole") / "whole.mp4")


@pytest.fixture(scope="module")
def filled_once(tmp_path_factory: pytest.TempPathFactory, whole: Path) -> Path:
    """Make a case with one clip; tests copy it."""
    root = tmp_path_factory.mktemp("filled") / "case"
    case = make_case(root, Mandate(Mode.SCENE, title="", purpose="p", operator="o"), now=datetime.now(UTC))
    with open_session(case.folder.root, "ingest", need=Need.WORK) as session:
        ingest(session.files, [IngestItem(whole, "gate")], limits=Limits(), on_source=lambda _: None)
    return root


@pytest.fixture(scope="module")
def seen_clip_once(filled_once: Path) -> Path:
    """Run a copy of the case with one clip; tests copy it."""
    root = Path(shutil.copytree(filled_once, filled_once.with_name("seen")))
    subprocess.run([*_FORENSICS, "run", root, *_SERIAL], check=True, capture_output=True)
    return root


@pytest.fixture
def filled(filled_once: Path, tmp_path: Path) -> Path:
    """A case with one clip of the camera `gate`."""
    return Path(shutil.copytree(filled_once, tmp_path / "filled"))


@pytest.fixture
def seen_clip(seen_clip_once: Path, tmp_path: Path) -> Path:
    """The same case after a run."""
    return Path(shutil.copytree(seen_clip_once, tmp_path / "seen"))


# ---- footage that gives nothing, each with the word that stands in the table


def _missing(folder: Path, _: Path) -> Path:
    (folder / "absent.mp4").symlink_to("elsewhere.mp4")
    return folder / "absent.mp4"


def _no_media(folder: Path, _: Path) -> Path:
    (folder / "papers").mkdir()
    (folder / "papers" / "notes.txt").write_text("nothing to see")
    return folder / "papers"


def _zero_bytes(folder: Path, _: Path) -> Path:
    (folder / "zero.mp4").touch()
    return folder / "zero.mp4"


def _text(folder: Path, _: Path) -> Path:
    (folder / "text.mp4").write_text("this is not a video\n" * 200)
    return folder / "text.mp4"


def _renamed_picture(folder: Path, _: Path) -> Path:
    Image.new("RGB", (64, 48), "red").save(folder / "picture.mp4", format="JPEG")
    return folder / "picture.mp4"


def _random_bytes(folder: Path, _: Path) -> Path:
    (folder / "noise.mp4").write_bytes(np.random.default_rng(5).bytes(20_000))
    return folder / "noise.mp4"


def _audio_only(folder: Path, _: Path) -> Path:
    path = folder / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 8000
        container.mux(stream.encode(silence))
        container.mux(stream.encode())
    return path


def _index_lost(folder: Path, whole: Path) -> Path:
    """An MP4 whose index stood at the end and was never written."""
    return cut_tail(Path(shutil.copy(whole, folder / "cut.mp4")), 0.6)


def _renamed_codec(path: Path, whole: Path, fourcc: bytes) -> Path:
    content = whole.read_bytes()
    assert content.count(b"avc1") >= 1
    entry = content.index(b"avc1", content.index(b"stsd"))
    path.write_bytes(content[:entry] + fourcc + content[entry + 4 :])
    return path


def _encrypted(folder: Path, whole: Path) -> Path:
    return _renamed_codec(folder / "encrypted.mp4", whole, b"encv")


def _unknown_codec(folder: Path, whole: Path) -> Path:
    return _renamed_codec(folder / "unknown.mp4", whole, b"zzzz")


Broken = Callable[[Path, Path], Path]

_NO_DIGEST: tuple[tuple[Broken, str], ...] = (
    (_missing, "missing"),
    (_no_media, "no_media"),
    (_zero_bytes, "empty"),
)
_WITH_DIGEST = (
    (_text, "not_media"),
    (_renamed_picture, "not_media"),
    (_random_bytes, "not_media"),
    (_audio_only, "no_video"),
    (_index_lost, "no_header"),
    (_encrypted, "no_decoder"),
    (_unknown_codec, "no_decoder"),
)


@pytest.mark.parametrize(("broken", "word"), _NO_DIGEST)
def test_footage_without_a_digest_is_in_sources_only(
    call: Call, empty_case: Path, whole: Path, *, broken: Broken, word: str, tmp_path: Path
) -> None:
    path = broken(tmp_path, whole)
    answer = call("ingest", empty_case, path, "--camera", "gate", "--json")
    assert answer.code == 4
    (row,) = answer.json["sources"]
    assert (row["verdict"], row["evidence_id"], row["path"]) == ("rejected", None, str(path))
    assert row["reason"].startswith(f"{word}: ")
    assert load_evidence(CaseFolder.at(empty_case)) == []


@pytest.mark.parametrize(("broken", "word"), _WITH_DIGEST)
def test_unreadable_footage_with_a_digest_is_in_evidence_too(
    call: Call, empty_case: Path, whole: Path, *, broken: Broken, word: str, tmp_path: Path
) -> None:
    path = broken(tmp_path, whole)
    before = path.read_bytes()
    answer = call("ingest", empty_case, path, "--camera", "gate", "--json")
    assert answer.code == 4
    (row,) = answer.json["sources"]
    (evidence,) = load_evidence(CaseFolder.at(empty_case))
    assert (row["verdict"], row["evidence_id"]) == ("rejected", evidence.evidence_id)
    assert evidence.verdict is Verdict.REJECTED
    assert evidence.reason.startswith(f"{word}: ")
    assert evidence.readable is None
    assert path.read_bytes() == before


def test_a_cut_file_with_its_index_in_front_is_read_as_far_as_it_goes(
    call: Call, empty_case: Path, tmp_path: Path
) -> None:
    recipe = Recipe(options={"preset": "ultrafast"}, container_options={"movflags": "faststart"})
    path = cut_tail(encode(tmp_path / "cut.mp4", recipe, [Fraction(n, 25) for n in range(60)]), 0.6)
    answer = call("ingest", empty_case, path, "--camera", "gate", "--json")
    assert answer.code == 4
    (evidence,) = load_evidence(CaseFolder.at(empty_case))
    assert evidence.verdict is Verdict.PARTIAL
    assert "60 frames" in evidence.reason
    assert call("run", empty_case, *_SERIAL).code == 4


def test_a_case_with_unreadable_footage_only_cannot_be_run(call: Call, tmp_path: Path) -> None:
    answer = call("scan", _text(tmp_path, tmp_path), "--case", tmp_path / "case", *_SERIAL)
    assert answer.code == 6
    assert "no readable footage" in answer.err
    assert "forensics ingest" in answer.err


def _without_rights_of_root() -> None:
    """Drop root's rights, so that programs started from now on cannot read files whose mode forbids it."""
    for right in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, right, 0, 0, 0)


def test_no_read_permission(whole: Path, tmp_path: Path) -> None:
    secret = Path(shutil.copy(whole, tmp_path / "secret.mp4"))
    secret.chmod(0)
    if (
        subprocess.run(["cat", secret], preexec_fn=_without_rights_of_root, capture_output=True, check=False).returncode
        == 0
    ):
        pytest.skip("this user may read everything and cannot give that up")
    answer = subprocess.run(
        [*_FORENSICS, "scan", secret, "--case", tmp_path / "case", *_SERIAL],
        preexec_fn=_without_rights_of_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in answer.stderr
    assert answer.returncode == 6
    (source,) = load_sources(CaseFolder.at(tmp_path / "case"))
    assert source.reason.startswith("no_permission: ")


def test_one_bad_file_among_ten_costs_one_row(call: Call, empty_case: Path, tmp_path: Path) -> None:
    clips = [clip(tmp_path / f"{n}.mp4", n_frames=6, seed=n) for n in range(9)]
    bad = _random_bytes(tmp_path, tmp_path)
    answer = call("ingest", empty_case, *clips[:4], bad, *clips[4:], "--camera", "gate", "--json")
    assert answer.code == 4
    assert [row["verdict"] for row in answer.json["sources"]] == ["ok"] * 4 + ["rejected"] + ["ok"] * 5
    assert call("run", empty_case, *_SERIAL).code == 4
    for table in ("sources", "evidence"):
        rows = call("query", empty_case, table, "--json").json["rows"]
        assert len(rows) == 10
        (rejected,) = [row for row in rows if row["verdict"] != "ok"]
        assert rejected["path"] == str(bad)
        assert rejected["reason"].startswith("not_media: ")
        assert rejected["evidence_id"]
    covered = call("query", empty_case, "coverage", "--json").json["rows"]
    assert sum(row["stop_frame"] - row["start_frame"] for row in covered) == 54
    assert str(bad) in call("status", empty_case).out


# ---- names


@pytest.mark.parametrize(
    "name", ["with space.mp4", "Überwachung 東門 🚲.mp4", "two\nlines.mp4", "-dash.mp4", "a:b|c.mp4"]
)
def test_unusual_file_names_are_accepted(call: Call, empty_case: Path, whole: Path, tmp_path: Path, name: str) -> None:
    path = Path(shutil.copy(whole, tmp_path / name))
    answer = call("ingest", empty_case, path, "--camera", "gate", "--json")
    assert answer.code == 0
    assert answer.json["sources"][0]["path"] == str(path)
    assert [item.path for item in load_evidence(CaseFolder.at(empty_case))] == [path]
    assert len(call("ingest", empty_case, path, "--camera", "gate").out.splitlines()) == 2


def test_a_name_that_is_no_text_costs_one_row(call: Call, empty_case: Path, whole: Path, tmp_path: Path) -> None:
    undecodable = Path(shutil.copy(whole, tmp_path / os.fsdecode(b"gate\xff.mp4")))
    answer = call("ingest", empty_case, undecodable, whole, "--camera", "gate", "--json")
    assert answer.code == 4
    assert [row["verdict"] for row in answer.json["sources"]] == ["rejected", "ok"]
    assert answer.json["sources"][0]["reason"].startswith("bad_name: ")
    assert "rename" in answer.json["sources"][0]["reason"]


def test_the_same_file_twice_is_one_evidence(call: Call, empty_case: Path, whole: Path) -> None:
    answer = call("ingest", empty_case, whole, whole, "--camera", "gate")
    assert answer.code == 0
    folder = CaseFolder.at(empty_case)
    assert (len(load_sources(folder)), len(load_evidence(folder))) == (1, 1)


def test_the_same_bytes_for_two_cameras_are_refused_and_the_rest_is_taken(
    call: Call, filled: Path, whole: Path, tmp_path: Path
) -> None:
    twin = Path(shutil.copy(whole, tmp_path / "twin.mp4"))
    other = clip(tmp_path / "other.mp4", seed=3)
    answer = call("ingest", filled, twin, other, "--camera", "hall")
    assert answer.code == 2
    for said in (str(twin), str(whole), "'gate'", "'hall'", "forensics evidence camera"):
        assert said in answer.err
    assert {item.camera_id for item in load_evidence(CaseFolder.at(filled))} == {"gate", "hall"}


# ---- models and settings


def test_a_model_that_is_not_there(call: Call, filled: Path) -> None:
    answer = call("run", filled, "--model", "nowhere.onnx", *_SERIAL)
    assert answer.code == 6
    assert "nowhere.onnx" in answer.err
    assert "forensics models pull" in answer.err
    assert "yolo11n" in answer.err
    assert "face" not in answer.err, "no detector of people is offered that looks for faces"


def test_a_scan_asks_for_the_model_before_it_reads_footage(call: Call, whole: Path, tmp_path: Path) -> None:
    answer = call("scan", whole, "--case", tmp_path / "case", "--model", "nowhere.onnx", *_SERIAL)
    assert answer.code == 6
    assert not (tmp_path / "case").exists()


def test_a_model_that_never_ran_is_not_the_next_runs_model(call: Call, filled: Path, tmp_path: Path) -> None:
    (tmp_path / "fake.onnx").write_text("no network")
    answer = call("run", filled, "--model", tmp_path / "fake.onnx", *_SERIAL)
    assert answer.code == 6, answer.err
    answer = call("run", filled, *_SERIAL)
    assert (answer.code, "fake" in answer.err) == (0, False)


def test_a_model_with_another_digest_than_registered(call: Call, filled: Path, tmp_path: Path) -> None:
    fake = tmp_path / "yolox_nano.onnx"
    fake.write_bytes(b"other weights")
    answer = call("run", filled, "--model", fake, *_SERIAL)
    assert answer.code == 5
    assert str(fake) in answer.err
    assert "yolox_nano is registered with" in answer.err


@pytest.mark.parametrize(
    ("assignment", "what", "known"),
    [
        ("detect.min_score=7", "--set detect.min_score", "number 0 to 1"),
        ("detect.classes=unicorn", "unicorn", "person"),
    ],
)
def test_an_invalid_setting(call: Call, filled: Path, *, assignment: str, what: str, known: str) -> None:
    answer = call("run", filled, "--set", assignment, *_SERIAL)
    assert answer.code == 2
    assert what in answer.err
    assert known in answer.err
    assert not (filled / "tables").exists()


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_profile_that_is_no_file(call: Call, filled: Path, tmp_path: Path, name: str) -> None:
    answer = call("run", filled, "--profile", tmp_path / name, *_SERIAL)
    assert answer.code == 2
    assert "configs holds examples" in answer.err


@pytest.mark.parametrize("rate", ["fast", "0", "-25", "nan", "inf", "25/0"])
def test_an_invalid_rate(call: Call, empty_case: Path, whole: Path, rate: str) -> None:
    answer = call("ingest", empty_case, whole, "--camera", "gate", "--fps", rate)
    assert answer.code == 2
    assert rate in answer.err


def test_one_start_for_two_files(call: Call, empty_case: Path, whole: Path, tmp_path: Path) -> None:
    other = clip(tmp_path / "other.mp4", seed=1)
    answer = call("ingest", empty_case, whole, other, "--camera", "gate", "--start", "2026-05-01T10:00:00Z")
    assert answer.code == 2
    assert all(said in answer.err for said in (whole.name, other.name, "--start from-name", "--list"))
    assert load_evidence(CaseFolder.at(empty_case)) == []


# ---- the case


def test_a_case_in_a_folder_whose_name_is_no_text(call: Call, tmp_path: Path) -> None:
    named = tmp_path / os.fsdecode(b"caf\xe9")
    for root in (named, named / "my-case"):
        for words in (("case", "init", root, "--purpose", "x", "--operator", "A. Ahmed"), ("query", root)):
            answer = call(*words)
            assert (answer.code, "are not UTF-8" in answer.err) == (2, True), answer.err
    assert not named.exists()


def test_a_case_that_exists_already(call: Call, empty_case: Path) -> None:
    before = (empty_case / "case.toml").read_bytes()
    answer = call("case", "init", empty_case, "--purpose", "another", "--operator", "B. Bauer")
    assert answer.code == 2
    assert "this folder holds a case already" in answer.err
    assert (empty_case / "case.toml").read_bytes() == before


def test_a_folder_that_is_not_empty(call: Call, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    answer = call("case", "init", tmp_path, "--purpose", "p", "--operator", "o")
    assert answer.code == 2
    assert "this folder is not empty" in answer.err
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("missing", ["--purpose", "--operator"])
def test_a_case_without_a_reason_or_a_name(call: Call, tmp_path: Path, missing: str) -> None:
    given = {"--purpose": "p", "--operator": "o"}
    left = [word for name, value in given.items() if name != missing for word in (name, value)]
    assert call("case", "init", tmp_path / "case", *left).code == 2
    blank = call("case", "init", tmp_path / "case", *left, missing, "  ")
    assert blank.code == 2
    assert missing in blank.err
    assert not (tmp_path / "case").exists()


@pytest.mark.parametrize("end", ["9999-12-31", "9999-12-30", "9999-12-31T23:00:00-05:00", "0001-01-01T00:00:00+05:00"])
def test_an_end_that_is_out_of_the_calendar(call: Call, tmp_path: Path, end: str) -> None:
    answer = call("case", "init", tmp_path / "case", "--purpose", "p", "--operator", "o", "--expires", end)
    assert answer.code == 2
    assert "--expires" in answer.err
    assert "out of range" in answer.err
    assert not (tmp_path / "case").exists()


@pytest.mark.parametrize("end", ["2200-01-01", "9000-12-31", "9000-12-31T23:59:59-05:00"])
def test_an_end_in_the_far_future(call: Call, tmp_path: Path, end: str) -> None:
    answer = call("case", "init", tmp_path / "case", "--purpose", "p", "--operator", "o", "--expires", end)
    assert answer.code == 2
    assert "a hundred years" in answer.err
    assert not (tmp_path / "case").exists()


@pytest.mark.parametrize("name", ["A.\u200b Ahmed", "\u0410. Ahmed"])
def test_an_operator_whose_name_looks_like_another_is_refused(call: Call, tmp_path: Path, name: str) -> None:
    answer = call("case", "init", tmp_path / "case", "--purpose", "p", "--operator", name)
    assert answer.code == 2
    assert "one alphabet" in answer.err
    assert not (tmp_path / "case").exists()


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("31.5.2026", "'31.5.2026' is not a day"),
        ("2026-01-01", "--expires 2026-01-01 is in the past"),
        ("2026-01-01T10:00:00", "no time zone"),
    ],
)
def test_an_invalid_last_day(call: Call, tmp_path: Path, day: str, said: str) -> None:
    answer = call("case", "init", tmp_path / "case", "--purpose", "p", "--operator", "o", "--expires", day)
    assert (answer.code, said in answer.err) == (2, True)


@pytest.mark.parametrize("command", ["status", "query", "verify", "run", "show", "cancel"])
def test_a_folder_that_is_no_case(call: Call, tmp_path: Path, command: str) -> None:
    group = ["case"] if command == "show" else []
    answer = call(*group, command, tmp_path)
    assert answer.code == 2
    assert "not a case" in answer.err
    assert "forensics case init" in answer.err


@pytest.mark.parametrize("command", [("sweep",), ("report", "--annual", "2026")])
@pytest.mark.parametrize(("name", "said"), [("absent", "this folder does not exist"), ("file", "not a folder")])
def test_a_folder_of_cases_that_does_not_exist(
    call: Call, tmp_path: Path, *, command: tuple[str, ...], name: str, said: str
) -> None:
    (tmp_path / "file").touch()
    answer = call("case", *command, tmp_path / name)
    assert answer.code == 2
    assert str(tmp_path / name) in answer.err
    assert said in answer.err


@pytest.mark.parametrize(("content", "code"), [(b"mode = [", 2), (b"mode = [\xff", 5)])
def test_a_corrupt_case_file(call: Call, empty_case: Path, content: bytes, code: int) -> None:
    """An editor may leave a wrong line, but not bytes that are no text."""
    (empty_case / "case.toml").write_bytes(content)
    answer = call("status", empty_case)
    assert answer.code == code
    assert str(empty_case / "case.toml") in answer.err
    assert "restore" in answer.err


@pytest.mark.parametrize("field", ["mode", "purpose", "operator", "created_utc"])
def test_a_case_that_lacks_a_field_is_not_authorised(call: Call, filled: Path, field: str) -> None:
    _rewrite(filled, lambda line: "" if line.startswith(f"{field} =") else line)
    answer = call("run", filled, *_SERIAL)
    assert answer.code == 3
    assert field in answer.err


_WRONG_CASE_LINES = (
    ("created_utc = 2026-05-01T10:00:00Z", 'created_utc = "yesterday"', "created_utc"),
    ("[cameras]", "[cameras.gate]\noffset_ms = 'soon'\n", "offset_ms"),
    ("[cameras]", "[cameras.gate]\nhue = 5\n", "hue"),
    ("[cameras]", "[cameras]\ngate = 5\n", "gate"),
    ('mode = "scene"', 'mode = "everything"', "everything"),
    ('mode = "scene"', "mode = 5", "mode"),
    ('mode = "scene"', 'mode = "scene"\nexpires_utc = 9999-12-30T00:00:00Z', "expires_utc"),
)


@pytest.mark.parametrize(("line", "wrong", "said"), _WRONG_CASE_LINES)
def test_a_case_file_with_a_value_that_does_not_fit(
    call: Call, filled: Path, *, line: str, wrong: str, said: str
) -> None:
    start = line.partition(" =")[0]
    _rewrite(filled, lambda old: wrong if old.startswith(start) else old)
    answer = call("case", "show", filled)
    assert answer.code == 2
    assert str(filled / "case.toml") in answer.err
    assert said in answer.err


def _rewrite(case: Path, change: Callable[[str], str]) -> None:
    path = case / "case.toml"
    path.write_text("\n".join(change(line) for line in path.read_text().splitlines()))


def test_a_case_that_another_process_holds(call: Call, filled: Path, whole: Path) -> None:
    with (filled / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process 4711")
        lock.flush()
        for arguments in (("run", filled, *_SERIAL), ("ingest", filled, whole, "--camera", "gate")):
            answer = call(*arguments)
            assert answer.code == 6
            assert "process 4711" in answer.err
            assert "wait" in answer.err


def test_nothing_published_yet(call: Call, filled: Path, tmp_path: Path) -> None:
    for arguments in (("query", filled), ("export", "mot", filled, "-o", tmp_path / "mot")):
        answer = call(*arguments)
        assert answer.code == 2
        assert "nothing was published yet" in answer.err
        assert "forensics run" in answer.err
    assert call("status", filled).code == 0
    assert call("verify", filled).code == 0


def test_a_full_disk(call: Call, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(filled)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    answer = call("run", filled, *_SERIAL)
    assert answer.code == 6
    assert str(filled) in answer.err
    assert "1 MiB are free" in answer.err
    assert not (filled / "tables").exists()


def test_a_disk_that_is_full_when_footage_is_added(call: Call, empty_case: Path, whole: Path) -> None:
    with fail_at("write", f"{empty_case}/evidence/.evidence.parquet.*", errno.ENOSPC):
        answer = call("ingest", empty_case, whole, "--camera", "gate")
    assert answer.code == 6
    assert "No space left on device" in answer.err
    assert "same command again" in answer.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "mot", "{case}", "-o", "{file}"),
        ("case", "init", "{file}/case", "--purpose", "p", "--operator", "o"),
    ],
)
def test_a_place_that_cannot_be_written(
    call: Call, seen_clip: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_text("a file, not a folder")
    filled_in = [text.format(case=seen_clip, file=tmp_path / "file") for text in arguments]
    answer = call(*filled_in)
    assert answer.code in (1, 2)
    assert "error:" in answer.err
    assert str(tmp_path / "file") in answer.err


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff"])
def test_a_corrupt_manifest(call: Call, seen_clip: Path, content: bytes) -> None:
    (seen_clip / "tables" / "MANIFEST.json").write_bytes(content)
    for command in ("query", "verify", "status"):
        answer = call(command, seen_clip)
        assert answer.code == 5
        assert "MANIFEST.json" in answer.err
        assert "forensics run" in answer.err


@pytest.mark.parametrize("name", ["evidence/evidence.parquet", "evidence/sources.parquet", "runs/*/run.json"])
def test_a_corrupt_record_of_a_run(call: Call, seen_clip: Path, name: str) -> None:
    (path,) = seen_clip.glob(name)
    path.write_bytes(b"{")
    answer = call("status", seen_clip)
    assert answer.code == 5
    assert str(path) in answer.err
    assert "restore" in answer.err


def test_a_published_file_that_is_gone_or_altered(call: Call, seen_clip: Path) -> None:
    path = seen_clip / "tables" / "detections.parquet"
    path.write_bytes(b"PAR1 no more")
    answer = call("query", seen_clip, "detections")
    assert answer.code == 5
    assert str(path) in answer.err
    path.unlink()
    answer = call("query", seen_clip, "detections")
    assert answer.code == 5
    assert str(path) in answer.err


def test_one_flipped_bit_of_a_published_table_is_refused_when_it_is_opened(
    call: Call, seen_clip: Path, tmp_path: Path
) -> None:
    path = seen_clip / "tables" / "detections.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)
    (evidence,) = load_evidence(CaseFolder(seen_clip))
    for words in (
        ("query", seen_clip, "detections"),
        ("export", "mot", seen_clip, "-o", tmp_path / "mot"),
        ("verify", seen_clip, "--frame", f"{evidence.evidence_id}#3"),
    ):
        answer = call(*words)
        assert (answer.code, str(path) in answer.err) == (5, True), (words, answer.err)
    with pytest.raises(IntegrityBroken, match="changed since it was published"):
        forensics.open_case(seen_clip).detections()
    assert call("query", seen_clip, "coverage").code == 0


def test_tables_whose_manifest_is_gone(call: Call, seen_clip: Path, filled: Path) -> None:
    (seen_clip / "tables" / "MANIFEST.json").unlink()
    for command in (("query", seen_clip), ("verify", seen_clip, "--frame", "a#1")):
        answer = call(*command)
        assert (answer.code, "MANIFEST.json: is missing" in answer.err) == (5, True), answer.err
    answer = call("query", filled)
    assert (answer.code, "nothing was published yet" in answer.err) == (2, True)


def test_evidence_that_was_moved_away_leaves_an_unsettled_gap(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gone.mp4", n_frames=6)
    assert call("ingest", empty_case, path, "--camera", "gate").code == 0
    path.unlink()
    answer = call("run", empty_case, *_SERIAL)
    assert answer.code == 4
    assert f"missing: {path}" in answer.out
    (row,) = call("query", empty_case, "coverage", "--json").json["rows"]
    assert (row["state"], row["settled"]) == ("gap", False)
    assert "forensics evidence relocate" in call("status", empty_case).out


# ---- the cluster


def test_a_cluster_that_does_not_answer_is_reported_in_time(filled: Path) -> None:
    began = time.monotonic()
    answer = subprocess.run(
        [*_FORENSICS, "run", filled, "--ray", "127.0.0.1:9"],
        capture_output=True,
        text=True,
        check=False,
        timeout=_RAY_LIMIT_S * 2,
    )
    assert answer.returncode == 6, answer.stderr
    assert "127.0.0.1:9" in answer.stderr
    assert "--ray" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert time.monotonic() - began < _RAY_LIMIT_S


@pytest.fixture(autouse=True)
def no_shelves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No model of this machine is found."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FORENSICS_MODELS", raising=False)


@pytest.mark.parametrize("place", ["/dev/null/case", "n" * 300])
@pytest.mark.parametrize(
    "arguments", [("case", "show"), ("run",), ("status",), ("scan", "{clip}", "--case"), ("ingest",), ("query",)]
)
def test_a_path_that_cannot_exist_is_an_invalid_argument(
    call: Call, whole: Path, place: str, arguments: tuple[str, ...]
) -> None:
    more = (whole, "--camera", "gate") if arguments == ("ingest",) else ()
    answer = call(*(each.format(clip=whole) for each in arguments), place, *more)
    assert answer.code == 2, answer.err
    assert place in answer.err


@pytest.mark.parametrize(("typed", "meant"), [("quary", "query"), ("scna", "scan"), ("watchlst", "watchlist")])
def test_an_unknown_command_names_those_spelled_alike(call: Call, typed: str, meant: str) -> None:
    answer = call(typed, "my-case")
    assert (answer.code, meant in answer.err) == (2, True), answer.err
