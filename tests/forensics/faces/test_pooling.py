"""Pools of faces: pooling makes strangers no more similar than their single faces are."""

import numpy as np
import pytest

from forensics.faces.face import Measure
from forensics.faces.pooling import Pools, pool, similarities, single_face_pools

RNG = np.random.default_rng(3)


def faces_of(person: int, count: int) -> np.ndarray:
    """Vectors around one point, as far apart as dlib's of one person."""
    middle = np.random.default_rng(person).normal(size=128)
    return (1.4 * middle / np.linalg.norm(middle) + RNG.normal(size=(count, 128)) * 0.03).astype(np.float32)


@pytest.mark.parametrize("n_references", [1, 3])
def test_the_squared_distance_is_the_weighted_mean_of_all_pairs(n_references: int) -> None:
    one, other = faces_of(1, 5), faces_of(2, n_references)
    worth, weight = RNG.uniform(0.1, 1, 5), RNG.uniform(0.1, 1, n_references)
    pairs = ((one[:, None].astype(np.float64) - other[None]) ** 2).sum(axis=2)
    expected = np.sqrt(worth / worth.sum() @ pairs @ (weight / weight.sum()))
    pools = pool(one, worth, Measure.EUCLIDEAN), pool(other, weight, Measure.EUCLIDEAN)
    assert similarities(*pools, Measure.EUCLIDEAN)[0, 0] == pytest.approx(1 - expected, abs=1e-6)


def test_the_cosine_is_the_weighted_mean_of_all_pairs() -> None:
    one, other = faces_of(1, 4), faces_of(2, 1)
    worth = RNG.uniform(0.1, 1, 4)
    cosines = one @ other[0] / np.linalg.norm(one, axis=1) / np.linalg.norm(other[0])
    found = similarities(pool(one, worth, Measure.COSINE), single_face_pools(other, Measure.COSINE), Measure.COSINE)
    assert found[0, 0] == pytest.approx(float(np.average(cosines, weights=worth)), abs=1e-6)


def test_pooling_faces_makes_strangers_no_more_similar() -> None:
    """The mean alone would make them more similar, and the published rates would no longer hold."""
    strangers = [faces_of(person, 5) for person in range(2, 60)]
    template = single_face_pools(faces_of(1, 1), Measure.EUCLIDEAN)
    pools = Pools.stacked([pool(each, np.ones(5), Measure.EUCLIDEAN) for each in strangers])
    of_pairs = np.array(
        [similarities(single_face_pools(e, Measure.EUCLIDEAN), template, Measure.EUCLIDEAN) for e in strangers]
    )
    of_pools = similarities(pools, template, Measure.EUCLIDEAN)
    assert of_pools.mean() == pytest.approx(of_pairs.mean(), abs=0.002)
    assert of_pools.max() <= of_pairs.max()
    alone = similarities(Pools(pools.vectors, np.zeros(len(strangers), np.float32)), template, Measure.EUCLIDEAN)
    assert alone.mean() > of_pairs.mean() + 0.01
