"""The shape of the project, read from its source: who may import whom, which words are used, what is explained.

Layers from the bottom up; a module imports from its own layer and from those below it:

    values      forensics/*              standard library and numpy
    models      forensics/models         names, digests and licences of models
    tables      forensics/tables         Arrow and Polars
    adapters    forensics/adapters       one heavy library each
    decoding    forensics/decoding       adapters in a child process
    settings    pipelines/settings       every setting of a run
    stages      pipelines/stages         one kind of work each
    runners     pipelines/runners        where a stage executes
    pipelines   pipelines/*              which stages in which order
    cli         pipelines/cli            parse, call one function, print
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import click
import pytest

from forensics.tables import schemas
from pipelines.cli.main import forensics as command_line
from pipelines.settings import Settings

_ROOT: Final = Path(__file__).resolve().parents[1]

_PREFIXES: Final = {
    "forensics.models": "models",
    "forensics.tables": "tables",
    "forensics.adapters": "adapters",
    "forensics.decoding": "decoding",
    "forensics": "values",
    "pipelines.settings": "settings",
    "pipelines.stages": "stages",
    "pipelines.runners": "runners",
    "pipelines.demo": "demo",
    "pipelines.cli": "cli",
    "pipelines": "pipelines",
}
_ORDER: Final = (
    *("values", "models", "tables", "adapters", "decoding"),
    *("demo", "settings", "stages", "runners", "pipelines", "cli"),
)

# Beyond the order: below the first line of a pair nothing of the second is known.
_STRANGERS: Final = {
    ("tables", "models"): "tables hold what a model said, not models",
    ("adapters", "tables"): "a reader or detector hands out values; who stores them is not its business",
    ("decoding", "tables"): "the child decodes; the driver writes",
    ("decoding", "models"): "the child decodes; it runs no model",
    ("runners", "adapters"): "a runner carries any stage",
    ("runners", "tables"): "a runner carries any stage",
    ("runners", "settings"): "a runner carries any stage",
}

# (module, what it imports): why that is right all the same.
_UPWARD: Final = {
    ("forensics", "forensics.tables.open"): "the one function for analysts; loads the tables when it is called",
}

_LIBRARIES: Final = {
    "values": {"numpy"},
    "models": set[str](),
    "tables": {"numpy", "pyarrow", "polars"},
    "adapters": {
        *("numpy", "cv2", "av", "PIL", "decord", "openvino", "trackers", "supervision", "torch", "ultralytics", "yaml"),
        *("cryptography", "dlib", "lir", "scipy", "fsspec", "aiohttp", "botocore"),
    },
    "decoding": {"numpy"},
    "demo": {"numpy", "cv2", "av"},
    "settings": {"pydantic"},
    "stages": {"numpy", "pyarrow"},
    "runners": set[str](),
    "pipelines": {"numpy", "pyarrow", "polars", "pydantic", "tomli_w", "rich"},
    "cli": {"click", "polars"},
}

# (module, library): why it is there all the same; each is imported in a function only, but for ray.
_BEYOND: Final = {
    ("pipelines.runners.ray_cluster", "ray"): "the one module that imports the engine",
    ("pipelines.doctor", "psutil"): "whether a cluster here is open can only be asked of the system",
    ("pipelines.metrics", "prometheus_client"): "the file for Prometheus is its only user",
    ("pipelines.review.page.pages", "starlette"): "the page is its only user",
    ("pipelines.review.page.rendering", "starlette"): "the page is its only user",
    ("pipelines.review.page.rendering", "jinja2"): "the page is its only user",
    ("pipelines.review.page.server", "uvicorn"): "the page is its only user",
}

# Slow to load, or with side effects: only inside functions. OpenCV and PyAV load fast enough for an adapter's top.
_NEVER_AT_TOP: Final = frozenset(
    {"torch", "torchvision", "ultralytics", "deepface", "ray", "decord", "openvino", "trackers", "supervision"}
    | {"onnxruntime", "PIL", "rich", "cryptography", "dlib", "lir", "scipy", "starlette", "uvicorn", "jinja2"}
)
_AT_TOP_OF_ADAPTERS: Final = frozenset({"cv2", "av"})


@dataclass(frozen=True, slots=True)
class Module:
    """One source file.

    Attributes:
        name: as it is imported.
        tree: its syntax.
    """

    name: str
    tree: ast.Module

    @property
    def layer(self) -> str:
        return layer_of(self.name)


@dataclass(frozen=True, slots=True)
class Import:
    """One import: of what, and whether it happens when the module loads."""

    target: str
    name: str
    is_at_top: bool


def layer_of(name: str) -> str:
    return next(layer for prefix, layer in _PREFIXES.items() if name == prefix or name.startswith(f"{prefix}."))


@cache
def modules() -> tuple[Module, ...]:
    files = [file for package in ("forensics", "pipelines") for file in sorted((_ROOT / package).rglob("*.py"))]
    return tuple(Module(_name_of(file), ast.parse(file.read_text(encoding="utf-8"))) for file in files)


def _name_of(file: Path) -> str:
    parts = file.relative_to(_ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES: Final = frozenset(module.name for module in modules())


def imports_of(module: Module) -> Iterator[Import]:
    at_top = {id(node) for node in _top_level(module.tree)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, "", id(node) in at_top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name}: imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                target, name = (whole, "") if whole in NAMES else (str(node.module), alias.name)
                yield Import(target, name, id(node) in at_top)


def _top_level(tree: ast.Module) -> Iterator[ast.AST]:
    """What is executed when the module loads: everything outside functions and `if TYPE_CHECKING`."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_for_types(node):
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _own(module: Module) -> Iterator[Import]:
    yield from (found for found in imports_of(module) if found.target.split(".")[0] in ("forensics", "pipelines"))


def _libraries(module: Module) -> Iterator[tuple[str, bool]]:
    """(library, is at top) for everything that is neither ours nor Python's."""
    for found in imports_of(module):
        library = found.target.split(".")[0]
        if library not in sys.stdlib_module_names and library not in ("forensics", "pipelines"):
            yield library, found.is_at_top


# ---- imports


def test_the_walk_sees_the_project() -> None:
    assert len(NAMES) > 60
    assert {module.layer for module in modules()} == set(_ORDER)
    (runner,) = [module for module in modules() if module.name == "pipelines.runners.ray_cluster"]
    assert ("ray", True) in set(_libraries(runner))
    (front,) = [module for module in modules() if module.name == "forensics"]
    assert {(found.target, found.is_at_top) for found in _own(front)} == {("forensics.tables.open", False)}


def test_imports_point_down() -> None:
    upward = {
        (module.name, found.target)
        for module in modules()
        for found in _own(module)
        if _ORDER.index(layer_of(found.target)) > _ORDER.index(module.layer)
    }
    assert upward == set(_UPWARD)


def test_strangers_stay_strangers() -> None:
    known = {
        (module.name, found.target)
        for module in modules()
        for found in _own(module)
        if (module.layer, layer_of(found.target)) in _STRANGERS
    }
    assert known == set()


def test_no_import_runs_in_a_circle() -> None:
    below = {
        module.name: {found.target for found in _own(module) if found.is_at_top and found.target != module.name}
        for module in modules()
    }
    while free := {name for name, targets in below.items() if not targets & below.keys()}:
        below = {name: targets for name, targets in below.items() if name not in free}
    assert below == {}


def test_each_layer_keeps_to_its_libraries() -> None:
    beyond = {
        (module.name, library)
        for module in modules()
        for library, _ in _libraries(module)
        if library not in _LIBRARIES[module.layer]
    }
    assert beyond == set(_BEYOND)


def test_heavy_libraries_load_when_they_are_used() -> None:
    at_top = {
        (module.name, library)
        for module in modules()
        for library, is_at_top in _libraries(module)
        if is_at_top and (library in _NEVER_AT_TOP or (library in _AT_TOP_OF_ADAPTERS and module.layer != "adapters"))
    }
    assert at_top == {("pipelines.runners.ray_cluster", "ray")}


def test_nobody_loads_the_engine_until_it_is_asked_for() -> None:
    users = {
        (module.name, found.is_at_top)
        for module in modules()
        for found in _own(module)
        if found.target == "pipelines.runners.ray"
    }
    assert users == {("pipelines.cli.run_options", False)}


# ---- words

_OF_THE_MACHINE = r"match(es|ed|ing)?|identified|identif(y|ies)|suspects?"
_NOT_OURS = frozenset({"clip", "shard", "segment", "job", "experiment"})
_NEVER_ASKED = frozenset(
    {"race", "ethnicity", "gender", "sex", "age", "emotion", "mood", "religion", "health", "nationality", "skin"}
)
# The demo paints footage that is no evidence of anything yet.
_OTHER_NOUNS: Final[frozenset[str]] = frozenset()


def _columns() -> Iterator[str]:
    named = {name: value for name, value in vars(schemas).items() if name.isupper() and hasattr(value, "names")}
    assert len(named) >= 11
    for schema in named.values():
        for field in schema:
            yield field.name
            inner = getattr(field.type, "value_type", field.type)
            yield from (inner.field(place).name for place in range(getattr(inner, "num_fields", 0)))


def _classes() -> Iterator[str]:
    for module in modules():
        yield from (node.name for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef))


def _words(name: str) -> set[str]:
    """The words of a column or class name, small, and their singulars.

    >>> sorted(_words("BestShards_ms"))
    ['best', 'ms', 'shard', 'shards']
    """
    parts = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)
    return {part.lower() for part in parts} | {part.lower().removesuffix("s") for part in parts if len(part) > 3}


def _documented() -> Iterator[tuple[str, str]]:
    """(place, docstring) of every module, class and function that others may use."""
    for module in modules():
        yield module.name, ast.get_docstring(module.tree) or ""
        for place, node in _public(module):
            yield place, ast.get_docstring(node) or ""


def _public(module: Module) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield f"{module.name}.{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from (
                    (f"{module.name}.{node.name}.{inner.name}", inner)
                    for inner in node.body
                    if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_")
                )


def _helps(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    yield name, command.help or ""
    for parameter in command.params:
        yield f"{name} {parameter.name}", getattr(parameter, "help", None) or ""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _helps(found, f"{name} {child}")


def _descriptions() -> Iterator[tuple[str, str]]:
    for section, field in Settings.model_fields.items():
        assert field.annotation is not None
        for name, setting in field.annotation.model_fields.items():
            yield f"{section}.{name}", setting.description or ""


def test_names_claim_nothing_that_only_a_person_decides() -> None:
    for name in (*_columns(), *_classes()):
        assert not any(re.fullmatch(_OF_THE_MACHINE, word) for word in _words(name)), name


def test_texts_claim_nothing_that_only_a_person_decides() -> None:
    said = re.compile(rf"\b({_OF_THE_MACHINE})\b", re.IGNORECASE)
    # what pipelines/ says to programmers reaches a person only as help
    api = [(place, text) for place, text in _documented() if place.startswith("forensics")]
    texts = [*_helps(command_line, "forensics"), *_descriptions(), *api]
    assert {place: found[0] for place, text in texts if (found := said.search(text))} == {}


def test_one_word_for_one_thing() -> None:
    others = {name for name in (*_columns(), *_classes()) if _words(name) & _NOT_OURS}
    assert others == _OTHER_NOUNS


def test_nothing_is_said_about_what_a_person_is() -> None:
    names = (*_columns(), *_classes(), *(name for name, _ in _descriptions()))
    assert {name for name in names if _words(name.replace(".", "_")) & _NEVER_ASKED} == set()


@pytest.mark.parametrize(
    ("name", "is_caught"),
    [("best_match", True), ("Matches", True), ("n_suspects", True), ("IdentifiedFace", True), ("matchbox", False)],
)
def test_words_are_told_apart(name: str, is_caught: bool) -> None:
    assert any(re.fullmatch(_OF_THE_MACHINE, word) for word in _words(name)) is is_caught


# ---- explanations


def test_everything_public_is_explained() -> None:
    assert [place for place, text in _documented() if not text.strip()] == []


def test_every_setting_is_explained() -> None:
    assert [name for name, text in _descriptions() if not text.strip()] == []


def test_first_lines_are_sentences() -> None:
    first = {place: text.strip().splitlines()[0] for place, text in _documented()}
    assert [place for place, line in first.items() if not line.rstrip().endswith((".", ":", "?"))] == []


# ---- what is exported

# TODO: these belong into the `__all__` of their modules.
_TAKEN_UNEXPORTED: Final = {
    ("forensics.adapters.pyav_index", "upright_size"),
    ("forensics.tables.files", "described"),
    ("forensics.tables.files", "parquet_writer"),
    ("forensics.tables.files", "sync_folder"),
    ("pipelines.plan", "keep_boundaries"),
    ("pipelines.stages.port", "ItemT"),
    ("pipelines.stages.port", "ResultT"),
}


def _exported(module: Module) -> list[str] | None:
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def _defined(module: Module) -> set[str]:
    """Names that stand in the module once it is loaded."""
    names: set[str] = set()
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return names


def test_modules_say_what_they_export_and_it_exists() -> None:
    for module in modules():
        exported = _exported(module)
        if exported is None:
            assert not list(_public(module)), f"{module.name} defines public names and has no __all__"
            continue
        assert len(set(exported)) == len(exported), module.name
        assert set(exported) <= _defined(module), f"{module.name} exports what is not there"


def test_what_one_module_takes_from_another_is_exported() -> None:
    exports = {module.name: set(_exported(module) or ()) for module in modules()}
    taken = {
        (found.target, found.name)
        for module in modules()
        for found in _own(module)
        if found.name and found.name not in exports.get(found.target, set())
    }
    assert taken <= _TAKEN_UNEXPORTED
