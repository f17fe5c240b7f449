"""Model store: which models are registered, how a name is resolved, and which files are refused."""

import hashlib
import os
from pathlib import Path

import pytest

from forensics.errors import CannotStart, IntegrityBroken, UsageError
from forensics.models import model_store, withdrawn
from forensics.models.catalogue import catalogue, entry_named, preferred_entries
from forensics.models.digest import digest_of
from forensics.models.installed import State, list_installations
from forensics.models.model_store import check, resolve

NOBODY: frozenset[str] = frozenset()


@pytest.fixture(autouse=True)
def empty_shelves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use empty folders of models; returns the one named by the environment."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("FORENSICS_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def openvino_folder(folder: Path, metadata: str = "task: detect\n") -> Path:
    folder.mkdir(parents=True)
    (folder / "net.xml").write_text("<net/>")
    (folder / "net.bin").write_bytes(b"weights")
    (folder / "metadata.yaml").write_text(metadata)
    return folder


# ---- the catalogue


def test_every_entry_is_complete_and_has_an_official_address() -> None:
    assert len({entry.name for entry in catalogue()}) == len(catalogue()) > 0
    for entry in catalogue():
        assert entry.licence
        assert entry.training_data
        assert entry.labels
        assert entry.accuracy is None or entry.accuracy.startswith("mAP 50-95 ")
        assert entry.format in ("openvino", "onnx", "pt")
        assert entry.format == "openvino" or len(entry.files) == 1
        for file in entry.files:
            assert file.source.startswith("https://")
            assert file.source.endswith(f"/{file.name}")
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.size_bytes is None or file.size_bytes > 0
        assert withdrawn.withdrawn_set_in(f"{entry.name} {entry.training_data}") is None


def test_detectors_that_a_case_may_take_by_itself_are_in_one_order_with_a_reason() -> None:
    ordered = preferred_entries()
    preferences = [entry.preference for entry in ordered if entry.preference]
    assert [preference.order for preference in preferences] == list(range(1, len(ordered) + 1))
    assert all(preference.reason for preference in preferences)
    assert {entry.task for entry in ordered} == {"detect"}
    assert all(entry.accuracy for entry in ordered)
    names = [entry.name for entry in ordered]
    assert names.index("yolo11n") < names.index("yolo26n"), "measured: 58.6 against 47.9 HOTA"


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="yolox_nano"):
        entry_named("nosuch")


@pytest.mark.parametrize(("typed", "meant"), [("yolo11", "yolo11n"), ("yolox-nano", "yolox_nano")])
def test_an_unknown_name_suggests_those_spelled_alike(typed: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean .*{meant}"):
        entry_named(typed)


@pytest.mark.models
def test_the_catalogue_agrees_with_the_files(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORENSICS_MODELS", str(shared / "models"))
    state_of = {each.entry.name: each.state for each in list_installations() if not each.entry.is_converted}
    assert set(state_of.values()) == {State.OK}
    model = resolve("person-reidentification-retail-0277", trusted_sha256=NOBODY)
    assert (model.format, model.licence) == ("openvino", "Apache-2.0")
    assert model.sha256 == digest_of(shared / "models" / "person-reidentification-retail-0277")
    present = [entry for entry in catalogue() if not entry.is_converted]
    sizes = {file.name: file.size_bytes for entry in present for file in entry.files}
    found = {file.name: file.stat().st_size for file in (shared / "models").rglob("*") if file.name in sizes}
    assert found == sizes


@pytest.mark.models
def test_a_registered_file_is_known_under_any_name(shared: Path, tmp_path: Path) -> None:
    copy = tmp_path / "renamed.onnx"
    copy.write_bytes((shared / "models" / "yolox_nano.onnx").read_bytes())
    model = resolve(str(copy), trusted_sha256=NOBODY)
    assert (model.name, model.licence) == ("yolox_nano", "Apache-2.0")


# ---- digests


def test_a_folder_is_digested_over_sorted_names_and_digests(tmp_path: Path) -> None:
    folder = openvino_folder(tmp_path / "net")
    names = ("metadata.yaml", "net.bin", "net.xml")
    lines = "".join(f"{name} {sha((folder / name).read_bytes())}\n" for name in names)
    assert digest_of(folder) == sha(lines.encode())
    (folder / "more").write_bytes(b"")
    assert digest_of(folder) != sha(lines.encode())


# ---- look-up


def test_builtin_needs_no_file() -> None:
    model = resolve("builtin", trusted_sha256=NOBODY)
    assert (model.path, model.sha256, model.format) == (None, "", "builtin")
    assert model.name.startswith("builtin-")
    check(model)


@pytest.mark.parametrize("where", ["path", "models", "cache"])
def test_an_unregistered_file_is_found_and_its_digest_recorded(tmp_path: Path, where: str) -> None:
    folder = {"path": tmp_path, "models": tmp_path / "models", "cache": tmp_path / "cache/forensics/models"}[where]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "own.onnx").write_bytes(b"mine")
    model = resolve("own.onnx", trusted_sha256=NOBODY)
    assert (model.sha256, model.format, model.licence) == (sha(b"mine"), "onnx", None)
    assert model.path is not None
    assert model.path.samefile(folder / "own.onnx")


def test_a_path_is_preferred_to_folders_and_the_named_folder_to_the_cache(tmp_path: Path) -> None:
    cache = model_store.cache_folder()
    cache.mkdir(parents=True)
    (cache / "own.onnx").write_bytes(b"cache")
    (tmp_path / "models" / "own.onnx").write_bytes(b"models")
    assert resolve("own.onnx", trusted_sha256=NOBODY).sha256 == sha(b"models")
    (tmp_path / "own.onnx").write_bytes(b"path")
    assert resolve("own.onnx", trusted_sha256=NOBODY).sha256 == sha(b"path")


def test_an_openvino_folder_is_accepted(tmp_path: Path) -> None:
    model = resolve(str(openvino_folder(tmp_path / "net")), trusted_sha256=NOBODY)
    assert (model.name, model.format) == ("net", "openvino")


def test_a_registered_model_that_is_absent_names_the_command() -> None:
    with pytest.raises(CannotStart, match="forensics models pull yolox_nano"):
        resolve("yolox_nano", trusted_sha256=NOBODY)


def test_anything_else_that_is_absent_names_detectors_to_pull() -> None:
    with pytest.raises(CannotStart, match=r"yolo11n.*models pull NAME"):
        resolve("nosuch.onnx", trusted_sha256=NOBODY)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("net_int8_openvino", "net_int8_openvino_model"), ("mine.onxn", "mine.onnx"), ("mine", "mine.onnx")],
)
def test_a_path_that_leads_to_nothing_suggests_what_is_beside_it(tmp_path: Path, typed: str, meant: str) -> None:
    openvino_folder(tmp_path / "own" / "net_int8_openvino_model")
    (tmp_path / "own" / "mine.onnx").write_bytes(b"x")
    (tmp_path / "own" / "mine.txt").write_bytes(b"x")
    for path in (tmp_path / "own" / typed, Path("own") / typed):
        with pytest.raises(CannotStart) as caught:
            resolve(str(path), trusted_sha256=NOBODY)
        assert caught.value.next_step.startswith(f"did you mean {path.with_name(meant)}? or give a path")
    with pytest.raises(CannotStart) as caught:
        resolve(str(tmp_path / "own" / "detector"), trusted_sha256=NOBODY)
    assert caught.value.next_step.startswith("give a path")


def test_a_name_cannot_lead_out_of_the_model_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beside.onnx").write_bytes(b"x")
    monkeypatch.chdir("/")
    with pytest.raises(CannotStart):
        resolve("../beside.onnx", trusted_sha256=NOBODY)


@pytest.mark.parametrize("name", ["yolox_nano", "yolox_nano.onnx"])
def test_another_file_under_a_registered_name_is_refused(empty_shelves: Path, name: str) -> None:
    (empty_shelves / "yolox_nano.onnx").write_bytes(b"not it")
    with pytest.raises(IntegrityBroken, match="models pull yolox_nano"):
        resolve(name, trusted_sha256=NOBODY)
    assert State.ALTERED in {each.state for each in list_installations() if each.entry.name == "yolox_nano"}


def test_what_is_missing_is_listed() -> None:
    assert [(each.entry, each.state, each.path) for each in list_installations()] == [
        (entry, State.MISSING, None) for entry in catalogue()
    ]


@pytest.mark.parametrize("name", ["yolox_nano.onnx", "yolo11n.pt"])
def test_a_pipe_in_place_of_a_model_counts_as_changed(empty_shelves: Path, name: str) -> None:
    os.mkfifo(empty_shelves / name)
    assert [each.path for each in list_installations() if each.state is State.ALTERED] == [empty_shelves / name]
    with pytest.raises(UsageError, match="neither"):
        resolve(name, trusted_sha256=NOBODY)


@pytest.mark.parametrize("name", ["model.txt", "net.xml", "folder"])
def test_other_formats_are_refused(tmp_path: Path, name: str) -> None:
    if name == "folder":
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UsageError, match="neither"):
        resolve(str(tmp_path / name), trusted_sha256=NOBODY)


def test_a_pt_file_loads_only_with_a_trusted_digest(tmp_path: Path) -> None:
    (tmp_path / "own.pt").write_bytes(b"pickle")
    with pytest.raises(UsageError, match=f"--trust-model {sha(b'pickle')}"):
        resolve("own.pt", trusted_sha256=frozenset({sha(b"another")}))
    trusted = frozenset({sha(b"pickle").upper()})
    assert resolve("own.pt", trusted_sha256=trusted).format == "pt"


def test_a_model_that_changed_since_it_was_resolved_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.onnx").write_bytes(b"one")
    model = resolve("own.onnx", trusted_sha256=NOBODY)
    check(model)
    (tmp_path / "own.onnx").write_bytes(b"two")
    with pytest.raises(IntegrityBroken):
        check(model)
    (tmp_path / "own.onnx").unlink()
    with pytest.raises(CannotStart):
        check(model)


# ---- withdrawn training sets


@pytest.mark.parametrize(
    "name",
    ["BRAINWASH.onnx", "osnet_duke-mtmc.onnx", "arcface.MS_Celeb_1M.onnx", "r50_ms1mv3.onnx", "Oxford-TownCentre.onnx"],
)
def test_a_withdrawn_training_set_in_the_name_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UsageError, match="withdrawn"):
        resolve(name, trusted_sha256=NOBODY)


def test_a_link_does_not_hide_the_name(tmp_path: Path) -> None:
    (tmp_path / "brainwash.onnx").write_bytes(b"x")
    (tmp_path / "innocent.onnx").symlink_to(tmp_path / "brainwash.onnx")
    with pytest.raises(UsageError, match="Brainwash"):
        resolve("innocent.onnx", trusted_sha256=NOBODY)


def test_a_withdrawn_training_set_in_the_metadata_is_refused(tmp_path: Path) -> None:
    folder = openvino_folder(tmp_path / "net", "description: model trained on /data/Oxford Town Centre.yaml\n")
    with pytest.raises(UsageError, match="Oxford Town Centre"):
        resolve(str(folder), trusted_sha256=NOBODY)


def test_a_withdrawn_digest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="withdrawn"):
        withdrawn.refuse_withdrawn_digest(tmp_path / "x.onnx", sha(b"x"), frozenset({sha(b"x")}))
