"""Detector for networks that ultralytics exported, run by OpenVINO.

Pixels are converted inside the graph. The boxes of one frame are decoded while the network processes the next.
Precision, threads and the batch of one frame are fixed, because they change the numbers.
"""

import ast
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from forensics.adapters.detectors.network_shape import COARSEST_STRIDE, FINAL_COLUMNS, reshape
from forensics.adapters.libraries.openvino_core import openvino_core
from forensics.detection.detections import Boxes
from forensics.detection.detector import Detector, DetectorOptions
from forensics.detection.letterbox import Letterbox, paint
from forensics.detection.yolo_output import class_indices, decode_dense, decode_final, sort_boxes, suppress
from forensics.errors import CannotStart, UsageError
from forensics.footage.frames import Frame, RgbArray, View
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.models.model_store import Model
from forensics.models.onnx_file import refuse_external_tensors
from forensics.models.withdrawn import refuse_withdrawn

__all__ = ["load"]

_PRECISIONS: Final = ("f32", "bf16", "f16")
_IN_FLIGHT: Final = 2


def load(model: Model, options: DetectorOptions) -> Detector:
    """Load a detector that runs on the CPU.

    Args:
        model: an OpenVINO folder or an .onnx file, exported by ultralytics for detection.
        options: settings of the detector.

    Raises:
        UsageError: the precision is unknown.
        CannotStart: the network is of another kind, or this CPU does not compute in that precision.
    """
    if options.precision not in _PRECISIONS:
        raise UsageError(f"unknown precision {options.precision}", f"choose one of {', '.join(_PRECISIONS)}")
    _, export = _read_network(model)
    inputs = _Inputs(model, export, options)
    inputs.slots_for(*inputs.common_size_px)  # an unsupported network fails here, before any footage is opened
    wanted = class_indices(export.class_names, options.classes)
    head = _Head(wanted, options.min_score, options.iou, export.is_final)
    return _OpenVinoDetector(export.class_names, View(export.width_px, export.height_px), inputs, head)


@dataclass(frozen=True, slots=True)
class _Export:
    """Facts about an export, from its metadata and shape.

    Attributes:
        class_names: in the order of the network's classes.
        width_px, height_px: of the input it was exported for.
        is_final: the network removes duplicate boxes itself.
    """

    class_names: tuple[str, ...]
    width_px: int
    height_px: int
    is_final: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Head:
    """Decodes the output of the network into boxes.

    Attributes:
        wanted: indices of the wanted classes.
        min_score: threshold of the score.
        iou: threshold of the suppression of duplicates.
        is_final: the network removes duplicate boxes itself.
    """

    wanted: Int64Array
    min_score: float
    iou: float
    is_final: bool

    def boxes(self, output: Any, letterbox: Letterbox) -> Boxes:
        """Return the boxes of one frame, in its own pixels, sorted."""
        if self.is_final:
            found = decode_final(output, self.wanted, self.min_score)
        else:
            found = suppress(sort_boxes(decode_dense(output, self.wanted, self.min_score)), self.iou)
        return sort_boxes(letterbox.to_frame(found))


@dataclass(slots=True, eq=False)
class _Slot:
    """One inference request, its input buffer, and where the last frame lay in that buffer."""

    request: Any
    pixels: RgbArray
    letterbox: Letterbox | None = None

    def load_frame(self, rgb: RgbArray, letterbox: Letterbox) -> None:
        """Copy a frame into the buffer. The border is painted only if the last frame lay elsewhere."""
        if letterbox == self.letterbox:
            letterbox.inside(self.pixels)[:] = rgb
        else:
            paint(rgb, letterbox, self.pixels)
            self.letterbox = letterbox


class _Inputs:
    """The network, compiled for each input size that frames need.

    That is one size, or a few if the input may be rectangular.
    """

    def __init__(self, model: Model, export: "_Export", options: DetectorOptions) -> None:
        self._model = model
        self._export = export
        self._options = options
        self._slots: dict[tuple[int, int], list[_Slot]] = {}

    @property
    def common_size_px(self) -> tuple[int, int]:
        """Height and width of a 16:9 frame scaled to the view."""
        return self._export.width_px * 9 // 16, self._export.width_px

    def slots_for(self, height_px: int, width_px: int) -> list[_Slot]:
        """Return the slots for frames of this scaled size; compile the network if the size is new."""
        size = self._export.height_px, self._export.width_px
        if self._options.rectangular:
            size = _round_up_to_stride(height_px), _round_up_to_stride(width_px)
        if size not in self._slots:
            compiled = _compile(self._network_for(size), size, self._options)
            self._slots[size] = [_new_slot(compiled, size) for _ in range(_IN_FLIGHT)]
        return self._slots[size]

    def _network_for(self, size: tuple[int, int]) -> Any:
        """Return the network with an input of this size.

        Raises:
            CannotStart: it cannot be changed to that size.
        """
        network, _ = _read_network(self._model)
        is_unchanged = size == (self._export.height_px, self._export.width_px)
        if is_unchanged and not network.input(0).partial_shape.is_dynamic:
            return network
        return reshape(network, self._model.name, *size)


def _round_up_to_stride(pixels: int) -> int:
    """Round up to a multiple of the coarsest stride."""
    return -(-pixels // COARSEST_STRIDE) * COARSEST_STRIDE


@dataclass(slots=True, eq=False)
class _OpenVinoDetector:
    """A detector that runs a network of OpenVINO; implements `Detector`."""

    class_names: tuple[str, ...]
    view: View
    inputs: _Inputs
    head: _Head

    def references(self, index: PacketIndex, start: int, stop: int) -> Int64Array:
        """Return no frames: a network needs no other frame to process one."""
        return np.empty(0, dtype=np.int64)

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        """Yield (frame number, boxes) in the order of arrival; up to two frames are in flight."""
        in_flight: deque[tuple[_Slot, int, Letterbox]] = deque()
        try:
            for frame in frames:
                if len(in_flight) == _IN_FLIGHT:
                    yield self._finish(in_flight)
                busy = [slot for slot, _, _ in in_flight]
                slots = self.inputs.slots_for(*frame.rgb.shape[:2])
                in_flight.append(_start(next(slot for slot in slots if slot not in busy), frame))
            while in_flight:
                yield self._finish(in_flight)
        finally:
            # a request must not outlive its input buffer
            for slot, _, _ in in_flight:
                slot.request.wait()

    def _finish(self, in_flight: deque[tuple[_Slot, int, Letterbox]]) -> tuple[int, Boxes]:
        """Wait for the oldest frame in flight and return its number and boxes."""
        slot, number, letterbox = in_flight[0]
        slot.request.wait()
        boxes = self.head.boxes(slot.request.get_output_tensor(0).data[0], letterbox)
        in_flight.popleft()
        return number, boxes


def _new_slot(compiled: Any, size: tuple[int, int]) -> _Slot:
    """Allocate a request with its input buffer."""
    from openvino import Tensor

    pixels = np.empty((*size, 3), dtype=np.uint8)
    request = compiled.create_infer_request()
    request.set_input_tensor(Tensor(pixels[None], shared_memory=True))
    return _Slot(request, pixels)


def _start(slot: _Slot, frame: Frame) -> tuple[_Slot, int, Letterbox]:
    """Start the inference of a frame."""
    height, width = slot.pixels.shape[:2]
    letterbox = Letterbox.of(frame, width, height)
    slot.load_frame(frame.rgb, letterbox)
    slot.request.start_async()
    return slot, frame.number, letterbox


def _read_network(model: Model) -> tuple[Any, _Export]:
    """Read the network of a model, with the facts about its export."""
    if model.path is None:
        raise CannotStart(f"the model {model.name} has no file", "give an OpenVINO folder or an .onnx file")
    file = model.path if model.format == "onnx" else _find_graph(model.path)
    try:
        if model.format == "onnx":
            refuse_external_tensors(file)
        network = openvino_core().read_model(file)
    except (RuntimeError, ValueError) as error:
        raise CannotStart(f"OpenVINO cannot read it: {error}", "export or pull the model again", file) from error
    metadata = _metadata(network, model)
    return network, _check_export(network, metadata, model.path)


def _find_graph(folder: Path) -> Path:
    """Return the only .xml file of an OpenVINO folder."""
    graphs = sorted(folder.glob("*.xml"))
    if len(graphs) != 1:
        raise CannotStart(f"holds {len(graphs)} .xml files, expected one", "give a folder with one model", folder)
    return graphs[0]


def _metadata(network: Any, model: Model) -> Mapping[str, Any]:
    """Return the metadata that ultralytics wrote into or beside its export; empty if another tool made the file."""
    if model.format == "openvino":
        return _metadata_beside(model)
    if not network.has_rt_info("framework"):
        return {}
    inside = {key: str(entry.value) for key, entry in network.get_rt_info()["framework"].items()}
    refuse_withdrawn(" ".join(inside.values()), f"{model.path}: the metadata")
    return {key: _parse_literal(text) for key, text in inside.items()}


def _metadata_beside(model: Model) -> Mapping[str, Any]:
    """Return the contents of an OpenVINO folder's metadata.yaml; empty if there is none."""
    import yaml  # type: ignore[import-untyped]

    file = Path(model.path or ".") / "metadata.yaml"
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CannotStart(f"{file} cannot be read: {error}", "export the model again") from error
    return found if isinstance(found, dict) else {}


def _parse_literal(text: str) -> Any:
    """Parse a Python literal; other text is returned unchanged."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _check_export(network: Any, metadata: Mapping[str, Any], path: Path) -> _Export:
    """Check that the network is a supported detection network, and return the facts about its export."""
    names, size = metadata.get("names"), metadata.get("imgsz")
    outputs = [str(output.partial_shape) for output in network.outputs]
    if metadata.get("task") != "detect" or not names or not size or len(network.inputs) != 1:
        found = f"task {metadata.get('task', 'unknown')}, outputs {', '.join(outputs)}"
        raise _unsupported_network(path, found)
    class_names = tuple(names[index] for index in sorted(names)) if isinstance(names, dict) else tuple(names)
    height, width = (size, size) if isinstance(size, int) else size
    is_final = _is_final(network, len(class_names))
    if is_final is None:
        raise _unsupported_network(path, f"outputs {', '.join(outputs)} for {len(class_names)} classes")
    return _Export(class_names, int(width), int(height), is_final)


def _is_final(network: Any, n_classes: int) -> bool | None:
    """Whether each output row is a final box; None for an unsupported head."""
    shape = network.outputs[0].partial_shape
    if len(network.outputs) != 1 or shape.rank.is_dynamic or len(shape) != 3:
        return None
    if shape[1] == 4 + n_classes:
        return False
    return True if shape[2] == FINAL_COLUMNS else None


def _unsupported_network(path: Path, found: str) -> CannotStart:
    """Build the error for an unsupported network."""
    return CannotStart(
        f"found {found}; expected a detection network that ultralytics exported, with its metadata, "
        "one input and one output (1, 4 + classes, anchors) or (1, boxes, 6)",
        "export it with: yolo export model=FILE.pt format=openvino",
        path,
    )


def _compile(network: Any, size: tuple[int, int], options: DetectorOptions) -> Any:
    """Compile the network for an input of (height, width) on the CPU, with fixed numerics."""
    converted = _add_preprocessing(network, size)
    fixed = {
        "INFERENCE_PRECISION_HINT": options.precision,
        "INFERENCE_NUM_THREADS": options.threads,
        "NUM_STREAMS": 1,
        # with pinning, the streams of all workers on a machine would share its first core
        "ENABLE_CPU_PINNING": False,
    }
    compiled = openvino_core().compile_model(converted, "CPU", fixed)
    actual = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    if actual != options.precision:
        # OpenVINO falls back to another precision without an error
        raise CannotStart(f"this CPU computes in {actual}, not {options.precision}", "set detect.precision to f32")
    return compiled


def _add_preprocessing(network: Any, size: tuple[int, int]) -> Any:
    """Add the conversion of uint8 RGB pixels, (1, h, w, 3), to the graph."""
    from openvino import Layout, Type
    from openvino.preprocess import PrePostProcessor

    wanted = [1, 3, *size]
    if list(network.input(0).shape) != wanted:
        raise CannotStart(
            f"the network takes {list(network.input(0).shape)}, expected {wanted}",
            "export it for this size and one frame",
        )
    steps = PrePostProcessor(network)
    steps.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    steps.input().model().set_layout(Layout("NCHW"))
    steps.input().preprocess().convert_element_type(Type.f32).scale(255.0)
    return steps.build()
