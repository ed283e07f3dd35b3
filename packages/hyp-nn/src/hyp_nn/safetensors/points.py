"""A table of labelled points, as an embedding leaves it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from hyp_manifolds import Manifold
from jaxtyping import ArrayLike, Float

from ._describe import describe, manifold_of
from ._file import STORED, PathLike, read, write
from ._leaves import number
from .weights import check_points, same_c

_SAVE, _LOAD = "save_points", "load_points"
_FIELDS = {"points", "labels", "label_ends"}


class SavedPoints(NamedTuple):
    """The content of a file of points.

    Attributes:
        points: shape (n, ambient dimension), in the dtype they were saved in.
        labels: n texts.
        manifold: where the points lie.
        c: the curvature magnitude of the points, a number or one for each factor of a product.
    """

    points: Float[np.ndarray, "n coords"]
    labels: tuple[str, ...]
    manifold: Manifold
    c: float | list[float]


def save_points(path: PathLike, points: ArrayLike, labels: Sequence[str], manifold: Manifold, c: Any = 1.0) -> None:
    """Writes points, their labels, manifold and curvature; the old file stays until that is done.

    Args:
        path: the file, usually ending in .safetensors.
        points: shape (n, ambient dimension), floating, on the manifold.
        labels: n texts.
        manifold: where the points lie.
        c: the curvature magnitude of the points, a number or one for each factor of a product.

    Raises:
        ImportError: safetensors is not installed; `pip install 'hyp-nn[safetensors]'`.
        TypeError: `manifold` is no manifold, a label is no text.
        ValueError: shapes disagree, a point is off the manifold, a label has no UTF-8 form.
    """
    if not isinstance(manifold, Manifold):
        raise TypeError(f"{_SAVE}: manifold must be an instance of a manifold class, got {manifold!r}.")
    table = np.asarray(points)
    if table.ndim != 2 or len(table) != len(labels) or table.dtype not in STORED:
        raise ValueError(
            f"{_SAVE}: points must be a floating array of shape (n, coordinates) with a label for each, got "
            f"{table.dtype}{list(table.shape)} and {len(labels)} labels."
        )
    curvature = number(_SAVE, c, manifold)
    check_points(f"{_SAVE}: points", table, manifold, curvature)
    text, ends = _encoded(labels)
    arrays = {"points": table, "labels": text, "label_ends": ends}
    records = {"points": {"manifold": describe(manifold), "c": curvature}, "labels": {}, "label_ends": {}}
    write(path, arrays, {"kind": "points", "c": None, "leaves": records})


def load_points(path: PathLike, *, manifold: Manifold | None = None, c: Any = None) -> SavedPoints:
    """Reads a file of `save_points`; every point is compared with its manifold.

    Args:
        path: the file.
        manifold: the manifold that is expected; by default the one that the file names.
        c: the curvature magnitude that is expected; by default the file's.

    Returns:
        Points, labels, manifold and curvature.

    Raises:
        ImportError: safetensors is not installed.
        OSError: the file cannot be read.
        ValueError: the file is damaged or holds something else; another manifold or curvature than expected.
    """
    where = f"{_LOAD}: {path}"
    arrays, header = read(path)
    leaves = header.get("leaves")
    record = leaves.get("points") if isinstance(leaves, dict) else None
    if header.get("kind") != "points" or set(arrays) != _FIELDS or not isinstance(record, dict):
        raise ValueError(f"{where} holds {header.get('kind')!r} with {sorted(arrays)}, not labelled points.")
    found, curvature = record.get("manifold"), record.get("c")
    if manifold is None:
        try:
            manifold = manifold_of(found)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
    if found != describe(manifold):
        raise ValueError(f"{where}: the points lie on {found}, expected {describe(manifold)}.")
    curvature = number(where, curvature, manifold)
    if c is not None and not same_c(curvature, number(_LOAD, c, manifold)):
        raise ValueError(f"{where}: the points are at c={curvature}, expected {c}.")
    points = arrays["points"]
    labels = _decoded(where, arrays["labels"], arrays["label_ends"])
    if points.ndim != 2 or len(points) != len(labels):
        raise ValueError(f"{where}: {len(labels)} labels for points of shape {points.shape}.")
    check_points(f"{where}: points", points, manifold, curvature)
    return SavedPoints(points.copy(), labels, manifold, curvature)


def _encoded(labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The labels in UTF-8, one after the other, and where each ends: any text, and no limit on a header's length."""
    parts = []
    for row, label in enumerate(labels):
        if not isinstance(label, str):
            raise TypeError(f"{_SAVE}: label {row} must be text, got {label!r}.")
        try:
            parts.append(str(label).encode())
        except UnicodeEncodeError:
            raise ValueError(f"{_SAVE}: label {row}, {label!r}, has no UTF-8 form.") from None
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return np.frombuffer(b"".join(parts), np.uint8), ends


def _decoded(where: str, text: np.ndarray, ends: np.ndarray) -> tuple[str, ...]:
    starts = np.concatenate([np.zeros(1, np.int64), ends.ravel()])
    sound = text.dtype == np.uint8 and text.ndim == 1 and ends.dtype == np.int64 and ends.ndim == 1
    if sound:
        sound = bool((starts[1:] >= starts[:-1]).all()) and int(starts[-1]) == len(text)
    if not sound:
        raise ValueError(f"{where}: the labels are damaged.")
    raw = text.tobytes()
    try:
        return tuple(raw[a:b].decode() for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True))
    except UnicodeDecodeError:
        raise ValueError(f"{where}: the labels are no UTF-8.") from None
