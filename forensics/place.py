"""Where footage lies: a file or folder of this machine, or an object of a store."""

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

__all__ = ["BLOCK_BYTES", "Place", "StoreObject", "place_of"]

BLOCK_BYTES: Final = 1 << 20
"""An object is fetched, checked and kept in blocks of so many bytes; the last one may be shorter."""

_PROTOCOL: Final = "s3://"


@dataclass(frozen=True, slots=True)
class StoreObject:
    """One immutable object of an S3-compatible store; a name, and what its bytes must be.

    Attributes:
        url: such as ``s3://bucket/gate/0800.mp4``.
        blocks: the SHA-256 of each of its blocks, 32 bytes each, where they are known; no part of its identity.
    """

    url: str
    blocks: bytes = field(default=b"", compare=False, repr=False)

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """The last part of its key."""
        return PurePosixPath(self.url).name

    @property
    def stem(self) -> str:
        """Its name without the suffix."""
        return PurePosixPath(self.url).stem

    @property
    def suffix(self) -> str:
        """What its name ends in, such as ``.mp4``."""
        return PurePosixPath(self.url).suffix


Place = Path | StoreObject


def place_of(text: str) -> Place:
    """What a text names: an object where it begins with the protocol of a store, else a path.

    >>> place_of("s3://archive/gate/0800.mp4").name, place_of("s3:/archive").name
    ('0800.mp4', 'archive')
    """
    return StoreObject(text) if text.startswith(_PROTOCOL) else Path(text)
