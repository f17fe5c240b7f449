"""Measure the association on public detections and truth of MOT15, against plain ByteTrack.

    scripts/evaluate-tracking ../shared/mot/MOT15
    scripts/evaluate-tracking ../shared/mot/MOT15 --write docs/tracking.md

Both trackers get the same boxes and the same scores. The public detector's scores have another scale in every
sequence. So the scores of each sequence are mapped to [0, 1] by its lowest score and its 95th percentile, and clipped.
Rows of the truth with flag 0 are left out.
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

# The truth of MOT15 also holds people who are visible only for a moment.
EVERY_TRACK = replace(DEFAULT_TRACK_PARAMETERS, minimum_detections=1, minimum_duration_ms=0)
LARGEST_LOSS = 1.0
VALUES = asdict(DEFAULT_TRACK_PARAMETERS)

PAGE = """\
# How tracks are made, and how good they are

Tracking is one pass over the stored detections of an evidence, without pixels. ByteTrack of the package `trackers`
associates them. `forensics/adapters/trackers/bytetrack.py` changes three things:

* media time instead of frame counts,
* a filter whose noise is in box lengths and seconds instead of pixels and frames
  (`forensics/tracking/box_filter.py`),
* an IoU of boxes that are expanded with the time between two detected frames.

## Parameters

| setting | value | reason |
|---|---|---|
| `track.activation_score` | {activation_score} | starts a track; YOLO11n gives people inside the picture 0.4 to 0.95 |
| `track.high_score` | {high_score} | weaker boxes never start a track, they only continue one |
| `track.minimum_iou` | {minimum_iou} | least IoU with the predicted, expanded box, of a walker detected once a second |
| `track.buffer_ms` | {buffer_ms} | four frames at 2 a second; on MOT15, 1000 to 5000 differ by less than 2 HOTA |
| `track.minimum_detections` | {minimum_detections} | false detections last one or two frames |
| `track.minimum_duration_ms` | {minimum_duration_ms} | a person crosses a picture in several seconds |

* Store detections from a score of 0.1 up (`detect.min_score`). Boxes with a low score start no track, but they continue
  one through an occlusion and show when a person was first and last seen.
* No track is asked for more than its footage allows. In a stretch of frames without a pause longer than
  `track.buffer_ms`, one detection per frame and half of its duration are enough: in a time lapse every detection is a
  track, in a clip of a second one that lasts half a second.

## Stills and time lapse

A recording is sparse if it holds stills, or if the median step between two sampled frames is longer than
`track.buffer_ms`. The packet index decides it before anything is decoded; `run` and `run --dry-run` print how many
recordings are sparse. In a sparse recording no other frame confirms a detection, so:

* A single detection is a sighting from `track.single_frame_score` (0.25) up. Weaker ones only continue a burst.
* Detections are joined over at most `track.buffer_ms`: a burst of a camera trap is one sighting for each animal, and
  in a time lapse each picture has sightings of its own. Nobody is followed from one picture to the next by a guess.
* Stills are joined only if both state when they were taken, in EXIF or in the name. A file time may be that of a copy,
  and a picture without a time stands where its name puts it.
* Stills of two scenes are not joined: their luma in 8 by 8 cells must correlate by 0.5 or more
  (`forensics/footage/shot_cuts.py`; `track.cuts=false` turns this off). It is 0.80 or more in the bursts below, at most
  0.27 between unrelated photographs.

| stills, YOLO11n | pictures | sightings |
|---|---|---|
| two bursts of an elephant and a giraffe, 1 s apart | 6 | 2 |
| one bird in 3 s, once taken for a boat | 10 | 2: bird, boat |
| six photographs of people, three with a time in EXIF | 6 | 15, none of two photographs |
| the clip of six people, a frame for every 30 s of EXIF | 47 | 57, each of one picture |

Why 0.25: with every frame of the clips `one-by-one-person-detection.mp4` and `car-detection.mp4`, 3 of 7 detections of
people with scores from 0.25 to 0.4 belong to no track; in the crowd of `walking.mp4` 659 of 2260. In video the 1601
others belong to tracks that stronger detections start; as stills they would be lost.

## Cuts in edited footage

After a cut, another object may stand in the same place. A track therefore ends at a cut (`track.cuts=false` turns this
off). The rule is in `forensics/footage/shot_cuts.py`:

* Every detected frame keeps its luma in 8 by 8 cells (`glance`, 64 bytes, 0.17 ms).
* A cut is a step at which the three frames before correlate with none of the three frames after by 0.5 or more.
* Frames more than 0.25 s apart are not compared: in a second a car can fill the picture.

| clip, step | highest correlation |
|---|---|
| `short_hamilton_clip.mp4`, its three cuts, all found | -0.03, 0.24, 0.44 |
| `nasa_multistream.mp4`, a graphic appears | 0.63 |
| a car drives up to the lens | 0.75 |
| a jump on stage | 0.80 |
| all other steps | above 0.94 |

Not found: fades, wipes, and cuts between two pictures of the same light.

## On MOT15

Repeat: `scripts/evaluate-tracking --write docs/tracking.md`. Public detections and truth of four sequences, all tracks
kept. Both sides get the same boxes and scores. The scores of each sequence are mapped onto [0, 1] by its lowest score
and its 95th percentile, and clipped.

### Every frame

{every}

### One frame in three

{third}

### How to read these tables

* Small changes of any parameter move combined HOTA by up to 1.5 either way. Ignore smaller differences.
* The noise of the filter was chosen on these four sequences, so part of the gain is theirs.
* MOTA is lower because tracks may start at lower scores. In footage that people will search, a false box that starts a
  track costs less than a missing person.

## On six people, one after the other

`one-by-one-person-detection.mp4` (10 frames/s) shows exactly six people. YOLO11n gives exactly six tracks with every
frame, one in two and one in five, from every starting frame, with detections stored from 0.1, 0.25 and 0.4 up. The
shortest track lasts 11 s. `minimum_detections` and `minimum_duration_ms` drop only single detections.

The result stays the same if one parameter is changed within these ranges:

| setting | from | to |
|---|---|---|
| `track.minimum_iou` | 0.05 | 0.3 |
| `track.buffer_ms` | 750 | 5000 |
| `track.activation_score` | 0.25 | 0.8 |
| `track.minimum_duration_ms` | 500 | 5000 |
| `track.minimum_detections` | 2 | 5 |

On a clip of cars (`car-detection.mp4`) there is no track of a person. With `track.activation_score` at 0.25 and every
track kept, none is longer than a tenth of a second.
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
        """Return the same sequence with every nth frame only."""
        sampled = np.arange(0, self.n_frames, nth)
        rows = np.flatnonzero(self.detections.frame % nth == 0)
        detections = self.detections
        return Sequence(
            self.name,
            self.fps,
            self.n_frames,
            Detections(
                detections.frame[rows], detections.xyxy[rows], detections.score[rows], detections.class_index[rows]
            ),
            motrics.Frames([self.truth.ids[f] for f in sampled], [self.truth.boxes[f] for f in sampled]),
        )


Scores = tuple[float, float, float]
Track = Callable[[Sequence, Int64Array], Int64Array]


def read_sequence(folder: Path) -> Sequence:
    info = configparser.ConfigParser()
    info.read(folder / "seqinfo.ini")
    n_frames = info.getint("Sequence", "seqLength")
    truth = read_rows(folder / "gt" / "gt.txt")
    truth = truth[truth[:, 6] != 0]
    frames = [truth[truth[:, 0] == number] for number in range(1, n_frames + 1)]
    return Sequence(
        name=folder.name,
        fps=info.getint("Sequence", "frameRate"),
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


def track_with_association(sequence: Sequence, sampled: Int64Array) -> Int64Array:
    return associate(
        sequence.detections,
        sampled,
        sampled * 1_000_000 // sequence.fps,
        tracker_for=ByteTrack,
        n_classes=1,
        parameters=EVERY_TRACK,
    )


def track_with_library(sequence: Sequence, sampled: Int64Array, **settings: float) -> Int64Array:
    """Update the library's tracker once per frame, as in its own examples."""
    import trackers

    step = int(sampled[1] - sampled[0])
    tracker = trackers.ByteTrackTracker(frame_rate=sequence.fps / step, **settings)
    detections = sequence.detections
    track = np.full(len(detections), UNTRACKED, dtype=np.int64)
    for frame in sampled:
        rows = np.flatnonzero(detections.frame == frame)
        found = tracker.update(
            supervision.Detections(xyxy=detections.xyxy[rows], confidence=detections.score[rows], class_id=rows)
        )
        if len(found):
            track[found.class_id] = found.tracker_id
    return track


def track_with_library_and_our_thresholds(sequence: Sequence, sampled: Int64Array) -> Int64Array:
    return track_with_library(
        sequence,
        sampled,
        track_activation_threshold=EVERY_TRACK.activation_score,
        high_conf_det_threshold=EVERY_TRACK.high_score,
        minimum_iou_threshold=EVERY_TRACK.minimum_iou,
        lost_track_buffer=EVERY_TRACK.buffer_ms * 30 // 1_000,
    )


METHODS: dict[str, Track] = {
    "association": track_with_association,
    "ByteTrackTracker, its defaults": track_with_library,
    "ByteTrackTracker, our parameters": track_with_library_and_our_thresholds,
}


def score(sequences: list[Sequence], track: Track, nth: int) -> dict[str, Scores]:
    """Return HOTA, IDF1 and MOTA of each sequence, and of all sequences combined."""
    scores = {}
    all_truth, all_found = [], []
    for sequence in sequences:
        sampled = np.arange(0, sequence.n_frames, nth, dtype=np.int64)
        thinned = sequence.every(nth)
        found = rows_by_frame(thinned.detections, track(thinned, sampled), sampled)
        scores[sequence.name] = measure(thinned.truth, found)
        all_truth.append(thinned.truth)
        all_found.append(found)
    return {**scores, "combined": measure(concatenate(all_truth), concatenate(all_found))}


def rows_by_frame(detections: Detections, track: Int64Array, sampled: Int64Array) -> motrics.Frames:
    rows = [np.flatnonzero((detections.frame == frame) & (track >= 0)) for frame in sampled]
    return motrics.Frames([track[row].tolist() for row in rows], [detections.xyxy[row].astype(float) for row in rows])


def concatenate(parts: list[motrics.Frames]) -> motrics.Frames:
    """Join the sequences into one; ids of different sequences stay different."""
    return motrics.Frames(
        [[number + place * 1_000_000 for number in ids] for place, part in enumerate(parts) for ids in part.ids],
        [boxes for part in parts for boxes in part.boxes],
    )


def measure(truth: motrics.Frames, found: motrics.Frames) -> Scores:
    result = motrics.evaluate(truth, found)
    return 100 * result.hota.hota, 100 * result.identity.idf1, 100 * result.clear.mota


def table(scores: dict[str, dict[str, Scores]]) -> str:
    """Return a Markdown table of all methods and sequences, and the differences in combined HOTA."""
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
    parser.add_argument(
        "benchmark", type=Path, nargs="?", default=Path("../shared/mot/MOT15"), help="folder of sequences"
    )
    parser.add_argument("--write", type=Path, help="also write the page about tracking, such as docs/tracking.md")
    arguments = parser.parse_args()

    sequences = [read_sequence(folder) for folder in sorted(arguments.benchmark.iterdir()) if folder.is_dir()]
    tables = {}
    for nth in (1, 3):
        scores = {method: score(sequences, track, nth) for method, track in METHODS.items()}
        tables[nth] = table(scores)
        print("Every frame:\n" if nth == 1 else f"One frame in {nth}:\n")
        print(tables[nth], end="\n\n")
        if nth == 1:
            worst = min(difference(scores, method) for method in list(METHODS)[1:])
    if arguments.write:
        arguments.write.write_text(PAGE.format(every=tables[1], third=tables[3], **VALUES), encoding="utf-8")
    if worst < -LARGEST_LOSS:
        print(f"association is {-worst:.1f} HOTA below the library; at most {LARGEST_LOSS} is allowed", file=sys.stderr)
    return int(worst < -LARGEST_LOSS)


if __name__ == "__main__":
    sys.exit(main())
