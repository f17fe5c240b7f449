"""Hosts on one machine: each has a network, processes and a `/tmp` of its own, and shares the disks.

Their network leads nowhere else. Needs root and iproute2.
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

__all__ = ["Host", "network_of"]

_TOOLS = ("ip", "unshare", "nsenter")
_INSIDE = "mount -t tmpfs tmpfs /tmp && exec sleep infinity"


@dataclass(slots=True)
class Host:
    """One of them, which lives until it is killed.

    Attributes:
        name: of its network namespace.
        address: in the network that they share.
        inside: the process that all others of it descend from, as a killed one takes them along.
        environment: of every command on it.
    """

    name: str
    address: str
    inside: "subprocess.Popen[bytes]"
    environment: dict[str, str] = field(default_factory=dict)

    def begin(self, *command: object, said: Path | None = None, **changes: str) -> "subprocess.Popen[bytes]":
        """Start a command on it; what it says is written into `said`."""
        first = psutil.Process(self.inside.pid).children()[0].pid
        enter = ["nsenter", f"--target={first}", "--net", "--pid", "--mount", "--", *map(str, command)]
        environment = {**os.environ, **self.environment, **changes}
        with (said or Path(os.devnull)).open("wb") as output:
            return subprocess.Popen(enter, env=environment, stdout=output, stderr=output, stdin=subprocess.DEVNULL)

    def kill(self) -> None:
        """As if its power was cut."""
        self.inside.kill()
        self.inside.wait()


@contextlib.contextmanager
def network_of(names: tuple[str, ...], environment: Mapping[str, str]) -> Iterator[dict[str, Host]]:
    """So many hosts that reach each other and nobody else.

    Raises:
        SystemExit: this user may not make them here.
    """
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        raise SystemExit(f"hosts are made by root with {', '.join(_TOOLS)}; missing: {missing or 'root'}")
    tag, hosts = f"vf{os.getpid()}", dict[str, Host]()
    try:
        _ip("netns", "add", f"{tag}-switch")
        _ip("-n", f"{tag}-switch", "link", "add", "switch", "type", "bridge")
        _ip("-n", f"{tag}-switch", "link", "set", "switch", "up")
        for number, name in enumerate(names, 1):
            hosts[name] = Host(name, f"10.77.0.{number}", _connected(tag, name, number), dict(environment))
        yield hosts
    finally:
        for host in hosts.values():
            host.kill()
        for name in (*names, "switch"):
            subprocess.run(["ip", "netns", "delete", f"{tag}-{name}"], check=False, stderr=subprocess.DEVNULL)


def _connected(tag: str, name: str, number: int) -> "subprocess.Popen[bytes]":
    network = f"{tag}-{name}"
    _ip("netns", "add", network)
    _ip("link", "add", f"{tag}{number}", "netns", f"{tag}-switch", "type", "veth", "peer", "eth0", "netns", network)
    _ip("-n", f"{tag}-switch", "link", "set", f"{tag}{number}", "master", "switch", "up")
    _ip("-n", network, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        _ip("-n", network, "link", "set", device, "up")
    unshared = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--mount", "sh", "-c", _INSIDE]
    inside = subprocess.Popen(["ip", "netns", "exec", network, *unshared], stdin=subprocess.DEVNULL)
    while not psutil.Process(inside.pid).children():
        if inside.poll() is not None:
            raise SystemExit(f"no host could be made here; unshare ended with {inside.returncode}")
        time.sleep(0.05)
    return inside


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        raise SystemExit(f"ip {' '.join(arguments)} ended with {done.returncode}")
