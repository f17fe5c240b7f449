"""`models`, and which model a run takes: pulled from a server on loopback, converted once, and named on record."""

import json
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pytest

import forensics
from forensics.adapters.detectors import convert as converting
from forensics.custody.case_folder import CaseFolder
from forensics.custody.log import read_chain
from forensics.detection.detections import Boxes
from forensics.digests import sha256_of_file
from forensics.json_object import JsonObject
from forensics.models import catalogue
from forensics.models.conversion import NOT_PINNED
from forensics.models.labels import known_labels
from testing.commands import Call, clip
from testing.file_server import FileServer, serve_file
from testing.painted.encode import Recipe, encode_pictures
from testing.random_network import make_random_network, noise_pictures, write_catalogue
from tests.forensics.adapters.detectors.test_neural_detectors import assert_agree

_SERIAL: Final = ("--runner", "serial", "--quiet")
_SIZE_PX: Final = (640, 360)
_SHIPPED: Final = catalogue.CATALOGUE


@dataclass(frozen=True)
class Shop:
    """A catalogue of two detectors, the server that has their file, and a folder of models.

    Attributes:
        server: serves the file.
        published: the file.
        folder: the folder of models.
    """

    server: FileServer
    published: Path
    folder: Path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published file with random weights."""
    return make_random_network(tmp_path_factory.mktemp("published") / "yolo11n.pt")


@pytest.fixture
def shop(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Serve the file; no model is installed."""
    with serve_file() as server:
        server.content = published.read_bytes()
        names = ("yolo11n", "yolo26n")
        file = write_catalogue(tmp_path / "catalogue.toml", published, server.address, *names)
        monkeypatch.setattr(catalogue, "CATALOGUE", file)
        monkeypatch.setenv("FORENSICS_MODELS", str(tmp_path / "models"))
        yield Shop(server, published, tmp_path / "models")


@pytest.fixture(scope="module")
def pulled_once(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models with `yolo11n`, pulled; tests copy it."""
    folder = tmp_path_factory.mktemp("pulled") / "models"
    with serve_file() as server, pytest.MonkeyPatch.context() as patch:
        server.content = published.read_bytes()
        file = write_catalogue(folder.with_name("c.toml"), published, server.address, "yolo11n")
        patch.setattr(catalogue, "CATALOGUE", file)
        patch.setenv("FORENSICS_MODELS", str(folder))
        assert Call()("models", "pull", "yolo11n").code == 0
    return folder


@pytest.fixture
def stocked(shop: Shop, pulled_once: Path) -> Shop:
    """The same with `yolo11n` in the folder of models."""
    shutil.copytree(pulled_once, shop.folder)
    return shop


def record_of(root: Path) -> JsonObject:
    """Return the record of the published run."""
    run_id = json.loads((root / "tables" / "MANIFEST.json").read_text())["run"]
    record: JsonObject = json.loads(CaseFolder(root).run(run_id).record.read_text())
    return record


def two_lines(err: str) -> tuple[str, str]:
    """Return problem and next step of an error, which is the end of what a command printed."""
    problem, following = err.splitlines()[-2:]
    assert (problem[:7], following.strip()[:6]) == ("error: ", "next: "), err
    return problem, following


# ---- pull


def test_pull_downloads_converts_once_and_prints_the_path(call: Call, shop: Shop) -> None:
    answer = call("models", "pull", "yolo11n")
    path = shop.folder / "yolo11n.converted" / "yolo11n_openvino_model"
    assert (answer.code, answer.out) == (0, f"{path}\n"), answer.err
    assert "converting" in answer.err
    modes = {stat.S_IMODE(file.stat().st_mode) & 0o044 for file in path.parent.rglob("*")}
    assert modes == {0o044}, "other users of the machine may read models"
    before = {file: file.stat().st_mtime_ns for file in shop.folder.rglob("*")}
    assert call("models", "pull", "yolo11n").out == f"{path}\n"
    assert {file: file.stat().st_mtime_ns for file in shop.folder.rglob("*")} == before
    assert shop.server.ranges_asked == [None]


def test_a_cut_download_is_resumed(call: Call, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    run_child = converting._run_child
    monkeypatch.setattr(converting, "_run_child", lambda *_: pytest.fail("a partial file was used"))
    shop.server.breaks_after = 1_000_000
    answer = call("models", "pull", "yolo11n")
    problem, following = two_lines(answer.err)
    assert answer.code == 6
    assert ("the connection ended after 1,000,000" in problem, "it resumes" in following) == (True, True)
    assert [path.name for path in sorted(shop.folder.iterdir())] == [".yolo11n.lock", "yolo11n.pt.part"]
    monkeypatch.setattr(converting, "_run_child", run_child)
    shop.server.breaks_after = None
    assert call("models", "pull", "yolo11n").code == 0
    assert shop.server.ranges_asked == [None, "bytes=1000000-"]


def test_a_wrong_digest_is_refused_and_nothing_is_converted(call: Call, shop: Shop) -> None:
    shop.server.content = b"x" + shop.server.content[1:]
    answer = call("models", "pull", "yolo11n")
    problem, following = two_lines(answer.err)
    assert (answer.code, "the download was deleted" in problem, "pull again" in following) == (5, True, True)
    assert [path.name for path in shop.folder.iterdir()] == [".yolo11n.lock"]


def test_a_web_page_and_an_unknown_name_say_what_to_do(call: Call, shop: Shop) -> None:
    shop.server.page = b"<html>Please sign in</html>"
    answer = call("models", "pull", "yolo11n")
    problem, following = two_lines(answer.err)
    assert (answer.code, "a web page came instead" in problem, "HTTPS_PROXY" in following) == (6, True, True)
    answer = call("models", "pull", "yolo11")
    problem, following = two_lines(answer.err)
    assert (answer.code, "'yolo11'" in problem, "did you mean yolo11n" in following) == (2, True, True)


def test_no_network(call: Call, shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = write_catalogue(tmp_path / "gone.toml", shop.published, "http://127.0.0.1:9", "yolo11n")
    monkeypatch.setattr(catalogue, "CATALOGUE", gone)
    answer = call("models", "pull", "yolo11n")
    problem, following = two_lines(answer.err)
    assert (answer.code, "the download failed" in problem, f"at {shop.folder}" in following) == (6, True, True)


def test_a_folder_that_cannot_be_written(call: Call, shop: Shop) -> None:
    answer = call("models", "pull", "yolo11n", "--into", "/dev/null/models")
    problem, following = two_lines(answer.err)
    assert (answer.code, "/dev/null/models" in problem, "--into" in following) == (6, True, True)


def test_a_file_that_was_carried_over_is_checked_and_converted_without_network(call: Call, shop: Shop) -> None:
    shop.folder.mkdir()
    shutil.copy(shop.published, shop.folder / "yolo11n.pt")
    (shop.folder / "gate.mp4").touch()
    answer = call("scan", shop.folder / "gate.mp4", "--case", shop.folder / "case", "--model", "yolo11n")
    problem, following = two_lines(answer.err)
    assert (answer.code, "not converted" in problem, "models pull yolo11n" in following) == (6, True, True)
    assert call("models", "pull", "yolo11n").code == 0
    assert shop.server.ranges_asked == []
    (shop.folder / "yolo11n.pt").write_bytes(b"changed")
    answer = call("models", "pull", "yolo11n")
    assert (answer.code, "remove it" in two_lines(answer.err)[1]) == (5, True)


def test_a_copied_folder_of_models_works_without_network_and_is_verified(call: Call, stocked: Shop) -> None:
    listed = {each["name"]: each for each in call("models", "list", "--json").json["models"]}
    assert (listed["yolo11n"]["state"], listed["yolo26n"]["state"]) == ("ok", "missing")
    assert call("models", "verify").code == 0
    assert stocked.server.ranges_asked == []
    answer = call("models", "verify")
    assert answer.out.splitlines()[1].split() == ["yolo11n", "ok", "conversion.json"]
    assert answer.err == f"yolo11n: {NOT_PINNED}\n"
    weights = next(stocked.folder.rglob("*.bin"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    answer = call("models", "verify", "--json")
    assert (answer.code, answer.json["yolo11n"]) == (5, "altered")


# ---- list


def test_the_list_fits_80_columns_and_says_what_pull_would_do(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(catalogue, "CATALOGUE", _SHIPPED)
    monkeypatch.setenv("FORENSICS_MODELS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "yolo26s.pt").write_bytes(b"changed")
    lines = call("models", "list").out.splitlines()
    assert [line for line in lines if len(line) > 80 and not line.startswith("[")] == []
    text = "\n".join(lines)
    for entry in catalogue.catalogue():
        line = next(line for line in lines if line.startswith(f"{entry.name} "))
        assert all(word in line for word in (entry.name, entry.task, entry.licence))
    assert "accuracy mAP 50-95 39.5 on COCO val (docs.ultralytics.com/models/yolo11)" in text
    assert "pull downloads 5.4 MiB, then converts to OpenVINO" in text
    assert "pull downloads it (size unknown), then converts to OpenVINO" in text
    assert "pull refuses until the changed file is removed\n    [1]/yolo26s.pt" in text
    assert text.endswith("A new case without --model takes: builtin-1")


def test_the_list_as_json_has_everything(call: Call, stocked: Shop) -> None:
    facts = call("models", "list", "--json").json
    (model,) = (each for each in facts["models"] if each["name"] == "yolo11n")
    assert facts["folders"][0] == str(stocked.folder)
    assert facts["without_model"] == "yolo11n"
    assert (model["task"], model["labels"], model["licence"]) == ("detect", "coco80", "AGPL-3.0")
    assert (model["state"], model["pull"], model["size_bytes"]) == ("ok", "does nothing", None)
    assert model["path"] == str(stocked.folder / "yolo11n.converted" / "yolo11n_openvino_model")
    assert model["conversion"]["source_sha256"] == model["sha256"] == sha256_of_file(stocked.published)
    assert (model["accuracy"], model["pinned"]) == ("mAP 50-95 0.1 on COCO val (a test)", False)
    lines = call("models", "list").out.splitlines()
    assert f"    {NOT_PINNED}" in lines
    assert [line for line in lines if line.startswith("    ") and len(line) > 80] == []
    assert model["preference"] == {"order": 1, "reason": "made for a test"}


def test_the_help_names_the_folder_of_models(call: Call) -> None:
    assert "FORENSICS_MODELS" in call("models", "--help").out


# ---- which model a run takes


@pytest.mark.parametrize(("is_rectangular", "settings"), [(False, ()), (True, ("--set", "detect.rectangular=true"))])
def test_a_scan_finds_what_ultralytics_finds(
    call: Call, stocked: Shop, tmp_path: Path, is_rectangular: bool, settings: tuple[str, ...]
) -> None:
    from ultralytics.models.yolo.model import YOLO

    pictures = noise_pictures(8, _SIZE_PX[1], _SIZE_PX[0], seed=5)
    # without loss and without another system of colours, so that the pixels are those that were painted
    recipe = Recipe(codec="ffv1", pixel_format="bgr0", width_px=_SIZE_PX[0], height_px=_SIZE_PX[1])
    footage = encode_pictures(tmp_path / "gate.mkv", recipe, pictures, [Fraction(n, 25) for n in range(8)])
    case = tmp_path / "case"
    settings = ("--set", "detect.min_score=0.25", *settings)
    answer = call("scan", footage, "--case", case, "--model", "yolo11n", *settings, *_SERIAL, "--json")
    assert answer.code == 0, answer.err
    found = forensics.open_case(case).detections().collect()
    published = YOLO(str(stocked.published), task="detect")
    pairs = []
    for number, rgb in enumerate(pictures):
        boxes = published.predict(rgb[..., ::-1], conf=0.25, iou=0.7, rect=is_rectangular, verbose=False)[0].boxes
        names = [published.names[int(index)] for index in boxes.cls]
        theirs = Boxes(boxes.xyxy.numpy(), boxes.conf.numpy(), indices(names))
        rows = found.filter(pl.col("frame") == number)
        xyxy = rows.select("x1", "y1", "x2", "y2").to_numpy()
        mine = Boxes(xyxy, rows["score"].to_numpy(), indices(rows["class_name"].to_list()))
        pairs.append((mine, theirs))
    assert_agree(pairs, "openvino", at_least=101)


def indices(names: list[str]) -> np.ndarray:
    """Return a number for each class name."""
    known = sorted(known_labels())
    return np.array([known.index(name) for name in names], dtype=np.int64)


def test_the_record_names_both_digests_and_the_choice(call: Call, stocked: Shop, tmp_path: Path) -> None:
    case, footage = tmp_path / "case", clip(tmp_path / "gate.mp4")
    answer = call("scan", footage, "--case", case, *_SERIAL, "--json")
    assert answer.code == 0, answer.err
    said = [line for line in answer.err.splitlines() if line.startswith("model yolo11n; no model was named")]
    assert len(said) == 1
    model = record_of(case)["model"]
    assert model["sha256"] == model["conversion"]["network_sha256"]
    assert model["conversion"]["source_sha256"] == sha256_of_file(stocked.published)
    assert set(model["conversion"]["libraries"]) == {"openvino", "torch", "ultralytics"}
    assert "first in the catalogue (made for a test)" in model["choice"]
    assert (answer.json["model"], answer.json["model_sha256"]) == ("yolo11n", model["sha256"])
    assert answer.json["model_source_sha256"] == model["conversion"]["source_sha256"]
    assert call("status", case, "--json").json["model"] == model
    notes = [line.facts for line in read_chain(CaseFolder(case).audit_file).lines if line.kind == "note"]
    assert [note["model"]["source_sha256"] for note in notes if "model" in note] == [sha256_of_file(stocked.published)]
    assert call("reproduce", case, *_SERIAL).code == 0
    # continuing the run keeps the reason of its choice; other settings are another run, with the same model
    assert call("run", case, *_SERIAL).code == 0
    assert record_of(case)["model"] == model
    assert call("run", case, "--set", "detect.fps=5", *_SERIAL).code == 0
    assert record_of(case)["model"]["choice"] == f"that of run {answer.json['run']}"
    assert call("run", case, "--model", "builtin", *_SERIAL).code == 0
    assert record_of(case)["model"]["choice"] == "named with --model"


def test_a_case_keeps_its_last_model_when_a_better_one_is_installed(
    call: Call, shop: Shop, pulled_once: Path, tmp_path: Path
) -> None:
    case, footage = tmp_path / "case", clip(tmp_path / "gate.mp4")
    answer = call("scan", footage, "--case", case, *_SERIAL)
    (line,) = (line for line in answer.err.splitlines() if line.startswith("model "))
    assert line.startswith("model builtin-1, which finds people only and misses many")
    assert line.endswith("better: forensics models pull yolo11n")
    assert record_of(case)["model"]["choice"] == "no model was named, and no registered detector is installed"
    shutil.copytree(pulled_once, shop.folder)
    assert call("scan", footage, "--case", case, *_SERIAL).code == 0
    assert call("run", case, "--set", "detect.fps=5", *_SERIAL).code == 0
    assert record_of(case)["model"]["name"] == "builtin-1"


def test_the_order_of_the_catalogue_decides(call: Call, stocked: Shop, tmp_path: Path) -> None:
    shutil.copytree(stocked.folder / "yolo11n.converted", stocked.folder / "yolo26n.converted")
    footage = clip(tmp_path / "gate.mp4")
    dry = ("--dry-run", "--json", *_SERIAL)
    assert call("scan", footage, "--case", tmp_path / "case", *dry).json["model"] == "yolo11n"
    text = catalogue.CATALOGUE.read_text()
    swapped = text.replace("order = 1", "order = 3")
    other = catalogue.CATALOGUE.with_name("other.toml")
    other.write_text(swapped)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "CATALOGUE", other)
        assert call("scan", footage, "--case", tmp_path / "case", *dry).json["model"] == "yolo26n"


@pytest.mark.parametrize("named", ["profile", "setting"])
def test_a_model_that_settings_name_is_taken(call: Call, stocked: Shop, tmp_path: Path, named: str) -> None:
    profile = tmp_path / "profile.toml"
    profile.write_text('[detect]\nmodel = "builtin"\n')
    words = ("--profile", profile) if named == "profile" else ("--set", "detect.model=builtin")
    case = tmp_path / "case"
    assert call("scan", clip(tmp_path / "gate.mp4"), "--case", case, *words, *_SERIAL).code == 0
    assert record_of(case)["model"]["name"] == "builtin-1"
    assert record_of(case)["model"]["choice"] == "named in the settings"


def test_a_run_tells_the_accuracy_and_that_a_conversion_is_not_pinned(
    call: Call, stocked: Shop, tmp_path: Path
) -> None:
    case, footage = tmp_path / "case", clip(tmp_path / "gate.mp4")
    answer = call("scan", footage, "--case", case, "--model", "yolo11n", *_SERIAL)
    assert "accuracy of the model: mAP 50-95 0.1 on COCO val (a test)" in answer.out.splitlines()
    assert f"the model is {NOT_PINNED}" in answer.out.splitlines()
    assert record_of(case)["model"]["pinned"] is False
    assert "mAP 50-95 0.1 on COCO val (a test)" in call("status", case).out
    own = tmp_path / "own_model"
    shutil.copytree(stocked.folder / "yolo11n.converted" / "yolo11n_openvino_model", own)
    answer = call("run", case, "--model", own, *_SERIAL)
    assert "accuracy of the model: unknown, the model is not registered" in answer.out.splitlines()
    assert NOT_PINNED not in answer.out
    facts = call("run", case, "--model", own, *_SERIAL, "--json").json
    assert (facts["model_accuracy"], facts["model_pinned"]) == (None, False)
    assert "unknown, the model is not registered" in call("status", case).out
    facts = call("run", case, "--model", "builtin", *_SERIAL, "--json").json
    assert facts["model_pinned"] is True


def test_a_changed_model_is_refused_and_not_passed_over(call: Call, stocked: Shop, tmp_path: Path) -> None:
    weights = next(stocked.folder.rglob("*.bin"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    answer = call("scan", clip(tmp_path / "gate.mp4"), "--case", tmp_path / "case", *_SERIAL)
    assert answer.code == 5, answer.err
    assert "models pull yolo11n" in two_lines(answer.err)[1]
    assert not (tmp_path / "case").exists()


def test_a_conversion_on_a_gpu_names_the_published_file(call: Call, stocked: Shop, tmp_path: Path) -> None:
    words = ("--model", "yolo11n", "--set", "detect.device=cuda", "--dry-run", *_SERIAL)
    answer = call("scan", clip(tmp_path / "gate.mp4"), "--case", tmp_path / "case", *words)
    assert (answer.code, "--model yolo11n.pt" in two_lines(answer.err)[1]) == (2, True)


def test_batches_take_the_published_file(call: Call, stocked: Shop, tmp_path: Path) -> None:
    words = ("--set", "detect.batch=2", "--dry-run", "--json", *_SERIAL)
    answer = call("scan", clip(tmp_path / "gate.mp4"), "--case", tmp_path / "case", *words)
    assert answer.code == 0, answer.err
    assert answer.json["model_sha256"] == sha256_of_file(stocked.published)
    assert answer.json["model_source_sha256"] is None
