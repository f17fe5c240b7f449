"""Lists of evidence are saved now and then: the cost is linear, and nothing that was done is lost in an orderly end."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from forensics.custody.case_folder import CaseFolder
from forensics.decoding.child import Limits
from forensics.errors import UsageError
from forensics.footage.evidence import Source, Verdict
from forensics.tables.evidence import load_evidence, load_sources
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.intake import evidence_lists
from pipelines.intake.evidence_lists import EvidenceLists
from pipelines.intake.ingest import ingest
from pipelines.intake.ingest_item import IngestItem
from testing.commands import Call, clip, new_case

_N_CLIPS = 12


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of clips that differ in one box without content; nothing in it may be changed."""
    folder = tmp_path_factory.mktemp("clips")
    content = clip(folder / "0.mp4", n_frames=2).read_bytes()
    for number in range(_N_CLIPS):
        name = b"%08d" % number
        (folder / f"{number}.mp4").write_bytes(content + struct.pack(">I", 8 + len(name)) + b"free" + name)
    return folder


def _n_writes(case: Path) -> int:
    lines = (json.loads(line) for line in (case / "audit.jsonl").read_text().splitlines())
    return sum(line["command"] == "writes" for line in lines)


def test_many_files_are_saved_together(call: Call, empty_case: Path, clips: Path) -> None:
    before = _n_writes(empty_case)
    assert call("ingest", empty_case, clips, "--camera", "gate").code == 0
    assert _n_writes(empty_case) == before + 1
    assert len(load_sources(CaseFolder.at(empty_case))) == len(load_evidence(CaseFolder.at(empty_case))) == _N_CLIPS
    assert call("verify", empty_case).code == 0


def test_what_is_saved_does_not_depend_on_when(
    call: Call, empty_case: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other_case = new_case(call, tmp_path / "other")
    assert call("ingest", empty_case, clips, "--camera", "gate").code == 0
    monkeypatch.setattr(evidence_lists, "_SHORTEST_PAUSE_S", 0)
    monkeypatch.setattr(evidence_lists, "_PAUSE_PER_SAVE", 0)
    assert call("ingest", other_case, clips, "--camera", "gate").code == 0
    assert _n_writes(other_case) == _n_writes(empty_case) + _N_CLIPS - 1
    for name in ("evidence.parquet", "sources.parquet"):
        assert (empty_case / "evidence" / name).read_bytes() == (other_case / "evidence" / name).read_bytes()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), UsageError("broken", "mend it"), OSError("the disk")])
def test_an_interrupted_ingest_keeps_what_it_did(
    call: Call, empty_case: Path, clips: Path, error: BaseException
) -> None:
    done: list[Source] = []

    def stop_after_three(source: Source) -> None:
        done.append(source)
        if len(done) == 3:
            raise error

    items = [IngestItem(path, "gate") for path in sorted(clips.iterdir())]
    with pytest.raises(type(error)), open_session(empty_case, "ingest", need=Need.WORK) as session, session.lock():
        ingest(session.files, items, limits=Limits(), on_source=stop_after_three)
    assert load_sources(CaseFolder.at(empty_case)) == done
    assert call("verify", empty_case).code == 0


def test_a_killed_ingest_is_repeated_by_the_next(call: Call, empty_case: Path, clips: Path) -> None:
    words = [sys.executable, "-c", "from pipelines.cli.main import main; main()", "ingest", str(empty_case)]
    with subprocess.Popen(
        [*words, str(clips), "--camera", "gate"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=os.environ
    ) as process:
        while process.poll() is None and sum(1 for _ in empty_case.glob("evidence/index/*")) < _N_CLIPS // 2:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert call("ingest", empty_case, clips, "--camera", "gate").code == 0
    assert len(load_sources(CaseFolder.at(empty_case))) == _N_CLIPS
    assert call("verify", empty_case).code == 0


# ---- the list of sources, without a case


def _source(path: str, evidence_id: str | None, camera: str = "gate") -> Source:
    verdict = Verdict.REJECTED if evidence_id is None else Verdict.OK
    return Source(Path(path), evidence_id, camera, verdict, "")


def _listed(*sources: Source) -> list[tuple[str, str | None, str]]:
    lists = EvidenceLists(CaseFolder(Path("/nowhere")), {})
    for source in sources:
        lists.add_source(source)
    return [(str(each.path), each.evidence_id, each.camera_id) for each in lists.sources]


def test_a_source_given_again_is_listed_once_and_last() -> None:
    first, second = _source("/a", "1"), _source("/b", "2")
    assert _listed(first, second, first) == [("/b", "2", "gate"), ("/a", "1", "gate")]


def test_other_bytes_and_other_cameras_are_other_sources() -> None:
    sources = (_source("/a", "1"), _source("/a", "2"), _source("/a", "1", "hall"), _source("/a", None, "hall"))
    assert _listed(*sources) == [("/a", "1", "gate"), ("/a", "2", "gate"), ("/a", "1", "hall")]


def test_a_path_that_can_be_read_at_last_is_no_longer_rejected() -> None:
    assert _listed(_source("/a", None), _source("/a", "1")) == [("/a", "1", "gate")]
