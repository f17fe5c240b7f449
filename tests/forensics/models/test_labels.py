"""Labels of detections: known lists pass, everything else needs somebody who answers for it."""

import importlib.util
import random
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from forensics.adapters.detectors import load_detector as module
from forensics.detection.detector import DetectorOptions
from forensics.errors import NotAuthorised
from forensics.models.labels import known_labels, undeclared_labels
from forensics.models.model_store import resolve
from testing.commands import Call, clip, new_case
from testing.project import ROOT

# What says what a person is, in spellings that a list of forbidden words would have to know.
_REFUSED = (
    *("race", "Ethnicity", "asian", "african_american", "Caucasian person", "religion", "muslim", "jewish", "gender"),
    *("male", "female", "man", "woman", "men", "boys", "girl", "sex", "age", "age_25_32", "elderly", "young person"),
    *("emotion", "happy", "sad face", "angry", "neutral", "smiling", "mood", "health", "disabled person", "skin"),
    *("dark skin", "hair color", "hair_colour", "eye-color", "blonde", "black person", "white people", "criminal"),
    *(
        "femalePerson",
        "PersonFemale",
        "FEMALEPerson",
        "\uff46\uff45\uff4d\uff41\uff4c\uff45",
        "fe\u200bmale",
        "fe-male",
    ),
    *("f\u00e9male", "m\u0430le", "WOMAN_2", "woman2", "oldman", "asianface", "femaleperson", "policewoman", "women's"),
    *("lady", "ladies", "gentleman", "child", "kids", "toddler", "adult", "baby", "teenagers", "East Asian", "chinese"),
    *("negro", "white", "black", "Latino_Hispanic", "Indian", "asian face", "asian person", "asian_male", "asian_1"),
    *("asian looking", "Middle Eastern", "person_asian", "french person", "hijab", "turban", "crying", "crying face"),
    *(
        "Frau",
        "Mädchen",
        "Männer",
        "femme",
        "garçon",
        "señora",
        "niño",
        "donna",
        "white face",
        "black hair",
        "blue eyes",
    ),
    *(
        "male with dog",
        "female riding horse",
        "african rider",
        "adult person",
        "blind person",
        "asiatic",
        "white person standing",
    ),
)
_OTHER_LANGUAGES = (
    "hombre",
    "naranjita",
    "\u7537\u4eba",
    "\u0436\u0435\u043d\u0449\u0438\u043d\u0430",
    "erkek",
    "kvinna",
    "pani",
    "class 3",
    "m",
    "0",
    "",
)


@pytest.mark.parametrize("label", [*_REFUSED, *_OTHER_LANGUAGES])
def test_a_label_of_no_known_list_is_refused(label: str) -> None:
    assert undeclared_labels([label], []) == [label]


def test_a_declared_label_passes_in_any_spelling() -> None:
    assert undeclared_labels(["Roe_Deer", "roe deer", "ROE-DEER", "person"], ["roe deer"]) == []
    assert undeclared_labels(["roe deer", "roe"], ["roe deer"]) == ["roe"], "a declaration covers a whole label"


def _lists() -> dict[str, set[str]]:
    """Return the lists of labels that come with ultralytics."""
    spec = importlib.util.find_spec("ultralytics")
    assert spec is not None
    assert spec.origin is not None
    files = sorted((Path(spec.origin).parent / "cfg" / "datasets").glob("*.yaml"))
    named = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")).get("names") or {} for file in files}
    return {stem: set(map(str, names.values())) for stem, names in named.items()}


@pytest.mark.parametrize("name", ["coco", "Objects365", "VOC", "VisDrone"])
def test_the_labels_of_a_known_list_pass(name: str) -> None:
    labels = _lists()[name]
    assert len(labels) >= 10
    passes_for_an_origin = ["French"] if name == "Objects365" else []  # a horn
    assert undeclared_labels(labels, []) == passes_for_an_origin


def test_lists_that_say_what_people_are_do_not_pass_as_a_whole() -> None:
    lists = _lists()
    assert {"Man", "Woman", "Boy", "Girl"} <= set(undeclared_labels(lists["open-images-v7"], []))
    assert any("woman" in label for label in undeclared_labels(lists["lvis"], []))
    assert not {"man", "woman", "boy", "girl", "child", "baby"} & known_labels()


def _load(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], **options: Any) -> None:
    monkeypatch.setattr(module, "_load_by_format", lambda model, options: SimpleNamespace(class_names=names))
    module.load_detector(resolve("builtin", trusted_sha256=frozenset()), DetectorOptions(**options))


def test_a_model_is_refused_for_what_it_would_detect(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotAuthorised, match="'Man', 'Woman'") as caught:
        _load(monkeypatch, ("Person", "Man", "Woman"))
    assert "detect.declared_labels" in caught.value.next_step
    _load(monkeypatch, ("Person", "Man", "Woman"), classes=("Person",))
    _load(monkeypatch, ("person", "roe deer"), declared_labels=("roe deer",))
    with pytest.raises(NotAuthorised, match="'Man'"):
        _load(monkeypatch, ("Person", "Man"), classes=("Man",))


def test_a_declaration_needs_a_reason_and_is_on_record(call: Call, tmp_path: Path) -> None:
    case = new_case(call, tmp_path / "case")
    assert call("ingest", case, clip(tmp_path / "gate.mp4"), "--camera", "gate").code == 0
    run = ("run", case, "--runner", "serial", "--quiet", "--set", "detect.declared_labels=roe deer")
    answer = call(*run)
    assert (answer.code, "declared labels need a reason" in answer.err) == (2, True), answer.err
    assert call(*run, "--reason", "species of this forest, list of the ranger").code == 0
    assert "list of the ranger" in (case / "audit.jsonl").read_text()
    (record,) = case.glob("runs/*/run.json")
    assert "roe deer" in record.read_text()
    plain = ("run", case, "--runner", "serial", "--quiet", "--set", "detect.declared_labels=")
    assert call(*plain).code == 0
    assert list(case.glob("runs/*/run.json")) == [record], "a declaration changes no result"


@pytest.mark.parametrize("seed", range(20))
def test_what_is_added_to_a_known_label_makes_it_unknown(seed: int) -> None:
    """A word before or after it, a letter more, less or another: a label is known as a whole or not at all."""
    rng = random.Random(seed)
    labels = [str(each) for known in _known_lists().values() for each in known["labels"]]
    plain = {_plain(label) for label in labels}
    words = ("asian", "young", "female", "m\u00e4nnlich", "\u9752\u5e74", "sad", "white", "religious", "disabled")
    for label in rng.sample(labels, 60):
        place, letter = rng.randrange(len(label) + 1), rng.choice("aeioux\u0430\u0435\u043e")
        changed = (
            *(f"{rng.choice(words)} {label}", f"{label} {rng.choice(words)}", f"{label}/{rng.choice(words)}"),
            *(label[:place] + letter + label[place:], label[:place] + label[place + 1 :], f"{label} {label}"),
        )
        for each in changed:
            assert (undeclared_labels([each], []) == []) == (_plain(each) in plain), each


def _known_lists() -> dict[str, Any]:
    return tomllib.loads((ROOT / "forensics" / "models" / "labels.toml").read_text())


def _plain(label: str) -> str:
    return " ".join(label.replace("_", " ").replace("-", " ").lower().split())
