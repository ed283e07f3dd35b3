"""The arrays of a module or a pytree by name, each with its manifold and the curvature of its points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from flax import nnx
from hyp_manifolds import Manifold, OnManifold, Product

from hyp_nn.curvature import Curvature

from ._describe import describe


class Leaf(NamedTuple):
    """An array and what a header says of it.

    Attributes:
        value: the array, or its shape and dtype.
        manifold: where its points lie, None if it holds no points.
        c: the curvature magnitude of the points as stored, a number or one for each factor; None without manifold.
        note: what else the meaning of its numbers depends on.
    """

    value: Any
    manifold: Manifold | None
    c: float | list[float] | None
    note: dict[str, Any]

    def record(self) -> dict[str, Any]:
        """Returns the entry in the header."""
        where = {} if self.manifold is None else {"manifold": describe(self.manifold), "c": self.c}
        return {**where, **self.note}


Leaves = dict[str, Leaf]
Rebuild = Callable[[dict[str, Any]], Any]


def leaves_of(where: str, tree: Any, manifolds: Any, c: Any) -> tuple[Leaves, Rebuild]:
    """Returns the leaves of a tree by name, and the function that makes the same tree of other arrays.

    Raises:
        TypeError, ValueError: see `save_safetensors`.
    """
    if isinstance(tree, nnx.Module | nnx.State):
        if manifolds is not None:
            raise TypeError(
                f"{where}: manifolds is for raw pytrees; the parameters of a module carry theirs (ManifoldParam)."
            )
        found, rebuild = _of_module(where, tree)
    else:
        found, rebuild = _of_pytree(where, tree, manifolds, c)
    if not found:
        raise ValueError(f"{where}: the tree holds no arrays.")
    for name, leaf in found.items():
        if not isinstance(leaf.value, jax.Array | np.ndarray | np.generic | jax.ShapeDtypeStruct):
            raise TypeError(f"{where}: leaf {name!r} must be an array, got {type(leaf.value).__name__}.")
    return found, rebuild


def number(where: str, c: Any, manifold: Manifold | None = None) -> float | list[float]:
    """Returns a curvature as the header holds it: a number, or one for each factor of a product."""
    array = np.asarray(c)
    each = manifold.curvatures if isinstance(manifold, Product) else None
    if array.dtype.kind not in "fiu" or array.shape not in ((), (each,)) or not np.isfinite(array).all():
        raise ValueError(f"{where}: c must be a finite number, or one for each factor of a product, got {c!r}.")
    return array.astype(np.float64).tolist()


def _of_module(where: str, tree: Any) -> tuple[Leaves, Rebuild]:
    graphdef, state = nnx.split(tree) if isinstance(tree, nnx.Module) else (None, tree)
    entries = [(path, variable) for path, variable in nnx.to_flat_state(state)]
    notes = _curvatures(tree) if isinstance(tree, nnx.Module) else {}
    found: Leaves = {}
    for path, variable in entries:
        # Streams of random numbers are no weights: those of the template stay.
        if not isinstance(variable, nnx.RngState):
            _add(where, found, path, _variable_leaf(variable, notes.get(_name(path), {})))

    def rebuild(arrays: dict[str, Any]) -> Any:
        new = [
            (path, variable if isinstance(variable, nnx.RngState) else _replaced(variable, arrays[_name(path)]))
            for path, variable in entries
        ]
        state = nnx.from_flat_state(new)
        return state if graphdef is None else nnx.merge(graphdef, state)

    return found, rebuild


def _curvatures(module: nnx.Module) -> dict[str, dict[str, Any]]:
    """What the raw number of each `Curvature` means, by the name of its leaf."""
    return {
        _name((*path, "raw")): {"parametrization": node.parametrization, "bounds": list(node.bounds)}
        for path, node in nnx.iter_graph(module)
        if isinstance(node, Curvature)
    }


def _of_pytree(where: str, tree: Any, manifolds: Any, c: Any) -> tuple[Leaves, Rebuild]:
    entries, treedef = jax.tree_util.tree_flatten_with_path(tree, is_leaf=_is_variable)
    specs = _spread(where, manifolds, tree)
    found: Leaves = {}
    for (path, value), spec in zip(entries, specs, strict=True):
        keys = tuple(_key(entry) for entry in path) or ("array",)
        _add(where, found, keys, _leaf(f"{where}: leaf {_name(keys)!r}", value, spec, c))

    def rebuild(arrays: dict[str, Any]) -> Any:
        old = [value for _, value in entries]
        new = [_replaced(a, b) if _is_variable(a) else b for a, b in zip(old, arrays.values(), strict=True)]
        return jax.tree.unflatten(treedef, new)

    return found, rebuild


def _spread(where: str, manifolds: Any, tree: Any) -> list[Any]:
    """One entry of `manifolds`, a pytree prefix of the tree, for each leaf."""
    try:
        boxes = jax.tree.map(
            lambda m, part: [(m,)] * len(jax.tree.leaves(part, is_leaf=_is_variable)),
            manifolds,
            tree,
            is_leaf=lambda m: m is None or isinstance(m, Manifold | OnManifold),
        )
    except ValueError as error:
        raise ValueError(f"{where}: manifolds must be a pytree prefix of the tree: {error}") from None
    return [box[0] for box in jax.tree.leaves(boxes, is_leaf=lambda box: isinstance(box, tuple) and len(box) == 1)]


def _leaf(where: str, value: Any, spec: Any, c: Any) -> Leaf:
    if spec is None:
        return _variable_leaf(value, {}) if _is_variable(value) else Leaf(value, None, None, {})
    if isinstance(value, OnManifold):
        raise ValueError(f"{where}: it carries its manifold, {value.manifold!r}; leave None at its place in manifolds.")
    if isinstance(spec, OnManifold):  # such as hyp_optim.ManifoldSpec, which knows the curvature of the points as well
        own = getattr(spec, "c", 1.0)
        spec, c = spec.manifold, (c if own is None else own)
        if c is None:
            raise ValueError(f"{where}: its curvature moves (c=None): pass the c that its points are at.")
    if not isinstance(spec, Manifold):
        raise TypeError(f"{where}: expected a manifold or None in manifolds, got {spec!r}.")
    raw = value.get_raw_value() if _is_variable(value) else value
    return Leaf(raw, spec, number(where, 1.0 if c is None else c, spec), {})


def _variable_leaf(variable: Any, note: dict[str, Any]) -> Leaf:
    raw = variable.get_raw_value() if _is_variable(variable) else variable
    manifold = variable.manifold if isinstance(variable, OnManifold) else None
    return Leaf(raw, manifold, None if manifold is None else 1.0, note)


def _replaced(variable: Any, array: Any) -> Any:
    return variable.replace(array) if _is_variable(variable) else array


def _is_variable(value: Any) -> bool:
    return isinstance(value, nnx.Variable)


def _add(where: str, found: Leaves, path: tuple[Any, ...], leaf: Leaf) -> None:
    name = _name(path)
    if name in found or name == "__metadata__":
        raise ValueError(f"{where}: two leaves would have the name {name!r}, or it is reserved.")
    found[name] = leaf


def _name(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path))


def _key(entry: Any) -> str:
    return jax.tree_util.keystr((entry,), simple=True)
