"""docs/admin.md and the files it names: every setting, metric and option of Ray in them exists."""

import re
import shlex
import subprocess
import sys

import pytest
import yaml

from pipelines.run.metrics import RunMetrics
from pipelines.setting_catalogue import catalogue
from testing.documented_commands import parse
from testing.project import ROOT

_CONFIGS = ROOT / "configs"
_PAGE = (ROOT / "docs" / "admin.md").read_text()
_RAYJOB, _POLICY = yaml.safe_load_all((_CONFIGS / "kuberay-rayjob.yaml").read_text())
_RAY_CLUSTER = yaml.safe_load((_CONFIGS / "ray-cluster.yaml").read_text())


def test_every_setting_that_is_named_exists() -> None:
    named = set(re.findall(r"\b(?:detect|gate|track|recognise|chunk|run)\.[a-z_]+\b", _PAGE))
    assert named - {"run.json"} <= {setting.name for setting in catalogue()}


def test_every_metric_is_described_and_no_other() -> None:
    metrics = RunMetrics(None, "case")
    metrics.begin("detect", 1)
    given = {family.name for family in metrics.collect()}
    named = set(re.findall(r"forensics_[a-z_]+", _PAGE))
    assert {name.removesuffix("_total") for name in named} == given


@pytest.fixture(scope="module")
def options_of_ray_start() -> set[str]:
    """Return the names of the options of `ray start`."""
    said = subprocess.run(
        [sys.executable, "-m", "ray.scripts.scripts", "start", "--help"], capture_output=True, text=True, check=True
    )
    return set(re.findall(r"--[a-z-]+", said.stdout))


def test_every_way_to_start_a_node_has_options_that_exist(options_of_ray_start: set[str]) -> None:
    asked = {
        word.split("=")[0]
        for path in (*_CONFIGS.glob("ray-*"), ROOT / "docs" / "admin.md")
        for command in re.findall(r"ray start (.*?(?:\\\n.*?|\n    --.*?)*)\n", path.read_text())
        for word in command.split()
        if word.startswith("--")
    }
    assert {"--head", "--address", "--num-cpus"} <= asked
    assert asked <= options_of_ray_start


def test_every_node_start_asks_for_a_token() -> None:
    for path in _CONFIGS.glob("ray-*"):
        text = path.read_text()
        starts = text.count("ray start ")
        assert starts
        assert text.count("RAY_AUTH_MODE=token") >= starts
    groups = [
        _RAYJOB["spec"]["rayClusterSpec"]["headGroupSpec"],
        *_RAYJOB["spec"]["rayClusterSpec"]["workerGroupSpecs"],
    ]
    for group in groups:
        environment = group["template"]["spec"]["containers"][0]["env"]
        assert {"name": "RAY_AUTH_MODE", "value": "token"} in environment


def test_the_kubernetes_manifest_limits_access_to_the_cluster() -> None:
    assert _POLICY["metadata"]["namespace"] == _RAYJOB["metadata"]["namespace"]
    assert _POLICY["spec"]["podSelector"]["matchLabels"] == {"ray.io/is-ray-node": "yes"}
    (_, metrics) = _POLICY["spec"]["ingress"]
    head, exporter = _RAYJOB["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["containers"]
    assert "ports" not in head
    assert [each["port"] for each in metrics["ports"]] == [each["containerPort"] for each in exporter["ports"]]


def test_the_job_of_kubernetes_is_a_command_of_ours() -> None:
    program, *words = shlex.split(_RAYJOB["spec"]["entrypoint"])
    assert program == "forensics"
    parse(words).close()


_VALIDATE = """
import sys, yaml
from ray.autoscaler._private.util import prepare_config, validate_config
config = prepare_config(yaml.safe_load(open(sys.argv[1])))
validate_config(config)
print(config["provider"]["type"], config["max_workers"])
"""


def test_ray_accepts_the_cluster_file() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _VALIDATE, str(_CONFIGS / "ray-cluster.yaml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["local", "2"], done.stderr
    assert len(_RAY_CLUSTER["provider"]["worker_ips"]) == _RAY_CLUSTER["max_workers"]
