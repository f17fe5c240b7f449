"""Folders of stills: the command that dates them, and summer time that their clock may not know."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

import forensics
from testing.commands import Call

_WINTER, _SUMMER = datetime(2026, 2, 10, 17, 6, 43), datetime(2026, 7, 13, 12, 9, 23)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures of one clock without a zone: one of winter, two of summer."""
    made = tmp_path / "trap 1"
    made.mkdir()
    for number, at in enumerate((_WINTER, _SUMMER, _SUMMER + timedelta(minutes=1))):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = at.strftime("%Y:%m:%d %H:%M:%S")
        Image.new("RGB", (64, 48), (40 * number, 80, 120)).save(made / f"{number}.jpg", exif=exif)
    return made


def test_stills_without_a_zone_come_with_the_command_that_dates_them(
    call: Call, empty_case: Path, folder: Path
) -> None:
    said = call("ingest", empty_case, folder, "--camera", "trap").err
    command = f"ingest {empty_case} '{folder}' --camera trap --start 2026-02-10T17:06:43 --start-zone "
    assert f"{command}ZONE" in said
    dated = ("--start", "2026-02-10T17:06:43", "--start-zone", "+01:00")
    answer = call("ingest", empty_case, folder, "--camera", "trap", *dated)
    assert (answer.code, "offset" in answer.err) == (0, False)
    assert call("run", empty_case, "--runner", "serial", "--quiet").code == 0
    frames = forensics.open_case(empty_case).frames().collect()
    assert [f"{at:%H:%M}" for at in frames["utc"]] == ["16:06", "11:09", "11:10"]


def test_pictures_of_another_offset_than_the_first_are_named(call: Call, empty_case: Path, folder: Path) -> None:
    dated = ("--start", "2026-02-10T17:06:43", "--start-zone", "Europe/Berlin")
    said = call("ingest", empty_case, folder, "--camera", "trap", *dated).err
    assert "all pictures are dated with the offset of the first one, +01:00" in said
    assert "2 of 3 were taken while Europe/Berlin had another" in said
