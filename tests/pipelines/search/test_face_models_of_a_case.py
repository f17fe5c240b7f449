"""A case keeps the face models of its first run: by name and digest, whatever is installed later."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from forensics.adapters.faces.face_models import FaceModels
from forensics.custody.case_folder import CaseFolder
from forensics.errors import CannotStart
from pipelines.run.face_choice import choose_face_models
from pipelines.run.record import newest_record
from pipelines.settings import RecogniseSettings, Settings
from testing.commands import Answer, Call
from testing.face_case import FaceCase, FakeFaceModels

_QUIET = ("--runner", "serial", "--quiet", "--set", "recognise.minimum_eyes_px=8")
_SHARP = ("--set", "recognise.minimum_sharpness=0")


@dataclass(slots=True)
class Shelf:
    """Face models on a machine, by name, with their digest; all of them open the same fake.

    Attributes:
        models: any of the installed models.
        sha256: digest of each installed model.
    """

    models: FaceModels
    sha256: dict[str, str]

    def find(self, detector: str, embedder: str) -> FaceModels:
        """Find models as `resolve_face_models` does."""
        name = detector if detector != "auto" else "yunet" if "yunet" in self.sha256 else "dlib"
        for each in (name, embedder):
            if each not in self.sha256:
                raise CannotStart(f"the model {each} is not in /models", f"run: forensics models pull {each}")
        digests = {"detector_sha256": self.sha256[name], "embedder_sha256": self.sha256[embedder]}
        return replace(self.models, detector=name, embedder=embedder, **digests)


@pytest.fixture
def case(tmp_path: Path, call: Call) -> FaceCase:
    """Make a search with one entry, which has not run."""
    made = FaceCase.make(tmp_path, call, n_people=2)
    made.enrol("E0", 0, tmp_path)
    return made


@pytest.fixture
def shelf(case: FaceCase) -> Shelf:
    """Install dlib's detector and the embedder Dlib; the commands on the case find what is there."""
    shelf = Shelf(case.call.loaders.find_face_models("auto", "Dlib"), {"dlib": "d" * 64, "Dlib": "1" * 64})
    assert isinstance(shelf.models, FakeFaceModels)
    case.call.loaders = replace(case.call.loaders, find_face_models=shelf.find)
    return shelf


def _run(case: FaceCase, *more: object) -> Answer:
    return case.call("run", case.root, *_QUIET, *_SHARP, *more)


def _run_id(case: FaceCase, *more: object) -> str:
    answer = _run(case, *more, "--json")
    assert answer.code == 0, answer.err
    run: str = answer.json["run"]
    return run


def test_a_better_detector_that_is_installed_later_changes_nothing(case: FaceCase, shelf: Shelf) -> None:
    first = _run_id(case)
    tables = (case.root / "tables" / "MANIFEST.json").read_bytes()
    shelf.sha256["yunet"] = "e" * 64
    answer = _run(case)
    assert answer.code == 0, answer.err
    assert (case.root / "tables" / "MANIFEST.json").read_bytes() == tables
    assert f"run {first}:" in answer.out
    assert f"face detector dlib; that of run {first}" in answer.err
    assert f"detector dlib (SHA-256 {'d' * 12}), embedder Dlib (SHA-256 {'1' * 12})" in answer.out
    assert "YuNet, which finds more faces, was not used" in answer.out


def test_a_detector_that_is_missing_is_named_and_nothing_else_takes_its_place(case: FaceCase, shelf: Shelf) -> None:
    shelf.sha256["yunet"] = "e" * 64
    first = _run_id(case)
    del shelf.sha256["yunet"]
    tables = (case.root / "tables" / "MANIFEST.json").read_bytes()
    for answer in (_run(case), _run(case, "--dry-run"), case.call("reproduce", case.root, "--runner", "serial")):
        assert answer.code == 6, answer.out
        assert (
            f"error: run {first} compared faces with the detector yunet (SHA-256 {'e' * 12}) and the embedder Dlib "
            f"(SHA-256 {'1' * 12}); the model yunet is not in /models" in answer.err
        )
    assert "--set recognise.detector=dlib" in _run(case).err
    assert (case.root / "tables" / "MANIFEST.json").read_bytes() == tables


def test_another_detector_is_chosen_on_purpose_and_is_another_run(case: FaceCase, shelf: Shelf) -> None:
    first = _run_id(case)
    shelf.sha256["yunet"] = "e" * 64
    other = _run_id(case, "--set", "recognise.detector=yunet")
    assert other != first
    assert newest_record(CaseFolder(case.root))["faces"]["choice"] == "named with recognise.detector"
    assert _run_id(case) == other, "it is kept"
    assert _run_id(case, "--set", "recognise.detector=dlib") == first
    assert _run_id(case, "--unset", "recognise.detector") == other, "auto is resolved anew"
    assert _run_id(case, "--unset", "all", *_QUIET, *_SHARP) == other, "all but the models"


def test_candidates_that_are_gone_with_another_detector_are_explained(case: FaceCase, shelf: Shelf) -> None:
    first = _run_id(case)
    shelf.sha256["yunet"] = "e" * 64
    err = _run(case, "--set", "recognise.detector=yunet", "--set", "recognise.minimum_eyes_px=1000").err
    gone = "1 candidate of the list before is not in this one"
    assert f"{gone}: run {first} found faces with dlib, this run with yunet" in err


def test_an_embedder_of_the_same_name_with_another_digest_is_refused(case: FaceCase, shelf: Shelf) -> None:
    first = _run_id(case)
    shelf.sha256["Dlib"] = "2" * 64
    answer = _run(case)
    assert answer.code == 6
    expected = f"run {first} compared faces with the embedder Dlib (SHA-256 {'1' * 12}); the embedder Dlib here has"
    assert f"{expected} {'2' * 12} (searched: " in answer.err
    assert _run_id(case, "--set", "recognise.model=Dlib") != first


def test_every_answer_names_the_face_models(case: FaceCase, shelf: Shelf, tmp_path: Path) -> None:
    _run_id(case)
    text = f"detector dlib (SHA-256 {'d' * 12}), embedder Dlib"
    assert text in case.call("query", case.root, "candidates", "--reason", "r").err
    assert text in " ".join(case.do("status").split())
    facts = case.call("status", case.root, "--json").json["face_models"]
    assert (facts["detector"]["sha256"], facts["embedder"]["name"]) == ("d" * 64, "Dlib")
    assert facts["choice"].endswith("and no face detector was named")
    found = case.call("query", case.root, "candidates", "--reason", "r", "--json").json
    assert found["face_models"]["detector"]["name"] == "dlib"
    case.do("case disclose", "-o", tmp_path / "d.json", "--recipient", "counsel", "--reason", "court")
    disclosed = json.loads((tmp_path / "d.json").read_text())
    assert disclosed["with"]["faces"] == facts
    assert "dlib's detector" in disclosed["known_limits"][-1]


def test_entries_are_measured_with_the_models_of_the_case(case: FaceCase, shelf: Shelf, tmp_path: Path) -> None:
    _run_id(case)
    shelf.sha256["yunet"] = "e" * 64
    case.enrol("E1", 1, tmp_path)
    digest = shelf.find("dlib", "Dlib").digest
    assert (case.entry("E1") / f"{digest}.template.sealed").exists()


@pytest.fixture
def choose(tmp_path: Path, shelf: Shelf) -> Callable[..., FaceModels]:
    """Return the choice for a case whose last run has this record."""

    def chosen(record: dict[str, object], *, named: tuple[str, ...] = ()) -> FaceModels:
        return choose_face_models(CaseFolder(tmp_path), record, RecogniseSettings(), shelf.find, named=named)

    return chosen


def test_a_case_of_an_earlier_version_keeps_what_its_last_run_used(
    choose: Callable[..., FaceModels], shelf: Shelf
) -> None:
    """Its settings say `auto`, and its record names the models."""
    shelf.sha256["yunet"] = "e" * 64
    last = {"detector": {"name": "dlib", "sha256": "d" * 64}, "embedder": {"name": "Dlib", "sha256": "1" * 64}}
    assert choose({"run": "0a", "faces": last}).detector == "dlib"
    assert choose({"run": "0a", "faces": last}, named=("recognise.detector",)).detector == "yunet"
    assert choose({"run": "0a", "faces": None}).detector == choose({}).detector == "yunet"


def test_the_id_of_a_run_of_an_earlier_version_is_of_its_settings_only() -> None:
    settings = Settings()
    plain, with_faces = (
        settings.digest_content("aa", compares_faces=True, faces_sha256=digest) for digest in ("", "f" * 64)
    )
    assert {**plain, "faces": "f" * 64} == with_faces
    assert "faces" not in plain
