"""Accounts of the system under which commands run, as the kernel knows them; no environment variable is asked.

A person may work under the account of a service, for example with `sudo`. The account that they logged in with is the
one that counts: the login uid of the kernel, else the user of the outermost process that does not belong to root.
"""

import os
import pwd
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

__all__ = ["account_in", "are_accounts_mapped", "login_user", "os_user"]

_NO_LOGIN_UID: Final = 0xFFFFFFFF
_MOST_ANCESTORS: Final = 64
_EVERY_ACCOUNT_IS_ITSELF: Final = ["0", "0", "4294967295"]


def os_user() -> str:
    """Return the name of the operating-system user of this process."""
    return _name_of(os.getuid())


def login_user() -> str:
    """Return the name of the user who logged in, which differs from `os_user` after `sudo` or `su`."""
    login_uid = _login_uid()
    if login_uid is not None:
        return _name_of(login_uid)
    outermost = [uid for uid in _uids_of_ancestors() if uid != 0]
    return _name_of(outermost[-1] if outermost else os.getuid())


def are_accounts_mapped() -> bool:
    """Whether this process is in a user namespace that maps accounts: who makes one can be any account in it."""
    try:
        return Path("/proc/self/uid_map").read_text().split() != _EVERY_ACCOUNT_IS_ITSELF
    except OSError:
        return False


def account_in(who: Mapping[str, str]) -> str:
    """Return the account in the facts about a user in the log: ``user@host``; empty without a user.

    >>> account_in({"user": "forensics", "host": "desk-7", "login": "becker"})
    'becker@desk-7'
    """
    user = who.get("login", who.get("user", ""))
    return f"{user}@{who.get('host', '')}" if user else ""


def _login_uid() -> int | None:
    try:
        uid = int(Path("/proc/self/loginuid").read_text())
    except (OSError, ValueError):
        return None
    return None if uid == _NO_LOGIN_UID else uid


def _uids_of_ancestors() -> Iterator[int]:
    """Yield the user of this process, of its parent, and so on."""
    pid = os.getpid()
    for _ in range(_MOST_ANCESTORS):
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            return
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        yield int(fields["Uid"].split()[0])
        pid = int(fields["PPid"])
        if pid <= 1:
            return


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
