"""Record of the parts that a run has stored, each line authenticated with the key of the installation.

Until tables are published, no inventory and no line of the log lists the parts of a run. This record does: somebody who
can write to the case folder, but not to the key folder, cannot change a part so that a later run uses it. Each line is
written before its part, so a run that is killed leaves no part without one. Publishing drops the lines of what the
inventory lists.
"""

import hmac
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forensics.custody.case_folder import RunFolder
from forensics.digests import sha256_of_bytes
from forensics.tables.files import write_bytes
from pipelines.custody.installation import installation_key

__all__ = ["PartRecords"]

_PURPOSE: Final = b"record of stored parts"


@dataclass(frozen=True, slots=True, repr=False)
class PartRecords:
    """The record of one run.

    Attributes:
        run: the run.
        secret: key that authenticates the lines.
    """

    run: RunFolder
    secret: bytes

    @classmethod
    def of(cls, run: RunFolder) -> "PartRecords":
        """Return the record of a run; it need not exist.

        Raises:
            NotAuthorised: the key of the installation cannot be used.
        """
        return cls(run, hmac.digest(installation_key(), _PURPOSE, "sha256"))

    @classmethod
    def holding(cls, part: Path) -> "PartRecords":
        """Return the record of the run that a part belongs to."""
        root = part.parents[2]
        return cls.of(RunFolder(root, root.parents[1]))

    def store(self, part: Path, data: bytes) -> None:
        """Write a part, after its line."""
        self.add(part, sha256_of_bytes(data))
        write_bytes(part, data)

    def add(self, part: Path, sha256: str) -> None:
        """Append the line of a part that is about to be stored."""
        self.run.root.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        with os.fdopen(os.open(self.run.stored_parts, flags, 0o600), "a") as file:
            file.write(self._line(part, sha256))

    def load(self) -> dict[Path, str]:
        """Return the SHA-256 of every part with a valid line."""
        return dict(self._valid_lines()) if self.run.stored_parts.is_file() else {}

    def keep(self, parts: Mapping[Path, str]) -> None:
        """Append lines of parts that an inventory listed until now, and that the next one will not list.

        Such a part is used again if a correction, of a camera or a clock, is taken back.
        """
        for part, sha256 in parts.items():
            if part.exists():
                self.add(part, sha256)

    def forget(self, parts: Collection[Path]) -> None:
        """Drop the lines of these parts, because an inventory lists them, and of parts that are gone."""
        left = {part: sha256 for part, sha256 in self.load().items() if part not in parts and part.exists()}
        if left:
            write_bytes(self.run.stored_parts, "".join(self._line(*each) for each in left.items()).encode())
        else:
            self.run.stored_parts.unlink(missing_ok=True)

    def _valid_lines(self) -> Iterator[tuple[Path, str]]:
        for line in self.run.stored_parts.read_text(errors="replace").splitlines():
            tag, _, listed = line.partition(" ")
            sha256, _, name = listed.partition("  ")
            if hmac.compare_digest(tag.encode(), self._tag(name, sha256).encode()):
                yield self.run.case_root / name, sha256

    def _line(self, part: Path, sha256: str) -> str:
        name = part.relative_to(self.run.case_root).as_posix()
        return f"{self._tag(name, sha256)} {sha256}  {name}\n"

    def _tag(self, name: str, sha256: str) -> str:
        return hmac.digest(self.secret, f"{sha256}  {name}".encode(), "sha256").hex()
