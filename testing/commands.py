"""Runs the command line as a person does, and makes small footage and cases for it."""

import contextlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from forensics.custody.authority import PENDING, Authority
from forensics.custody.mandate import Mandate, Mode
from forensics.custody.missing_report import MissingReport
from forensics.detection.detector import Detector
from pipelines import clock
from pipelines.cli.main import exit_code_of
from pipelines.custody import accounts
from pipelines.custody.case_store import make_case
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.stages.model_loaders import ModelLoaders
from testing.given_detector import GivenDetector
from testing.painted.encode import PAL, Recipe, encode

__all__ = [
    "ENTRY_ENDS",
    "ENTRY_LAST_DAY",
    "MANDATE_ENDS",
    "REPORT_WORDS",
    "TRAINING",
    "Answer",
    "Call",
    "RedirectingCall",
    "authority_words",
    "clip",
    "new_case",
    "search_case",
    "working_as",
]

# Relative to today, because a fixed day passes.
MANDATE_ENDS = datetime(clock.utc_now().year + 2, 1, 1, tzinfo=UTC)
ENTRY_LAST_DAY = f"{clock.utc_now().year + 1}-01-31"
TRAINING = ("--training", "face comparison, two weeks", "--trained-on", "2026-03-06")
ENTRY_ENDS = datetime(clock.utc_now().year + 1, 2, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command printed, and how it ended.

    Attributes:
        code: exit code.
        out: data, from standard output.
        err: messages, from standard error.
    """

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The only line of standard output, read as JSON."""
        (line,) = self.out.splitlines()
        return json.loads(line)


_ACCOUNTS: list[str] = []


@contextlib.contextmanager
def working_as(account: str) -> Iterator[None]:
    """Let the commands in the block run under an account of the system."""
    _ACCOUNTS.append(account)
    try:
        yield
    finally:
        _ACCOUNTS.pop()


@contextlib.contextmanager
def _account_of_reviewer(arguments: Sequence[object]) -> Iterator[None]:
    """Give each reviewer who is named with ``--as`` an account of the system of their own, or that of `working_as`."""
    words = [str(argument) for argument in arguments]
    if "--as" not in words:
        yield
        return
    account = _ACCOUNTS[-1] if _ACCOUNTS else words[words.index("--as") + 1].casefold().replace(" ", "")
    with patch.object(accounts, "login_user", lambda: account):
        yield


class Call:
    """Runs commands in this process, as their own process would; no command may leave a traceback.

    Each reviewer has an account of the system of their own.

    Attributes:
        loaders: how the commands open models; the real loaders unless a test replaces them.
    """

    def __init__(self, captured: pytest.CaptureFixture[str] | None = None) -> None:
        """Without `captured`, as fixtures of modules must be, answers contain no output."""
        self._captured = captured
        self.loaders = ModelLoaders()

    def __call__(self, *arguments: object) -> Answer:
        """Run one command.

        A test that kills a command at some moment raises `SystemExit` there, with the exit code of the death.
        """
        self._read_output()
        try:
            with _account_of_reviewer(arguments):
                code = exit_code_of([str(argument) for argument in arguments], self.loaders)
        except SystemExit as death:
            code = death.code if isinstance(death.code, int) else 1
        out, err = self._read_output()
        assert "Traceback" not in out + err
        return Answer(code, out, err)

    def _read_output(self) -> tuple[str, str]:
        return ("", "") if self._captured is None else tuple(self._captured.readouterr())

    def use_detector(self, detector: Detector) -> None:
        """Give every run from now on this detector."""
        self.loaders = replace(self.loaders, load_detector=GivenDetector(detector))


class RedirectingCall(Call):
    """Runs commands outside of tests; answers contain the output."""

    def __call__(self, *arguments: object) -> Answer:
        """Run one command."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            answer = super().__call__(*arguments)
        return replace(answer, out=out.getvalue(), err=err.getvalue())


def clip(path: Path, *, n_frames: int = 12, seed: int = 0) -> Path:
    """Write a painted clip of `n_frames` frames at 25 frames/s; another seed gives other bytes."""
    times = [Fraction(number, 25) for number in range(n_frames)]
    options = {"preset": "ultrafast", "crf": str(20 + seed)}
    return encode(path, Recipe(options=options, rate=PAL), times)


def new_case(call: Call, root: Path) -> Path:
    """Make an empty case that detects and tracks, and compares no faces."""
    answer = call("case", "init", root, "--purpose", "a stolen bicycle", "--operator", "A. Ahmed")
    assert answer.code == 0, answer.err
    return root


REPORT_WORDS = ("--report-body", "City police", "--reported", "2026-05-02")
"""Options that state the report of a missing person on a command line."""


def authority_words(reference: str = "12 Gs 3/26") -> tuple[str, ...]:
    """Return the options that state a granted authority on a command line."""
    who = ("--decided-by", "Judge Weber", "--authority-body", "District court", "--authority-reference", reference)
    return (*who, "--requested", "2026-05-01", "--granted", "2026-05-02T09:30:00Z")


def _authority(reference: str | None, now: datetime) -> Authority | None:
    """Return a pending authority, or a granted one with this reference."""
    if not reference or reference == PENDING:
        return Authority(is_pending=True) if reference else None
    day = timedelta(days=1)
    return Authority("Judge Weber", "District court", reference, now - 2 * day, now - day)


def search_case(
    root: Path,
    *,
    mode: str = "search",
    authority: str | None = "12 Gs 3/26",
    reference: str = "K 118/26",
    now: datetime | None = None,
) -> Path:
    """Make an empty case that compares faces: cameras gate and hall, footage of 1 May 2026, valid until next year."""
    now = now or clock.utc_now()
    mandate = Mandate(
        Mode(mode),
        title="Platform 2",
        purpose="find a person",
        operator="A. Ahmed",
        legal_basis="Police Act s. 7",
        reference=reference,
        cameras=("gate", "hall"),
        from_utc=datetime(2026, 5, 1, tzinfo=UTC),
        to_utc=datetime(2026, 5, 2, tzinfo=UTC),
        expires_utc=MANDATE_ENDS,
        authority=_authority(authority, now) if mode == "search" else None,
        report=MissingReport("City police", now - timedelta(days=1)) if mode == "missing" else None,
    )
    make_case(root, mandate, now=now)
    with open_session(root, "case init", need=Need.CHANGE):
        return root
