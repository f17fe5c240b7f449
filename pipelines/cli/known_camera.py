"""The name of a camera that a user typed, as the case spells it."""

from collections.abc import Iterable
from difflib import get_close_matches

from forensics.custody.case_document import Case
from forensics.errors import UsageError
from forensics.spelling import spelled_as_known
from forensics.tables.evidence import load_evidence

__all__ = ["known_camera"]


def known_camera(case: Case, name: str, *, published: Iterable[str] = ()) -> str:
    """Return the camera as the case spells it.

    Args:
        case: the case.
        name: what the user typed.
        published: names of cameras in published tables, which may be older than those of the case.

    Raises:
        UsageError: the case has no such camera.
    """
    known = sorted({item.camera_id for item in load_evidence(case.folder)} | set(case.cameras) | set(published))
    camera_id = spelled_as_known(name, known)
    if camera_id in known:
        return camera_id
    alike = get_close_matches(name, known)
    cameras = f"its cameras: {', '.join(known) or 'none'}"
    next_step = f"did you mean {' or '.join(alike)}? {cameras}" if alike else cameras
    raise UsageError(f"the case has no camera {name!r}", next_step)
