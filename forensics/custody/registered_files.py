"""Files that decide something, such as a mandate or a verdict, or that a result rests on: what the log knows of each.

Every write of such files is a pair of notes in the log: ``writes`` before it and ``wrote`` after it, each with the
digests. So whatever the moment of a kill, a file is what one of the last notes says, and nothing else is accepted:
no edit, no older copy, no file that was put there, none that was taken away.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from forensics.custody.log import LogLine

__all__ = ["ABSENT", "WRITES", "WROTE", "accepted_contents", "files_in"]

WRITES: Final = "writes"
WROTE: Final = "wrote"
ABSENT: Final = ""


def accepted_contents(lines: Sequence[LogLine]) -> dict[str, tuple[str, ...]]:
    """The SHA-256 digests that each registered file may have, by its path relative to the case; `ABSENT` for no file.

    A note that names no files, which no command writes, says nothing.

    >>> def note(name, sha256):
    ...     return AuditLine(0, 0, "note", name, {}, "", 0, "", {"files": {"case.toml": sha256}})
    >>> accepted([note("writes", "a"), note("wrote", "a"), note("writes", "b")])
    {'case.toml': ('a', 'b')}
    """
    known: dict[str, tuple[str, ...]] = {}
    for line in lines:
        for path, sha256 in files_in(line).items():
            before = known.get(path, (ABSENT,)) if line.command == WRITES else ()
            known[path] = (*before, sha256)
    return known


def files_in(line: LogLine) -> Mapping[str, str]:
    """What a note says of files, digest by path; nothing for any other line."""
    files = line.facts.get("files") if line.kind == "note" and line.command in {WRITES, WROTE} else None
    return files if isinstance(files, dict) else {}
