"""Registered files: files of a case whose digests the log holds, such as mandate, verdicts and evidence lists.

Every write of such files adds two notes to the log, ``writes`` before and ``wrote`` after, each with the digests. So
after a kill at any moment a file has a digest of one of the last notes. The next command notes which. Any other content
is rejected: an edit, an older copy, a file that was added or removed.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from forensics.custody.log import LogLine

__all__ = ["ABSENT", "WRITES", "WROTE", "accepted_contents", "noted_digests", "unsettled_files"]

WRITES: Final = "writes"
WROTE: Final = "wrote"
ABSENT: Final = ""


def accepted_contents(lines: Sequence[LogLine]) -> dict[str, tuple[str, ...]]:
    """Return the SHA-256 digests that each registered file may have, by path relative to the case.

    `ABSENT` stands for a file that may be missing. A note that names no files is ignored; no command writes one.

    >>> def note(name, sha256):
    ...     return LogLine(0, 0, "note", name, {}, "", 0, "", {"files": {"case.toml": sha256}})
    >>> accepted_contents([note("writes", "a"), note("wrote", "a"), note("writes", "b")])
    {'case.toml': ('a', 'b')}
    """
    known: dict[str, tuple[str, ...]] = {}
    for line in lines:
        for path, sha256 in noted_digests(line).items():
            before = known.get(path, (ABSENT,)) if line.command == WRITES else ()
            known[path] = (*before, sha256)
    return known


def unsettled_files(lines: Sequence[LogLine]) -> list[str]:
    """Return the paths that may have several contents although no command writes them any more.

    The command was killed between its two notes. What the file holds now must be noted before anybody can choose.
    """
    ended = {line.of for line in lines if line.kind == "end"}
    last_of = {path: line.of for line in lines for path in noted_digests(line)}
    return sorted(
        path for path, contents in accepted_contents(lines).items() if len(contents) > 1 and last_of[path] in ended
    )


def noted_digests(line: LogLine) -> Mapping[str, str]:
    """Return the digests in a note about registered files, by path; empty for any other line."""
    files = line.facts.get("files") if line.kind == "note" and line.command in {WRITES, WROTE} else None
    return files if isinstance(files, dict) else {}
