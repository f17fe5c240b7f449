"""Contact sheets: pages, heading, marks and captions."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forensics.adapters.pictures.contact_sheet import PER_PAGE, Cell, Heading, contact_sheets, page_names
from forensics.adapters.pictures.lettering import Lettering
from forensics.adapters.pictures.thumbnails import box_in_thumbnail, thumbnail_jpeg
from forensics.errors import UsageError

HEADING = Heading("A theft", ("run 1", "all rows"), "Nothing is covered.")
MARK, PAPER = (255, 64, 0), (247, 247, 245)
TARGET = Path("people.png")


def picture(width=200, height=300, grey=120):
    data = BytesIO()
    Image.new("RGB", (width, height), (grey, grey, grey)).save(data, "PNG")
    return data.getvalue()


def cell(**changes):
    lines = (("2026-05-01 12:00:00", ""), ("± 0.5 s", "3.0 s"), ("gate.mp4", "score 0.91 · 1a2b3c4d"))
    return replace(Cell(picture(), (50, 60, 150, 240), "gate", "person", lines), **changes)


def pages(cells, heading=HEADING):
    return [np.asarray(Image.open(BytesIO(data)).convert("RGB")) for data in contact_sheets(heading, cells, TARGET)]


def one_page(*cells, heading=HEADING):
    (page,) = pages(cells, heading)
    return page


def places_of(page, colour):
    return np.argwhere((page == np.array(colour)).all(axis=-1))


@pytest.mark.parametrize(
    ("n_pictures", "names"),
    [
        (1, ["people.png"]),
        (PER_PAGE, ["people.png"]),
        (PER_PAGE + 1, ["people-1.png", "people-2.png"]),
        (3 * PER_PAGE, ["people-1.png", "people-2.png", "people-3.png"]),
    ],
)
def test_no_picture_is_left_out(n_pictures, names):
    cells = [cell(picture=picture(30, 30, grey=number), box=None) for number in range(n_pictures)]
    assert [page.name for page in page_names(TARGET, n_pictures)] == names
    drawn = pages(cells)
    assert len(drawn) == len(names)
    counts = [np.bincount(page[(page == page[..., :1]).all(axis=-1)][:, 0], minlength=256) for page in drawn]
    assert all(max(each[number] for each in counts) > 800 for number in range(n_pictures))


def test_many_pages_sort_by_name():
    assert [page.name for page in page_names(TARGET, 10 * PER_PAGE)][:2] == ["people-01.png", "people-02.png"]


def test_the_pages_are_numbered():
    first, second = pages([cell()] * 2 * PER_PAGE)
    differs = (first != second).any(axis=-1)
    assert differs[:60].any()
    assert not differs[60:].any()


@pytest.mark.parametrize("change", ["title", "lines", "warning"])
def test_the_heading_is_drawn(change):
    other = replace(HEADING, **{change: ("run 2", "all rows") if change == "lines" else "Another"})
    differs = (one_page(cell()) != one_page(cell(), heading=other)).any(axis=-1)
    assert differs[:150].any()
    assert not differs[150:].any()


def test_a_heading_that_is_too_long_goes_on_in_the_next_line():
    long = replace(HEADING, lines=("many words " * 30, "x" * 400))
    page = one_page(cell(), heading=long)
    assert page.shape[0] > one_page(cell()).shape[0] + 60
    assert (page[:, -20:] == PAPER).all(), "nothing is written over the margin"


def test_the_box_is_drawn_where_it_is_in_the_picture():
    page = one_page(cell(picture=picture(300, 300), box=(100, 50, 200, 250)))
    mark, photo = places_of(page, MARK), places_of(page, (120, 120, 120))
    zoom = (photo[:, 0].max() - photo[:, 0].min() + 1) / 300
    corners = (np.array([mark.min(axis=0), mark.max(axis=0)]) - photo.min(axis=0)) / zoom
    np.testing.assert_allclose(corners, [[50, 100], [250, 200]], atol=1.5)
    assert len(mark) == 2 * (np.ptp(mark[:, 0]) + np.ptp(mark[:, 1])), "one pixel wide"


@pytest.mark.parametrize("size", [(40, 400), (400, 40), (12, 12)])
def test_pictures_of_any_shape_stay_in_their_cell(size):
    page = one_page(cell(picture=picture(*size), box=(0, 0, *size)), cell(picture=picture(*size), box=None))
    photo = places_of(page, (120, 120, 120))
    assert photo[:, 0].max() - photo[:, 0].min() <= 300
    assert len(places_of(page, MARK)) > 0


def test_without_a_known_place_no_box_is_drawn():
    assert not len(places_of(one_page(cell(box=None)), MARK))


def test_a_doubt_is_a_mark_on_the_picture():
    plain, doubtful = one_page(cell(box=None)), one_page(cell(box=None, badge="DOUBTFUL"))
    rows = np.flatnonzero((plain != doubtful).any(axis=(1, 2)))
    assert 150 < rows.min() < rows.max() < 250


@pytest.mark.parametrize("name", ["a-camera-that-is-called-as-its-file-was" * 3, "カメラ一号" * 20])
def test_a_long_name_stays_in_its_cell(name):
    short, long = one_page(cell(), cell()), one_page(cell(title=name, kind=name), cell())
    columns = np.flatnonzero((short != long).any(axis=(0, 2)))
    assert columns.max() < 28 + 340, "nothing is written over the next cell"


def test_equal_cells_give_equal_bytes():
    assert list(contact_sheets(HEADING, [cell()], TARGET)) == list(contact_sheets(HEADING, [cell()], TARGET))


def test_a_suffix_that_is_no_picture_is_refused():
    with pytest.raises(UsageError, match="suffix"):
        list(contact_sheets(HEADING, [cell()], Path("people.xyz")))


# ---- where a box lies in its thumbnail


@pytest.mark.parametrize("seed", range(8))
def test_the_box_of_a_thumbnail_surrounds_the_object(seed):
    numbers = np.random.default_rng(seed)
    width, height = numbers.integers(200, 1920, 2).tolist()
    x1, x2 = sorted(numbers.uniform(0, width, 2))
    y1, y2 = sorted(numbers.uniform(0, height, 2))
    if min(x2 - x1, y2 - y1) < 20:
        return
    frame = np.zeros((height, width, 3), np.uint8)
    frame[round(y1) : round(y2), round(x1) : round(x2)] = 255
    box = np.array([x1, y1, x2, y2], np.float32)
    jpeg = thumbnail_jpeg(frame, box)
    found = box_in_thumbnail(box.tolist(), jpeg, frame_px=(width, height))
    bright = np.argwhere(np.asarray(Image.open(BytesIO(jpeg)).convert("L")) > 128)
    expected = [bright[:, 1].min(), bright[:, 0].min(), bright[:, 1].max() + 1, bright[:, 0].max() + 1]
    np.testing.assert_allclose(found, expected, atol=1.5)


# ---- text


def test_a_text_is_shortened_in_its_middle_until_it_fits():
    text = "one-by-one-person-detection"
    shortened = Lettering(15).shorten(text, 120)
    assert Lettering(15).width_of(shortened) <= 120
    assert (shortened[:3], shortened[-3:]) == ("one", "ion")
    assert "…" in shortened
    assert Lettering(15).shorten(text, 1_000) == text


@pytest.mark.parametrize("text", ["Вход №1", "Größe", "Ωμέγα", "gate ± 1"])
def test_other_alphabets_have_glyphs(text):
    assert Lettering(15).can_write(text)
    assert Lettering(15, is_bold=True).can_write(text)


def test_two_names_that_no_font_has_are_written_differently():
    names = ["\U00013000", "\U00013001", "a\nb", "a\tb"]
    assert not any(Lettering(15).can_write(name) for name in names[2:])
    drawn = [one_page(cell(title=name)) for name in names]
    assert all((one != other).any() for place, one in enumerate(drawn) for other in drawn[:place])
