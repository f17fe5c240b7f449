"""Change a published case in thousands of ways and check that each change is found.

    scripts/tamper                 6,000 mutations of its log, 600 edits of its other files, seed 1
    scripts/tamper --short         a few of each kind
    scripts/tamper --write         and write the results to docs/validation/tamper.json

The exit code is 1 if a change was not found, or if the wrong file was named.
"""

import argparse
import contextlib
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from unittest.mock import patch

from forensics.custody.checkpoints import Checkpoint, find_contradiction, parse_checkpoint
from forensics.custody.log import find_chain_break, read_chain
from pipelines.cli.main import exit_code_of
from pipelines.stages.model_loaders import ModelLoaders
from scripts.measure.campaign import Campaign, CaseResult, Outcome
from scripts.measure.file_edits import EDITS, Edit, group_of, replaced
from scripts.measure.log_mutations import OF_THE_CHAIN, OF_THE_CHECKPOINT, Mutate
from testing.given_detector import GivenDetector
from testing.painted.encode import Recipe, encode
from testing.painted_case import PaintedDetector

_RESULTS = Path(__file__).resolve().parents[2] / "docs" / "validation"
_TIMES = tuple(Fraction(number, 5) for number in range(12))
_OPTIONS = {"preset": "ultrafast", "bf": "0"}
_LOADERS = ModelLoaders(load_detector=GivenDetector(PaintedDetector()))
_SERIAL = ("--runner", "serial", "--model", "builtin", "--quiet", "--set", "chunk.seconds=0.8")

_LOG = "the log of a case is hash-chained, and its checkpoints are signed"
_BY_CHAIN = "reading the log reports a break in the chain"
_BY_CHECKPOINT = "an exported checkpoint contradicts the log"
_FILES = "verify names a changed file and exits with 5"
_NAMED = "verify exits with 5, and its first problem names the changed file"


def main() -> int:
    arguments = _arguments()
    campaign = Campaign("tamper", f"scripts/tamper --seed {arguments.seed}", arguments.seed)
    n_mutations, n_edits = (60, 60) if arguments.short else (1000, 600)
    with TemporaryDirectory() as folder, _keys_below(Path(folder)):
        case = _publish_case(Path(folder))
        _try_log(campaign, case, n_mutations)
        _try_files(campaign, case, n_edits)
    if arguments.write:
        campaign.write(_RESULTS / "tamper.json")
    return campaign.exit_code()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="chooses the changes")
    parser.add_argument("--short", action="store_true", help="a few of each kind")
    parser.add_argument("--write", action="store_true", help="write the results to docs/validation/tamper.json")
    return parser.parse_args()


@dataclass(frozen=True, slots=True)
class Published:
    """A case with two published runs, and a checkpoint of its log that was exported at the end."""

    root: Path
    footage: tuple[Path, ...]
    checkpoint: Checkpoint


@contextlib.contextmanager
def _keys_below(folder: Path) -> Iterator[None]:
    """Use keys below `folder`."""
    keys = {"FORENSICS_KEYS": str(folder / "keys"), "FORENSICS_REVIEWER_KEYS": str(folder / "reviewers")}
    with patch.dict(os.environ, keys):
        yield


def _publish_case(folder: Path) -> Published:
    """Make a case: two cameras, one read through a working copy; two runs, a corrected clock, reading commands."""
    root, kept = folder / "case", folder / "kept.json"
    clips = tuple(encode(folder / name, Recipe(options=_OPTIONS, rate=Fraction(5), gop=4), _TIMES)
                  for name in ("gate.mp4", "hall.ts"))  # fmt: skip
    _run_command("case", "init", root, "--purpose", "tampering", "--operator", "A. Ahmed")
    for clip in clips:
        _run_command("ingest", root, clip, "--camera", clip.stem, "--start", "2026-05-01T10:00:00Z", "--clock-error", 0)
    _run_command("run", root, *_SERIAL)
    _run_command("case", "clock", root, "gate", "--offset", -90000, "--clock-error", 500, "--reason", "radio clock")
    _run_command("case", "policy", root, "--watchlist-limit", 4, "--reason", "r")
    for reading in (("status",), ("case", "show"), ("query",), ("verify",)):
        _run_command(*reading, root)
    _run_command("run", root, *_SERIAL, "--reason", "corrected clock")
    _run_command("case", "checkpoint", root, "-o", kept)
    return Published(root, clips, parse_checkpoint(kept.read_bytes()))


def _run_command(*words: object) -> None:
    code, out = _call(*words)
    if code != 0:
        raise SystemExit(f"{words} ended with exit code {code}, expected 0: {out}")


def _call(*words: object) -> tuple[int, str]:
    """Run a command with a detector that reads the painted numbers; return its exit code and standard output."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        return exit_code_of([str(word) for word in words], _LOADERS), out.getvalue()


# ---- the log


def _try_log(campaign: Campaign, case: Published, n_each: int) -> None:
    path = case.root / "audit.jsonl"
    whole = path.read_bytes()
    # cutting off lines that no checkpoint covers cannot be found
    lines = whole.splitlines()[: case.checkpoint.lines]
    for kind, mutate in {**OF_THE_CHAIN, **OF_THE_CHECKPOINT}.items():
        rng = Random(f"{campaign.seed} {kind}")
        for number in range(n_each):
            path.write_bytes(b"".join(line + b"\n" for line in _mutate(lines, mutate, rng)))
            is_found = _is_broken(path) if kind in OF_THE_CHAIN else _is_contradicted(path, case.checkpoint)
            assertion = _BY_CHAIN if kind in OF_THE_CHAIN else _BY_CHECKPOINT
            outcome = Outcome.SURVIVED if is_found else Outcome.FAILED
            campaign.add(CaseResult(f"log {kind} {number}", f"{_LOG}: {kind}", assertion, outcome))
    path.write_bytes(whole)


def _mutate(lines: list[bytes], mutate: Mutate, rng: Random) -> list[bytes]:
    """Return mutated lines that differ from `lines`; swapping two equal lines does not count."""
    while (changed := mutate(lines, rng)) == lines:
        pass
    return changed


def _is_broken(path: Path) -> bool:
    return bool(find_chain_break(read_chain(path)))


def _is_contradicted(path: Path, checkpoint: Checkpoint) -> bool:
    return bool(find_contradiction(checkpoint, checkpoint.case_id, read_chain(path).digests))


# ---- everything else


def _try_files(campaign: Campaign, case: Published, n_edits: int) -> None:
    groups: dict[str, list[Path]] = {}
    for path in [*case.footage, *_files_of(case.root)]:
        groups.setdefault(group_of(case.root, path), []).append(path)
    rng = Random(f"{campaign.seed} files")
    for number, (kind, group, edit) in zip(range(n_edits), _edits(groups, rng), strict=False):
        first_problem = _find_first_problem(case.root, edit)
        is_right = any(first_problem.startswith(f"{path}:") for path in edit.named)
        outcome = Outcome.SURVIVED if is_right else Outcome.FAILED
        detail = "" if is_right else f"{kind} of {edit.named[0]}: verify reported {first_problem or 'nothing'}"
        campaign.add(CaseResult(f"file {number} {group} {kind}", f"{_FILES}: {kind}", _NAMED, outcome, detail))


def _files_of(root: Path) -> list[Path]:
    """Return the files that are edited.

    Left out are the log (tried above), the lock, case.toml, and tables in the folder of a run, which are not the
    published ones.
    """
    excluded = {"audit.jsonl", ".lock", "case.toml"}
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.name not in excluded)
    return [path for path in files if not path.relative_to(root).as_posix().startswith("runs/") or _is_checked(path)]


def _is_checked(path: Path) -> bool:
    return "tables" not in path.parts


def _edits(groups: dict[str, list[Path]], rng: Random) -> Iterator[tuple[str, str, Edit]]:
    """Yield (kind, group, edit) for every kind of edit of every group of files, in random order, again and again."""
    # a lost checkpoint cannot be found: nothing records how many there were
    excluded = {("checkpoints.jsonl", "cut"), ("checkpoints.jsonl", "delete")}
    pairs = [(group, kind) for group in groups for kind in EDITS if (group, kind) not in excluded]
    while True:
        for group, kind in rng.sample(pairs, len(pairs)):
            edit = EDITS[kind](rng.choice(groups[group]), groups[group], rng)
            if edit is not None:
                yield kind, group, edit


def _find_first_problem(root: Path, edit: Edit) -> str:
    """Return the first problem that verify reports; empty if it reports none or does not exit with 5."""
    with replaced(edit), _log_restored(root):
        code, out = _call("verify", root, "--json")
    problems = json.loads(out)["problems"] if out else []
    return problems[0] if code == 5 and problems else ""


@contextlib.contextmanager
def _log_restored(root: Path) -> Iterator[None]:
    """Restore the log at the end of the block, so that every edit starts from the same case."""
    path = root / "audit.jsonl"
    before = path.read_bytes()
    yield
    path.write_bytes(before)


if __name__ == "__main__":
    raise SystemExit(main())
