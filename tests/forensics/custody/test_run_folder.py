"""Parts of a run, finished and unfinished."""

from pathlib import Path

import pytest

from forensics.custody.case_folder import RunFolder


@pytest.mark.parametrize("stage", ["detect", "recognise"])
def test_an_unfinished_file_is_no_part(tmp_path: Path, stage: str) -> None:
    """A run that was killed while it wrote its first part has none, so later runs do not take over its settings."""
    run = RunFolder(tmp_path / "run", tmp_path)
    part = run.part(stage, "unit")
    part.parent.mkdir(parents=True)
    part.with_name(f".{part.name}.0123abcd.tmp").touch()
    assert (run.has_parts, run.parts(stage)) == (False, [])
    part.touch()
    assert (run.has_parts, run.parts(stage)) == (True, [part])
