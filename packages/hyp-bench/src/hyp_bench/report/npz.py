"""Embedded points in one .npz file that loads without pickle."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hyp_bench.bounds import check_npz

from .atomic import atomic_write

_FIELDS = ("points", "labels", "manifold", "c")


class SavedPoints(NamedTuple):
    """The content of a points file.

    Attributes:
        points: shape (n, ambient dimension), in the dtype they were saved in.
        labels: shape (n,), unicode strings.
        manifold: the name of the model, for example "hyperboloid".
        c: the curvature magnitude of the points.
    """

    points: np.ndarray
    labels: np.ndarray
    manifold: str
    c: float


def save_points(
    path: str | os.PathLike[str], points: ArrayLike, labels: Sequence[str], manifold: str, c: float
) -> None:
    """Writes the arrays `points`, `labels`, `manifold` and `c`, atomically.

    Args:
        path: the file to write, usually ending in .npz.
        points: shape (n, ambient dimension), floating, finite.
        labels: n strings.
        manifold: the name of the model the points live in.
        c: the curvature magnitude.

    Raises:
        TypeError: if the points are not floating.
        ValueError: if shapes disagree, a point is not finite, or a label ends in a NUL character.
    """
    points = np.asarray(points)
    if not np.issubdtype(points.dtype, np.floating):
        raise TypeError(f"save_points: points must be floating, got {points.dtype}.")
    if points.ndim != 2 or len(points) != len(labels):
        raise ValueError(f"save_points: expected {len(labels)} points, one per label, got shape {points.shape}.")
    if not np.isfinite(points).all():
        raise ValueError("save_points: points contain NaN or infinity.")
    # NumPy pads unicode strings with NUL, so a trailing NUL would silently be lost: refuse it.
    if any(label.endswith("\0") for label in labels):
        raise ValueError("save_points: a label ends in a NUL character, which NumPy strings cannot hold.")
    with atomic_write(path) as file:
        np.savez(
            file,
            points=points,
            labels=np.asarray(list(labels), dtype=np.str_),
            manifold=np.asarray(manifold, dtype=np.str_),
            c=np.asarray(c, dtype=np.float64),
        )


def load_points(path: str | os.PathLike[str]) -> SavedPoints:
    """Reads a file written by `save_points`, with pickle off.

    Args:
        path: the file to read.

    Returns:
        The points, labels, model name and curvature.

    Raises:
        ValueError: if an array is missing or would need pickle, or the file is larger than `check_npz` allows.
    """
    check_npz(path)
    with np.load(Path(path), allow_pickle=False) as file:
        missing = [name for name in _FIELDS if name not in file.files]
        if missing:
            raise ValueError(f"load_points: {path} has no array {', '.join(missing)}; it holds {sorted(file.files)}.")
        return SavedPoints(file["points"], file["labels"], str(file["manifold"]), float(file["c"]))
