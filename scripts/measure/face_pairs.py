"""Compare error rates on pairs of faces with the published rates, with exact intervals (Clopper-Pearson)."""

import argparse
import json
import re
from itertools import combinations
from pathlib import Path

import av
import numpy as np

from forensics.adapters.faces.face_models import resolve_face_models
from forensics.adapters.faces.face_quality import quality_of
from forensics.adapters.stills.pixels import read_pixels
from forensics.faces.face import FaceDetector, FaceEmbedder, QualityLimits, quality_problems
from forensics.faces.pooling import similarities, single_face_pools
from forensics.faces.published_rates import calibration_for
from forensics.footage.frames import RgbArray, View

_FOOTAGE_LIMITS = QualityLimits(eyes_px=18, sharpness=15, yaw_degrees=45, score=0.8)
_DISTANCES = (0.60, 0.573, 0.55, 0.50, 0.45)


def main() -> None:
    arguments = _arguments()
    detector, embedder = resolve_face_models(arguments.detector, arguments.model).load()
    people, vectors = _embed_pictures(arguments.pictures, detector, embedder)
    if arguments.footage:
        found = _embed_footage(arguments.footage, arguments.every, detector, embedder)
        people += [arguments.person] * len(found)
        vectors += found
    each = single_face_pools(np.stack(vectors), embedder.measure)
    similar = similarities(each, each, embedder.measure)
    pairs = [(people[a] == people[b], float(similar[a, b])) for a, b in combinations(range(len(people)), 2)]
    report = _report([s for same, s in pairs if same], [s for same, s in pairs if not same], arguments.model)
    print(json.dumps(report, indent=2) if arguments.json else _text(report))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="folder of pictures; the file name without digits is the person")
    parser.add_argument("--footage", type=Path, help="footage that shows the face of one person from the front")
    parser.add_argument("--person", default="", help="name of that person, as in the file names")
    parser.add_argument("--every", type=int, default=10, help="use every N-th frame of the footage", metavar="N")
    parser.add_argument("--detector", default="auto", choices=["auto", "yunet", "dlib"], help="face detector")
    parser.add_argument("--model", default="Dlib", help="face recognition model")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser.parse_args()


def _embed_pictures(
    folder: Path, detector: FaceDetector, embedder: FaceEmbedder
) -> tuple[list[str], list["np.ndarray[tuple[int], np.dtype[np.float32]]"]]:
    """Return (people, templates) of the pictures that show exactly one face; other pictures are left out."""
    people, vectors = [], []
    for path in sorted(folder.iterdir()):
        rgb, _ = read_pixels(path.read_bytes(), View())
        faces = detector.faces(rgb)
        if len(faces) == 1:
            people.append(re.sub(r"\d+$", "", path.stem))
            vectors.append(embedder.embed([embedder.align(rgb, faces[0])])[0])
    return people, vectors


def _embed_footage(
    path: Path, every: int, detector: FaceDetector, embedder: FaceEmbedder
) -> list["np.ndarray[tuple[int], np.dtype[np.float32]]"]:
    """Return the templates of the frames in which exactly one face passes the quality limits."""
    vectors = []
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % every:
                continue
            usable = list(_usable_faces(frame.to_ndarray(format="rgb24"), detector, embedder))
            if len(usable) == 1:
                vectors.append(embedder.embed(usable)[0])
    return vectors


def _usable_faces(rgb: RgbArray, detector: FaceDetector, embedder: FaceEmbedder) -> list[RgbArray]:
    faces = [face for face in detector.faces(rgb) if not quality_problems(quality_of(rgb, face), _FOOTAGE_LIMITS)]
    return [embedder.align(rgb, face) for face in faces]


def _report(same: list[float], different: list[float], model: str) -> dict[str, object]:
    calibration = calibration_for(model)
    rows = []
    for distance in _DISTANCES:
        threshold = 1 - distance
        missed, passed = sum(s < threshold for s in same), sum(s >= threshold for s in different)
        rows.append(
            {
                "threshold": round(threshold, 3),
                "missed": [missed, len(same), *_interval(missed, len(same))],
                "false_alarms": [passed, len(different), *_interval(passed, len(different))],
                "published_false_alarm_rate": calibration.fmr_at(threshold) if calibration else None,
            }
        )
    spread = {name: [min(v), float(np.mean(v)), max(v)] for name, v in (("same", same), ("different", different))}
    return {"similarity": spread, "at": rows}


def _interval(n_hits: int, n: int, tail: float = 0.025) -> tuple[float, float]:
    """Return the exact 95 % interval of a rate, by bisection of the binomial distribution."""
    low = 0.0 if n_hits == 0 else _find_root(lambda p: 1 - _binomial_cdf(n_hits - 1, n, p) - tail)
    high = 1.0 if n_hits == n else _find_root(lambda p: tail - _binomial_cdf(n_hits, n, p))
    return round(low, 4), round(high, 4)


def _binomial_cdf(k: int, n: int, p: float) -> float:
    total, term = 0.0, (1 - p) ** n
    for i in range(k + 1):
        total += term
        term *= (n - i) / (i + 1) * p / (1 - p)
    return total


def _find_root(rising: "object") -> float:
    low, high = 1e-9, 1 - 1e-9
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)  # type: ignore[operator]
    return (low + high) / 2


def _text(report: dict[str, object]) -> str:
    lines = [f"{name:>9}: similarity {low:.3f} to {high:.3f}, mean {mean:.3f}"
             for name, (low, mean, high) in report["similarity"].items()]  # fmt: skip  # type: ignore[attr-defined]
    lines.append("threshold   missed (95 %)                 false alarms (95 %)            published")
    for row in report["at"]:  # type: ignore[attr-defined]
        missed, n_same, missed_low, missed_high = row["missed"]
        passed, n_other, low, high = row["false_alarms"]
        lines.append(
            f"{row['threshold']:>9.3f}   {missed:>3} of {n_same:>4} ({missed_low:.3f}-{missed_high:.3f})"
            f"         {passed:>3} of {n_other:>4} ({low:.4f}-{high:.4f})       {row['published_false_alarm_rate']:.5f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
