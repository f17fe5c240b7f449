"""Change of the input size of a network that ultralytics exported for another size.

What such a network computes at a point depends on the pixels around it only, so it works at any size that is a multiple
of its coarsest stride. Exporters nevertheless store the size in it: as targets of reshapes, and as centres and strides
of the anchors of its head. These constants are replaced; weights are not touched. A network that differs in any way
from ultralytics' exports is refused.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from forensics.errors import CannotStart

__all__ = ["COARSEST_STRIDE", "FINAL_COLUMNS", "reshape"]

_STRIDES: Final = (8, 16, 32)
COARSEST_STRIDE: Final = _STRIDES[-1]
FINAL_COLUMNS: Final = 6
"""Columns of an output whose rows are final boxes: x1, y1, x2, y2, score, class."""
_ANCHOR_CONSTANTS: Final = 2
"""Centres and strides of the anchors: both are in a head that computes final boxes from them."""

_Size = tuple[int, int]
_Array = npt.NDArray[Any]


def reshape(network: Any, name: str, height_px: int, width_px: int) -> Any:
    """Change the network to take pictures of this height and width, and return it.

    Args:
        network: an OpenVINO model with one input (1, 3, h, w); it is modified.
        name: of the model, for messages.
        height_px: a multiple of 32.
        width_px: a multiple of 32.

    Raises:
        CannotStart: the network stores its size in an unknown way.
    """
    _, _, *old = network.input(0).partial_shape
    if network.input(0).partial_shape.is_dynamic:
        network.reshape([1, 3, height_px, width_px])
        return network
    before, now = (int(old[0].get_length()), int(old[1].get_length())), (height_px, width_px)
    if before == now:
        return network
    from openvino import PartialShape, opset1

    n_anchor_constants = 0
    try:
        for operand, constant in list(_iter_size_constants(network)):
            is_target = operand.get_node().get_type_name() == "Reshape"
            changed = _resize_constant(constant, before, now, is_target=is_target)
            if changed is not None:
                operand.replace_source_output(opset1.constant(changed).output(0))
                n_anchor_constants += not is_target
        network.get_parameters()[0].set_partial_shape(PartialShape([1, 3, *now]))
        network.validate_nodes_and_infer_types()
    except (RuntimeError, ValueError) as error:
        raise _reshape_error(name, now, str(error).strip().splitlines()[-1]) from error
    n_columns = int(network.output(0).partial_shape[2].get_length())
    is_final = n_columns == FINAL_COLUMNS and n_anchor_constants >= _ANCHOR_CONSTANTS
    if n_columns != _n_anchors(now) and not is_final:
        raise _reshape_error(name, now, f"it gives {n_columns} anchors, expected {_n_anchors(now)}")
    return network


def _iter_size_constants(network: Any) -> Iterator[tuple[Any, _Array]]:
    """Yield every operand of an operation that is a constant and may hold the size, with its value; no weights."""
    for node in network.get_ops():
        for operand in node.inputs():
            source = operand.get_source_output().get_node()
            if source.get_type_name() == "Constant" and source.get_output_size() == 1:
                shape = list(source.output(0).shape)
                is_target = node.get_type_name() == "Reshape" and operand.get_index() == 1
                may_hold_anchors = len(shape) in (2, 3) and shape[0] == 1
                if is_target or may_hold_anchors:
                    yield operand, np.array(source.get_data())


def _resize_constant(constant: _Array, before: _Size, now: _Size, *, is_target: bool) -> _Array | None:
    """Return the constant for the new size; None if it does not depend on the size."""
    if is_target:
        changed = _resize_target(constant, before, now)
        return None if np.array_equal(changed, constant) else changed
    for anchor_values in (_anchor_strides, _anchor_centres):
        old = anchor_values(before).astype(constant.dtype)
        if constant.size == old.size and np.array_equal(constant.reshape(old.shape), old):
            new = anchor_values(now).astype(constant.dtype)
            return new.reshape(*constant.shape[:-1], _n_anchors(now))
    return None


def _resize_target(dims: _Array, before: _Size, now: _Size) -> _Array:
    """Return the new target of a reshape: rows and columns of a grid, or the number of cells of one or all grids."""
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
    """Return (rows, columns) of the grid of a stride."""
    return size[0] // stride, size[1] // stride


def _n_anchors(size: _Size) -> int:
    """Count the anchors: the cells of all grids."""
    return sum(rows * columns for rows, columns in (_grid(size, stride) for stride in _STRIDES))


def _anchor_strides(size: _Size) -> _Array:
    """Return (A,) float64, the stride of each anchor."""
    return np.concatenate([np.full(int(np.prod(_grid(size, stride))), float(stride)) for stride in _STRIDES])


def _anchor_centres(size: _Size) -> _Array:
    """Return (2, A) float64, column and row of each anchor's centre, in cells of its own grid."""
    centres = []
    for stride in _STRIDES:
        rows, columns = _grid(size, stride)
        row, column = np.mgrid[:rows, :columns]
        centres.append(np.stack([column.ravel(), row.ravel()]) + 0.5)
    return np.concatenate(centres, axis=1)


def _reshape_error(name: str, now: _Size, found: str) -> CannotStart:
    """Build the error for a network that cannot be reshaped."""
    return CannotStart(
        f"this network cannot be changed to an input of {now[1]}x{now[0]} pixels: {found}",
        "leave out detect.rectangular, or export it with: yolo export model=FILE.pt format=openvino dynamic=True",
        name,
    )
