"""A local cluster dies with its driver, and its driver knows when it died: who is alive is asked of the kernel.

The kernel ends Ray's servers with a killed driver, and workers end with the raylet; its two agents first try for a
minute to tell a server that is gone of its death, and workers that are only just starting know nothing yet. A shell
waits for the end of a pipe that the driver holds, then ends them and removes the cluster's folder. Where the driver
ends in order, it ends the shell first.
"""

import os
import subprocess
from pathlib import Path
from typing import Final

__all__ = ["Undertaker", "dead_server"]

_SCRIPT: Final = """
while read -r agent; do agents="$agents $agent"; done
for agent in $agents; do grep -aq Agent "/proc/$agent/cmdline" && kill -KILL "$agent"; done
# a worker that is only just starting does not know yet that its raylet is gone; this shell names none itself
for folder in /proc/[0-9]*; do
    grep -aq "default_worke[r]" "$folder/cmdline" && grep -aqF -- "$1" "$folder/cmdline" &&
        kill -KILL "${folder#/proc/}"
done
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }  # somebody may have written to it while he died
"""
_SERVERS: Final = frozenset({"raylet", "gcs_server"})


class Undertaker:
    """Begun before the cluster; once this process dies, the cluster's agents are ended and its folder is removed.

    Args:
        folder: of the local cluster.
    """

    def __init__(self, folder: Path) -> None:
        self._shell = subprocess.Popen(
            ["sh", "-c", _SCRIPT, "sh", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def note_agents(self) -> None:
        """The cluster has begun: the agents that it has now are those that will be ended."""
        assert self._shell.stdin is not None
        self._shell.stdin.write("".join(f"{pid}\n" for pid in _agents()).encode())
        self._shell.stdin.flush()

    def bury(self) -> None:
        """The cluster died before this process: what is left of it is gone."""
        if self._shell.stdin is not None:
            self._shell.stdin.close()
        self._shell.wait()

    def dismiss(self) -> None:
        """Nobody waits any more; whoever began the cluster ends it in order."""
        self._shell.kill()
        self._shell.wait()
        if self._shell.stdin is not None:
            self._shell.stdin.close()


def dead_server() -> str:
    """The name of a Ray server that this process began and that died; empty while none did.

    Ray itself waits for a dead raylet for ever, and ends this process a minute after a dead gcs_server.
    """
    for child in _children(os.getpid()):
        name, state = _name_and_state(child)
        if name in _SERVERS and state == "Z":
            return name
    return ""


def _name_and_state(pid: int) -> tuple[str, str]:
    """As in ``123 (raylet) S 1 ...``; a dead process that nobody asked about yet is a Z."""
    try:
        before, _, after = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")
    except OSError:
        return "", ""
    return before.partition("(")[2], after[:1]


def _agents() -> list[int]:
    """The children of this process's raylet that are no workers, by number; none where the kernel does not tell."""
    raylets = [child for child in _children(os.getpid()) if _command(child).split("\0")[0].endswith("/raylet")]
    return [child for raylet in raylets for child in _children(raylet) if "Agent" in _command(child)]


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
