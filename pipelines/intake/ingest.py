"""Footage in: what was given, what it is, which camera, and the address of every frame.

Idempotent: the same bytes again are the same evidence. One file that cannot be read costs one row
with a reason, never the command.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeVar

from forensics.adapters import footage_index
from forensics.adapters.store import object_store
from forensics.custody.case_folder import CaseFolder
from forensics.decoding.child import DecodingChild, Limits, patience_for_bytes
from forensics.digests import sha256_of_file
from forensics.errors import DecoderLost, ForensicsError, UnreadableFootage, UsageError
from forensics.footage.evidence import Evidence, Indexed, Readable, Reader, Source, Timing, Verdict, evidence_id_of
from forensics.footage.timeline import PacketIndex
from forensics.place import Place, StoreObject
from forensics.spelling import is_text
from forensics.tables.evidence import evidence_table, load_evidence, load_sources, save_index, sources_table
from forensics.tables.files import encoded_table
from pipelines.custody.case_document import Case
from pipelines.custody.deciding_files import DecidingFiles

__all__ = ["Given", "ingest", "unknown_clocks", "withdraw"]

Answer = TypeVar("Answer")
_DIGEST_PATIENCE: Final = 30  # a disk that must be woken, and a folder of which nobody knows how large it is


@dataclass(frozen=True, slots=True)
class Given:
    """One path and what the person says about it.

    Attributes:
        path: a file, a folder of stills or a zip of stills.
        camera_id: the viewpoint.
        camera_is_stated: False where the id was made from the file's name: then the same bytes under
            another name belong to the camera they were first given for.
        start_utc_us: of media time zero by the camera's clock; None if nobody knows.
        clock_error_ms: how far that may be off; None if nobody knows.
        assumed_rate: frames per second where the container states no times.
        stream_index: the video stream to read; None for the default, else the largest.
        reader: `Reader.DECORD` to read with decord where it is proven exact on this file.
    """

    path: Place
    camera_id: str
    camera_is_stated: bool = True
    start_utc_us: int | None = None
    clock_error_ms: int | None = None
    assumed_rate: Fraction | None = None
    stream_index: int | None = None
    reader: Reader = Reader.PYAV


@dataclass(slots=True)
class _Shelf:
    """What the case knows while a command adds to it."""

    folder: CaseFolder
    evidence: dict[str, Evidence]
    sources: list[Source]
    files: DecidingFiles

    def add_source(self, source: Source) -> Source:
        """Replace what was said of the same recording at the same path, for the same camera.

        Other bytes than were there before are another recording, and both stay; what was read stays if nothing can be
        read there this time.
        """
        before = [each for each in self.sources if (each.path, each.camera_id) == (source.path, source.camera_id)]
        if source.evidence_id is None and any(each.evidence_id for each in before):
            return source
        others = [each for each in before if each.evidence_id not in (None, source.evidence_id)]
        if others:
            before_it = f"other bytes were given here before: evidence {others[-1].evidence_id}"
            source = replace(source, reason="; ".join(filter(None, (source.reason, before_it))))
        self.sources = [*(each for each in self.sources if each not in before or each in others), source]
        return source

    def save(self) -> None:
        """Both lists are on disk, and in the log."""
        evidence = evidence_table(self.folder, list(self.evidence.values()))
        sources = sources_table(self.sources)
        lists = {self.folder.evidence_file: evidence, self.folder.sources_file: sources}
        self.files.write_together({path: encoded_table(table) for path, table in lists.items()})


def ingest(
    files: DecidingFiles, given: Sequence[Given], *, limits: Limits, on_source: Callable[[Source], None]
) -> list[Source]:
    """Add footage to a case, one row in `sources` for each path; saved after each.

    Args:
        files: writes the lists of the case, which the caller has locked.
        given: what to add.
        limits: when the child that opens it is given up.
        on_source: told of each path as it is done.

    Raises:
        UsageError: the same bytes are known for another camera; all other paths were added.
        IntegrityBroken: the lists were changed by other means.
    """
    folder = files.folder
    shelf = _Shelf(folder, {item.evidence_id: item for item in load_evidence(folder)}, load_sources(folder), files)
    done, contradictions = [], []
    with DecodingChild(limits) as child:
        for one in map(_absolute, given):
            try:
                source = shelf.add_source(_taken_in(shelf, one, child))
            except UsageError as contradiction:
                contradictions.append(contradiction)
                continue
            shelf.save()
            on_source(source)
            done.append(source)
    if contradictions:
        raise contradictions[0]
    return done


def withdraw(files: DecidingFiles, path: Place) -> list[Source]:
    """Take back what was given by mistake: a path, or what lay there, of which no frame could ever be read.

    Returns:
        what was said of it.

    Raises:
        UsageError: it was never given, or frames were read there.
    """
    folder = files.folder
    sources, evidence = load_sources(folder), load_evidence(folder)
    given = [source for source in sources if source.path == path]
    if not given:
        raise UsageError(f"{path} was never given", "`forensics status` names the footage")
    # a recording whose repair failed is called rejected, too, and stays
    was_read = {item.evidence_id for item in evidence if item.readable is not None}
    unread = [source for source in given if source.evidence_id not in was_read]
    if not unread:
        read = " and ".join(source.evidence_id or "" for source in given)
        raise UsageError(f"{path} was read: it is evidence {read}", "evidence stays; only what gave none is taken back")
    left = [source for source in sources if source not in unread]
    withdrawn = {source.evidence_id for source in unread} - {source.evidence_id for source in left}
    kept = [item for item in evidence if item.evidence_id not in withdrawn]
    lists = {folder.evidence_file: evidence_table(folder, kept), folder.sources_file: sources_table(left)}
    files.write_together({file: encoded_table(table) for file, table in lists.items()})
    return unread


def _absolute(given: Given) -> Given:
    return replace(given, path=given.path.absolute()) if isinstance(given.path, Path) else given


def _taken_in(shelf: _Shelf, given: Given, child: DecodingChild) -> Source:
    if isinstance(given.path, Path) and not is_text(str(given.path)):
        spelt = Path(os.fsencode(given.path).decode(errors="backslashreplace"))
        return Source(spelt, None, given.camera_id, Verdict.REJECTED, "bad_name: the name is not UTF-8; rename it")
    try:
        sha256, size_bytes, given = _digested(child, given)
    except (UnreadableFootage, DecoderLost) as error:
        return Source(given.path, None, given.camera_id, Verdict.REJECTED, f"{error.reason}: {error.detail}")
    if size_bytes == 0:
        reason = "no_media: the folder holds no video, and no picture with any bytes"
        return Source(given.path, None, given.camera_id, Verdict.REJECTED, reason)
    evidence_id = evidence_id_of(sha256)
    known = shelf.evidence.get(evidence_id)
    if known is not None and _is_stored(shelf.folder, known):
        return _again(shelf, given, known)
    evidence = _indexed(shelf.folder, _as_before(given, known), child, sha256=sha256, size_bytes=size_bytes)
    if known is None or known.readable is None or evidence.readable is not None:
        shelf.evidence[evidence_id] = evidence  # a repair that failed forgets nothing
    return Source(given.path, evidence_id, evidence.camera_id, evidence.verdict, evidence.reason)


def _digested(child: DecodingChild, given: Given) -> tuple[str, int, Given]:
    """SHA-256 and bytes of the footage; an object then knows the digests of its blocks."""
    if isinstance(given.path, StoreObject):
        n_bytes = _asked(child, given.path, object_store.size_of_object, patience=_DIGEST_PATIENCE)
        patience = _DIGEST_PATIENCE + patience_for_bytes(n_bytes)
        sha256, n_bytes, blocks = _asked(child, given.path, object_store.digest_object, patience=patience)
        return sha256, n_bytes, replace(given, path=replace(given.path, blocks=blocks))
    sha256, n_bytes = _asked(child, given.path, footage_index.digest_and_size, patience=_DIGEST_PATIENCE)
    return sha256, n_bytes, given


def _as_before(given: Given, known: Evidence | None) -> Given:
    """What was said of the same bytes before, where it is not said again: a repair forgets nothing."""
    if known is None or known.readable is None:
        return given
    _refuse_other_camera(given, known)
    _refuse_other_stream(given, known)
    given = replace(given, camera_id=known.camera_id)
    if given.start_utc_us is None:
        given = replace(given, start_utc_us=known.start_utc_us, clock_error_ms=known.clock_error_ms)
    readable = known.readable
    if readable.medium.timing is Timing.ASSUMED:
        given = replace(given, assumed_rate=given.assumed_rate or readable.medium.rate_counted)
    if readable.working_copy_sha256 is None and readable.footage.reader is not Reader.STILLS:
        given = replace(given, stream_index=readable.footage.stream_index, reader=readable.footage.reader)
    return given


def _is_stored(folder: CaseFolder, known: Evidence) -> bool:
    """Whether its index and working copy are still what ingest wrote; what is lost is made again."""
    readable = known.readable
    if readable is None or _digest_if_there(folder.index_file(known.evidence_id)) != readable.index_sha256:
        return False
    return readable.working_copy_sha256 in (None, _digest_if_there(readable.footage.path))


def _digest_if_there(path: Place) -> str:
    return sha256_of_file(path) if isinstance(path, Path) and path.is_file() else ""


def _again(shelf: _Shelf, given: Given, known: Evidence) -> Source:
    """The same bytes once more: another name, a new start time, or a contradiction."""
    _refuse_other_camera(given, known)
    _refuse_other_stream(given, known)
    if given.start_utc_us is not None:
        known = replace(known, start_utc_us=given.start_utc_us, clock_error_ms=given.clock_error_ms)
        shelf.evidence[known.evidence_id] = known
    reason = known.reason if given.path == known.path else f"the same bytes as {known.path}"
    return Source(given.path, known.evidence_id, known.camera_id, known.verdict, reason)


def _refuse_other_camera(given: Given, known: Evidence) -> None:
    """One recording belongs to one camera; an id made from the file's name gives way."""
    if given.camera_is_stated and known.camera_id != given.camera_id:
        raise UsageError(
            f"{given.path} has the same bytes as {known.path}, which is footage of camera {known.camera_id!r}, "
            f"not {given.camera_id!r}",
            "one recording belongs to one camera; leave it out or correct --camera",
        )


def _refuse_other_stream(given: Given, known: Evidence) -> None:
    """One evidence is one stream; a working copy holds only that one."""
    readable = known.readable
    if readable is None or readable.working_copy_sha256 is not None or given.stream_index is None:
        return
    in_use = readable.footage.stream_index
    if given.stream_index != in_use:
        raise UsageError(
            f"{given.path} is known already, and its video stream {in_use} is read, not {given.stream_index}",
            "leave --stream out, or read the other stream in a case of its own",
        )


def _indexed(folder: CaseFolder, given: Given, child: DecodingChild, *, sha256: str, size_bytes: int) -> Evidence:
    """New evidence with its index stored; rejected, with the reason, where it cannot be indexed."""
    evidence_id = evidence_id_of(sha256)
    rejected = Evidence(
        evidence_id=evidence_id,
        path=given.path,
        sha256=sha256,
        size_bytes=size_bytes,
        camera_id=given.camera_id,
        start_utc_us=given.start_utc_us,
        clock_error_ms=given.clock_error_ms,
        verdict=Verdict.REJECTED,
        reason="",
        readable=None,
    )
    try:
        indexed = _asked(
            child,
            given.path,
            footage_index.index_footage,
            patience=patience_for_bytes(size_bytes),
            working_copy=folder.working_copy(evidence_id),
            stream_index=given.stream_index,
            assumed_rate=given.assumed_rate,
        )
    except (UnreadableFootage, DecoderLost) as error:
        return replace(rejected, reason=f"{error.reason}: {error.detail}")
    if given.reader is Reader.DECORD:
        indexed = _through_decord(indexed, child, size_bytes)
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
    return replace(rejected, verdict=verdict, reason=indexed.shortfall, readable=readable)


def _with_blocks(indexed: Indexed) -> PacketIndex:
    """The index; of what a store holds it says what each block must be."""
    place = indexed.footage.path
    return replace(indexed.index, blocks=place.blocks) if isinstance(place, StoreObject) else indexed.index


def _asked(
    child: DecodingChild, path: Place, function: Callable[..., Answer], *, patience: float, **arguments: Any
) -> Answer:
    """What the child finds out about a path; asked once more if it was lost and the footage is not to blame."""
    try:
        return child.call(path, function, patience=patience, path=path, **arguments)
    except DecoderLost as lost:
        if lost.blames_footage:
            raise
        return child.call(path, function, patience=patience, path=path, **arguments)


def _through_decord(indexed: Indexed, child: DecodingChild, size_bytes: int) -> Indexed:
    """The same evidence read by decord where that was proven exact on this very file; else why not."""
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


def unknown_clocks(case: Case) -> list[str]:
    """What must still be said about clocks, where the case is limited in time; a line for each camera."""
    if case.mandate.from_utc is None and case.mandate.to_utc is None:
        return []
    cameras = {
        item.camera_id
        for item in load_evidence(case.folder)
        if item.start_utc_us is None or case.camera(item.camera_id).clock_error_ms(item.clock_error_ms) is None
    }
    return [
        f"camera {camera}: its clock is not known, so the case may look at nothing of it; say when it begins with "
        f"--start and how far it may be off with --clock-error"
        for camera in sorted(cameras)
    ]
