"""Ingest: digest and index footage, and list it as evidence of a case.

Ingest is idempotent: the same bytes are the same evidence. A file that cannot be read becomes a rejected source with a
reason, and the other files are ingested.
"""

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeVar

from forensics.adapters import footage_index
from forensics.adapters.store import object_store
from forensics.custody.case_folder import CaseFolder
from forensics.custody.corrections import Correction
from forensics.decoding.child import DecodingChild, Limits, patience_for_bytes
from forensics.errors import DecoderLost, ForensicsError, UnreadableFootage, UsageError
from forensics.footage.evidence import Evidence, Indexed, Readable, Reader, Source, Timing, Verdict, evidence_id_of
from forensics.footage.timeline import PacketIndex
from forensics.place import Place, StoreObject
from forensics.spelling import is_text
from forensics.tables.evidence import save_index
from pipelines.custody.deciding_files import DecidingFiles
from pipelines.intake.corrections import NO_CORRECTIONS, Corrector, start_corrections
from pipelines.intake.evidence_lists import EvidenceLists, PacedSaving
from pipelines.intake.not_footage import describe_empty_folder, describe_not_footage

__all__ = ["IngestItem", "ingest", "ingest_one"]

Answer = TypeVar("Answer")
# Factor on the time limits: a disk may have to spin up, and the size of a folder is unknown.
_DIGEST_PATIENCE: Final = 30


@dataclass(frozen=True, slots=True)
class IngestItem:
    """One path to ingest, with what the user states about it.

    Attributes:
        path: a file, a folder of stills, a zip of stills or an object.
        camera_id: id of the camera.
        camera_is_stated: False if the id was made from the name of the file; then the same bytes under another name
            keep the camera that they were first ingested for.
        start_utc_us: time of media time zero by the camera's clock, microseconds since 1970 UTC; None if unknown.
        start_stated: the same time as it was stated, in ISO 8601 with its offset from UTC; None if unknown.
        clock_error_ms: largest error of that time; None if unknown.
        assumed_rate: frames per second if the container has no times; None if not given.
        stream_index: video stream to read; None for the default stream, or the largest if there is no default.
        reader: `Reader.DECORD` to read with decord if it is proven exact on this file.
    """

    path: Place
    camera_id: str
    camera_is_stated: bool = True
    start_utc_us: int | None = None
    start_stated: str | None = None
    clock_error_ms: int | None = None
    assumed_rate: Fraction | None = None
    stream_index: int | None = None
    reader: Reader = Reader.PYAV


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
        UsageError: the same bytes were ingested before for another camera or stream, or with another start that may
            not be corrected; all other paths are ingested.
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
        raise contradictions[0]
    return done


def ingest_one(lists: EvidenceLists, item: IngestItem, child: DecodingChild, corrector: Corrector) -> Source:
    """Ingest one path and add it to the lists; return its source, rejected with a reason if it cannot be read.

    Raises:
        UsageError: the same bytes were ingested before for another camera or stream, or with another start that may
            not be corrected.
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
    known = lists.evidence.get(evidence_id)
    corrections = [] if known is None else _compare_statements(item, known, corrector)
    if known is not None and lists.is_stored(known):
        corrector.record(corrections)
        return _update_known(lists, item, known)
    evidence = _index_evidence(
        lists.new_files, _add_known_facts(item, known), child, sha256=sha256, size_bytes=size_bytes
    )
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


def _add_known_facts(item: IngestItem, known: Evidence | None) -> IngestItem:
    """Return the item, completed with what was stated about the same bytes before, so that a repair keeps it."""
    if known is None or known.readable is None:
        return item
    item = replace(item, camera_id=known.camera_id, **_statements(item, known))
    readable = known.readable
    if readable.medium.timing is Timing.ASSUMED:
        item = replace(item, assumed_rate=item.assumed_rate or readable.medium.rate_counted)
    if readable.working_copy_sha256 is None and readable.footage.reader is not Reader.STILLS:
        item = replace(item, stream_index=readable.footage.stream_index, reader=readable.footage.reader)
    return item


def _update_known(lists: EvidenceLists, item: IngestItem, known: Evidence) -> Source:
    """Return the source of bytes that are evidence already; update what is stated about their start."""
    lists.evidence[known.evidence_id] = replace(known, **_statements(item, known))
    reason = known.reason if item.path == known.path else f"the same bytes as {known.path}"
    return Source(item.path, known.evidence_id, known.camera_id, known.verdict, reason)


def _statements(item: IngestItem, known: Evidence) -> dict[str, Any]:
    """Return start and clock error as they are stated now, and as they were before where nothing is stated."""
    start = known if item.start_utc_us is None else item
    error_ms = known.clock_error_ms if item.clock_error_ms is None else item.clock_error_ms
    return {"start_utc_us": start.start_utc_us, "start_stated": start.start_stated, "clock_error_ms": error_ms}


def _compare_statements(item: IngestItem, known: Evidence, corrector: Corrector) -> list[Correction]:
    """Return what is stated about known bytes that was not stated before.

    Raises:
        UsageError: another camera or stream is stated, or another start that may not be corrected.
    """
    if known.readable is None:
        return []  # nothing was made of it yet
    _refuse_other_camera(item, known)
    _refuse_other_stream(item, known)
    corrections = start_corrections(known, item.start_utc_us, item.start_stated, item.clock_error_ms)
    corrector.check(item.path, corrections)
    return corrections


def _refuse_other_camera(item: IngestItem, known: Evidence) -> None:
    """Check that the same bytes are not stated for another camera; an id made from the file's name is ignored."""
    if item.camera_is_stated and known.camera_id != item.camera_id:
        same = "" if item.path == known.path else f" has the same bytes as {known.path}, which"
        raise UsageError(
            f"{item.path}{same} is footage of camera {known.camera_id!r}, not {item.camera_id!r}",
            "leave it out; or correct its camera: `forensics evidence camera CASE FILE "
            f"{shlex.quote(item.camera_id)} --reason TEXT`",
        )


def _refuse_other_stream(item: IngestItem, known: Evidence) -> None:
    """Check that no other stream is asked for than the one that is read; a working copy holds only that one."""
    readable = known.readable
    if readable is None or readable.working_copy_sha256 is not None or item.stream_index is None:
        return
    in_use = readable.footage.stream_index
    if item.stream_index != in_use:
        raise UsageError(
            f"{item.path} was ingested before with video stream {in_use}, not {item.stream_index}",
            "leave --stream out, or ingest the other stream in a case of its own",
        )


def _index_evidence(
    folder: CaseFolder, item: IngestItem, child: DecodingChild, *, sha256: str, size_bytes: int
) -> Evidence:
    """Index footage and store the index; return the evidence, rejected with a reason if it cannot be indexed."""
    evidence_id = evidence_id_of(sha256)
    rejected = Evidence(
        evidence_id=evidence_id,
        path=item.path,
        sha256=sha256,
        size_bytes=size_bytes,
        camera_id=item.camera_id,
        start_utc_us=item.start_utc_us,
        start_stated=item.start_stated,
        clock_error_ms=item.clock_error_ms,
        verdict=Verdict.REJECTED,
        reason="",
        readable=None,
    )
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
