"""dlib's face network with its own weights, run by OpenVINO: embeddings equal to 1e-5, many times faster than dlib.

The wheel of dlib multiplies matrices without an optimised library and takes 100 ms for one face on one core. This
module reads dlib's file of weights and builds the layers of dlib's `anet_type` again. Nothing is trained, rounded or
left out: no element of an embedding differs by more than 1e-5, where different people differ by 0.6
(`tests/forensics/adapters/faces/test_face_models.py`).

The layers are those of the example `dnn_face_recognition_ex` that belongs to the weights: a 7x7 convolution and a
pool, fourteen residual blocks of two 3x3 convolutions, a global average, and one matrix. A block that halves the
picture adds its average-pooled input. Where sizes differ, the smaller is padded with zeros.
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
# (filters, whether the block halves the picture), in order of processing
_BLOCKS: Final = (
    *[(32, False)] * 3,
    *[(64, True), *[(64, False)] * 3],
    *[(128, True), *[(128, False)] * 2],
    *[(256, True), *[(256, False)] * 2],
    (256, True),
)
_Array = npt.NDArray[np.float32]


class DlibNetwork:
    """Replacement of `dlib.face_recognition_model_v1`.

    Args:
        weights: the file ``dlib_face_recognition_resnet_model_v1.dat``, whose digest must have been checked.

    Raises:
        IntegrityBroken: the file holds other layers.
    """

    def __init__(self, weights: Path) -> None:
        graph = _Graph(_Weights(weights)).model()
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
        self._compiled: Any = openvino_core().compile_model(graph, "CPU", {**settings, "ENABLE_CPU_PINNING": False})

    def compute_face_descriptor(self, faces: npt.NDArray[np.uint8]) -> FloatArray:
        """Return one embedding for each face, (N, 128) float32.

        Faces are processed one at a time, so that an embedding does not depend on the other faces.

        Args:
            faces: (N, 150, 150, 3) uint8 RGB.
        """
        rows = [self._compiled(face[np.newaxis])[0][0].copy() for face in np.ascontiguousarray(faces)]
        return np.array(rows, dtype=np.float32).reshape(-1, 128)


class _Weights:
    """Reads the tensors of dlib's file, in the order in which the layers process a picture."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = path.read_bytes()
        self._position = 0

    def convolution(self, n_filters: int, n_inputs: int, side: int) -> tuple[_Array, _Array]:
        """Read filters as (out, in, side, side) and biases as (1, out, 1, 1)."""
        size = n_filters * n_inputs * side * side
        values = self._read_tensor(b"con_4", size + n_filters)
        return values[:size].reshape(n_filters, n_inputs, side, side), values[size:].reshape(1, -1, 1, 1)

    def affine(self, n_filters: int) -> tuple[_Array, _Array]:
        """Read factors and summands, each as (1, n, 1, 1)."""
        values = self._read_tensor(b"affine_", 2 * n_filters)
        return values[:n_filters].reshape(1, -1, 1, 1), values[n_filters:].reshape(1, -1, 1, 1)

    def matrix(self, n_inputs: int, n_outputs: int) -> _Array:
        """Read a matrix (n_inputs, n_outputs)."""
        return self._read_tensor(b"fc_2", n_inputs * n_outputs).reshape(n_inputs, n_outputs)

    def _read_tensor(self, layer: bytes, size: int) -> _Array:
        """Read the values of the next layer of that kind.

        Args:
            layer: name of the layer in the file.
            size: expected number of values.

        Raises:
            IntegrityBroken: the layer is missing or has another size.
        """
        found = self._data.find(bytes([1, len(layer)]) + layer, self._position)
        self._position = found + 2 + len(layer)
        if layer == b"fc_2":
            _, _ = self._read_integer(), self._read_integer()  # outputs and inputs; the tensor repeats them
        _version, *shape = [self._read_integer() for _ in range(5)]
        if found < 0 or int(np.prod(shape)) != size:
            raise IntegrityBroken(
                f"its layer {layer.decode()} has the shape {shape}, expected {size} values",
                "reinstall the package face_recognition_models",
                self._path,
            )
        values = np.frombuffer(self._data, dtype="<f4", count=size, offset=self._position)
        self._position += 4 * size
        return values.astype(np.float32)

    def _read_integer(self) -> int:
        """Read an integer of `dlib::serialize`: its length in bytes, then its bytes, little-endian."""
        n_bytes = self._data[self._position]
        self._position += 1 + n_bytes
        return int.from_bytes(self._data[self._position - n_bytes : self._position], "little")


class _Graph:
    """Builds the network of OpenVINO from the weights."""

    def __init__(self, weights: _Weights) -> None:
        from openvino import opset1

        self._weights = weights
        self._ops: Any = opset1

    def model(self) -> Any:
        """Return the model: (1, 150, 150, 3) uint8 in, (1, 128) float32 out."""
        from openvino import Model, Type

        ops = self._ops
        picture = ops.parameter([1, _SIDE_PX, _SIDE_PX, 3], Type.u8)
        centred = ops.subtract(ops.convert(picture, "f32"), np.array(_MEAN_RGB, dtype=np.float32).reshape(1, 1, 1, 3))
        planes = ops.transpose(ops.divide(centred, np.float32(_SCALE)), np.array([0, 3, 1, 2]))
        out, n_channels = ops.relu(self._convolve(planes, 32, 3, side=7, stride=2)), 32
        out = ops.max_pool(out, [2, 2], [0, 0], [0, 0], [3, 3])
        for n_filters, is_halving in _BLOCKS:
            out, n_channels = self._block(out, n_filters, n_channels, is_halving), n_filters
        mean = ops.reduce_mean(out, np.array([2, 3]), keep_dims=False)
        return Model([ops.matmul(mean, self._weights.matrix(256, 128), False, False)], [picture])

    def _block(self, before: Any, n_filters: int, n_channels: int, is_halving: bool) -> Any:
        """Return a residual block of two 3x3 convolutions."""
        ops = self._ops
        first = ops.relu(self._convolve(before, n_filters, n_channels, side=3, stride=2 if is_halving else 1))
        out = self._convolve(first, n_filters, n_filters, side=3, stride=1)
        if is_halving:
            before = ops.avg_pool(before, [2, 2], [0, 0], [0, 0], [2, 2], exclude_pad=True)
        return ops.relu(self._add_padded(out, before))

    def _convolve(self, before: Any, n_filters: int, n_channels: int, *, side: int, stride: int) -> Any:
        """Return a convolution and its affine layer; dlib pads only where the stride is 1."""
        ops = self._ops
        pad = [0, 0] if stride > 1 else [side // 2, side // 2]
        filters, biases = self._weights.convolution(n_filters, n_channels, side)
        factors, summands = self._weights.affine(n_filters)
        out = ops.add(ops.convolution(before, filters, [stride, stride], pad, pad, [1, 1]), biases)
        return ops.add(ops.multiply(out, factors), summands)

    def _add_padded(self, one: Any, other: Any) -> Any:
        """Return the sum of two tensors, each padded with zeros at its end to the larger size."""
        shapes = np.array([list(each.output(0).get_shape()) for each in (one, other)])
        largest = shapes.max(axis=0)
        filled = [
            self._ops.pad(each, np.zeros(4, dtype=np.int64), largest - shape, "constant", np.float32(0))
            for each, shape in zip((one, other), shapes, strict=True)
        ]
        return self._ops.add(*filled)
