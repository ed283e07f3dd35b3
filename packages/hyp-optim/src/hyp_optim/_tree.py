"""Which leaf lives where: found once, at `init`, and kept as static data inside the optimizer state.

Some frameworks show a transformation the parameters with their metadata at `init` and bare arrays at every update
(`flax.nnx.Optimizer` does). What `init` has found must therefore travel with the state. A closure would not do: a
second `init` of the same transformation would overwrite it.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from hyp_manifolds import Manifold, OnManifold

from hyp_optim import _checks
from hyp_optim._flax import register_static
from hyp_optim._space import Space, space_of
from hyp_optim.spec import ManifoldSpec, check_manifold

Path = tuple[Any, ...]
ManifoldTree = Any | Callable[[Any], Any]


class Unset(enum.Enum):
    """The type of the default of `manifolds`: `None` already means "all Euclidean"."""

    UNSET = "read the manifolds from the parameters"


UNSET = Unset.UNSET


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class LeafManifolds:
    """The names and the specs (None: Euclidean) of the parameter leaves, in the order of `jax.tree.leaves`.

    As a pytree it has no leaves: it is part of the structure, compared and hashed by value, and survives `jit`, `scan`,
    `jax.tree.map` and every optax wrapper unchanged.
    """

    names: tuple[str, ...]
    specs: tuple[ManifoldSpec | None, ...]

    def check_leaves(self, leaves: list[Any], owner: str, what: str) -> None:
        """Raises a ValueError unless there are as many `leaves` as `init` has seen."""
        if len(leaves) != len(self.specs):
            raise ValueError(
                f"{owner}: {what} has {len(leaves)} leaves, but the state was initialised for {len(self.specs)}: "
                f"{', '.join(self.names)}. Initialise a state for each set of parameters."
            )

    def curvatures(self, c: Any, params: Any, owner: str) -> list[Any]:
        """Returns the curvature of each leaf in this step, None where it is Euclidean.

        Args:
            c: what `update` was called with: None, a number, or a pytree prefix of `params`.
            params: the parameters.
            owner: the name of the rule, for messages.
        """
        moving = any(spec is not None and spec.c is None for spec in self.specs)
        if c is not None and not moving and any(self.specs):
            raise ValueError(
                f"{owner}: update was called with c=, but no leaf asks for it: the leaves on a manifold have a fixed "
                "curvature. Mark those that follow c with ManifoldSpec(manifold, c=None)."
            )
        per_leaf: list[Any] = [None] * len(self.specs)
        if c is not None and moving:
            per_leaf = [entry for _, entry in broadcast_prefix(c, params, lambda x: False, f"{owner}: c")]
        return [
            None if spec is None else spec.curvature(c_leaf, f"{owner}: params{name}")
            for name, spec, c_leaf in zip(self.names, self.specs, per_leaf, strict=True)
        ]


class OpenLeaf(NamedTuple):
    """One leaf of a step.

    Attributes:
        name: its path.
        update: its gradient, or what the links before have made of it.
        x: its points.
        space: where it lives.
    """

    name: str
    update: Any
    x: Any
    space: Space


def open_leaves(
    found: LeafManifolds, updates: Any, params: Any, c: Any, owner: str, use_expmap: bool = True
) -> tuple[list[OpenLeaf], Callable[[list[Any]], Any]]:
    """Returns the leaves of `updates` and `params` side by side, and what puts results into a tree like `updates`."""
    if params is None:
        raise ValueError(f"{owner}: the step depends on the points: call update(grads, state, params).")
    grads, treedef = jax.tree.flatten(updates)
    points = jax.tree.leaves(params)
    found.check_leaves(points, owner, "params")
    found.check_leaves(grads, owner, "the gradient")
    curvatures = found.curvatures(c, params, owner)
    leaves = []
    for name, spec, grad, x, own in zip(found.names, found.specs, grads, points, curvatures, strict=True):
        _checks.check_gradient(grad, x, owner, f"params{name}")
        leaves.append(OpenLeaf(name, grad, x, space_of(spec, own, use_expmap)))
    return leaves, lambda results: jax.tree.unflatten(treedef, results)


def register_with_flax() -> None:
    """Lets Flax's state dicts and msgpack hold a `LeafManifolds`, if Flax has been imported."""
    register_static(
        LeafManifolds,
        lambda found: {"names": list(found.names), "specs": [repr(spec) for spec in found.specs]},
        "Restore into the state of the same rule on the same manifolds.",
    )


def find_manifolds(params: Any, manifolds: ManifoldTree | Unset, owner: str) -> LeafManifolds:
    """Returns the spec of every leaf of `params`, and checks that leaves on a manifold hold points.

    From `manifolds` where it is given, else from the leaves themselves.

    Args:
        params: the parameters, any pytree.
        manifolds: a pytree prefix of `params` with a ManifoldSpec, a manifold or None at each leaf, a function from
            params to such a tree, or UNSET.
        owner: the name of the rule, for messages.

    Raises:
        ValueError: `manifolds` does not match `params`, or it is not given and no leaf carries a manifold.
        TypeError: an entry is neither a ManifoldSpec, a manifold nor None.
    """
    register_with_flax()
    found = _read_leaves(params, owner) if isinstance(manifolds, Unset) else _given(params, manifolds, owner)
    for name, spec, leaf in zip(found.names, found.specs, jax.tree.leaves(params), strict=True):
        if spec is not None:
            _checks.check_points(leaf, owner, f"params{name}")
    return found


def _given(params: Any, manifolds: ManifoldTree, owner: str) -> LeafManifolds:
    if callable(manifolds) and not isinstance(manifolds, type | Manifold):
        manifolds = manifolds(params)
    found = broadcast_prefix(manifolds, params, lambda x: isinstance(x, ManifoldSpec | Manifold), f"{owner}: manifolds")
    specs = tuple(_to_spec(entry, f"{owner}: manifolds{name}") for name, entry in found)
    return LeafManifolds(tuple(name for name, _ in found), specs)


def broadcast_prefix(prefix: Any, params: Any, is_entry: Callable[[Any], bool], what: str) -> list[tuple[str, Any]]:
    """Returns, for each leaf of `params`, its name and the entry of `prefix` above it.

    Trees are matched by path, so a dict may describe any container with the same keys, attributes or positions.
    Parts of `params` without leaves (None, a masked-out group) may have entries or not.
    """
    entries, _ = jax.tree_util.tree_flatten_with_path(prefix, is_leaf=lambda x: x is None or is_entry(x))
    entry_at = {_keys(path): entry for path, entry in entries}
    slots, _ = jax.tree_util.tree_flatten_with_path(params, is_leaf=_is_empty)
    used: set[Path] = set()
    found: list[tuple[str, Any]] = []
    for path, slot in slots:
        keys = _keys(path)
        above = next((keys[:n] for n in range(len(keys) + 1) if keys[:n] in entry_at), None)
        if _is_empty(slot):
            used.update(entry for entry in entry_at if entry[: len(keys)] == keys)
        elif above is None:
            raise ValueError(f"{what} has no entry for the parameter params{name_of(path)}. {_MATCH}")
        else:
            found.append((name_of(path), entry_at[above]))
        used.update([] if above is None else [above])
    for path, _ in entries:
        if _keys(path) not in used:
            raise ValueError(f"{what}{name_of(path)} is an entry, but params has no leaf there. {_MATCH}")
    return found


_MATCH = (
    "Pass a pytree prefix of params: one entry for each leaf or for a whole branch, with None where the parameter "
    "is Euclidean."
)


def _read_leaves(params: Any, owner: str) -> LeafManifolds:
    nodes, _ = jax.tree_util.tree_flatten_with_path(params, is_leaf=_carries_manifold)
    names = tuple(name_of(path) for path, _ in nodes)
    specs = tuple(
        _to_spec(node.manifold, f"{owner}: params{name}.manifold") if _carries_manifold(node) else None
        for name, (_, node) in zip(names, nodes, strict=True)
    )
    if not any(specs):
        raise ValueError(
            f"{owner}: no leaf of params carries a manifold and no `manifolds` was given. Pass a pytree like params "
            "with a manifold (or None) at each leaf, use hyp_nn.ManifoldParam, or manifolds=None for all-Euclidean."
        )
    return LeafManifolds(names, specs)


def _carries_manifold(node: Any) -> bool:
    """True for a wrapper of one array with a member `manifold`.

    A whole layer may have a `manifold` too, next to Euclidean weights: only a node whose single child is an array says
    where that array lives.
    """
    if not isinstance(node, OnManifold):
        return False
    children = jax.tree.leaves(node, is_leaf=lambda x: x is not node)
    return len(children) == 1 and jax.tree_util.all_leaves(children)


def _to_spec(entry: Any, name: str) -> ManifoldSpec | None:
    if entry is None or isinstance(entry, ManifoldSpec):
        return entry
    check_manifold(entry, name)
    return ManifoldSpec(entry)


def _is_empty(node: Any) -> bool:
    return not jax.tree.leaves(node)


def name_of(path: Any) -> str:
    return jax.tree_util.keystr(path)


def _keys(path: Any) -> Path:
    """The keys of a path without the container types: a dict's key, a sequence's index, an attribute's name."""
    return tuple(
        next(getattr(entry, field) for field in ("key", "idx", "name") if hasattr(entry, field)) for entry in path
    )
