"""Settings from the last run, a profile, `--unset` and `--set`; and what their errors say."""

from pathlib import Path

import pytest

from forensics.errors import NotAuthorised, UsageError
from forensics.json_object import JsonObject
from pipelines.load_settings import load_settings
from pipelines.settings import Settings, TrackSettings

_LAST: JsonObject = {"detect": {"model": "other", "fps": 2.0, "min_score": 0.3}, "track": {"buffer_ms": 1500}}


# ---- sources


def test_a_profile_that_names_no_model_keeps_that_of_the_last_run(tmp_path: Path) -> None:
    profile = tmp_path / "profile.toml"
    profile.write_text("[detect]\nmin_score = 0.4\n")
    kept = load_settings(profile, (), _LAST).detect
    assert (kept.model, kept.min_score, kept.fps) == ("other", 0.4, None)
    assert load_settings(profile, ("detect.model=third",), _LAST).detect.model == "third"
    profile.write_text('[detect]\nmodel = "named"\n')
    assert load_settings(profile, (), _LAST).detect.model == "named"


def test_one_setting_goes_back_to_its_default() -> None:
    settings = load_settings(None, (), _LAST, unset=["detect.fps", "gate.step_ms"])
    assert (settings.detect.model, settings.detect.fps, settings.detect.min_score) == ("other", None, 0.3)
    assert settings.track.buffer_ms == 1500
    assert load_settings(None, (), _LAST, unset=["detect.model"]).detect.model == "builtin"
    assert _LAST["detect"]["fps"] == 2.0, "what was recorded is not changed"


def test_all_but_the_model_goes_back_to_the_defaults() -> None:
    assert load_settings(None, (), _LAST, unset=["all"]) == Settings.model_validate({"detect": {"model": "other"}})
    assert load_settings(None, (), None, unset=["all"]) == Settings()


def test_a_setting_of_a_profile_can_be_unset_and_set_again(tmp_path: Path) -> None:
    profile = tmp_path / "profile.toml"
    profile.write_text("[track]\nbuffer_ms = 900\nminimum_detections = 7\n")
    track = load_settings(profile, (), unset=["track.buffer_ms"]).track
    assert (track.buffer_ms, track.minimum_detections) == (TrackSettings().buffer_ms, 7)
    assert load_settings(profile, ("track.buffer_ms=800",), unset=["track.buffer_ms"]).track.buffer_ms == 800


def test_what_only_another_version_knows_can_be_unset() -> None:
    recorded: JsonObject = {"detect": {"of_another_version": 1, "fps": 2.0}}
    with pytest.raises(UsageError, match=r"settings of the last run: .*--unset detect\.of_another_version"):
        load_settings(None, (), recorded)
    assert load_settings(None, (), recorded, unset=["detect.of_another_version"]).detect.fps == 2


def test_lists_and_unset_values_are_read() -> None:
    detect = load_settings(None, ("detect.classes= person, car ,", "detect.fps=unset"), _LAST).detect
    assert (detect.classes, detect.fps) == (("person", "car"), None)
    assert load_settings(None, ("detect.classes=",)).detect.classes == ()


# ---- errors: where, what was given, what was expected, what to do

_ASSIGNMENTS = (
    ("detect.fpss=5", "--set: unknown setting 'detect.fpss'", "did you mean detect.fps?"),
    ("detection.gate=motion", "unknown setting 'detection.gate'", "did you mean detect.gate?"),
    ("min_score=0.4", "unknown setting 'min_score'", "detect.min_score or recognise.minimum_score"),
    ("recognize.faces=4", "unknown setting 'recognize.faces'", "did you mean recognise.faces"),
    ("detect.colour=red", "unknown setting 'detect.colour'", "`forensics settings detect`"),
    ("colour.red=1", "unknown setting 'colour.red'", "the sections are detect, gate, track"),
    ("detect=5", "'detect' is a section, not a setting", "`forensics settings detect`"),
    ("", "unknown setting ''", "`forensics settings` lists all"),
    ("detect.min_score", "--set detect.min_score: the value is missing", "--set detect.min_score=VALUE"),
    ("detect.min_score=high", "detect.min_score: expected number 0 to 1, got 'high'", "settings detect.min_score`"),
    (
        "detect.min_score=7",
        "detect.min_score: expected number 0 to 1, got '7'",
        "`forensics settings detect.min_score`",
    ),
    (
        "detect.min_score=",
        "detect.min_score: expected number 0 to 1, got None",
        "`forensics settings detect.min_score`",
    ),
    ("detect.fps=nan", "detect.fps: expected number 0.001 to 1000, or unset, got 'nan'", "settings detect.fps`"),
    ("chunk.seconds=inf", "chunk.seconds: expected number 0.1 to 86400, got 'inf'", "settings chunk.seconds`"),
    ("run.workers=0", "run.workers: expected whole number from 1, or unset, got '0'", "settings run.workers`"),
    ("detect.threads=1.5", "detect.threads: expected whole number from 1, got '1.5'", "settings detect.threads`"),
    (
        "track.minimum_iou=0",
        "track.minimum_iou: expected number above 0 up to 1, got '0'",
        "settings track.minimum_iou`",
    ),
    ("track.minimum_detections=0", "track.minimum_detections: expected whole number from 1, got '0'", "settings track"),
    (
        "detect.precision=F32",
        "detect.precision: expected one of f32, bf16, f16, got 'F32'",
        "settings detect.precision`",
    ),
    ("track.cuts=maybe", "track.cuts: expected one of true, false, got 'maybe'", "settings track.cuts`"),
    ("track.activation_score=0.1", "track.activation_score 0.1 is below track.high_score 0.4", "change one of the two"),
)


@pytest.mark.parametrize(("assignment", "problem", "next_step"), _ASSIGNMENTS)
def test_an_assignment_that_is_refused(assignment: str, problem: str, next_step: str) -> None:
    with pytest.raises(UsageError) as refused:
        load_settings(None, (assignment,))
    assert problem in refused.value.statement
    assert next_step in refused.value.next_step
    assert refused.value.statement.startswith(("--set", "track."))


_PROFILES = (
    ("detect = 5\n", "detect: expected a section, got 5", "write [detect]"),
    ("fps = 5\n", "unknown setting 'fps'", "did you mean detect.fps?"),
    ("[detect]\nfpss = 5\n", "unknown setting 'detect.fpss'", "did you mean detect.fps?"),
    (
        "[detect]\nfps = 0\n",
        "detect.fps: expected number 0.001 to 1000, or unset, got 0",
        "`forensics settings detect.fps`",
    ),
    (
        "[detect]\nclasses = 'person'\n",
        "detect.classes: expected list of texts, got 'person'",
        "settings detect.classes`",
    ),
    ("[detect]\nclasses = [1, 2]\n", "detect.classes: expected list of texts, got", "settings detect.classes`"),
    ("[detect.fps]\na = 1\n", "detect.fps: expected number 0.001 to 1000, or unset, got {'a': 1}", "detect.fps`"),
    (
        "[detect]\ngate = 'motion'\n[gate]\nfollow_score = 0.9\n",
        "gate.follow_score 0.9 is above",
        "change one of the two",
    ),
    ("[detect\n", "not a TOML file", "holds examples"),
)


@pytest.mark.parametrize(("text", "problem", "next_step"), _PROFILES)
def test_a_profile_that_is_refused(tmp_path: Path, text: str, problem: str, next_step: str) -> None:
    profile = tmp_path / "profile.toml"
    profile.write_text(text)
    with pytest.raises(UsageError) as refused:
        load_settings(profile, (), _LAST)
    assert problem in refused.value.statement
    assert next_step in refused.value.next_step
    assert str(profile) in refused.value.statement or problem.startswith("gate.")


def test_each_of_several_faults_says_where_it_was_given(tmp_path: Path) -> None:
    profile = tmp_path / "profile.toml"
    profile.write_text("[detect]\nfps = 0\nmin_score = 0.2\n")
    with pytest.raises(UsageError) as refused:
        load_settings(profile, ("detect.min_score=7", "run.workers=0"))
    first, *others = refused.value.statement.split("; ")
    assert {each.partition(": expected")[0] for each in others} < {"--set run.workers", f"{profile}: detect.fps"} | {
        "--set detect.min_score"
    }
    assert len(others) == 2
    assert ": expected" in first


@pytest.mark.parametrize(
    ("name", "next_step"),
    [("track.bufer_ms", "did you mean track.buffer_ms?"), ("track", "`forensics settings track`"), ("", "lists all")],
)
def test_an_unknown_name_cannot_be_unset(name: str, next_step: str) -> None:
    with pytest.raises(UsageError) as refused:
        load_settings(None, (), _LAST, unset=[name])
    assert refused.value.where == "--unset"
    assert next_step in refused.value.next_step


def test_faces_are_compared_with_the_watchlist_only() -> None:
    with pytest.raises(NotAuthorised, match="watch-list"):
        load_settings(None, ("recognise.against=everybody",))
