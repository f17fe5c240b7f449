"""Words of messages."""

__all__ = ["counted", "length_of_time"]


def counted(number: int, one: str, many: str) -> str:
    """Return the number with its noun or verb in the right form.

    >>> counted(1, "picture", "pictures"), counted(0, "waits", "wait")
    ('1 picture', '0 wait')
    """
    return f"{number} {one if number == 1 else many}"


def length_of_time(seconds: float) -> str:
    """Return a length of time for people.

    >>> length_of_time(3.04), length_of_time(6.23), length_of_time(65), length_of_time(3720)
    ('3 s', '6.2 s', '1 min 05 s', '1 h 02 min')
    """
    if seconds < 59.95:
        return f"{f'{seconds:.1f}'.removesuffix('.0')} s"
    if seconds < 3599.5:
        return f"{round(seconds) // 60} min {round(seconds) % 60:02} s"
    return f"{round(seconds / 60) // 60} h {round(seconds / 60) % 60:02} min"
