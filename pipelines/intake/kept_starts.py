"""Starts that stay because a line of a list states none."""

from collections.abc import Mapping, Sequence

from forensics.footage.evidence import Evidence, Source
from forensics.wording import counted
from pipelines.intake.corrections import start_text
from pipelines.intake.ingest_item import IngestItem
from pipelines.intake.unknown import UNKNOWN

__all__ = ["describe_kept_starts"]


def describe_kept_starts(
    items: Sequence[IngestItem], sources: Sequence[Source], evidence: Mapping[str, Evidence]
) -> list[str]:
    """Return a line on recordings whose start stays as it was stated before, because their line of a list has none.

    Args:
        items: footage of the command.
        sources: what became of it, parallel to `items`.
        evidence: evidence of the case afterwards, by id.
    """
    kept = [
        (item, text)
        for item, source in zip(items, sources, strict=True)
        if item.line is not None and item.start_utc_us is None
        if (known := evidence.get(source.evidence_id or ""))
        if (text := start_text(known.start_utc_us, known.start_stated))
    ]
    if not kept:
        return []
    item, text = kept[0]
    lines = counted(len(kept), "line of the list states", "lines of the list state")
    example = f"{item.path.name} at {text}"
    return [
        f"{lines} no start; what was stated before stays, such as {example}; to take it back, write {UNKNOWN.value}"
    ]
