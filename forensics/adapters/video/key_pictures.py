"""Which decoders tell whether a picture is a key picture, built on no other.

Containers may be wrong about that: an AVI without its index, as a recorder leaves it that lost power, has nothing but
keyframes. Parsers correct it for the common codecs; for these, only the decoder knows.
"""

from av.video.frame import PictureType, VideoFrame

__all__ = ["is_key_picture", "marks_key_pictures"]

_CODECS = frozenset(
    {"cinepak", "flv", "msmpeg4", "msmpeg4v1", "msmpeg4v2", "snow", "svq1", "vp8", "wmv1", "wmv2", "zmbv"}
)


def marks_key_pictures(codec: str) -> bool:
    """Whether the decoder of this codec marks key pictures, and no parser does before it."""
    return codec in _CODECS


def is_key_picture(frame: VideoFrame) -> bool:
    """Whether the decoder marks the picture as built on no other; only for codecs that `marks_key_pictures`."""
    return bool(frame.key_frame) or frame.pict_type == PictureType.I
