"""What other users of the machine read of a running command: that it runs, and nothing of its arguments."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

# as a process, which waits where it would run its command
_WAITING = """
import sys
from pipelines.cli.main import main
module = sys.modules["pipelines.cli.main"]

def wait(words):
    print(*words, flush=True)
    sys.stdin.read()
    return 0

module.exit_code_of = wait
main()
"""
_VALUES = ("case-of-lin", "candidates", "--entry", "ZEBRA-lin", "--reason", "we suspect him")


@pytest.mark.parametrize("locale", ["C.UTF-8", "en_US.ISO-8859-1"])
@pytest.mark.parametrize(
    ("words", "title"),
    [(("query", *_VALUES), "forensics query"), (_VALUES, "forensics"), (("review",), "forensics review")],
)
def test_the_list_of_processes_names_the_command_only(
    tmp_path: Path, words: tuple[str, ...], title: str, locale: str
) -> None:
    script = tmp_path / "forensics"
    script.write_text(_WAITING)
    environment = {**os.environ, "LC_ALL": locale, "MARK": "kept", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with subprocess.Popen(
        [sys.executable, script, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().split() == " ".join(words).split()
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert shown.strip(b"\0").decode() == title
        assert psutil.Process(process.pid).environ()["MARK"] == "kept"
        process.communicate()
    assert process.returncode == 0
