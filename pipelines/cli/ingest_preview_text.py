"""Preview of an ingest for people: a table within the width of a terminal, then what needs attention."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from forensics.footage.evidence import Verdict
from forensics.wording import counted
from pipelines.cli.output import one_line, table_text
from pipelines.intake.footage_paths import LeftOut
from pipelines.intake.intake_plan import IntakePlan, PlannedFootage
from pipelines.intake.preview import FootagePreview
from pipelines.intake.start_times import Start

__all__ = ["outcome_of", "preview_text"]

_WIDTH: Final = 80
_GAP: Final = 2
_COLUMNS: Final = ("file", "camera", "start", "±", "becomes")
_CAMERA_WIDTH: Final = 16
_NARROWEST_FILE: Final = 16
_SHOWN: Final = 5


def outcome_of(preview: FootagePreview) -> str:
    """Return what a path would become; known and copy add no evidence."""
    if preview.refusal:
        return "refused"
    if preview.is_known:
        return "known"
    if preview.is_copy:
        return "copy"
    return "evidence" if preview.source.verdict is Verdict.OK else preview.source.verdict.value


def preview_text(plan: IntakePlan, footage: Sequence[FootagePreview], warnings: Iterable[str]) -> str:
    """Return what each file would become, in the order of the ingest, and lines about what needs attention.

    Args:
        plan: what is planned.
        footage: what each planned path would become.
        warnings: of unknown clocks and recordings of the same time.
    """
    outcomes = [outcome_of(each) for each in footage]
    lines = [
        *_describe_outcomes(footage, outcomes),
        *_describe_names(plan.footage),
        *_describe_missing_starts(plan.footage),
        *_describe_left_out(plan.left_out),
        *warnings,
    ]
    return "\n".join([_table(plan.footage, footage, outcomes), *map(one_line, lines)])


def _table(planned: Sequence[PlannedFootage], footage: Sequence[FootagePreview], outcomes: Sequence[str]) -> str:
    rows = [
        [_shorten(one_line(each.source.camera_id), _CAMERA_WIDTH), *_start_texts(plan.start), outcome]
        for plan, each, outcome in zip(planned, footage, outcomes, strict=True)
    ]
    others = sum(max(len(row[number]) for row in [list(_COLUMNS[1:]), *rows]) + _GAP for number in range(4))
    width = max(_NARROWEST_FILE, _WIDTH - others)
    files = [_fit(one_line(each.place.name), each.start.name_text, width) for each in planned]
    return table_text(list(_COLUMNS), [[file, *row] for file, row in zip(files, rows, strict=True)])


def _start_texts(start: Start) -> tuple[str, str]:
    """Return a start and its largest error."""
    if start.at is None:
        return ("none" if start.problem else "-"), "-"
    return _instant_text(start.at), "?" if start.clock_error_ms is None else _duration_text(start.clock_error_ms)


def _instant_text(at: datetime) -> str:
    """Return an instant in UTC, with its fraction of a second if it has one.

    >>> _instant_text(datetime(2026, 5, 1, 10, 0, 0, 250_000))
    '2026-05-01 10:00:00.25Z'
    """
    fraction = f".{at.microsecond:06}".rstrip("0") if at.microsecond else ""
    return f"{at:%Y-%m-%d %H:%M:%S}{fraction}Z"


def _duration_text(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{milliseconds} ms" if rest or not seconds else f"{seconds} s"


def _fit(name: str, read: str, width: int) -> str:
    """Return a name in at most this many columns, with marks around the part that was read as its time.

    That part is never cut, so a name can be wider.

    >>> _fit("ch01_20260501_100000.mp4", "20260501_100000", 40)
    'ch01_[20260501_100000].mp4'
    >>> _fit("NVR_ch2_main_20260501100000_stream.mp4", "20260501100000", 28)
    'NVR_c…[20260501100000]…m.mp4'
    >>> _fit("a-recording-without-a-time.mp4", "", 20)
    'a-recordi…a-time.mp4'
    """
    at = name.find(read) if read else -1
    if at < 0:
        return _shorten(name, width)
    before, behind = name[:at], name[at + len(read) :]
    room = max(0, width - len(read) - 2)
    n_behind = min(len(behind), max(room // 2, room - len(before)))
    head, tail = _cut(before, room - n_behind), _cut(behind[::-1], n_behind)[::-1]
    return f"{head}[{read}]{tail}"


def _cut(text: str, width: int) -> str:
    """Return the start of a text, with a mark if the rest is left out."""
    return text if len(text) <= width else f"{text[: width - 1]}…" if width > 0 else ""


def _shorten(text: str, width: int) -> str:
    """Return a text without its middle if it is too long."""
    if len(text) <= width:
        return text
    n_last = (width - 1) // 2 + 1
    return f"{text[: width - 1 - n_last]}…{text[-n_last:]}"


def _describe_outcomes(footage: Sequence[FootagePreview], outcomes: Sequence[str]) -> Iterator[str]:
    """Yield how many files become what, and the reason of each that does not become whole evidence."""
    counts = {outcome: outcomes.count(outcome) for outcome in dict.fromkeys(outcomes)}
    listed = ", ".join(f"{number:,} {outcome}" for outcome, number in counts.items())
    yield f"{counted(len(footage), 'file', 'files')}: {listed}"
    for each, outcome in zip(footage, outcomes, strict=True):
        reason = each.refusal or each.source.reason
        if reason and outcome != "known":
            yield f"{outcome}: {each.source.path.name}: {reason}"


def _describe_names(planned: Iterable[PlannedFootage]) -> Iterator[str]:
    """Yield how the marked times in names were read; every marked one is counted."""
    counts = defaultdict[str, int](int)
    for each in planned:
        if each.start.name_text:
            unclear = f"{each.start.name_pattern}, but refused as below"
            counts[unclear if each.start.at is None else each.start.source.partition(", ")[2]] += 1
    for how, number in counts.items():
        yield f"[ ] marks the time in {counted(number, 'name', 'names')}, read as {how}"


def _describe_missing_starts(planned: Iterable[PlannedFootage]) -> Iterator[str]:
    names = defaultdict[str, list[str]](list)
    for each in planned:
        if each.start.problem:
            names[each.start.problem].append(each.place.name)
    for problem, found in names.items():
        yield f"no start for {_listed(found)}: {problem}"


def _describe_left_out(left_out: Iterable[LeftOut]) -> Iterator[str]:
    """Yield a line for each kind of file that is left out, below whatever path."""
    names, advice = defaultdict[str, list[str]](list), dict[str, str]()
    for each in left_out:
        names[each.kind] += each.names
        advice[each.kind] = each.advice
    for kind, found in sorted(names.items()):
        rest = f"; {advice[kind]}" if advice[kind] else ""
        yield f"left out: {len(found):,} {kind}: {_listed(found)}{rest}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
