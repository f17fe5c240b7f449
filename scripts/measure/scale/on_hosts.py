"""Perform the steps of docs/admin.md on simulated hosts. The tables must equal those of a run without a cluster."""

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
from pipelines.demo.footage import make_footage
from scripts.measure.scale.hosts import Host, make_hosts
from testing.published_content import digest_without_case

__all__ = ["measure_hosts"]

_PORT: Final = 6379
_PATIENCE_S: Final = 300
_RAY: Final = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
    "AUTOSCALER_METRIC_PORT": "-1",
}
_STORE_CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}
_STORE_SERVER: Final = """
import sys, threading
from moto.server import ThreadedMotoServer
ThreadedMotoServer(ip_address=sys.argv[1], port=9000, verbose=False).start()
threading.Event().wait()
"""
_STORE_UPLOAD: Final = """
import sys, boto3
client = boto3.client("s3")
client.create_bucket(Bucket="archive")
for path in sys.argv[1:]:
    client.upload_file(path, "archive", path.rpartition("/")[2])
"""
# Tables that do not contain paths of footage.
_COMPARED: Final = ("detections", "sightings", "coverage")


@dataclass(slots=True)
class HostBench:
    """The hosts, the footage, and the folder for all output."""

    folder: Path
    hosts: dict[str, Host]
    clips: list[Path]

    def node(self, name: str) -> "subprocess.Popen[bytes]":
        """Make the host a node of the cluster, until the returned process ends."""
        host = self.hosts[name]
        where = ["--address", f"{self.hosts['head'].address}:{_PORT}"]
        if name == "head":
            where = ["--head", f"--port={_PORT}", f"--node-ip-address={host.address}", "--num-cpus=0"]
            where += ["--include-dashboard=false"]
        command = ["ray", "start", "--block", *where, "--object-store-memory=134217728"]
        node = host.start(*command, output=self.folder / f"{name}.log")
        self.wait_until(lambda: "block forever" in (self.folder / f"{name}.log").read_text(), f"{name} joins", node)
        return node

    def start(self, *arguments: object, log: str, **changes: str) -> "subprocess.Popen[bytes]":
        """Start a `forensics` command on the head, where a driver must run."""
        return self.hosts["head"].start("forensics", *arguments, output=self.folder / f"{log}.log", **changes)

    def run(self, case: str, **changes: str) -> "subprocess.Popen[bytes]":
        """Start a run of a copy of the case on the cluster."""
        shutil.copytree(self.folder / "ingested", self.folder / case)
        address = f"{self.hosts['head'].address}:{_PORT}"
        options = ("--ray", address, "--metrics", self.folder / f"{case}.prom")
        return self.start("run", self.folder / case, *options, "--set", "chunk.seconds=2", log=case, **changes)

    def chunks_done(self, case: str) -> int:
        """Return the number of finished chunks of a run, from its metrics."""
        file = self.folder / f"{case}.prom"
        found = re.search(r'stage="detect",state="done"} (\d+)', file.read_text()) if file.exists() else None
        return int(found[1]) if found else 0

    def wait_until(self, condition: Callable[[], bool], event: str, process: "subprocess.Popen[bytes]") -> None:
        """Wait until a condition holds; the process must be alive meanwhile."""
        end = time.monotonic() + _PATIENCE_S
        while not condition():
            if process.poll() is not None or time.monotonic() > end:
                message = f"the process ended, or {_PATIENCE_S} s passed, before this happened: {event}"
                raise SystemExit(f"{message}; see the logs in {self.folder}")
            time.sleep(0.2)

    def wait_for_exit(self, process: "subprocess.Popen[bytes]", log: str, code: int = 0) -> str:
        """Wait for the end of a command, check its exit code, and return its output."""
        actual, text = process.wait(_PATIENCE_S), (self.folder / f"{log}.log").read_text()
        if actual != code:
            raise SystemExit(f"{log} ended with {actual}, expected {code}:\n{text[-3000:]}")
        return text

    def tables(self, case: str) -> dict[str, str]:
        """Return the digest of every published table without paths of footage, whatever the id of the case."""
        tables = CaseFolder(self.folder / case).tables
        return {name: digest_without_case(tables / f"{name}.parquet") for name in _COMPARED}


def measure_hosts() -> dict[str, Any]:
    """Perform all steps and return the seconds of each.

    Raises:
        SystemExit: a step failed; the message says how.
    """
    folder = Path(tempfile.mkdtemp(prefix="hosts-", dir="/var/tmp"))
    token = folder / "home" / ".ray" / "auth_token"
    token.parent.mkdir(parents=True)
    token.write_text(secrets.token_hex(32))
    token.chmod(0o600)
    environment = {"HOME": str(folder / "home"), "FORENSICS_KEYS": str(folder / "keys"), **_RAY, **_STORE_CREDENTIALS}
    clips = [recording.path for recording in make_footage(folder / "footage")]
    with make_hosts(("head", "one", "two", "store"), environment) as hosts:
        for host in hosts.values():
            host.environment["AWS_ENDPOINT_URL"] = f"http://{hosts['store'].address}:9000"
        seconds = _run_steps(HostBench(folder, hosts, clips))
    shutil.rmtree(folder)
    return seconds


def _run_steps(bench: HostBench) -> dict[str, Any]:
    bench.wait_for_exit(
        bench.start("scan", *bench.clips, "--case", bench.folder / "ingested", "--dry-run", log="plan"), "plan"
    )
    _ingest(bench, "ingested", [str(clip) for clip in bench.clips])
    shutil.copytree(bench.folder / "ingested", bench.folder / "alone")
    began = time.monotonic()
    bench.wait_for_exit(bench.start("run", bench.folder / "alone", "--runner", "serial", log="alone"), "alone")
    seconds, expected = {"alone": time.monotonic() - began}, bench.tables("alone")
    bench.node("head")
    steps = {
        "a wrong token is refused": _use_wrong_token,
        "no worker can start until a host joins": _join_host,
        "a host is stopped during a run": _stop_host,
        "a host loses power during a run": _cut_power,
        "footage in an object store": _read_from_store,
    }
    for what, step in steps.items():
        print(f"{what} ...", file=sys.stderr, flush=True)
        began = time.monotonic()
        case = step(bench)
        seconds[what] = time.monotonic() - began
        if case is not None and bench.tables(case) != expected:
            raise SystemExit(f"{what}: the tables differ from those without a cluster, see {bench.folder / case}")
    return {what: round(spent, 1) for what, spent in seconds.items()}


def _ingest(bench: HostBench, case: str, footage: list[str]) -> None:
    root = bench.folder / case
    bench.wait_for_exit(
        bench.start("case", "init", root, "--purpose", "hosts", "--operator", "hosts", log="init"), "init"
    )
    for clip in footage:
        camera = Path(clip).stem
        bench.wait_for_exit(bench.start("ingest", root, clip, "--camera", camera, log="ingest"), "ingest")


def _use_wrong_token(bench: HostBench) -> None:
    bench.wait_for_exit(bench.run("refused", RAY_AUTH_TOKEN=secrets.token_hex(32)), "refused", code=6)


def _join_host(bench: HostBench) -> str:
    run = bench.run("joined")
    log = bench.folder / "joined.log"
    waiting = "no worker has started yet: 0 of 0 CPU free"
    bench.wait_until(lambda: waiting in log.read_text(), "the run reports that it waits", run)
    bench.node("one")
    bench.wait_for_exit(run, "joined")
    return "joined"


def _stop_host(bench: HostBench) -> str:
    two = bench.node("two")
    run = bench.run("taken-out")
    bench.wait_until(lambda: bench.chunks_done("taken-out") >= 1, "chunks are done", run)
    two.terminate()
    bench.wait_for_exit(run, "taken-out")
    two.wait(_PATIENCE_S)
    return "taken-out"


def _cut_power(bench: HostBench) -> str:
    bench.node("two")
    run = bench.run("power-cut")
    bench.wait_until(lambda: bench.chunks_done("power-cut") >= 1, "chunks are done", run)
    bench.hosts["two"].kill()
    bench.wait_for_exit(run, "power-cut")
    return "power-cut"


def _read_from_store(bench: HostBench) -> str:
    store = bench.hosts["store"]
    store.start(sys.executable, "-c", _STORE_SERVER, store.address, output=bench.folder / "store.log")
    time.sleep(5)
    filling = store.start(sys.executable, "-c", _STORE_UPLOAD, *bench.clips, output=bench.folder / "fill.log")
    bench.wait_for_exit(filling, "fill")
    shutil.move(bench.folder / "ingested", bench.folder / "of-a-disk")
    _ingest(bench, "ingested", [f"s3://archive/{clip.name}" for clip in bench.clips])
    bench.wait_for_exit(bench.run("of-a-store"), "of-a-store")
    return "of-a-store"
