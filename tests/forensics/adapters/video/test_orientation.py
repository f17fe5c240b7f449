"""Turned and mirrored pictures: shown as the ffmpeg command line shows them."""

import struct
from io import BytesIO
from itertools import product
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from forensics.adapters.video.indexing.pyav_index import index_file
from forensics.adapters.video.orientation import Orientation
from forensics.adapters.video.reading.pyav_reader import open_reader
from forensics.footage.frames import Frame, View
from testing.painted.encode import PAL, Recipe, encode
from testing.painted.random_files import ffmpeg_output

_ONE = 1 << 16


def with_matrix(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Write the four numbers that turn and mirror into the track header of an MP4."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    right, down, left, up = (each * _ONE for each in matrix)
    struct.pack_into(">9i", content, at, right, down, 0, left, up, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(content))
    return path


@pytest.mark.parametrize("signs", list(product((1, -1), repeat=2)))
@pytest.mark.parametrize("is_transposed", [False, True])
def test_a_picture_is_shown_as_players_show_it(is_transposed: bool, signs: tuple[int, int], tmp_path: Path) -> None:
    first, second = signs
    matrix = (0, first, second, 0) if is_transposed else (first, 0, 0, second)
    path = with_matrix(encode(tmp_path / "turned.mp4", Recipe(), [n / PAL for n in range(3)]), matrix)
    expected = ffmpeg_output(path)
    if expected is None:
        pytest.skip("the ffmpeg command line is not installed")
    indexed = index_file(path, working_copy=tmp_path / "copy")
    shown = (indexed.medium.height_px, indexed.medium.width_px, 3)
    assert shown == ((160, 96, 3) if is_transposed else (96, 160, 3))
    pictures = np.frombuffer(expected, np.uint8).reshape(-1, *shown)
    for item in open_reader(indexed.footage, indexed.index, View()).read(np.arange(3)):
        assert isinstance(item, Frame)
        assert np.abs(item.rgb.astype(int) - pictures[item.number]).max() < 24


def with_exif(orientation: int) -> list[bytes]:
    """Three JPEG pictures, each of another shade and with one bright quarter, that state an orientation."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    pictures = []
    for number in range(3):
        stored = np.full((48, 64, 3), 40 * number, dtype=np.uint8)
        stored[:24, :32] = 255
        data = BytesIO()
        Image.fromarray(stored).save(data, "JPEG", exif=exif, quality=95)
        pictures.append(data.getvalue())
    return pictures


@pytest.mark.parametrize("is_in_avi", [True, False])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_inside_a_video_is_shown_as_its_exif_states(orientation: int, is_in_avi: bool, tmp_path: Path) -> None:
    pictures = with_exif(orientation)
    path = tmp_path / f"camera.{'avi' if is_in_avi else 'mjpeg'}"
    if is_in_avi:
        mux_jpegs(path, pictures)
    else:
        path.write_bytes(b"".join(pictures))
    indexed = index_file(path, working_copy=tmp_path / "copy")
    read = list(open_reader(indexed.footage, indexed.index, View()).read(np.arange(3)))
    for item, picture in zip(read, pictures, strict=True):
        expected = np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(picture)))).astype(int)
        assert isinstance(item, Frame)
        assert item.rgb.shape == expected.shape
        assert np.abs(item.rgb - expected).max() < 24


def mux_jpegs(path: Path, pictures: list[bytes]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_mux_stream("mjpeg", rate=25, width=64, height=48)
        for number, picture in enumerate(pictures):
            packet = av.Packet(picture)
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, number, number, 1 / PAL
            packet.is_keyframe = True
            container.mux(packet)


@pytest.mark.parametrize("orientation", [Orientation(*flags) for flags in product((False, True), repeat=3)])
def test_rotation_and_mirroring_name_the_same_picture(orientation: Orientation) -> None:
    stored = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    mirrored = stored[:, ::-1] if orientation.is_mirrored else stored
    expected = np.rot90(mirrored, -orientation.rotation_degrees // 90)
    assert np.array_equal(orientation.apply(stored), expected)
