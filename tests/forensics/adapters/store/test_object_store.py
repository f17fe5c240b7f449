"""Footage in an object store: the same tables as from a disk, and never a byte that was not ingested."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from forensics.adapters.footage_index import digest_and_size, index_footage
from forensics.adapters.store import object_store
from forensics.adapters.store.block_cache import BlockCache
from forensics.adapters.store.object_store import ObjectFile, digest_object
from forensics.errors import DecoderLost, UnreadableFootage
from forensics.place import BLOCK_BYTES, StoreObject
from testing.demo_clips import make_clips
from testing.painted.kinds import KINDS

_GATE = StoreObject("s3://archive/gate.mp4")


# ---- blocks, with a store that counts what it is asked for


@dataclass
class Store:
    """Replaces the store of fsspec: its objects, and the ranges that were fetched."""

    content: dict[str, bytes] = field(default_factory=dict)
    fetched: list[tuple[int, int]] = field(default_factory=list)

    def info(self, url: str, refresh: bool) -> dict[str, Any]:
        if url not in self.content:
            raise FileNotFoundError(url)
        return {"type": "file", "size": len(self.content[url]), "ETag": hashlib.md5(self.content[url]).hexdigest()}

    def cat_file(self, url: str, start: int, end: int) -> bytes:
        self.fetched.append((start, end))
        return self.content[url][start:end]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """Replace the object store by one in memory."""
    store = Store({_GATE.url: os.urandom(3 * BLOCK_BYTES + 1000)})
    monkeypatch.setattr(object_store, "_open_store", lambda: store)
    object_store.set_block_cache_limit(64 << 20)
    return store


def ingested(place: StoreObject = _GATE) -> StoreObject:
    """The same object, as its index names it."""
    return StoreObject(place.url, digest_object(place)[2])


def test_an_object_is_digested_in_one_pass(store: Store) -> None:
    content = store.content[_GATE.url]
    sha256, n_bytes, blocks = digest_object(_GATE)
    assert (sha256, n_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert blocks[-32:] == hashlib.sha256(content[-1000:]).digest()
    assert len(blocks) == 4 * 32
    assert store.fetched == [(0, len(content))]
    assert digest_and_size(_GATE) == (sha256, n_bytes)


@pytest.mark.parametrize("start", [0, 5, BLOCK_BYTES - 2, 3 * BLOCK_BYTES + 990, 3 * BLOCK_BYTES + 1000, 1 << 40])
def test_it_reads_like_a_file(store: Store, start: int) -> None:
    file, content = ObjectFile(ingested()), store.content[_GATE.url]
    assert file.seek(start) == file.tell() == start
    assert file.read(2 * BLOCK_BYTES) == content[start : start + 2 * BLOCK_BYTES]
    assert file.seek(-10, os.SEEK_END) == len(content) - 10
    assert file.read(1 << 20) == content[-10:]
    assert file.read(1) == b""
    assert (file.seek(-1), file.seek(0, 65536)) == (-1, -1)


def test_a_block_is_fetched_once_as_long_as_the_cache_holds_it(store: Store) -> None:
    place = ingested()
    object_store.set_block_cache_limit(64 << 20)
    store.fetched.clear()
    for _ in range(3):
        ObjectFile(place).read(len(store.content[_GATE.url]))
    assert store.fetched == [(n * BLOCK_BYTES, min((n + 1) * BLOCK_BYTES, 3 * BLOCK_BYTES + 1000)) for n in range(4)]


@pytest.mark.parametrize("where", [0, 3 * BLOCK_BYTES])
def test_bytes_that_were_changed_in_the_store_are_never_handed_out(store: Store, where: int) -> None:
    place, content = ingested(), bytearray(store.content[_GATE.url])
    content[where] ^= 1
    store.content[_GATE.url] = bytes(content)
    object_store.set_block_cache_limit(0)
    file = ObjectFile(place)
    file.seek(where)
    with pytest.raises(DecoderLost, match=f"altered: not what was ingested: its bytes {where} to"):
        file.read(1)
    assert file.read(1) == b""


def test_an_object_of_another_size_is_not_opened(store: Store) -> None:
    place = ingested()
    store.content[_GATE.url] *= 2
    with pytest.raises(DecoderLost, match="altered"):
        ObjectFile(place)


def test_an_object_without_recorded_digests_is_not_opened(store: Store) -> None:
    with pytest.raises(DecoderLost, match="altered"):
        ObjectFile(_GATE)


def test_an_object_that_is_replaced_while_it_is_digested_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced(url: str, start: int, end: int) -> bytes:
        before = store.content[url][start:end]
        store.content[url] = bytes(len(store.content[url]))
        return before

    monkeypatch.setattr(store, "cat_file", replaced)
    with pytest.raises(DecoderLost, match="replaced while it was read"):
        digest_object(_GATE)


def test_a_truncated_answer_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    place = ingested()
    object_store.set_block_cache_limit(0)
    monkeypatch.setattr(store, "cat_file", lambda url, start, end: store.content[url][start : end - 1])
    with pytest.raises(DecoderLost, match="of 1048576 bytes came"):
        ObjectFile(place).read(1)


@pytest.mark.parametrize("url", [f"{_GATE.url}?versionId=1", f"{_GATE.url}/"])
def test_an_object_key_that_the_library_would_rewrite_is_refused(store: Store, url: str) -> None:
    store.content[url] = b"others"
    with pytest.raises(UnreadableFootage, match=r"would be read as another one|no video lies below it"):
        digest_object(StoreObject(url))
    assert store.fetched == []


def test_stills_in_a_store_are_refused(store: Store, tmp_path: Path) -> None:
    for name in ("s3://archive/stills.zip", "s3://archive/one.JPG", "s3://archive/one.jfif"):
        with pytest.raises(UnreadableFootage, match="read from a disk"):
            index_footage(StoreObject(name), working_copy=tmp_path / "copy", stream_index=None, assumed_rate=None)


def test_a_picture_that_is_not_read_is_named_in_a_store_too(store: Store, tmp_path: Path) -> None:
    store.content["s3://archive/one.mp4"] = b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miafMA1B" + bytes(600)
    place = ingested(StoreObject("s3://archive/one.mp4"))
    with pytest.raises(UnreadableFootage, match=r"a picture \(AVIF\), which is not read; keep the originals"):
        index_footage(place, working_copy=tmp_path / "copy", stream_index=None, assumed_rate=None)


# ---- the cache


def blocks(number: int) -> dict[bytes, bytes]:
    made = (bytes([n]) * (BLOCK_BYTES - n) for n in range(number))
    return {hashlib.sha256(block).digest(): block for block in made}


def test_the_cache_forgets_what_was_used_longest_ago_and_stays_within_its_limit() -> None:
    cache, made = BlockCache(10 * BLOCK_BYTES), blocks(12)
    first, second, *_ = made
    for number, (digest, block) in enumerate(made.items()):
        cache.put(digest, block)
        assert cache.get(digest) == block
        if number < 11:
            assert cache.get(first) == made[first]
    assert cache.get(second) is None
    assert sum(cache.get(digest) is not None for digest in made) == 10
    assert os.fstat(cache._file.fileno()).st_size <= 10 * BLOCK_BYTES


def test_the_file_of_the_cache_has_no_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cache, made = BlockCache(10 * BLOCK_BYTES), blocks(2)
    for digest, block in made.items():
        cache.put(digest, block)
    assert list(tmp_path.iterdir()) == []


def test_a_block_that_the_disk_spoilt_is_not_handed_out() -> None:
    cache, made = BlockCache(10 * BLOCK_BYTES), blocks(2)
    for digest, block in made.items():
        cache.put(digest, block)
    first, second = made
    cache._file.seek(0)
    cache._file.write(b"\xff")
    cache._file.flush()
    assert cache.get(first) is None
    assert cache.get(second) == made[second]
    cache.put(first, made[first])
    assert cache.get(first) == made[first]


# ---- a real server, by the commands that people use

_COMMAND = "from pipelines.cli.main import main; main()"
_SERVER = """
import sys, time
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""


@dataclass(frozen=True)
class Bucket:
    """A bucket of an S3-compatible server on loopback, and the environment that leads there."""

    environment: dict[str, str]
    name: str = "archive"

    def put(self, *files: Path, name: str | None = None) -> None:
        self._script(
            "client.create_bucket(Bucket=bucket)\n"
            + "\n".join(
                f"client.upload_file({str(file)!r}, bucket, {'campus/' + (name or file.name)!r})" for file in files
            )
        )

    def delete(self, name: str) -> None:
        self._script(f"client.delete_object(Bucket=bucket, Key={'campus/' + name!r})")

    def _script(self, lines: str) -> None:
        script = f"import boto3\nclient, bucket = boto3.client('s3'), {self.name!r}\n{lines}"
        subprocess.run([sys.executable, "-c", script], env=self.environment, check=True, capture_output=True)

    def forensics(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _COMMAND, *map(str, arguments)]
        answer = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert "Traceback" not in answer.stderr
        return answer


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Start a server with the interface of S3; returns its address."""
    command = [sys.executable, "-c", _SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.communicate()


@pytest.fixture
def bucket(endpoint: str, tmp_path: Path) -> Bucket:
    """Make an empty bucket."""
    known = {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    nowhere = {"AWS_CONFIG_FILE": str(tmp_path / "none"), "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"}
    return Bucket(
        {**os.environ, **known, **nowhere, "AWS_DEFAULT_REGION": "us-east-1"}, tmp_path.name.replace("_", "-")
    )


@pytest.fixture(scope="module")
def two_clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Make two short clips of the demo footage."""
    return make_clips(tmp_path_factory.mktemp("clips"), n_frames={"gate": 60, "hall": 60})


def tables(case: Path, *names: str) -> dict[str, pl.DataFrame]:
    return {name: pl.read_parquet(case / "tables" / f"{name}.parquet") for name in names}


def test_a_bucket_gives_the_tables_that_a_disk_gives(bucket: Bucket, two_clips: list[Path], tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("not footage")
    bucket.put(*two_clips, tmp_path / "list.txt")
    near, far = tmp_path / "near", tmp_path / "far"
    assert bucket.forensics("scan", *two_clips, "--case", near, "--runner", "serial", "--quiet").returncode == 0
    answer = bucket.forensics("scan", f"s3://{bucket.name}/campus/", "--case", far, "--workers", 2, "--quiet")
    assert (answer.returncode, answer.stderr.count("ok  ")) == (0, 2)
    assert f"not ingested from s3://{bucket.name}/campus/: 1 .txt" in answer.stderr
    names = ("detections", "sightings", "coverage")
    for name, frame in tables(near, *names).items():
        assert frame.drop("case_id").equals(tables(far, name)[name].drop("case_id"))
        assert not frame.is_empty()
    paths = {f"s3://{bucket.name}/campus/{clip.name}" for clip in two_clips}
    assert set(tables(far, "evidence")["evidence"]["path"]) == paths
    assert bucket.forensics("verify", far).returncode == 0
    silent = Bucket({**bucket.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, bucket.name)
    said = silent.forensics("verify", far)
    assert (said.returncode, "the object store cannot be read" in said.stderr) == (6, True)
    assert bucket.forensics("status", far).returncode == 0


def test_a_replaced_object_is_an_unsettled_gap_until_it_is_restored(
    bucket: Bucket, two_clips: list[Path], tmp_path: Path
) -> None:
    gate, case = tmp_path / "gate.mp4", tmp_path / "case"
    shutil.copy(two_clips[0], gate)
    bucket.put(gate)
    assert (
        bucket.forensics(
            "ingest", case_of(bucket, case), f"s3://{bucket.name}/campus/gate.mp4", "--camera", "gate"
        ).returncode
        == 0
    )
    content = bytearray(gate.read_bytes())
    content[len(content) // 2] ^= 1
    gate.write_bytes(content)
    bucket.put(gate)
    answer = bucket.forensics("run", case, "--runner", "serial", "--quiet")
    assert answer.returncode == 4
    coverage = tables(case, "coverage")["coverage"]
    assert coverage.select("state", "settled").unique().rows() == [("gap", False)]
    assert "altered" in " ".join(tables(case, "failures")["failures"]["detail"])
    bucket.put(two_clips[0])
    assert bucket.forensics("run", case, "--runner", "serial", "--quiet").returncode == 0
    assert set(tables(case, "coverage")["coverage"]["state"]) == {"detected"}


def case_of(bucket: Bucket, root: Path) -> Path:
    made = bucket.forensics("case", "init", root, "--purpose", "p", "--operator", "o")
    assert made.returncode == 0, made.stderr
    return root


def test_relocate_finds_an_object_copied_to_a_disk(bucket: Bucket, two_clips: list[Path], tmp_path: Path) -> None:
    bucket.put(two_clips[0])
    case = case_of(bucket, tmp_path / "case")
    url = f"s3://{bucket.name}/campus/{two_clips[0].name}"
    assert bucket.forensics("ingest", case, url, "--camera", "gate").returncode == 0
    bucket.delete(two_clips[0].name)
    answer = bucket.forensics("run", case, "--runner", "serial", "--quiet")
    assert (answer.returncode, "missing" in answer.stderr + answer.stdout) == (4, True)
    assert bucket.forensics("evidence", "relocate", case, two_clips[0].parent).returncode == 0
    assert bucket.forensics("run", case, "--runner", "serial", "--quiet").returncode == 0


def test_relocate_finds_an_object_under_another_key(bucket: Bucket, two_clips: list[Path], tmp_path: Path) -> None:
    bucket.put(two_clips[0])
    case = case_of(bucket, tmp_path / "case")
    url = f"s3://{bucket.name}/campus/{two_clips[0].name}"
    on_disk = Path(shutil.copy(two_clips[1], tmp_path))
    assert bucket.forensics("ingest", case, url, on_disk, "--camera", "gate").returncode == 0
    bucket.delete(two_clips[0].name)
    bucket.put(two_clips[0], name="archived.mp4")
    folder = f"s3://{bucket.name}/campus/"
    found = bucket.forensics("evidence", "relocate", case, folder)
    assert (found.returncode, f"{folder}archived.mp4" in found.stdout) == (0, True), found.stderr
    assert bucket.forensics("run", case, "--runner", "serial", "--quiet").returncode == 0
    bucket.put(on_disk)
    on_disk.unlink()
    refused = bucket.forensics("evidence", "relocate", case, folder)
    assert (refused.returncode, "ingested from a disk" in refused.stderr) == (2, True), refused.stderr


def test_containers_that_cannot_seek_are_read_through_a_copy(bucket: Bucket, tmp_path: Path) -> None:
    kind = next(kind for kind in KINDS if kind.name == "h264_ts")
    file = kind.build(tmp_path)
    bucket.put(file)
    url, case = f"s3://{bucket.name}/campus/{file.name}", tmp_path / "case"
    assert bucket.forensics("scan", url, "--case", case, "--runner", "serial", "--quiet").returncode in (0, 4)
    assert tables(case, "evidence")["evidence"]["working_copy"][0]
    assert set(tables(case, "coverage")["coverage"]["state"]) == {"detected"}
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    bucket.put(file)
    said = bucket.forensics("reproduce", case, "--runner", "serial")
    assert (said.returncode, "SHA-256 is" in said.stderr) == (5, True)
    folder = bucket.forensics("ingest", case, f"s3://{bucket.name}/campus", "--camera", "gate")
    assert f"say s3://{bucket.name}/campus/ for all" in folder.stderr
    assert folder.returncode == 2


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({}, 2, "there is no such object; nothing was ingested"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, 4, "unreadable: "),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 4, "unreadable: Unable to locate credentials"),
    ],
)
def test_a_store_that_does_not_answer_is_reported_with_the_reason(
    bucket: Bucket, tmp_path: Path, changes: dict[str, str], code: int, said: str
) -> None:
    bucket.put()
    elsewhere = Bucket({**bucket.environment, **changes}, bucket.name)
    case = case_of(elsewhere, tmp_path / "case")
    answer = elsewhere.forensics("ingest", case, f"s3://{bucket.name}/none.mp4", "--camera", "gate")
    assert (answer.returncode, said in answer.stdout + answer.stderr) == (code, True), answer
    listed = elsewhere.forensics("ingest", case, f"s3://{bucket.name}-none/campus/", "--camera", "gate")
    assert listed.returncode in (2, 4, 6)


@pytest.mark.parametrize("url", ["s3://", "s3://bucket", "s3://bucket/"])
def test_an_address_without_an_object_key_is_refused(bucket: Bucket, tmp_path: Path, url: str) -> None:
    answer = bucket.forensics("scan", url, "--case", tmp_path / "case")
    assert (answer.returncode, "names no object" in answer.stderr) == (2, True)
