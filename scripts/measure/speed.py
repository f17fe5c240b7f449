"""Frames per second of `forensics scan`, every frame, against what people write first, in one run.

    scripts/bench                              the six-people clip, three rounds
    scripts/bench --seconds 20 --rounds 1      a short one, as CI runs it
    scripts/bench --write docs/performance.json

Each round runs the peer and then ours, in processes of their own, so that a machine that gets slower
slows both. Start-up (imports, loading, compiling, the cluster) is stated apart. The parts are then
measured alone: decoding, the network, post-processing, tracking.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from forensics.adapters.openvino_detector import load
from forensics.adapters.pyav_index import index_file
from forensics.adapters.pyav_reader import open_reader
from forensics.evidence import Indexed
from forensics.hardware import instruction_set
from forensics.models.shelf import resolve
from scripts.measure.excerpt import excerpt

SHARED = Path(__file__).resolve().parents[3] / "shared"
PEER = """
import json, os, resource, sys, time
os.environ.update(YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true", YOLO_VERBOSE="false")
began = time.perf_counter()
from ultralytics import YOLO
clip, model = sys.argv[1:]
results = YOLO(model, task="detect").track(clip, stream=True, verbose=False)
next(iter(results))
ready = time.perf_counter()
n_frames = sum(1 for _ in results)
seconds = time.perf_counter() - ready
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps(dict(frames=n_frames, startup_s=ready - began, seconds=seconds, peak_bytes=peak)))
"""


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        clip = arguments.clip if arguments.seconds is None else excerpt(arguments.clip, arguments.seconds, Path(folder))
        rounds = [_round(clip, arguments.model, Path(folder) / str(number)) for number in range(arguments.rounds)]
        parts = _parts_alone(clip, arguments.model)
    report = _report(clip, rounds, parts)
    print(_text(report))
    if arguments.write is not None:
        arguments.write.write_text(json.dumps(report, indent=2) + "\n")
    return 0 if report["ratio"]["median"] >= arguments.least_ratio else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--clip", type=Path, default=SHARED / "footage" / "one-by-one-person-detection.mp4")
    parser.add_argument("--model", type=Path, default=SHARED / "models" / "yolo11n_int8_openvino_model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, help="use only so much of the clip")
    parser.add_argument("--least-ratio", type=float, default=0.0, help="exit 1 if ours / peer is below this")
    parser.add_argument("--write", type=Path, metavar="FILE.json")
    return parser.parse_args()


def _round(clip: Path, model: Path, case: Path) -> dict[str, dict[str, float]]:
    peer = json.loads(_output([sys.executable, "-c", PEER, str(clip), str(model)]).splitlines()[-1])
    ours = _ours(clip, model, case)
    for each in (peer, ours):
        each["fps"] = each["frames"] / each["seconds"]
    return {"peer": peer, "ours": ours}


def _ours(clip: Path, model: Path, case: Path) -> dict[str, float]:
    began = time.perf_counter()
    command = ["forensics", "scan", str(clip), "--case", str(case), "--model", str(model), "--json", "--quiet"]
    figures = json.loads(_output(command))["figures"]
    wall = time.perf_counter() - began
    worked = {stage: figures[stage]["working_seconds"] for stage in ("detect", "track", "sight")}
    seconds = sum(worked.values()) + figures["publish"]["seconds"]
    return {
        "frames": figures["frames_detected_now"],
        "startup_s": wall - seconds,
        "seconds": seconds,
        **{f"{stage}_s": spent for stage, spent in worked.items()},
        "publish_s": figures["publish"]["seconds"],
        "peak_bytes": figures["peak_worker_bytes"],
    }


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[:3]} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def _parts_alone(clip: Path, model_path: Path) -> dict[str, float]:
    """CPU milliseconds of one frame, one thread each, nothing else running."""
    with tempfile.TemporaryDirectory() as folder:
        indexed = index_file(clip, working_copy=Path(folder) / "copy")
    detector = load(
        resolve(str(model_path), trusted_sha256=frozenset()),
        classes=(), min_score=0.1, iou=0.7, threads=1, precision="f32",
    )  # fmt: skip
    decoding = _cpu_ms(lambda n: sum(1 for _ in _frames(indexed, detector.view, n)), 200)
    both = _cpu_ms(lambda n: sum(1 for _ in detector.detect(_frames(indexed, detector.view, n), [])), 100)
    return {"decode_and_scale_ms": decoding, "detect_ms": both - decoding, "network_alone_ms": _network_ms(model_path)}


def _frames(indexed: Indexed, view: Any, n_frames: int) -> Any:
    return open_reader(indexed.footage, indexed.index, view).read(np.arange(min(n_frames, indexed.index.n_frames)))


def _cpu_ms(work: Any, n_frames: int) -> float:
    work(8)
    began = time.process_time()
    work(n_frames)
    return (time.process_time() - began) / n_frames * 1000


def _network_ms(model_path: Path) -> float:
    """The network and nothing else: one stream, one thread, f32."""
    from openvino import Core

    fixed = {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = Core().compile_model(str(next(model_path.glob("*.xml"))), "CPU", fixed)
    request = compiled.create_infer_request()
    picture = np.zeros(tuple(compiled.input(0).shape), dtype=np.float32)

    def work(n_frames: int) -> None:
        for _ in range(n_frames):
            request.infer({0: picture})

    return _cpu_ms(work, 60)


def _report(clip: Path, rounds: list[dict[str, dict[str, float]]], parts: dict[str, float]) -> dict[str, Any]:
    ratios = sorted(each["ours"]["fps"] / each["peer"]["fps"] for each in rounds)
    cores = len(os.sched_getaffinity(0))
    limit = cores * 1000 / (parts["decode_and_scale_ms"] + parts["network_alone_ms"])
    ours = statistics.median(each["ours"]["fps"] for each in rounds)
    return {
        "clip": clip.name,
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{cores} cores, {instruction_set()}",
        "rounds": rounds,
        "ratio": {"median": statistics.median(ratios), "min": ratios[0], "max": ratios[-1]},
        "limit_fps": limit,
        "of_limit": ours / limit,
        "parts": parts,
    }


def _text(report: dict[str, Any]) -> str:
    lines = [f"{report['clip']} on {report['machine']}, {report['date']}"]
    for name in ("peer", "ours"):
        runs = [each[name] for each in report["rounds"]]
        fps = sorted(run["fps"] for run in runs)
        startup, peak = (statistics.median(run[fact] for run in runs) for fact in ("startup_s", "peak_bytes"))
        label = "YOLO.track" if name == "peer" else "forensics scan"
        lines.append(
            f"{label:>15}  {statistics.median(fps):6.1f} frames/s ({fps[0]:.1f} to {fps[-1]:.1f}), "
            f"start-up {startup:.1f} s, peak {peak / 2**20:.0f} MiB a process"
        )
    ratio, ours = report["ratio"], report["rounds"][-1]["ours"]
    spent = ", ".join(f"{stage} {ours[f'{stage}_s']:.1f} s" for stage in ("detect", "track", "sight", "publish"))
    lines += [
        f"{'ratio':>15}  {ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})",
        f"{'limit':>15}  {report['limit_fps']:.1f} frames/s, of which ours is {report['of_limit']:.0%}",
        f"{'last round':>15}  {spent}",
        f"{'a frame':>15}  "
        + ", ".join(f"{name[:-3].replace('_', ' ')} {ms:.1f} ms" for name, ms in report["parts"].items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
