"""Summary of the rounds of a comparison: medians with their range, and ratios within each round."""

import os
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from pipelines.run.spot_check_report import describe_spot_check
from scripts.measure.bench.measurement import Measurement

__all__ = ["DECODING", "NETWORK", "frame_rate_limit", "markdown_table", "summarise"]

DECODING: Final = "decoding, a thread on every core"
NETWORK: Final = "network, a thread on every core, f32"

_OURS: Final = "forensics scan"


def summarise(title: str, rounds: Sequence[dict[str, Measurement]], checks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the summary and all measurements, for JSON."""
    first, *_ = rounds[0]
    contenders = {
        name: {
            "fps": _spread([each[name].fps for each in rounds]),
            "ratio": _spread([each[name].fps / each[first].fps for each in rounds]),
            "cpu_ms_per_frame": _spread([each[name].cpu_s / each[name].frames * 1000 for each in rounds]),
            "startup_s": _spread([each[name].startup_s for each in rounds]),
            "whole_s": _spread([each[name].whole_s for each in rounds]),
            "peak_mib": max(each[name].peak_bytes for each in rounds) >> 20,
        }
        for name in rounds[0]
    }
    limits = [limit for each in rounds if (limit := frame_rate_limit(each))]
    others = max(run.others for each in rounds for run in each.values())
    facts: dict[str, Any] = {"title": title, "contenders": contenders, "checks": list(checks), "others": others}
    if limits:
        facts["limit_fps"] = _spread(limits)
        facts["of_limit"] = _spread([each[_OURS].fps / limit for each, limit in zip(rounds, limits, strict=True)])
    return {**facts, "rounds": [{name: asdict(run) for name, run in each.items()} for each in rounds]}


def frame_rate_limit(measured: dict[str, Measurement]) -> float | None:
    """Return the frames/s of all cores that only decode and detect: cores / CPU seconds of both per frame."""
    parts = [measured.get(DECODING), measured.get(NETWORK)]
    if None in parts:
        return None
    cores = len(os.sched_getaffinity(0))
    return cores / sum(part.cpu_s / part.frames for part in parts if part)


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def markdown_table(facts: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    lines = [
        f"### {facts['title'][0].upper()}{facts['title'][1:]}",
        "",
        "| | frames/s | ratio | CPU ms a frame | start-up | whole process | peak of one process |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, values in facts["contenders"].items():
        fps, ratio, cpu = (
            _text(values[key], digits) for key, digits in (("fps", 1), ("ratio", 2), ("cpu_ms_per_frame", 1))
        )
        whole = f"{values['whole_s']['median']:.1f} s" if "whole_s" in values else ""  # not kept before 2026-12
        lines.append(
            f"| {name} | {fps} | {ratio} | {cpu} | {values['startup_s']['median']:.1f} s | {whole} | "
            f"{values['peak_mib']} MiB |"
        )
    if "limit_fps" in facts:
        limit, share = _text(facts["limit_fps"], 1), facts["of_limit"]
        lines.append(f"| limit: cores / CPU of decoding plus network | {limit} | | | | | |")
        lines += ["", f"Of the limit: {share['median']:.0%} ({share['least']:.0%} to {share['most']:.0%})."]
    for check in facts["checks"][-1:]:
        lines += [line for sentence in _check_sentences(check) for line in ("", sentence)]
    return "\n".join(lines)


def _check_sentences(check: dict[str, Any]) -> list[str]:
    """Return sentences about the people that were found and about the spot check."""
    people = [
        f"{name}: {each['found']} people, {each['expected']} with detection on every frame; "
        f"their first and last frames differ by at most {each['ends_off_by_at_most_frames']}."
        for name, each in check.get("people", {}).items()
    ]
    return [*people, *([f"{describe_spot_check(check['audit']).capitalize()}."] if "audit" in check else [])]


def _text(spread: dict[str, float], digits: int) -> str:
    middle, least, most = (f"{spread[name]:.{digits}f}" for name in ("median", "least", "most"))
    return middle if least == most else f"{middle} ({least} to {most})"
