"""Real face models: what deepface is kept from, and people in real footage."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import forensics
from forensics.adapters.faces.dlib_weights import EMBEDDING, dlib_weights
from forensics.adapters.faces.face_models import resolve_face_models
from forensics.adapters.faces.face_quality import REFERENCE_LIMITS, quality_of
from forensics.adapters.stills.pixels import read_pixels
from forensics.errors import CannotStart
from forensics.faces.face import Face, FaceDetector, FaceEmbedder, quality_problems
from forensics.faces.pooling import similarities, single_face_pools
from forensics.footage.frames import View
from testing.commands import ENTRY_LAST_DAY, Call, search_case

# ---- what is not there

_DEMOGRAPHY = """
import sys
from pathlib import Path
from forensics.adapters.faces.deepface_without_demography import load_deepface
DeepFace = load_deepface(Path(sys.argv[1]))
from forensics.errors import NotAuthorised
from deepface.modules import demography, modeling
import importlib, numpy
refused = 0
def tries():
    picture = numpy.zeros((60, 60, 3), numpy.uint8)
    yield lambda: DeepFace.analyze(picture, enforce_detection=False, detector_backend="skip")
    yield lambda: DeepFace.analyze("x.jpg", actions=["emotion"])
    yield lambda: demography.analyze("x.jpg")
    yield lambda: demography.whatever()
    for name in ("Age", "Gender", "Race", "Emotion"):
        yield lambda name=name: modeling.build_model(task="facial_attribute", model_name=name)
        yield lambda name=name: importlib.import_module(f"deepface.models.demography.onnx.{name}")
    yield lambda: importlib.import_module("deepface.models.demography")
for attempt in tries():
    try:
        attempt()
    except NotAuthorised:
        refused += 1
    else:
        print("went through")
print("refused", refused, sorted(name for name in sys.modules if name.startswith("deepface.") and "demography" in name))
"""


def test_deepface_cannot_analyse_demography(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _DEMOGRAPHY, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines()[-1] == "refused 13 ['deepface.modules.demography']"
    assert list(tmp_path.rglob("*.onnx")) == []


def test_a_deepface_that_was_imported_before_is_refused(tmp_path: Path) -> None:
    code = (
        "import sys, types; sys.modules['deepface'] = types.ModuleType('deepface')\n"
        "from pathlib import Path; from forensics.adapters.faces.deepface_without_demography import load_deepface\n"
        f"load_deepface(Path({str(tmp_path)!r}))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert CannotStart.__name__ in told.stderr


def test_weights_are_never_downloaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FORENSICS_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for embedder in ("SFace", "Facenet512", "ArcFace"):
        with pytest.raises(CannotStart, match="place deepface's file"):
            resolve_face_models("dlib", embedder)
    with pytest.raises(CannotStart, match="models pull"):
        resolve_face_models("yunet", "Dlib")
    assert resolve_face_models("auto", "Dlib").detector == "dlib", "no download is needed"


def test_everybody_against_everybody_is_refused(tmp_path: Path, call: Call) -> None:
    case = search_case(tmp_path / "case")
    for against in ("all", "each_other", "everybody", "clusters"):
        answer = call("run", case, "--set", f"recognise.against={against}")
        assert (answer.code, "watch-list" in answer.err) == (3, True)
    answer = call("run", case, "--set", "detect.classes=woman")
    assert answer.code in {3, 6}


# ---- who is who


@pytest.mark.parametrize("pitch", [-20, 0, 20])
@pytest.mark.parametrize("yaw", [0, 15, 30, 45, 60, 75, 90])
@pytest.mark.parametrize("eyes_px", [9, 60])
def test_yaw_of_a_turned_head_is_measured_in_degrees(yaw: int, pitch: int, eyes_px: float) -> None:
    """An average head, turned and nodding, seen from far away."""
    a, b = np.radians([yaw, pitch])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    head = np.array([[-31, -35, 25], [31, -35, 25], [0, 0, 0], [-26, 35, 22], [26, 35, 22]]) / 62 * eyes_px
    landmarks = (head @ (nod @ turn).T)[:, :2].astype(np.float32) + 100
    picture = np.zeros((200, 200, 3), dtype=np.uint8)
    measured = quality_of(picture, Face(np.array([50, 50, 150, 150], np.float32), landmarks, 0.9))
    assert measured.yaw_degrees == pytest.approx(yaw, abs=1)


@pytest.mark.parametrize("landmarks", [np.zeros((5, 2)), np.full((5, 2), 7.0), np.arange(5)[:, np.newaxis] * [1, 0]])
def test_impossible_landmarks_have_a_yaw_too(landmarks: np.ndarray) -> None:
    face = Face(np.array([0, 0, 10, 10], np.float32), landmarks.astype(np.float32), 0.9)
    picture = np.zeros((20, 20, 3), dtype=np.uint8)
    assert 0 <= quality_of(picture, face).yaw_degrees <= 90


@pytest.fixture(scope="module")
def eyes(shared: Path) -> tuple[FaceDetector, FaceEmbedder]:
    """Return the real face detector and embedder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORENSICS_MODELS", str(shared / "models"))
        return resolve_face_models("yunet", "Dlib").load()


def _vector(eyes: tuple[FaceDetector, FaceEmbedder], path: Path) -> np.ndarray:
    detector, embedder = eyes
    rgb, _ = read_pixels(path.read_bytes(), View())
    (face,) = detector.faces(rgb)
    aligned = embedder.align(rgb, face)
    assert quality_problems(quality_of(rgb, face), REFERENCE_LIMITS) == ()
    return embedder.embed([aligned])[0]


@pytest.mark.models
def test_reference_pictures_tell_people_apart(shared: Path, eyes: tuple[FaceDetector, FaceEmbedder]) -> None:
    names = ("obama.jpg", "obama2.jpg", "biden.jpg", "lin-manuel-miranda.png", "alex-lacamoire.png")
    vectors = np.stack([_vector(eyes, shared / "faces" / name) for name in names])
    each = single_face_pools(vectors, eyes[1].measure)
    similar = similarities(each, each, eyes[1].measure)
    assert similar[0, 1] > 0.6
    strangers = similar[np.triu_indices(len(names), 1)][1:]
    assert strangers.max() < 0.35


@pytest.mark.models
def test_embeddings_of_deepface_equal_those_of_dlib(shared: Path, eyes: tuple[FaceDetector, FaceEmbedder]) -> None:
    import dlib

    detector, embedder = eyes
    network = dlib.face_recognition_model_v1(str(dlib_weights(EMBEDDING)))
    rgb, _ = read_pixels((shared / "faces" / "two_people.jpg").read_bytes(), View())
    aligned = [embedder.align(rgb, face) for face in detector.faces(rgb)]
    assert len(aligned) == 2
    own = np.array([list(network.compute_face_descriptor(each)) for each in aligned])
    assert np.abs(embedder.embed(aligned) - own).max() < 1e-5
    one_by_one = np.stack([embedder.embed([each])[0] for each in aligned])
    assert np.array_equal(one_by_one, embedder.embed(aligned)), "batches change nothing"


@pytest.mark.models
def test_the_face_detector_of_dlib_needs_no_download(shared: Path, eyes: tuple[FaceDetector, FaceEmbedder]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORENSICS_MODELS", str(shared / "nothing"))
        patch.setenv("XDG_CACHE_HOME", str(shared / "nothing"))
        by_dlib = resolve_face_models("auto", "Dlib").load()
    for name in ("obama.jpg", "biden.jpg"):
        one, other = (_vector(each, shared / "faces" / name) for each in (eyes, by_dlib))
        assert np.linalg.norm(one - other) < 0.35, name


@pytest.mark.models
def test_each_man_is_found_in_his_own_sighting(
    shared: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORENSICS_MODELS", str(shared / "models"))
    case = search_case(tmp_path / "case", mode="missing")
    clip = shared / "footage" / "short_hamilton_clip.mp4"
    stated = ("--camera", "gate", "--start", "2026-05-01T10:00:00Z", "--clock-error", 500)
    assert call("ingest", case, clip, *stated).code == 0
    for name in ("lin-manuel-miranda.png", "alex-lacamoire.png", "obama.jpg", "biden.jpg"):
        picture = shared / "faces" / name
        added = call("watchlist", "add", case, picture.stem, picture, "--basis", "b", "--expires", ENTRY_LAST_DAY)
        assert added.code == 0, added.err
    model = shared / "models" / "yolo11n_int8_openvino_model"
    ran = call("run", case, "--model", model, "--set", "detect.classes=person", "--runner", "serial", "--quiet")
    assert ran.code == 0, ran.err
    rows = call("query", case, "candidates", "--reason", "test", "--json").json["rows"]
    sightings = {row["sighting_id"]: row for row in call("query", case, "sightings", "--json").json["rows"]}
    found = {
        row["entry_id"]: (row["rank"], sightings[row["sighting_id"]]["first_frame"])
        for row in rows
        if row["decision"] == "candidate"
    }
    assert found == {"alex-lacamoire": (1, 20), "lin-manuel-miranda": (1, 82)}
    assert not [row for row in rows if row["decision"] == "lead"]
    assert {round(row["threshold"], 3) for row in rows} == {0.427}
    _refuse_an_enlarged_thumbnail(call, case, tmp_path / "enlarged.jpg")


def _refuse_an_enlarged_thumbnail(call: Call, case: Path, target: Path) -> None:
    opened = forensics.open_case(case)
    best = opened.sightings().filter(first_frame=82).collect()["thumbnail"][0]
    with Image.open(io.BytesIO(opened.read_picture(best, reason="test"))) as picture:
        part = picture.crop((0, 0, int(0.6 * picture.width), picture.height))
        part.resize((part.width * 2, part.height * 2), Image.Resampling.BICUBIC).save(target, quality=80)
    added = call("watchlist", "add", case, "unknown-man", target, "--basis", "b", "--expires", ENTRY_LAST_DAY)
    assert (added.code, "a frame of the case's own footage, sighting" in added.err) == (3, True), added.err
