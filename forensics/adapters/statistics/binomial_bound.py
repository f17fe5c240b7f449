"""How large a share may be, from how often it was found in a draw."""

__all__ = ["upper_bound"]


def upper_bound(n_found: int, n_drawn: int, confidence: float = 0.95) -> float:
    """The share that is not exceeded with this confidence: the one-sided bound of Clopper and Pearson.

    Args:
        n_found: how many of those drawn had it.
        n_drawn: how many were drawn at random; 0 says nothing, so the bound is 1.
        confidence: in (0, 1).

    >>> round(at_most(0, 300), 4), round(at_most(3, 300), 4), at_most(5, 5), at_most(0, 0)
    (0.0099, 0.0256, 1.0, 1.0)
    """
    from scipy.special import betaincinv  # type: ignore[import-untyped]

    if n_found >= n_drawn:
        return 1.0
    return float(betaincinv(n_found + 1, n_drawn - n_found, confidence))
