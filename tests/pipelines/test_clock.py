"""The clock of the machine, compared with the times at which the program wrote its files."""

import os
import time
from pathlib import Path

import pytest

from pipelines.custody.log_anchor import all_anchors
from testing.commands import Call, new_case, search_case


@pytest.mark.parametrize("which", ["the log of the case", "the anchor of another case"])
def test_a_clock_that_was_set_back_is_refused(which: str, tmp_path: Path, call: Call) -> None:
    """Nine days late, a clock that root has set back would let an expired case run."""
    case = new_case(call, tmp_path / "case")
    search_case(tmp_path / "other")
    (anchor,) = all_anchors()
    file = case / "audit.jsonl" if which == "the log of the case" else anchor
    assert call("status", case).code == 0
    ahead = time.time() + 9 * 86_400
    os.utime(file, (ahead, ahead))
    answer = call("status", case)
    assert (answer.code, "the machine's clock shows" in answer.err, file.name in answer.err) == (3, True, True)
    os.utime(file)
    assert call("status", case).code == 0
