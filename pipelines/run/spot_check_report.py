"""What a run says of what its gate did not look at: how much, how much of it was checked, and whom it missed."""

from collections.abc import Iterable
from typing import Any, Final

from forensics.adapters.statistics.binomial_bound import upper_bound
from forensics.sampling.spot_check import sample_sizes, summarise
from forensics.tables.spot_check_rows import SpotCheckedEvidence
from pipelines.settings import Settings

__all__ = ["spot_check_facts", "spot_check_text"]

_CONFIDENCE: Final = 0.95


def spot_check_facts(settings: Settings, audits: Iterable[SpotCheckedEvidence]) -> dict[str, Any] | None:
    """For `run.json`: counts, the share of frames in which somebody was missed, and how large it may be.

    None where every chosen frame was looked at. Where all that was passed over was, nothing is left to chance. A frame
    that was drawn and could not be looked at counts towards the bound as if somebody had been missed in it.
    """
    if not settings.is_gated:
        return None
    evidence = list(audits)
    frames = (frame for each in evidence for frame in each.frames)
    audit = summarise(sum(each.n_passed_over for each in evidence), frames, settings.detect.classes)
    n_looked_at = audit.n_looked_at
    n_passed_over = [each.n_passed_over for each in evidence]
    n_drawn = sum(sample_sizes(n_passed_over, share=settings.gate.audit_share, least=settings.gate.audit_frames))
    n_at_worst = audit.n_with_a_miss + n_drawn - n_looked_at
    miss_rate = round(audit.n_with_a_miss / n_looked_at, 6) if n_looked_at else None
    is_whole = bool(n_looked_at) and n_looked_at == audit.n_passed_over
    at_worst = miss_rate if is_whole else round(upper_bound(n_at_worst, n_drawn, _CONFIDENCE), 6)
    return {
        "frames_passed_over": audit.n_passed_over,
        "frames_drawn": n_drawn,
        "frames_audited": n_looked_at,
        "seen": dict(sorted(audit.seen.items())),
        "missed": dict(sorted(audit.missed.items())),
        "frames_with_a_miss": audit.n_with_a_miss,
        "miss_rate": miss_rate,
        "miss_rate_at_most": at_worst,
        "confidence": _CONFIDENCE,
        "seed": settings.gate.audit_seed,
    }


def spot_check_text(audit: dict[str, Any]) -> str:
    """The same in a line for people."""
    passed, looked, missed = (audit[name] for name in ("frames_passed_over", "frames_audited", "frames_with_a_miss"))
    if not passed:
        return "the gate passed over no frame"
    if not looked:
        return f"the gate passed over {passed} frames, and none of them was checked"
    if looked == passed:
        return f"the gate passed over {passed} frames; all of them were looked at: in {missed} somebody is in no track"
    n_lacking = audit.get("frames_drawn", looked) - looked
    lacking = f" and may be in the {n_lacking} more that could not be looked at" if n_lacking else ""
    return (
        f"the gate passed over {passed} frames; {looked} of them, by lot, were looked at: in {missed} somebody is "
        f"in no track{lacking}, so in at most {audit['miss_rate_at_most']:.2%} of all ({audit['confidence']:.0%} sure)"
    )
