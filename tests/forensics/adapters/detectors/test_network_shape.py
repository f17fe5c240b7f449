"""Networks reshaped to another input size: they equal the same network exported for any size."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from forensics.adapters.detectors.load_detector import load_detector
from forensics.adapters.detectors.network_shape import reshape
from forensics.adapters.libraries.openvino_core import openvino_core
from forensics.detection.detector import Detector, DetectorOptions
from forensics.detection.iou import iou_matrix
from forensics.errors import CannotStart, UsageError
from forensics.footage.frames import Frame
from forensics.models.model_store import resolve
from tests.forensics.adapters.detectors.test_neural_detectors import export

WIDE = (384, 640)


_EXPORT = """
import sys, torch
from ultralytics import YOLO
for kind in ("fixed", "dynamic"):
    torch.manual_seed(0)
    network = YOLO("yolo11n.yaml", task="detect")
    for parameter in network.model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    path = f"{sys.argv[1]}/{kind}.pt"
    network.save(path)
    YOLO(path).export(format="openvino", imgsz=640, dynamic=kind == "dynamic", verbose=False)
"""


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One network with weights drawn by chance, exported for one size and for any."""
    folder = tmp_path_factory.mktemp("exports")
    quiet = {**os.environ, "YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true", "YOLO_CONFIG_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", _EXPORT, str(folder)], env=quiet, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {kind: folder / f"{kind}_openvino_model" for kind in ("fixed", "dynamic")}


def network(folder: Path) -> Any:
    return openvino_core().read_model(next(folder.glob("*.xml")))


def answer(model: Any, pixels: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    compiled = openvino_core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.asarray(compiled(pixels)[0])


@pytest.mark.parametrize("size", [WIDE, (640, 384), (320, 320), (32, 640), (640, 640)])
def test_reshaping_gives_the_network_exported_for_any_size(exports: dict[str, Path], size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).random((1, 3, *size), dtype=np.float32)
    ours = answer(reshape(network(exports["fixed"]), "drawn", *size), pixels)
    theirs = answer(reshape(network(exports["dynamic"]), "drawn", *size), pixels)
    assert ours.shape == theirs.shape
    assert np.ptp(ours[:, :4]) > 100
    assert ours == pytest.approx(theirs, abs=1e-3, rel=1e-4)


def test_a_network_that_cannot_be_reshaped_is_refused(tmp_path: Path) -> None:
    export(tmp_path / "net")
    with pytest.raises(CannotStart, match="net: this network cannot be changed to an input of 64x32 pixels"):
        reshape(network(tmp_path / "net"), "net", 32, 64)


@pytest.mark.parametrize("name", ["builtin"])
def test_a_detector_without_a_rectangular_input_refuses_the_option(name: str) -> None:
    with pytest.raises(UsageError, match="no rectangular input"):
        load_detector(resolve(name, trusted_sha256=frozenset()), DetectorOptions(rectangular=True))


# ---- the real network on real footage


def frames_of(path: Path, detector: Detector, every: int) -> list[Frame]:
    found = []
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % every == 0:
                width, height = detector.view.size_of(frame.width, frame.height)
                rgb = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
                found.append(Frame(number, number, rgb, frame.width, frame.height))
    return found


@pytest.mark.models
@pytest.mark.parametrize(
    ("model", "largest_difference"),
    [("yolo11n_int8_openvino_model", 0.1), ("yolo11n_int8_320.onnx", 0.1), ("yolo26n_int8_openvino_model", 0.15)],
)
@pytest.mark.parametrize("clip", ["one-by-one-person-detection.mp4", "walking.mp4", "short_hamilton_clip.mp4"])
def test_a_rectangular_input_finds_the_people_of_a_square_one(
    shared: Path, model: str, largest_difference: float, clip: str
) -> None:
    """At 97 of 100 places and with scores that hardly differ in 95 of 100, in both directions."""
    path = resolve(str(shared / "models" / model), trusted_sha256=frozenset())
    square, wide = (
        load_detector(path, DetectorOptions(classes=("person",), min_score=0.2, rectangular=rectangular))
        for rectangular in (False, True)
    )
    frames = frames_of(shared / "footage" / clip, square, every=20)
    n_strong, differences = 0, []
    for (_, one), (_, other) in zip(square.detect(frames, []), wide.detect(frames, []), strict=True):
        for here, there in ((one, other), (other, one)):
            strong = here.score >= 0.4
            n_strong += np.count_nonzero(strong)
            fit = iou_matrix(here.xyxy[strong].astype(np.float64), there.xyxy.astype(np.float64))
            for row, score in zip(fit, here.score[strong], strict=True):
                if row.max(initial=0) > 0.7:
                    differences.append(abs(float(there.score[row.argmax()]) - float(score)))
    assert n_strong > 30
    assert len(differences) >= 0.97 * n_strong
    assert np.percentile(differences, 95) < largest_difference
