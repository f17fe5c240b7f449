"""`models`: list, download and check registered models."""

from pathlib import Path

import click

from forensics.errors import IntegrityBroken
from forensics.models.catalogue import catalogue
from forensics.models.model_store import cache_folder
from forensics.models.model_store import verify as verify_models
from forensics.models.pull import pull as pull_model
from pipelines.cli.groups import Group
from pipelines.cli.output import emit, json_option, path_type, say, table_text

__all__ = ["models"]


@click.group(cls=Group)
def models() -> None:
    """List, download and check models; each is pinned by SHA-256, and only `pull` downloads."""


@models.command("list")
@json_option
def list_models(as_json: bool) -> None:
    """List every registered model, its licence, and whether it is installed.

    \b
    Example:
      forensics models list
    """
    state_of = dict(verify_models())
    rows = [[entry.name, entry.task, entry.licence, state_of[entry.name], entry.training_data] for entry in catalogue()]
    columns = ["name", "task", "licence", "state", "training_data"]
    emit({"models": [dict(zip(columns, row, strict=True)) for row in rows]}, table_text(columns, rows), as_json)


@models.command("pull")
@click.argument("name")
@click.option("--into", type=path_type, help="Folder to write it to.  [default: your cache]")
def pull(name: str, into: Path | None) -> None:
    """Download a registered model from its publisher and check its digest; continues a partial download.

    \b
    Example:
      forensics models pull yolox_nano
    """
    reported = -1

    def on_progress(done: int, total: int) -> None:
        nonlocal reported
        tenth = done * 10 // max(1, total)
        if tenth > reported:
            reported = tenth
            say(f"{name}: {done >> 10:,} of {total >> 10:,} KiB")

    print(pull_model(name, into or cache_folder(), on_progress=on_progress))


@models.command("verify")
@json_option
def verify(as_json: bool) -> None:
    """Compute the digest of every installed registered model; exit 5 if one has changed.

    \b
    Example:
      forensics models verify
    """
    states = verify_models()
    emit(dict(states), table_text(["name", "state"], [list(state) for state in states]), as_json)
    altered = [name for name, state in states if state == "altered"]
    if altered:
        raise IntegrityBroken(
            f"models have changed: {', '.join(altered)}", f"download it again: forensics models pull {altered[0]}"
        )
