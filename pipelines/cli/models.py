"""`models`: list, download and check registered models."""

from pathlib import Path
from typing import Final

import click

from forensics.errors import IntegrityBroken
from forensics.models.conversion import NOT_PINNED, RECORD
from forensics.models.installed import Installation, State, list_installations, preferred_installation
from forensics.models.model_store import BUILTIN, model_folders
from pipelines.cli.groups import Group
from pipelines.cli.output import emit, json_option, path_type, say, table_text
from pipelines.desk.models import describe_installation, describe_pull, install, size_text

__all__ = ["models"]

_STATES: Final = {
    State.OK: "here",
    State.MISSING: "not here",
    State.ALTERED: "changed",
    State.UNCONVERTED: "unconverted",
}


@click.group(cls=Group)
def models() -> None:
    """List, download and check models; published files are pinned by SHA-256, and only `pull` downloads.

    Models are searched in the folder that FORENSICS_MODELS names, then in your cache
    (~/.cache/forensics/models). `pull` writes to the first of them. A machine without network gets a copy
    of that folder; `models verify` checks every digest there.

    A network that `pull` converted is compared with the record beside it only: anyone who can write to the folder can
    replace both. Give write access to one account.
    """


@models.command("list")
@json_option
def list_models(as_json: bool) -> None:
    """List every registered model: task, licence, labels, size, whether it is here, and what `pull` would do.

    The accuracy is what its maker published, not what it reaches in your footage.

    \b
    Example:
      forensics models list
    """
    installations, folders = list_installations(), model_folders()
    taken = preferred_installation("openvino")
    facts = {
        "folders": [str(folder) for folder in folders],
        "without_model": taken.name if taken else BUILTIN.name,
        "models": [describe_installation(each) for each in installations],
    }
    lines = ["Folders of models, in the order of search; pull writes to [1]:"]
    lines += [f"[{number}] {folder}" for number, folder in enumerate(folders, start=1)]
    lines += ["", *(line for each in installations for line in _describe(each, folders)), ""]
    lines.append(f"A new case without --model takes: {facts['without_model']}")
    emit(facts, "\n".join(lines), as_json)


def _describe(installation: Installation, folders: tuple[Path, ...]) -> list[str]:
    """Return the lines about one model, each of at most 80 columns."""
    entry, path = installation.entry, installation.path
    size = size_text(entry.size_bytes)
    lines = [f"{entry.name:<36}{entry.task:<13}{entry.licence:<10}{size:>9} {_STATES[installation.state]}"]
    lines.append(f"    accuracy {entry.accuracy or 'unknown'}")
    lines.append(f"    labels {entry.labels}; pull {describe_pull(installation)}")
    if path is not None:
        number, inside = next(
            (number, path.relative_to(folder))
            for number, folder in enumerate(folders, start=1)
            if path.is_relative_to(folder)
        )
        lines.append(f"    [{number}]/{inside}")
    if installation.conversion:
        lines.append(f"    {NOT_PINNED}")
    return lines


@models.command("pull")
@click.argument("name")
@click.option(
    "--into", type=path_type, help="Folder to write it to.  [default: the one of FORENSICS_MODELS, else your cache]"
)
def pull(name: str, into: Path | None) -> None:
    """Download a registered model, check its digest, and convert a .pt file to OpenVINO.

    It continues a partial download. A file that is there already needs no network: it is checked and, if it is a .pt
    file, converted once. Prints the path of the model.

    \b
    Example:
      forensics models pull yolo11n
    """
    reported = -1

    def on_progress(done: int, total: int | None) -> None:
        nonlocal reported
        tenth = done >> 22 if total is None else done * 10 // max(1, total)
        if tenth > reported:
            reported = tenth
            say(f"{name}: {done >> 10:,} KiB" + ("" if total is None else f" of {total >> 10:,} KiB"))

    print(install(name, into, on_progress=on_progress, on_step=say))


@models.command("verify")
@json_option
def verify(as_json: bool) -> None:
    """Compute the digest of every installed registered model; exit 5 if one has changed.

    A published file is compared with the catalogue, a converted network with the record beside it.

    \b
    Example:
      forensics models verify
    """
    installations = list_installations()
    rows = [[each.entry.name, str(each.state), _compared_with(each)] for each in installations]
    emit({name: state for name, state, _ in rows}, table_text(["name", "state", "compared with"], rows), as_json)
    for each in installations:
        if each.conversion:
            say(f"{each.entry.name}: {NOT_PINNED}")
    altered = [name for name, state, _ in rows if state == State.ALTERED]
    if altered:
        raise IntegrityBroken(
            f"models have changed: {', '.join(altered)}",
            f"remove the changed files, see `forensics models list`, and run: forensics models pull {altered[0]}",
        )


def _compared_with(installation: Installation) -> str:
    """Return what states the digest that an installed model was compared with."""
    if installation.path is None:
        return "-"
    return "catalogue" if installation.path.name == installation.entry.location else RECORD
