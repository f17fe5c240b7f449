"""The option `--tz`: a zone that every machine reads alike."""

from pathlib import Path

import pytest

from testing.commands import Call


@pytest.mark.parametrize(
    "zone", ["localtime", "posixrules", "Factory", "right/Europe/Berlin", "posix/Europe/Berlin", "Europe", "", "+02:00"]
)
def test_what_is_no_zone_of_every_machine(call: Call, empty_case: Path, zone: str) -> None:
    answer = call("query", empty_case, "--tz", zone)
    assert (answer.code, "Europe/Berlin" in answer.err) == (2, True), answer.err
