"""The handwritten digits of scikit-learn, split into a part to train on and a part to score on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

SIDE, CLASSES = 8, 10
PIXELS = SIDE * SIDE
_BRIGHTEST, _HELD_OUT = 16.0, 0.2


class Part(NamedTuple):
    """Images with their digits.

    Attributes:
        x: brightness of the pixels, 0 to 1, row by row.
        y: the digits, 0 to 9.
    """

    x: Float[np.ndarray, "images 64"]
    y: Int[np.ndarray, "images"]


class Split(NamedTuple):
    """What networks are trained on and what they are scored on; no image is in both."""

    train: Part
    test: Part


def load_split(seed: int, *, validation: bool = False) -> Split:
    """Splits the 1,797 images at random, 80 % to train and 20 % to test, each class in proportion.

    Args:
        seed: of the split.
        validation: leave the test images alone: split the images to train once more, in the same way.

    Returns:
        The split, in float32.
    """
    # Half a second of imports that no other command should pay for.
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    split = _halves(Part((images / _BRIGHTEST).astype(np.float32), digits.astype(np.int32)), seed)
    return _halves(split.train, seed) if validation else split


def _halves(whole: Part, seed: int) -> Split:
    from sklearn.model_selection import train_test_split

    chosen, held_out = train_test_split(
        np.arange(len(whole.y)), test_size=_HELD_OUT, stratify=whole.y, random_state=seed
    )
    return Split(*(Part(whole.x[rows], whole.y[rows]) for rows in (chosen, held_out)))
