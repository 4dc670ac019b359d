"""Which pictures are copies of each other: exact ones by hash, near ones by small grey thumbnails.

*Near* means what saving again does: another format or quality, another size, a little brighter or darker. The
plain correlation of two thumbnails cannot tell that from "both are trousers": on Fashion-MNIST thousands of
different products correlate above 0.99, while real copies in CIFAR-10 begin at 0.97. So the thumbnails are
first *whitened* by the data set's own covariance, which takes away what all its pictures have in common; what
remains tells single pictures apart, and copies stand clear of everything else on both.

Comparing all pairs is out of the question for 70,000 pictures. The sign of a random projection differs with
probability angle/pi (Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002): 256
such bits, cut into 16 bands, put two copies into at least one common bucket almost surely, and only pictures
that share a bucket are compared. The work grows with N log N.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]

SIDE = 16  # of the grey thumbnail
COLOUR_SIDE = 4  # of the colour thumbnail

# Measured among 500, 100 and 20 photographs: all copies saved as JPEG of quality 10, at half the size or with
# 20 % less contrast are found, of those 10 % brighter 19 in 20, and no two different photographs are taken
# for copies (they stay below 0.6). A crop of 2 % a side is another picture here: hardly one in ten is found.
_COSINE = 0.95
_RIDGE = 0.1  # added to the covariance, in units of its mean eigenvalue: directions of pure noise stay small
_LEAST_VARIANCE = 0.01  # that mean is taken to be at least this; pixels are scaled to a variance of 1
_LEARNT_FROM = 20_000  # pictures at most: more would not change a covariance of 256 x 256
_PRIOR = 8  # pictures' weight of the assumption that nothing is in common
_COLOUR_LEVELS = 40  # a red copy of a green picture is another picture: colour may be the class
_FLAT_LEVELS = 2.0  # standard deviation below which a picture shows nothing that could be compared
_BITS = 256
_BAND_BITS = 16
_BITS_APART = 45  # of 256; a pair at the limit differs in 26 with a standard deviation of 4.8
_WINDOW = 32  # neighbours compared within a bucket: 1,000 frames of one film must not cost a million pairs


def exact_groups(digests: NDArray[np.uint64], usable: NDArray[np.bool_]) -> Integers:
    """(N, 2) content hashes -> (N,) the number of the first picture with the same content.

    Pictures that are not usable are alone.
    """
    group = np.arange(len(digests))
    chosen = np.flatnonzero(usable)
    _, first, inverse = np.unique(digests[chosen], axis=0, return_index=True, return_inverse=True)
    group[chosen] = chosen[first][inverse.reshape(-1)]
    return group


def near_pairs(thumbnails: NDArray[np.uint8], colours: NDArray[np.uint8]) -> Integers:
    """(P, 2) pairs i < j of pictures that look the same, in rising order.

    Args:
        thumbnails: (N, 16, 16) grey, each the whole picture.
        colours: (N, 4, 4, 3) RGB, likewise.
    """
    x = thumbnails.reshape(len(thumbnails), SIDE * SIDE).astype(np.float32)
    x -= x.mean(axis=1, keepdims=True)
    contrast = np.sqrt(np.einsum("nd,nd->n", x, x) / x.shape[1])
    kept = np.flatnonzero(contrast > _FLAT_LEVELS)
    if len(kept) < 2:
        return np.empty((0, 2), dtype=np.int64)
    x /= np.maximum(contrast, _FLAT_LEVELS)[:, None]  # neither brightness nor contrast counts
    white = _whitened(x[kept] if len(kept) < len(x) else x)
    pairs = _candidates(_signatures(white))
    pairs = pairs[np.einsum("pd,pd->p", white[pairs[:, 0]], white[pairs[:, 1]]) > _COSINE]
    pairs = kept[pairs]
    tint = colours.reshape(len(colours), -1).astype(np.int16)
    apart = np.abs(tint[pairs[:, 0]] - tint[pairs[:, 1]]).max(axis=1, initial=0)
    return pairs[apart <= _COLOUR_LEVELS]


def joined(groups: Integers, pairs: Integers) -> Integers:
    """(N,) groups in which the two pictures of every pair share one: its smallest number."""
    links = np.flatnonzero(groups != np.arange(len(groups)))
    root: dict[int, int] = {}  # of pictures that are not alone

    def find(i: int) -> int:
        while (above := root.setdefault(i, i)) != i:
            root[i] = root[above]
            i = above
        return i

    for i, j in [*zip(links.tolist(), groups[links].tolist(), strict=True), *pairs.tolist()]:
        a, b = find(i), find(j)
        root[max(a, b)] = min(a, b)
    merged = groups.copy()
    for i in root:
        merged[i] = find(i)
    return merged


def _whitened(x: Floats) -> Floats:
    """(N, 256) -> (N, 256) vectors of length 1 without what the data set's pictures have in common.

    "In common" is learnt from distinct pictures only: a hundred copies of one are not what all share. Of few
    pictures little can be learnt, so the mean is drawn to 0 and the covariance to a multiple of the identity.
    """
    chosen = _distinct(x)
    distinct = x[chosen[:: 1 + len(chosen) // _LEARNT_FROM]]
    count, size = distinct.shape
    centre = distinct.sum(axis=0) / (count + _PRIOR)
    distinct -= centre
    values, vectors = np.linalg.eigh((distinct.T @ distinct).astype(np.float64) / count)
    ridge = _RIDGE * (1 + size / count) * max(values.mean(), _LEAST_VARIANCE)
    turn = (vectors / np.sqrt(np.maximum(values, 0) + ridge)).astype(np.float32)
    white: Floats = x @ turn
    white -= centre @ turn
    white /= np.maximum(np.sqrt(np.einsum("nd,nd->n", white, white)), 1e-9)[:, None]
    return white


def _distinct(x: Floats) -> Integers:
    """The first picture of each look: 4 x 4 cells, each in steps of a sixteenth of the contrast."""
    step = SIDE // COLOUR_SIDE
    cells = x.reshape(len(x), COLOUR_SIDE, step, COLOUR_SIDE, step).mean(axis=(2, 4)).reshape(len(x), -1)
    levels = np.floor(cells * 16).astype(np.int64).view(np.uint64)
    weights = np.random.default_rng(0).integers(0, 2**63, levels.shape[1], dtype=np.uint64) * 2 + 1
    return np.unique((levels * weights).sum(axis=1, dtype=np.uint64), return_index=True)[1]


def _signatures(white: Floats) -> NDArray[np.uint64]:
    """(N, D) -> (N, 4) words: the signs of 256 random projections."""
    # Not a user's choice: any directions do, and the same ones make the same findings.
    directions = np.random.default_rng(0).standard_normal((white.shape[1], _BITS), dtype=np.float32)
    return np.packbits(white @ directions > 0, axis=1).view(np.uint64)


def _candidates(signatures: NDArray[np.uint64]) -> Integers:
    """(P, 2) pairs i < j that share a band and differ in few bits, in rising order."""
    count = len(signatures)
    bands = signatures.view(np.uint16)  # (N, 16)
    found = [np.empty(0, dtype=np.int64)]
    for band in range(_BITS // _BAND_BITS):
        # Sorted by this band and then by the next three: within a bucket, copies stand close together.
        key = np.zeros(count, dtype=np.uint64)
        for step in range(4):
            key = (key << np.uint64(16)) | bands[:, (band + step) % bands.shape[1]]
        order = np.argsort(key, kind="stable")
        bucket = bands[order, band]
        start = np.arange(count)
        for offset in range(1, min(_WINDOW + 1, count)):
            start = start[: np.searchsorted(start, count - offset)]
            start = start[bucket[start] == bucket[start + offset]]
            if not len(start):
                break
            i, j = order[start], order[start + offset]
            apart = np.bitwise_count(signatures[i] ^ signatures[j]).sum(axis=1, dtype=np.int64)
            close = apart <= _BITS_APART
            found.append(np.minimum(i, j)[close] * count + np.maximum(i, j)[close])
    codes = np.unique(np.concatenate(found))
    return np.stack([codes // count, codes % count], axis=1)
