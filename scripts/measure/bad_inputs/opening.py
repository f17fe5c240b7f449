"""The proof that nothing outside a named file is opened: one case of all files that point elsewhere, traced."""

from collections.abc import Sequence
from pathlib import Path

from scripts.measure.bad_inputs.bad_file import BadFile
from scripts.measure.bad_inputs.healthy import Healthy
from scripts.measure.bad_inputs.originals import Workshop
from scripts.measure.bad_inputs.tracing import Opened, can_trace, traced
from scripts.measure.campaign import Outcome, Tried

__all__ = ["try_opening"]

_REQUIREMENT = "nothing outside the named file is opened"
_ASSERTION = (
    "while it is taken in, read and run beside healthy footage, strace sees nothing opened but the named files, "
    "the case, the program and the machine's libraries, and no connection to the network"
)
_OF_MODULES = "a command that runs in a folder with files named like modules runs none of them, nor do its children"
_MODULES = ("ctypes", "numpy", "struct", "mmap", "av", "signal")


def try_opening(
    bads: Sequence[BadFile], *, healthy: Healthy, originals: Path, elsewhere: Path, folder: Path
) -> list[Tried]:
    """One outcome for each file that points elsewhere."""
    lacking = can_trace()
    if lacking:
        return [_tried(bad, Outcome.NOT_RUN, lacking) for bad in bads]
    given = {}
    for number, bad in enumerate(bads):
        place = folder / f"bad-{number}"
        place.mkdir()
        given[bad.title] = bad.build(Workshop(originals, place, elsewhere))
    beside = _modules_beside(healthy, folder / "hostile")
    opened = _commands(list(given.values()), healthy, folder)
    allowed = [folder / "case", folder / "keys", folder / "scratch", healthy.clip, *given.values()]
    # a named path is walked to, so its folders may be looked at; what else lies in them may not be opened
    parents = {parent for path in allowed for parent in path.parents}
    strangers = {path for command in opened for path in command.strangers(allowed)} - parents
    faults = [line for command in opened for line in command.network]
    faults += [f"exit code {command.code}" for command in opened if command.code not in (0, 4)]
    return [beside, *(_judged(bad, given[bad.title], strangers, faults, elsewhere) for bad in bads)]


def _modules_beside(healthy: Healthy, folder: Path) -> Tried:
    """Take in footage from within a folder whose files are named like modules of the program."""
    folder.mkdir()
    mark = folder / "executed"
    for name in _MODULES:
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write({name!r})\n")
    case, keys = folder / "case", folder / "keys"
    traced(("case", "init", case, "--purpose", "p", "--operator", "o"), folder=folder, keys=keys)
    traced(("ingest", case, healthy.clip, "--camera", "gate"), folder=folder, keys=keys)
    ran = mark.read_text() if mark.exists() else ""
    outcome = Outcome.FAILED if ran else Outcome.SURVIVED
    return Tried("opening/modules_beside_the_footage", _REQUIREMENT, _OF_MODULES, outcome, f"ran {ran}" if ran else "")


def _commands(paths: Sequence[Path], healthy: Healthy, folder: Path) -> list[Opened]:
    case, keys = folder / "case", folder / "keys"
    made = traced(("case", "init", case, "--purpose", "p", "--operator", "o"), folder=folder, keys=keys)
    ingested = traced(("ingest", case, healthy.clip, *paths, "--camera", "gate"), folder=folder, keys=keys)
    ran = traced(("run", case, "--runner", "serial", "--quiet"), folder=folder, keys=keys)
    return [made, ingested, ran]


def _judged(bad: BadFile, path: Path, strangers: set[Path], faults: Sequence[str], elsewhere: Path) -> Tried:
    """What was opened elsewhere is told by its name, what lies beside the file by its folder."""
    own = f"{bad.name.replace('.', '_')}.mp4"
    mine = [s for s in strangers if s in (elsewhere / own,) or s.is_relative_to(path.parent)]
    of_nobody = [s for s in strangers if not s.is_relative_to(elsewhere) and not s.name.startswith("bad-")]
    found = [*(f"opened {each}" for each in [*mine, *of_nobody][:3]), *faults[:2]]
    return _tried(bad, Outcome.FAILED if found else Outcome.SURVIVED, "; ".join(found))


def _tried(bad: BadFile, outcome: Outcome, detail: str = "") -> Tried:
    return Tried(f"opening/{bad.name}", _REQUIREMENT, _ASSERTION, outcome, detail)
