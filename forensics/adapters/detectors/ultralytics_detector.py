"""Detector for models that ultralytics itself loads, such as a `.pt` file, on the CPU or a CUDA device."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from platformdirs import user_config_path

from forensics.detection.detections import Boxes
from forensics.detection.detector import Detector, DetectorOptions
from forensics.detection.letterbox import Letterbox, paint
from forensics.detection.yolo_output import class_indices, sort_boxes
from forensics.errors import CannotStart, UsageError
from forensics.footage.frames import Frame, RgbArray, View
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.models.model_store import Model
from forensics.temporary import temporary_folder

__all__ = ["load"]

_PRECISIONS: Final = {"cpu": ("f32",), "cuda": ("f32", "f16")}
_DEFAULT_SIZE_PX: Final = 640


def load(model: Model, options: DetectorOptions) -> Detector:
    """Load a detector that runs through ultralytics' own predictor.

    Args:
        model: a file that `YOLO(...)` loads; its digest must have been checked.
        options: settings of the detector. Threads are those of torch, for the whole process. Only CUDA supports
            ``f16``. The last batch is padded, so that its shape never changes.

    Raises:
        UsageError: unknown device, or a precision that it does not support.
        CannotStart: no CUDA device, no file, or a model that does not detect.
    """
    _check_device_and_precision(options.device, options.precision)
    torch_device = _prepare_torch(options.device, options.threads)
    network = _load_network(model)
    class_names = tuple(network.names[index] for index in sorted(network.names))
    size = network.overrides.get("imgsz", _DEFAULT_SIZE_PX)
    height, width = (size, size) if isinstance(size, int) else size
    arguments = {
        "imgsz": (height, width),
        "conf": options.min_score,
        "iou": options.iou,
        "classes": class_indices(class_names, options.classes).tolist(),
        "device": torch_device,
        "verbose": False,
    }
    if options.precision == "f16":
        arguments["quantize"] = 16
    return _UltralyticsDetector(class_names, View(width, height), network, arguments, options.batch)


@dataclass(slots=True, eq=False)
class _UltralyticsDetector:
    """A detector that runs a model of ultralytics; implements `Detector`.

    Attributes:
        network: an ultralytics model.
        arguments: arguments of every prediction.
    """

    class_names: tuple[str, ...]
    view: View
    network: Any
    arguments: dict[str, Any]
    batch_frames: int

    def references(self, index: PacketIndex, start: int, stop: int) -> Int64Array:
        """Return no frames: a network needs no other frame to process one."""
        return np.empty(0, dtype=np.int64)

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        """Yield (frame number, boxes) in the order of arrival, batch by batch."""
        height, width = self.arguments["imgsz"]
        # (batch, height, width, 3), colours as OpenCV orders them
        pixels = np.zeros((self.batch_frames, height, width, 3), dtype=np.uint8)
        waiting: list[tuple[int, Letterbox]] = []
        for frame in frames:
            letterbox = Letterbox.of(frame, width, height)
            paint(frame.rgb[..., ::-1], letterbox, pixels[len(waiting)])
            waiting.append((frame.number, letterbox))
            if len(waiting) == self.batch_frames:
                yield from self._predict_batch(pixels, waiting)
                waiting = []
        if waiting:
            yield from self._predict_batch(pixels, waiting)

    def _predict_batch(self, pixels: RgbArray, waiting: list[tuple[int, Letterbox]]) -> Iterator[tuple[int, Boxes]]:
        # frames of the previous batch pad the last one
        """Run the network on a batch, and yield (frame number, boxes) of its waiting frames."""
        results = self.network.predict(list(pixels), **self.arguments)
        for (number, letterbox), result in zip(waiting, results, strict=False):
            yield number, sort_boxes(letterbox.to_frame(_boxes(result)))


def _boxes(result: Any) -> Boxes:
    """Return the boxes of one result, in pixels of the network's input."""
    found = result.boxes.cpu().numpy()
    return Boxes(
        found.xyxy.astype(np.float32).reshape(-1, 4), found.conf.astype(np.float32), found.cls.astype(np.int64)
    )


def _check_device_and_precision(device: str, precision: str) -> None:
    """Check that the device is known and supports the precision."""
    if device not in _PRECISIONS:
        raise UsageError(f"unknown device {device}", f"choose one of {', '.join(_PRECISIONS)}")
    if precision not in _PRECISIONS[device]:
        raise UsageError(
            f"precision {precision} is not available for this model on {device}",
            f"choose one of {', '.join(_PRECISIONS[device])}, or export the model to OpenVINO",
        )


def _prepare_torch(device: str, threads: int) -> str:
    """Fix the numerics of torch and return its name of the device."""
    import torch

    torch.set_num_threads(threads)
    if device == "cpu":
        return "cpu"
    if not torch.cuda.is_available():
        raise CannotStart("no CUDA device is available", "set the device to cpu, or run where there is one")
    # f32 must mean f32: by default convolutions round to TF32
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    return "cuda:0"


def _load_network(model: Model) -> Any:
    """Load the model, with ultralytics kept offline."""
    if model.path is None:
        raise CannotStart(f"the model {model.name} has no file", "give a .pt file")
    _keep_offline()
    from ultralytics.models.yolo.model import YOLO
    from ultralytics.utils import SETTINGS

    if SETTINGS["sync"]:
        SETTINGS["sync"] = False
    network = YOLO(model.path, task="detect")
    if network.task != "detect":
        raise CannotStart(f"{model.path} is a model for the task {network.task}", "give a model for detection")
    return network


def _keep_offline() -> None:
    """Forbid ultralytics to install packages and to use the network.

    Where the user's settings folder is not writable, its settings go to a temporary folder.
    """
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ["YOLO_OFFLINE"] = "true"
    if "YOLO_CONFIG_DIR" not in os.environ and not _is_writable(user_config_path()):
        os.environ["YOLO_CONFIG_DIR"] = tempfile.mkdtemp(prefix="forensics-ultralytics-", dir=temporary_folder())


def _is_writable(folder: Path) -> bool:
    """Whether a folder, or its nearest existing parent, is writable."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    return os.access(existing, os.W_OK)
