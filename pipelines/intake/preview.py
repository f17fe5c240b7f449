"""Preview of an ingest: what each path would become, read as ingest reads it, and written to no case."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from forensics.custody.case_folder import CaseFolder
from forensics.decoding.child import DecodingChild, Limits
from forensics.errors import UsageError
from forensics.footage.evidence import Evidence, Source, Verdict
from forensics.tables.evidence import load_index
from pipelines.intake.corrections import NO_CORRECTIONS, Corrector
from pipelines.intake.evidence_lists import EvidenceLists
from pipelines.intake.ingest import IngestItem, ingest_one

__all__ = ["FootagePreview", "open_lists", "preview_footage"]


@dataclass(frozen=True, slots=True)
class FootagePreview:
    """What one path would become.

    Attributes:
        source: as ingest would list it.
        n_frames: number of frames; 0 if none can be read.
        duration_us: from the first frame to the last, in microseconds.
        n_sections: number of sections, each with a clock of its own.
        is_known: whether it is evidence of the case already.
        is_copy: whether it has the same bytes as evidence at another path.
        error: why ingest would refuse it; None if it would not.
    """

    source: Source
    n_frames: int = 0
    duration_us: int = 0
    n_sections: int = 0
    is_known: bool = False
    is_copy: bool = False
    error: UsageError | None = None

    @property
    def refusal(self) -> str:
        """Why ingest would refuse it, and what to do; empty if it would not."""
        return "" if self.error is None else str(self.error)


@contextmanager
def open_lists(folder: CaseFolder, temporary: Path) -> Iterator[EvidenceLists]:
    """Yield the lists of a case, to which footage can be added as an ingest does; the case is only read.

    Args:
        folder: folder of the case.
        temporary: existing folder for packet indexes and working copies, which are removed at the end.
    """
    with TemporaryDirectory(prefix="forensics-", dir=temporary) as scratch:
        yield EvidenceLists.load(folder, CaseFolder(Path(scratch)))


def preview_footage(
    lists: EvidenceLists, items: Iterable[IngestItem], *, limits: Limits, corrector: Corrector = NO_CORRECTIONS
) -> Iterator[FootagePreview]:
    """Yield what each path would become, and add it to the lists.

    Args:
        lists: from `open_lists`.
        items: paths to ingest.
        limits: limits of the decoding child that reads them.
        corrector: decides what becomes of statements that differ from earlier ones.
    """
    known = frozenset(lists.evidence)
    with DecodingChild(limits) as child:
        for item in items:
            yield _preview_one(lists, item, child, known, corrector)
            shutil.rmtree(lists.new_files.working_copy("any").parent, ignore_errors=True)


def _preview_one(
    lists: EvidenceLists, item: IngestItem, child: DecodingChild, known: frozenset[str], corrector: Corrector
) -> FootagePreview:
    try:
        source = ingest_one(lists, item, child, corrector)
    except UsageError as error:
        path = item.path.absolute() if isinstance(item.path, Path) else item.path
        rejected = Source(path, None, item.camera_id, Verdict.REJECTED, error.problem)
        return FootagePreview(rejected, error=error)
    evidence = lists.evidence.get(source.evidence_id or "")
    is_copy = evidence is not None and evidence.path != source.path
    return replace(_describe(source, evidence, lists), is_known=source.evidence_id in known, is_copy=is_copy)


def _describe(source: Source, evidence: Evidence | None, lists: EvidenceLists) -> FootagePreview:
    """Return the preview of a source, with the facts of its packet index."""
    if evidence is None or evidence.readable is None:
        return FootagePreview(source)
    is_new = lists.new_files.index_file(evidence.evidence_id).exists()
    index = load_index(lists.new_files if is_new else lists.folder, evidence)
    duration_us = int(index.media_us[-1] - index.media_us[0])
    return FootagePreview(source, index.n_frames, duration_us, max(1, len(index.sections)))
