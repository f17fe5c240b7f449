"""The contenders: `forensics scan`, YOLO.track, and decoding and the network alone."""

import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from scripts.measure.bench.measurement import Measurement, run_contender

__all__ = [
    "run_decoding",
    "run_forensics_again",
    "run_forensics_scan",
    "run_network",
    "run_on_every_core",
    "run_yolo_track",
]

_YOLO_TRACK = """
import itertools, json, os, sys, time
os.environ.update(YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true", YOLO_VERBOSE="false")
from ultralytics import YOLO
clip, model, stride, most = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
results = YOLO(model, task="detect").track(clip, stream=True, verbose=False, vid_stride=stride)
next(iter(results))
began = time.perf_counter()
used = time.process_time()
n_results = sum(1 for _ in itertools.islice(results, most or None))
print(json.dumps(dict(
    frames=n_results * stride, seconds=time.perf_counter() - began, cpu_s=time.process_time() - used)), flush=True)
"""

_DECODING = """
import itertools, json, sys, time
import av
clip, most = sys.argv[1], int(sys.argv[2])
with av.open(clip) as container:
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1
    frames = container.decode(stream)
    next(frames)
    began, used = time.perf_counter(), time.process_time()
    n_frames = sum(1 for _ in itertools.islice(frames, most or None))
    print(json.dumps(dict(
        frames=n_frames, seconds=time.perf_counter() - began, cpu_s=time.process_time() - used)), flush=True)
"""

_NETWORK = """
import json, sys, time
from pathlib import Path
import numpy as np
from openvino import AsyncInferQueue, Core
path, hint, precision, n_frames = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
file = next(path.glob("*.xml")) if path.is_dir() else path
one = {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}
asked = one if hint == "ONE_THREAD" else {"PERFORMANCE_HINT": hint}
if precision != "default":
    asked["INFERENCE_PRECISION_HINT"] = precision
compiled = Core().compile_model(str(file), "CPU", asked)
requests = 1 if hint != "THROUGHPUT" else compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
queue = AsyncInferQueue(compiled, requests)
picture = np.random.default_rng(0).random(tuple(compiled.input(0).shape), dtype=np.float32)
for _ in range(5):
    queue.start_async({0: picture})
queue.wait_all()
began, used = time.perf_counter(), time.process_time()
for _ in range(n_frames):
    queue.start_async({0: picture})
queue.wait_all()
print(json.dumps(dict(
    frames=n_frames, seconds=time.perf_counter() - began, cpu_s=time.process_time() - used,
    precision=compiled.get_property("INFERENCE_PRECISION_HINT").to_string())), flush=True)
"""

_STAGES = ("detect", "track", "audit", "sight")


def run_forensics_scan(
    clip: Path, model: Path, case: Path, settings: Mapping[str, object], n_frames: int
) -> Measurement:
    """Run `forensics scan`, measured from the first chunk of the first worker to the published tables.

    Args:
        clip: the footage.
        model: of the detector.
        case: a folder that does not exist yet.
        settings: that differ from the default.
        n_frames: of the footage.
    """
    assigned = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    command = ["forensics", "scan", str(clip), "--case", str(case), "--model", str(model), *assigned]

    def read_answer(answer: dict[str, Any]) -> tuple[int, float, dict[str, Any]]:
        figures = answer["figures"]
        stages = {name: figures[name]["working_seconds"] for name in _STAGES if name in figures}
        stages["publish"] = figures["publish"]["seconds"]
        cpu_s = sum(figures[name]["cpu_seconds"] for name in _STAGES if name in figures)
        return n_frames, sum(stages.values()), {"stages": stages, "audit": answer["audit"], "cpu_s": cpu_s}

    return run_contender([*command, "--json", "--quiet"], read_answer)


def run_forensics_again(case: Path, n_frames: int) -> Measurement:
    """Run `forensics run` on a case in which everything is done."""
    return run_contender(
        ["forensics", "run", str(case), "--json", "--quiet"], lambda _: (n_frames, 0.0, {"cpu_s": 0.0})
    )


def run_yolo_track(clip: Path, model: Path, *, stride: int = 1, most: int = 0) -> Measurement:
    """Run YOLO.track on the clip; `stride` skips frames, `most` limits the number of results."""
    return run_contender(
        [sys.executable, "-c", _YOLO_TRACK, str(clip), str(model), str(stride), str(most)], _read_answer
    )


def run_decoding(clip: Path, *, most: int = 0) -> Measurement:
    """Only decode every frame, on one thread."""
    return run_contender([sys.executable, "-c", _DECODING, str(clip), str(most)], _read_answer)


def run_network(model: Path, hint: str, precision: str, n_frames: int = 100) -> Measurement:
    """Run only the network. OpenVINO's performance hints use all cores, ``ONE_THREAD`` uses one."""
    return run_contender([sys.executable, "-c", _NETWORK, str(model), hint, precision, str(n_frames)], _read_answer)


def run_on_every_core(run: Callable[[], Measurement]) -> Measurement:
    """Run the same contender on every core at once, because a core is slower while the others work."""
    cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(cores) as threads:
        runs = [each.result() for each in [threads.submit(run) for _ in range(cores)]]
    return Measurement(
        frames=sum(each.frames for each in runs),
        seconds=max(each.seconds for each in runs),
        startup_s=max(each.startup_s for each in runs),
        cpu_s=sum(each.cpu_s for each in runs),
        peak_bytes=max(each.peak_bytes for each in runs),
        others=0.0,  # each run is another one to the others
        facts=runs[0].facts,
    )


def _read_answer(answer: dict[str, Any]) -> tuple[int, float, dict[str, Any]]:
    return answer["frames"], answer["seconds"], {k: v for k, v in answer.items() if k not in ("frames", "seconds")}
