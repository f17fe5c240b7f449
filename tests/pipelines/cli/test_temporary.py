"""Temporary files: where TMPDIR says, or one plain error; decoding needs none."""

import errno
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from forensics.decoding.child import DecodingChild, Limits
from forensics.errors import CannotStart
from forensics.temporary import private_folder, temporary_folder
from testing.audit_events import fail_at
from testing.commands import Call, clip

_MOUNTED = """
mount -t tmpfs -o {options} tmpfs "$TMPDIR" || exit 99
head -c 1000000 /dev/zero > "$TMPDIR/filler" 2> /dev/null
exec "$@"
"""
_FORENSICS = [sys.executable, "-c", "from pipelines.cli.main import main; main()"]


def test_the_folder_is_that_of_tmpdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert temporary_folder() == tmp_path
    assert list(tmp_path.iterdir()) == []
    monkeypatch.delenv("TMPDIR")
    assert temporary_folder() == Path(tempfile.gettempdir())


@pytest.mark.parametrize("name", ["absent", "file"])
def test_another_folder_is_never_taken_instead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TMPDIR", str(tmp_path / name))
    with pytest.raises(CannotStart, match="cannot be written") as raised:
        temporary_folder()
    assert str(tmp_path / name) in str(raised.value)
    assert "set TMPDIR" in raised.value.next_step


def test_the_current_folder_is_no_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(CannotStart, match="the temporary folder of this machine"):
        temporary_folder()


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with fail_at("write", f"{tmp_path}*", errno.ENOSPC), pytest.raises(CannotStart, match="temporary folder is full"):
        temporary_folder()


def test_decoding_needs_no_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "absent"))
    monkeypatch.setattr(tempfile, "TemporaryFile", None)
    with DecodingChild(Limits()) as child:
        assert child.call(Path("x"), os.getpid, patience=1) == child.pid


@pytest.mark.parametrize("length", [1, 20, 28])
def test_the_longest_socket_of_a_cluster_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    """The system itself is asked whether a path is short enough for a socket."""
    from pipelines.runners import ray_cluster

    short = Path(tempfile.mkdtemp(prefix="", dir="/tmp"))
    try:
        folder = short / ("x" * max(1, length - len(str(short)) - 1))
        folder.mkdir()
        monkeypatch.setenv("TMPDIR", str(folder))
        made = ray_cluster._make_cluster_folder()
        assert made.parent == folder
        session = made / "ray" / "session_2026-05-01_10-00-00_123456_1234567" / "sockets"
        session.mkdir(parents=True)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(session / "plasma_store"))
    finally:
        subprocess.run(["rm", "-r", str(short)], check=True)


def test_a_path_that_is_too_long_for_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.runners import ray_cluster

    long = tmp_path / ("x" * 60)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    made = ray_cluster._make_cluster_folder()
    made.rmdir()
    assert made.parent == Path("/tmp")
    monkeypatch.setattr(ray_cluster, "_SHORT_FOLDER", tmp_path / "absent")
    with pytest.raises(CannotStart, match="too long for the sockets of Ray"):
        ray_cluster._make_cluster_folder()


def _can_mount() -> bool:
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False)
    return os.geteuid() == 0 and tried.returncode == 0


@pytest.mark.skipif(not _can_mount(), reason="needs the right to mount")
@pytest.mark.parametrize(("options", "said"), [("ro", "cannot be written"), ("size=64k", "is full")])
@pytest.mark.parametrize(
    "words",
    [
        ("ingest", "{case}", "{clip}", "--camera", "gate", "--dry-run"),
        ("scan", "{clip}", "--case", "{case}-2", "--dry-run"),
        ("run", "{case}", "--runner", "ray", "--workers", "1"),
    ],
)
def test_a_real_disk_that_is_full_or_read_only(
    call: Call, empty_case: Path, tmp_path: Path, *, options: str, said: str, words: tuple[str, ...]
) -> None:
    path = clip(tmp_path / "gate.mp4")
    assert call("ingest", empty_case, path, "--camera", "gate").code == 0
    (tmp_path / "t").mkdir()
    filled = [word.format(case=empty_case, clip=path) for word in words]
    answer = subprocess.run(
        ["unshare", "-m", "bash", "-c", _MOUNTED.format(options=options), "bash", *_FORENSICS, *filled],
        env={**os.environ, "TMPDIR": str(tmp_path / "t")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if answer.returncode == 99:
        pytest.skip("may not mount")
    assert answer.returncode == 6, answer.stderr
    assert f"error: {tmp_path / 't'}: " in answer.stderr
    assert said in answer.stderr
    assert "set TMPDIR" in answer.stderr


@pytest.mark.skipif(not _can_mount(), reason="needs the right to mount")
def test_a_run_needs_no_shared_memory_folder(call: Call, empty_case: Path, tmp_path: Path) -> None:
    path = clip(tmp_path / "gate.mp4")
    assert call("ingest", empty_case, path, "--camera", "gate").code == 0
    mounted = 'mount -t tmpfs -o ro tmpfs /dev/shm || exit 99; exec "$@"'
    words = ["run", str(empty_case), "--workers", "1", "--quiet"]
    answer = subprocess.run(
        ["unshare", "-m", "bash", "-c", mounted, "bash", *_FORENSICS, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if answer.returncode == 99:
        pytest.skip("may not mount")
    assert answer.returncode == 0, answer.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of another user")
def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(CannotStart, match="belongs to another user"):
        temporary_folder()


def test_a_private_folder_is_the_same_for_every_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    folder = private_folder("weights")
    assert (folder.stat().st_mode & 0o777, private_folder("weights")) == (0o700, folder)


@pytest.mark.parametrize("how", ["open to others", "a link", "of another user"])
def test_a_private_folder_that_somebody_else_made_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "of another user" and os.geteuid() != 0:
        pytest.skip("only root can make files of another user")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    taken = private_folder("weights")
    if how == "a link":
        taken.rename(tmp_path / "elsewhere")
        taken.symlink_to(tmp_path / "elsewhere")
    elif how == "open to others":
        taken.chmod(0o777)
    else:
        os.chown(taken, 65534, 65534)
    folder = private_folder("weights")
    assert folder != taken
    assert folder.stat().st_mode & 0o777 == 0o700
