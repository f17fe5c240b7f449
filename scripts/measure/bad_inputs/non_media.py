"""Files that are not footage, and files that are valid in several formats at once."""

import gzip
import io
import os
import random
import socket
import struct
import tarfile
import wave
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from pathlib import Path

import av
import numpy as np
from PIL import Image

from scripts.measure.bad_inputs.bad_file import BadFile, Expected, numbers_in_order, numbers_of_kind
from scripts.measure.bad_inputs.originals import ORIGINALS, Workshop
from testing.painted.picture import paint

__all__ = ["non_media", "polyglots"]

Content = Callable[[Workshop], bytes]


def non_media(seed: int) -> Iterator[BadFile]:
    """Yield empty, random and foreign files with names of videos, and things that are not regular files."""
    for name, content in _foreign(seed).items():
        yield BadFile("non-media", name, partial(_write, f"{name}.mp4", content))
    for name, build in _SPECIAL.items():
        yield BadFile("non-media", name, build)


def _write(name: str, content: bytes, shop: Workshop) -> Path:
    return shop.write(name, content)


def _foreign(seed: int) -> dict[str, bytes]:
    rng = random.Random(f"{seed}-non-media")
    text = "nothing to see here\n" * 200
    return {
        "empty": b"",
        "one_byte": b"\0",
        "zeros": bytes(8192),
        "ones": b"\xff" * 8192,
        "random_small": rng.randbytes(512),
        "random_large": rng.randbytes(1 << 20),
        "text": text.encode(),
        "text_utf16": text.encode("utf-16"),
        "json": b'{"frames": [1, 2, 3]}',
        "xml": b'<?xml version="1.0"?><video src="/etc/passwd"/>',
        "html": b"<!doctype html><video src=http://127.0.0.1:9/x.mp4>",
        "script": b"#!/bin/sh\ntouch owned\n",
        "python": b"import os\nos.abort()\n",
        "pickle": b"cos\nsystem\n(S'touch owned'\ntR.",
        "subtitles": b"1\n00:00:01,000 --> 00:00:02,000\nhello\n\n" * 50,
        "subtitles_ass": b"[Script Info]\nScriptType: v4.00+\n\n[Events]\nDialogue: 0,0:00:01.00,0:00:02.00,,hello\n",
        "pdf": b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(owned) (w) file closefile\n",
        "elf": b"\x7fELF\2\1\1" + bytes(200),
        "exe": b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + bytes(200),
        "gzip": gzip.compress(text.encode()),
        "zip_of_text": _zip({"notes.txt": text.encode()}),
        "zip_empty": _zip({}),
        "tar": _tar(),
        "sqlite": b"SQLite format 3\0" + bytes(4080),
        "parquet": b"PAR1" + bytes(100) + b"PAR1",
        "wave": _wave(),
        "mp3": b"\xff\xfb\x90\0" + bytes(413),
        "flac": b"fLaC\x80\0\0\x22" + bytes(34),
        "ogg": b"OggS\0\2" + bytes(100),
        "only_ftyp": b"\0\0\0\x18ftypisom\0\0\2\0isommp41",
        "only_moov": b"\0\0\0\x18ftypisom\0\0\2\0isommp41\0\0\0\x08moov",
        "only_ebml": bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d"),
        "only_riff": b"RIFF\4\0\0\0AVI ",
        "only_flv": b"FLV\1\5\0\0\0\x09\0\0\0\0",
        "only_gif": b"GIF89a\1\0\1\0\0\0\0;",
        "only_ts_sync": b"\x47\x1f\xff\x10" + bytes(184),
        "many_ts_syncs": (b"\x47\x1f\xff\x10" + b"\xff" * 184) * 40,
        "only_start_codes": b"\0\0\1" * 2000,
        "only_nal_headers": b"\0\0\0\1\x67\0\0\0\1\x68\0\0\0\1\x65" * 300,
        "nested_boxes": _nested_boxes(),
    }


def _zip(members: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 5, 1, 10, 0, 0)), content)
    return data.getvalue()


def _tar() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        member = tarfile.TarInfo("../out.txt")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"out"))
    return data.getvalue()


def _wave() -> bytes:
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000))
    return data.getvalue()


def _nested_boxes() -> bytes:
    """Return boxes nested deeper than any reader should follow."""
    content = b""
    for _ in range(2000):
        content = struct.pack(">I", len(content) + 8) + b"moov" + content
    return b"\0\0\0\x18ftypisom\0\0\2\0isommp41" + content


def _sound_only(suffix: str, shop: Workshop) -> Path:
    path = shop.folder / f"sound.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _fifo(shop: Workshop) -> Path:
    os.mkfifo(shop.folder / "pipe.mp4")
    return shop.folder / "pipe.mp4"


def _socket(shop: Workshop) -> Path:
    before = Path.cwd()
    os.chdir(shop.folder)  # the path of a socket is limited to 108 bytes
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket.mp4")
    finally:
        os.chdir(before)
    return shop.folder / "socket.mp4"


def _link_to(target: str, shop: Workshop) -> Path:
    path = shop.folder / "link.mp4"
    path.symlink_to(target)
    return path


def _folder_with(name: str, content: bytes, shop: Workshop) -> Path:
    shop.write(f"folder/{name}", content)
    return shop.folder / "folder"


def _folder_of_strange_pictures(shop: Workshop) -> Path:
    """Make a pipe and a broken link with names of pictures; a reader must not wait for the pipe."""
    (shop.folder / "trap").mkdir()
    os.mkfifo(shop.folder / "trap" / "1.png")
    (shop.folder / "trap" / "2.png").symlink_to("nowhere.png")
    return shop.folder / "trap"


def _missing(shop: Workshop) -> Path:
    (shop.folder / "missing.mp4").symlink_to("elsewhere.mp4")
    return shop.folder / "missing.mp4"


def _sparse(shop: Workshop) -> Path:
    path = shop.folder / "sparse.mp4"
    with path.open("wb") as file:
        file.truncate(256 << 20)
    return path


_SPECIAL: dict[str, Callable[[Workshop], Path]] = {
    "sound_only_mp4": partial(_sound_only, "mp4"),
    "sound_only_mkv": partial(_sound_only, "mkv"),
    "sound_only_ts": partial(_sound_only, "ts"),
    "fifo": _fifo,
    "socket": _socket,
    "link_to_nothing": partial(_link_to, "nothing.mp4"),
    "link_to_itself": partial(_link_to, "link.mp4"),
    "link_to_zeros": partial(_link_to, "/dev/zero"),
    "link_to_null": partial(_link_to, "/dev/null"),
    "link_to_a_folder": partial(_link_to, "."),
    "missing": _missing,
    "sparse": _sparse,
    "folder_of_text": partial(_folder_with, "notes.txt", b"nothing"),
    "folder_of_empty_pictures": partial(_folder_with, "1.png", b""),
    "folder_of_broken_pictures": partial(_folder_with, "1.png", b"nothing"),
    "folder_of_strange_pictures": _folder_of_strange_pictures,
}


def polyglots() -> Iterator[BadFile]:
    """Yield two files in one; footage in it must be read completely or the loss must be reported."""
    for original in ("h264_mp4", "h264_mkv", "mpeg4_avi", "h264_ts", "h264_flv", "gif_gif"):
        expected: Expected | None = numbers_in_order(list(range(90))) if original == "mpeg4_avi" else None
        expected = expected or numbers_of_kind(ORIGINALS[original])
        for name, tail in _OTHERS.items():
            yield BadFile("polyglots", f"{original}+{name}", partial(_with_tail, original, tail), expected)
        for name, head in _OTHERS.items():
            yield BadFile("polyglots", f"{name}+{original}", partial(_with_head, original, head))
    for (first, head), (second, tail) in permutations(_OTHERS.items(), 2):
        yield BadFile("polyglots", f"{first}+{second}", partial(_both, head, tail))
    yield BadFile("polyglots", "two_mp4", partial(_with_tail, "h264_mp4", lambda shop: shop.original("mpeg4_mp4")))
    yield BadFile("polyglots", "mp4_in_a_free_box", _in_a_free_box)
    yield BadFile("polyglots", "page_in_an_mp4", _page_in_an_mp4, numbers_of_kind(ORIGINALS["h264_mp4"]))


def _picture(kind: str, shop: Workshop) -> bytes:
    data = io.BytesIO()
    Image.fromarray(paint(7, 160, 96)).save(data, kind)
    return data.getvalue()


_OTHERS: dict[str, Content] = {
    "zip": lambda shop: _zip({"1.png": _picture("PNG", shop)}),
    "jpeg": partial(_picture, "JPEG"),
    "png": partial(_picture, "PNG"),
    "pdf": lambda shop: b"%PDF-1.7\n%%EOF\n",
    "html": lambda shop: b"<html><script>1</script></html>\n",
    "playlist": lambda shop: f"#EXTM3U\n#EXTINF:1,\nfile://{shop.elsewhere}/polyglot.ts\n".encode(),
}


def _with_tail(original: str, tail: Content, shop: Workshop) -> Path:
    path = shop.original_path(original)
    return shop.write(path.name, path.read_bytes() + tail(shop))


def _with_head(original: str, head: Content, shop: Workshop) -> Path:
    path = shop.original_path(original)
    return shop.write(path.name, head(shop) + path.read_bytes())


def _both(first: Content, second: Content, shop: Workshop) -> Path:
    return shop.write("both.mp4", first(shop) + second(shop))


def _in_a_free_box(shop: Workshop) -> Path:
    inner = shop.original("h264_mp4")
    return shop.write("free.mp4", struct.pack(">I", len(inner) + 8) + b"free" + inner)


def _page_in_an_mp4(shop: Workshop) -> Path:
    page = b"<html><script>alert(1)</script></html>"
    content = shop.original("h264_mp4")
    return shop.write("page.mp4", content + struct.pack(">I", len(page) + 8) + b"free" + page)
