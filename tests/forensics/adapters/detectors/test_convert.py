"""Conversion of a published `.pt` file: from checked bytes only, without network, once, and whole or not at all."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

import numpy as np
import psutil
import pytest

from forensics.adapters.detectors import convert as converting
from forensics.adapters.detectors import convert_child
from forensics.adapters.detectors.convert import convert
from forensics.adapters.detectors.load_detector import load_detector
from forensics.detection.detections import Boxes
from forensics.detection.detector import DetectorOptions
from forensics.digests import sha256_of_file
from forensics.errors import CannotStart, IntegrityBroken
from forensics.footage.frames import Frame
from forensics.models import catalogue
from forensics.models.catalogue import Entry, RemoteFile
from forensics.models.conversion import RECORD, conversion_folder, load_conversion
from forensics.models.digest import digest_of
from forensics.models.installed import State, find_installation
from forensics.models.model_store import resolve
from testing.project import ROOT
from testing.random_network import make_random_network, noise_pictures, write_catalogue
from tests.forensics.adapters.detectors.test_neural_detectors import assert_agree

_LIMIT_S: Final = 60


def entry_of(published: Path, name: str = "yolo11n") -> Entry:
    file = RemoteFile(f"{name}.pt", "http://127.0.0.1:9/", sha256_of_file(published))
    return Entry(name, "detect", "pt", "coco80", "AGPL-3.0", "none", (file,))


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file with random weights."""
    return make_random_network(tmp_path_factory.mktemp("network") / "yolo11n.pt")


@pytest.fixture(scope="module")
def converted(network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with its conversion; tests do not change it."""
    folder = tmp_path_factory.mktemp("models")
    convert(entry_of(network), network, folder)
    return folder


# ---- the real export


def test_a_conversion_records_both_digests_and_what_made_it(network: Path, converted: Path) -> None:
    entry = entry_of(network)
    path, conversion = load_conversion(conversion_folder(converted, entry), entry)
    assert sorted(file.name for file in path.iterdir()) == ["metadata.yaml", "yolo11n.bin", "yolo11n.xml"]
    assert conversion.source_sha256 == sha256_of_file(network)
    assert conversion.network_sha256 == digest_of(path)
    assert conversion.libraries == {name: version(name) for name in ("openvino", "torch", "ultralytics")}
    assert conversion.isolation.startswith(("network namespace", "connections refused"))
    assert "date" not in (path / "metadata.yaml").read_text()
    assert not [left for left in converted.iterdir() if "converting" in left.name]


def test_the_same_file_gives_the_same_bytes(network: Path, converted: Path, tmp_path: Path) -> None:
    path = convert(entry_of(network), network, tmp_path)
    assert digest_of(path) == digest_of(converted / "yolo11n.converted" / path.name)


def test_the_conversion_finds_what_ultralytics_finds_in_the_published_file(
    network: Path, converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ultralytics.models.yolo.model import YOLO

    monkeypatch.setattr(catalogue, "CATALOGUE", write_catalogue(tmp_path / "c.toml", network, "http://x", "yolo11n"))
    monkeypatch.setenv("FORENSICS_MODELS", str(converted))
    model = resolve("yolo11n", trusted_sha256=frozenset())
    assert (model.name, model.format, model.licence) == ("yolo11n", "openvino", "AGPL-3.0")
    assert model.conversion is not None
    assert model.sha256 == model.conversion.network_sha256 != model.conversion.source_sha256
    pictures = noise_pictures(6, 640, 640, seed=9)
    detector = load_detector(model, DetectorOptions(min_score=0.25, iou=0.7))
    ours = list(detector.detect([Frame(n, n, rgb, 640, 640) for n, rgb in enumerate(pictures)], []))
    published = YOLO(str(network), task="detect")
    pairs = []
    for (_, mine), rgb in zip(ours, pictures, strict=True):
        found = published.predict(rgb[..., ::-1], conf=0.25, iou=0.7, verbose=False)[0].boxes
        theirs = Boxes(found.xyxy.numpy(), found.conf.numpy(), found.cls.numpy().astype(np.int64))
        pairs.append((mine, theirs))
    assert_agree(pairs, "openvino", at_least=101)


def test_a_file_that_is_no_network_cannot_be_converted(tmp_path: Path) -> None:
    (tmp_path / "yolo11n.pt").write_bytes(b"not a network")
    with pytest.raises(CannotStart, match=r"yolo11n.pt could not be converted.*--model yolo11n.pt"):
        convert(entry_of(tmp_path / "yolo11n.pt"), tmp_path / "yolo11n.pt", tmp_path)
    assert not [path for path in tmp_path.iterdir() if "convert" in path.name]


# ---- what is unpickled


def test_other_bytes_than_the_registered_are_never_handed_to_the_child(
    network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converting, "_run_child", lambda *_: pytest.fail("the child was started"))
    entry = entry_of(network)
    (tmp_path / "yolo11n.pt").write_bytes(network.read_bytes() + b"x")
    with pytest.raises(IntegrityBroken, match="registered is"):
        convert(entry, tmp_path / "yolo11n.pt", tmp_path)
    assert not conversion_folder(tmp_path, entry).exists()


def test_a_changed_conversion_is_refused(network: Path, converted: Path, tmp_path: Path) -> None:
    entry = entry_of(network)
    folder = conversion_folder(tmp_path, entry)
    shutil_copy(conversion_folder(converted, entry), folder)
    assert load_conversion(folder, entry)[0].is_dir()
    with pytest.raises(IntegrityBroken, match="made from a file"):
        load_conversion(folder, replace(entry, files=(replace(entry.files[0], sha256="0" * 64),)))
    weights = next(folder.rglob("*.bin"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    with pytest.raises(IntegrityBroken, match="the network has SHA-256"):
        load_conversion(folder, entry)
    with pytest.raises(IntegrityBroken):
        convert(entry, network, tmp_path)
    (folder / RECORD).write_text("{}")
    with pytest.raises(IntegrityBroken, match="cannot be read as a conversion"):
        load_conversion(folder, entry)


_DAMAGES: Final = {
    "a number for a digest": {"source_sha256": 5},
    "no digest": {"network_sha256": "0" * 63},
    "a list for the libraries": {"libraries": ["torch"]},
    "a version that is no text": {"libraries": {"torch": 2}},
    "another folder": {"network": "../elsewhere"},
    "this folder": {"network": "."},
    "no name": {"network": ""},
    "a field too many": {"more": 1},
}


@pytest.mark.parametrize("damage", [*_DAMAGES, "nesting", "a list", "no UTF-8", "a pipe", "a link", "a folder"])
def test_a_damaged_record_is_refused(network: Path, converted: Path, tmp_path: Path, damage: str) -> None:
    entry = entry_of(network)
    folder = conversion_folder(tmp_path, entry)
    shutil_copy(conversion_folder(converted, entry), folder)
    record = folder / RECORD
    stored = record.read_bytes()
    record.unlink()
    if damage in _DAMAGES:
        record.write_text(json.dumps(json.loads(stored) | _DAMAGES[damage]))
    elif damage == "nesting":
        record.write_text("[" * 100_000)
    elif damage == "a list":
        record.write_text("[]")
    elif damage == "no UTF-8":
        record.write_bytes(stored.replace(b"yolo11n", b"\xff"))
    elif damage == "a pipe":
        os.mkfifo(record)
    elif damage == "a link":
        (tmp_path / "record").write_bytes(stored)
        record.symlink_to(tmp_path / "record")
    else:
        record.mkdir()
    with pytest.raises(IntegrityBroken, match="cannot be read as a conversion") as caught:
        load_conversion(folder, entry)
    assert "\n" not in str(caught.value)
    assert "models pull yolo11n" in caught.value.next_step


def shutil_copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-r", source, target], check=True)


# ---- the child


_ISOLATED: Final = """
import socket, sys
from forensics.adapters.detectors import convert_child
if sys.argv[2] == "sockets":  # where a namespace is forbidden
    convert_child.ctypes.CDLL = lambda *_: type("Libc", (), {"unshare": lambda self, flags: -1})()
print(convert_child._leave_network())
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5)
except OSError as error:
    print(type(error).__name__)
"""


@pytest.fixture
def port() -> Iterator[int]:
    """Port on loopback that accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("how", "says"),
    [("namespace", "network namespace without interfaces"), ("sockets", "connections refused inside Python")],
)
def test_the_child_reaches_no_network(port: int, how: str, says: str) -> None:
    command = [sys.executable, "-c", _ISOLATED, str(port), how]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    if how == "namespace" and printed[0] != says:
        pytest.skip("this machine forbids namespaces")
    assert printed[0] == says
    assert printed[1] in ("PermissionError", "OSError", "ConnectionRefusedError", "TimeoutError")


def test_the_child_has_limits(tmp_path: Path) -> None:
    script = f"""
import resource, runpy, sys
sys.argv = ["child", "x.pt", "{os.getpid()}"]
found = runpy.run_path({str(Path(convert_child.__file__))!r})
found["main"].__globals__["_export"] = lambda name: print(
    [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_DATA)])
found["main"]()
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    core, file_bytes, memory = json.loads(done.stdout)
    assert (core, file_bytes <= 2 << 30, memory <= 8 << 30) == (0, True, True)


def test_a_child_that_takes_too_long_is_ended(network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converting, "_LIMIT_S", 0.2)
    with pytest.raises(CannotStart, match="longer than"):
        convert(entry_of(network), network, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".yolo11n.lock"]


# ---- kills, and two at once

_STEPS: Final = ("_copy_checked", "_run_child", "_check_export", "_remove_date", "sync_tree", "move_into_place")
_STEPWISE: Final = """
import sys
from pathlib import Path
from forensics.adapters.detectors import convert as converting
from tests.forensics.adapters.detectors.test_convert import entry_of

def export(work, entry):
    folder = work / "yolo11n_openvino_model"
    folder.mkdir()
    for name in ("yolo11n.xml", "yolo11n.bin", "metadata.yaml"):
        (folder / name).write_text(f"date: now\\n{name}\\n")
    (work / converting.ISOLATION).write_text("none needed")
    with (Path(sys.argv[2]) / "exports").open("a") as log:
        log.write("one\\n")

def stepwise(name):
    step = getattr(converting, name)
    def run(*arguments):
        print(name, flush=True)
        sys.stdin.readline()
        result = step(*arguments)
        print("after", name, flush=True)
        sys.stdin.readline()
        return result
    setattr(converting, name, run)

converting._run_child = export
for name in sys.argv[3:]:
    stepwise(name)
source = Path(sys.argv[1])
print("done", converting.convert(entry_of(source), source, Path(sys.argv[2])), flush=True)
"""


def start(source: Path, folder: Path, *steps: str) -> subprocess.Popen[str]:
    """Start a conversion with a quick export that waits before and after each step."""
    command = [sys.executable, "-c", _STEPWISE, str(source), str(folder), *steps]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("moment", [f"{when}{step}" for step in _STEPS for when in ("", "after ")])
def test_a_kill_leaves_nothing_or_a_whole_model(tmp_path: Path, moment: str) -> None:
    (tmp_path / "yolo11n.pt").write_bytes(b"published")
    entry = entry_of(tmp_path / "yolo11n.pt")
    with start(tmp_path / "yolo11n.pt", tmp_path, *_STEPS) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == moment:
                break
            process.stdin.write("\n")
            process.stdin.flush()
        process.kill()
    folder = conversion_folder(tmp_path, entry)
    assert folder.exists() == (moment == "after move_into_place")
    if folder.exists():
        assert load_conversion(folder, entry)[0].is_dir()
    with start(tmp_path / "yolo11n.pt", tmp_path) as again:
        assert again.communicate(timeout=_LIMIT_S)[0].startswith("done")
    assert load_conversion(folder, entry)[0].is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {".yolo11n.lock", "exports", "yolo11n.converted", "yolo11n.pt"}


def test_two_conversions_at_once_give_one(tmp_path: Path) -> None:
    (tmp_path / "yolo11n.pt").write_bytes(b"published")
    processes = [start(tmp_path / "yolo11n.pt", tmp_path) for _ in range(3)]
    printed = {process.communicate(timeout=_LIMIT_S)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert printed == {f"done {tmp_path / 'yolo11n.converted' / 'yolo11n_openvino_model'}\n"}
    assert (tmp_path / "exports").read_text() == "one\n"


def test_the_child_dies_with_its_parent(network: Path, tmp_path: Path) -> None:
    command = "import sys; from pathlib import Path; from forensics.adapters.detectors.convert import convert; "
    command += "from tests.forensics.adapters.detectors.test_convert import entry_of; "
    command += "convert(entry_of(Path(sys.argv[1])), Path(sys.argv[1]), Path(sys.argv[2]))"
    parent = subprocess.Popen([sys.executable, "-c", command, str(network), str(tmp_path)], cwd=ROOT)
    until = time.monotonic() + _LIMIT_S
    while not list(tmp_path.glob(f".*/export/{convert_child.ISOLATION}")):
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.3)
    (child,) = psutil.Process(parent.pid).children()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    child.wait(timeout=10)
    assert not conversion_folder(tmp_path, entry_of(network)).exists()


# ---- what is installed


def test_states_of_a_converted_model(
    network: Path, converted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "CATALOGUE", write_catalogue(tmp_path / "c.toml", network, "http://x", "yolo11n"))
    (entry,) = catalogue.catalogue()
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("FORENSICS_MODELS", str(folder))
    assert find_installation(entry).state is State.MISSING
    (folder / "yolo11n.pt").write_bytes(network.read_bytes())
    assert find_installation(entry).state is State.UNCONVERTED
    with pytest.raises(CannotStart, match="converts it and needs no network"):
        resolve("yolo11n", trusted_sha256=frozenset())
    assert resolve("yolo11n.pt", trusted_sha256=frozenset()).format == "pt"
    shutil_copy(converted / "yolo11n.converted", folder / "yolo11n.converted")
    found = find_installation(entry)
    assert (found.state, found.path) == (State.OK, folder / "yolo11n.converted" / "yolo11n_openvino_model")
    (folder / "yolo11n.pt").write_bytes(b"other")
    assert (find_installation(entry).state, find_installation(entry).path) == (State.ALTERED, folder / "yolo11n.pt")
    (folder / "yolo11n.pt").unlink()
    assert find_installation(entry).state is State.OK, "the conversion is all that a run needs"
    (folder / "yolo11n.converted" / RECORD).unlink()
    assert find_installation(entry).state is State.ALTERED
