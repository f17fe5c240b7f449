"""Reuse of detect parts that other runs of the same case have made."""

from pathlib import Path

from forensics.custody.case_folder import CaseFolder, RunFolder
from forensics.tables.files import link_or_copy
from pipelines.custody.part_records import PartRecords
from pipelines.run.part_integrity import PartChecker
from pipelines.run.record import hardware_for, recorded_hardware
from pipelines.settings import Settings

__all__ = ["reusable_parts", "reuse_part"]


def reusable_parts(run: RunFolder, settings: Settings) -> dict[str, Path]:
    """Return the detect parts of the other runs of a case by unit; if several have one, that of the first run by name.

    Args:
        run: the run that reuses parts.
        settings: its settings; parts from another kind of machine are left out unless `run.mixed_hardware` allows them.
    """
    hardware = None if settings.run.mixed_hardware else hardware_for(settings)
    found: dict[str, Path] = {}
    for other in CaseFolder(run.case_root).run_folders():
        parts = {part.stem: part for part in other.parts("detect")} if other != run else {}
        if parts and hardware in (None, recorded_hardware(other.record)):
            found = parts | found
    return found


def reuse_part(run: RunFolder, unit: str, others: dict[str, Path], checker: PartChecker, records: PartRecords) -> None:
    """Link the part of this unit into the run if another run has made and published it."""
    other = others.get(unit)
    if other is not None and checker.may_reuse(other):
        part = run.part("detect", unit)
        records.add(part, checker.known[other])
        part.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(other, part)
