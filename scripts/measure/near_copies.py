"""How near edited crops of footage are to their own frames, and genuine photographs to any frame.

    scripts/near-copies CLIP --photographs FOLDER [--crops N] [--seed S]

Crops are made and edited at random, as in `scripts/attack`; those that no watch-list would accept are left out. Every
face of every frame is compared with them by the functions that `run` uses. Prints one JSON object.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

from forensics.adapters.faces.face_models import resolve_face_models
from forensics.adapters.faces.face_quality import REFERENCE_LIMITS
from forensics.errors import Unfit
from forensics.faces.published_rates import near_copy_threshold
from forensics.faces.single_faces import Closeness, SingleFaces, closeness
from forensics.footage.frames import RgbArray
from pipelines.search.reference_pictures import Picture, embed_references, measure_picture
from scripts.measure.attack.copies import edited_crop

_EMBEDDER = "Dlib"
_BATCH = 32


def main() -> int:
    arguments = _arguments()
    detector, embedder = resolve_face_models("yunet", _EMBEDDER).load()
    with av.open(str(arguments.clip)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    shown = [embedder.align(rgb, face) for rgb in frames for face in detector.faces(rgb)]
    batches = [shown[start : start + _BATCH] for start in range(0, len(shown), _BATCH)]
    faces = SingleFaces.stacked([SingleFaces.embedded(batch, embedder) for batch in batches])

    def nearest(pictures: Iterable[bytes]) -> list[Closeness]:
        """Return how near every face of the footage is to each picture that a watch-list would accept."""
        found = []
        for data in pictures:
            try:
                reference = measure_picture(Picture("picture", data), detector, REFERENCE_LIMITS)
            except Unfit:
                continue
            found.append(closeness(faces, embed_references([reference], detector, embedder), embedder.measure))
        return found

    crops = nearest(_crops(frames, arguments.crops, np.random.default_rng(arguments.seed)))
    photographs = nearest(path.read_bytes() for path in sorted(arguments.photographs.glob("*.*")))
    print(json.dumps({"faces": len(faces), "crops": _summary(crops), "photographs": _summary(photographs)}, indent=2))
    return 0


def _crops(frames: list[RgbArray], n_crops: int, rng: np.random.Generator) -> Iterable[bytes]:
    return (edited_crop(frames, rng)[0] for _ in range(n_crops))


def _summary(found: list[Closeness]) -> dict[str, object]:
    """Return the number of near copies, and the distribution of the nearest distance and the largest correlation."""
    least = near_copy_threshold(_EMBEDDER)
    distances = sorted(1 - float(each.similarity.max()) for each in found)
    correlated = sorted(float(each.correlation.max()) for each in found)
    return {
        "n": len(found),
        "by_embedding": sum(bool(each.similarity.max() >= least) for each in found),
        "near_copies": sum(bool(each.is_near_copy(least).any()) for each in found),
        "distance_median_and_largest": [round(float(np.median(distances)), 3), round(distances[-1], 3)],
        "correlation_smallest_three_and_median": [
            *(round(each, 3) for each in correlated[:3]),
            round(float(np.median(correlated)), 3),
        ],
        "correlation_largest": round(correlated[-1], 3),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--photographs", type=Path, required=True, help="folder of photographs of people")
    parser.add_argument("--crops", type=int, default=150, metavar="N", help="number of random crops")
    parser.add_argument("--seed", type=int, default=7, metavar="S", help="draws crops and edits")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
