"""`case checkpoint` and `installation`: signed checkpoints of the log, and the public key to check them."""

from pathlib import Path
from typing import Final

import click

from forensics.adapters.crypto.signing import key_id_of, public_key_of, public_key_to_pem
from forensics.errors import UsageError
from forensics.spelling import in_shell
from forensics.tables.files import encode_json, write_new
from pipelines.cli.output import emit, json_option, path_type, reason_option
from pipelines.cli.output_options import OutputOptions, with_output_options
from pipelines.custody.checkpoints import checkpoint_facts, sign_checkpoint
from pipelines.custody.installation import installation_key, installation_key_file
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need

__all__ = ["checkpoint_command", "installation"]


_PEM: Final = b"-----BEGIN PUBLIC KEY-----"


@click.command("checkpoint")
@click.argument("root", metavar="CASE", type=path_type)
@click.option("--output", "-o", type=path_type, required=True, metavar="FILE.json", help="File to write.")
@with_output_options
@reason_option
@json_option
def checkpoint_command(root: Path, output: Path, reason: str, as_json: bool, output_options: OutputOptions) -> None:
    """Write a signed checkpoint of the case's log, for somebody else to keep.

    Mail it or print it. It proves later that the log was not shortened or rewritten:
    forensics verify CASE --checkpoint FILE.json

    \b
    Example:
      forensics case checkpoint my-case -o my-case-2026-05-04.json
    """
    asked = {"output": str(output), **output_options.facts}
    with open_session(root, "case checkpoint", need=Need.READ, reason=reason, facts=asked) as session:
        outputs = output_options.outputs_of(session)
        outputs.check(output)
        checkpoint = sign_checkpoint(session.case.case_id, session.record.line, installation_key(), now=session.now)
        facts = checkpoint_facts(checkpoint)
        outputs.write(output, encode_json(facts))
        session.record.outputs |= {"lines": checkpoint.lines, "head": checkpoint.head, "key_id": checkpoint.key_id}
    text = (
        f"{output}: checkpoint of {checkpoint.lines} log lines, signed with key {checkpoint.key_id}\n"
        f"next: keep it on another machine; later: forensics verify {in_shell(root)} --checkpoint {in_shell(output)}"
    )
    emit(facts, text, as_json)


@click.command()
@click.option(
    "--output", "-o", type=path_type, metavar="FILE.pem", help="Write the public key to this file as well, as PEM."
)
@json_option
def installation(output: Path | None, as_json: bool) -> None:
    """Show the public key of this installation; others check its checkpoints with it.

    \b
    Example:
      forensics installation -o office-7.pem
    """
    public = public_key_of(installation_key())
    if output is not None:
        _write_public_key(output, public_key_to_pem(public))
    facts = {"key_id": key_id_of(public), "public_hex": public.hex(), "private_key": str(installation_key_file())}
    text = "\n".join(
        [
            f"key {facts['key_id']}",
            f"public key {facts['public_hex']}",
            f"private key {facts['private_key']}, readable only by you",
            f"others check with: forensics verify CASE --trust {output or facts['public_hex']}",
        ]
    )
    emit(facts, text, as_json)


def _write_public_key(output: Path, pem: bytes) -> None:
    """Write the key unless it is there already; refuse the folder of the private key, and any other file."""
    if output.resolve().is_relative_to(installation_key_file().parent.resolve()):
        raise UsageError("is in the folder of the private key", "choose another folder", output)
    if not output.parent.is_dir():
        raise UsageError(f"the folder {output.parent} does not exist", "make it, or choose another folder", output)
    try:
        write_new(output, pem)
    except FileExistsError as error:
        if not output.is_file() or output.read_bytes() != pem:
            raise UsageError("exists already and is another file", "choose a new file", output) from error
