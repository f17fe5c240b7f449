"""Every reader on every kind of file, in every way of reading: no frame may be another than it says.

The clips carry each frame's number in its pixels (`testing.painted`). A frame that is handed out must
show the number that the index puts at its place, with the pts of the index; a frame that is not
handed out must be a gap with a reason, the same one however it was asked for.
"""

from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from forensics.footage.evidence import Indexed
from forensics.footage.frames import Frame, View
from testing.painted import KINDS, Kind, number_in, paint
from testing.painted.measure import MODES, Child, Count, expected_numbers, index_kind, measure, measure_decord
from testing.painted.picture import LARGEST

needs_decord = pytest.mark.skipif(find_spec("decord") is None, reason="decord is not installed here")

# decord numbers keyframes in the order of the file, so B-frames that lead one put its seeks off.
DECORD_IS_EXACT = frozenset(
    {
        "h264_mp4",
        "h264_no_b_mp4",
        "h264_long_gop_mp4",
        "mpeg4_avi",
        "mpeg4_mp4",
        "mjpeg_avi",
        "mjpeg_mov",
        "vp9_webm",
        "fragmented_mp4",
        "fragmented_late_mp4",
        "h264_mkv",
        "mkv_cut",
        "vfr_mp4",
        "vfr_mkv",
        "film_mp4",
        "turned_mp4",
        "odd_avi",
        "odd_mp4",
    }
)
# One look at all of its kind decides here; whether the stream copy that stands in for it can be
# read by decord too is a matter of speed, not of exactness.
READ_THROUGH_A_COPY = frozenset(
    {"h264_ts", "hevc_ts", "ts_cut", "mpeg2_mpg", "raw_no_b_264", "raw_264", "raw_265", "h264_avi", "h264_b_avi"}
)

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
every_mode = pytest.mark.parametrize("mode", MODES)

Build = Callable[[Kind], Path]
Index = Callable[[Kind], Indexed]
Decord = Callable[[Kind], "str | dict[str, Count]"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Return a function that builds each kind of clip once."""
    return cache(lambda kind: kind.build(tmp_path_factory.mktemp(kind.name)))


@pytest.fixture(scope="module")
def indexed(built: Build) -> Index:
    """Return a function that indexes each kind of clip once."""
    return cache(lambda kind: index_kind(kind, built(kind)))


@pytest.fixture(scope="module")
def counted(indexed: Index) -> Callable[[Kind, str], Count]:
    """Return a function that counts the errors of a way of reading once."""
    from forensics.adapters.video.reading.pyav_reader import open_reader

    return cache(lambda kind, mode: measure(kind, indexed(kind), open_reader, mode))


@pytest.fixture(scope="module")
def by_decord(indexed: Index) -> Iterator[Decord]:
    """Return a function that reads a clip with decord."""
    child = Child()
    yield cache(lambda kind: child.call(measure_decord, kind, indexed(kind)))
    child.close()


def test_every_number_is_read_back_also_when_scaled_down() -> None:
    for number in range(LARGEST + 1):
        small = cv2.resize(paint(number, 161, 97), (48, 30), interpolation=cv2.INTER_AREA)
        assert number_in(np.asarray(small, dtype=np.uint8)) == number


def test_a_picture_torn_between_two_numbers_shows_none() -> None:
    above, below = paint(21, 160, 96), paint(42, 160, 96)
    torn = np.concatenate([above[:48], below[48:]])
    assert number_in(torn) is None
    assert number_in((above // 2 + below // 2).astype(np.uint8)) is None


def test_names_are_unique() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.is_whole], ids=lambda kind: kind.name)
def test_clip_holds_what_its_kind_promises(kind: Kind, built: Build) -> None:
    with av.open(str(built(kind)), options={"ignore_editlist": "1"}) as container:
        turns = kind.rotation_degrees // 90
        seen = [number_in(np.rot90(frame.to_ndarray(format="rgb24"), -turns)) for frame in container.decode(video=0)]
    first = len(kind.times) - kind.n_frames
    assert seen == list(range(first, len(kind.times)))


def test_players_do_not_show_what_the_edit_list_hides(built: Build) -> None:
    kind = next(kind for kind in KINDS if kind.n_hidden)
    with av.open(str(built(kind))) as container:
        flagged = [packet.is_discard for packet in container.demux(video=0) if packet.size]
    assert sum(flagged) == kind.n_hidden


@every_kind
def test_index_has_a_row_for_every_frame(kind: Kind, indexed: Index) -> None:
    index = indexed(kind).index
    assert kind.n_frames - kind.n_missing_at_most <= index.n_frames <= kind.n_frames
    assert int(index.is_hidden.sum()) == kind.n_hidden
    assert None not in expected_numbers(kind, index)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.loss_is_stated], ids=lambda kind: kind.name)
def test_missing_frames_that_the_header_counts_are_described(kind: Kind, indexed: Index) -> None:
    assert indexed(kind).shortfall


@every_mode
@every_kind
def test_every_frame_shows_its_own_number(
    kind: Kind, mode: str, counted: Callable[[Kind, str], Count], indexed: Index
) -> None:
    count = counted(kind, mode)
    assert count.wrong == ()
    if mode == "sequential":
        least, most = kind.n_gaps
        assert count.n_read == indexed(kind).index.n_frames
        assert least <= len(count.gaps) <= most
    assert count.gaps <= counted(kind, "sequential").gaps


@needs_decord
@every_kind
def test_decord_is_exact_wherever_it_was_proven(kind: Kind, by_decord: Decord) -> None:
    outcome = by_decord(kind)
    if isinstance(outcome, str):
        assert outcome, "a refusal says why"
        assert kind.name not in DECORD_IS_EXACT, outcome
        return
    assert {mode: count.wrong for mode, count in outcome.items()} == dict.fromkeys(MODES, ())
    assert not any(count.gaps for count in outcome.values())


@needs_decord
@every_kind
def test_decord_is_refused_wherever_it_would_be_wrong(kind: Kind, by_decord: Decord) -> None:
    is_proven = not isinstance(by_decord(kind), str)
    may_be_proven = kind.name in DECORD_IS_EXACT | READ_THROUGH_A_COPY or kind.name.startswith("short_")
    assert may_be_proven or not is_proven


@needs_decord
def test_decord_refuses_a_transport_stream_itself(built: Build, indexed: Index) -> None:
    from forensics.adapters.video.reading.decord_reader import prove

    kind = next(kind for kind in KINDS if kind.name == "h264_ts")
    assert "MPEG-TS" in prove(built(kind), indexed(kind).index, 0)


@pytest.mark.parametrize("kind", [KINDS[0]], ids=lambda kind: kind.name)
def test_a_view_scales_and_states_the_full_size(kind: Kind, indexed: Index) -> None:
    from forensics.adapters.video.reading.pyav_reader import open_reader

    one = indexed(kind)
    (frame,) = open_reader(one.footage, one.index, View(80, 80)).read(np.array([41]))
    assert isinstance(frame, Frame)
    assert frame.rgb.shape == (48, 80, 3)
    assert (frame.width_px, frame.height_px) == (160, 96)
    assert number_in(frame.rgb) == 41
