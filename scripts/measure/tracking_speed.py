"""Measure the frames per second of the association on simulated walkers, on one core.

scripts/bench-tracking --frames 20000 --people 10
"""

import argparse
import time

import numpy as np

from forensics.adapters.trackers.bytetrack import ByteTrack
from forensics.detection.detections import Detections
from forensics.tracking.association import associate

WIDTH_PX, HEIGHT_PX, FPS = 1920, 1080, 60
BODY_PX = np.array([60.0, 170.0])


def walkers(n_frames: int, n_people: int, seed: int) -> Detections:
    """Simulate people who walk straight and turn at the edges of the picture, with jittering boxes and 5 % misses."""
    rng = np.random.default_rng(seed)
    room = np.array([WIDTH_PX, HEIGHT_PX]) - BODY_PX
    start = rng.uniform(0, room, (n_people, 2))
    speed = rng.normal(0, [2.0, 0.5], (n_people, 2))
    walked = start + speed * np.arange(n_frames)[:, None, None]  # (F, P, 2)
    corner = np.abs((walked + room) % (2 * room) - room)  # reflect at the edges
    boxes = np.concatenate([corner, corner + BODY_PX], axis=2) + rng.normal(0, 1.0, (n_frames, n_people, 4))
    score = rng.uniform(0.3, 0.95, (n_frames, n_people))
    frame, person = np.nonzero(rng.random((n_frames, n_people)) > 0.05)
    return Detections(
        frame=frame.astype(np.int64),
        xyxy=boxes[frame, person].astype(np.float32),
        score=score[frame, person].astype(np.float32),
        class_index=np.zeros(len(frame), dtype=np.int64),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=10_000, help="number of frames")
    parser.add_argument("--people", type=int, default=10, help="number of people in every frame")
    parser.add_argument("--seed", type=int, default=0, help="seed of the simulation")
    arguments = parser.parse_args()

    detections = walkers(arguments.frames, arguments.people, arguments.seed)
    frames = np.arange(arguments.frames, dtype=np.int64)
    began, began_cpu = time.perf_counter(), time.process_time()
    track = associate(detections, frames, frames * 1_000_000 // FPS, tracker_for=ByteTrack, n_classes=1)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
    print(
        f"{arguments.frames} frames x {arguments.people} people: {len(detections)} detections, "
        f"{track.max() + 1} tracks, {seconds:.1f} s, {arguments.frames / seconds:.0f} frames/s, "
        f"{arguments.frames / cpu_seconds:.0f} frames per second of CPU time"
    )


if __name__ == "__main__":
    main()
