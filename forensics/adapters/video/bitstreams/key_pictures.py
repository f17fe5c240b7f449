"""Who says which pictures are key pictures, built on no other: the file, the decoder, or nobody.

Containers may be wrong. An AVI without its index, as a recorder leaves it that lost power, and some QuickTime files
call every picture a keyframe. Parsers correct that for the common codecs. For others the decoder knows, and where it
does not know either, only the first picture is safe to start from.
"""

from enum import Enum, auto

from av.video.frame import PictureType, VideoFrame

__all__ = ["KeySource", "is_key_picture", "key_source_of"]

# Their flags are right: a parser reads the pictures, or each stands alone, or no file was seen to lie.
_BY_FILE = frozenset({"cfhd", "ffv1", "h264", "mjpeg", "png", "theora", "vc1", "wmv3"})
# Their flags are right unless every picture has one.
_BY_FILE_UNLESS_ALL = frozenset({"av1", "hevc", "libdav1d", "libvpx-vp9", "mpeg1video", "mpeg2video", "vp9"})
_BY_DECODER = frozenset(
    {
        "cinepak",
        "flv",
        "h261",
        "h263",
        "h263i",
        "h263p",
        "mpeg4",
        "msmpeg4",
        "msmpeg4v1",
        "msmpeg4v2",
        "snow",
        "svq1",
        "svq3",
    }
    | {"rv10", "rv20", "rv30", "rv40", "vp3", "vp4", "vp5", "vp6", "vp6a", "vp6f", "vp7", "vp8", "wmv1", "wmv2", "zmbv"}
)


class KeySource(Enum):
    """Who says which pictures are key pictures."""

    FILE = auto()
    DECODER = auto()
    NOBODY = auto()


def key_source_of(codec: str, *, is_intra_only: bool, are_all_flagged: bool = False) -> KeySource:
    """Return who is believed.

    Args:
        codec: name of the decoder.
        is_intra_only: whether no picture of this codec is built on another.
        are_all_flagged: whether the file calls every picture a keyframe.
    """
    if is_intra_only or codec in _BY_FILE or (codec in _BY_FILE_UNLESS_ALL and not are_all_flagged):
        return KeySource.FILE
    return KeySource.DECODER if codec in _BY_DECODER | _BY_FILE_UNLESS_ALL else KeySource.NOBODY


def is_key_picture(frame: VideoFrame, codec: str) -> bool:
    """Whether the decoder marks the picture as built on no other; only where the decoder is the source.

    SVQ1 states only the type of a picture. In HEVC a picture of that type may be built on others that follow it.
    """
    return bool(frame.key_frame) or (codec != "hevc" and frame.pict_type == PictureType.I)
