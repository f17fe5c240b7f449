"""Exact upper confidence bound of a proportion, from a random sample."""

__all__ = ["upper_bound"]


def upper_bound(n_found: int, n_drawn: int, confidence: float = 0.95) -> float:
    """Return the one-sided upper confidence bound of a proportion (Clopper and Pearson).

    Args:
        n_found: how many items of the sample have the property.
        n_drawn: size of the random sample; an empty sample gives the bound 1.
        confidence: in (0, 1).

    >>> round(upper_bound(0, 300), 4), round(upper_bound(3, 300), 4), upper_bound(5, 5), upper_bound(0, 0)
    (0.0099, 0.0256, 1.0, 1.0)
    """
    from scipy.special import betaincinv  # type: ignore[import-untyped]

    if n_found >= n_drawn:
        return 1.0
    return float(betaincinv(n_found + 1, n_drawn - n_found, confidence))
