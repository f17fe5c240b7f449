"""A local cluster dies with its driver, and its driver knows when it died: who is alive is asked of the kernel.

The kernel ends Ray's servers with a killed driver, and workers end with the raylet; its two agents first try for a
minute to tell a server that is gone of its death, and workers that are only just starting know nothing yet. A shell
waits for the end of a pipe that the driver holds, then ends whatever was started with the cluster's folder, or has a
file in it open, and removes the folder: it is private, so nobody else's processes are there. Where the driver ends in
order, it ends the shell first.
"""

import os
import subprocess
from pathlib import Path
from typing import Final

__all__ = ["Undertaker", "dead_server"]

_SCRIPT: Final = """
driver=$PPID
read -r _  # until nobody holds the other end
for try in 1 2 3; do
    for process in /proc/[0-9]*; do
        number=${process#/proc/}
        [ "$number" = $$ ] || [ "$number" = "$driver" ] && continue
        { grep -aqF -- "$1/" "$process/cmdline" || ls -l "$process/fd" | grep -qF -- "$1/"; } && kill -KILL "$number"
    done
    rm -rf -- "$1"
    sleep 1  # somebody may have been only just starting, or written to it while he died
    [ -e "$1" ] || exit 0
done
"""
_SERVERS: Final = frozenset({"raylet", "gcs_server"})


class Undertaker:
    """Begun before the cluster; once this process dies, what is left of the cluster is ended and its folder removed.

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


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []
