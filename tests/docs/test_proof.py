"""Instructions of docs/proof.md, run with common tools on a whole case and on altered ones."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from testing.commands import Call
from testing.painted_case import PaintedDetector, make_painted_case
from testing.project import ROOT

_DOCUMENT = ROOT / "docs" / "proof.md"
_TOOLS = ("bash", "jq", "openssl", "xxd", "sha256sum")


def _checked(case: Path) -> subprocess.CompletedProcess[str]:
    (script,) = re.findall(r"```sh\n(.*?)```", _DOCUMENT.read_text(), re.DOTALL)
    kept, key = case.parent / "kept.json", case.parent / "key.pem"
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "KEPT": str(kept), "KEY": str(key)}
    return subprocess.run(
        ["bash", "-c", script], cwd=case, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(not all(map(shutil.which, _TOOLS)), reason=f"needs {', '.join(_TOOLS)}")
def test_common_tools_verify_a_whole_case_and_reject_altered_ones(call: Call, tmp_path: Path) -> None:
    call.use_detector(PaintedDetector())
    case = make_painted_case(tmp_path).folder.root
    assert call("run", case, "--runner", "serial", "--quiet", "--reason", "größer, 日本").code == 0
    assert call("case", "checkpoint", case, "-o", tmp_path / "kept.json").code == 0
    assert call("installation", "-o", tmp_path / "key.pem").code == 0
    whole = _checked(case)
    assert whole.stdout.splitlines()[-1] == "everything is what was signed", whole.stderr
    log = (case / "audit.jsonl").read_bytes()
    for path in (
        *case.glob("tables/sightings.parquet"),
        *case.glob("runs/*/parts/detect/*.parquet"),
        *(case / "tables" / "MANIFEST.json", case / "audit.jsonl", tmp_path / "kept.json"),
    ):
        kept = path.read_bytes()
        path.unlink()
        path.write_bytes(kept.replace(b"1", b"2", 1) if kept.isascii() else kept[:-9] + b"123456789")
        assert _checked(case).returncode != 0, path
        path.write_bytes(kept)
    (case / "audit.jsonl").write_bytes(b"".join(log.splitlines(keepends=True)[:6]))
    assert _checked(case).returncode != 0
