"""Inventory of a run: the chunk boundaries and stored parts from which its tables were made, each with its digest.

`PARTS.sha256` lies in the run's folder, in the format of `sha256sum`. In the case's folder,
``sha256sum --check runs/RUN/PARTS.sha256`` makes the same check as `forensics verify`. The inventory is not part of the
manifest, because tables and manifest do not depend on the length of chunks, and parts do.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from forensics.custody.case_folder import RunFolder
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.tables.outcomes import EvidenceOutcome

__all__ = ["encode_inventory", "parse_inventory", "read_inventory"]

_SHA256_DIGITS: Final = 64


def encode_inventory(run: RunFolder, outcomes: Iterable[EvidenceOutcome]) -> bytes:
    """Encode the inventory of these outcomes, sorted by path relative to the case."""
    paths = sorted({path for outcome in outcomes for path in _input_files(run, outcome)})
    return "".join(f"{sha256_of_file(path)}  {path.relative_to(run.case_root).as_posix()}\n" for path in paths).encode()


def _input_files(run: RunFolder, outcome: EvidenceOutcome) -> Iterator[Path]:
    files = [chunk.part for chunk in outcome.chunks]
    files += [outcome.track_part, outcome.sight_part, *outcome.recognise_parts, *outcome.spot_check_parts]
    files.append(run.boundaries(outcome.evidence.evidence_id))
    yield from (path for path in files if path is not None)


def read_inventory(run: RunFolder) -> Sequence[tuple[Path, str]]:
    """Read the path and SHA-256 of every file in a run's inventory.

    Raises:
        IntegrityBroken: the file is no valid inventory, or names a file outside of the case.
    """
    path = run.parts_list
    try:
        return parse_inventory(run, path.read_bytes())
    except (OSError, ValueError) as error:
        raise IntegrityBroken(
            f"is not a valid list of parts ({error})", "run `forensics run` again, which writes it again", path
        ) from error


def parse_inventory(run: RunFolder, data: bytes) -> Sequence[tuple[Path, str]]:
    """Return the path and SHA-256 of every file in the content of an inventory.

    Raises:
        ValueError: it is none.
    """
    return [_parse_line(run, line) for line in data.decode().splitlines()]


def _parse_line(run: RunFolder, line: str) -> tuple[Path, str]:
    sha256, separator, name = line.partition("  ")
    if len(sha256) != _SHA256_DIGITS or not separator or not name.startswith("runs/") or ".." in Path(name).parts:
        raise ValueError(f"unexpected line {line!a}")
    return run.case_root / name, sha256
