"""Edits of the files of a published case, each of which can be undone."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from forensics.digests import sha256_of_bytes

__all__ = ["EDITS", "Edit", "group_of", "replaced"]


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one or two files.

    Attributes:
        contents: new content by path; None deletes the file.
        named: paths of which verify must name one.
    """

    contents: dict[Path, bytes | None]
    named: tuple[Path, ...]


Make = Callable[[Path, list[Path], Random], Edit | None]


def group_of(case: Path, path: Path) -> str:
    """Return the group of a file, such as ``parts/detect``. Files of one group can be swapped."""
    if not path.is_relative_to(case):
        return "footage"
    parts = path.relative_to(case).parts
    if parts[0] == "runs":
        return "/".join(parts[2:-1]) if len(parts) > 3 else parts[-1]
    return "/".join(parts[:-1]) if parts[0] == "evidence" and len(parts) > 2 else "/".join(parts)


def _flip_bit(path: Path, others: list[Path], rng: Random) -> Edit | None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return Edit({path: bytes(data)}, (path,))


def _cut_end(path: Path, others: list[Path], rng: Random) -> Edit | None:
    data = path.read_bytes()
    return Edit({path: data[: rng.randrange(len(data))]}, (path,))


def _append_bytes(path: Path, others: list[Path], rng: Random) -> Edit | None:
    return Edit({path: path.read_bytes() + rng.randbytes(rng.randrange(1, 64))}, (path,))


def _delete(path: Path, others: list[Path], rng: Random) -> Edit | None:
    return Edit({path: None}, (path,))


def _swap_with_other(path: Path, others: list[Path], rng: Random) -> Edit | None:
    """Swap a file with another one of its group; None if all others have the same content."""
    data = path.read_bytes()
    differing = [other for other in others if other != path and other.read_bytes() != data]
    if not differing:
        return None
    other = rng.choice(differing)
    return Edit({path: other.read_bytes(), other: data}, (path, other))


def _flip_with_manifest(path: Path, others: list[Path], rng: Random) -> Edit | None:
    """Flip a bit of a table and put its new digest into the manifest; None if no manifest lists the file."""
    manifest = path.parents[1] / "MANIFEST.json"
    if path.suffix != ".parquet" or not manifest.is_file():
        return None
    edit = _flip_bit(path, others, rng)
    assert edit is not None
    data = edit.contents[path]
    assert data is not None
    stored = json.loads(manifest.read_text())
    for file in stored["files"]:
        if manifest.parent / file["path"] == path:
            file["sha256"] = sha256_of_bytes(data)
    return Edit({path: data, manifest: (json.dumps(stored, indent=2) + "\n").encode()}, (manifest,))


def _change_json_value(path: Path, others: list[Path], rng: Random) -> Edit | None:
    """Put another value, of any type, at a random place of a JSON file, or remove it; None if it is no JSON."""
    if path.suffix not in (".json", ".jsonl"):
        return None
    documents = [json.loads(line) for line in path.read_bytes().splitlines()] if path.suffix == ".jsonl" else []
    stored = documents or json.loads(path.read_bytes())
    *way, last = rng.choice(list(_places(stored)))
    holder = stored
    for key in way:
        holder = holder[key]
    values = [value for value in _VALUES if value != holder[last] or type(value) is not type(holder[last])]
    if isinstance(holder, dict) and rng.random() < 0.1:
        del holder[last]
    else:
        holder[last] = rng.choice(values)
    text = "\n".join(map(json.dumps, stored)) if documents else json.dumps(stored, indent=2)
    return Edit({path: text.encode() + b"\n"}, (path,))


def _places(stored: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the keys that lead to every value of a JSON document."""
    items = stored.items() if isinstance(stored, dict) else enumerate(stored) if isinstance(stored, list) else ()
    for key, value in items:
        yield (key,)
        yield from ((key, *more) for more in _places(value))


_VALUES: Final = (None, True, -1, 1e400, "", "x", "../x", "/x", "\ud800", [], ["x"], {}, {"x": "x"})

EDITS: dict[str, Make] = {
    "flip": _flip_bit,
    "cut": _cut_end,
    "grow": _append_bytes,
    "delete": _delete,
    "swap": _swap_with_other,
    "rewrite": _flip_with_manifest,
    "json": _change_json_value,
}


@contextlib.contextmanager
def replaced(edit: Edit) -> Iterator[None]:
    """Apply the edit within the block. Files are replaced, so that other hard links keep the old content."""
    originals = {path: path.read_bytes() for path in edit.contents}
    try:
        for path, data in edit.contents.items():
            _write_or_delete(path, data)
        yield
    finally:
        for path, data in originals.items():
            _write_or_delete(path, data)


def _write_or_delete(path: Path, data: bytes | None) -> None:
    path.unlink(missing_ok=True)
    if data is not None:
        path.write_bytes(data)
