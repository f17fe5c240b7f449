"""The command line called as a person calls it, and small footage to call it with."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli.main import main
from tests.painted.encode import PAL, Recipe, encode

__all__ = ["Answer", "Call", "caller", "clip", "new_case"]

Call = Callable[..., "Answer"]


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
    """A function that runs one command through the real entry; no command may leave a traceback."""

    def call(*arguments: object) -> Answer:
        captured.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        out, err = captured.readouterr()
        assert "Traceback" not in out + err
        assert isinstance(left.value.code, int)
        return Answer(left.value.code, out, err)

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
