"""The source of the project as syntax trees: modules, their imports, public names and docstrings."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from testing.layers import layer_of
from testing.project import ROOT

__all__ = ["Import", "Module", "documented", "imports_of", "modules", "names", "public", "python_files"]


@dataclass(frozen=True, slots=True)
class Module:
    """One source file.

    Attributes:
        name: as it is imported.
        path: of the file, relative to the project.
        tree: its syntax.
    """

    name: str
    path: str
    tree: ast.Module

    @property
    def layer(self) -> str:
        """The package of its layer."""
        return layer_of(self.name)

    @property
    def folder(self) -> str:
        """The folder it lies in."""
        return str(Path(self.path).parent)


@dataclass(frozen=True, slots=True)
class Import:
    """One import.

    Attributes:
        target: the module.
        name: what is taken from it; empty for the module itself.
        is_at_top: whether it happens when the importing module loads.
        place: file and line.
    """

    target: str
    name: str
    is_at_top: bool
    place: str


def python_files(*packages: str) -> Iterator[Path]:
    """Yield the files of packages, sorted by path."""
    for package in packages:
        yield from sorted((ROOT / package).rglob("*.py"))


@cache
def modules() -> tuple[Module, ...]:
    """Return every module of the product."""
    return tuple(_module(file) for file in python_files("forensics", "pipelines"))


def _module(file: Path) -> Module:
    parts = file.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8")))


@cache
def names() -> frozenset[str]:
    """Return the names of all modules."""
    return frozenset(module.name for module in modules())


def imports_of(module: Module) -> Iterator[Import]:
    """Yield what a module imports, anywhere in it; imports are absolute."""
    at_top = {id(node) for node in _top_level(module.tree)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            place, is_at_top = f"{module.path}:{node.lineno}", id(node) in at_top
            if isinstance(node, ast.Import):
                yield from (Import(alias.name, "", is_at_top, place) for alias in node.names)
                continue
            assert node.level == 0, f"{place}: imports are absolute"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                target, name = (whole, "") if whole in names() else (str(node.module), alias.name)
                yield Import(target, name, is_at_top, place)


def _top_level(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what is executed when the module loads: everything outside functions and `if TYPE_CHECKING`."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_for_types(node):
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def documented() -> Iterator[tuple[str, str]]:
    """Yield (place, docstring) of every module, class and function that others may use."""
    for module in modules():
        yield module.name, ast.get_docstring(module.tree) or ""
        for place, node in public(module):
            yield place, ast.get_docstring(node) or ""


def public(module: Module) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """Yield (place, node) of public functions, classes and methods."""
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield f"{module.name}.{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from (
                    (f"{module.name}.{node.name}.{inner.name}", inner)
                    for inner in node.body
                    if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_")
                )
