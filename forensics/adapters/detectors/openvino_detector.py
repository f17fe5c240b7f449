"""Networks that ultralytics exported, driven by OpenVINO directly.

The conversion of pixels runs inside the graph, and the boxes of one frame are worked out while
the network looks at the next. Precision, threads and the batch of one frame are fixed, because
they change the numbers.
"""

import ast
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from forensics.adapters.detectors.network_shape import COARSEST_STRIDE, reshape
from forensics.adapters.libraries.openvino_core import openvino_core
from forensics.detection.detections import Boxes
from forensics.detection.detector import Detector, DetectorOptions
from forensics.detection.letterbox import Letterbox, paint
from forensics.detection.yolo_output import class_indices, decode_dense, decode_final, in_order, suppress
from forensics.errors import CannotStart, UsageError
from forensics.footage.frames import Frame, RgbArray, View
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.models.model_store import Model
from forensics.models.withdrawn import refuse_withdrawn

__all__ = ["load"]

_PRECISIONS: Final = ("f32", "bf16", "f16")
_IN_FLIGHT: Final = 2


def load(model: Model, options: DetectorOptions) -> Detector:
    """A detector that runs on the processor.

    Args:
        model: an OpenVINO folder or an .onnx file, exported by ultralytics for detection.
        options: what is asked of it; a precision that the processor does not do is refused.
    """
    if options.precision not in _PRECISIONS:
        raise UsageError(f"precision {options.precision} is unknown", f"choose one of {', '.join(_PRECISIONS)}")
    _, export = _read(model)
    inputs = _Inputs(model, export, options)
    inputs.for_frame(*inputs.usual_px)  # whatever cannot be made is told before any footage is opened
    wanted = class_indices(export.class_names, options.classes)
    head = _Head(wanted, options.min_score, options.iou, export.is_final)
    return _OpenVinoDetector(export.class_names, View(export.width_px, export.height_px), inputs, head)


@dataclass(frozen=True, slots=True)
class _Export:
    """What an export says of itself.

    Attributes:
        is_final: the network suppresses duplicates itself.
    """

    class_names: tuple[str, ...]
    width_px: int
    height_px: int
    is_final: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Head:
    """How the network's answer becomes boxes."""

    wanted: Int64Array
    min_score: float
    iou: float
    is_final: bool

    def boxes(self, output: Any, letterbox: Letterbox) -> Boxes:
        """Boxes of one frame, in its own pixels and in order."""
        if self.is_final:
            found = decode_final(output, self.wanted, self.min_score)
        else:
            found = suppress(in_order(decode_dense(output, self.wanted, self.min_score)), self.iou)
        return in_order(letterbox.to_frame(found))


@dataclass(slots=True, eq=False)
class _Slot:
    """One request, the input buffer that it reads, and where the frame before lay in it."""

    request: Any
    pixels: RgbArray
    letterbox: Letterbox | None = None

    def show(self, rgb: RgbArray, letterbox: Letterbox) -> None:
        """The buffer holds this frame; what lies around it is painted only where the one before lay elsewhere."""
        if letterbox == self.letterbox:
            letterbox.inside(self.pixels)[:] = rgb
        else:
            paint(rgb, letterbox, self.pixels)
            self.letterbox = letterbox


class _Inputs:
    """The network compiled for each size of input that frames need: one, or where it may be rectangular a few."""

    def __init__(self, model: Model, export: "_Export", options: DetectorOptions) -> None:
        self._model = model
        self._export = export
        self._options = options
        self._slots: dict[tuple[int, int], list[_Slot]] = {}

    @property
    def usual_px(self) -> tuple[int, int]:
        """Height and width of a frame of 16 by 9, scaled to the view."""
        return self._export.width_px * 9 // 16, self._export.width_px

    def for_frame(self, height_px: int, width_px: int) -> list[_Slot]:
        """The slots of the input into which frames of this scaled size go."""
        size = self._export.height_px, self._export.width_px
        if self._options.rectangular:
            size = _held(height_px), _held(width_px)
        if size not in self._slots:
            network, _ = _read(self._model)
            if self._options.rectangular or network.input(0).partial_shape.is_dynamic:
                network = reshape(network, self._model.name, *size)
            compiled = _compile(network, size, self._options)
            self._slots[size] = [_new_slot(compiled, size) for _ in range(_IN_FLIGHT)]
        return self._slots[size]


def _held(pixels: int) -> int:
    """The least multiple of the coarsest stride that holds so many."""
    return -(-pixels // COARSEST_STRIDE) * COARSEST_STRIDE


@dataclass(slots=True, eq=False)
class _OpenVinoDetector:
    """Fills `Detector`."""

    class_names: tuple[str, ...]
    view: View
    inputs: _Inputs
    head: _Head

    def references(self, index: PacketIndex, start: int, stop: int) -> Int64Array:
        """None: a network judges every frame by itself."""
        return np.empty(0, dtype=np.int64)

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        """Yield (frame number, boxes) in the order of arrival; two frames are under way at a time."""
        under_way: deque[tuple[_Slot, int, Letterbox]] = deque()
        try:
            for frame in frames:
                if len(under_way) == _IN_FLIGHT:
                    yield self._finish(under_way)
                busy = [slot for slot, _, _ in under_way]
                slots = self.inputs.for_frame(*frame.rgb.shape[:2])
                under_way.append(_start(next(slot for slot in slots if slot not in busy), frame))
            while under_way:
                yield self._finish(under_way)
        finally:
            # a request must not outlive the buffer that it reads
            for slot, _, _ in under_way:
                slot.request.wait()

    def _finish(self, under_way: deque[tuple[_Slot, int, Letterbox]]) -> tuple[int, Boxes]:
        slot, number, letterbox = under_way[0]
        slot.request.wait()
        boxes = self.head.boxes(slot.request.get_output_tensor(0).data[0], letterbox)
        under_way.popleft()
        return number, boxes


def _new_slot(compiled: Any, size: tuple[int, int]) -> _Slot:
    from openvino import Tensor

    pixels = np.empty((*size, 3), dtype=np.uint8)
    request = compiled.create_infer_request()
    request.set_input_tensor(Tensor(pixels[None], shared_memory=True))
    return _Slot(request, pixels)


def _start(slot: _Slot, frame: Frame) -> tuple[_Slot, int, Letterbox]:
    height, width = slot.pixels.shape[:2]
    letterbox = Letterbox.of(frame, width, height)
    slot.show(frame.rgb, letterbox)
    slot.request.start_async()
    return slot, frame.number, letterbox


def _read(model: Model) -> tuple[Any, _Export]:
    if model.path is None:
        raise CannotStart(f"the model {model.name} has no file", "give an OpenVINO folder or an .onnx file")
    file = model.path if model.format == "onnx" else _graph_of(model.path)
    try:
        network = openvino_core().read_model(file)
    except RuntimeError as error:
        raise CannotStart(f"OpenVINO cannot read it: {error}", "export or pull the model again", file) from error
    metadata = _metadata(network, model)
    return network, _understand(network, metadata, model.path)


def _graph_of(folder: Path) -> Path:
    graphs = sorted(folder.glob("*.xml"))
    if len(graphs) != 1:
        raise CannotStart(f"{len(graphs)} .xml files, expected one", "give a folder with one model", folder)
    return graphs[0]


def _metadata(network: Any, model: Model) -> Mapping[str, Any]:
    """What ultralytics wrote into or beside its export; empty if another tool made the file."""
    if model.format == "openvino":
        return _metadata_beside(model)
    if not network.has_rt_info("framework"):
        return {}
    inside = {key: str(entry.value) for key, entry in network.get_rt_info()["framework"].items()}
    refuse_withdrawn(" ".join(inside.values()), f"{model.path}: the metadata")
    return {key: _parsed(text) for key, text in inside.items()}


def _metadata_beside(model: Model) -> Mapping[str, Any]:
    import yaml  # type: ignore[import-untyped]

    file = Path(model.path or ".") / "metadata.yaml"
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CannotStart(f"{file} cannot be read: {error}", "export the model again") from error
    return found if isinstance(found, dict) else {}


def _parsed(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _understand(network: Any, metadata: Mapping[str, Any], path: Path) -> _Export:
    names, size = metadata.get("names"), metadata.get("imgsz")
    outputs = [str(output.partial_shape) for output in network.outputs]
    if metadata.get("task") != "detect" or not names or not size or len(network.inputs) != 1:
        found = f"task {metadata.get('task', 'unknown')}, outputs {', '.join(outputs)}"
        raise _not_ours(path, found)
    class_names = tuple(names[index] for index in sorted(names)) if isinstance(names, dict) else tuple(names)
    height, width = (size, size) if isinstance(size, int) else size
    is_final = _is_final(network, len(class_names))
    if is_final is None:
        raise _not_ours(path, f"outputs {', '.join(outputs)} for {len(class_names)} classes")
    return _Export(class_names, int(width), int(height), is_final)


def _is_final(network: Any, n_classes: int) -> bool | None:
    """Whether rows are finished boxes; None for a head of another kind."""
    shape = network.outputs[0].partial_shape
    if len(network.outputs) != 1 or shape.rank.is_dynamic or len(shape) != 3:
        return None
    if shape[1] == 4 + n_classes:
        return False
    return True if shape[2] == 6 else None


def _not_ours(path: Path, found: str) -> CannotStart:
    return CannotStart(
        f"found {found}; expected a detection network that ultralytics exported, with its metadata, "
        "one input and one output (1, 4 + classes, anchors) or (1, boxes, 6)",
        "export it with: yolo export model=FILE.pt format=openvino",
        path,
    )


def _compile(network: Any, size: tuple[int, int], options: DetectorOptions) -> Any:
    converted = _with_pixels_as_input(network, size)
    fixed = {
        "INFERENCE_PRECISION_HINT": options.precision,
        "INFERENCE_NUM_THREADS": options.threads,
        "NUM_STREAMS": 1,
        # pinned, the streams of several workers on one machine would all sit on its first core
        "ENABLE_CPU_PINNING": False,
    }
    compiled = openvino_core().compile_model(converted, "CPU", fixed)
    actual = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    if actual != options.precision:
        # OpenVINO falls back without a word
        raise CannotStart(f"this processor computes in {actual}, not {options.precision}", "set the precision to f32")
    return compiled


def _with_pixels_as_input(network: Any, size: tuple[int, int]) -> Any:
    from openvino import Layout, Type
    from openvino.preprocess import PrePostProcessor

    wanted = [1, 3, *size]
    if list(network.input(0).shape) != wanted:
        raise CannotStart(f"the network takes {list(network.input(0).shape)}", f"export it for {wanted}, one frame")
    steps = PrePostProcessor(network)
    steps.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC"))
    steps.input().model().set_layout(Layout("NCHW"))
    steps.input().preprocess().convert_element_type(Type.f32).scale(255.0)
    return steps.build()
