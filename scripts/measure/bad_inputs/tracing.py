"""Records the files and network addresses that a command opens, by strace."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["TracedCommand", "missing_for_tracing", "trace_command", "uses_network"]

_ROOT = Path(__file__).resolve().parents[3]
_CALLS = "trace=open,openat,openat2,creat,connect,bind,execve"
_OPEN = re.compile(
    r'\b(?:open|openat|openat2|creat)\((?:(?:AT_FDCWD|\d+)(?:<(?P<at>[^>]*)>)?, )?"(?P<path>(?:[^"\\]|\\.)*)"'
)
_NETWORK = re.compile(r"\b(?:connect|bind)\(.*sa_family=AF_INET6?\b")
# urllib3, which the tracker's library imports, tests in this way whether IPv6 exists; nothing is sent.
_IPV6_TEST = re.compile(r'\bbind\(.*sin6_port=htons\(0\).*inet_pton\(AF_INET6, "::1",')
_LIMIT_S = 300
# Entry of `sys.path` for a project in editable installation; there is no such file.
_EDITABLE_HOOK = "__editable__"
# Paths of the machine, not of footage: libraries, devices, kernel information, and the spill folder of Polars.
_MACHINE_PATHS = ("/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev", "/opt", "/bin", "/var/tmp/polars-unknown")


@dataclass(frozen=True, slots=True)
class TracedCommand:
    """What one command opened.

    Attributes:
        code: exit code.
        paths: every path that it opened or tried to open, resolved.
        network: lines of the trace with network connections or listeners.
    """

    code: int
    paths: frozenset[Path]
    network: tuple[str, ...]

    def unexpected(self, allowed: Sequence[Path]) -> list[Path]:
        """Return the paths that are neither allowed, nor below an allowed path, nor of the machine."""
        roots = [*map(Path, _MACHINE_PATHS), *_python_paths(), _ROOT, *allowed]
        named = (path for path in self.paths if not path.name.startswith(_EDITABLE_HOOK))
        return sorted(path for path in named if not any(path.is_relative_to(root) for root in roots))


def missing_for_tracing() -> str:
    """Return why tracing is impossible on this machine; empty if it is possible."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    attempt = subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return attempt.stderr.strip() if attempt.returncode else ""


def trace_command(words: Sequence[object], *, folder: Path, keys: Path) -> TracedCommand:
    """Run one command and all its children under strace.

    Args:
        words: the command, without the name of the program.
        folder: working directory, also for the trace.
        keys: folder of keys.
    """
    log = folder / "trace.txt"
    program = [sys.executable, "-P", "-B", "-c", "from pipelines.cli import main; main()"]
    command = ["strace", "-f", "-y", "-qq", "-s", "4096", "-e", _CALLS, "-o", str(log), *program, *map(str, words)]
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    # an empty value would make the loader search for libraries in the working directory
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    environment |= {"FORENSICS_KEYS": str(keys), "PYTHONPATH": str(_ROOT), "TMPDIR": str(scratch)}
    code = subprocess.run(command, cwd=folder, env=environment, timeout=_LIMIT_S, capture_output=True, check=False)
    lines = log.read_text(errors="surrogateescape").splitlines()
    network = tuple(line for line in lines if uses_network(line))
    return TracedCommand(code.returncode, frozenset(_paths(lines, folder)), network)


def uses_network(line: str) -> bool:
    """Whether a line of the trace connects to the network or listens to it."""
    return bool(_NETWORK.search(line)) and not _IPV6_TEST.search(line)


def _paths(lines: Sequence[str], cwd: Path) -> Iterator[Path]:
    """Yield every path in the trace, absolute and without dots."""
    for line in lines:
        found = _OPEN.search(line)
        if found:
            name = found["path"].encode("latin-1", "backslashreplace").decode("unicode_escape")
            path = Path(os.fsdecode(name.encode("latin-1", "surrogateescape")))
            yield Path(os.path.normpath(Path(found["at"] or cwd) / path))


def _python_paths() -> list[Path]:
    """Return the folders of the interpreter and its libraries, also with links resolved."""
    named = [sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"), str(Path(sys.executable).resolve().parents[1])]
    return [path for name in named for path in (Path(name), Path(name).resolve())]
