"""Files that reference other files: playlists, scripts, manifests, references and patterns.

Each references its own existing file outside the given ones; some also reference network addresses.
"""

import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from scripts.measure.bad_inputs.bad_file import BadFile
from scripts.measure.bad_inputs.originals import Workshop
from scripts.measure.bad_inputs.patching import find_boxes, overwrite

__all__ = ["pointing_files"]

_HOST = "http://127.0.0.1:9/x"
_SUFFIX_OF = {"hls": ("m3u8", "ts", "mp4"), "concat": ("ffconcat", "txt", "mp4"), "dash": ("mpd", "mp4")}


def pointing_files() -> Iterator[BadFile]:
    """Yield every script that some demuxer would follow, with its own suffix and with suffixes of videos."""
    for name, text in _SCRIPTS.items():
        kind = name.partition("_")[0]
        for suffix in _SUFFIX_OF.get(kind, (_OWN_SUFFIX.get(kind, kind), "mp4")):
            yield BadFile("references to other files", f"{name}.{suffix}", partial(_write_script, name, suffix, text))
    for name, build in _REFERENCES.items():
        yield BadFile("references to other files", name, build)


def _write_script(name: str, suffix: str, text: Callable[[str], str], shop: Workshop) -> Path:
    target = _write_target(f"{name}.{suffix}", shop)
    return shop.write(f"{name}.{suffix}", text(str(target)).encode())


def _write_target(name: str, shop: Workshop) -> Path:
    """Write an intact clip outside the given files and return its path."""
    path = shop.elsewhere / f"{name.replace('.', '_')}.mp4"
    path.write_bytes(shop.original("h264_mp4"))
    return path


_DASH = """<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
 mediaPresentationDuration="PT4S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>
<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1" codecs="avc1.42c00a" width="160" height="96">
<BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>"""
_SMOOTH = '<ASX version="3.0"><ENTRY><REF HREF="{}"/></ENTRY></ASX>'
_SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
_IMF = """<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">
<Id>urn:uuid:0</Id><SegmentList><Segment><SequenceList><ImageFile>{}</ImageFile></SequenceList></Segment></SegmentList>
</CompositionPlaylist>"""

_SCRIPTS: dict[str, Callable[[str], str]] = {
    "hls_absolute": lambda target: f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{target}\n#EXT-X-ENDLIST\n",
    "hls_file": lambda target: f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nfile://{target}\n#EXT-X-ENDLIST\n",
    "hls_network": lambda target: f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{_HOST}.ts\n{target}\n",
    "hls_variants": lambda target: f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n",
    "hls_map": lambda target: f'#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI="{target}"\n#EXTINF:4,\n{target}\n',
    "hls_key": lambda target: (
        f'#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF:4,\n{target}\n'
    ),
    "hls_concat": lambda target: f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nconcat:{target}|{target}\n",
    "hls_subfile": lambda target: f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nsubfile,,start,0,end,9,,:{target}\n",
    "concat_absolute": lambda target: f"ffconcat version 1.0\nfile '{target}'\n",
    "concat_options": lambda target: f"ffconcat version 1.0\nfile '{target}'\noption protocol_whitelist file,http\n",
    "concat_network": lambda target: f"ffconcat version 1.0\nfile '{_HOST}.mp4'\nfile '{target}'\n",
    "concat_relative": lambda target: f"ffconcat version 1.0\nfile ../../elsewhere/{Path(target).name}\n",
    "dash_absolute": _DASH.format,
    "dash_file": lambda target: _DASH.format(f"file://{target}"),
    "dash_network": lambda target: _DASH.format(f"{_HOST}.mp4</BaseURL><BaseURL>{target}"),
    "asx_file": lambda target: _SMOOTH.format(f"file://{target}"),
    "sdp_network": lambda target: f"{_SDP}a=control:file://{target}\n",
    "imf_file": _IMF.format,
    "pls_file": lambda target: f"[playlist]\nFile1={target}\nNumberOfEntries=1\nVersion=2\n",
    "xspf_file": lambda target: (
        f"<playlist version='1'><trackList><track><location>{target}</location></track></trackList></playlist>"
    ),
    "smil_file": lambda target: f"<smil><body><video src='{target}'/></body></smil>",
    "ram_file": lambda target: f"file://{target}\nrtsp://127.0.0.1:9/x\n",
    "url_file": lambda target: f"[InternetShortcut]\nURL=file://{target}\n",
    "strm_file": lambda target: f"{target}\n",
    "avs_script": lambda target: f'DirectShowSource("{target}")\n',
    "vpy_script": lambda target: f"import vapoursynth\nopen({target!r}).read()\n",
    "lavfi_graph": lambda target: f"movie={target}\n",
    "idx_subtitles": lambda target: f"# VobSub index file, v7 (do not modify this line!)\n# {target}\n",
    "ass_subtitles": lambda target: f"[Script Info]\nScriptType: v4.00+\nVideo File: {target}\n",
    "svg_picture": lambda target: f"<svg xmlns='http://www.w3.org/2000/svg'><image href='file://{target}'/></svg>",
    "mvg_picture": lambda target: f"push graphic-context\nimage over 0,0 0,0 '{target}'\npop graphic-context\n",
    "eps_picture": lambda target: f"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n({target}) run\n",
    "ffmeta_chapters": lambda target: f";FFMETADATA1\ntitle={target}\n[CHAPTER]\nSTART=0\nEND=1\n",
    "rtsp_session": lambda target: f"RTSPtextrtsp://127.0.0.1:9/x\nfile://{target}\n",
}
_OWN_SUFFIX = {"lavfi": "graph", "idx": "idx", "ffmeta": "txt", "imf": "xml", "sdp": "sdp", "rtsp": "mov"}


def _write_reference(form: bytes, shop: Workshop) -> Path:
    """Write an MP4 with its pictures in another file, by a `url ` or an `alis` entry of its data reference."""
    target = _write_target(f"mov_{form.decode().strip()}", shop)
    content = shop.original("h264_mp4")
    entry = find_boxes(content, b"dref")[0] + 8
    place = str(target).encode() + b"\0"
    body = form + bytes(4) + (place if form == b"url " else _alias(place))
    grown = struct.pack(">I", len(body) + 4) + body
    old = struct.unpack_from(">I", content, entry)[0]
    whole = content[:entry] + grown + content[entry + old :]
    for parent in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        at = whole.index(parent) - 4
        size = struct.unpack_from(">I", whole, at)[0]
        whole = overwrite(whole, at, struct.pack(">I", size + len(grown) - old))
    return shop.write("reference.mov", whole)


def _alias(place: bytes) -> bytes:
    """Return a Macintosh alias record with the POSIX path of the file."""
    record = bytearray(150)
    struct.pack_into(">H", record, 4, 150)
    tail = struct.pack(">HH", 18, len(place)) + place + bytes(len(place) % 2) + struct.pack(">HH", 0xFFFF, 0)
    return bytes(record) + tail


def _write_reference_movie(shop: Workshop) -> Path:
    """Write a QuickTime reference movie (`rmra`), which contains only the address of another file."""
    target = _write_target("mov_rmra", shop)
    address = f"file://{target}".encode() + b"\0"
    data = bytes(4) + b"url " + struct.pack(">I", len(address)) + address
    inner = _box(b"rmra", _box(b"rmda", _box(b"rdrf", data)))
    return shop.write("address.mov", _box(b"ftyp", b"qt  \0\0\2\0qt  ") + _box(b"moov", inner))


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def _write_next_segment(shop: Workshop) -> Path:
    """Write a Matroska file that names its continuation: `NextFilename` replaces `MuxingApp`."""
    target = _write_target("mkv_next", shop)
    content = shop.original("h264_mkv")
    at = content.index(b"\x4d\x80")
    length = content[at + 2] & 0x7F
    name = str(target).encode()[-length + 3 :]
    # MuxingApp has an id of two bytes and a length of one; NextFilename an id of three
    element = b"\x3e\x83\xbb" + bytes([0x80 | length - 1]) + name.ljust(length - 1, b"\0")
    return shop.write("linked.mkv", overwrite(content, at, element[: length + 3]))


def _write_sequence(shop: Workshop) -> Path:
    """Write a picture whose name is a pattern that fits the files beside it."""
    for number in range(3):
        shop.write(f"frame{number:03d}.jpg", b"")
    return shop.write("frame%03d.jpg", _write_target("image_sequence", shop).read_bytes()[:2000])


def _make_link_to_video(shop: Workshop) -> Path:
    """Make a folder with a link to a video outside the folder."""
    (shop.folder / "card").mkdir()
    (shop.folder / "card" / "gate.mp4").symlink_to(_write_target("link_in_a_folder", shop))
    return shop.folder / "card"


def _make_link_to_picture(shop: Workshop) -> Path:
    """Make a folder of stills with a link to a picture outside the folder."""
    (shop.folder / "trap").mkdir()
    target = shop.elsewhere / "link_to_a_picture.mp4"
    target.write_bytes(shop.original("png_mov")[:4000])
    (shop.folder / "trap" / "1.png").symlink_to(target)
    return shop.folder / "trap"


_REFERENCES: dict[str, Callable[[Workshop], Path]] = {
    "mov_url": partial(_write_reference, b"url "),
    "mov_alis": partial(_write_reference, b"alis"),
    "mov_rmra": _write_reference_movie,
    "mkv_next": _write_next_segment,
    "image_sequence": _write_sequence,
    "link_in_a_folder": _make_link_to_video,
    "link_to_a_picture": _make_link_to_picture,
}
