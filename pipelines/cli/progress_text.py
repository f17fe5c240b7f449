"""Text of `status`: progress of a run and groups of problems, in lines of at most 80 columns."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from forensics.json_object import JsonObject
from forensics.wording import counted, length_of_time
from pipelines.cli.output import one_line, table_text

__all__ = ["problem_lines", "progress_text", "unfinished_lines", "wrap_line"]

_COLUMNS: Final = 80
_MOST_ROWS: Final = 10
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"


def progress_text(progress: JsonObject) -> str:
    """Return how many frames are accounted for, how fast, and what time is left; empty if that is not known.

    A frame that was skipped or is a gap is accounted for too; of published tables the text says how many were detected.

    >>> progress_text({"frames": 4000, "done": 1000, "percent": 25.0, "frames_per_second": 40.0, "seconds_left": 75})
    '1,000 of 4,000 accounted for (25.0 %), 40/s, about 1 min 15 s left to detect'
    >>> progress_text({"frames": 4287, "done": 4287, "percent": 100.0, "detected": 1430})
    '4,287 of 4,287 accounted for (100.0 %); the detector ran on 1,430'
    """
    if not progress:
        return ""
    text = f"{progress['done']:,} of {progress['frames']:,} accounted for ({progress['percent']:.1f} %)"
    if "detected" in progress:
        return f"{text}; the detector ran on {progress['detected']:,}"
    if "seconds_left" not in progress:
        return text
    if progress["done"] == progress["frames"]:
        return f"{text}; tracks, sightings and tables are being made"
    if progress["seconds_left"] is None:
        return f"{text}, rate not known: no part was stored lately"
    rate = progress["frames_per_second"]
    pace = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
    return f"{text}, {pace}, about {length_of_time(progress['seconds_left'])} left to detect"


def unfinished_lines(unfinished: Sequence[JsonObject]) -> Iterator[str]:
    """Yield the evidence that is not done, the first ten as a table."""
    yield f"{counted(len(unfinished), 'recording is', 'recordings are')} not finished:"
    rows = [
        [one_line(row["camera_id"]), row["evidence_id"], f"{row['done']:,} of {row['frames']:,}"]
        for row in unfinished[:_MOST_ROWS]
    ]
    yield table_text(["camera", "evidence", "frames"], rows)
    if len(unfinished) > _MOST_ROWS:
        yield f"{len(unfinished) - _MOST_ROWS} more; --json lists all"


def problem_lines(groups: Sequence[JsonObject]) -> Iterator[str]:
    """Yield the problems: one alone in full, several of one kind with their count and the first of them."""
    for group in groups:
        if group["count"] == 1:
            yield from wrap_line(f"  {one_line(group['examples'][0])}", indent=4)
            continue
        yield from wrap_line(f"  {group['count']:,} x {one_line(group['kind'])}", indent=4)
        for text in group["examples"]:
            yield from wrap_line(f"    {one_line(text)}", indent=6)
        n_left = group["count"] - len(group["examples"])
        if n_left:
            yield f"    and {n_left:,} more; --json lists all"


def wrap_line(text: str, *, indent: int = 0) -> list[str]:
    """Return a text in lines of 80 columns, the later ones indented; paths and `commands` are not broken.

    >>> wrap_line("a " * 42 + "`forensics run my-case`", indent=2)[1:]
    ['  a a `forensics run my-case`']
    """
    start = text[: len(text) - len(text.lstrip())]
    quoted = "`".join(part.replace(" ", _NO_BREAK) if place % 2 else part for place, part in enumerate(text.split("`")))
    lines = textwrap.wrap(
        quoted.strip(" "),
        _COLUMNS,
        initial_indent=start,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_NO_BREAK, " ") for line in lines]
