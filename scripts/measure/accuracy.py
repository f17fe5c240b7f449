"""Measure precision and recall of the builtin detector, with the boxes of a real model as truth.

    scripts/accuracy --clip ../shared/footage/one-by-one-person-detection.mp4

A box is correct if its IoU with a box of the model is at least 0.5. Each box is used once.
"""

import argparse
import os
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

PROJECT = Path(__file__).resolve().parents[2]
SHARED = PROJECT.parent / "shared"
os.environ.update(YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true", YOLO_VERBOSE="false")

from forensics.adapters.detectors.builtin import load_builtin
from forensics.detection.detector import Detector
from forensics.detection.iou import iou_matrix
from forensics.footage.frames import Frame, View
from forensics.footage.timeline import PacketIndex

FrameBoxes = list[np.ndarray]


def main() -> None:
    arguments = _arguments()
    cv2.setNumThreads(1)
    index = _index(arguments.clip)
    found, seconds = _run_builtin(arguments.clip, index, arguments.min_score)
    truth = _run_model(arguments.clip, arguments.model)
    overlaps = [iou for ours, theirs in zip(found, truth, strict=True) for iou in _iou_of_pairs(ours, theirs)]
    n_found, n_truth = sum(map(len, found)), sum(map(len, truth))
    empty = [ours for ours, theirs in zip(found, truth, strict=True) if not len(theirs)]
    print(f"{arguments.clip.name}: {index.n_frames} frames, {n_truth} boxes of the model, {n_found} boxes of builtin")
    print(f"precision {len(overlaps) / max(1, n_found):.3f}  recall {len(overlaps) / max(1, n_truth):.3f}", end="  ")
    print(f"mean IoU {np.mean(overlaps or [0.0]):.3f}")
    print(f"boxes of builtin in the {len(empty)} frames in which the model finds nobody: {sum(map(len, empty))}")
    print(
        f"{index.n_frames / seconds:.0f} frames/s, {1000 * seconds / index.n_frames:.1f} ms per frame, without decoding"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, default=SHARED / "footage/one-by-one-person-detection.mp4", help="footage")
    parser.add_argument(
        "--model", type=Path, default=SHARED / "models/yolo11n_int8_openvino_model", help="model whose boxes are truth"
    )
    parser.add_argument("--min-score", type=float, default=0.25, help="lowest score of a box of builtin")
    return parser.parse_args()


def _index(clip: Path) -> PacketIndex:
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        time_base = stream.time_base or Fraction(1, 1000)
        packets = sorted((p.pts, p.is_keyframe, p.size) for p in container.demux(stream) if p.pts is not None)
    pts, is_key, size = zip(*packets, strict=True)
    hidden = np.zeros(len(pts), dtype=bool)
    return PacketIndex(np.array(pts), np.array(is_key), np.array(size), hidden, time_base)


def _frames(clip: Path, view: View) -> Iterator[Frame]:
    with av.open(str(clip)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            width, height = view.size_of(frame.width, frame.height)
            rgb = frame.to_ndarray(format="rgb24", width=width, height=height)
            yield Frame(number, frame.pts, rgb, frame.width, frame.height)


def _run_builtin(clip: Path, index: PacketIndex, min_score: float) -> tuple[FrameBoxes, float]:
    detector: Detector = load_builtin(classes=("person",), min_score=min_score)
    wanted = set(detector.references(index, 0, index.n_frames).tolist())
    references = [frame for frame in _frames(clip, detector.view) if frame.number in wanted]
    answers, decoding = [], _TimedIterator(_frames(clip, detector.view))
    began = time.perf_counter()
    for _, boxes in detector.detect(decoding, references):
        answers.append(boxes.xyxy)
    return answers, time.perf_counter() - began - decoding.seconds


class _TimedIterator:
    """Iterator that measures the time spent in its source."""

    def __init__(self, source: Iterator[Frame]) -> None:
        self.source, self.seconds = source, 0.0

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        began = time.perf_counter()
        try:
            return next(self.source)
        finally:
            self.seconds += time.perf_counter() - began


def _run_model(clip: Path, model: Path) -> FrameBoxes:
    from ultralytics import YOLO

    network = YOLO(str(model), task="detect")
    answers = []
    for frame in _frames(clip, View()):
        bgr = np.ascontiguousarray(frame.rgb[..., ::-1])
        boxes = network.predict(bgr, conf=0.25, classes=[0], verbose=False)[0].boxes
        answers.append(boxes.xyxy.cpu().numpy())
    return answers


def _iou_of_pairs(ours: np.ndarray, theirs: np.ndarray) -> list[float]:
    """Return the IoU of every pair with at least 0.5, best first; each box is used once."""
    iou_of = iou_matrix(ours, theirs)
    pairs = sorted(((iou, i, j) for (i, j), iou in np.ndenumerate(iou_of)), reverse=True)
    used_ours: set[int] = set()
    used_theirs: set[int] = set()
    overlaps = []
    for iou, i, j in pairs:
        if iou >= 0.5 and i not in used_ours and j not in used_theirs:
            used_ours.add(i)
            used_theirs.add(j)
            overlaps.append(iou)
    return overlaps


if __name__ == "__main__":
    main()
