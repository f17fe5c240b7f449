"""Change a published case in thousands of ways and see whether each is found.

    scripts/tamper                 6,000 mutations of its log, 600 edits of its other files, seed 1
    scripts/tamper --short         a few of each kind
    scripts/tamper --write         and keep what came out in docs/validation/tamper.json

The exit code is 1 if anything was not found, or the wrong file was named.
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

from forensics.custody.checkpoints import Checkpoint, contradiction, decoded_checkpoint
from forensics.custody.log import break_in, read_chain
from pipelines.cli.main import exit_code_of
from scripts.measure.campaign import Campaign, Outcome, Tried
from scripts.measure.file_edits import EDITS, Edit, group_of, replaced
from scripts.measure.log_mutations import OF_THE_CHAIN, OF_THE_CHECKPOINT, Mutate
from testing.painted.encode import Recipe, encode
from testing.painted_case import PaintedDetector

_RESULTS = Path(__file__).resolve().parents[2] / "docs" / "validation"
_TIMES = tuple(Fraction(number, 5) for number in range(12))
_OPTIONS = {"preset": "ultrafast", "bf": "0"}
_SERIAL = ("--runner", "serial", "--quiet", "--set", "chunk.seconds=0.8")

_LOG = "the log of a case is hash-chained, and checkpoints of it are signed"
_BY_CHAIN = "reading the log says that it is broken"
_BY_CHECKPOINT = "an exported checkpoint contradicts the log"
_FILES = "verify names what is no longer what it was, and exits 5"
_NAMED = "verify exits 5, and the first thing it names is the file that was changed"


def main() -> int:
    arguments = _arguments()
    campaign = Campaign("tamper", f"scripts/tamper --seed {arguments.seed}", arguments.seed)
    n_mutations, n_edits = (60, 60) if arguments.short else (1000, 600)
    with TemporaryDirectory() as folder, _painted(Path(folder)):
        case = _published(Path(folder))
        _try_log(campaign, case, n_mutations)
        _try_files(campaign, case, n_edits)
    if arguments.write:
        campaign.write(_RESULTS / "tamper.json")
    return campaign.exit_code()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--short", action="store_true", help="a few of each kind")
    parser.add_argument("--write", action="store_true", help="keep what came out")
    return parser.parse_args()


@dataclass(frozen=True, slots=True)
class Published:
    """A case that was worked on, and a checkpoint of its log that was exported at the end."""

    root: Path
    footage: tuple[Path, ...]
    checkpoint: Checkpoint


@contextlib.contextmanager
def _painted(folder: Path) -> Iterator[None]:
    """Keys of its own, and a detector that reads the painted numbers."""
    keys = {"FORENSICS_KEYS": str(folder / "keys"), "FORENSICS_REVIEWER_KEYS": str(folder / "reviewers")}
    detector = patch("pipelines.stages.detection_context.load_for", lambda settings, model: PaintedDetector())
    with patch.dict(os.environ, keys), detector:
        yield


def _published(folder: Path) -> Published:
    """Two cameras, one of them read through a working copy; two runs, a corrected clock, and people who looked."""
    root, kept = folder / "case", folder / "kept.json"
    clips = tuple(encode(folder / name, Recipe(options=_OPTIONS, rate=Fraction(5), gop=4), _TIMES)
                  for name in ("gate.mp4", "hall.ts"))  # fmt: skip
    _done("case", "init", root, "--purpose", "tampering", "--operator", "A. Ahmed")
    for clip in clips:
        _done("ingest", root, clip, "--camera", clip.stem, "--start", "2026-05-01T10:00:00Z", "--clock-error", 0)
    _done("run", root, *_SERIAL)
    _done("case", "clock", root, "gate", "--offset", -90000, "--error", 500, "--reason", "radio clock")
    _done("case", "policy", root, "--watchlist-limit", 4, "--reason", "r")
    for look in (("status",), ("case", "show"), ("query",), ("verify",)):
        _done(*look, root)
    _done("run", root, *_SERIAL, "--reason", "corrected clock")
    _done("case", "checkpoint", root, "-o", kept)
    return Published(root, clips, decoded_checkpoint(kept.read_bytes()))


def _done(*words: object) -> None:
    code, out = _called(*words)
    if code != 0:
        raise SystemExit(f"{words}: exit {code}: {out}")


def _called(*words: object) -> tuple[int, str]:
    """Exit code and standard output of a command."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        return exit_code_of([str(word) for word in words]), out.getvalue()


# ---- the log


def _try_log(campaign: Campaign, case: Published, n_each: int) -> None:
    path = case.root / "audit.jsonl"
    whole = path.read_bytes()
    lines = whole.splitlines()[: case.checkpoint.lines]  # a line that was not signed yet may be cut off unseen
    for kind, mutate in {**OF_THE_CHAIN, **OF_THE_CHECKPOINT}.items():
        chance = Random(f"{campaign.seed} {kind}")
        for number in range(n_each):
            path.write_bytes(b"".join(line + b"\n" for line in _changed(lines, mutate, chance)))
            is_found = _is_broken(path) if kind in OF_THE_CHAIN else _is_contradicted(path, case.checkpoint)
            assertion = _BY_CHAIN if kind in OF_THE_CHAIN else _BY_CHECKPOINT
            outcome = Outcome.SURVIVED if is_found else Outcome.FAILED
            campaign.add(Tried(f"log {kind} {number}", f"{_LOG}: {kind}", assertion, outcome))
    path.write_bytes(whole)


def _changed(lines: list[bytes], mutate: Mutate, chance: Random) -> list[bytes]:
    """Lines that are not what they were: two equal ones may have been swapped."""
    while (changed := mutate(lines, chance)) == lines:
        pass
    return changed


def _is_broken(path: Path) -> bool:
    return bool(break_in(read_chain(path)))


def _is_contradicted(path: Path, checkpoint: Checkpoint) -> bool:
    return bool(contradiction(checkpoint, checkpoint.case_id, read_chain(path).digests))


# ---- everything else


def _try_files(campaign: Campaign, case: Published, n_edits: int) -> None:
    groups: dict[str, list[Path]] = {}
    for path in [*case.footage, *_files_of(case.root)]:
        groups.setdefault(group_of(case.root, path), []).append(path)
    chance = Random(f"{campaign.seed} files")
    for number, (kind, group, edit) in zip(range(n_edits), _edits(groups, chance), strict=False):
        said = _first_named(case.root, edit)
        is_right = any(said.startswith(f"{path}:") for path in edit.named)
        outcome = Outcome.SURVIVED if is_right else Outcome.FAILED
        detail = "" if is_right else f"{kind} of {edit.named[0]}: verify said {said or 'nothing'}"
        campaign.add(Tried(f"file {number} {group} {kind}", f"{_FILES}: {kind}", _NAMED, outcome, detail))


def _files_of(root: Path) -> list[Path]:
    """All but the log, which is tried above, and what says nothing; a run's own tables are not what is published."""
    apart = {"audit.jsonl", ".lock", "case.toml"}
    files = (path for path in sorted(root.rglob("*")) if path.is_file() and path.name not in apart)
    return [path for path in files if not path.relative_to(root).as_posix().startswith("runs/") or _counts(path)]


def _counts(path: Path) -> bool:
    return "tables" not in path.parts


def _edits(groups: dict[str, list[Path]], chance: Random) -> Iterator[tuple[str, str, Edit]]:
    """Every kind of edit of every kind of file, then all again; in which order, which file and where, chance says."""
    # fewer checkpoints prove less, and nothing says that there were more
    apart = {("checkpoints.jsonl", "cut"), ("checkpoints.jsonl", "delete")}
    pairs = [(group, kind) for group in groups for kind in EDITS if (group, kind) not in apart]
    while True:
        for group, kind in chance.sample(pairs, len(pairs)):
            edit = EDITS[kind](chance.choice(groups[group]), groups[group], chance)
            if edit is not None:
                yield kind, group, edit


def _first_named(root: Path, edit: Edit) -> str:
    """The first thing that verify says is wrong; empty where it says nothing, or does not exit 5."""
    with replaced(edit), _log_put_back(root):
        code, out = _called("verify", root, "--json")
    problems = json.loads(out)["problems"] if out else []
    return problems[0] if code == 5 and problems else ""


@contextlib.contextmanager
def _log_put_back(root: Path) -> Iterator[None]:
    """What a command adds to the log is taken off again, so that every edit meets the same case."""
    path = root / "audit.jsonl"
    before = path.read_bytes()
    yield
    path.write_bytes(before)


if __name__ == "__main__":
    raise SystemExit(main())
