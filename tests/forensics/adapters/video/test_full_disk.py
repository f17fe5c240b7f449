"""A working copy that the disk of the case cannot hold is an error of the machine, not of the footage."""

import errno
from pathlib import Path

import pytest

from forensics.adapters.video.indexing import pyav_remux
from forensics.adapters.video.indexing.pyav_index import index_file
from testing.painted.encode import PAL, Recipe, encode


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_a_full_disk_is_raised_and_rejects_no_footage(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode(tmp_path / "clip.ts", Recipe(), [n / PAL for n in range(20)])

    def fail(*_: object) -> None:
        raise OSError(number, "the disk said no")

    monkeypatch.setattr(pyav_remux, "_mux", fail)
    with pytest.raises(OSError, match=r"copy\.part") as caught:
        index_file(path, working_copy=tmp_path / "copy")
    assert caught.value.errno == number
    assert not list(tmp_path.glob("copy*"))
