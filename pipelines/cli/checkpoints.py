"""`case checkpoint` and `installation`: what others keep, so that a log cannot be cut or made anew."""

from pathlib import Path
from typing import Final

import click

from forensics.adapters.crypto.signing import key_id_of, pem_of, public_of
from forensics.errors import UsageError
from forensics.spelling import in_shell
from forensics.tables.files import encoded_json, write_bytes
from pipelines.cli.output import emit, json_option, path_type, reason_option
from pipelines.custody.checkpoints import described_checkpoint, signed_checkpoint
from pipelines.custody.installation import installation_key, installation_key_file
from pipelines.custody.open_session import open_session
from pipelines.custody.outputs import output_file
from pipelines.custody.session import Need

__all__ = ["checkpoint_command", "installation"]


_PEM: Final = b"-----BEGIN PUBLIC KEY-----"


@click.command("checkpoint")
@click.argument("root", metavar="CASE", type=path_type)
@click.option("--output", "-o", type=path_type, required=True, metavar="FILE.json", help="Where to write it.")
@reason_option
@json_option
def checkpoint_command(root: Path, output: Path, reason: str, as_json: bool) -> None:
    """Sign how far the case's log goes, for somebody else to keep: mail it, print it.

    A log that is cut or made anew afterwards is told by it: forensics verify CASE --checkpoint FILE.json

    \b
    Example:
      forensics case checkpoint my-case -o my-case-2026-05-04.json
    """
    with open_session(root, "case checkpoint", need=Need.LOOK, reason=reason, facts={"output": str(output)}) as session:
        output_file(session.folder, output)
        checkpoint = signed_checkpoint(session.case.case_id, session.recorded.line, installation_key(), now=session.now)
        facts = described_checkpoint(checkpoint)
        write_bytes(output, encoded_json(facts))
        session.recorded.outputs |= {"lines": checkpoint.lines, "head": checkpoint.head, "key_id": checkpoint.key_id}
    text = (
        f"{output}: the log up to line {checkpoint.lines}, signed with key {checkpoint.key_id}\n"
        f"keep it away from this machine; later: forensics verify {in_shell(root)} --checkpoint {in_shell(output)}"
    )
    emit(facts, text, as_json)


@click.command()
@click.option("--output", "-o", type=path_type, metavar="FILE.pem", help="Also write the public key, as PEM.")
@json_option
def installation(output: Path | None, as_json: bool) -> None:
    """Show the public key of this installation, with which others check its checkpoints.

    \b
    Example:
      forensics installation -o office-7.pem
    """
    public = public_of(installation_key())
    if output is not None:
        _refuse_what_must_stay(output)
        write_bytes(output, pem_of(public))
    facts = {"key_id": key_id_of(public), "public_hex": public.hex(), "private_key": str(installation_key_file())}
    text = "\n".join(
        [
            f"key {facts['key_id']}",
            f"public {facts['public_hex']}",
            f"its private half: {facts['private_key']}, for you alone",
            f"others check with: forensics verify CASE --trust {output or facts['public_hex']}",
        ]
    )
    emit(facts, text, as_json)


def _refuse_what_must_stay(output: Path) -> None:
    """The private key, and any file that is no public key: this command knows no case, and it may be footage."""
    if output.resolve().is_relative_to(installation_key_file().parent.resolve()):
        raise UsageError("lies beside the private key", "name a place elsewhere", output)
    if output.is_file() and not _is_public_key(output):
        raise UsageError("is there already and is no public key", "name a new file", output)
    if not output.parent.is_dir():
        raise UsageError(f"there is no folder {output.parent}", "make it, or name a place in another", output)


def _is_public_key(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_PEM)) == _PEM
