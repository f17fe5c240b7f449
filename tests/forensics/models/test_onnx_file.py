"""Weights outside of an ONNX file: OpenVINO reads them, and the model is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forensics.adapters.detectors.load_detector import load_detector
from forensics.adapters.libraries.openvino_core import openvino_core
from forensics.detection.detector import DetectorOptions
from forensics.errors import CannotStart, UsageError
from forensics.models.digest import digest_of
from forensics.models.model_store import Model, resolve
from forensics.models.onnx_file import refuse_external_tensors

NOBODY: frozenset[str] = frozenset()


def number(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + number(rest) if rest else bytes([low])


def field(tag: int, value: int | bytes) -> bytes:
    """Encode one field of a protobuf message."""
    if isinstance(value, int):
        return number(tag << 3) + number(value)
    return number(tag << 3 | 2) + number(len(value)) + value


INSIDE = field(9, np.arange(4, dtype=np.float32).tobytes())
OUTSIDE = field(13, field(1, b"location") + field(2, b"weights.bin")) + field(14, 1)


def tensor(values: bytes) -> bytes:
    return field(1, 4) + field(2, 1) + field(8, b"w") + values


def as_initializer(values: bytes) -> bytes:
    add = field(1, b"x") + field(1, b"w") + field(2, b"y") + field(4, b"Add")
    return field(1, add) + field(5, tensor(values))


def as_constant(values: bytes) -> bytes:
    value = field(1, b"value") + field(20, 4) + field(5, tensor(values))
    constant = field(2, b"w") + field(4, b"Constant") + field(5, value)
    add = field(1, b"x") + field(1, b"w") + field(2, b"y") + field(4, b"Add")
    return field(1, constant) + field(1, add)


def network(path: Path, contents: bytes) -> Path:
    """Write a network y = x + w for four numbers."""
    shape = field(2, field(1, field(1, 1) + field(2, field(1, field(1, 4)))))
    graph = contents + field(2, b"g") + field(11, field(1, b"x") + shape) + field(12, field(1, b"y") + shape)
    path.write_bytes(field(1, 8) + field(8, field(1, b"") + field(2, 17)) + field(7, graph))
    return path


def constants(path: Path) -> list[Any]:
    found = [each for each in openvino_core().read_model(path).get_ops() if each.get_type_name() == "Constant"]
    return [each.get_data().tolist() for each in found]


@pytest.mark.parametrize("place", [as_initializer, as_constant])
def test_a_network_with_weights_in_another_file_is_refused(place: Callable[[bytes], bytes], tmp_path: Path) -> None:
    np.arange(4, 8, dtype=np.float32).tofile(tmp_path / "weights.bin")
    path = network(tmp_path / "outside.onnx", place(OUTSIDE))
    assert [4, 5, 6, 7] in constants(path)
    with pytest.raises(UsageError, match="weights in another file"):
        resolve(str(path), trusted_sha256=NOBODY)
    network(path, place(INSIDE))
    assert [0, 1, 2, 3] in constants(path)
    assert resolve(str(path), trusted_sha256=NOBODY).format == "onnx"


@pytest.mark.parametrize(
    "contents",
    [
        field(15, field(1, tensor(OUTSIDE))),
        field(1, field(5, field(6, field(5, tensor(OUTSIDE))))),
        field(1, field(5, field(11, field(1, field(5, field(10, tensor(OUTSIDE))))))),
        field(1, field(5, field(22, field(2, tensor(OUTSIDE))))),
        number(99 << 3 | 3) + field(1, 7) + field(2, b"x") + number(99 << 3 | 4) + field(5, tensor(OUTSIDE)),
        number(98 << 3 | 5) + b"1234" + number(97 << 3 | 1) + b"12345678" + field(5, tensor(field(14, 1))),
    ],
)
def test_the_tensors_of_every_place_are_found(contents: bytes, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="weights in another file"):
        refuse_external_tensors(network(tmp_path / "net.onnx", as_initializer(INSIDE) + contents))


@pytest.mark.parametrize("contents", [b"no network", b"", field(7, b"")[:-1], field(7, field(1, b"x" * 9)[:-2])])
def test_no_network_is_read_from_a_malformed_file(contents: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(contents)
    with pytest.raises(CannotStart, match="cannot read it"):
        load_detector(resolve(str(path), trusted_sha256=NOBODY), DetectorOptions())


def test_a_network_in_one_file_is_accepted(tmp_path: Path) -> None:
    path = network(tmp_path / "net.onnx", as_initializer(field(14, 0) + INSIDE))
    refuse_external_tensors(path)
    assert resolve(str(path), trusted_sha256=NOBODY).format == "onnx"


@pytest.mark.models
def test_networks_of_the_catalogue_are_in_one_file(shared: Path) -> None:
    paths = sorted((shared / "models").glob("*.onnx"))
    assert paths
    for path in paths:
        refuse_external_tensors(path)


def test_a_detector_loads_no_weights_from_another_file(tmp_path: Path) -> None:
    """Also for a model that was not resolved by this version."""
    path = network(tmp_path / "outside.onnx", as_initializer(OUTSIDE))
    with pytest.raises(UsageError, match="weights in another file"):
        load_detector(Model(path.name, path, digest_of(path), "onnx"), DetectorOptions())
