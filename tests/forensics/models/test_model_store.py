"""Model store: how a name is resolved, which files are refused, and how a download ends."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from forensics.errors import CannotStart, IntegrityBroken, UsageError
from forensics.models import model_store, withdrawn
from forensics.models import pull as pulling
from forensics.models.catalogue import Entry, RemoteFile, catalogue, entry_named
from forensics.models.digest import digest_of
from forensics.models.model_store import check, resolve, verify
from forensics.models.pull import fetch, pull

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
        assert entry.format in ("openvino", "onnx", "pt")
        assert entry.format == "openvino" or len(entry.files) == 1
        for file in entry.files:
            assert file.source.startswith("https://")
            assert file.source.endswith(f"/{file.name}")
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.size_bytes > 0
        assert withdrawn.withdrawn_set_in(f"{entry.name} {entry.training_data}") is None


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="yolox_nano"):
        entry_named("nosuch")


@pytest.mark.models
def test_the_catalogue_agrees_with_the_files(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORENSICS_MODELS", str(shared / "models"))
    assert {state for _, state in verify()} == {"ok"}
    model = resolve("person-reidentification-retail-0277", trusted_sha256=NOBODY)
    assert (model.format, model.licence) == ("openvino", "Apache-2.0")
    assert model.sha256 == digest_of(shared / "models" / "person-reidentification-retail-0277")
    sizes = {file.name: file.size_bytes for entry in catalogue() for file in entry.files}
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


def test_anything_else_that_is_absent_names_what_is_registered() -> None:
    with pytest.raises(CannotStart, match="yolox_nano"):
        resolve("nosuch.onnx", trusted_sha256=NOBODY)


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
    assert ("yolox_nano", "altered") in verify()


def test_verify_names_what_is_missing() -> None:
    assert verify() == [(entry.name, "missing") for entry in catalogue()]


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


# ---- download


@dataclass
class Source:
    """The file that a loopback server hands out, and its faults."""

    content: bytes = bytes(range(256)) * 4096
    breaks_after: int | None = None
    knows_ranges: bool = True
    ranges_asked: list[str | None] = field(default_factory=list)
    address: str = ""

    def entry(self, **changes: object) -> Entry:
        file = {"name": "net.onnx", "sha256": sha(self.content), "size_bytes": len(self.content)} | changes
        remote = RemoteFile(source=f"{self.address}/net.onnx", **file)  # type: ignore[arg-type]
        return Entry("net", "detect", "onnx", "coco80", "MIT", "none", (remote,))


@pytest.fixture
def source() -> Iterator[Source]:
    """Start a server on loopback that hands out one file."""
    served = Source()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            served.ranges_asked.append(asked)
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and served.knows_ranges else 0
            body = served.content[start:]
            self.send_response(206 if start else 200)
            if start:
                total = len(served.content)
                self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if served.breaks_after is None else body[: served.breaks_after])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    served.address = f"http://127.0.0.1:{server.server_port}"
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def quiet(done_bytes: int, total_bytes: int) -> None:
    pass


def test_a_download_gets_its_name_when_it_is_whole(source: Source, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = fetch(source.entry(), tmp_path / "new" / "shelf", on_progress=lambda *step: seen.append(step))
    assert path.read_bytes() == source.content
    assert [file.name for file in path.parent.iterdir()] == ["net.onnx"]
    assert seen[-1] == (len(source.content), len(source.content))
    assert seen == sorted(seen)


def test_an_installed_model_is_not_downloaded_again(source: Source, tmp_path: Path) -> None:
    for _ in range(2):
        fetch(source.entry(), tmp_path, on_progress=quiet)
    assert source.ranges_asked == [None]


def test_a_broken_connection_is_resumed_by_the_next_pull(source: Source, tmp_path: Path) -> None:
    source.breaks_after = 300_000
    with pytest.raises(CannotStart, match="it resumes"):
        fetch(source.entry(), tmp_path, on_progress=quiet)
    assert not (tmp_path / "net.onnx").exists()
    assert (tmp_path / "net.onnx.part").stat().st_size == 300_000
    source.breaks_after = None
    assert fetch(source.entry(), tmp_path, on_progress=quiet).read_bytes() == source.content
    assert source.ranges_asked == [None, "bytes=300000-"]


def test_a_server_that_knows_no_ranges_starts_again(source: Source, tmp_path: Path) -> None:
    source.knows_ranges = False
    (tmp_path / "net.onnx.part").write_bytes(b"x" * 1000)
    assert fetch(source.entry(), tmp_path, on_progress=quiet).read_bytes() == source.content
    assert source.ranges_asked == ["bytes=1000-"]


@pytest.mark.parametrize("changes", [{"sha256": "0" * 64}, {"size_bytes": 1000}])
def test_another_file_at_the_source_is_refused_and_deleted(
    source: Source, tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(IntegrityBroken, match="deleted"):
        fetch(source.entry(**changes), tmp_path, on_progress=quiet)
    assert list(tmp_path.glob("net*")) == []


def test_a_corrupt_partial_download_is_deleted_and_downloaded_again(source: Source, tmp_path: Path) -> None:
    (tmp_path / "net.onnx.part").write_bytes(b"x" * 1000)
    with pytest.raises(IntegrityBroken):
        fetch(source.entry(), tmp_path, on_progress=quiet)
    assert fetch(source.entry(), tmp_path, on_progress=quiet).read_bytes() == source.content


def test_without_a_network_the_error_says_what_to_do(source: Source, tmp_path: Path) -> None:
    entry = source.entry()
    gone = Entry("net", "detect", "onnx", "x", "MIT", "none", (RemoteFile("net.onnx", "http://127.0.0.1:9/n", "0", 1),))
    with pytest.raises(CannotStart, match="place the file at"):
        fetch(gone, tmp_path, on_progress=quiet)
    assert entry.name == gone.name


def test_a_folder_appears_only_when_all_its_files_are_right(source: Source, tmp_path: Path) -> None:
    good = source.entry().files[0]
    files = tuple(RemoteFile(name, good.source, good.sha256, good.size_bytes) for name in ("net.xml", "net.bin"))
    spoilt = (files[0], RemoteFile("net.bin", good.source, "0" * 64, good.size_bytes))
    with pytest.raises(IntegrityBroken):
        fetch(Entry("net", "detect", "openvino", "x", "MIT", "none", spoilt), tmp_path, on_progress=quiet)
    assert not (tmp_path / "net").exists()
    entry = Entry("net", "detect", "openvino", "x", "MIT", "none", files)
    path = fetch(entry, tmp_path, on_progress=quiet)
    assert digest_of(path) == entry.sha256
    assert len(source.ranges_asked) == 3
    assert list(tmp_path.glob("*.part")) == []


def test_an_altered_model_is_not_overwritten(source: Source, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"someone's")
    with pytest.raises(IntegrityBroken, match="remove it"):
        fetch(source.entry(), tmp_path, on_progress=quiet)
    assert (tmp_path / "net.onnx").read_bytes() == b"someone's"


def test_pull_downloads_the_registered_entry(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "entry_named", lambda name: source.entry())
    assert pull("net", tmp_path, on_progress=quiet) == tmp_path / "net.onnx"
