"""An exported network at another height and width than it was exported for.

What such a network computes at a place depends on the pixels around it, so it works at any size that is a multiple of
its coarsest stride. Exporters write the size into it all the same: as targets of reshapes, and as the places and
strides of the anchors of its head. Here these constants are written anew, no weight is touched, and whatever is not
exactly as ultralytics exports it is refused.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from forensics.errors import CannotStart

__all__ = ["COARSEST_STRIDE", "reshape"]

_STRIDES: Final = (8, 16, 32)
COARSEST_STRIDE: Final = _STRIDES[-1]

_Size = tuple[int, int]
_Array = npt.NDArray[Any]


def reshape(network: Any, name: str, height_px: int, width_px: int) -> Any:
    """The same network, for pictures of this height and width.

    Args:
        network: an OpenVINO model with one input (1, 3, h, w); it is changed.
        name: of the model, for messages.
        height_px: a multiple of 32.
        width_px: a multiple of 32.

    Raises:
        CannotStart: the network holds its size in a way that is not known here.
    """
    _, _, *old = network.input(0).partial_shape
    if network.input(0).partial_shape.is_dynamic:
        network.reshape([1, 3, height_px, width_px])
        return network
    before, now = (int(old[0].get_length()), int(old[1].get_length())), (height_px, width_px)
    if before == now:
        return network
    from openvino import PartialShape, opset1

    try:
        for place, constant in list(_constants(network)):
            changed = _rewritten(constant, before, now, is_target=place.get_node().get_type_name() == "Reshape")
            if changed is not None:
                place.replace_source_output(opset1.constant(changed).output(0))
        network.get_parameters()[0].set_partial_shape(PartialShape([1, 3, *now]))
        network.validate_nodes_and_infer_types()
    except (RuntimeError, ValueError) as error:
        raise _unknown(name, now, str(error).strip().splitlines()[-1]) from error
    n_anchors = int(network.output(0).partial_shape[2].get_length())
    if n_anchors != _n_anchors(now):
        raise _unknown(name, now, f"it gives {n_anchors} anchors, expected {_n_anchors(now)}")
    return network


def _constants(network: Any) -> Iterator[tuple[Any, _Array]]:
    """Every input of an operation that is a constant, with its value; weights are large and passed over."""
    for node in network.get_ops():
        for place in node.inputs():
            source = place.get_source_output().get_node()
            if source.get_type_name() == "Constant" and source.get_output_size() == 1:
                shape = list(source.output(0).shape)
                is_target = node.get_type_name() == "Reshape" and place.get_index() == 1
                is_of_anchors = len(shape) in (2, 3) and shape[0] == 1
                if is_target or is_of_anchors:
                    yield place, np.array(source.get_data())


def _rewritten(constant: _Array, before: _Size, now: _Size, *, is_target: bool) -> _Array | None:
    """The constant for the new size; None where it does not depend on the size."""
    if is_target:
        changed = _target(constant, before, now)
        return None if np.array_equal(changed, constant) else changed
    for of_anchors in (_strides_of, _places_of):
        old = of_anchors(before).astype(constant.dtype)
        if constant.size == old.size and np.array_equal(constant.reshape(old.shape), old):
            new = of_anchors(now).astype(constant.dtype)
            return new.reshape(*constant.shape[:-1], _n_anchors(now))
    return None


def _target(dims: _Array, before: _Size, now: _Size) -> _Array:
    """The target of a reshape: rows and columns of a grid, or how many places grids have."""
    changed = dims.copy()
    grids = {_grid(before, stride): _grid(now, stride) for stride in _STRIDES}
    counts = {rows * columns: np.prod(grids[rows, columns]) for rows, columns in grids}
    counts[_n_anchors(before)] = np.int64(_n_anchors(now))
    if dims.ndim == 1 and len(dims) >= 3:
        last = tuple(dims[-2:].tolist())
        if last in grids:
            changed[-2:] = grids[last]
        elif int(dims[-1]) in counts:
            changed[-1] = counts[int(dims[-1])]
    return changed


def _grid(size: _Size, stride: int) -> _Size:
    return size[0] // stride, size[1] // stride


def _n_anchors(size: _Size) -> int:
    return sum(rows * columns for rows, columns in (_grid(size, stride) for stride in _STRIDES))


def _strides_of(size: _Size) -> _Array:
    """(A,) float64, the stride of each anchor."""
    return np.concatenate([np.full(int(np.prod(_grid(size, stride))), float(stride)) for stride in _STRIDES])


def _places_of(size: _Size) -> _Array:
    """(2, A) float64, column and row of each anchor's middle, in its own grid."""
    places = []
    for stride in _STRIDES:
        rows, columns = _grid(size, stride)
        row, column = np.mgrid[:rows, :columns]
        places.append(np.stack([column.ravel(), row.ravel()]) + 0.5)
    return np.concatenate(places, axis=1)


def _unknown(name: str, now: _Size, found: str) -> CannotStart:
    return CannotStart(
        f"this network cannot be made to take {now[1]}x{now[0]} pixels: {found}",
        "leave out detect.rectangular, or export it with: yolo export model=FILE.pt format=openvino dynamic=True",
        name,
    )
