"""`verify`: whether a result still is what it was."""

from dataclasses import asdict
from pathlib import Path

import click

from forensics.errors import IntegrityBroken, UsageError
from forensics.tables.evidence import load_evidence
from pipelines.cli.output import counted, emit, json_option, path_type
from pipelines.custody.casework import Need, Work, casework
from pipelines.custody.checkpoints import read_checkpoint
from pipelines.proof.signatures import Asked, Signer, public_key
from pipelines.proof.verify import Report, verify_case

__all__ = ["verify"]


@click.command()
@click.argument("root", metavar="CASE", type=path_type)
@click.option(
    "--checkpoint",
    "kept",
    multiple=True,
    type=path_type,
    metavar="FILE.json",
    help="Hold the log against a checkpoint that was kept elsewhere; repeat it.",
)
@click.option(
    "--trust",
    "trusted",
    multiple=True,
    metavar="FILE.pem|HEX",
    help="A public key that is to be trusted, and no other but those named; repeat it.",
)
@json_option
def verify(root: Path, kept: tuple[Path, ...], trusted: tuple[str, ...], as_json: bool) -> None:
    """Check that log, evidence, indexes, parts and published files still are what they were; exit 5 if not.

    The first thing that is wrong is named first. Nothing is decoded, and nothing is changed.

    \b
    Example:
      forensics verify my-case
      forensics verify my-case --checkpoint my-case-2026-05-04.json --trust office-7.pem
    """
    with casework(root, "verify", need=Need.CHECK) as work:
        report = verify_case(work.case, _asked(kept, trusted))
        _emit(report, as_json)
        work.recorded.outputs["checked"] = report.n_checked
        if report.problems:
            _refuse(work, report.problems)


def _asked(kept: tuple[Path, ...], trusted: tuple[str, ...]) -> Asked:
    missing = [path for path in kept if not path.is_file()]
    if missing:
        raise UsageError(f"{missing[0]}: there is no such file", "name what `forensics case checkpoint` wrote")
    return Asked({path: read_checkpoint(path) for path in kept}, frozenset(map(public_key, trusted)))


def _emit(report: Report, as_json: bool) -> None:
    facts = {
        "checked": report.n_checked,
        "problems": list(report.problems),
        "log_lines": report.n_lines,
        "signers": [asdict(signer) for signer in report.signers],
    }
    whole = counted(report.n_checked, "file is what it was", "files are what they were")
    lines = list(report.problems) or [f"{whole}, the log is whole", *_signed(report)]
    emit(facts, "\n".join(lines), as_json)


def _signed(report: Report) -> list[str]:
    if not report.signers:
        return ["no checkpoint of the log was signed yet"]
    return [_signed_by(signer, report.n_lines) for signer in report.signers]


def _signed_by(signer: Signer, n_lines: int) -> str:
    return f"signed up to line {signer.lines} of {n_lines} with key {signer.key_id} ({signer.whose})"


def _refuse(work: Work, problems: tuple[str, ...]) -> None:
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    raise IntegrityBroken(f"{problems[0]}{more}", _advice(work, problems[0]))


def _advice(work: Work, problem: str) -> str:
    """How the first thing that is wrong can be mended; no run mends footage, it would only leave a gap."""
    root = work.folder.root
    if any(problem.startswith(f"{path}:") for path in _footage(work)):
        return (
            "restore the recording as it was ingested, from the original or a copy of it; if it was moved, "
            f"`forensics evidence relocate {root} FOLDER` finds it"
        )
    made_anew = {
        f"{work.folder.tables}/": "tables are made anew by running again",
        f"{work.folder.index_file('').parent}/": "an index is made anew by ingesting the recording again",
        f"{work.folder.working_copy('').parent}/": "a working copy is made anew by ingesting the recording again",
    }
    how = [said for place, said in made_anew.items() if problem.startswith(place)]
    return "; ".join(["restore the file from a copy", *how])


def _footage(work: Work) -> set[str]:
    """Where the evidence lies, if the list of it can be read."""
    try:
        return {str(item.path) for item in load_evidence(work.folder)}
    except IntegrityBroken:
        return set()
