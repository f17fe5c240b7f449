"""Bad inputs that must stay harmless; the campaign of bad inputs tries many more."""

import os
import struct
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forensics.adapters.detectors.load_detector import load_detector
from forensics.adapters.libraries.opencv import load_opencv
from forensics.adapters.stills.stills_reader import index_stills, open_reader
from forensics.adapters.video.containers.mov_header import unpacked_header_bytes
from forensics.adapters.video.indexing import pyav_remux
from forensics.adapters.video.indexing.pyav_index import index_file
from forensics.adapters.video.pyav_open import open_file
from forensics.adapters.video.reading.pyav_reader import PyavReader
from forensics.custody.case_folder import CaseFolder
from forensics.detection.detector import DetectorOptions
from forensics.errors import UnreadableFootage
from forensics.footage.evidence import Timing, Verdict
from forensics.footage.frames import Frame, Gap, View
from forensics.models.model_store import BUILTIN
from forensics.tables.evidence import load_evidence, load_picture_names, load_sources
from scripts.measure.bad_inputs.tracing import uses_network
from testing.commands import Call, clip, new_case
from testing.painted.damage import cut_tail
from testing.painted.encode import Packets, Recipe, copy, encode
from testing.painted.picture import paint

_NO_B = {"preset": "ultrafast", "bf": "0"}
_TIMES = [Fraction(number, 25) for number in range(24)]
_YEAR_S = 365 * 86_400


# ---- times


def _later(seconds: int) -> Callable[[Packets], Packets]:
    """Return a function that moves the second half of the packets to later times."""

    def choose(packets: Packets) -> Packets:
        for packet in packets[12:]:
            packet.pts = packet.dts = packet.pts + seconds * packet.time_base.denominator
        return packets

    return choose


def test_impossible_times_are_replaced_and_the_case_stays_readable(call: Call, tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.mkv", Recipe(options=_NO_B), _TIMES)
    path = copy(whole, tmp_path / "gate.mkv", choose=_later(9000 * _YEAR_S))
    case = new_case(call, tmp_path / "case")
    assert call("ingest", case, path, "--camera", "gate", "--start", "2026-05-01T10:00:00Z").code == 4
    (item,) = load_evidence(CaseFolder.at(case))
    assert item.readable is not None
    assert "years apart and are not believed; frames are timed at 25 frames/s instead" in item.reason
    assert (item.readable.n_frames, item.readable.medium.timing) == (24, Timing.ASSUMED)
    assert call("run", case, "--runner", "serial", "--quiet").code == 4
    assert call("query", case, "coverage", "--json").code == 0
    assert call("query", case, "detections", "--json").code == 0


@pytest.mark.parametrize(
    ("suffixes", "reason"),
    [
        (pyav_remux._SUFFIXES, "mpegts cannot seek exactly; read through a stream copy"),
        ({"mp4": "mp4"}, "the reference reader, slowly: no working copy could be made"),
    ],
)
def test_a_transport_stream_whose_clock_jumps_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, suffixes: dict[str, str], reason: str
) -> None:
    monkeypatch.setattr(pyav_remux, "_SUFFIXES", suffixes)  # MP4 alone cannot hold a pause of seven hours
    options = {"mpegts_copyts": "1"}
    whole = encode(tmp_path / "whole.ts", Recipe(options=_NO_B, container_options=options), _TIMES)
    path = copy(whole, tmp_path / "gate.ts", choose=_later(7 * 3600), options=options)
    indexed = index_file(path, working_copy=tmp_path / "copy")
    assert reason in indexed.reader_reason
    assert indexed.index.n_frames == 24
    frames = list(PyavReader(indexed.footage, indexed.index, View(160, 96)).read(np.arange(24)))
    assert [frame.number for frame in frames if isinstance(frame, Frame)] == list(range(24))


# ---- lost ends


def test_the_last_picture_of_a_gif_that_was_cut_short_is_a_gap(tmp_path: Path) -> None:
    path = cut_tail(encode(tmp_path / "gate.gif", Recipe("gif", pixel_format="rgb8"), _TIMES), 0.9)
    indexed = index_file(path, working_copy=tmp_path / "copy")
    assert indexed.shortfall == "1 packet is damaged, or built on what is missing"
    assert indexed.index.damaged == {indexed.index.n_frames - 1}


# ---- what points elsewhere


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{target}\n#EXT-X-ENDLIST\n"),
        ("list.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{target}\n#EXT-X-ENDLIST\n"),
        ("script.ffconcat", "ffconcat version 1.0\nfile '{target}'\n"),
        ("script.mp4", "ffconcat version 1.0\nfile '{target}'\noption protocol_whitelist file\n"),
        ("stream.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n"),
    ],
)
def test_playlists_and_references_to_other_files_are_no_footage(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text.format(target=clip(tmp_path / "target.mp4")))
    with pytest.raises(UnreadableFootage):
        open_file(path)


def test_links_that_lead_out_of_a_folder_are_no_part_of_it(call: Call, tmp_path: Path) -> None:
    elsewhere, card = tmp_path / "elsewhere", tmp_path / "card"
    elsewhere.mkdir()
    card.mkdir()
    Image.fromarray(paint(1, 160, 96)).save(elsewhere / "1.png")
    Image.fromarray(paint(2, 160, 96)).save(card / "2.png")
    (card / "1.png").symlink_to(elsewhere / "1.png")
    (card / "3.png").symlink_to("2.png")
    (card / "gate.mp4").symlink_to(clip(elsewhere / "gate.mp4"))
    case = new_case(call, tmp_path / "case")
    answer = call("ingest", case, card, "--camera", "trap")
    assert answer.code == 4
    assert "2 links that lead out of it" in answer.err
    (source,) = load_sources(CaseFolder.at(case))
    assert (source.path, source.verdict) == (card, Verdict.PARTIAL)
    assert source.reason == "1 pictures of the folder are links that lead out of it and are left out"
    (item,) = load_evidence(CaseFolder.at(case))
    assert item.readable is not None
    assert item.readable.n_frames == 2


def test_no_process_that_is_started_looks_for_libraries_where_the_command_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for left, kept in (("/cv2/../../lib64:", "/cv2/../../lib64"), ("/a::/b:", "/a:/b"), (":", None)):
        monkeypatch.setenv("LD_LIBRARY_PATH", left)
        load_opencv()
        assert os.environ.get("LD_LIBRARY_PATH") == kept


def test_a_detector_leaves_no_empty_path_for_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/cv2/../../lib64:")
    load_detector(BUILTIN, DetectorOptions())
    assert os.environ["LD_LIBRARY_PATH"] == "/cv2/../../lib64"


# ---- names


@pytest.mark.parametrize(
    "name",
    ["a\nb.mp4", "-gate.mp4", "--help.mp4", "gate%d.mp4", "gate\u202e4pm.mp4", "concat:a|b.mp4", "x" * 251 + ".mp4"],
)
def test_a_hostile_file_name_is_accepted_as_a_name(call: Call, tmp_path: Path, name: str) -> None:
    path = clip(tmp_path / "gate.mp4").rename(tmp_path / name)
    case = new_case(call, tmp_path / "case")
    assert call("ingest", case, path, "--camera", "gate").code == 0
    (source,) = load_sources(CaseFolder.at(case))
    assert (source.path, source.verdict) == (path, Verdict.OK)


def test_a_picture_whose_name_is_not_utf_8_is_read(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "trap"
    folder.mkdir()
    for name, number in ((b"caf\xe9.png", 1), (b"cafz.png", 2)):
        with (folder / os.fsdecode(name)).open("wb") as file:
            Image.fromarray(paint(number, 160, 96)).save(file, "PNG")
    case = new_case(call, tmp_path / "case")
    assert call("ingest", case, folder, "--camera", "trap").code == 0
    (item,) = load_evidence(CaseFolder.at(case))
    assert sorted(load_picture_names(CaseFolder.at(case), item).to_pylist()) == ["caf\\xe9.png", "cafz.png"]
    assert call("run", case, "--runner", "serial", "--quiet").code == 0


# ---- bombs


def _black_png(width_px: int, height_px: int, colour: int) -> bytes:
    """A whole PNG of nothing but zeros: RGB for colour 2, RGBA for 6."""
    packer = zlib.compressobj(1)
    row = bytes(1 + width_px * (3 if colour == 2 else 4))
    packed = b"".join([packer.compress(row) for _ in range(height_px)] + [packer.flush()])

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="this system does not tell peaks of memory")
@pytest.mark.parametrize(("size", "colour"), [((14_000, 10_000), 2), ((6_000, 5_000), 6)])
def test_a_picture_that_would_hold_too_much_memory_is_not_decoded(
    tmp_path: Path, size: tuple[int, int], colour: int
) -> None:
    (tmp_path / "1.png").write_bytes(_black_png(*size, colour))
    indexed = index_stills(tmp_path)
    # 5 sets the mark back to what is held now
    Path("/proc/self/clear_refs").write_text("5")
    before = _peak_bytes()
    (gap,) = open_reader(indexed.footage, indexed.index, View(320, 192)).read(np.array([0]))
    assert isinstance(gap, Gap)
    assert gap.reason == "too_large"
    assert "decoding it would hold" in gap.detail
    assert _peak_bytes() - before < 64 << 20


def _peak_bytes() -> int:
    """Return the peak memory of this process since the counter was reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def test_a_packed_header_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path) -> None:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body) + 8) + kind + body

    packed = box(b"dcom", b"zlib") + box(b"cmvd", struct.pack(">I", 1 << 30) + zlib.compress(bytes(1000)))
    path = tmp_path / "packed.mov"
    path.write_bytes(box(b"ftyp", b"qt  " + bytes(8)) + box(b"moov", box(b"cmov", packed)))
    with pytest.raises(UnreadableFootage, match="unpacks to 1073741824 bytes") as caught:
        open_file(path)
    assert caught.value.reason == "too_large"


@pytest.mark.parametrize("start", [b"\0\0\0\1", b"\0\0\0\1" + b"\xff" * 12, b"\xff" * 8, b"\0\0\0\0moov"])
def test_no_box_size_leads_out_of_the_file(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "some.264"
    path.write_bytes(start.ljust(64, b"\xff"))
    assert unpacked_header_bytes(path) == 0


def test_pictures_larger_than_any_camera_takes_are_not_decoded(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "bf": "0"}
    path = encode(tmp_path / "wide.mp4", Recipe(options=options, width_px=8_208, height_px=8_192), _TIMES[:1])
    with pytest.raises(UnreadableFootage, match="at most 67108864 are decoded") as caught:
        index_file(path, working_copy=tmp_path / "copy")
    assert caught.value.reason == "too_large"


def test_a_large_photograph_is_decoded(tmp_path: Path) -> None:
    Image.new("RGB", (8_000, 6_000), (10, 20, 30)).save(tmp_path / "1.jpg", quality=50)
    indexed = index_stills(tmp_path)
    (frame,) = open_reader(indexed.footage, indexed.index, View()).read(np.array([0]))
    assert not isinstance(frame, Gap)
    assert frame.rgb.shape == (6_000, 8_000, 3)
    assert frame.rgb[-1, -1].tolist() == pytest.approx([10, 20, 30], abs=3)


@pytest.mark.parametrize(
    ("call", "port", "address", "is_heard"),
    [
        ("bind", 0, "::1", False),
        ("bind", 0, "::", True),
        ("bind", 8265, "::1", True),
        ("connect", 0, "::1", True),
        ("connect", 443, "2001:db8::1", True),
    ],
)
def test_the_trace_of_a_bad_input_hears_all_but_the_question_for_ipv6(
    call: str, port: int, address: str, *, is_heard: bool
) -> None:
    asked = f'{{sa_family=AF_INET6, sin6_port=htons({port}), inet_pton(AF_INET6, "{address}", &sin6_addr)}}'
    assert uses_network(f"4918  {call}(6<socket:[1]>, {asked}, 28) = 0") is is_heard
