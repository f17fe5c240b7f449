"""A mandate that is amended after a run: query, status and the file for the defence say so until the next run."""

import json
from pathlib import Path

import pytest

import forensics
from forensics.custody.case_folder import CaseFolder
from forensics.digests import sha256_of_file
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from testing.commands import Call
from testing.face_case import FaceCase
from testing.painted_case import START_US, PaintedDetector, make_painted_case

_SERIAL = ("--runner", "serial", "--quiet")
_REASON = ("--reason", "by order of the court")
_DEFENCE = ("--recipient", "counsel", "--reason", "for the defence")
_NARROW = ("--from", "2026-05-01T10:00:00.5Z", "--to", "2026-05-01T10:00:01.5Z")
_SAID = "the mandate was changed after this run"


@pytest.fixture
def root(call: Call, tmp_path: Path) -> Path:
    """A scene of twelve frames from 10:00:00 on, 5 a second, that was run."""
    call.use_detector(PaintedDetector())
    case = make_painted_case(tmp_path, start_utc_us=START_US, clock_error_ms=0)
    assert call("run", case.folder.root, *_SERIAL).code == 0
    return case.folder.root


def changed(call: Call, root: Path, folder: Path) -> dict[str, object]:
    """Return what the file for the defence says was changed after the run."""
    target = folder / "defence.json"
    assert call("case", "disclose", root, "-o", target, "--force", *_DEFENCE).code == 0
    stated: dict[str, object] = json.loads(target.read_text())["changed_since_the_run"]
    return stated


def n_detected(root: Path) -> int:
    rows = forensics.open_case(root).coverage().collect().rows(named=True)
    return sum(row["stop_frame"] - row["start_frame"] for row in rows if row["state"] == "detected")


def test_an_amended_mandate_is_said_until_a_run_applies_it(call: Call, root: Path, tmp_path: Path) -> None:
    assert _SAID not in call("query", root).err
    assert not any(changed(call, root, tmp_path).values())
    for limits, n_frames in ((_NARROW, 5), (("--from", "2026-05-01T10:00:00Z", "--to", "2026-05-01T11:00:00Z"), 12)):
        assert call("case", "amend", root, *limits, *_REASON).code == 0
        said = call("query", root).err
        assert f"{_SAID}: rows may lie outside of it" in said
        assert f"`forensics run {root}` applies the mandate" in said
        assert _SAID in call("query", root, "coverage", "--json").err
        facts = call("status", root, "--json").json
        assert facts["mandate_changed_since"] is True
        assert facts["meaning"] == "the tables are older than the mandate, which was changed since"
        assert facts["next"] == f"forensics run {root}"
        assert f"next: forensics run {root}" in call("status", root).out
        assert changed(call, root, tmp_path) == {
            "evidence_with_another_camera_or_clock": [],
            "cameras_hours_or_clocks_of_the_case": True,
            "cameras_or_hours_of_the_mandate": True,
        }
        assert call("run", root, *_SERIAL).code == 0
        assert n_detected(root) == n_frames
        assert _SAID not in call("query", root).err
        assert call("status", root, "--json").json["mandate_changed_since"] is False
        assert not any(changed(call, root, tmp_path).values())


def test_texts_of_a_mandate_and_clocks_are_no_change_of_what_it_permits(call: Call, root: Path, tmp_path: Path) -> None:
    assert call("case", "amend", root, "--title", "Platform 3", *_REASON).code == 0
    assert call("status", root, "--json").json["mandate_changed_since"] is False
    assert call("case", "clock", root, "gate", "--offset", "5s", *_REASON).code == 0
    assert _SAID not in call("query", root).err
    stated = changed(call, root, tmp_path)
    assert stated["cameras_hours_or_clocks_of_the_case"] is True
    assert stated["cameras_or_hours_of_the_mandate"] is False


def forget_in_manifest(root: Path, *names: str) -> None:
    """Rewrite the manifest as a version did that did not publish these facts."""
    manifest = CaseFolder.at(root).manifest
    stored = json.loads(manifest.read_text())
    with open_session(root, "run", need=Need.WORK) as session:
        older = {name: None if name == "scope" else value for name, value in stored.items() if name not in names}
        target = root / "older.json"
        target.write_text(json.dumps(older))
        with session.files.record_replacement(manifest, sha256_of_file(target)):
            target.rename(manifest)


def test_tables_of_an_older_version_do_not_claim_that_nothing_was_changed(
    call: Call, root: Path, tmp_path: Path
) -> None:
    forget_in_manifest(root, "mandate")
    assert changed(call, root, tmp_path)["cameras_hours_or_clocks_of_the_case"] == "unknown"
    assert "the mandate" not in call("query", root).err, "it was never amended"
    assert call("case", "amend", root, *_NARROW, *_REASON).code == 0
    assert changed(call, root, tmp_path)["cameras_or_hours_of_the_mandate"] == "unknown"
    assert "the mandate may have been changed" in call("query", root).err
    facts = call("status", root, "--json").json
    assert (facts["mandate_changed_since"], facts["next"]) == (None, f"forensics run {root}")
    assert facts["meaning"] == "the tables are older than the mandate, which may have been changed since"
    assert call("run", root, *_SERIAL).code == 0
    assert changed(call, root, tmp_path)["cameras_or_hours_of_the_mandate"] is False


def test_a_search_says_it_of_its_sightings_too(call: Call, tmp_path: Path) -> None:
    case = FaceCase.make(tmp_path, call)
    case.enrol("E1", 0, tmp_path)
    case.run()
    assert _SAID not in call("query", case.root).err
    case.do("case amend", "--from", "2026-05-01T13:00:00Z", *_REASON)
    assert _SAID in call("query", case.root).err
    assert call("status", case.root, "--json").json["mandate_changed_since"] is True
