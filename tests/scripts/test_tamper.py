"""The tampering campaign: its short part finds every change, and reports what is missed."""

from random import Random
from typing import Any

import pytest

from scripts.measure import tamper
from scripts.measure.log_mutations import OF_THE_CHAIN, OF_THE_CHECKPOINT
from tests.pipelines.custody.test_log import written

_SHORT = ["tamper", "--short", "--seed", "3"]


def test_everything_that_is_changed_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", _SHORT)
    assert tamper.main() == 0
    assert capsys.readouterr().out == "tamper: 420 tried, 420 survived, 0 rejected, 0 failed, 0 not_run\n"


def test_what_is_not_found_is_a_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", _SHORT)
    monkeypatch.setattr(tamper, "find_contradiction", lambda *_: "")
    monkeypatch.setattr(tamper, "_try_files", lambda *_: None)
    assert tamper.main() == 1
    assert "360 tried, 240 survived, 0 rejected, 120 failed" in capsys.readouterr().out


@pytest.mark.parametrize("kind", [*OF_THE_CHAIN, *OF_THE_CHECKPOINT])
def test_a_seed_gives_the_same_mutations(tmp_path: Any, kind: str) -> None:
    lines, mutate = written(tmp_path), {**OF_THE_CHAIN, **OF_THE_CHECKPOINT}[kind]
    once, again = ([mutate(lines, chance) for _ in range(20)] for chance in (Random(1), Random(1)))
    assert once == again
    assert len({b"".join(each) for each in once}) > 10
