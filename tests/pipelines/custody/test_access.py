"""Access to the cluster, the case folder and the secrets."""

import ast
import base64
import http.client
import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import forensics
from forensics.digests import sha256_of_file
from forensics.errors import IntegrityBroken
from pipelines.custody.open_session import open_session
from pipelines.custody.session import Need
from pipelines.desk.doctor import examine
from testing.commands import Call, clip, search_case
from testing.face_case import FaceCase
from testing.project import ROOT

_JOIN = """
import sys
import ray
try:
    ray.init(address=sys.argv[1], log_to_driver=False)
except ConnectionError:
    print("refused")
else:
    print("joined", len(ray.nodes()))
"""


@pytest.fixture(scope="module")
def cluster_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a local cluster as a run does, although the environment asks for none or a known token.

    Returns its address.
    """
    known = tmp_path_factory.mktemp("token") / "auth_token"
    known.write_text("0" * 64)
    asked = {"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN": "0" * 64, "RAY_AUTH_TOKEN_PATH": str(known)}
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patched:
        for name, value in asked.items():
            patched.setenv(name, value)
        warnings.simplefilter("ignore")
        from pipelines.runners.ray import RayCluster, ray

        with RayCluster(None, 1):
            yield ray.get_runtime_context().gcs_address


def listeners() -> list[tuple[str, str, int]]:
    """Return the process, address and port of every listening socket of this process and its children."""
    mine = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return [
        (process.name(), connection.laddr.ip, connection.laddr.port)
        for process in mine
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]


def test_a_local_cluster_listens_on_this_machine_only(cluster_address: str) -> None:
    heard = listeners()
    assert any(name == "gcs_server" for name, _, _ in heard)
    assert [one for one in heard if one[1].removeprefix("::ffff:") != "127.0.0.1"] == []


def test_no_file_of_the_cluster_is_readable_by_other_users(cluster_address: str) -> None:
    from pipelines.runners.ray import ray

    folder = Path(ray._private.worker._global_node.temp_dir)
    assert folder.parent.name.startswith("forensics-")
    assert folder.parent.stat().st_mode & 0o077 == 0


def _token() -> str:
    """Return the token of the local cluster, which was made for it."""
    return os.environ["RAY_AUTH_TOKEN"]


def test_without_the_token_nobody_can_join(cluster_address: str, tmp_path: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    bare["HOME"] = str(tmp_path)  # where no token lies
    bare["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # or Ray asks at another address than loopback
    right = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _token()}
    tried = {"none": {}, "wrong": right | {"RAY_AUTH_TOKEN": "0" * 64}, "right": right}
    joining = {
        name: subprocess.Popen(
            [sys.executable, "-c", _JOIN, cluster_address],
            env=bare | token,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for name, token in tried.items()
    }
    said = {name: process.communicate(timeout=120) for name, process in joining.items()}
    assert {name: out.split()[0] for name, (out, _) in said.items()} == {
        "none": "refused",
        "wrong": "refused",
        "right": "joined",
    }
    assert all("InvalidAuthToken" in said[name][1] for name in ("none", "wrong"))


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Host": "127.0.0.1", "Origin": "https://evil.example"}])
def test_no_page_in_a_browser_can_reach_the_cluster(cluster_address: str, headers: dict[str, str]) -> None:
    """No port answers a request with a forged header."""
    paths = ("/", "/api/jobs/", "/api/version", "/get_or_create_runtime_env", "/metrics", "/logs")
    asked = [(name, port, path, body) for name, _, port in listeners() for path in paths for body in (None, b"{}")]
    answered = {(name, path, body): status_of(port, path, body, headers) for name, port, path, body in asked}
    assert {status for status in answered.values() if status < 400} == {0}
    assert 401 in answered.values()  # the one that speaks HTTP


def status_of(port: int, path: str, body: bytes | None, headers: dict[str, str]) -> int:
    """Return the status of a server's answer; 0 without HTTP."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, http.client.HTTPException):
        return 0


def test_the_token_stands_in_no_log_of_the_cluster(cluster_address: str) -> None:
    from pipelines.runners.ray import ray

    written = [path for path in Path(ray._private.worker._global_node.temp_dir).rglob("*") if path.is_file()]
    assert any("gcs_server" in path.name for path in written)
    token = _token().encode()
    assert [path.name for path in written if token in path.read_bytes()] == []


def test_doctor_says_whether_a_cluster_here_is_open(cluster_address: str) -> None:
    found = [finding for finding in examine() if finding.what == "cluster here"]
    port = cluster_address.rpartition(":")[2]
    (closed,) = [finding for finding in found if f":{port}" in finding.detail]
    assert (closed.state, "with a token" in closed.detail) == ("ok", True)


def test_doctor_warns_of_an_open_cluster(tmp_path: Path) -> None:
    head = tmp_path / "gcs_server"
    listening = (
        "import socket, time; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); "
    )
    bare = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    shutil.copy2(Path(sys.executable).resolve(), head)
    named = {**bare, "PYTHONHOME": sys.base_prefix}
    with subprocess.Popen([head, "-c", listening + "time.sleep(60)"], env=named, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().decode().strip()
            (opened,) = [finding for finding in examine() if f":{port}" in finding.detail]
        finally:
            process.kill()
    assert (opened.what, opened.state) == ("cluster here", "note")
    assert "without a token" in opened.detail


_HOSTILE = ("struct", "signal", "ctypes", "json", "av", "numpy", "polars", "pyarrow", "forensics", "pipelines")


@pytest.mark.parametrize("runner", ["ray", "serial"])
def test_no_file_beside_the_footage_is_run_as_a_module(tmp_path: Path, runner: str) -> None:
    """Who sends footage may send a numpy.py along; a command runs in that folder, and so do its workers."""
    for name in _HOSTILE:
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'a').write({name!r})\n")
    clip(tmp_path / "gate.mp4", n_frames=20)
    command = [Path(sys.executable).with_name("forensics"), "scan", "gate.mp4", "--case", "case", "--runner", runner]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "executed").exists(), (tmp_path / "executed").read_text()


# ---- the case folder


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case as `forensics scan` leaves it, made by a command of a user whose files everybody may read."""
    root = tmp_path_factory.mktemp("made")
    footage = clip(root / "gate.mp4", n_frames=20)
    script = "import os; os.umask(0); from pipelines.cli.main import main; main()"
    command = [sys.executable, "-c", script, "scan", footage, "--case", root / "case", "--runner", "serial"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return root / "case"


def test_only_the_owner_can_read_a_case(demo: Path) -> None:
    readable = [path for path in [demo, *demo.rglob("*")] if path.stat().st_mode & 0o077]
    assert readable == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_reads_nothing_of_it(demo: Path) -> None:
    for folder in demo.parents:
        if folder.owner() == "root" and str(folder).startswith("/tmp/"):
            folder.chmod(0o755)  # the way to it is open, the case itself is not
    script = "import pathlib, sys; pathlib.Path(sys.argv[1]).read_bytes()"
    for name in ("case.toml", "audit.jsonl", "tables/MANIFEST.json"):
        tried = subprocess.run(
            ["/usr/bin/env", "python3", "-c", script, demo / name],
            user=65534, group=65534, extra_groups=[], cwd="/", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "PermissionError" in tried.stderr, name


@pytest.mark.parametrize("name", ["runs", "tables", "evidence", "evidence/index", "audit.jsonl", "case.toml"])
def test_a_link_out_of_the_case_is_refused(demo: Path, tmp_path: Path, call: Call, name: str) -> None:
    case = tmp_path / "case"
    shutil.copytree(demo, case)
    (case / name).rename(tmp_path / "elsewhere")
    (case / name).symlink_to(tmp_path / "elsewhere")
    for command in (["status"], ["query"], ["verify"], ["run", "--runner", "serial"]):
        answer = call(command[0], case, *command[1:])
        assert (answer.code, "is a link" in answer.out + answer.err) == (5, True), (command, answer.err)
    with pytest.raises(IntegrityBroken, match="is a link"):
        forensics.open_case(case)


def test_nothing_is_written_through_a_link_in_a_run(demo: Path, tmp_path: Path, call: Call) -> None:
    case = tmp_path / "case"
    shutil.copytree(demo, case)
    (parts,) = case.glob("runs/*/parts/detect")
    shutil.rmtree(parts)
    (tmp_path / "elsewhere").mkdir()
    parts.symlink_to(tmp_path / "elsewhere")
    answer = call("run", case, "--runner", "serial")
    assert (answer.code, "is a link" in answer.err) == (5, True), answer.err
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_link_does_not_prevent_a_denial(tmp_path: Path, call: Call) -> None:
    case = search_case(tmp_path / "case")
    (case / "runs").symlink_to(tmp_path)
    keys = Path(os.environ["FORENSICS_KEYS"])
    assert any(path.stat().st_size == 32 for path in keys.iterdir() if path.is_file())
    assert call("case", "deny", case, "--reason", "refused").code == 5
    assert not any(path.stat().st_size == 32 for path in keys.iterdir() if path.is_file())


@pytest.mark.parametrize("target", ["../secret.jpg", "/etc/hostname", "runs/../../secret.jpg"])
def test_a_table_that_names_a_picture_elsewhere_opens_nothing(
    demo: Path, tmp_path: Path, call: Call, target: str
) -> None:
    case = tmp_path / "case"
    shutil.copytree(demo, case)
    (tmp_path / "secret.jpg").write_bytes(b"not yours")
    path = case / "tables" / "sightings.parquet"
    rows = pq.read_table(path)
    row = {name: [None] for name in rows.column_names} | {
        "sighting_id": ["s"], "camera_id": ["gate"], "class_name": ["person"], "thumbnail": [target],
        "first_media_us": [0], "last_media_us": [1],
    }  # fmt: skip
    pq.write_table(pa.table(row, schema=rows.schema), path)
    manifest = json.loads((case / "tables" / "MANIFEST.json").read_text())
    for file in manifest["files"]:
        if file["path"].startswith("sightings"):
            file |= {"bytes": path.stat().st_size, "sha256": sha256_of_file(path), "rows": 1}
    (case / "tables" / "MANIFEST.json").write_text(json.dumps(manifest))
    with open_session(case, "test", need=Need.CHANGE) as session:  # so that the log names this manifest
        session.files.register(case / "tables" / "MANIFEST.json")
    answer = call("query", case, "--pictures", tmp_path / "sheet.png")
    assert (answer.code, "leads out of the case" in answer.err) == (5, True), answer.err
    assert not (tmp_path / "sheet.png").exists()


def test_openvino_sends_no_telemetry(tmp_path: Path) -> None:
    """Its telemetry forks this process, asks the network, and leaves a client's number in the home."""
    program = (
        "import os, time; from forensics.adapters.libraries.openvino_core import openvino_core\n"
        "before = []; os.register_at_fork(before=lambda: before.append(1))\n"
        "openvino_core(); time.sleep(1); print(len(before))"
    )
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "0"), done.stderr
    assert list(tmp_path.rglob("*intel*")) == []


def test_nothing_reads_a_format_that_can_run_code() -> None:
    """No module unpickles, evaluates or imports its input, except the one that loads a trusted model."""
    can_run_code = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "imp", "code"}
    calls = {"eval", "exec", "compile", "__import__"}
    found = []
    for path in [*ROOT.glob("forensics/**/*.py"), *ROOT.glob("pipelines/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = (
                [alias.name.partition(".")[0] for alias in getattr(node, "names", ())]
                if isinstance(node, ast.Import)
                else [str(getattr(node, "module", "")).partition(".")[0]]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            loaded = isinstance(node, ast.keyword) and node.arg in {"allow_pickle", "weights_only"}
            if can_run_code & set(names) or called in calls or loaded:
                found.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}")
    allowed = ("pipelines/cli/main.py",)  # its own commands, from a closed list
    assert [place for place in found if not place.startswith(allowed)] == []


def test_no_secret_is_in_the_case_or_in_any_output(tmp_path: Path, call: Call) -> None:
    """Keys of the case and of reviewers, raw or spelt in any usual way, after everything was done with them."""
    case = FaceCase.make(tmp_path, call)
    case.enrol("E0", 0, tmp_path)
    case.run()
    for name in ("A. Ahmed", "B. Becker"):
        case.reviewer(name)
    (row,) = [row for row in case.candidates() if row["decision"] == "candidate"]
    decided = case.decide("A. Ahmed", f"{row['sighting_id']}:{row['entry_id']}", "confirm")
    assert decided.code == 0, decided.err
    said = [answer.out + answer.err for answer in (decided, call("status", case.root))]
    said += [
        case.do("case disclose", "-o", tmp_path / "defence.json", "--recipient", "counsel", "--reason", "asked for")
    ]
    folders = [Path(os.environ[name]) for name in ("FORENSICS_KEYS", "FORENSICS_REVIEWER_KEYS")]
    secrets = {path.name: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}
    spelt = [
        (name, spelling)
        for name, secret in secrets.items()
        if not name.endswith(".json")
        for spelling in (secret, secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret))
    ]
    assert len(spelt) >= 12
    written = [*(path for path in case.root.rglob("*") if path.is_file()), tmp_path / "defence.json"]
    everything = [*(path.read_bytes() for path in written), *(text.encode() for text in said)]
    assert [name for name, spelling in spelt for data in everything if spelling in data] == []
