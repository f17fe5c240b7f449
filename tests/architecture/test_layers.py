"""Imports point down: the layers of `testing/layers.py` hold for every import, and ARCHITECTURE.md shows them."""

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from testing.layers import FORBIDDEN, LAYERS, layer_of, layer_table
from testing.project import ROOT
from testing.source import Import, Module, imports_of, modules, names

_ORDER: Final = [layer.package for layer in LAYERS]
_LIBRARIES: Final = {layer.package: layer.libraries for layer in LAYERS}
_OURS: Final = ("forensics", "pipelines")

# (module, what it imports): why that is right all the same.
_UPWARD: Final = {
    ("forensics", "forensics.tables.open"): "functions for analysts, which load the tables when they are called",
    ("forensics", "forensics.tables.open_many"): "the same",
    ("forensics", "forensics.tables.time_selection"): "the same",
    ("forensics", "forensics.custody.case_document"): "a type only",
    ("forensics", "pipelines.review.reviews"): "the state of a review beside each candidate",
    ("forensics", "forensics.adapters.crypto.key_files"): "the same function finds the key of the case",
    ("forensics", "pipelines.custody.log_anchor"): "the same function counts readings in the log anchor",
    (
        "forensics",
        "pipelines.custody.reading",
    ): "the same function checks the clock and earlier denials",
}
# Slow to load, or with side effects: only inside functions. OpenCV and PyAV load fast enough for an adapter's top.
_NEVER_AT_TOP: Final = frozenset(
    {"torch", "torchvision", "ultralytics", "deepface", "ray", "decord", "openvino", "trackers", "supervision"}
    | {"onnxruntime", "PIL", "rich", "cryptography", "dlib", "lir", "scipy", "starlette", "uvicorn", "jinja2"}
)
_AT_TOP_OF_ADAPTERS: Final = frozenset({"cv2", "av"})


def _own(module: Module) -> Iterator[Import]:
    yield from (found for found in imports_of(module) if found.target.split(".")[0] in _OURS)


def _libraries(module: Module) -> Iterator[tuple[str, Import]]:
    """Yield (library, import) for everything that is neither ours nor Python's."""
    for found in imports_of(module):
        library = found.target.split(".")[0]
        if library not in sys.stdlib_module_names and library not in _OURS:
            yield library, found


def test_the_walk_sees_the_project() -> None:
    assert len(names()) > 200
    assert {module.layer for module in modules()} == set(_ORDER)
    (runner,) = [module for module in modules() if module.name == "pipelines.runners.ray_cluster"]
    assert ("ray", True) in {(library, found.is_at_top) for library, found in _libraries(runner)}
    (front,) = [module for module in modules() if module.name == "forensics"]
    assert {(found.target, found.is_at_top) for found in _own(front)} == {
        ("forensics.tables.open", False),
        ("forensics.tables.open_many", False),
        ("forensics.tables.time_selection", False),
        ("forensics.adapters.crypto.key_files", False),
        ("pipelines.custody.log_anchor", False),
        ("pipelines.custody.reading", False),
        ("pipelines.review.reviews", False),
        ("forensics.custody.case_document", False),
    }


def test_every_package_is_a_layer_or_part_of_one() -> None:
    packages = {".".join(module.name.split(".")[:2]) for module in modules() if module.path.endswith("__init__.py")}
    assert packages == set(_ORDER)


def test_imports_point_down() -> None:
    upward = [
        f"{found.place}: {module.layer} must not import {found.target}"
        for module in modules()
        for found in _own(module)
        if _ORDER.index(layer_of(found.target)) > _ORDER.index(module.layer)
        and (module.name, found.target) not in _UPWARD
    ]
    assert upward == []


def test_independent_layers_do_not_import_each_other() -> None:
    known = [
        f"{found.place}: {why}, but {found.target} is imported"
        for module in modules()
        for found in _own(module)
        for why in [FORBIDDEN.get((module.layer, layer_of(found.target)))]
        if why and found.target != "pipelines"
    ]
    assert known == []


def test_no_import_runs_in_a_circle() -> None:
    below = {
        module.name: {found.target for found in _own(module) if found.is_at_top and found.target != module.name}
        for module in modules()
    }
    assert _circle(below) == {}


def test_no_circle_of_packages() -> None:
    """Also inside a layer: a folder that imports another one is not imported by it, at top or in functions."""
    folders = {module.name: module.folder for module in modules()}
    below: dict[str, set[str]] = defaultdict(set)
    for module in modules():
        wanted = {folders[found.target] for found in _own(module) if (module.name, found.target) not in _UPWARD}
        below[module.folder] |= wanted - {module.folder}
    assert _circle(below) == {}


def _circle(below: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the nodes that are left after those without dependencies have been removed repeatedly: the circle."""
    left = {name: set(targets) for name, targets in below.items()}
    while free := {name for name, targets in left.items() if not targets & left.keys()}:
        left = {name: targets for name, targets in left.items() if name not in free}
    return left


def test_each_layer_keeps_to_its_libraries() -> None:
    beyond = [
        f"{found.place}: {module.layer} must not import {library}"
        for module in modules()
        for library, found in _libraries(module)
        if library not in _LIBRARIES[module.layer]
    ]
    assert beyond == []


def test_every_allowed_library_is_imported() -> None:
    used = defaultdict[str, set[str]](set)
    for module in modules():
        used[module.layer] |= {library for library, _ in _libraries(module)}
    assert {layer: set(_LIBRARIES[layer]) - used[layer] for layer in _ORDER if _LIBRARIES[layer] - used[layer]} == {}


def test_heavy_libraries_load_when_they_are_used() -> None:
    at_top = {
        (module.name, library)
        for module in modules()
        for library, found in _libraries(module)
        if found.is_at_top
        and (library in _NEVER_AT_TOP or (library in _AT_TOP_OF_ADAPTERS and module.layer != "forensics.adapters"))
    }
    assert at_top == {("pipelines.runners.ray_cluster", "ray")}


def test_only_one_module_imports_ray_and_only_when_used() -> None:
    assert {module.name for module in modules() for library, _ in _libraries(module) if library == "ray"} == {
        "pipelines.runners.ray_cluster"
    }
    users = {
        (module.name, found.is_at_top)
        for module in modules()
        for found in _own(module)
        if found.target == "pipelines.runners.ray"
    }
    assert users == {("pipelines.cli.run_options", False)}


def test_the_page_shows_the_layers() -> None:
    assert layer_table() in (ROOT / "ARCHITECTURE.md").read_text()


def test_a_session_loads_no_face_detector_or_search_module() -> None:
    """Every command on a case opens a session first, and an analyst's machine may lack all of these."""
    code = "import sys, pipelines.custody.open_session; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    ours = {name for name in loaded.split() if name.split(".")[0] in _OURS}
    heavy = {"faces", "detectors", "detection", "video", "stills", "decoding", "search", "review", "run", "stages"}
    assert {name for name in ours if heavy & set(name.split("."))} == set()
    assert (_NEVER_AT_TOP - {"cryptography"}) & set(loaded.split()) == set()
    assert len(ours) < 66
