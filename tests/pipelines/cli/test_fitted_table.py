"""Tables for people fit the terminal, whatever the width of their characters."""

import pytest
from rich.cells import cell_len

from pipelines.cli.fitted_table import fitted_table

_WIDE = ("山田入口山田入口", "川口出口川口出口")
_NARROW = ("entrance", "way outs")


@pytest.mark.parametrize(("cameras", "is_shown"), [(_NARROW, True), (_WIDE, False)])
def test_an_east_asian_character_takes_two_columns(cameras: tuple[str, str], is_shown: bool) -> None:
    rows = [[camera, f"10:00:0{place}"] for place, camera in enumerate(cameras)]
    text, note = fitted_table(["camera", "time"], rows, width=20, least_important=["camera"])
    assert [cameras[0] in text, "camera" not in note] == [is_shown, is_shown]
    assert max(map(cell_len, text.splitlines())) <= 20


def test_what_is_equal_in_all_rows_is_stated_in_lines_that_fit() -> None:
    equal = {f"camera_{place}": "入口 " * 3 + "gate" for place in range(6)}
    text, _ = fitted_table([*equal, "time"], [[*equal.values(), "10:00"], [*equal.values(), "10:01"]], width=20)
    header, first, second, *stated = text.splitlines()
    assert (header, first, second) == ("time", "10:00", "10:01")
    assert len(stated) > 2
    assert max(map(cell_len, stated)) <= 20
    assert " ".join(line.strip() for line in stated) == "every row: " + ", ".join(
        f"{name} {value}" for name, value in equal.items()
    )


def test_a_long_word_is_not_cut() -> None:
    name = "x" * 60
    text, _ = fitted_table(["file", "time"], [[name, "10:00"], [name, "10:01"]], width=20)
    assert text.splitlines()[3:] == ["every row: file", f"  {name}"]


_IDS = ["3f2a91c07d5e4b18", "b0d19c22aa017e3f"]


@pytest.mark.parametrize(
    ("width", "header", "note"),
    [
        (40, ["time", "x", "y", "sighting_id"], ""),
        (26, ["time", "x", "y", "sighting_id"], "the end of sighting_id"),
        (20, ["time", "x", "y"], "sighting_id"),
        (8, ["time"], "sighting_id, x, y"),
    ],
)
def test_an_id_is_cut_before_it_is_left_out_and_some_columns_go_together(
    width: int, header: list[str], note: str
) -> None:
    rows = [["10:00", 1, 1, _IDS[0]], ["10:01", 2, 2, _IDS[1]]]
    columns = ["time", "x", "y", "sighting_id"]
    text, said = fitted_table(columns, rows, width=width, least_important=["sighting_id", "x y"])
    assert text.splitlines()[0].split() == header
    assert said == (f"not shown, to fit {width} columns: {note}; --format csv has every column" if note else "")
    assert ("3f2a91c0…" in text) == (width == 26)
