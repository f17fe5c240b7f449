"""What is stated about footage when it is ingested, compared with what was stated about the same bytes before."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from forensics.custody.corrections import Correction
from forensics.errors import UsageError
from forensics.footage.evidence import Evidence, Reader, Timing, Verdict, evidence_id_of
from pipelines.intake.corrections import Corrector, error_text, start_corrections, start_text
from pipelines.intake.ingest_item import IngestItem
from pipelines.intake.unknown import UNKNOWN, Stated, stated_now

__all__ = [
    "as_read_before",
    "as_stated_first",
    "compare_statements",
    "joined_refusal",
    "missed_stream",
    "refuse_contradiction",
    "stated_evidence",
]

_SHOWN: Final = 5


def stated_evidence(item: IngestItem, known: Evidence | None, *, sha256: str, size_bytes: int) -> Evidence:
    """Return evidence with all that is stated about it: what was stated before, and what is stated now instead.

    Known evidence is never built anew, so that a repair keeps every statement.
    """
    before = known or Evidence(
        evidence_id=evidence_id_of(sha256),
        path=item.path,
        sha256=sha256,
        size_bytes=size_bytes,
        camera_id=item.camera_id,
        start_utc_us=None,
        clock_error_ms=None,
        verdict=Verdict.REJECTED,
        reason="",
        readable=None,
    )
    start = before if item.start_utc_us is None else item
    return replace(
        before,
        start_stated=start.start_stated,
        start_utc_us=stated_now(before.start_utc_us, item.start_utc_us),
        clock_error_ms=stated_now(before.clock_error_ms, item.clock_error_ms),
    )


def as_read_before(item: IngestItem, known: Evidence | None) -> IngestItem:
    """Return the item, to be read as the same bytes were read before as far as it does not state otherwise."""
    if known is None or known.readable is None:
        return item
    readable = known.readable
    if readable.medium.timing is Timing.ASSUMED:
        item = replace(item, assumed_rate=item.assumed_rate or readable.medium.rate_counted)
    if readable.working_copy_sha256 is None and readable.footage.reader is not Reader.STILLS:
        item = replace(item, stream_index=readable.footage.stream_index, reader=readable.footage.reader)
    return item


def missed_stream(item: IngestItem, known: Evidence | None, evidence: Evidence) -> int | None:
    """Return the video stream that was read before, if another one was read now; None if it was read.

    The number of the stream in a working copy is not that in the file, but the streams that were not read are known.
    """
    if item.stream_index is not None or known is None or known.readable is None or evidence.readable is None:
        return None
    before, now = (set(each.medium.other_streams) for each in (known.readable, evidence.readable))
    return next(iter(now - before), None)


def compare_statements(item: IngestItem, known: Evidence, corrector: Corrector) -> list[Correction]:
    """Return what is stated about known bytes that was not stated before.

    Raises:
        UsageError: another camera or stream is stated, or another start that may not be corrected.
    """
    _refuse_other_camera(item, known)
    _refuse_other_stream(item, known)
    corrections = start_corrections(known, item.start_utc_us, item.start_stated, item.clock_error_ms)
    corrector.check(item.path, corrections)
    return corrections


def refuse_contradiction(item: IngestItem, earlier: Sequence[IngestItem]) -> None:
    """Check that one command states the same about the same bytes, such as a file and its copy.

    Args:
        item: footage of the command.
        earlier: footage with the same bytes that the command named before.

    Raises:
        UsageError: it states another camera, start or clock error; a reason does not help, because both are stated.
    """
    for each in earlier:
        here, there = _statements(item), _statements(each)
        differing = [name for name in here if name in there and here[name][0] != there[name][0]]
        if differing:
            said = (", ".join(f"{name} {of[name][1]}" for name in differing) for of in (there, here))
            first, second = (f"{one} with {what}" for one, what in zip((each, item), said, strict=True))
            raise UsageError(
                f"the same bytes are stated twice: {first}; {second}",
                "find out which is right, and leave the other one out",
            )


def as_stated_first(item: IngestItem, earlier: Sequence[IngestItem]) -> IngestItem:
    """Return the item with its start written as the command stated it first for the same bytes.

    Args:
        item: footage of the command that contradicts none before.
        earlier: footage with the same bytes that the command named before.
    """
    first = next((each for each in earlier if each.start_utc_us is not None), item)
    return item if item.start_utc_us is None else replace(item, start_stated=first.start_stated)


def joined_refusal(contradictions: Sequence[UsageError]) -> UsageError:
    """Return one error for all paths whose statements contradict others; it names five of them."""
    if len(contradictions) == 1:
        return contradictions[0]
    more = [f"and {len(contradictions) - _SHOWN} more"] if len(contradictions) > _SHOWN else []
    listed = "".join(f"\n  {line}" for line in [*(each.problem for each in contradictions[:_SHOWN]), *more])
    next_steps = dict.fromkeys(each.next_step for each in contradictions[:_SHOWN])
    return UsageError(f"{len(contradictions)} paths contradict what is stated:{listed}", "; ".join(next_steps))


def _statements(item: IngestItem) -> dict[str, tuple[str | Stated, str | None]]:
    """Return what is stated about footage by name: what is compared, so a start as an instant, and its text."""
    stated = dict[str, tuple[str | Stated, str | None]]()
    if item.camera_is_stated:
        stated["camera"] = (item.camera_id, item.camera_id)
    start_us, error_ms = item.start_utc_us, item.clock_error_ms
    if start_us is not None:
        stated["start"] = (start_us, UNKNOWN.value if start_us is UNKNOWN else start_text(start_us, item.start_stated))
    if error_ms is not None:
        stated["clock error"] = (error_ms, UNKNOWN.value if error_ms is UNKNOWN else error_text(error_ms))
    return stated


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
    """Check that no other stream is asked for than the one that is read."""
    readable, stated = known.readable, item.stream_index
    if readable is None or stated is None:
        return
    is_copy, in_use = readable.working_copy_sha256 is not None, readable.footage.stream_index
    if stated in readable.medium.other_streams or not (is_copy or stated == in_use):
        read = "another video stream" if is_copy else f"video stream {in_use}"
        raise UsageError(
            f"{item.path} was ingested before with {read}, not {stated}",
            "leave --stream out, or ingest the other stream in a case of its own",
        )
