"""The command line called as a person calls it, and small footage to call it with."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from forensics.custody.mandate import Mandate, Mode
from pipelines import clock
from pipelines.cli.main import exit_code_of
from pipelines.custody.case_store import make_case
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from testing.painted.encode import PAL, Recipe, encode

__all__ = [
    "ENTRY_ENDS",
    "ENTRY_LAST_DAY",
    "MANDATE_ENDS",
    "Answer",
    "Call",
    "caller",
    "clip",
    "new_case",
    "search_case",
]

Call = Callable[..., "Answer"]

# Of what tests make, relative to today: a fixed day is over some day.
MANDATE_ENDS = datetime(clock.utc_now().year + 2, 1, 1, tzinfo=UTC)
ENTRY_LAST_DAY = f"{clock.utc_now().year + 1}-01-31"
ENTRY_ENDS = datetime(clock.utc_now().year + 1, 2, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answered.

    Attributes:
        code: its exit code.
        out: data, from standard output.
        err: messages, from standard error.
    """

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        (line,) = self.out.splitlines()
        return json.loads(line)


def caller(captured: pytest.CaptureFixture[str]) -> Call:
    """A function that runs one command as its process would; no command may leave a traceback.

    A test that kills a command at some moment raises `SystemExit` there, with the exit code of the death.
    """

    def call(*arguments: object) -> Answer:
        captured.readouterr()
        try:
            code = exit_code_of([str(argument) for argument in arguments])
        except SystemExit as death:
            code = death.code if isinstance(death.code, int) else 1
        out, err = captured.readouterr()
        assert "Traceback" not in out + err
        return Answer(code, out, err)

    return call


def clip(path: Path, *, n_frames: int = 12, seed: int = 0) -> Path:
    """A painted clip of `n_frames` frames at 25 frames/s; another seed gives other bytes."""
    times = [Fraction(number, 25) for number in range(n_frames)]
    options = {"preset": "ultrafast", "crf": str(20 + seed)}
    return encode(path, Recipe(options=options, rate=PAL), times)


def new_case(call: Call, root: Path) -> Path:
    """An empty case."""
    answer = call("case", "init", root, "--purpose", "a stolen bicycle", "--operator", "A. Ahmed")
    assert answer.code == 0, answer.err
    return root


def search_case(
    root: Path, *, mode: str = "search", authority: str | None = "12 Gs 3/26", now: datetime | None = None
) -> Path:
    """An empty case that compares faces, of cameras gate and hall on 1 May 2026, until the end of next year."""
    mandate = Mandate(
        Mode(mode),
        title="Platform 2",
        purpose="find a person",
        operator="A. Ahmed",
        legal_basis="Police Act s. 7",
        reference="K 118/26",
        cameras=("gate", "hall"),
        from_utc=datetime(2026, 5, 1, tzinfo=UTC),
        to_utc=datetime(2026, 5, 2, tzinfo=UTC),
        expires_utc=MANDATE_ENDS,
        authority=(authority or "") if mode == "search" else "",
    )
    make_case(root, mandate, now=now or clock.utc_now())
    with open_session(root, "case init", need=Need.CHANGE):
        return root
