"""Words of messages."""

__all__ = ["counted"]


def counted(number: int, one: str, many: str) -> str:
    """Return the number with its noun or verb in the right form.

    >>> counted(1, "picture", "pictures"), counted(0, "waits", "wait")
    ('1 picture', '0 wait')
    """
    return f"{number} {one if number == 1 else many}"
