"""What the real commands open, by strace: of files that point elsewhere nothing but the files themselves."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Opened", "can_trace", "speaks", "traced"]

_ROOT = Path(__file__).resolve().parents[3]
_CALLS = "trace=open,openat,openat2,creat,connect,bind,execve"
_OPEN = re.compile(
    r'\b(?:open|openat|openat2|creat)\((?:(?:AT_FDCWD|\d+)(?:<(?P<at>[^>]*)>)?, )?"(?P<path>(?:[^"\\]|\\.)*)"'
)
_NETWORK = re.compile(r"\b(?:connect|bind)\(.*sa_family=AF_INET6?\b")
# urllib3, which the tracker's library loads, asks in this way whether the machine knows IPv6; nobody can hear it.
_ASKS_FOR_IPV6 = re.compile(r'\bbind\(.*sin6_port=htons\(0\).*inet_pton\(AF_INET6, "::1",')
_LIMIT_S = 300
# What stands in `sys.path` for a project that is installed where it lies; it is the name of no file.
_HOOK = "__editable__"
# Of the machine, not of any footage: libraries, devices, what the kernel says of this process, and where Polars
# would put what does not fit into memory.
_OF_THE_MACHINE = ("/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev", "/opt", "/bin", "/var/tmp/polars-unknown")


@dataclass(frozen=True, slots=True)
class Opened:
    """What one command did.

    Attributes:
        code: its exit code.
        paths: every path that it opened or tried to open, resolved.
        network: lines in which it spoke or listened to the network.
    """

    code: int
    paths: frozenset[Path]
    network: tuple[str, ...]

    def strangers(self, allowed: Sequence[Path]) -> list[Path]:
        """What is neither allowed, nor below something allowed, nor of the machine."""
        roots = [*map(Path, _OF_THE_MACHINE), *_of_python(), _ROOT, *allowed]
        named = (path for path in self.paths if not path.name.startswith(_HOOK))
        return sorted(path for path in named if not any(path.is_relative_to(root) for root in roots))


def can_trace() -> str:
    """Why nothing can be traced here; empty where it can."""
    if shutil.which("strace") is None:
        return "there is no strace"
    tried = subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True, text=True, check=False)
    return tried.stderr.strip() if tried.returncode else ""


def traced(words: Sequence[object], *, folder: Path, keys: Path) -> Opened:
    """Run one command under strace, with everything it starts.

    Args:
        words: the command, without the program's name.
        folder: where it runs, and where the trace is written.
        keys: of the case.
    """
    log = folder / "trace.txt"
    program = [sys.executable, "-P", "-B", "-c", "from pipelines.cli import main; main()"]
    command = ["strace", "-f", "-y", "-qq", "-s", "4096", "-e", _CALLS, "-o", str(log), *program, *map(str, words)]
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    # set but empty it would let the loader look for libraries where the command runs
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    environment |= {"FORENSICS_KEYS": str(keys), "PYTHONPATH": str(_ROOT), "TMPDIR": str(scratch)}
    code = subprocess.run(command, cwd=folder, env=environment, timeout=_LIMIT_S, capture_output=True, check=False)
    lines = log.read_text(errors="surrogateescape").splitlines()
    network = tuple(line for line in lines if speaks(line))
    return Opened(code.returncode, frozenset(_paths(lines, folder)), network)


def speaks(line: str) -> bool:
    """Whether a line of the trace speaks or listens to the network."""
    return bool(_NETWORK.search(line)) and not _ASKS_FOR_IPV6.search(line)


def _paths(lines: Sequence[str], cwd: Path) -> Iterator[Path]:
    """Every path in the trace, as one may be told from another: absolute, without links and dots."""
    for line in lines:
        found = _OPEN.search(line)
        if found:
            name = found["path"].encode("latin-1", "backslashreplace").decode("unicode_escape")
            path = Path(os.fsdecode(name.encode("latin-1", "surrogateescape")))
            yield Path(os.path.normpath(Path(found["at"] or cwd) / path))


def _of_python() -> list[Path]:
    """Where the interpreter and its libraries lie, under every name they have."""
    named = [sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"), str(Path(sys.executable).resolve().parents[1])]
    return [path for name in named for path in (Path(name), Path(name).resolve())]
