"""A picture cut into parts, by the paper's own definition of a good cut, worked out by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from foveate.images.segments import blurred, segments

NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))


def edges(picture: np.ndarray) -> list[tuple[float, tuple[int, int], tuple[int, int]]]:
    height, width = picture.shape[:2]
    return [
        (float(np.sqrt(((picture[y, x] - picture[y + v, x + u]) ** 2).sum())), (y, x), (y + v, x + u))
        for y in range(height)
        for x in range(width)
        for v, u in NEIGHBOURS
        if 0 <= y + v < height and 0 <= x + u < width
    ]


def greatest_step_within(part: int, parts: np.ndarray, picture: np.ndarray) -> float:
    """Of a part's minimum spanning tree (Kruskal's), which has to reach all of it."""
    root = {tuple(place): tuple(place) for place in np.argwhere(parts == part).tolist()}

    def find(place: tuple[int, ...]) -> tuple[int, ...]:
        while root[place] != place:
            place = root[place]
        return place

    steps = [0.0]
    for step, one, other in sorted(edges(picture)):
        if one in root and other in root and find(one) != find(other):
            root[find(one)] = find(other)
            steps.append(step)
    assert len({find(place) for place in root}) == 1  # a part hangs together
    return max(steps)


@pytest.mark.parametrize("tolerance", [10.0, 120.0, 400.0])
def test_neither_too_fine_nor_too_coarse(tolerance: float) -> None:
    """Definitions 1 and 2: between any two neighbours there is evidence for a border; within a part none."""
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 60, (9, 11, 3)).astype(float)
    picture[:, 5:] += 120
    parts = segments(picture, tolerance, 1, sigma=0)
    within = [greatest_step_within(part, parts, picture) for part in range(parts.max() + 1)]
    limit = [step + tolerance / (parts == part).sum() for part, step in enumerate(within)]
    least: dict[tuple[int, int], float] = {}
    for step, one, other in edges(picture):
        pair = tuple(sorted((int(parts[one]), int(parts[other]))))
        if pair[0] != pair[1]:
            least[pair[0], pair[1]] = min(step, least.get((pair[0], pair[1]), np.inf))
    assert 2 <= len(within) < 99 and least
    for (a, b), step in least.items():
        assert step > min(limit[a], limit[b])


def test_what_looks_alike_is_one_part_however_tolerant() -> None:
    picture = np.zeros((10, 12, 3))
    picture[2:6, 3:9] = 200
    for tolerance in (1.0, 100.0):
        parts = segments(picture, tolerance, 1, sigma=0)
        assert parts.max() == 1 and (parts == (picture[..., 0] > 0)).all()
    assert segments(picture, 1e5, 1, sigma=0).max() == 0


def test_parts_have_their_least_size_and_are_numbered_by_their_first_pixel() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (16, 20, 3)).astype(float)
    parts = segments(picture, 50.0, 12)
    sizes = np.bincount(parts.ravel())
    assert len(sizes) > 3 and sizes.min() >= 12
    _, first = np.unique(parts, return_index=True)
    assert (np.diff(first) > 0).all()


def test_the_blur_is_a_gaussian_of_its_deviation() -> None:
    picture = np.zeros((31, 31, 1))
    picture[15, 15] = 1
    found = blurred(picture, 2.0)[..., 0]
    places = np.arange(31) - 15
    assert found.sum() == pytest.approx(1) and (found == found.T).all()
    assert (found.sum(axis=0) * places**2).sum() == pytest.approx(4.0, rel=0.01)
    flat = np.full((5, 6, 3), 7.0)
    assert blurred(flat, 3.0) == pytest.approx(flat)
