"""Ingest: digest and index footage, and list it as evidence of a case.

Ingest is idempotent: the same bytes are the same evidence. A file that cannot be read becomes a rejected source with a
reason, and the other files are ingested.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

from forensics.adapters import footage_index
from forensics.adapters.store import object_store
from forensics.custody.case_folder import CaseFolder
from forensics.decoding.child import DecodingChild, Limits, patience_for_bytes
from forensics.errors import DecoderLost, ForensicsError, UnreadableFootage, UsageError
from forensics.footage.evidence import Evidence, Indexed, Readable, Reader, Source, Verdict, evidence_id_of
from forensics.footage.timeline import PacketIndex
from forensics.place import Place, StoreObject
from forensics.spelling import is_text
from forensics.tables.evidence import save_index
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.intake.corrections import NO_CORRECTIONS, Corrector
from pipelines.intake.evidence_lists import EvidenceLists, PacedSaving
from pipelines.intake.ingest_item import IngestItem
from pipelines.intake.not_footage import describe_empty_folder, describe_not_footage
from pipelines.intake.statements import (
    as_read_before,
    as_stated_first,
    compare_statements,
    joined_refusal,
    missed_stream,
    refuse_contradiction,
    stated_evidence,
)

__all__ = ["ingest", "ingest_one"]

Answer = TypeVar("Answer")
# Factor on the time limits: a disk may have to spin up, and the size of a folder is unknown.
_DIGEST_PATIENCE: Final = 30


def ingest(
    files: DecidingFiles,
    items: Sequence[IngestItem],
    *,
    limits: Limits,
    on_source: Callable[[Source], None],
    corrector: Corrector = NO_CORRECTIONS,
) -> list[Source]:
    """Ingest footage into a case. Each path is one row in `sources`; the lists are saved now and then and at the end.

    Args:
        files: writes the lists of the case; the caller holds its lock.
        items: paths to ingest.
        limits: limits of the decoding child that reads them.
        on_source: called with each source when it is done.
        corrector: decides what becomes of statements that differ from earlier ones.

    Returns:
        the sources, in the order of the paths.

    Raises:
        UsageError: the same bytes are stated, or were ingested before, for another camera or stream, or with another
            start that may not be corrected; all other paths are ingested.
        IntegrityBroken: the lists were changed by other means.
    """
    lists = EvidenceLists.load(files.folder)
    saving = PacedSaving(lists, files)
    done, contradictions = [], []
    with DecodingChild(limits) as child, saving.until_saved():
        for item in items:
            try:
                source = ingest_one(lists, item, child, corrector)
            except UsageError as contradiction:
                contradictions.append(contradiction)
                continue
            saving.save_if_due()
            on_source(source)
            done.append(source)
    if contradictions:
        raise joined_refusal(contradictions)
    return done


def ingest_one(lists: EvidenceLists, item: IngestItem, child: DecodingChild, corrector: Corrector) -> Source:
    """Ingest one path and add it to the lists; return its source, rejected with a reason if it cannot be read.

    Raises:
        UsageError: the same bytes are stated, or were ingested before, for another camera or stream, or with another
            start that may not be corrected.
    """
    if isinstance(item.path, Path):
        item = replace(item, path=item.path.absolute())
    return lists.add_source(_read_source(lists, item, child, corrector))


def _read_source(lists: EvidenceLists, item: IngestItem, child: DecodingChild, corrector: Corrector) -> Source:
    if isinstance(item.path, Path) and not is_text(str(item.path)):
        escaped = Path(os.fsencode(item.path).decode(errors="backslashreplace"))
        return Source(escaped, None, item.camera_id, Verdict.REJECTED, "bad_name: the name is not UTF-8; rename it")
    try:
        sha256, size_bytes, item = _digest_footage(child, item)
    except (UnreadableFootage, DecoderLost) as error:
        return Source(item.path, None, item.camera_id, Verdict.REJECTED, f"{error.reason}: {error.detail}")
    if size_bytes == 0:
        reason = f"no_media: {describe_empty_folder(item.path)}"
        return Source(item.path, None, item.camera_id, Verdict.REJECTED, reason)
    evidence_id = evidence_id_of(sha256)
    earlier = lists.items.setdefault(evidence_id, [])
    refuse_contradiction(item, earlier)
    item = as_stated_first(item, earlier)
    known = lists.evidence.get(evidence_id)
    corrections = [] if known is None else compare_statements(item, known, corrector)
    earlier.append(item)
    if known is not None and lists.is_stored(known):
        corrector.record(corrections)
        return _update_known(lists, item, known)
    stated = stated_evidence(item, known, sha256=sha256, size_bytes=size_bytes)
    evidence = _index_evidence(lists.new_files, as_read_before(item, known), child, stated)
    missed = missed_stream(item, known, evidence)
    if missed is not None:
        item = replace(item, stream_index=missed)
        evidence = _index_evidence(lists.new_files, item, child, stated)
    if known is None or known.readable is None or evidence.readable is not None:
        corrector.record(corrections)
        lists.evidence[evidence_id] = evidence  # after a failed repair the old evidence stays
    return Source(item.path, evidence_id, evidence.camera_id, evidence.verdict, evidence.reason)


def _digest_footage(child: DecodingChild, item: IngestItem) -> tuple[str, int, IngestItem]:
    """Return SHA-256, size in bytes, and the item; of an object with the digests of its blocks."""
    if isinstance(item.path, StoreObject):
        n_bytes = _call_child(child, item.path, object_store.size_of_object, patience=_DIGEST_PATIENCE)
        patience = _DIGEST_PATIENCE + patience_for_bytes(n_bytes)
        sha256, n_bytes, blocks = _call_child(child, item.path, object_store.digest_object, patience=patience)
        return sha256, n_bytes, replace(item, path=replace(item.path, blocks=blocks))
    sha256, n_bytes = _call_child(child, item.path, footage_index.digest_and_size, patience=_DIGEST_PATIENCE)
    return sha256, n_bytes, item


def _update_known(lists: EvidenceLists, item: IngestItem, known: Evidence) -> Source:
    """Return the source of bytes that are evidence already; update what is stated about their start."""
    lists.evidence[known.evidence_id] = stated_evidence(item, known, sha256=known.sha256, size_bytes=known.size_bytes)
    reason = known.reason if item.path == known.path else f"the same bytes as {known.path}"
    return Source(item.path, known.evidence_id, known.camera_id, known.verdict, reason)


def _index_evidence(folder: CaseFolder, item: IngestItem, child: DecodingChild, stated: Evidence) -> Evidence:
    """Index footage and store the index; return the evidence, rejected with a reason if it cannot be indexed.

    Only what is read of the footage is replaced; what is stated about it stays.
    """
    evidence_id, size_bytes = stated.evidence_id, stated.size_bytes
    rejected = replace(stated, path=item.path, verdict=Verdict.REJECTED, reason="", readable=None)
    try:
        indexed = _call_child(
            child,
            item.path,
            footage_index.index_footage,
            patience=patience_for_bytes(size_bytes),
            working_copy=folder.working_copy(evidence_id),
            stream_index=item.stream_index,
            assumed_rate=item.assumed_rate,
        )
    except (UnreadableFootage, DecoderLost) as error:
        return replace(rejected, reason=_describe_rejection(item.path, error))
    if item.reader is Reader.DECORD:
        indexed = _try_decord(indexed, child, size_bytes)
    readable = Readable(
        medium=indexed.medium,
        footage=indexed.footage,
        working_copy_sha256=indexed.working_copy_sha256,
        reader_reason=indexed.reader_reason,
        n_frames=indexed.index.n_frames,
        time_base=indexed.index.time_base,
        index_sha256=save_index(folder, evidence_id, _with_blocks(indexed), indexed.picture_names),
    )
    verdict = Verdict.PARTIAL if indexed.shortfall else Verdict.OK
    reason = "; ".join(filter(None, (indexed.shortfall, indexed.remark)))
    return replace(rejected, verdict=verdict, reason=reason, readable=readable)


def _describe_rejection(path: Place, error: UnreadableFootage | DecoderLost) -> str:
    """Return why footage is rejected: what the file is, if its first bytes show it, else what the reader said."""
    kind = describe_not_footage(path) if isinstance(error, UnreadableFootage) else ""
    return f"not_media: {kind}" if kind else f"{error.reason}: {error.detail}"


def _with_blocks(indexed: Indexed) -> PacketIndex:
    """Return the packet index; of an object with the digests of its blocks."""
    place = indexed.footage.path
    return replace(indexed.index, blocks=place.blocks) if isinstance(place, StoreObject) else indexed.index


def _call_child(
    child: DecodingChild, path: Place, function: Callable[..., Answer], *, patience: float, **arguments: Any
) -> Answer:
    """Call a function in the decoding child; call it once more if the child was lost and not because of the footage."""
    try:
        return child.call(path, function, patience=patience, path=path, **arguments)
    except DecoderLost as lost:
        if lost.blames_footage:
            raise
        return child.call(path, function, patience=patience, path=path, **arguments)


def _try_decord(indexed: Indexed, child: DecodingChild, size_bytes: int) -> Indexed:
    """Return the evidence with decord as reader if it is proven exact on this file; otherwise with the reason."""
    try:
        objection = (
            "the file is not whole"
            if indexed.shortfall
            else child.call(
                indexed.footage.path,
                footage_index.prove_decord,
                patience=patience_for_bytes(size_bytes),
                indexed=indexed,
            )
        )
    except ForensicsError as error:
        objection = str(error)
    if objection:
        return replace(indexed, reader_reason=f"{indexed.reader_reason}; decord refused: {objection}")
    footage = replace(indexed.footage, reader=Reader.DECORD)
    return replace(indexed, footage=footage, reader_reason="decord, proven exact on this file at ingest")
