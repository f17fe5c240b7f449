"""Location of footage: a file or folder on this machine, or an object in a store."""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

__all__ = ["BLOCK_BYTES", "Place", "StoreObject", "place_of"]

BLOCK_BYTES: Final = 1 << 20
"""Size of the blocks in which an object is fetched, checked and cached; the last block may be shorter."""

_PROTOCOL: Final = "s3://"


@dataclass(frozen=True, slots=True)
class StoreObject:
    """One immutable object in an S3-compatible store, with the digests of its blocks.

    Attributes:
        url: such as ``s3://bucket/gate/0800.mp4``.
        blocks: the SHA-256 of each block, 32 bytes each; empty if unknown. Ignored by comparison.
    """

    url: str
    blocks: bytes = field(default=b"", compare=False, repr=False)

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """Last part of the key."""
        return PurePosixPath(self.url).name

    @property
    def stem(self) -> str:
        """Name without the suffix."""
        return PurePosixPath(self.url).stem

    @property
    def suffix(self) -> str:
        """Suffix of the name, such as ``.mp4``."""
        return PurePosixPath(self.url).suffix


Place = Path | StoreObject


def place_of(text: str) -> Place:
    """Parse a location: an object if the text begins with the protocol of a store, else a path.

    >>> place_of("s3://archive/gate/0800.mp4").name, place_of("s3:/archive").name
    ('0800.mp4', 'archive')
    """
    return StoreObject(text) if text.startswith(_PROTOCOL) else Path(text)
