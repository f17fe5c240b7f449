"""Ways to change the files of a published case, one at a time, and to put back what was there."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from forensics.digests import sha256_of_bytes

__all__ = ["EDITS", "Edit", "group_of", "replaced"]


@dataclass(frozen=True, slots=True)
class Edit:
    """What is changed.

    Attributes:
        contents: what each path holds afterwards; None where it is gone.
        named: any of these is the right answer to what was changed.
    """

    contents: dict[Path, bytes | None]
    named: tuple[Path, ...]


Make = Callable[[Path, list[Path], Random], Edit | None]


def group_of(case: Path, path: Path) -> str:
    """Of which kind a file is, such as ``parts/detect``: files of one kind can be swapped."""
    if not path.is_relative_to(case):
        return "footage"
    parts = path.relative_to(case).parts
    if parts[0] == "runs":
        return "/".join(parts[2:-1]) if len(parts) > 3 else parts[-1]
    return "/".join(parts[:-1]) if parts[0] == "evidence" and len(parts) > 2 else "/".join(parts)


def _flipped(path: Path, others: list[Path], chance: Random) -> Edit | None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return Edit({path: bytes(data)}, (path,))


def _cut(path: Path, others: list[Path], chance: Random) -> Edit | None:
    data = path.read_bytes()
    return Edit({path: data[: chance.randrange(len(data))]}, (path,))


def _grown(path: Path, others: list[Path], chance: Random) -> Edit | None:
    return Edit({path: path.read_bytes() + chance.randbytes(chance.randrange(1, 64))}, (path,))


def _gone(path: Path, others: list[Path], chance: Random) -> Edit | None:
    return Edit({path: None}, (path,))


def _swapped(path: Path, others: list[Path], chance: Random) -> Edit | None:
    """With another of its kind; None where there is none, or it holds the same."""
    data = path.read_bytes()
    differing = [other for other in others if other != path and other.read_bytes() != data]
    if not differing:
        return None
    other = chance.choice(differing)
    return Edit({path: other.read_bytes(), other: data}, (path, other))


def _with_its_manifest(path: Path, others: list[Path], chance: Random) -> Edit | None:
    """A table, and the manifest that vouches for it; None where no manifest names the file."""
    manifest = path.parents[1] / "MANIFEST.json"
    if path.suffix != ".parquet" or not manifest.is_file():
        return None
    edit = _flipped(path, others, chance)
    assert edit is not None
    data = edit.contents[path]
    assert data is not None
    stored = json.loads(manifest.read_text())
    for file in stored["files"]:
        if manifest.parent / file["path"] == path:
            file["sha256"] = sha256_of_bytes(data)
    return Edit({path: data, manifest: (json.dumps(stored, indent=2) + "\n").encode()}, (manifest,))


EDITS: dict[str, Make] = {
    "flip": _flipped,
    "cut": _cut,
    "grow": _grown,
    "delete": _gone,
    "swap": _swapped,
    "rewrite": _with_its_manifest,
}


@contextlib.contextmanager
def replaced(edit: Edit) -> Iterator[None]:
    """The edit holds in the block; files are replaced, so that no other name of them changes."""
    kept = {path: path.read_bytes() for path in edit.contents}
    try:
        for path, data in edit.contents.items():
            _put(path, data)
        yield
    finally:
        for path, data in kept.items():
            _put(path, data)


def _put(path: Path, data: bytes | None) -> None:
    path.unlink(missing_ok=True)
    if data is not None:
        path.write_bytes(data)
