"""What the tables of a run were made of: its chunk boundaries and parts, each with its digest.

`PARTS.sha256` lies in the run's folder, in the format of `sha256sum`: in the case's folder
``sha256sum --check runs/RUN/PARTS.sha256`` says the same as `forensics verify`. The manifest does not hold it, since
tables and manifest are the same for any length of chunks, and parts are not.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from forensics.custody.case_folder import RunFolder
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken
from forensics.tables.outcomes import EvidenceOutcome

__all__ = ["encode_inventory", "parts_named"]

_DIGITS: Final = 64


def encode_inventory(run: RunFolder, outcomes: Iterable[EvidenceOutcome]) -> bytes:
    """The list of all that these outcomes rest on, by path relative to the case."""
    paths = sorted({path for outcome in outcomes for path in _rests_on(run, outcome)})
    return "".join(f"{sha256_of_file(path)}  {path.relative_to(run.case_root).as_posix()}\n" for path in paths).encode()


def _rests_on(run: RunFolder, outcome: EvidenceOutcome) -> Iterator[Path]:
    named = [chunk.part for chunk in outcome.chunks]
    named += [outcome.track_part, outcome.sight_part, *outcome.recognise_parts, *outcome.audit_parts]
    named.append(run.boundaries(outcome.evidence.evidence_id))
    yield from (path for path in named if path is not None)


def parts_named(run: RunFolder) -> Sequence[tuple[Path, str]]:
    """Path and SHA-256 of every part that a run's list names.

    Raises:
        IntegrityBroken: it is no such list, or names what does not lie in the case.
    """
    path = run.parts_list
    try:
        return [_named(run, line) for line in path.read_text().splitlines()]
    except (OSError, ValueError) as error:
        raise IntegrityBroken(f"no list of parts any more ({error})", "running again makes it anew", path) from error


def _named(run: RunFolder, line: str) -> tuple[Path, str]:
    sha256, separator, name = line.partition("  ")
    if len(sha256) != _DIGITS or not separator or not name.startswith("runs/") or ".." in Path(name).parts:
        raise ValueError(f"a line reads {line!a}")
    return run.case_root / name, sha256
