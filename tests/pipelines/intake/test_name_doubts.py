"""Names of recorders with and without zones, halves of the day and times of copies: read as meant, or refused.

Each name is generated from its start, which is the truth. A wrong start fails; so does a plain name that is refused.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.intake.names_with_time import read_named_time
from pipelines.intake.time_zones import UnclearTime

_PLAIN = (
    *("ch01_%Y%m%d_%H%M%S", "%Y%m%d%H%M%S", "%Y%m%d_%H%M%S", "cam-02_%Y-%m-%dT%H-%M-%S", "IMG_%Y%m%d_%H%M%S_001"),
    *("%Y-%m-%d_%H-%M-%S (2)", "%Y-%m-%d_%H-%M-%S - Copy", "gate_%Y-%m-%d_%H-%M-%S", "WIN_%Y%m%d_%H_%M_%S_Pro"),
    *("192.168.1.64_01_%Y%m%d%H%M%S000", "192.168.1.108_ch1_%Y%m%d%H%M%S_{end:%Y%m%d%H%M%S}", "VID_%Y%m%d_%H%M%S123"),
    *("NVR_ch3_main_%Y%m%d%H%M%S_{end:%Y%m%d%H%M%S}", "XVR_ch12_sub_%Y%m%d%H%M%S_{end:%Y%m%d%H%M%S}_0"),
    *("%Y%m%d-%H.%M.%S-{end:%H.%M.%S}", "%Y-%m-%d_%H-%M-%S_{end:%Y-%m-%d_%H-%M-%S}", "%Y.%m.%d-%H.%M.%S[M][0@0][0]"),
    *("RLC-410_00_%Y%m%d%H%M%S", "RecM01_%Y%m%d_%H%M%S_{end:%H%M%S}_6732828_1A2B3C", "cam_%Y%m%d_%H%M%S-{end:%H%M%S}"),
    *("%Y%m%d_%H%M%S_E3C2_ACCC8E123456", "Axis M1065 (%Y-%m-%d %H_%M_%S)", "Camera 1 - %Y-%m-%d %H.%M.%S.000"),
    *("Cam1.%Y%m%d_%H%M%S", "cam-%Y%m%d-%H%M%S-1777629600", "cam-%Y%m%d-%H%M%S-2", "MDalarm_%Y%m%d_%H%M%S"),
    *("%Y%m%d_%H%M%S_NF", "%Y%m%d_%H%M%S_PR", "%Y%m%d_%H%M%S_P", "REC_%Y_%m_%d_%H_%M_%S_F", "%Y%m%d%H%M%S_000123F"),
    *("%Y-%m-%d_%H-%M-%S-left_repeater", "signal-%Y-%m-%d-%H-%M-%S-123", "WhatsApp Video %Y-%m-%d at %H.%M.%S"),
    *("Bildschirmaufnahme %Y-%m-%d um %H.%M.%S", "hall_%Y%m%d_%H%M%S_1234567", "Überwachung_%Y%m%d_%H%M%S_Tor West"),
    *("%Y%m%d_%H%M%S_tp00012", "00_%Y%m%d%H%M%S_{end:%Y%m%d%H%M%S}", "Camera1_192.168.1.64_1_%Y%m%d%H%M%S_1234567"),
    *("01-%Y%m%d%H%M%S", "Kamera am Eingang %Y-%m-%d %H-%M-%S", "%Y%m%d_%H%M%S_0300", "east_%Y%m%d_%H%M%S_gate"),
    *("Copy of ch01_%Y%m%d_%H%M%S", "%Y-%m-%dT%H:%M:%S", "大门_%Y%m%d%H%M%S", "2_%Y-%m-%d %H-%M-%S_a remark about it"),
    *("%Y-%m-%d %H-%M-%S ch1", "%Y-%m-%d %H-%M-%S ch 1", "time_%Y%m%d_%H%M%S", "%Y%m%d_%H%M%S_p2_time-lapse_ep1"),
)
_HEADS = ("gate_%Y%m%d_%H%M%S", "ch01_%Y%m%d%H%M%S", "%Y-%m-%dT%H-%M-%S", "cam 2 %Y-%m-%d %H.%M.%S", "a-%Y%m%d-%H%M%S")
_ZONES: dict[float, str] = {
    0: "Z|z|UTC|GMT|utc|+00:00|+0000|WET|Zulu|-000Z|_123z",
    2: "+0200|+02|+02:00|+02-00|GMT+2|UTC+02|CEST|MESZ|EET|GMT+2h|+2|%2B0200|UTC plus 2|UTC p2|p0200|Berlin time",
    -3: "-0300|-03|-03:00|-03-00|\u22120300|\u20130300|UTC-3|GMT-03|BRT|America-Sao_Paulo",
    -5: "EST|-05|-05:00|America_New_York|Eastern Standard Time|Eastern|E.S.T.|UTC\u22125|UTC -0500|CDT|GMT minus 5",
    5.5: "+0530|+05:30|+05-30|+05.30|GMT+5:30|Asia-Kolkata|IST|UTC+0530",
    3: "MSK|\u041c\u0421\u041a|Europe-Moscow|московское|UTC(+3)|UTC 3|GMT3|\uff0b03|\uff35\uff34\uff23+3",
}
_JOINTS = ("", "_", " ", "-", " (", "[", "_(", "__")
_HALVES = {
    0: "AM|am|a.m.|vorm.|上午|午前|오전|de la mañana|πμ|صباح",
    12: "PM|pm|p.m.|p. m.|(PM)|nachm.|nachmittags|下午|午後|오후|tarde|μ.μ.|p|PM2|post meridiem",
}
_COPIES = (
    *("%y-%m-%d %H-%M {copy}", "%d.%m.%y %H.%M {copy}", "%d%m%y_%H%M%S {copy}", "%m%d%y %H%M%S - {copy}"),
    *("gate %d-%m-%Y %H-%M-%S (copied {copy})", "gate %d.%m.%Y {copy}", "%d%m%Y_%H%M%S {copy}", "%m-%d-%Y {copy}"),
    *("gate %d.%m.%y %H.%M (x {copy})", "%y%m%d_%H%M%S_{copy}", "%y%m%d%H%M%S {copy}", "%d %B %Y %H-%M {copy}"),
    *(
        "%Y-%m-%d %H-%M {copy}",
        "%Y%m%d {copy}",
        "gate %Y-%m-%d 10h30 {copy}",
        "gate {copy} of %d-%m-%Y",
        "copied {copy}",
    ),
    *("gate {copy} %Y%m%d", "exportiert am {copy}", "%Y-%m-%d_%H-%M-%S (copied {copy})", "%B %d, %Y (saved {copy})"),
)


def _starts(seed: int) -> Iterator[datetime]:
    dice = random.Random(seed)
    while True:
        yield datetime(2016, 1, 1) + timedelta(seconds=dice.randrange(20 * 365 * 86_400))


def _read(name: str) -> datetime | None:
    """Return the start of a name, in UTC where it states no zone; None if it is refused."""
    try:
        at = read_named_time(name).at
    except UnclearTime:
        return None
    return at.replace(microsecond=0) if at.tzinfo else at.replace(microsecond=0, tzinfo=UTC)


def _write(pattern: str, at: datetime) -> str:
    """Return a name with its start, and its end half an hour later."""
    before, _, rest = pattern.partition("{end:")
    end, _, behind = rest.partition("}")
    return at.strftime(before) + (at + timedelta(minutes=30)).strftime(end) + at.strftime(behind)


@pytest.mark.parametrize("pattern", _PLAIN)
def test_plain_names_are_read(pattern: str) -> None:
    for at, _ in zip(_starts(1), range(100), strict=False):
        name = _write(pattern, at)
        assert read_named_time(name).at.replace(microsecond=0) == at, name


@pytest.mark.parametrize("joint", _JOINTS)
@pytest.mark.parametrize(
    ("hours", "zone"), [(hours, zone) for hours, zones in _ZONES.items() for zone in zones.split("|")]
)
def test_zones_are_applied_or_refused(hours: float, zone: str, joint: str) -> None:
    closing = {"(": ")", "[": "]"}.get(joint[-1:], "")
    for pattern, at in zip((*_HEADS, *(_PLAIN if joint else ())), _starts(2), strict=False):
        name = f"{_write(pattern, at)}{joint}{zone}{closing}"
        assert _read(name) in (None, at.replace(tzinfo=UTC) - timedelta(hours=hours)), name


@pytest.mark.parametrize("zone", [zone for zones in _ZONES.values() for zone in zones.split("|") if zone[-1].isalpha()])
def test_zones_around_a_time_are_refused(zone: str) -> None:
    for before, behind in ((f"{zone.upper()}_", ""), ("", f"_cam2_{zone}"), ("", f" gate [{zone}]")):
        if zone in {
            "Z",
            "z",
            "-000Z",
            "_123z",
            "Berlin time",
            "WET",
            "IST",
            "BRT",
        }:  # letters and words that may name a camera
            continue
        assert _read(f"{before}20260501_100000{behind}") is None, (before, behind)


@pytest.mark.parametrize(
    ("behind", "hours"),
    [
        ("Z", 0),
        ("z", 0),
        ("-000Z", 0),
        ("_UTC", 0),
        (" GMT", 0),
        ("_+0200", 2),
        ("+02", 2),
        (" (GMT+2)", 2),
        ("+05-30", 5.5),
    ],
)
def test_zones_directly_behind_are_applied(behind: str, hours: float) -> None:
    assert _read(f"gate_20260501_100000{behind}") == datetime(2026, 5, 1, 10, tzinfo=UTC) - timedelta(hours=hours)


@pytest.mark.parametrize(
    ("half", "word"), [(half, word) for half, words in _HALVES.items() for word in words.split("|")]
)
@pytest.mark.parametrize(
    "pattern",
    ["%Y-%m-%d %I-%M-%S {}", "%Y-%m-%d %I-%M-%S{}", "ch1_%Y%m%d_%I%M%S {}", "%Y-%m-%d {} %I-%M-%S", "%Y%m%d_{}_%I%M%S"],
)
def test_halves_of_the_day_are_applied_or_refused(half: int, word: str, pattern: str) -> None:
    for day, _ in zip(_starts(3), range(50), strict=False):
        at = day.replace(hour=day.hour % 12 + half)
        assert _read(at.strftime(pattern).format(word)) in (None, at.replace(tzinfo=UTC)), (word, at)


@pytest.mark.parametrize("pattern", _COPIES)
def test_the_time_of_a_copy_is_no_start(pattern: str) -> None:
    for at, _ in zip(_starts(4), range(100), strict=False):
        copy = (at + timedelta(days=31)).strftime("%Y%m%d_%H%M%S")
        name = at.strftime(pattern).format(copy=copy)
        assert _read(name) in (None, at.replace(tzinfo=UTC)), name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("gate_20260501_150000 EST", "'EST' may be a time zone"),
        ("gate_2026-05-01 PM 01-00-00", "'PM' between date and time, which may be AM or PM"),
        ("2026-05-01 12-00-00 am Tor", "'am' behind 12 o'clock may mean midnight"),
        ("gate 01-05-2026 10-00-00 (copied 20260601_120000)", "'01-05-2026' may be another date"),
        ("pm gate 20260501_010000", "'pm': a time of twelve hours"),
        ("exported 20260601_120000", "'exported' in front of the time"),
        ("20260501T100000_20260501T110000Z", "one without time zone"),
        ("installed 20250101_000000 gate_20260501_100000", "with ' gate_' between them"),
        ("2026-05-01 01-00-00 - 2026-05-01 02-00-00 PM", "one without AM or PM"),
    ],
)
def test_the_reason_is_given(name: str, why: str) -> None:
    with pytest.raises(UnclearTime, match=why):
        read_named_time(name)
