"""Processor features that affect the last digits of numerical results."""

import platform
from pathlib import Path

__all__ = ["instruction_set"]

# Libraries choose their kernels by these flags.
_KERNEL_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16")


def instruction_set() -> str:
    """Return the architecture and the vector extensions by which libraries choose their kernels.

    Results are identical on machines with the same text.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    flags = next((set(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags")), set())
    return " ".join([platform.machine(), *(flag for flag in _KERNEL_FLAGS if flag in flags)])
