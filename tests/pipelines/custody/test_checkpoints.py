"""Signed checkpoints of the log: a cut or rewritten log is found by them."""

import json
import stat
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from forensics.adapters.crypto.signing import new_private_key, public_key_from_pem, public_key_of, public_key_to_pem
from forensics.custody.case_folder import CaseFolder
from forensics.custody.checkpoints import Checkpoint, parse_checkpoint
from forensics.custody.log import LogLine, read_chain
from pipelines import clock
from pipelines.custody.case_store import load_case
from pipelines.custody.checkpoints import find_signature_fault, load_checkpoints, sign_checkpoint
from pipelines.custody.installation import installation_key, installation_key_file
from testing.commands import Call, new_case

_POLICY = ("--watchlist-limit", 6, "--reason", "r")


@pytest.fixture
def changed_case(call: Call, tmp_path: Path) -> Path:
    """A case that was made and changed once: two checkpoints."""
    root = new_case(call, tmp_path / "case")
    assert call("case", "policy", root, *_POLICY).code == 0
    return root


def _all(case: Path) -> tuple[Checkpoint, ...]:
    known = load_checkpoints(CaseFolder(case))
    assert known.fault is None
    return known.all


def _log(case: Path) -> list[bytes]:
    return (case / "audit.jsonl").read_bytes().splitlines(keepends=True)


# ---- what is signed when


def test_a_command_that_changes_ends_with_a_checkpoint_of_its_end(call: Call, changed_case: Path) -> None:
    lines = read_chain(changed_case / "audit.jsonl").lines
    signed = _all(changed_case)
    assert [(lines[each.lines - 1].command, lines[each.lines - 1].kind) for each in signed] == [
        ("case init", "end"),
        ("case policy", "end"),
    ]
    assert all(lines[each.lines - 1].sha256 == each.head and not find_signature_fault(each) for each in signed)
    for look in (("case", "show"), ("status",), ("verify",)):
        assert call(*look, changed_case).code == 0
    assert _all(changed_case) == signed


def test_a_failed_command_is_signed_too(call: Call, changed_case: Path) -> None:
    assert call("run", changed_case, "--runner", "serial").code == 6
    assert _all(changed_case)[-1].lines == len(read_chain(changed_case / "audit.jsonl").lines)


def test_a_checkpoint_that_a_kill_cut_short_breaks_nothing(call: Call, changed_case: Path) -> None:
    signed = _all(changed_case)
    for n_bytes in (1, 60, len(signed[1].encoded()) - 1):
        (changed_case / "checkpoints.jsonl").write_bytes(signed[0].encoded() + b"\n" + signed[1].encoded()[:n_bytes])
        assert call("verify", changed_case).code == 0
        assert call("case", "policy", changed_case, *_POLICY).code == 0
        assert len(_all(changed_case)) == 2
        assert call("verify", changed_case).code == 0


# ---- the installation's key


def test_the_key_is_made_once_for_its_owner_alone() -> None:
    assert not installation_key_file().exists()
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        keys = {future.result() for future in [pool.submit(installation_key) for _ in range(8)]}
    assert keys == {installation_key_file().read_bytes()}
    assert stat.S_IMODE(installation_key_file().stat().st_mode) == 0o600


def test_a_key_that_others_can_read_signs_nothing(call: Call, changed_case: Path) -> None:
    installation_key_file().chmod(0o644)
    answer = call("case", "policy", changed_case, *_POLICY)
    assert (answer.code, "chmod 600" in answer.err) == (3, True)
    installation_key_file().chmod(0o600)
    installation_key_file().write_bytes(b"short")
    assert call("case", "policy", changed_case, *_POLICY).code == 3


def test_the_public_key_is_exported_as_pem(call: Call, tmp_path: Path) -> None:
    told = call("installation", "-o", tmp_path / "office.pem", "--json").json
    assert public_key_from_pem((tmp_path / "office.pem").read_bytes()).hex() == told["public_hex"]
    assert public_key_of(installation_key()).hex() == told["public_hex"]
    before = installation_key_file().read_bytes()
    assert call("installation", "-o", installation_key_file()).code == 2
    assert call("installation", "-o", tmp_path / "office.pem").code == 0
    footage = tmp_path / "gate.mp4"
    footage.write_bytes(b"footage")
    assert call("installation", "-o", footage).code == 2
    assert footage.read_bytes() == b"footage"
    assert installation_key_file().read_bytes() == before


def test_a_hold_is_taken_also_where_it_cannot_be_signed(call: Call, changed_case: Path) -> None:
    installation_key_file().chmod(0o644)
    answer = call("case", "hold", changed_case, "--reason", "trial")
    assert (answer.code, "chmod 600" in answer.err) == (3, True)
    assert load_case(changed_case).mandate.hold == "trial"


# ---- a log that is not the signed one


def _cut(lines: list[bytes]) -> list[bytes]:
    return lines[:-2]


def _chained_anew(lines: list[bytes]) -> list[bytes]:
    """Another reason for everything, every digest right."""
    changed: list[LogLine] = []
    for raw in lines:
        stored = {name: value for name, value in json.loads(raw).items() if name != "sha256"}
        line = LogLine(**{**stored, "why": "another", "previous": changed[-1].sha256 if changed else "0" * 64})
        changed.append(line)
    return [line.encoded() + b"\n" for line in changed]


@pytest.mark.parametrize("forge", [_cut, _chained_anew])
def test_no_command_works_on_a_log_that_is_not_the_signed_one(
    call: Call, changed_case: Path, forge: Callable[[list[bytes]], list[bytes]]
) -> None:
    (changed_case / "audit.jsonl").write_bytes(b"".join(forge(_log(changed_case))))
    signed = _all(changed_case)
    for command in (
        ("case", "show", changed_case),
        ("verify", changed_case),
        ("case", "policy", changed_case, *_POLICY),
    ):
        assert call(*command).code == 5, command
    assert call("case", "checkpoint", changed_case, "-o", changed_case.parent / "c.json").code == 5
    assert _all(changed_case) == signed, "nothing is signed on top of it"


def test_a_checkpoint_of_another_log_is_found(call: Call, changed_case: Path) -> None:
    of_another = replace(_all(changed_case)[-1], case_id="0" * 16)
    with (changed_case / "checkpoints.jsonl").open("ab") as file:
        file.write(of_another.encoded() + b"\n")
    assert call("verify", changed_case).code == 5


def test_a_checkpoint_is_read_strictly(changed_case: Path) -> None:
    good = _all(changed_case)[0]
    assert parse_checkpoint(json.dumps(json.loads(good.encoded()), indent=2).encode()) == good
    for name, value in (("lines", 0), ("lines", True), ("head", "x" * 64), ("signature", ""), ("at_utc", 5)):
        with pytest.raises(ValueError, match=r"hex digits|wrong type"):
            parse_checkpoint(json.dumps({**json.loads(good.encoded()), name: value}).encode())
    with pytest.raises(ValueError, match="fields"):
        parse_checkpoint(b"[]")


@pytest.mark.parametrize("name", ["lines", "head", "case_id", "at_utc", "public_hex", "key_id", "signature"])
def test_every_word_of_a_checkpoint_is_signed(changed_case: Path, name: str) -> None:
    good = _all(changed_case)[-1]
    other = sign_checkpoint(
        "1" * 16, read_chain(changed_case / "audit.jsonl").lines[0], new_private_key(), now=clock.utc_now()
    )
    changed = replace(good, **{name: "2020-01-01" if name == "at_utc" else getattr(other, name)})
    assert find_signature_fault(good) == ""
    assert find_signature_fault(changed) != ""


def test_two_installations_work_on_one_case(call: Call, changed_case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORENSICS_KEYS", str(changed_case.parent / "second"))
    assert call("case", "policy", changed_case, *_POLICY).code == 0
    assert len({each.key_id for each in _all(changed_case)}) == 2
    assert call("verify", changed_case).code == 0


def test_an_export_covers_all_that_was_done(call: Call, changed_case: Path) -> None:
    exported = changed_case.parent / "kept.json"
    told = call("case", "checkpoint", changed_case, "-o", exported, "--json").json
    assert parse_checkpoint(exported.read_bytes()) == parse_checkpoint(json.dumps(told).encode())
    assert told["lines"] == len(read_chain(changed_case / "audit.jsonl").lines) - 2, (
        "all but the note of the file and the end of this very command"
    )
    assert call("case", "checkpoint", changed_case, "-o", changed_case / "kept.json").code == 2


def test_a_key_in_pem_is_ed25519_or_refused() -> None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = public_key_of(new_private_key())
    assert public_key_from_pem(public_key_to_pem(public)) == public
    other = X25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for data in (other, b"", public_key_to_pem(public)[:40]):
        with pytest.raises(ValueError, match=r".+"):
            public_key_from_pem(data)


def test_a_case_id_cannot_name_the_installation_key(call: Call, changed_case: Path) -> None:
    stored = (changed_case / "case.toml").read_text()
    (line,) = [line for line in stored.splitlines() if line.startswith("case_id")]
    (changed_case / "case.toml").write_text(stored.replace(line, 'case_id = "installation"'))
    assert call("case", "policy", changed_case, *_POLICY).code == 2


def test_an_unsigned_checkpoint_is_named_instead_of_the_log(call: Call, changed_case: Path) -> None:
    """Its case id changed, so that it contradicts the log, which is right."""
    newest = _all(changed_case)[-1]
    bent = replace(newest, case_id=f"{int(newest.case_id, 16) ^ 1:016x}")
    (changed_case / "checkpoints.jsonl").write_bytes(
        b"".join(each.encoded() + b"\n" for each in (*_all(changed_case)[:-1], bent))
    )
    answer = call("case", "show", changed_case)
    assert answer.code == 5
    assert answer.err.startswith(f"error: {changed_case / 'checkpoints.jsonl'}: checkpoint 2 is not signed with key")
