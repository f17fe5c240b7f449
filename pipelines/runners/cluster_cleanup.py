"""Ends what is left of a local Ray cluster when its driver dies, and finds servers that died before the driver.

The kernel ends Ray's servers with a killed driver, and workers end with the raylet; its two agents first try for a
minute to tell a server that is gone of its death, and workers that are only just starting know nothing yet. A shell
waits for the end of a pipe that the driver holds, then ends whatever was started with the cluster's folder, or has a
file in it open, and removes the folder: it is private, so nobody else's processes are there. Where the driver ends in
order, it ends the shell first.
"""

import contextlib
import subprocess
from pathlib import Path
from typing import Final

import psutil

__all__ = ["ClusterCleanup", "dead_server"]

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


class ClusterCleanup:
    """Ends what is left of a local cluster and removes its folder once this process has died; start it before Ray.

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

    def finish(self) -> None:
        """Clean up now, because the cluster died before this process."""
        if self._shell.stdin is not None:
            self._shell.stdin.close()
        self._shell.wait()

    def cancel(self) -> None:
        """Clean up nothing, because the cluster is shut down in order."""
        self._shell.kill()
        self._shell.wait()
        if self._shell.stdin is not None:
            self._shell.stdin.close()


def dead_server() -> str:
    """Return the name of a dead Ray server that this process started; empty while none is dead.

    Ray itself waits for a dead raylet for ever, and ends this process a minute after a dead gcs_server.
    """
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.name() in _SERVERS and child.status() == psutil.STATUS_ZOMBIE:
                return str(child.name())
    return ""
