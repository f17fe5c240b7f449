"""Faces beside references: layout, headings and equal bytes for equal pictures."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forensics.adapters.pictures.side_by_side import side_by_side
from forensics.errors import UsageError

_PAPER = (250, 250, 248)


def _picture(seed: int, width: int, height: int) -> bytes:
    grain = np.random.default_rng(seed).integers(0, 200, (height, width, 3), dtype=np.uint8)
    encoded = BytesIO()
    Image.fromarray(grain).save(encoded, "PNG")
    return encoded.getvalue()


def _sheet(folder: Path, n_faces: int, n_references: int, title: str = "E0, camera gate") -> np.ndarray:
    faces = [_picture(number, 90, 110) for number in range(n_faces)]
    references = [_picture(100 + number, 700, 900) for number in range(n_references)]
    sheet = folder / "sheet.png"
    sheet.write_bytes(side_by_side(faces, references, sheet, title=title))
    with Image.open(folder / "sheet.png") as picture:
        return np.asarray(picture.convert("RGB"))


def _inked(pixels: np.ndarray) -> np.ndarray:
    return (pixels != np.array(_PAPER, dtype=np.uint8)).any(axis=-1)


@pytest.mark.parametrize(("n_faces", "n_references"), [(1, 1), (3, 1), (5, 1), (5, 3), (12, 4)])
def test_most_of_the_sheet_is_pictures(tmp_path: Path, n_faces: int, n_references: int) -> None:
    sheet = _sheet(tmp_path, n_faces, n_references)
    assert _inked(sheet).mean() > 0.4
    assert _inked(sheet[:, : sheet.shape[1] // 3]).mean() > 0.25
    assert _inked(sheet[:, -sheet.shape[1] // 3 :]).mean() > 0.25


def test_a_sheet_says_what_is_compared(tmp_path: Path) -> None:
    sheet = _sheet(tmp_path, 5, 1)
    other = _sheet(tmp_path, 5, 1, title="E1, camera gate")
    assert sheet.shape == other.shape
    differs = (sheet != other).any(axis=-1)
    assert differs[:60].any()
    assert not differs[60:].any(), "the title stands alone"
    headings = _inked(sheet[64:90])
    assert headings[:, 24:200].any(), "In the footage"
    assert headings[:, -560:-400].any(), "Reference"
    assert _sheet(tmp_path, 5, 1, title="a line that is wider than the pictures " * 5).shape[1] > sheet.shape[1]


def test_equal_pictures_give_equal_bytes(tmp_path: Path) -> None:
    _sheet(tmp_path, 2, 2)
    first = (tmp_path / "sheet.png").read_bytes()
    _sheet(tmp_path, 2, 2)
    assert (tmp_path / "sheet.png").read_bytes() == first


def test_a_sheet_without_faces_has_a_note(tmp_path: Path) -> None:
    assert _inked(_sheet(tmp_path, 0, 1)).any()


def test_a_suffix_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="suffix"):
        side_by_side([], [], tmp_path / "sheet.xyz", title="")
