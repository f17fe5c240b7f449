"""Checks that nothing outside the named files is opened: one traced case of all files with references."""

from collections.abc import Sequence
from pathlib import Path

from scripts.measure.bad_inputs.bad_file import BadFile
from scripts.measure.bad_inputs.healthy import HealthyFootage
from scripts.measure.bad_inputs.originals import Workshop
from scripts.measure.bad_inputs.tracing import TracedCommand, missing_for_tracing, trace_command
from scripts.measure.campaign import CaseResult, Outcome

__all__ = ["check_opened_files"]

_REQUIREMENT = "nothing outside the named file is opened"
_ASSERTION = (
    "during ingest and run beside healthy footage, strace shows that only these are opened: the named files, "
    "the case, the program and the libraries of the machine; and that there is no network connection"
)
_OF_MODULES = "neither a command nor its children import modules from the working directory"
_MODULES = ("ctypes", "numpy", "struct", "mmap", "av", "signal")


def check_opened_files(
    bads: Sequence[BadFile], *, healthy: HealthyFootage, originals: Path, elsewhere: Path, folder: Path
) -> list[CaseResult]:
    """Return one result for each file with references, and one for modules in the working directory."""
    missing = missing_for_tracing()
    if missing:
        return [_result(bad, Outcome.NOT_RUN, missing) for bad in bads]
    given = {}
    for number, bad in enumerate(bads):
        place = folder / f"bad-{number}"
        place.mkdir()
        given[bad.title] = bad.build(Workshop(originals, place, elsewhere))
    beside = _check_modules(healthy, folder / "hostile")
    opened = _trace_commands(list(given.values()), healthy, folder)
    allowed = [folder / "case", folder / "keys", folder / "scratch", healthy.clip, *given.values()]
    # the folders of a named path may be opened, but nothing else in them
    parents = {parent for path in allowed for parent in path.parents}
    unexpected = {path for command in opened for path in command.unexpected(allowed)} - parents
    faults = [line for command in opened for line in command.network]
    faults += [f"exit code {command.code}" for command in opened if command.code not in (0, 4)]
    return [beside, *(_check_file(bad, given[bad.title], unexpected, faults, elsewhere) for bad in bads)]


def _check_modules(healthy: HealthyFootage, folder: Path) -> CaseResult:
    """Ingest footage from within a folder with files that are named like modules of the program."""
    folder.mkdir()
    mark = folder / "executed"
    for name in _MODULES:
        (folder / f"{name}.py").write_text(f"open({str(mark)!r}, 'a').write({name!r})\n")
    case, keys = folder / "case", folder / "keys"
    trace_command(("case", "init", case, "--purpose", "p", "--operator", "o"), folder=folder, keys=keys)
    trace_command(("ingest", case, healthy.clip, "--camera", "gate"), folder=folder, keys=keys)
    ran = mark.read_text() if mark.exists() else ""
    outcome = Outcome.FAILED if ran else Outcome.SURVIVED
    return CaseResult(
        "opening/modules_beside_the_footage", _REQUIREMENT, _OF_MODULES, outcome, f"ran {ran}" if ran else ""
    )


def _trace_commands(paths: Sequence[Path], healthy: HealthyFootage, folder: Path) -> list[TracedCommand]:
    case, keys = folder / "case", folder / "keys"
    made = trace_command(("case", "init", case, "--purpose", "p", "--operator", "o"), folder=folder, keys=keys)
    ingested = trace_command(("ingest", case, healthy.clip, *paths, "--camera", "gate"), folder=folder, keys=keys)
    run = ("run", case, "--model", "builtin", "--runner", "serial", "--quiet")
    ran = trace_command(run, folder=folder, keys=keys)
    return [made, ingested, ran]


def _check_file(bad: BadFile, path: Path, unexpected: set[Path], faults: Sequence[str], elsewhere: Path) -> CaseResult:
    """Return the result of one file; an unexpected path belongs to it by its name or by its folder."""
    own = f"{bad.name.replace('.', '_')}.mp4"
    own_paths = [s for s in unexpected if s in (elsewhere / own,) or s.is_relative_to(path.parent)]
    unassigned = [s for s in unexpected if not s.is_relative_to(elsewhere) and not s.name.startswith("bad-")]
    found = [*(f"opened {each}" for each in [*own_paths, *unassigned][:3]), *faults[:2]]
    return _result(bad, Outcome.FAILED if found else Outcome.SURVIVED, "; ".join(found))


def _result(bad: BadFile, outcome: Outcome, detail: str = "") -> CaseResult:
    return CaseResult(f"opening/{bad.name}", _REQUIREMENT, _ASSERTION, outcome, detail)
