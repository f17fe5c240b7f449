"""What kind of machine this is, as far as it decides last digits."""

import platform
from pathlib import Path

__all__ = ["instruction_set"]

_DECISIVE_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16")


def instruction_set() -> str:
    """Architecture and the vector extensions that libraries choose their arithmetic by.

    Results are identical on machines of which this text is the same.
    """
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    flags = next((set(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags")), set())
    return " ".join([platform.machine(), *(flag for flag in _DECISIVE_FLAGS if flag in flags)])
