"""A plan asks for the versions of libraries once for each evidence; reading them takes milliseconds."""

from importlib import metadata

import pytest

from pipelines import versions


def test_versions_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()

    def version(name: str) -> str:
        asked.append(name)
        return metadata.version(name)

    versions._version.cache_clear()
    monkeypatch.setattr(versions, "version", version)
    first, second = versions.library_versions(), versions.library_versions()
    assert (first, len(asked)) == (second, len(first))
    assert first["numpy"] == metadata.version("numpy")
