"""What docs/admin.md says, done on hosts of this machine; the tables must be those of no cluster at all."""

import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from forensics.custody.case_folder import CaseFolder
from forensics.tables.manifest import read_manifest
from pipelines.demo.footage import make_footage
from scripts.measure.scale.hosts import Host, network_of

__all__ = ["on_hosts"]

_PORT: Final = 6379
_PATIENCE_S: Final = 300
_RAY: Final = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "AUTOSCALER_METRIC_PORT": "-1",
}
_STORE: Final = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
_SERVE: Final = """
import sys, threading
from moto.server import ThreadedMotoServer
ThreadedMotoServer(ip_address=sys.argv[1], port=9000, verbose=False).start()
threading.Event().wait()
"""
_FILL: Final = """
import sys, boto3
client = boto3.client("s3")
client.create_bucket(Bucket="archive")
for path in sys.argv[1:]:
    client.upload_file(path, "archive", path.rpartition("/")[2])
"""
# What does not say where footage lies.
_COMPARED: Final = ("detections", "tracks", "sightings", "coverage")


@dataclass(slots=True)
class Bench:
    """The hosts, the footage, and where everything is written."""

    folder: Path
    hosts: dict[str, Host]
    clips: list[Path]

    def node(self, name: str) -> "subprocess.Popen[bytes]":
        """The host becomes a node of the cluster, until what is returned ends."""
        host = self.hosts[name]
        where = ["--address", f"{self.hosts['head'].address}:{_PORT}"]
        if name == "head":
            where = ["--head", f"--port={_PORT}", f"--node-ip-address={host.address}", "--num-cpus=0"]
            where += ["--include-dashboard=false"]
        command = ["ray", "start", "--block", *where, "--object-store-memory=134217728"]
        node = host.begin(*command, said=self.folder / f"{name}.log")
        self.waited(lambda: "block forever" in (self.folder / f"{name}.log").read_text(), f"{name} joins", node)
        return node

    def begin(self, *arguments: object, said: str, **changes: str) -> "subprocess.Popen[bytes]":
        """A command of ours on the head, where a driver must be."""
        return self.hosts["head"].begin("forensics", *arguments, said=self.folder / f"{said}.log", **changes)

    def run(self, case: str, **changes: str) -> "subprocess.Popen[bytes]":
        """A run of a copy of the case, on the cluster."""
        shutil.copytree(self.folder / "ingested", self.folder / case)
        address = f"{self.hosts['head'].address}:{_PORT}"
        options = ("--ray", address, "--metrics", self.folder / f"{case}.prom")
        return self.begin("run", self.folder / case, *options, "--set", "chunk.seconds=2", said=case, **changes)

    def done(self, case: str) -> int:
        """How many chunks of a run are done, by its metrics."""
        file = self.folder / f"{case}.prom"
        found = re.search(r'stage="detect",state="done"} (\d+)', file.read_text()) if file.exists() else None
        return int(found[1]) if found else 0

    def waited(self, is_so: Callable[[], bool], what: str, process: "subprocess.Popen[bytes]") -> None:
        """Return once something is so, while a process lives."""
        end = time.monotonic() + _PATIENCE_S
        while not is_so():
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"waited in vain: {what}; see the logs in {self.folder}")
            time.sleep(0.2)

    def ended(self, process: "subprocess.Popen[bytes]", said: str, code: int = 0) -> str:
        """What a command said, once it ended with the code that was expected."""
        found, text = process.wait(_PATIENCE_S), (self.folder / f"{said}.log").read_text()
        if found != code:
            raise SystemExit(f"{said} ended with {found}, expected {code}:\n{text[-3000:]}")
        return text

    def tables(self, case: str) -> dict[str, str]:
        """The digest of every published file that does not say where footage lies."""
        files = read_manifest(CaseFolder(self.folder / case))["files"]
        return {file["path"]: file["sha256"] for file in files if file["path"].startswith(_COMPARED)}


def on_hosts() -> dict[str, Any]:
    """Seconds of each thing that was done; whatever is not as it must be ends it.

    Raises:
        SystemExit: with what went wrong.
    """
    folder = Path(tempfile.mkdtemp(prefix="hosts-", dir="/var/tmp"))
    token = folder / "home" / ".ray" / "auth_token"
    token.parent.mkdir(parents=True)
    token.write_text(secrets.token_hex(32))
    token.chmod(0o600)
    environment = {"HOME": str(folder / "home"), "FORENSICS_KEYS": str(folder / "keys"), **_RAY, **_STORE}
    clips = [recording.path for recording in make_footage(folder / "footage")]
    with network_of(("head", "one", "two", "store"), environment) as hosts:
        for host in hosts.values():
            host.environment["AWS_ENDPOINT_URL"] = f"http://{hosts['store'].address}:9000"
        seconds = _tried(Bench(folder, hosts, clips))
    shutil.rmtree(folder)
    return seconds


def _tried(bench: Bench) -> dict[str, Any]:
    bench.ended(
        bench.begin("scan", *bench.clips, "--case", bench.folder / "ingested", "--dry-run", said="plan"), "plan"
    )
    _ingest(bench, "ingested", [str(clip) for clip in bench.clips])
    shutil.copytree(bench.folder / "ingested", bench.folder / "alone")
    began = time.monotonic()
    bench.ended(bench.begin("run", bench.folder / "alone", "--runner", "serial", said="alone"), "alone")
    seconds, expected = {"alone": time.monotonic() - began}, bench.tables("alone")
    bench.node("head")
    steps = {
        "a wrong token is refused": _wrong_token,
        "nobody has room, then a host joins": _joined,
        "a host is taken out in the middle": _taken_out,
        "a host loses its power in the middle": _power_cut,
        "footage in an object store": _from_a_store,
    }
    for what, step in steps.items():
        print(f"{what} ...", file=sys.stderr, flush=True)
        began = time.monotonic()
        case = step(bench)
        seconds[what] = time.monotonic() - began
        if case is not None and bench.tables(case) != expected:
            raise SystemExit(f"{what}: other tables than without a cluster, see {bench.folder / case}")
    return {what: round(spent, 1) for what, spent in seconds.items()}


def _ingest(bench: Bench, case: str, footage: list[str]) -> None:
    root = bench.folder / case
    bench.ended(bench.begin("case", "init", root, "--purpose", "hosts", "--operator", "hosts", said="init"), "init")
    for clip in footage:
        camera = Path(clip).stem
        bench.ended(bench.begin("ingest", root, clip, "--camera", camera, said="ingest"), "ingest")


def _wrong_token(bench: Bench) -> None:
    bench.ended(bench.run("refused", RAY_AUTH_TOKEN=secrets.token_hex(32)), "refused", code=6)


def _joined(bench: Bench) -> str:
    run = bench.run("joined")
    said = bench.folder / "joined.log"
    bench.waited(lambda: "no worker has begun yet: 0 of 0 CPU free" in said.read_text(), "it says that it waits", run)
    bench.node("one")
    bench.ended(run, "joined")
    return "joined"


def _taken_out(bench: Bench) -> str:
    two = bench.node("two")
    run = bench.run("taken-out")
    bench.waited(lambda: bench.done("taken-out") >= 1, "chunks are done", run)
    two.terminate()
    bench.ended(run, "taken-out")
    two.wait(_PATIENCE_S)
    return "taken-out"


def _power_cut(bench: Bench) -> str:
    bench.node("two")
    run = bench.run("power-cut")
    bench.waited(lambda: bench.done("power-cut") >= 1, "chunks are done", run)
    bench.hosts["two"].kill()
    bench.ended(run, "power-cut")
    return "power-cut"


def _from_a_store(bench: Bench) -> str:
    store = bench.hosts["store"]
    store.begin(sys.executable, "-c", _SERVE, store.address, said=bench.folder / "store.log")
    time.sleep(5)
    filling = store.begin(sys.executable, "-c", _FILL, *bench.clips, said=bench.folder / "fill.log")
    bench.ended(filling, "fill")
    shutil.move(bench.folder / "ingested", bench.folder / "of-a-disk")
    _ingest(bench, "ingested", [f"s3://archive/{clip.name}" for clip in bench.clips])
    bench.ended(bench.run("of-a-store"), "of-a-store")
    return "of-a-store"
