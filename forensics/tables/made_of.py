"""What the tables of a run were made of: its chunk boundaries and parts, each with its digest.

`PARTS.sha256` lies beside the manifest, which holds its digest, in the format of `sha256sum`: in the case's folder
``sha256sum --check tables/PARTS.sha256`` says the same as `forensics verify`. It is a file of its own since a long
recording has a hundred thousand parts, and only who verifies reads them all.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from forensics.case import CaseFolder, RunFolder
from forensics.digests import sha256_of_bytes, sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.tables.files import write_bytes
from forensics.tables.outcomes import EvidenceOutcome

__all__ = ["PARTS_FILE", "parts_named", "write_parts"]

PARTS_FILE: Final = "PARTS.sha256"
_DIGITS: Final = 64


def write_parts(run: RunFolder, outcomes: Iterable[EvidenceOutcome]) -> dict[str, Any]:
    """Write the list of all that these outcomes rest on; returns what the manifest says of it."""
    paths = sorted({path for outcome in outcomes for path in _rests_on(run, outcome)})
    lines = [f"{sha256_of_file(path)}  {path.relative_to(run.case_root).as_posix()}\n" for path in paths]
    data = "".join(lines).encode()
    write_bytes(run.tables / PARTS_FILE, data)
    return {"path": PARTS_FILE, "parts": len(paths), "sha256": sha256_of_bytes(data)}


def _rests_on(run: RunFolder, outcome: EvidenceOutcome) -> Iterator[Path]:
    named = [chunk.part for chunk in outcome.chunks]
    named += [outcome.track_part, outcome.sight_part, *outcome.recognise_parts]
    named.append(run.boundaries(outcome.evidence.evidence_id))
    yield from (path for path in named if path is not None)


def parts_named(folder: CaseFolder) -> Sequence[tuple[Path, str]]:
    """Path and SHA-256 of every part that the list beside the published tables names.

    Raises:
        IntegrityBroken: it is no such list, or names what does not lie in the case.
    """
    path = folder.tables / PARTS_FILE
    try:
        return [_named(folder, line) for line in path.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise IntegrityBroken(f"{path}: no list of parts any more ({error})", "running again makes it anew") from error


def _named(folder: CaseFolder, line: str) -> tuple[Path, str]:
    sha256, separator, name = line.partition("  ")
    if len(sha256) != _DIGITS or not separator or not name.startswith("runs/") or ".." in Path(name).parts:
        raise ValueError(f"a line reads {line!a}")
    return folder.root / name, sha256
