"""Bad inputs that must stay harmless for good; the campaign of bad inputs tries many more."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from forensics.adapters.pyav_index import index_file
from forensics.case import CaseFolder
from forensics.evidence import Timing
from forensics.tables.evidence import load_evidence
from tests.calling import Call, caller, new_case
from tests.painted.encode import Packets, Recipe, copy, encode

_NO_B = {"preset": "ultrafast", "bf": "0"}
_TIMES = [Fraction(number, 25) for number in range(24)]
_YEAR_S = 365 * 86_400


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(capsys)


# ---- times


def _later(seconds: int) -> Callable[[Packets], Packets]:
    """The second half of the packets as much later."""

    def choose(packets: Packets) -> Packets:
        for packet in packets[12:]:
            packet.pts = packet.dts = packet.pts + seconds * packet.time_base.denominator
        return packets

    return choose


def test_times_that_nobody_believes_are_replaced_and_the_case_stays_readable(call: Call, tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.mkv", Recipe(options=_NO_B), _TIMES)
    path = copy(whole, tmp_path / "gate.mkv", choose=_later(9000 * _YEAR_S))
    case = new_case(call, tmp_path / "case")
    assert call("ingest", case, path, "--camera", "gate", "--start", "2026-05-01T10:00:00Z").code == 4
    (item,) = load_evidence(CaseFolder.at(case))
    assert item.readable is not None
    assert "years apart and are not believed; frames are timed at 25 frames/s instead" in item.reason
    assert (item.readable.n_frames, item.readable.medium.timing) == (24, Timing.ASSUMED)
    assert call("run", case, "--runner", "serial", "--quiet").code == 4
    assert call("query", case, "coverage", "--json").code == 0
    assert call("query", case, "detections", "--json").code == 0


def test_a_transport_stream_whose_clock_jumps_is_read(tmp_path: Path) -> None:
    options = {"mpegts_copyts": "1"}
    whole = encode(tmp_path / "whole.ts", Recipe(options=_NO_B, container_options=options), _TIMES)
    path = copy(whole, tmp_path / "gate.ts", choose=_later(7 * 3600), options=options)
    indexed = index_file(path, working_copy=tmp_path / "copy")
    assert indexed.index.n_frames == 24
    assert indexed.working_copy_sha256 is None
    assert "slowly: no working copy could be made" in indexed.reader_reason
