"""Layer weights and other trees of arrays."""

from __future__ import annotations

import dataclasses
from contextlib import nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from hyp_manifolds import Manifold
from jax.core import Tracer

from ._file import STORED, PathLike, read, read_header_of, write
from ._leaves import Leaf, leaves_of, number

_SAVE, _LOAD = "save_safetensors", "load_safetensors"


def save_safetensors(path: PathLike, tree: Any, *, manifolds: Any = None, c: Any = None) -> None:
    """Writes the arrays of a module or a pytree, and where each of them lies; the old file stays until that is done.

    The header holds for every leaf its manifold (of a product the signature too) and the curvature of its points, for
    the raw number of a `Curvature` how it is read. Leaves have the names of their paths, `layer.kernel`.

    Args:
        path: the file, usually ending in .safetensors.
        tree: an `nnx.Module` or `nnx.State`, of which everything is saved but the streams of random numbers; or a
            pytree of arrays.
        manifolds: for raw pytrees, a pytree prefix of `tree` with a manifold, a `hyp_optim.ManifoldSpec` or None
            (Euclidean) at each leaf. A `ManifoldParam` carries its own.
        c: of a raw pytree, the curvature magnitude of the points whose entry in `manifolds` does not tell, 1 by
            default: a number, or one for each factor of a product. Of a module, whose points are at unit curvature,
            a fixed curvature that its layers are called with, to be compared when it is loaded; optional.

    Raises:
        ImportError: safetensors is not installed; `pip install 'hyp-nn[safetensors]'`.
        TypeError: a leaf is no array, or of a dtype that is not stored.
        ValueError: no leaf; a point off its manifold; a name twice; `manifolds` that do not fit.
    """
    leaves, _ = leaves_of(_SAVE, tree, manifolds, c)
    arrays = {}
    for name, leaf in leaves.items():
        where = f"{_SAVE}: leaf {name!r}"
        if isinstance(leaf.value, jax.ShapeDtypeStruct | Tracer):
            raise TypeError(f"{where} has no values: it is abstract or traced.")
        arrays[name] = np.asarray(leaf.value)
        if arrays[name].dtype not in STORED:
            raise TypeError(f"{where} has the dtype {leaf.value.dtype}, which is not stored; convert it first.")
        if leaf.manifold is not None:
            check_points(where, arrays[name], leaf.manifold, leaf.c)
    records = {name: leaf.record() for name, leaf in leaves.items()}
    write(path, arrays, {"kind": "weights", "c": _call_c(_SAVE, tree, c), "leaves": records})


def load_safetensors(path: PathLike, template: Any, *, manifolds: Any = None, c: Any = None) -> Any:
    """Returns a tree like `template` with the arrays of a file, bit for bit as they were saved.

    Everything is compared before anything is returned: the names of the leaves, manifolds, curvatures (to float32
    rounding), shapes, dtypes, and every point with its manifold. Nothing is cast, projected or left out.

    Args:
        path: a file of `save_safetensors`.
        template: an `nnx.Module`, `nnx.State` or pytree of the structure that was saved, which stays as it is. Arrays
            may be abstract (`nnx.eval_shape`). Streams of random numbers are the template's.
        manifolds: as for `save_safetensors`.
        c: as for `save_safetensors`; the one that was saved.

    Returns:
        The new tree. Arrays are NumPy's where the template's are, else JAX's, placed as those of the template.

    Raises:
        ImportError: safetensors is not installed.
        OSError: the file cannot be read.
        TypeError: float64 for a JAX array while the 64-bit mode is off; a template with leaves that are no arrays.
        ValueError: the file is damaged, or differs from what is expected; the message names the leaf.
    """
    leaves, rebuild = leaves_of(_LOAD, template, manifolds, c)
    arrays, header = read(path)
    if header.get("kind") != "weights" or not isinstance(header.get("leaves"), dict):
        raise ValueError(f"{_LOAD}: {path} holds {header.get('kind')!r}, not weights.")
    _check_names(path, set(leaves), set(arrays), set(header["leaves"]))
    expected = _call_c(_LOAD, template, c)
    if not same_c(header.get("c"), expected):
        raise ValueError(
            f"{_LOAD}: {path} was saved for calls at c={header.get('c')}, expected {expected}; pass the c it was "
            "saved with, or none where none was."
        )
    for name, leaf in leaves.items():
        _check_leaf(f"{_LOAD}: {path}: leaf {name!r}", arrays[name], header["leaves"][name], leaf)
    return rebuild(
        {name: _placed(f"{_LOAD}: {path}: leaf {name!r}", arrays[name], leaf.value) for name, leaf in leaves.items()}
    )


def read_header(path: PathLike) -> dict[str, Any]:
    """Returns what a file says of its arrays, without reading them: kind, curvature and, for each leaf, its record.

    Args:
        path: a file of `save_safetensors` or `save_points`.

    Returns:
        The header: "kind", "c" and "leaves", by name the "manifold" and "c" of its points (where it holds points), its
        "dtype" and "shape".

    Raises:
        OSError, ValueError: the file cannot be read or is none of hyp-nn's.
    """
    header, parts = read_header_of(path)
    records = header.get("leaves")
    if not isinstance(records, dict) or not all(
        isinstance(part, dict) for part in (*parts.values(), *records.values())
    ):
        raise ValueError(f"{path}: the header does not say what the arrays are.")
    leaves = {
        name: {**records.get(name, {}), "dtype": part.get("dtype"), "shape": part.get("shape")}
        for name, part in parts.items()
    }
    return {**header, "leaves": leaves}


def check_points(where: str, points: np.ndarray, manifold: Manifold, c: Any) -> None:
    """Raises a ValueError unless every row of an array is a point of the manifold of curvature magnitude c."""
    if points.ndim == 0:
        raise ValueError(f"{where} must hold points of {manifold!r}, got a scalar.")
    rows, model = points.reshape(-1, points.shape[-1]), dataclasses.replace(manifold, dtype=None)
    curvature: Any = np.asarray(c, np.float64).astype(np.float64 if points.dtype == np.float64 else np.float32)
    # float64 points are compared as such, whatever the mode of the caller.
    with jax.enable_x64(True) if points.dtype == np.float64 else nullcontext():
        try:
            inside = np.asarray(jax.vmap(lambda x: model.is_in_manifold(x, curvature))(jnp.asarray(rows)))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{where} holds no points of {manifold!r}: {error}") from None
    if not inside.all():
        row = int(np.argmin(inside))
        raise ValueError(
            f"{where}: {int((~inside).sum())} of {len(rows)} rows are no points of {manifold!r} at c={c}, the first is "
            f"row {row}: {rows[row]}."
        )


def same_c(a: Any, b: Any) -> bool:
    """Whether two curvatures of headers are equal to float32 rounding."""
    if a is None or b is None:
        return a is None and b is None
    try:
        left, right = np.asarray(a), np.asarray(b)
    except ValueError:  # a ragged list
        return False
    if left.dtype.kind not in "fiu" or right.dtype.kind not in "fiu":
        return False
    left, right = left.astype(np.float32), right.astype(np.float32)
    return left.shape == right.shape and bool((left == right).all())


def _call_c(where: str, tree: Any, c: Any) -> Any:
    """The curvature that is the file's own and not that of points: what a module is called with."""
    return number(where, c) if c is not None and isinstance(tree, nnx.Module | nnx.State) else None


def _check_names(path: PathLike, wanted: set[str], arrays: set[str], records: set[str]) -> None:
    texts = [
        f"{text} {', '.join(map(repr, sorted(names)))}"
        for text, names in (
            ("the file lacks the leaf", wanted - arrays),
            ("the template lacks the leaf", arrays - wanted),
            ("arrays and header disagree about", arrays ^ records),
        )
        if names
    ]
    if texts:
        raise ValueError(f"{_LOAD}: {path}: {'; '.join(texts)}.")


def _check_leaf(where: str, array: np.ndarray, record: Any, leaf: Leaf) -> None:
    shape, dtype = tuple(leaf.value.shape), np.dtype(leaf.value.dtype)
    if array.shape != shape:
        raise ValueError(f"{where} has shape {array.shape}, expected {shape}.")
    if array.dtype != dtype:
        raise ValueError(f"{where} has dtype {array.dtype}, expected {dtype}.")
    expected = leaf.record()
    record = record if isinstance(record, dict) else {"record": record}
    for key in sorted(expected.keys() | record.keys()):
        found, wanted = record.get(key), expected.get(key)
        if not (same_c(found, wanted) if key == "c" else found == wanted):
            raise ValueError(f"{where} was saved with {key} {found}, expected {wanted}.")
    if leaf.manifold is not None:
        check_points(where, array, leaf.manifold, leaf.c)


def _placed(where: str, array: np.ndarray, like: Any) -> Any:
    """The array as NumPy's where the template has one of those, else on the devices of the template's."""
    if isinstance(like, np.ndarray | np.generic):
        return array.copy()
    sharding = like.sharding if isinstance(like, jax.ShapeDtypeStruct) or like.committed else None
    placed = jnp.asarray(array) if sharding is None else jax.device_put(array, sharding)
    if placed.dtype != array.dtype:
        raise TypeError(f"{where} is {array.dtype} while JAX's 64-bit mode is off; switch on jax_enable_x64.")
    return placed
