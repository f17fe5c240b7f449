"""A face search in which only the models are fake: a fake embedder tells people apart by the size of their boxes.

The detector returns the same people in every frame; the face models find one face in each crop and describe it by
the crop's shape. Every vector is kept, so that a test can search for it in files where it must not be.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from forensics.adapters.crypto.case_key import Key
from forensics.adapters.faces.face_models import FaceModels
from forensics.custody.case_folder import CaseFolder
from forensics.detection.detections import Boxes
from forensics.faces.face import Face, FaceDetector, FaceEmbedder, Measure
from forensics.faces.review_rules import CHECKLIST, Agreement
from forensics.footage.frames import Frame, RgbArray, View
from forensics.footage.timeline import Int64Array, PacketIndex
from forensics.tables.sighting_rows import THUMBNAIL
from pipelines.custody.case_store import load_case
from pipelines.custody.entries import entry_folder
from pipelines.custody.keys import keyring_for
from pipelines.stages.model_loaders import ModelLoaders
from testing.commands import ENTRY_LAST_DAY, TRAINING, Answer, Call, search_case
from testing.given_detector import GivenDetector
from testing.painted.encode import Recipe, encode

__all__ = ["FaceCase", "FakeFaces", "answers", "checks", "fake_loaders", "film_people", "write_reference"]

RATE = Fraction(5)
N_FRAMES = 12
_REASON = ("--reason", "test")
# First pixel of an enlarged crop of the footage, whose face the fake embeds as it embeds that of the footage.
_FROM_FOOTAGE = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class People:
    """Fills `Detector`: a number of people who stand still in a 640x480 picture."""

    n_people: int
    class_names: tuple[str, ...] = ("person",)
    view: View = field(default=View(640, 480))

    def references(self, index: PacketIndex, start: int, stop: int) -> Int64Array:
        return np.array([], dtype=np.int64)

    def detect(self, frames: Iterable[Frame], references: Sequence[Frame]) -> Iterator[tuple[int, Boxes]]:
        rows = np.array([_box(number) for number in range(self.n_people)], dtype=np.float32).reshape(-1, 4)
        for frame in frames:
            yield frame.number, Boxes(rows, np.full(len(rows), 0.9, np.float32), np.zeros(len(rows), dtype=np.int64))


def _box(number: int) -> tuple[int, int, int, int]:
    """Return a box on a grid; each has another size, and none touch."""
    column, row = number % 9, number // 9
    left, top = 10 + column * 70, 10 + row * 75
    return (left, top, left + 24 + number % 7 * 4, top + 40 + number // 7 % 8 * 4)


def _crop_size(number: int) -> tuple[int, int]:
    from forensics.faces.face_selection import head_region

    left, top, right, bottom = head_region(np.array(_box(number), dtype=np.float32), 640, 480)
    return right - left, bottom - top


def film_people(path: Path, *, quality: int) -> Path:
    """Write twelve frames of footage in which the fake detector sees people; another quality gives other bytes."""
    options = {"preset": "ultrafast", "bf": "0", "crf": str(quality)}
    recipe = Recipe(options=options, rate=RATE, gop=4, width_px=640, height_px=480)
    return encode(path, recipe, [number / RATE for number in range(N_FRAMES)])


def write_reference(number: int, path: Path, *, seed: int = 0, from_footage: bool = False) -> Path:
    """Write a picture of person `number`, twenty times the size of the crop; another seed gives another picture."""
    width, height = _crop_size(number)
    grain = np.random.default_rng([number, seed]).integers(0, 255, (height * 20, width * 20, 3), dtype=np.uint8)
    if from_footage:
        grain[0, 0] = _FROM_FOOTAGE
    Image.fromarray(grain).save(path)
    return path


@dataclass(slots=True)
class FakeFaces:
    """Fills `FaceDetector` and `FaceEmbedder`; a picture of one colour has no face, a square one two, others one.

    Attributes:
        vectors: all that were ever computed.
        footage_shift: distance that separates every face of footage from where it would be.
    """

    vectors: list[npt.NDArray[np.float32]] = field(default_factory=list)
    footage_shift: float = 0.0
    model_id: str = "eyes-00000000"
    measure: Measure = Measure.EUCLIDEAN

    def __reduce__(self) -> tuple[object, ...]:
        """Leave the vectors behind on the way to a worker, as real models have none."""
        return FakeFaces, ([], self.footage_shift, self.model_id, self.measure)

    def faces(self, rgb: RgbArray) -> list[Face]:
        height, width = rgb.shape[:2]
        if width > 100 and rgb.std() < 1:
            return []
        return [_face(width, height)] * (2 if width == height else 1)

    def align(self, rgb: RgbArray, face: Face) -> RgbArray:
        height, width = rgb.shape[:2]
        scale = 20 if width > 100 * 4 else 1
        photograph = _photograph(rgb) if scale > 1 else 0
        return np.full((4, 4, 3), (width // scale, height // scale, photograph), dtype=np.uint8)

    def embed(self, aligned: Sequence[RgbArray]) -> npt.NDArray[np.float32]:
        rows = [_vector(*(int(value) for value in each[0, 0]), len(self.vectors) + n) for n, each in enumerate(aligned)]
        for row, each in zip(rows, aligned, strict=True):
            row[0] += self.footage_shift * (each[0, 0, 2] == 0)
        self.vectors += rows
        return np.stack(rows)


def _face(width: int, height: int) -> Face:
    points = [(0.35, 0.3), (0.65, 0.3), (0.5, 0.45), (0.4, 0.55), (0.6, 0.55)]
    scale = np.array([width, height], dtype=np.float32)
    box = np.array([0.2 * width, 0.1 * height, 0.8 * width, 0.7 * height], dtype=np.float32)
    return Face(box, np.array(points, dtype=np.float32) * scale, 0.9)


def _photograph(rgb: RgbArray) -> int:
    """Return the number of the photograph, 1 to 251, by which eighths of its pixels are brighter; 0 for the footage.

    A darker copy has the same number.
    """
    if rgb[0, 0].tolist() == list(_FROM_FOOTAGE):
        return 0
    stretches = [stretch.mean() for stretch in np.array_split(rgb.ravel()[:8000], 8)]
    return 1 + int(np.argsort(stretches) @ 8 ** np.arange(8)) % 251


def _vector(width: int, height: int, photograph: int, nonce: int) -> npt.NDArray[np.float32]:
    """Return a vector near to others of the same size, nearer to those of one photograph, and never the same twice."""
    person = np.random.default_rng([width, height]).normal(size=128)
    own = np.random.default_rng([8, photograph]).normal(size=128) if photograph else np.zeros(128)
    noise = np.random.default_rng([7, nonce]).normal(size=128)
    return (person / np.linalg.norm(person) + 0.032 * own + 0.005 * noise).astype(np.float32)


@dataclass(frozen=True, slots=True)
class FakeFaceModels(FaceModels):
    """Face models that open the fake instead of their weights."""

    faces: FakeFaces = field(default_factory=FakeFaces, compare=False)

    def load(self) -> tuple[FaceDetector, FaceEmbedder]:
        return self.faces, self.faces


def fake_loaders(folder: Path, *, n_people: int) -> tuple[ModelLoaders, FakeFaces]:
    """Return loaders of the fake detector and the fake face models, and the fake itself.

    Args:
        folder: where the file of weights is written.
        n_people: in every frame.
    """
    weights = folder / "weights"
    weights.write_bytes(b"weights")
    models = FakeFaceModels("yunet", weights, "0" * 64, "Dlib", weights, "1" * 64)
    return ModelLoaders(GivenDetector(People(n_people)), lambda detector, embedder: models), models.faces


def answers(nose: str = "agrees") -> dict[str, str]:
    """Return an answer for every feature; only the nose was seen."""
    return dict.fromkeys(CHECKLIST, Agreement.NOT_SEEN.value) | {"nose": nose}


def checks(nose: str = "agrees") -> list[str]:
    """Return the options of a command that give these answers."""
    return [word for feature, answer in answers(nose).items() for word in ("--check", f"{feature}={answer}")]


@dataclass(slots=True)
class FaceCase:
    """A case of mode search whose footage shows some people, and the commands on it.

    Attributes:
        root: the case's folder.
        faces: the fake face models.
        call: runs commands with the fake models.
    """

    root: Path
    faces: FakeFaces
    call: Call

    @classmethod
    def make(
        cls,
        folder: Path,
        call: Call,
        *,
        n_people: int = 3,
        authority: str = "12 Gs 3/26",
        root: Path | None = None,
        mode: str = "search",
    ) -> "FaceCase":
        """Make a case with twelve frames of `n_people` people; from now on `call` uses the fake models.

        Args:
            folder: where footage and weights are written, and the case, unless `root` is another folder.
            call: runs commands.
            n_people: in every frame.
            authority: of the case.
            root: folder of the case.
            mode: of the case, one that compares faces.
        """
        call.loaders, faces = fake_loaders(folder, n_people=n_people)
        case = cls(search_case(root or folder / "case", mode=mode, authority=authority), faces, call)
        case.film("gate", folder)
        return case

    def film(self, camera: str, folder: Path | None = None) -> None:
        """Add twelve frames of the same people by a camera, which is the name of the file too."""
        folder = folder or self.root.parent
        n_clips = len(list(folder.glob("*.mp4")))  # each needs bytes of its own
        footage = film_people(folder / f"{camera}.mp4", quality=20 + n_clips)
        self.do("ingest", footage, "--camera", camera, "--start", "2026-05-01T12:00:00Z", "--clock-error", 0)

    def do(self, command: str, *arguments: object) -> str:
        """Run a command on the case, which must succeed; returns its output."""
        answer = self.call(*command.split(), self.root, *arguments)
        assert answer.code == 0, answer.err
        return answer.out

    def enrol(self, entry: str, number: int, folder: Path, *, basis: str = "warrant 12/26") -> None:
        """Put person `number` on the watch-list."""
        picture = write_reference(number, folder / f"{entry}.png")
        self.do("watchlist add", entry, picture, "--basis", basis, "--expires", ENTRY_LAST_DAY)

    def run(self, *runner: object) -> None:
        """Run the whole case, in this process unless options for another runner are given."""
        quiet = (*(runner or ("--runner", "serial")), "--quiet", "--set", "recognise.minimum_eyes_px=8")
        self.do("run", *quiet, "--set", "recognise.minimum_sharpness=0")

    @property
    def key(self) -> Key:
        """The key of the case."""
        return keyring_for(CaseFolder(self.root), load_case(self.root).case_id).load()

    def entry(self, name: str) -> Path:
        """Return the folder of an entry of the watch-list, also of one that does not exist."""
        return entry_folder(CaseFolder(self.root), self.key, name)

    @property
    def verdicts(self) -> Path:
        """The sealed file of verdicts."""
        return CaseFolder(self.root).reviews_file

    def thumbnails(self) -> list[bytes]:
        """Return the thumbnails of all runs as JPEG."""
        paths = sorted(self.root.glob("runs/*/crops/*.jpg.sealed"))
        return [self.key.unseal(path.read_bytes(), THUMBNAIL) for path in paths]

    def compared_parts(self) -> list[Path]:
        """Return the parts of the stage `recognise`."""
        return sorted(self.root.glob("runs/*/parts/recognise/*.parquet.sealed"))

    def candidates(self) -> list[dict[str, object]]:
        """Return all rows of the table `candidates`."""
        answer = self.call("query", self.root, "candidates", *_REASON, "--json")
        rows: list[dict[str, object]] = answer.json["rows"]
        return rows

    def decide(self, name: str, candidate: str, verdict: str, *more: object) -> Answer:
        """Open a candidate's pictures, then give a verdict; returns the answer of the second command."""
        who = ("--as", name, "--candidate", candidate, "--reason", "candidates of run 1")
        sheet = self.root.parent / f"sheet-{len(list(self.root.parent.glob('sheet-*.png')))}.png"
        opened = self.call("review", self.root, *who, "--pictures", sheet)
        if opened.code:
            return opened
        return self.call("review", self.root, *who, "--verdict", verdict, *checks(), *more)

    def reviewer(self, name: str) -> None:
        """Add a trained reviewer with a key."""
        self.do("reviewer add", name, *TRAINING)
