"""What the rounds of a comparison say together: medians with their spread, ratios of contenders of one round."""

import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from pipelines.run.spot_check_report import spot_check_text
from scripts.measure.bench.measurement import Measured

__all__ = ["DECODING", "NETWORK", "limit_of", "summary", "table"]

DECODING: Final = "decoding, a thread on every core"
NETWORK: Final = "network, a thread on every core, f32"

_OURS = "forensics scan"


def summary(title: str, rounds: Sequence[dict[str, Measured]], checks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """For JSON: every round as it was measured, and what is told of them."""
    first, *_ = rounds[0]
    told = {
        name: {
            "fps": _spread([each[name].fps for each in rounds]),
            "ratio": _spread([each[name].fps / each[first].fps for each in rounds]),
            "cpu_ms_per_frame": _spread([each[name].cpu_s / each[name].frames * 1000 for each in rounds]),
            "startup_s": _spread([each[name].startup_s for each in rounds]),
            "peak_mib": max(each[name].peak_bytes for each in rounds) >> 20,
        }
        for name in rounds[0]
    }
    limits = [limit for each in rounds if (limit := limit_of(each))]
    facts: dict[str, Any] = {"title": title, "contenders": told, "checks": list(checks)}
    if limits:
        facts["limit_fps"] = _spread(limits)
        facts["of_limit"] = _spread([each[_OURS].fps / limit for each, limit in zip(rounds, limits, strict=True)])
    return {**facts, "rounds": [{name: asdict(run) for name, run in each.items()} for each in rounds]}


def limit_of(measured: dict[str, Measured]) -> float | None:
    """Frames a second if all cores did nothing but decode and look: cores / processor seconds of both per frame."""
    parts = [measured.get(DECODING), measured.get(NETWORK)]
    if None in parts:
        return None
    cores = len(os.sched_getaffinity(0))
    return cores / sum(part.cpu_s / part.frames for part in parts if part)


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def table(facts: dict[str, Any]) -> str:
    """For people, as Markdown."""
    lines = [
        f"### {facts['title'][0].upper()}{facts['title'][1:]}",
        "",
        "| | frames/s | ratio | CPU ms a frame | start-up | peak of one process |",
        "|---|---|---|---|---|---|",
    ]
    for name, told in facts["contenders"].items():
        fps, ratio, cpu = (
            _text(told[key], digits) for key, digits in (("fps", 1), ("ratio", 2), ("cpu_ms_per_frame", 1))
        )
        lines.append(
            f"| {name} | {fps} | {ratio} | {cpu} | {told['startup_s']['median']:.1f} s | {told['peak_mib']} MiB |"
        )
    if "limit_fps" in facts:
        limit, share = _text(facts["limit_fps"], 1), facts["of_limit"]
        lines.append(f"| limit: cores / CPU of decoding plus network | {limit} | | | | |")
        lines += ["", f"Of the limit: {share['median']:.0%} ({share['least']:.0%} to {share['most']:.0%})."]
    for check in facts["checks"][-1:]:
        lines += [line for told in _words(check) for line in ("", told)]
    return "\n".join(lines)


def _words(check: dict[str, Any]) -> list[str]:
    """How many people were found, and how exactly; whom the audit missed."""
    told = [
        f"{name}: {each['found']} people where {each['expected']} are when every frame is looked at, "
        f"their first and last frames at most {each['ends_off_by_at_most_frames']} off."
        for name, each in check.get("people", {}).items()
    ]
    return [*told, *([f"{spot_check_text(check['audit']).capitalize()}."] if "audit" in check else [])]


def _text(spread: dict[str, float], digits: int) -> str:
    middle, least, most = (f"{spread[name]:.{digits}f}" for name in ("median", "least", "most"))
    return middle if least == most else f"{middle} ({least} to {most})"
