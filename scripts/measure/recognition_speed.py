"""Measure the seconds of detection and of recognition of one run, without loading, and their frames per second."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import av

_MANDATE = (
    *(
        "--mode",
        "missing",
        "--title",
        "bench",
        "--purpose",
        "bench",
        "--legal-basis",
        "consent",
        "--reference",
        "bench",
    ),
    *("--operator", "bench", "--camera", "stage", "--from", "2026-05-01T00:00:00Z", "--to", "2026-05-02T00:00:00Z"),
    *("--report-body", "bench police", "--reported", "2026-05-01"),
)
_EXPIRES = "2099-01-01"


def main() -> None:
    arguments = _arguments()
    with TemporaryDirectory() as folder:
        looped, case = Path(folder) / "looped.mp4", Path(folder) / "case"
        _loop(arguments.footage, looped, arguments.minutes)
        environment = os.environ | {"FORENSICS_KEYS": f"{folder}/keys"}

        def call(*words: object) -> str:
            line = [sys.executable, "-c", "from pipelines.cli import main; main()", *map(str, words)]
            return subprocess.run(line, env=environment, check=True, capture_output=True, text=True).stdout

        call("case", "init", case, *_MANDATE, "--expires", _EXPIRES)
        call("ingest", case, looped, "--camera", "stage", "--start", "2026-05-01T10:00:00Z", "--clock-error", 0)
        for entry in arguments.entry:
            call("watchlist", "add", case, entry.stem, entry, "--basis", "bench", "--expires", "2098-01-01")
        model = ("--model", arguments.model, "--set", "detect.classes=person")
        figures = json.loads(call("run", case, *model, "--quiet", "--json"))["figures"]
    print(json.dumps(_report(figures), indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("footage", type=Path, help="clip that is repeated")
    parser.add_argument("--model", type=Path, required=True, help="detector")
    parser.add_argument(
        "--entry", type=Path, action="append", required=True, help="reference picture; can be given several times"
    )
    parser.add_argument("--minutes", type=float, default=5, help="duration of the repeated footage")
    return parser.parse_args()


def _loop(source: Path, target: Path, minutes: float) -> None:
    """Repeat the first video stream of the footage by stream copy."""
    with av.open(str(target), "w") as out:
        written, stream = 0, None
        while stream is None or written * stream.time_base < minutes * 60:
            with av.open(str(source)) as container:
                first = container.streams.video[0]
                stream = stream or out.add_stream_from_template(first)
                length = max(p.pts + p.duration for p in container.demux(first) if p.pts is not None)
                container.seek(0)
                for packet in container.demux(first):
                    if packet.dts is not None:
                        packet.pts, packet.dts = packet.pts + written, packet.dts + written
                        packet.stream = stream
                        out.mux(packet)
                written += length
                stream.time_base = first.time_base


def _report(figures: dict[str, dict[str, float]]) -> dict[str, float]:
    detect, recognise = figures["detect"]["working_seconds"], figures["recognise"]["working_seconds"]
    n_frames = float(figures["frames_detected_now"])  # type: ignore[arg-type]
    return {
        "frames": n_frames,
        "detect_seconds": detect,
        "recognise_seconds": recognise,
        "recognition_on_top_of_detection": round(recognise / detect, 3),
        "frames_per_second_of_both": round(n_frames / (detect + recognise), 1),
    }


if __name__ == "__main__":
    main()
