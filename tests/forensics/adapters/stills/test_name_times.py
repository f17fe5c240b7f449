"""Times in file names, above all of the 12-hour clock; truth is `datetime.strftime` and its own arithmetic."""

import random
from datetime import datetime, timedelta

import pytest

from forensics.adapters.stills.name_times import file_name_time_ms
from testing.painted.stills import milliseconds

AFTERNOON = milliseconds(datetime(2021, 5, 31, 13, 59, 50))
# As people, phones and systems in several languages name pictures; {pm} is `AM` or `PM`, {h} the hour without a zero.
TEMPLATES = (
    "Screenshot %Y-%m-%d at {h}-%M-%S {pm}.jpg",
    "Screen Shot %Y-%m-%d at {h}.%M.%S {pm}.png",
    "Screen Shot %Y-%m-%d at {h}.%M.%S\u202f{pm}.png",
    "WhatsApp Image %Y-%m-%d at %I.%M.%S {pm}.jpeg",
    "%Y-%m-%d %I-%M-%S{pm}.jpg",
    "%Y-%m-%d_{h}-%M-%S_{pm}_7.jpg",
    "%Y%m%d%I%M%S{pm}.jpg",
    "%Y-%m-%d/{h}-%M-%S {pm}.jpg",
    "Captura de pantalla %Y-%m-%d a la(s) {h}.%M.%S {p}. m.png",
    "Bildschirmfoto %Y-%m-%d um %H.%M.%S.png",
    "Capture %Y-%m-%d a\u0300 %H.%M.%S (2).png",
    "%Y-%m-%d %H-%M-%S.jpg",
    "%Y%m%d_%H%M%S_0001.jpg",
)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("seed", range(20))
def test_random_times_are_read_back(template: str, seed: int) -> None:
    chance = random.Random(f"{template}{seed}")
    moment = datetime(2001, 1, 1) + timedelta(seconds=chance.randrange(86_400 * 365 * 30))
    half = moment.strftime("%p").lower() if chance.random() < 0.5 else moment.strftime("%p")
    name = moment.strftime(template.format(h=moment.hour % 12 or 12, pm=half, p=half[0]))
    assert file_name_time_ms(name) == milliseconds(moment), f"{name!r}, seed {seed}"


@pytest.mark.parametrize(
    "name",
    [
        "Screenshot 2021-05-31 at 1-59-50 PM.jpg",
        "2021-05-31 at 1.59.50 PM.jpg",
        "2021-05-31 01-59-50PM.jpg",
        "2021-05-31 01-59-50 p.m..jpg",
        "20210531_135950_PM25.jpg",
        "2021-05-31 at 13-59-50 PM.jpg",
        "2021-05-31 at 13-59-50 AM.jpg",
    ],
)
def test_one_in_the_afternoon_is_not_one_at_night(name: str) -> None:
    assert file_name_time_ms(name) == AFTERNOON


@pytest.mark.parametrize(("hour", "half", "right"), [(12, "AM", 0), (12, "PM", 12), (1, "AM", 1), (11, "PM", 23)])
def test_twelve_is_the_hour_before_one(hour: int, half: str, right: int) -> None:
    expected = milliseconds(datetime(2021, 5, 31, right, 59, 50))
    assert file_name_time_ms(f"2021-05-31 at {hour}.59.50 {half}.png") == expected


@pytest.mark.parametrize(
    "name", ["2021-05-31 1-59-50.jpg", "2021-05-31_IMG_1-59-50.jpg", "2021-05-31 at 1.61.50 PM.jpg"]
)
def test_a_single_digit_alone_is_no_hour(name: str) -> None:
    assert file_name_time_ms(name) is None


def test_a_word_that_begins_like_a_half_of_the_day_is_none() -> None:
    assert file_name_time_ms("20210531_015950_pmc.jpg") == milliseconds(datetime(2021, 5, 31, 1, 59, 50))
