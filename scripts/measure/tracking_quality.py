"""How well association follows people, on public detections and truth of MOT15, against plain ByteTrack.

    scripts/evaluate-tracking ../shared/mot/MOT15
    scripts/evaluate-tracking ../shared/mot/MOT15 --write docs/tracking.md

Both sides get the same boxes and the same scores. The public detector's scores have another scale
in every sequence, so each sequence's are mapped onto [0, 1] by its own lowest score and its 95th
percentile, and clipped. Rows of the truth with flag 0 are left out.
"""

import argparse
import configparser
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import motrics
import numpy as np
import supervision

from forensics.adapters.trackers.bytetrack import ByteTrack
from forensics.detection.detections import Detections
from forensics.footage.timeline import Int64Array
from forensics.tracking.association import DEFAULT_TRACK_PARAMETERS, UNTRACKED, associate

# Scene-level rules for sightings; the truth of MOT15 also holds people seen for a moment.
EVERY_TRACK = replace(DEFAULT_TRACK_PARAMETERS, minimum_detections=1, minimum_duration_ms=0)
LARGEST_LOSS = 1.0
VALUES = asdict(DEFAULT_TRACK_PARAMETERS)

PAGE = """\
# How tracks are made, and how well

One pass over the stored detections of an evidence joins them into tracks. ByteTrack of the package
`trackers` associates; `forensics/adapters/trackers/bytetrack.py` gives it media time instead of frame counts,
a filter whose noise is in box lengths and seconds instead of pixels and frames, and an overlap of
boxes that grow with the time between two looks.

* `activation_score` {activation_score}, `high_score` {high_score}: YOLO11n gives people who are inside the picture
  0.4 to 0.95. Weaker boxes begin no track, they only continue one.
* `minimum_iou` {minimum_iou}: a walker looked at once a second overlaps the predicted box, grown, at least that much.
* `buffer_ms` {buffer_ms}: four looks at 2 a second. On MOT15, 1000 to 5000 differ by less than 2 HOTA.
* `minimum_detections` {minimum_detections}, `minimum_duration_ms` {minimum_duration_ms}: a detector's ghosts last
  one or two looks, a person crosses a picture in several seconds.

Store detections from a score of 0.1 up (`detect.min_score`): boxes that score low begin no track,
but they hold one through an occlusion and show when a person was first and last seen.

Pictures further apart than `buffer_ms` (time lapse, camera traps) make tracks of one detection
each; there `minimum_detections` must be 1 and `minimum_duration_ms` 0.

## Cuts

In edited footage the picture goes over from one scene to another, and what stands in the same place
is somebody else. Every looked-at frame keeps its light in 8 by 8 cells (`glance`, 64 bytes, 0.17
ms); a track ends where the three looks before a step correlate with none of the three after it by
0.5 or more (`forensics/footage/shot_cuts.py`, `track.cuts=false` leaves it). Of the clips at hand, with the
likeness at each step: `short_hamilton_clip.mp4` has three cuts, all found, at -0.03, 0.24 and 0.44;
a car that drives up to the lens reaches 0.75, a jump on stage 0.80, everything else stays above
0.94 (`nasa_multistream.mp4` 0.63, a graphic that appears). Looks more than 0.25 s apart are not
judged: in a second a car can fill the picture. Fades and wipes are not found, and neither is a cut
between two pictures of the same light.

## On MOT15

Public detections and truth of four sequences, all tracks kept. Both sides get the same boxes and
scores; each sequence's scores are mapped onto [0, 1] by its lowest score and its 95th percentile,
and clipped. Repeat with `scripts/evaluate-tracking --write docs/tracking.md`.

### Every frame

{every}

### One frame in three

{third}

Small changes of any parameter move combined HOTA by up to 1.5 either way: a difference below that
says nothing. The filter's noise was chosen on these four sequences, so a part of the gain is theirs.
MOTA is lower because tracks may start at lower scores: on footage that people will search, a
false box that begins a track costs less than a person who is missing.

## On six people, one after the other

YOLO11n on a clip of exactly six people (`one-by-one-person-detection.mp4`, 10 frames/s): exactly six
tracks with every frame, one in two and one in five, from every starting frame, with detections
stored from 0.1, 0.25 and 0.4 up. The shortest lasts 11 s; what the last two parameters drop are
single detections. It stays so with `minimum_iou` from 0.05 to 0.3, `buffer_ms` from 750 to 5000,
`activation_score` from 0.25 to 0.8, `minimum_duration_ms` from 500 to 5000 and `minimum_detections`
from 2 to 5, each changed alone.

On a clip of cars (`car-detection.mp4`) no person track comes out, nor does one longer than a tenth of a
second with `activation_score` at 0.25 and every track kept.
"""


@dataclass(frozen=True, slots=True)
class Sequence:
    """One sequence of the benchmark; frames count from 0."""

    name: str
    fps: int
    n_frames: int
    detections: Detections
    truth: motrics.Frames

    def every(self, nth: int) -> "Sequence":
        """The same scene, looked at less often."""
        looked = np.arange(0, self.n_frames, nth)
        rows = np.flatnonzero(self.detections.frame % nth == 0)
        seen = self.detections
        return Sequence(
            self.name,
            self.fps,
            self.n_frames,
            Detections(seen.frame[rows], seen.xyxy[rows], seen.score[rows], seen.class_index[rows]),
            motrics.Frames([self.truth.ids[f] for f in looked], [self.truth.boxes[f] for f in looked]),
        )


Scores = tuple[float, float, float]
Follow = Callable[[Sequence, Int64Array], Int64Array]


def read_sequence(folder: Path) -> Sequence:
    described = configparser.ConfigParser()
    described.read(folder / "seqinfo.ini")
    n_frames = described.getint("Sequence", "seqLength")
    truth = read_rows(folder / "gt" / "gt.txt")
    truth = truth[truth[:, 6] != 0]
    frames = [truth[truth[:, 0] == number] for number in range(1, n_frames + 1)]
    return Sequence(
        name=folder.name,
        fps=described.getint("Sequence", "frameRate"),
        n_frames=n_frames,
        detections=read_detections(folder / "det" / "det.txt"),
        truth=motrics.Frames([rows[:, 1].astype(int).tolist() for rows in frames], [corners(rows) for rows in frames]),
    )


def read_rows(path: Path) -> np.ndarray:
    lines = path.read_text(encoding="utf-8").split()
    return np.array([[float(cell) for cell in line.split(",")[:7]] for line in lines])


def corners(rows: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.column_stack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]))


def read_detections(path: Path) -> Detections:
    rows = read_rows(path)
    rows = rows[np.lexsort((-rows[:, 6], rows[:, 0]))]
    low, high = rows[:, 6].min(), np.percentile(rows[:, 6], 95)
    return Detections(
        frame=rows[:, 0].astype(np.int64) - 1,
        xyxy=corners(rows).astype(np.float32),
        score=np.clip((rows[:, 6] - low) / (high - low), 0, 1).astype(np.float32),
        class_index=np.zeros(len(rows), dtype=np.int64),
    )


def follow_ours(sequence: Sequence, looked: Int64Array) -> Int64Array:
    return associate(
        sequence.detections,
        looked,
        looked * 1_000_000 // sequence.fps,
        tracker_for=ByteTrack,
        n_classes=1,
        parameters=EVERY_TRACK,
    )


def follow_plainly(sequence: Sequence, looked: Int64Array, **settings: float) -> Int64Array:
    """One update a frame, as the library's own examples do."""
    import trackers

    step = int(looked[1] - looked[0])
    tracker = trackers.ByteTrackTracker(frame_rate=sequence.fps / step, **settings)
    seen = sequence.detections
    track = np.full(len(seen), UNTRACKED, dtype=np.int64)
    for frame in looked:
        rows = np.flatnonzero(seen.frame == frame)
        found = tracker.update(supervision.Detections(xyxy=seen.xyxy[rows], confidence=seen.score[rows], class_id=rows))
        if len(found):
            track[found.class_id] = found.tracker_id
    return track


def plain_with_our_thresholds(sequence: Sequence, looked: Int64Array) -> Int64Array:
    return follow_plainly(
        sequence,
        looked,
        track_activation_threshold=EVERY_TRACK.activation_score,
        high_conf_det_threshold=EVERY_TRACK.high_score,
        minimum_iou_threshold=EVERY_TRACK.minimum_iou,
        lost_track_buffer=EVERY_TRACK.buffer_ms * 30 // 1_000,
    )


METHODS: dict[str, Follow] = {
    "association": follow_ours,
    "ByteTrackTracker, its defaults": follow_plainly,
    "ByteTrackTracker, our parameters": plain_with_our_thresholds,
}


def score(sequences: list[Sequence], follow: Follow, nth: int) -> dict[str, Scores]:
    """HOTA, IDF1 and MOTA of each sequence, and of all as one."""
    scores = {}
    truths, founds = [], []
    for sequence in sequences:
        looked = np.arange(0, sequence.n_frames, nth, dtype=np.int64)
        thinned = sequence.every(nth)
        found = by_frame(thinned.detections, follow(thinned, looked), looked)
        scores[sequence.name] = measure(thinned.truth, found)
        truths.append(thinned.truth)
        founds.append(found)
    return {**scores, "combined": measure(as_one(truths), as_one(founds))}


def by_frame(detections: Detections, track: Int64Array, looked: Int64Array) -> motrics.Frames:
    rows = [np.flatnonzero((detections.frame == frame) & (track >= 0)) for frame in looked]
    return motrics.Frames([track[row].tolist() for row in rows], [detections.xyxy[row].astype(float) for row in rows])


def as_one(parts: list[motrics.Frames]) -> motrics.Frames:
    """One long sequence in which no two parts share a number."""
    return motrics.Frames(
        [[number + place * 1_000_000 for number in ids] for place, part in enumerate(parts) for ids in part.ids],
        [boxes for part in parts for boxes in part.boxes],
    )


def measure(truth: motrics.Frames, found: motrics.Frames) -> Scores:
    result = motrics.evaluate(truth, found)
    return 100 * result.hota.hota, 100 * result.identity.idf1, 100 * result.clear.mota


def table(scores: dict[str, dict[str, Scores]]) -> str:
    """Markdown: one row a method and sequence, then how association compares, combined."""
    lines = ["| method | sequence | HOTA | IDF1 | MOTA |", "|---|---|---|---|---|"]
    for method, by_name in scores.items():
        for name, values in by_name.items():
            lines.append(f"| {method} | {name} | " + " | ".join(f"{value:.1f}" for value in values) + " |")
    lines.append("")
    lines += [f"Against {method}, combined: {difference(scores, method):+.1f} HOTA." for method in list(METHODS)[1:]]
    return "\n".join(lines)


def difference(scores: dict[str, dict[str, Scores]], method: str) -> float:
    return scores["association"]["combined"][0] - scores[method]["combined"][0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", type=Path, nargs="?", default=Path("../shared/mot/MOT15"))
    parser.add_argument("--write", type=Path, help="also write the page that tells about tracking")
    asked = parser.parse_args()

    sequences = [read_sequence(folder) for folder in sorted(asked.benchmark.iterdir()) if folder.is_dir()]
    tables = {}
    for nth in (1, 3):
        scores = {method: score(sequences, follow, nth) for method, follow in METHODS.items()}
        tables[nth] = table(scores)
        print("Every frame:\n" if nth == 1 else f"One frame in {nth}:\n")
        print(tables[nth], end="\n\n")
        if nth == 1:
            worst = min(difference(scores, method) for method in list(METHODS)[1:])
    if asked.write:
        asked.write.write_text(PAGE.format(every=tables[1], third=tables[3], **VALUES), encoding="utf-8")
    if worst < -LARGEST_LOSS:
        print(f"association loses {-worst:.1f} HOTA, more than {LARGEST_LOSS}", file=sys.stderr)
    return int(worst < -LARGEST_LOSS)


if __name__ == "__main__":
    sys.exit(main())
