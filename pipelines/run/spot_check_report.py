"""Report of a spot check: frames that the motion gate skipped, frames that were checked, and missed people."""

from collections.abc import Iterable
from typing import Final

from forensics.adapters.statistics.binomial_bound import upper_bound
from forensics.json_object import JsonObject
from forensics.sampling.spot_check import sample_sizes, summarise
from forensics.tables.spot_check_rows import SpotCheckedEvidence
from pipelines.settings import Settings

__all__ = ["describe_spot_check", "spot_check_facts"]

_CONFIDENCE: Final = 0.95


def spot_check_facts(settings: Settings, spot_checks: Iterable[SpotCheckedEvidence]) -> JsonObject | None:
    """Return counts, miss rate and its upper bound for `run.json`; None without a gate.

    The miss rate is the share of checked frames with a missed person. If all skipped frames were checked, the upper
    bound is the miss rate itself. A sampled frame that could not be checked counts towards the bound as a miss.
    """
    if not settings.is_gated:
        return None
    evidence = list(spot_checks)
    frames = (frame for each in evidence for frame in each.frames)
    audit = summarise(sum(each.n_passed_over for each in evidence), frames, settings.detect.classes)
    n_skipped = [each.n_passed_over for each in evidence]
    n_sampled = sum(sample_sizes(n_skipped, share=settings.gate.audit_share, minimum=settings.gate.audit_frames))
    n_possible_misses = audit.n_with_a_miss + n_sampled - audit.n_checked
    miss_rate = round(audit.n_with_a_miss / audit.n_checked, 6) if audit.n_checked else None
    is_complete = bool(audit.n_checked) and audit.n_checked == audit.n_skipped
    at_most = miss_rate if is_complete else round(upper_bound(n_possible_misses, n_sampled, _CONFIDENCE), 6)
    return {
        "frames_passed_over": audit.n_skipped,
        "frames_drawn": n_sampled,
        "frames_audited": audit.n_checked,
        "seen": dict(sorted(audit.seen.items())),
        "missed": dict(sorted(audit.missed.items())),
        "frames_with_a_miss": audit.n_with_a_miss,
        "miss_rate": miss_rate,
        "miss_rate_at_most": at_most,
        "confidence": _CONFIDENCE,
        "seed": settings.gate.audit_seed,
    }


def describe_spot_check(audit: JsonObject) -> str:
    """Return the result of a spot check as one line of text."""
    names = ("frames_passed_over", "frames_audited", "frames_with_a_miss")
    n_skipped, n_checked, n_missed = (audit[name] for name in names)
    if not n_skipped:
        return "the gate skipped no frame"
    if not n_checked:
        return f"the gate skipped {n_skipped} frames; none of them was checked"
    if n_checked == n_skipped:
        return f"the gate skipped {n_skipped} frames; all of them were checked: {n_missed} show a person in no track"
    n_failed = audit.get("frames_drawn", n_checked) - n_checked
    failed = f" (and perhaps {n_failed} more that could not be checked)" if n_failed else ""
    return (
        f"the gate skipped {n_skipped} frames; {n_checked} of them, drawn at random, were checked: {n_missed}{failed} "
        f"show a person in no track, so at most {audit['miss_rate_at_most']:.2%} of all skipped frames do "
        f"({audit['confidence']:.0%} confidence)"
    )
