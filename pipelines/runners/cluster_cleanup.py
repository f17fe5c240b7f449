"""Ends the processes of a local Ray cluster when the command that started it dies; detects Ray servers that died first.

The kernel ends Ray's servers with a killed driver, and workers end with the raylet. Two kinds of process survive: the
raylet's two agents, which try for a minute to reach the dead server, and workers that are just starting. So a shell
waits until the driver's end of a pipe is closed. It then kills every process that has the cluster's folder in its
command line or a file of it open, and removes the folder. The folder is private, so no other processes are affected. A
driver that ends in order kills the shell first.
"""

import contextlib
import subprocess
from pathlib import Path
from typing import Final

import psutil

__all__ = ["ClusterCleanup", "find_dead_server"]

_SCRIPT: Final = """
driver=$PPID
read -r _  # until the driver has closed the other end
for try in 1 2 3; do
    for process in /proc/[0-9]*; do
        number=${process#/proc/}
        [ "$number" = $$ ] || [ "$number" = "$driver" ] && continue
        { grep -aqF -- "$1/" "$process/cmdline" || ls -l "$process/fd" | grep -qF -- "$1/"; } && kill -KILL "$number"
    done
    rm -rf -- "$1"
    sleep 1  # a process may be just starting, or may have written while it died
    [ -e "$1" ] || exit 0
done
"""
_SERVERS: Final = frozenset({"raylet", "gcs_server"})


class ClusterCleanup:
    """Ends the processes of a local cluster and removes its folder after this process has died; start it before Ray.

    Args:
        folder: folder of the local cluster.
    """

    def __init__(self, folder: Path) -> None:
        self._shell = subprocess.Popen(
            ["sh", "-c", _SCRIPT, "sh", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def finish(self) -> None:
        """Clean up now; for a cluster that died before this process."""
        if self._shell.stdin is not None:
            self._shell.stdin.close()
        self._shell.wait()

    def cancel(self) -> None:
        """End the shell without a cleanup; for a cluster that was shut down in order."""
        self._shell.kill()
        self._shell.wait()
        if self._shell.stdin is not None:
            self._shell.stdin.close()


def find_dead_server() -> str:
    """Return the name of a dead Ray server that this process started; empty if all are alive.

    Ray itself waits for ever for a dead raylet, and ends this process a minute after the death of a gcs_server.
    """
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.name() in _SERVERS and child.status() == psutil.STATUS_ZOMBIE:
                return str(child.name())
    return ""
