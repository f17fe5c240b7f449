"""Hosts made of namespaces on one machine. Each has its own network, processes and `/tmp`; they share the disks.

Their network is isolated. Needs root and iproute2.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

__all__ = ["Host", "make_hosts"]

_TOOLS = ("ip", "unshare", "nsenter")
_INSIDE = "mount -t tmpfs tmpfs /tmp && exec sleep infinity"


@dataclass(slots=True)
class Host:
    """One host; it lives until it is killed.

    Attributes:
        name: of its network namespace.
        address: in the common network.
        root_process: ancestor of all processes of the host; they die with it.
        environment: of every command on the host.
    """

    name: str
    address: str
    root_process: "subprocess.Popen[bytes]"
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, *command: object, output: Path | None = None, **changes: str) -> "subprocess.Popen[bytes]":
        """Start a command on the host; its standard output and error are written to `output`."""
        first = psutil.Process(self.root_process.pid).children()[0].pid
        enter = ["nsenter", f"--target={first}", "--net", "--pid", "--mount", "--", *map(str, command)]
        environment = {**os.environ, **self.environment, **changes}
        with (output or Path(os.devnull)).open("wb") as opened:
            return subprocess.Popen(enter, env=environment, stdout=opened, stderr=opened, stdin=subprocess.DEVNULL)

    def kill(self) -> None:
        """Kill all processes of the host, as a power failure does."""
        self.root_process.kill()
        self.root_process.wait()


@contextlib.contextmanager
def make_hosts(names: tuple[str, ...], environment: Mapping[str, str]) -> Iterator[dict[str, Host]]:
    """Make hosts that reach only each other.

    Raises:
        SystemExit: this user or this machine cannot make them.
    """
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        raise SystemExit(f"making hosts needs root and {', '.join(_TOOLS)}; missing: {missing or 'root'}")
    tag, hosts = f"vf{os.getpid()}", dict[str, Host]()
    try:
        _ip("netns", "add", f"{tag}-switch")
        _ip("-n", f"{tag}-switch", "link", "add", "switch", "type", "bridge")
        _ip("-n", f"{tag}-switch", "link", "set", "switch", "up")
        for number, name in enumerate(names, 1):
            hosts[name] = Host(name, f"10.77.0.{number}", _start_host(tag, name, number), dict(environment))
        yield hosts
    finally:
        for host in hosts.values():
            host.kill()
        for name in (*names, "switch"):
            subprocess.run(["ip", "netns", "delete", f"{tag}-{name}"], check=False, stderr=subprocess.DEVNULL)


def _start_host(tag: str, name: str, number: int) -> "subprocess.Popen[bytes]":
    network = f"{tag}-{name}"
    _ip("netns", "add", network)
    _ip("link", "add", f"{tag}{number}", "netns", f"{tag}-switch", "type", "veth", "peer", "eth0", "netns", network)
    _ip("-n", f"{tag}-switch", "link", "set", f"{tag}{number}", "master", "switch", "up")
    _ip("-n", network, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        _ip("-n", network, "link", "set", device, "up")
    unshared = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--mount", "sh", "-c", _INSIDE]
    root_process = subprocess.Popen(["ip", "netns", "exec", network, *unshared], stdin=subprocess.DEVNULL)
    while not psutil.Process(root_process.pid).children():
        if root_process.poll() is not None:
            raise SystemExit(f"cannot make a host on this machine: unshare ended with {root_process.returncode}")
        time.sleep(0.05)
    return root_process


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        raise SystemExit(f"ip {' '.join(arguments)} ended with {done.returncode}")
