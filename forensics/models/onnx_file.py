"""Search of an ONNX file for tensors whose values are stored in other files, which its digest does not cover.

An ONNX file is one protobuf message. Tensors occur in a few of its fields only, so that a walk over these finds all of
them, and skips their values.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from forensics.errors import UsageError

__all__ = ["refuse_external_tensors"]

_TENSOR: Final = "TensorProto"
# message -> {number of a field: message in it}; of onnx.proto, all fields that lead to tensors
_FIELDS: Final[Mapping[str, Mapping[int, str]]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "GraphProto": {1: "NodeProto", 5: _TENSOR, 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: _TENSOR,
        6: "GraphProto",
        10: _TENSOR,
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: _TENSOR, 2: _TENSOR},
    _TENSOR: {},
}
_EXTERNAL_DATA: Final = 13
_DATA_LOCATION: Final = 14
_VARINT, _FIXED_64, _BYTES, _START_GROUP, _END_GROUP, _FIXED_32 = range(6)
_LONGEST_VARINT: Final = 10


def refuse_external_tensors(path: Path) -> None:
    """Refuse an ONNX file with tensors that are stored in other files.

    Raises:
        UsageError: there is such a tensor.
        ValueError: the file is no protobuf message, so that no network can be read from it.
    """
    try:
        has_external = _has_external(memoryview(path.read_bytes()), "ModelProto")
    except RecursionError as error:
        raise ValueError("its messages are nested too deeply") from error
    if has_external:
        raise UsageError(
            "this network has weights in another file, which the digest of the model does not cover",
            "export it as one file, such as with onnx.save(model, FILE), or as an OpenVINO folder",
            path,
        )


def _has_external(data: memoryview, message: str) -> bool:
    """Whether a message has a tensor that is stored elsewhere."""
    for number, value in _fields(data):
        if message == _TENSOR and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value)):
            return True
        inner = _FIELDS[message].get(number)
        if inner and isinstance(value, memoryview) and _has_external(value, inner):
            return True
    return False


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of the fields of a protobuf message; of a group and of fixed numbers the bytes.

    Raises:
        ValueError: this is no protobuf message.
    """
    position = 0
    while position < len(data):
        number, kind, position = _tag(data, position)
        if kind == _VARINT:
            value, position = _varint(data, position)
            yield number, value
            continue
        start, position = _extent(data, position, number, kind)
        yield number, data[start:position]


def _tag(data: memoryview, position: int) -> tuple[int, int, int]:
    """Return number and wire type of a field, and where it continues."""
    tag, position = _varint(data, position)
    if not tag >> 3:
        raise ValueError("a field without a number")
    return tag >> 3, tag & 7, position


def _extent(data: memoryview, position: int, number: int, kind: int) -> tuple[int, int]:
    """Return start and end of the bytes of a field; the end of a group is that of its end tag."""
    if kind == _BYTES:
        length, position = _varint(data, position)
    elif kind == _START_GROUP:
        length = _end_of_group(data, position, number) - position
    elif kind in {_FIXED_32, _FIXED_64}:
        length = 4 if kind == _FIXED_32 else 8
    else:
        raise ValueError(f"a field of wire type {kind}")
    if position + length > len(data):
        raise ValueError("a field beyond the end")
    return position, position + length


def _end_of_group(data: memoryview, position: int, group: int) -> int:
    """Return where a group ends, after its end tag."""
    while True:
        number, kind, position = _tag(data, position)
        if kind == _END_GROUP and number == group:
            return position
        position = _varint(data, position)[1] if kind == _VARINT else _extent(data, position, number, kind)[1]


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    r"""Return a variable-length integer, and where the next byte is.

    >>> _varint(memoryview(b"\xac\x02"), 0)
    (300, 2)
    """
    value = 0
    for index, byte in enumerate(data[position : position + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, position + index + 1
    raise ValueError("a number without an end")
