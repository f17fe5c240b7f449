"""Download of registered models: resumed, checked, and every failure with its next step."""

import os
import resource
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from forensics.errors import CannotStart, Explained, IntegrityBroken
from forensics.models import download
from forensics.models.catalogue import Entry, RemoteFile
from forensics.models.digest import digest_of
from forensics.models.pull import fetch
from testing.file_server import FileServer, serve_file


@pytest.fixture
def source() -> Iterator[FileServer]:
    """Start a server on loopback that hands out one file."""
    with serve_file() as served:
        yield served


def quiet(done_bytes: int, total_bytes: int | None) -> None:
    pass


def pulled(entry: Entry, into: Path) -> Path:
    return fetch(entry, into, on_progress=quiet)


def refusal(entry: Entry, into: Path) -> Explained:
    """Return the error of a pull, which has a problem and a next step, one line each."""
    with pytest.raises(Explained) as caught:
        pulled(entry, into)
    assert "\n" not in caught.value.statement + caught.value.next_step
    assert caught.value.next_step
    return caught.value


def test_a_download_gets_its_name_when_it_is_whole(source: FileServer, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    path = fetch(source.entry(), tmp_path / "new" / "shelf", on_progress=lambda *step: seen.append(step))
    assert path.read_bytes() == source.content
    assert [file.name for file in path.parent.glob("*[!k]")] == ["net.onnx"]
    assert seen[-1] == (len(source.content), len(source.content))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_an_installed_model_is_not_downloaded_again(source: FileServer, tmp_path: Path) -> None:
    for _ in range(2):
        fetch(source.entry(), tmp_path, on_progress=quiet)
    assert source.ranges_asked == [None]


def test_a_broken_connection_is_resumed_by_the_next_pull(source: FileServer, tmp_path: Path) -> None:
    source.breaks_after = 300_000
    with pytest.raises(CannotStart, match="it resumes"):
        fetch(source.entry(), tmp_path, on_progress=quiet)
    assert not (tmp_path / "net.onnx").exists()
    assert (tmp_path / "net.onnx.part").stat().st_size == 300_000
    source.breaks_after = None
    assert fetch(source.entry(), tmp_path, on_progress=quiet).read_bytes() == source.content
    assert source.ranges_asked == [None, "bytes=300000-"]


def test_a_server_that_knows_no_ranges_starts_again(source: FileServer, tmp_path: Path) -> None:
    source.knows_ranges = False
    (tmp_path / "net.onnx.part").write_bytes(b"x" * 1000)
    assert fetch(source.entry(), tmp_path, on_progress=quiet).read_bytes() == source.content
    assert source.ranges_asked == ["bytes=1000-"]


@pytest.mark.parametrize("changes", [{"sha256": "0" * 64}, {"size_bytes": 1000}])
def test_another_file_at_the_source_is_refused_and_deleted(
    source: FileServer, tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(IntegrityBroken, match="deleted"):
        fetch(source.entry(**changes), tmp_path, on_progress=quiet)
    assert list(tmp_path.glob("net*")) == []


def test_a_corrupt_partial_download_is_deleted_and_downloaded_again(source: FileServer, tmp_path: Path) -> None:
    (tmp_path / "net.onnx.part").write_bytes(b"x" * 1000)
    with pytest.raises(IntegrityBroken):
        fetch(source.entry(), tmp_path, on_progress=quiet)
    assert fetch(source.entry(), tmp_path, on_progress=quiet).read_bytes() == source.content


def test_a_download_that_was_killed_before_it_got_its_name_is_not_repeated(source: FileServer, tmp_path: Path) -> None:
    (tmp_path / "net.onnx.part").write_bytes(source.content)
    assert pulled(source.entry(), tmp_path).read_bytes() == source.content
    assert source.ranges_asked == []


# ---- a file whose size no source states


def test_the_digest_decides_where_no_size_is_registered(source: FileServer, tmp_path: Path) -> None:
    entry = source.entry(size_bytes=None)
    seen: list[tuple[int, int | None]] = []
    fetch(entry, tmp_path, on_progress=lambda *step: seen.append(step))
    assert seen[-1] == (len(source.content), len(source.content)), "the server states the size"
    assert isinstance(refusal(source.entry(size_bytes=None, sha256="0" * 64), tmp_path / "other"), IntegrityBroken)


@pytest.mark.parametrize("states_length", [True, False])
def test_a_cut_is_resumed_where_no_size_is_registered(source: FileServer, tmp_path: Path, states_length: bool) -> None:
    entry = source.entry(size_bytes=None)
    source.breaks_after, source.states_length = 300_000, states_length
    error = refusal(entry, tmp_path)
    source.breaks_after = None
    if states_length:
        assert "300,000 of 1,048,576" in str(error)
        assert (tmp_path / "net.onnx.part").stat().st_size == 300_000
    else:  # nothing tells a cut from an end, so the digest refuses it
        assert isinstance(error, IntegrityBroken)
    assert pulled(entry, tmp_path).read_bytes() == source.content


def test_a_file_of_unknown_size_cannot_fill_the_disk(
    source: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_LARGEST_BYTES", 500_000)
    source.states_length = False
    assert "got 500,001 bytes" in str(refusal(source.entry(size_bytes=None), tmp_path))


# ---- failures, each with its next step


def test_without_a_network_the_error_says_what_to_do(tmp_path: Path) -> None:
    gone = RemoteFile("net.onnx", "http://127.0.0.1:9/net.onnx", "0", 1)
    error = refusal(Entry("net", "detect", "onnx", "x", "MIT", "none", (gone,)), tmp_path)
    assert (type(error), error.where) == (CannotStart, gone.source)
    assert "refused" in error.problem
    assert f"place the file at {tmp_path / 'net.onnx'}" in error.next_step


def test_a_name_that_cannot_be_looked_up(tmp_path: Path) -> None:
    gone = RemoteFile("net.onnx", "http://no-such-host.invalid/net.onnx", "0", 1)
    error = refusal(Entry("net", "detect", "onnx", "x", "MIT", "none", (gone,)), tmp_path)
    assert (type(error), "HTTPS_PROXY" in error.next_step) == (CannotStart, True)


@pytest.mark.parametrize("status", [403, 404, 407, 500])
def test_an_answer_other_than_the_file(source: FileServer, tmp_path: Path, status: int) -> None:
    source.status = status
    error = refusal(source.entry(), tmp_path)
    assert (type(error), f"the server answered {status}" in error.problem) == (CannotStart, True)


@pytest.mark.parametrize("page_type", ["text/html", "application/octet-stream"])
def test_a_web_page_in_place_of_the_file(source: FileServer, tmp_path: Path, page_type: str) -> None:
    source.page, source.page_type = b"\n<!DOCTYPE html><title>Please sign in</title>", page_type
    error = refusal(source.entry(size_bytes=None), tmp_path)
    assert (type(error), "a web page came instead" in error.problem) == (CannotStart, True)
    assert "HTTPS_PROXY" in error.next_step
    assert list(tmp_path.glob("net*")) == []


def test_a_web_page_costs_nothing_of_a_partial_download(source: FileServer, tmp_path: Path) -> None:
    (tmp_path / "net.onnx.part").write_bytes(source.content[:400_000])
    source.page = b"<html>Please sign in</html>"
    refusal(source.entry(), tmp_path)
    source.page = None
    assert pulled(source.entry(), tmp_path).read_bytes() == source.content
    assert source.ranges_asked == ["bytes=400000-"] * 2


def test_a_disk_that_is_full_while_it_is_written(source: FileServer, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        error = refusal(source.entry(), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (type(error), "no space for the model" in error.problem, error.where) == (CannotStart, True, tmp_path)
    assert "--into" in error.next_step


def test_too_little_space_is_refused_before_anything_is_written(
    source: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = download.shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage)
    error = refusal(source.entry(), tmp_path)
    assert "1,048,576 bytes needed, 1,000,000 free" in error.problem
    assert list(tmp_path.glob("net*")) == []


def test_a_folder_that_may_not_be_written(source: FileServer, tmp_path: Path) -> None:
    folder = Path("/sys/kernel/forensics") if os.geteuid() == 0 else tmp_path / "locked" / "models"
    if os.geteuid():
        folder.parent.mkdir(mode=0o500)
    error = refusal(source.entry(), folder)
    assert (type(error), "no permission" in error.problem, error.where) == (CannotStart, True, folder)
    assert "FORENSICS_MODELS" in error.next_step


def test_a_folder_that_is_a_file(source: FileServer, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("")
    error = refusal(source.entry(), tmp_path / "models")
    assert (type(error), "cannot be written" in error.problem) == (CannotStart, True)


# ---- folders, and two at once


def test_a_folder_appears_only_when_all_its_files_are_right(source: FileServer, tmp_path: Path) -> None:
    good = source.entry().files[0]
    files = tuple(RemoteFile(name, good.source, good.sha256, good.size_bytes) for name in ("net.xml", "net.bin"))
    spoilt = (files[0], RemoteFile("net.bin", good.source, "0" * 64, good.size_bytes))
    with pytest.raises(IntegrityBroken):
        fetch(Entry("net", "detect", "openvino", "x", "MIT", "none", spoilt), tmp_path, on_progress=quiet)
    assert not (tmp_path / "net").exists()
    entry = Entry("net", "detect", "openvino", "x", "MIT", "none", files)
    path = fetch(entry, tmp_path, on_progress=quiet)
    assert digest_of(path) == entry.sha256
    assert len(source.ranges_asked) == 3
    assert list(tmp_path.glob("*.part")) == []


def test_an_altered_model_is_not_overwritten(source: FileServer, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"someone's")
    with pytest.raises(IntegrityBroken, match="remove it"):
        fetch(source.entry(), tmp_path, on_progress=quiet)
    assert (tmp_path / "net.onnx").read_bytes() == b"someone's"


def test_two_processes_share_one_download(source: FileServer, tmp_path: Path) -> None:
    entry = source.entry()
    with ThreadPoolExecutor(4) as pool:  # locks of descriptors hold between threads too
        paths = list(pool.map(lambda _: pulled(entry, tmp_path), range(4)))
    assert {path.read_bytes() for path in paths} == {source.content}
    assert source.ranges_asked == [None]


# ---- a folder of models that other users can write to

_VICTIM: Final = b"evidence"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A private file outside the folder of models, which no pull may change."""
    path = tmp_path / "gate.mp4"
    path.write_bytes(_VICTIM)
    path.chmod(0o600)
    return path


def assert_untouched(victim: Path) -> None:
    assert victim.read_bytes() == _VICTIM
    assert stat.S_IMODE(victim.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["net.onnx.part", ".net.lock"])
@pytest.mark.parametrize("knows_ranges", [True, False])
def test_nothing_is_written_through_a_link(
    source: FileServer, tmp_path: Path, victim: Path, name: str, knows_ranges: bool
) -> None:
    source.knows_ranges = knows_ranges
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / name).symlink_to(victim)
    error = refusal(source.entry(), folder)
    assert (type(error), error.where, "remove it" in error.next_step) == (CannotStart, folder / name, True)
    assert_untouched(victim)
    (folder / name).unlink()
    assert pulled(source.entry(), folder).read_bytes() == source.content


@pytest.mark.parametrize("name", ["net.onnx.part", ".net.lock"])
def test_nothing_is_made_where_a_link_leads(source: FileServer, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / name).symlink_to(tmp_path / "new")
    assert isinstance(refusal(source.entry(), folder), CannotStart)
    assert not (tmp_path / "new").exists()


def test_a_partial_file_with_a_second_name_is_refused(source: FileServer, tmp_path: Path, victim: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "net.onnx.part").hardlink_to(victim)
    assert "hard link" in refusal(source.entry(), folder).problem
    assert_untouched(victim)


@pytest.mark.parametrize("name", ["net.onnx.part", ".net.lock"])
def test_a_pipe_is_refused_and_not_waited_for(source: FileServer, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    assert "no regular file" in refusal(source.entry(), tmp_path).problem


def test_a_pipe_in_place_of_a_model_is_refused(source: FileServer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "net.onnx")
    error = refusal(source.entry(), tmp_path)
    assert (type(error), error.where) == (IntegrityBroken, tmp_path / "net.onnx")


def folder_entry(source: FileServer) -> Entry:
    """Return an entry that is a folder of two files."""
    good = source.entry().files[0]
    files = tuple(RemoteFile(name, good.source, good.sha256, good.size_bytes) for name in ("net.xml", "net.bin"))
    return Entry("net", "detect", "openvino", "x", "MIT", "none", files)


def test_no_folder_is_filled_through_a_link(source: FileServer, tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "models"
    elsewhere.mkdir()
    folder.mkdir()
    (folder / "net.part").symlink_to(elsewhere)
    assert isinstance(refusal(folder_entry(source), folder), CannotStart)
    assert list(elsewhere.iterdir()) == []


def test_the_mode_of_what_a_link_leads_to_stays(source: FileServer, tmp_path: Path, victim: Path) -> None:
    staging = tmp_path / "models" / "net.part"
    staging.mkdir(parents=True)
    (staging / "more").symlink_to(victim)
    assert isinstance(refusal(folder_entry(source), tmp_path / "models"), CannotStart)
    assert_untouched(victim)
