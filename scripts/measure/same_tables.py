"""Check that this tree computes the same tables as another revision, on real footage with the real models.

Another revision makes three cases: one of mode scene, one behind the motion gate, one of mode missing with faces. This
tree then verifies each, computes its run again and runs it again. Nothing may differ: not a table, not the name of a
run, not a byte of `tables/MANIFEST.json`.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_SHARED = _ROOT.parent / "shared"
_FOOTAGE = _SHARED / "footage"
_MODEL = _SHARED / "models" / "yolo11n_int8_openvino_model"
_COMMAND = "from pipelines.cli import main; main()"
_MISSING = (
    *(
        "--mode",
        "missing",
        "--title",
        "Same tables",
        "--purpose",
        "comparison of two revisions",
        "--operator",
        "A. Ahmed",
    ),
    *("--legal-basis", "consent", "--reference", "M 1", "--camera", "stage", "--from", "2026-05-01T00:00:00Z"),
    *("--to", "2026-05-02T00:00:00Z", "--expires", "2099-12-31"),
)
_REPORT = ("--report-body", "City police", "--reported", "2026-05-01")
_ENTRY = ("--basis", "consent", "--expires", "2099-12-31")


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout whose commands run in the environment of this process, with keys of their own."""

    root: Path
    keys: Path

    def call(self, *words: object) -> str:
        """Run one command; returns what it printed on standard output.

        Raises:
            SystemExit: it failed; its messages stand on standard error.
        """
        places = {"FORENSICS_KEYS": self.keys / "cases", "FORENSICS_REVIEWER_KEYS": self.keys / "reviewers"}
        surroundings = {**os.environ, "PYTHONPATH": str(self.root), **{name: str(at) for name, at in places.items()}}
        line = [sys.executable, "-c", _COMMAND, *map(str, words)]
        done = subprocess.run(line, cwd=self.root, env=surroundings, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(
                f"{self.root.name}: forensics {' '.join(map(str, words))} ended with {done.returncode}\n{done.stderr}"
            )
        return done.stdout


def main() -> int:
    """Make the cases with the other revision, then hold this tree against them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", help="a commit, a tag or a branch, such as v0.1.0")
    parser.add_argument("--cases", type=Path, help="folder in which the cases are kept; used again if it holds them")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.cases or Path(scratch) / "cases").absolute()
        if not folder.exists():
            with _checkout(options.revision, Path(scratch) / "tree") as other:
                _make_cases(Tree(other, folder / "keys"), folder)
        return max(_compared(Tree(_ROOT, folder / "keys"), folder / name) for name in ("scene", "gated", "missing"))


@contextmanager
def _checkout(revision: str, at: Path) -> Iterator[Path]:
    git = ("git", "-C", str(_ROOT), "worktree")
    subprocess.run([*git, "add", "--quiet", "--detach", str(at), revision], check=True)
    try:
        yield at
    finally:
        subprocess.run([*git, "remove", "--force", str(at)], check=True)


def _make_cases(tree: Tree, folder: Path) -> None:
    people = _FOOTAGE / "one-by-one-person-detection.mp4"
    crowd, stage = _FOOTAGE / "walking.mp4", _FOOTAGE / "short_hamilton_clip.mp4"
    model = ("--model", _MODEL, "--quiet")
    tree.call("case", "init", folder / "scene", "--purpose", "comparison of two revisions", "--operator", "A. Ahmed")
    for clip, camera in ((crowd, "square"), (stage, "stage")):
        tree.call("ingest", folder / "scene", clip, "--camera", camera, "--start", "2026-05-01T10:00:00Z")
    tree.call("run", folder / "scene", *model)
    profile = ("--profile", tree.root / "configs" / "still-cameras.toml")
    tree.call("scan", people, "--case", folder / "gated", *profile, *model)
    missing = folder / "missing"
    has_report = "--report-body" in tree.call("case", "init", "--help")  # since version 0.3
    tree.call("case", "init", missing, *_MISSING, *(_REPORT if has_report else ()))
    tree.call("ingest", missing, stage, "--camera", "stage", "--start", "2026-05-01T10:00:00Z", "--clock-error", 500)
    tree.call("watchlist", "add", missing, "E1", _SHARED / "faces" / "lin-manuel-miranda.png", *_ENTRY)
    tree.call("watchlist", "add", missing, "E2", _SHARED / "faces" / "obama.jpg", *_ENTRY)
    tree.call("run", missing, *model)


def _compared(tree: Tree, case: Path) -> int:
    """Verify, compute again, run again; returns 1 and says so if anything differs."""
    before = _published(case)
    tree.call("verify", case, "--json")
    tree.call("reproduce", case, "--quiet", "--json")
    tree.call("run", case, "--quiet", "--json")
    after = _published(case)
    same = before == after
    print(f"{case.name:>8}  {'identical' if same else 'DIFFERS'}  run {after[0]}  MANIFEST.json {after[1][:16]}")
    return 0 if same else 1


def _published(case: Path) -> tuple[Any, str]:
    """The name of the published run, and the SHA-256 of the manifest."""
    manifest = (case / "tables" / "MANIFEST.json").read_bytes()
    return json.loads(manifest)["run"], hashlib.sha256(manifest).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
