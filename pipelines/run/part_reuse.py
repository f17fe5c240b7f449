"""What a run takes over from other runs of its case, instead of making it again."""

from pathlib import Path

from forensics.custody.case_folder import CaseFolder, RunFolder
from forensics.tables.files import link_or_copy
from pipelines.run.part_integrity import PartChecker
from pipelines.run.record import hardware_for, hardware_in
from pipelines.settings import Settings

__all__ = ["reusable_parts", "reuse_part"]


def reusable_parts(run: RunFolder, settings: Settings) -> dict[str, Path]:
    """The detect parts of the other runs of a case, by unit; of several runs those of the first by name.

    Args:
        run: the one that takes over.
        settings: its own; unless they allow any machine, parts of another kind of machine are left out.
    """
    hardware = None if settings.run.mixed_hardware else hardware_for(settings)
    found: dict[str, Path] = {}
    for folder in sorted(CaseFolder(run.case_root).runs.glob("*/parts/detect")):
        other = folder.parents[1]
        if other != run.root and hardware in (None, hardware_in(other / "run.json")):
            found = {part.stem: part for part in folder.glob("[!.]*.parquet")} | found
    return found


def reuse_part(run: RunFolder, unit: str, others: dict[str, Path], guard: PartChecker) -> None:
    """Link the part of this unit if another run made it, and tables were made of it."""
    other = others.get(unit)
    if other is not None and guard.may_adopt(other):
        part = run.part("detect", unit)
        part.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(other, part)
