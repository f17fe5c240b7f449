"""Exports: each module lists its public names, they exist, and other modules import nothing else."""

import ast
from collections.abc import Iterator

from testing.source import Import, Module, imports_of, modules, public


def _own(module: Module) -> Iterator[Import]:
    yield from (found for found in imports_of(module) if found.target.split(".")[0] in ("forensics", "pipelines"))


def _exported(module: Module) -> list[str] | None:
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            names: list[str] = ast.literal_eval(node.value)
            return names
    return None


def _defined(module: Module) -> set[str]:
    """Names that stand in the module once it is loaded."""
    names: set[str] = set()
    types = [each for node in module.tree.body if isinstance(node, ast.If) for each in node.body]  # loaded when used
    for node in [*module.tree.body, *types]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return names


def test_modules_list_their_exports_and_these_exist() -> None:
    for module in modules():
        exported = _exported(module)
        if exported is None:
            assert not list(public(module)), f"{module.name} defines public names and has no __all__"
            continue
        assert len(set(exported)) == len(exported), module.name
        assert set(exported) <= _defined(module), f"{module.name} exports what is not there"


def test_imported_names_are_exported() -> None:
    exports = {module.name: set(_exported(module) or ()) for module in modules()}
    taken = {
        (found.target, found.name)
        for module in modules()
        for found in _own(module)
        if found.name and found.name not in exports.get(found.target, set())
    }
    assert taken == set()
