"""Completion in the shell: what is offered, without heavy libraries, and without a line in the log of a case."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import click
import pytest

from pipelines.cli.completion import complete
from pipelines.setting_catalogue import catalogue
from scripts.completion_words import completion_text
from testing.command_tree import COMMANDS, LEAVES
from testing.commands import Call, new_case
from testing.project import ROOT

_VARIABLE: Final = "_FORENSICS_COMPLETE"
_HEAVY: Final = {"numpy", "pydantic", "polars", "pyarrow", "ray", "torch", "av", "cv2", "openvino", "rich"}
_MAIN: Final = "from pipelines.cli.main import main; main()"


class _Shell:
    """Asks for completion as a shell does; Bash takes = for a word of its own."""

    def __init__(self, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._name, self._capsys, self._monkeypatch = name, capsys, monkeypatch

    def __call__(self, *words: str) -> list[str]:
        """Return the values offered for the last word; Bash gets the end of it that it would replace."""
        if self._name == "bash":
            words = tuple(part for word in words for part in word.replace("=", " = ").split(" ") if part or not word)
        self._monkeypatch.setenv("COMP_WORDS", " ".join(("forensics", *words)))
        self._monkeypatch.setenv("COMP_CWORD", words[-1] if self._name == "fish" else str(len(words)))
        self._capsys.readouterr()
        assert complete(_VARIABLE, f"{self._name}_complete") == 0
        lines = self._capsys.readouterr().out.splitlines()
        if self._name == "zsh":  # type, value and help, each on a line
            return [f"{kind}:{value}" for kind, value in zip(lines[::3], lines[1::3], strict=True) if kind]
        return [line.partition("\t")[0].replace(",", ":", 1) for line in lines if line]


@pytest.fixture(params=["bash", "zsh", "fish"])
def shell(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> _Shell:
    """One of the shells."""
    return _Shell(request.param, capsys, monkeypatch)


@pytest.fixture
def bash(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> _Shell:
    """The shell that splits words."""
    return _Shell("bash", capsys, monkeypatch)


def _plain(*values: str) -> list[str]:
    return [f"plain:{value}" for value in values]


def test_the_words_are_current() -> None:
    text = (ROOT / "pipelines/cli/completion.toml").read_text()
    assert text == completion_text(), "run `python -m scripts.completion_words`"


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (("ver",), ("verify",)),
        (("case", "cl"), ("clock",)),
        (("run", "c", "--uns"), ("--unset",)),
        (("run", "c", "--runner", "s"), ("serial",)),
        (("run", "c", "--set", "detect.ga"), ("detect.gate=",)),
        (("run", "c", "--set", "detect.fps=5", "--set", "track.cu"), ("track.cuts=",)),
        (("run", "c", "--unset", "detect.f"), ("detect.fps",)),
        (("run", "c", "--unset", "al"), ("all",)),
        (("run", "c", "--set", "detect.gate=motion", "--dry"), ("--dry-run",)),
        (("run", "c", "--model", "bu"), ("builtin",)),
        (("scan", "--case", "c", "--model", "yolox"), ("yolox_nano",)),
        (("settings", "sight"), ("sight.thumbnails",)),
        (("query", "c", "det"), ("detections",)),
        (("query", "c", "detections", "--format", "p"), ("parquet",)),
    ],
)
def test_one_value_is_offered(shell: _Shell, words: tuple[str, ...], values: tuple[str, ...]) -> None:
    assert shell(*words) == _plain(*values)


def test_values_of_a_setting_are_offered(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    bash = _Shell("bash", capsys, monkeypatch)
    assert bash("run", "c", "--set", "detect.precision=") == _plain("f32", "bf16", "f16")
    assert bash("run", "c", "--set", "detect.precision=f") == _plain("f32", "f16")
    assert bash("run", "c", "--set", "detect.fps=") == []
    assert bash("run", "c", "--set", "detect.model=bu") == _plain("builtin")
    for name in ("zsh", "fish"):
        whole = _Shell(name, capsys, monkeypatch)
        assert whole("run", "c", "--set", "track.cuts=t") == _plain("track.cuts=true")


def test_every_setting_and_every_choice_is_offered(bash: _Shell) -> None:
    assert bash("run", "c", "--unset", "") == _plain(*(setting.name for setting in catalogue()), "all")
    for setting in catalogue():
        if setting.values:
            assert bash("run", "c", "--set", f"{setting.name}=") == _plain(*setting.values)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_and_command_is_offered(bash: _Shell, name: str) -> None:
    command = COMMANDS[name]
    path = name.split()[1:]
    options = [each for param in command.params if isinstance(param, click.Option) for each in param.opts]
    long = {option for option in options if option.startswith("--")}
    assert long | {"--help"} <= {each.removeprefix("plain:") for each in bash(*path, "--")}
    if name not in LEAVES:
        children = {each.split()[-1] for each in COMMANDS if each.rpartition(" ")[0] == name}
        assert set(bash(*path, "")) == set(_plain(*children))


def test_cases_and_profiles_are_offered(
    call: Call, shell: _Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_case(call, tmp_path / "cases" / "one")
    new_case(call, tmp_path / "cases" / "other")
    (tmp_path / "cases" / "only-footage").mkdir()
    (tmp_path / "fast.toml").write_text("")
    (tmp_path / "notes.txt").write_text("")
    monkeypatch.chdir(tmp_path)
    assert shell("run", "cases/o") == _plain("cases/one", "cases/other")
    assert shell("scan", "--case", f"{tmp_path}/cases/on") == _plain(f"{tmp_path}/cases/one")
    assert shell("run", "ca") == ["dir:ca"]
    assert shell("run", "c", "--profile", "f") == _plain("fast.toml")
    assert shell("run", "c", "--profile", "n") == ["file:n"]
    assert shell("run", "~nobody-of-this-name/x") == ["dir:~nobody-of-this-name/x"]
    assert shell("scan", "no") == ["file:no"]
    assert shell("run", "c", "--model", "./no") == ["file:./no"]


def test_the_shell_quotes_a_name_with_spaces(call: Call, bash: _Shell, tmp_path: Path) -> None:
    new_case(call, tmp_path / "old mill")
    assert bash("run", f"{tmp_path}/ol") == [f"dir:{tmp_path}/ol"]


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def test_completion_loads_nothing_heavy_and_logs_nothing(call: Call, tmp_path: Path) -> None:
    case = new_case(call, tmp_path / "case")
    before = {path: path.read_bytes() for path in case.rglob("*") if path.is_file()}
    code = f"import atexit, json, sys; atexit.register(lambda: print(json.dumps(list(sys.modules)))); {_MAIN}"
    for words in (f"forensics query {case} ", f"forensics run {case} --set detect.", f"forensics run {tmp_path}/"):
        environment = _environment(
            COMP_WORDS=words, COMP_CWORD=str(len(words.split(" ")) - 1), **{_VARIABLE: "bash_complete"}
        )
        asked = [sys.executable, "-c", code]
        *offered, loaded = subprocess.run(
            asked, env=environment, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        assert offered
        assert _HEAVY & set(json.loads(loaded)) == set()
    assert {path: path.read_bytes() for path in case.rglob("*") if path.is_file()} == before


def test_bash_itself_gets_the_values(tmp_path: Path) -> None:
    program = tmp_path / "forensics"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{_MAIN}' \"$@\"\n")
    program.chmod(0o755)
    script = f"""
        eval "$({_VARIABLE}=bash_source forensics)"
        complete -p forensics
        COMP_WORDS=(forensics run c --set detect.gate = mo) COMP_CWORD=6
        _forensics_completion forensics; echo "${{COMPREPLY[@]}}"
        COMPREPLY=() COMP_WORDS=(forensics run c --set detect.gat) COMP_CWORD=4
        _forensics_completion forensics 2>&1; echo "${{COMPREPLY[@]}}"
    """
    environment = _environment(PATH=f"{tmp_path}:{os.environ['PATH']}")
    answer = subprocess.run(
        ["bash", "--norc", "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    registered, value, no_space, name = answer.stdout.splitlines()
    assert registered.endswith("-F _forensics_completion forensics")
    assert (value, name) == ("motion", "detect.gate=")
    assert "compopt" in no_space, "outside of readline it complains, so it was called"


def test_zsh_and_bash_add_no_space_after_an_equals_sign(capsys: pytest.CaptureFixture[str]) -> None:
    for name, sign in (("bash", "compopt -o nospace"), ("zsh", 'suffix=(-S "")')):
        assert complete(_VARIABLE, f"{name}_source") == 0
        assert sign in capsys.readouterr().out
