"""Neural detectors behind the port `Detector`: a small made network, and real ones against ultralytics."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import cv2
import numpy as np
import pytest

from forensics.adapters.detectors import openvino_detector
from forensics.adapters.detectors.load_detector import load_detector
from forensics.adapters.libraries.openvino_core import openvino_core
from forensics.detection.detections import Boxes
from forensics.detection.detector import Detector, DetectorOptions
from forensics.detection.letterbox import Letterbox, paint
from forensics.detection.yolo_output import class_indices, decode_dense, decode_final, sort_boxes, suppress
from forensics.errors import CannotStart, IntegrityBroken, UsageError
from forensics.footage.frames import Frame, RgbArray, View
from forensics.footage.timeline import PacketIndex
from forensics.models.digest import digest_of
from forensics.models.model_store import Model, resolve

# read by ultralytics when it is first imported: install nothing, call nobody
os.environ["YOLO_AUTOINSTALL"] = "false"
os.environ["YOLO_OFFLINE"] = "true"

SIDE_PX = 64
NAMES = ("person", "dog")
OPTIONS = DetectorOptions(min_score=0.25, rectangular=False)


def frame(number: int, rgb: RgbArray, width_px: int, height_px: int) -> Frame:
    return Frame(number, number * 40, rgb, width_px, height_px)


def grey(number: int, level: int, size_px: tuple[int, int] = (SIDE_PX, SIDE_PX), scale: int = 4) -> Frame:
    """A frame of one level that was scaled down to `size_px`."""
    width, height = size_px
    return frame(number, np.full((height, width, 3), level, dtype=np.uint8), width * scale, height * scale)


def boxes(*rows: tuple[float, float, float, float, float, int]) -> Boxes:
    table = np.array(rows, dtype=np.float32).reshape(-1, 6)
    return Boxes(table[:, :4], table[:, 4], table[:, 5].astype(np.int64))


# ---- letterbox


@pytest.mark.parametrize("width_px", [1, 33, 63, 64])
@pytest.mark.parametrize("height_px", [1, 48, 61, 64])
def test_the_letterbox_is_the_one_of_ultralytics(width_px: int, height_px: int) -> None:
    from ultralytics.data.augment import LetterBox

    rgb = np.random.default_rng(1).integers(0, 255, (height_px, width_px, 3), dtype=np.uint8)
    into = np.empty((SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    box = Letterbox.of(frame(0, rgb, width_px, height_px), SIDE_PX, SIDE_PX)
    paint(rgb, box, into)
    theirs = LetterBox((SIDE_PX, SIDE_PX), auto=False, scaleup=False)(image=rgb)
    assert np.array_equal(into, theirs)


def test_a_frame_larger_than_the_view_is_refused() -> None:
    with pytest.raises(ValueError, match="the view is"):
        Letterbox.of(grey(0, 0, (SIDE_PX + 1, 1)), SIDE_PX, SIDE_PX)


def test_boxes_go_back_to_the_frame_and_end_at_its_edges() -> None:
    box = Letterbox.of(grey(0, 0, (64, 36), scale=10), SIDE_PX, SIDE_PX)
    found = box.to_frame(boxes((0, 14, 64, 50, 0.9, 0), (-5, 20, 10, 90, 0.8, 0), (3, 0, 9, 13, 0.7, 1)))
    assert found.xyxy.tolist() == [[0, 0, 640, 360], [0, 60, 100, 360]]


# ---- output of the network


def test_an_unknown_class_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="it knows: person, dog"):
        class_indices(NAMES, ("cat",))


def test_asking_for_fewer_classes_never_adds_a_box() -> None:
    rng = np.random.default_rng(2)
    output = rng.random((4 + 3, 500), dtype=np.float32)
    every = sort_boxes(decode_dense(output, np.arange(3), 0.3))
    one = sort_boxes(decode_dense(output, np.array([1]), 0.3))
    of_class = every.class_index == 1
    assert np.array_equal(one.xyxy, every.xyxy[of_class])
    assert np.array_equal(one.score, every.score[of_class])


def test_boxes_after_built_in_suppression_are_only_filtered() -> None:
    output = np.array([[1, 2, 3, 4, 0.9, 1], [1, 2, 3, 4, 0.9, 0], [1, 2, 3, 4, 0.2, 1]], dtype=np.float32)
    found = decode_final(output, np.array([1]), 0.25)
    assert (found.xyxy.tolist(), found.class_index.tolist()) == ([[1, 2, 3, 4]], [1])


def test_order_does_not_depend_on_the_order_of_anchors() -> None:
    rows = [(4, 0, 9, 9, 0.5, 0), (1, 0, 9, 9, 0.5, 0), (0, 0, 9, 9, 0.5, 1), (0, 0, 9, 9, 0.9, 1)]
    expected = [rows[3], rows[1], rows[0], rows[2]]
    for turned in (rows, rows[::-1], rows[2:] + rows[:2]):
        found = sort_boxes(boxes(*turned))
        assert found.xyxy.tolist() == [list(row[:4]) for row in expected]


def test_suppression_is_within_a_class_and_keeps_the_better() -> None:
    found = suppress(boxes((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 9, 0.8, 0), (0, 0, 10, 9, 0.7, 1)), 0.7)
    assert found.score.tolist() == pytest.approx([0.9, 0.7])


def test_suppression_agrees_with_torchvision() -> None:
    import torch
    from torchvision.ops import nms

    rng = np.random.default_rng(3)
    corner = rng.random((400, 2), dtype=np.float32) * 60
    xyxy = np.concatenate([corner, corner + 1 + rng.random((400, 2), dtype=np.float32) * 40], axis=1)
    ordered = sort_boxes(Boxes(xyxy, rng.random(400, dtype=np.float32), np.zeros(400, dtype=np.int64)))
    theirs = nms(torch.from_numpy(ordered.xyxy), torch.from_numpy(ordered.score), 0.5).numpy()
    assert np.array_equal(suppress(ordered, 0.5).xyxy, ordered.xyxy[theirs])


def test_no_more_than_three_hundred_boxes_are_kept() -> None:
    many = boxes(*((10 * place, 0, 10 * place + 5, 5, 0.5, 0) for place in range(400)))
    assert len(suppress(sort_boxes(many), 0.7)) == 300


# ---- a made network


def export(folder: Path, *, head: str = "dense", metadata: str | None = None) -> Model:
    """An OpenVINO folder whose one person is as certain as the picture is bright, and whose dog always is."""
    import openvino as ov
    from openvino import opset13 as ops

    pixels = ops.parameter([1, 3, SIDE_PX, SIDE_PX], np.float32, name="images")
    bright = ops.reduce_mean(pixels, np.array([1, 2, 3]), keep_dims=False)  # (1,)
    dense = [[32, 32, 32.5, 10], [32, 32, 32, 50], [20, 10, 20, 10], [40, 20, 40, 20], [1, 0, 0.99, 0], [0, 0.6, 0, 0]]
    final = [[22, 22, 42, 42, 1, 0], [27, 5, 37, 15, 0, 1]]
    fixed = np.array([dense if head == "dense" else final], dtype=np.float32)
    slope, rest = fixed.copy(), fixed.copy()
    person = (slice(None), slice(4, 5)) if head == "dense" else (slice(None), slice(None), slice(4, 5))
    rest[person] = 0
    slope -= rest
    answer = ops.add(ops.multiply(ops.constant(slope), ops.reshape(bright, [1, 1, 1], False)), ops.constant(rest))
    folder.mkdir()
    ov.save_model(ov.Model([answer], [pixels]), folder / "net.xml", compress_to_fp16=False)
    written = f"task: detect\nimgsz: [{SIDE_PX}, {SIDE_PX}]\nnames: {{1: dog, 0: person}}\n"
    (folder / "metadata.yaml").write_text(written if metadata is None else metadata)
    return resolve(str(folder), trusted_sha256=frozenset())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Return a small network in a folder of OpenVINO."""
    return export(tmp_path_factory.mktemp("made") / "net")


def load(model: Model, *classes: str, **changes: Any) -> Detector:
    return load_detector(model, replace(OPTIONS, classes=classes, **changes))


def test_attributes_of_a_detector(made: Model) -> None:
    detector = load(made, "dog")
    index = PacketIndex(np.arange(3), np.ones(3, bool), np.ones(3, np.int64), np.zeros(3, bool), Fraction(1, 25))
    assert detector.class_names == NAMES
    assert detector.view == View(SIDE_PX, SIDE_PX)
    assert detector.references(index, 0, 3).tolist() == []


def test_boxes_are_in_pixels_of_the_upright_frame(made: Model) -> None:
    ((number, found),) = load(made, min_score=0.5).detect([grey(7, 255)], [])
    assert number == 7
    assert found.class_index.tolist() == [0, 1]
    assert found.score.tolist() == pytest.approx([1, 0.6])
    assert found.xyxy.tolist() == [[88, 48, 168, 208], [108, 88, 148, 168]]


def test_every_frame_gets_its_own_answer_in_order(made: Model) -> None:
    levels = [(37 * number) % 256 for number in range(25)]
    reused = np.empty((SIDE_PX, SIDE_PX, 3), dtype=np.uint8)

    def through_one_buffer() -> Iterator[Frame]:
        for number, level in enumerate(levels):
            reused[:] = level
            yield frame(number, reused, SIDE_PX, SIDE_PX)

    found = list(load(made, "person", min_score=0.001).detect(through_one_buffer(), []))
    assert [number for number, _ in found] == list(range(25))
    assert [float(one.score[0]) if len(one) else 0.0 for _, one in found] == pytest.approx(
        [level / 255 for level in levels], abs=1e-4
    )


@pytest.mark.parametrize("sizes_px", [[(64, 40)], [(64, 40), (40, 64), (20, 20)]], ids=["of one size", "of any size"])
def test_detections_do_not_depend_on_other_frames_of_the_batch(made: Model, sizes_px: list[tuple[int, int]]) -> None:
    detector = load(made, min_score=0.001)
    frames = [grey(number, 30 * number, sizes_px[number // 2 % len(sizes_px)]) for number in range(8)]
    together = list(detector.detect(frames, []))
    for one, (number, found) in zip(frames, together, strict=True):
        ((same_number, alone),) = load(made, min_score=0.001).detect([one], [])
        assert (number, found.xyxy.tobytes(), found.score.tobytes()) == (
            same_number,
            alone.xyxy.tobytes(),
            alone.score.tobytes(),
        )


def test_no_frames_give_no_detections_and_a_read_can_end_early(made: Model) -> None:
    def broken() -> Iterator[Frame]:
        yield grey(0, 1)
        raise OSError("the reader fails")

    detector = load(made)
    assert list(detector.detect([], [])) == []
    with pytest.raises(OSError, match="the reader fails"):
        list(detector.detect(broken(), []))
    stopped = detector.detect((grey(number, 1) for number in range(9)), [])
    next(stopped)
    stopped.close()  # type: ignore[attr-defined]


def test_the_classes_that_were_asked_for(made: Model) -> None:
    ((_, found),) = load(made, "dog").detect([grey(0, 255)], [])
    assert found.class_index.tolist() == [1]
    with pytest.raises(UsageError, match="cat"):
        load(made, "cat")


def test_a_network_with_built_in_suppression(tmp_path: Path) -> None:
    detector = load(export(tmp_path / "net", head="final"))
    ((_, found),) = detector.detect([grey(0, 255)], [])
    assert found.xyxy.tolist() == [[88, 88, 168, 168]]


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ("", "task unknown"),
        ("task: segment\nimgsz: [64, 64]\nnames: {0: person, 1: dog}\n", "task segment"),
        ("task: detect\nimgsz: [64, 64]\nnames: {0: person, 1: dog, 2: cat}\n", "for 3 classes"),
        ("task: detect\nimgsz: [32, 32]\nnames: {0: person, 1: dog}\n", "the network takes"),
        ("task: [", "cannot be read"),
    ],
)
def test_networks_of_other_shapes_are_refused_with_the_shape_found(tmp_path: Path, metadata: str, found: str) -> None:
    with pytest.raises(CannotStart, match=found):
        load(export(tmp_path / "net", metadata=metadata))


def test_a_withdrawn_set_in_the_metadata_of_an_onnx_file_is_refused() -> None:
    network = SimpleNamespace(
        has_rt_info=lambda key: True,
        get_rt_info=lambda: {"framework": {"description": SimpleNamespace(value="trained on DukeMTMC.yaml")}},
    )
    with pytest.raises(UsageError, match="DukeMTMC"):
        openvino_detector._metadata(network, Model("own.onnx", Path("own.onnx"), "0" * 64, "onnx"))


def test_a_file_that_is_no_network_cannot_start(tmp_path: Path) -> None:
    (tmp_path / "own.onnx").write_bytes(b"not a network")
    with pytest.raises(CannotStart, match="cannot read it"):
        load(resolve(str(tmp_path / "own.onnx"), trusted_sha256=frozenset()))


def test_a_model_that_changed_is_not_loaded(tmp_path: Path) -> None:
    model = export(tmp_path / "net")
    (tmp_path / "net" / "metadata.yaml").write_text("task: detect\n")
    with pytest.raises(IntegrityBroken):
        load(model)


def test_precision_and_device_are_checked(made: Model) -> None:
    with pytest.raises(UsageError, match="precision int8"):
        load(made, precision="int8")
    with pytest.raises(UsageError, match="cuda"):
        load(made, device="cuda")


def test_the_loader_also_opens_builtin() -> None:
    detector = load(resolve("builtin", trusted_sha256=frozenset()), "person")
    assert "person" in detector.class_names


# ---- ultralytics, with weights drawn by chance


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Return a `.pt` file with random weights."""
    import torch
    from ultralytics import YOLO

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("drawn") / "drawn.pt"
    YOLO("yolo11n.yaml", task="detect").save(path)
    return resolve(str(path), trusted_sha256=frozenset({digest_of(path)}))


@pytest.mark.filterwarnings("default")
def test_a_pt_file_runs_in_padded_batches(drawn: Model) -> None:
    from forensics.adapters.detectors import ultralytics_detector

    rng = np.random.default_rng(4)
    frames = [frame(number, rng.integers(0, 255, (360, 640, 3), dtype=np.uint8), 1280, 720) for number in range(3)]
    options = replace(OPTIONS, classes=("0", "2"), min_score=1e-6, batch=2)
    detector = ultralytics_detector.load(drawn, options)
    assert detector.view == View(640, 640)
    assert detector.class_names[:3] == ("0", "1", "2")
    found = list(detector.detect(frames, []))
    assert [number for number, _ in found] == [0, 1, 2]
    for _, one in found:
        assert set(one.class_index.tolist()) <= {0, 2}
        assert np.all(one.xyxy >= 0)
        assert np.all(one.xyxy[:, [0, 2]] <= 1280)
        assert np.all(one.xyxy[:, [1, 3]] <= 720)
        assert np.all(np.diff(one.score) <= 0)
    assert any(len(one) for _, one in found)


def test_options_that_ultralytics_lacks_are_refused(drawn: Model) -> None:
    import torch

    with pytest.raises(UsageError, match="bf16"):
        load(drawn, precision="bf16")
    with pytest.raises(UsageError, match="tpu"):
        load(drawn, device="tpu")
    if not torch.cuda.is_available():
        with pytest.raises(CannotStart, match="CUDA"):
            load(drawn, device="cuda")


# ---- real networks against ultralytics

CLIPS = ("walking.mp4", "one-by-one-person-detection.mp4")
# share of boxes matched, and by how much their scores may differ; ultralytics runs .onnx on another engine
TOLERANCE = {"openvino": (0.99, 0.005), "onnx": (0.9, 0.1)}
EXPORTS = ("yolo11n_int8_openvino_model", "yolo11n_int8_320.onnx")


def stills(path: Path, count: int) -> list[RgbArray]:
    """(h, w, 3) BGR frames, spread over the clip."""
    clip = cv2.VideoCapture(str(path))
    step = int(clip.get(cv2.CAP_PROP_FRAME_COUNT)) // count
    wanted = []
    for number in range(step * count):
        _, picture = clip.read()
        if number % step == step // 2:
            wanted.append(picture)
    clip.release()
    return wanted


def scaled(number: int, bgr: RgbArray, view: View) -> Frame:
    """The frame as ultralytics would scale it."""
    height, width = bgr.shape[:2]
    small = cv2.resize(bgr, view.size_of(width, height), interpolation=cv2.INTER_LINEAR)
    return frame(number, np.ascontiguousarray(small[..., ::-1]), width, height)


def overlaps(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N, M) intersection over union."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    area, other_area = ((b[:, 2:] - b[:, :2]).prod(axis=1) for b in (one, other))
    return shared / (area[:, None] + other_area[None] - shared)


def predicted(model: Model, pictures: list[RgbArray]) -> list[Boxes]:
    """Return the boxes of ultralytics' own predictor, at the same precision and input size."""
    import openvino as ov
    from ultralytics import YOLO

    size = [640, 640] if model.format == "openvino" else [320, 320]
    network = YOLO(str(model.path), task="detect")
    found = []
    with pytest.MonkeyPatch.context() as patch:
        # ultralytics leaves the precision to OpenVINO, which takes bf16 where it can
        compile_model = ov.Core.compile_model
        patch.setattr(
            ov.Core,
            "compile_model",
            lambda core, network, device_name, config: compile_model(
                core, network, device_name, config | {"INFERENCE_PRECISION_HINT": "f32"}
            ),
        )
        for picture in pictures:
            result = network.predict(picture, imgsz=size, conf=0.25, iou=0.7, rect=False, verbose=False)[0].boxes
            found.append(Boxes(result.xyxy.numpy(), result.conf.numpy(), result.cls.numpy().astype(np.int64)))
    return found


def compare(mine: Boxes, theirs: Boxes) -> tuple[int, int, int, float]:
    """How many boxes each has, how many of theirs have one of ours at IoU 0.9, and the largest score difference."""
    if not len(mine) or not len(theirs):
        return len(mine), len(theirs), 0, 0.0
    same_class = mine.class_index[:, None] == theirs.class_index[None]
    overlap = np.where(same_class, overlaps(mine.xyxy, theirs.xyxy), 0)  # (ours, theirs)
    partner, matched = overlap.argmax(axis=0), overlap.max(axis=0) >= 0.9
    apart = np.abs(mine.score[partner] - theirs.score)[matched]
    return len(mine), len(theirs), int(matched.sum()), float(apart.max(initial=0))


def assert_agree(pairs: Sequence[tuple[Boxes, Boxes]], network_format: str, *, at_least: int) -> None:
    """Check that our boxes of all pictures are those of ultralytics, and that there are some to compare."""
    compared = [compare(mine, theirs) for mine, theirs in pairs]
    n_ours, n_theirs, n_matched = np.array([row[:3] for row in compared]).sum(axis=0)
    furthest = max(row[3] for row in compared)
    print(f"{n_ours} {n_theirs} boxes, {n_matched} matched, scores within {furthest:.2g}")
    share, score = TOLERANCE[network_format]
    assert n_theirs >= at_least
    assert n_matched >= share * max(n_ours, n_theirs)
    assert furthest <= score


@pytest.mark.models
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("name", EXPORTS)
def test_the_same_boxes_as_ultralytics(shared: Path, name: str, clip: str) -> None:
    model = resolve(str(shared / "models" / name), trusted_sha256=frozenset())
    detector = load(model)
    pictures = stills(shared / "footage" / clip, 10)
    ours = list(detector.detect([scaled(n, bgr, detector.view) for n, bgr in enumerate(pictures)], []))
    pairs = [(mine, theirs) for (_, mine), theirs in zip(ours, predicted(model, pictures), strict=True)]
    assert_agree(pairs, model.format, at_least=4)


@pytest.mark.models
def test_another_head_is_refused_with_what_was_found(shared: Path) -> None:
    model = resolve(str(shared / "models" / "yolox_nano.onnx"), trusted_sha256=frozenset())
    with pytest.raises(CannotStart, match=r"\[1,3549,85\]"):
        load(model)


@pytest.mark.models
def test_a_precision_that_the_processor_lacks_is_refused(shared: Path) -> None:
    if "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor computes in bf16")
    model = resolve(str(shared / "models" / "yolo11n_int8_320.onnx"), trusted_sha256=frozenset())
    with pytest.raises(CannotStart, match="bf16"):
        load(model, precision="bf16")


_DROPPED: Final = """
import gc, os, signal, sys
from pathlib import Path
from forensics.adapters.detectors.load_detector import load_detector
from forensics.adapters.libraries.openvino_core import openvino_core
from forensics.detection.detector import DetectorOptions
from forensics.models.model_store import resolve
signal.signal(signal.SIGINT, lambda *_: print("heard", flush=True))
model = resolve(sys.argv[1], trusted_sha256=frozenset())
for number in range(3):
    detectors = [load_detector(model, DetectorOptions()), load_detector(model, DetectorOptions())]
    while detectors:
        detectors.pop(0)
        gc.collect()
        os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.mark.models
def test_signal_handlers_stay_after_detectors_were_dropped(shared: Path) -> None:
    model = shared / "models" / "yolo11n_int8_320.onnx"
    answer = subprocess.run([sys.executable, "-c", _DROPPED, str(model)], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout.split()) == (0, ["heard"] * 6), answer.stderr


def test_only_one_module_creates_the_openvino_core() -> None:
    from forensics.adapters.libraries import openvino_core

    adapters = Path(openvino_core.__file__).parent
    assert [path.name for path in adapters.glob("*.py") if " Core()" in path.read_text()] == ["openvino_core.py"]
