"""Spelling of the cameras that a user names: as the case knows them, and no two that look like one."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from forensics.custody.case_document import Case
from forensics.errors import UsageError
from forensics.footage.evidence import Evidence, Source
from forensics.look_alikes import fault_in_new_name, find_look_alike
from forensics.spelling import compose, fault_in_camera

__all__ = [
    "describe_cameras_without_footage",
    "describe_look_alikes",
    "known_cameras",
    "spell_as_known",
    "spell_stated_cameras",
]


def known_cameras(case: Case, footage: Iterable[Evidence | Source]) -> list[str]:
    """Return the cameras that a case knows, each once: of its mandate, its clocks and its footage."""
    return list(dict.fromkeys((*case.mandate.cameras, *case.cameras, *(item.camera_id for item in footage))))


def spell_as_known(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return names of cameras, their letters composed as in the name that was stated first."""
    exact, by_spelling = set(known), dict[str, str]()
    for name in known:
        by_spelling.setdefault(compose(name), name)
    return [name if name in exact else by_spelling.setdefault(compose(name), name) for name in names]


def spell_stated_cameras(names: Sequence[str], known: Sequence[str], *, is_new: bool) -> list[str]:
    """Return names of cameras that the user stated, spelled as known, without spaces around them.

    Args:
        names: as stated.
        known: names that the case knows.
        is_new: whether the user said that a name that looks like a known one is another camera.

    Raises:
        UsageError: a name is blank, mixes alphabets in a word, or looks like a known name or an earlier one.
    """
    exact = set(known)
    bare = [name if name in exact else name.strip() for name in names]
    faulty = next(((name, fault) for name in bare if name not in exact and (fault := _fault(name))), None)
    if faulty:
        raise UsageError(f"the name of the camera {faulty[0]!a} {faulty[1]}", "give a name in visible letters")
    spelled = spell_as_known(bare, known)
    if not is_new:
        _refuse_look_alikes(dict.fromkeys(spelled), known)
    return spelled


def _fault(name: str) -> str:
    return fault_in_camera(name) or fault_in_new_name(name)


def _refuse_look_alikes(names: Iterable[str], known: Sequence[str]) -> None:
    earlier = list(known)
    for name in names:
        if name in earlier:
            continue
        alike = find_look_alike(name, earlier)
        if alike is not None:
            raise UsageError(
                f"the camera {_shown(name)} looks like the camera {_shown(alike)}",
                f"give {_shown(alike)} if it is that one; --new-camera if it is another one",
            )
        earlier.append(name)


def _shown(name: str) -> str:
    """Return a name in quotes; in ASCII if its letters could be mistaken for others."""
    return repr(name) if name.isascii() else f"{name!r} ({name!a})"


def describe_look_alikes(names: Iterable[str], known: Sequence[str]) -> list[str]:
    """Return a line for each name made from files and folders that looks like another camera."""
    earlier, lines = list(known), []
    for name in dict.fromkeys(names):
        alike = None if name in earlier else find_look_alike(name, earlier)
        if alike is not None:
            lines.append(
                f"the camera {_shown(name)} looks like the camera {_shown(alike)}; if they are one, correct it with "
                "`forensics evidence camera`"
            )
        earlier.append(name)
    return lines


def describe_cameras_without_footage(cameras: Sequence[str], evidence: Iterable[Evidence]) -> list[str]:
    """Return a line that names the cameras of a mandate of which the case has no footage; none if it has no footage."""
    present = sorted({item.camera_id for item in evidence})
    absent = [name for name in cameras if name not in present]
    if not absent or not present:
        return []
    alike = list(dict.fromkeys(each for name in absent for each in get_close_matches(name, present)))
    meant = f"; did you mean {' or '.join(alike)}?" if alike else ""
    return [f"cameras of the mandate without footage: {', '.join(absent)}; with footage: {', '.join(present)}{meant}"]
