"""From one curvature to another: points and what optimizers remember about them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from hyp_manifolds import HalfSpace, Manifold, Product
from jaxtyping import Array

from hyp_optim._lift import lift, widen
from hyp_optim._space import empty, shares
from hyp_optim._tree import UNSET, ManifoldTree, Unset, broadcast_prefix, find_manifolds, name_of
from hyp_optim.adagrad import RAdagradState
from hyp_optim.adam import RAdamState
from hyp_optim.average import EmaState
from hyp_optim.links import ScaleByRuleState
from hyp_optim.sgd import RSGDState
from hyp_optim.sparse import SparseRAdagradState, SparseRAdamState, SparseRSGDState

_OWNER = "rescale"
_RULES = (RSGDState, RAdamState, RAdagradState, SparseRSGDState, SparseRAdamState, SparseRAdagradState)
_TANGENTS, _SQUARES = ("momentum", "m1"), ("m2", "m2_max", "sum_of_squares")
_OURS = (*_RULES, ScaleByRuleState, EmaState)


def rescale(
    params: Any, state: Any, c_old: Any, c_new: Any, *, manifolds: ManifoldTree | Unset = UNSET
) -> tuple[Any, Any]:
    """Moves points that are stored at curvature `c_old`, and the moments of their optimizer, to curvature `c_new`.

    The points stay where they are at unit curvature: x -> s x with s = sqrt(c_old / c_new) (x itself in the
    half-space). Every distance is multiplied by s, so distances in the unit of the curvature radius, sqrt(c) d, stay
    what they are: an isometry of the unit metric. Tangent vectors move by its differential and squared norms by s^2, so
    lengths in the unit of the radius stay too, and so does the direction of Adam. Manifolds of signed curvature have
    no such map through c = 0: there a point keeps its logarithm at the origin, and tangent vectors are transported by
    way of the origin, which keeps their norms.

    For the leaves whose `ManifoldSpec` has `c=None`; all others stay. Call it whenever the curvature has moved, before
    the next step:

        params, state = rescale(params, state, c_old, c_new)
        updates, state = tx.update(grads, state, params, c=c_new)

    Args:
        params: the parameters; for a sparse rule the table.
        state: the state of an optimizer of this package, also inside optax's wrappers, or of `riemannian_ema`; a tuple
            or a dict of several; or None.
        c_old: the curvature at which they are stored, a number or a pytree prefix of `params` as for `update(c=...)`.
            May be traced.
        c_new: the curvature to go to, in the same form.
        manifolds: where each leaf lives; read from the states if not given.

    Returns:
        (params, state), in the dtypes they had. Points lie strictly on their manifold at `c_new`.

    Raises:
        ValueError: no state says where the leaves live, and `manifolds` is not given.
    """
    found = _found(params, state, manifolds)
    names = [name_of(path) for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]]
    moves = {}
    for name, (old, new) in zip(names, _curvatures(params, c_old, c_new), strict=True):
        spec = found.get(name)
        if spec is not None and spec.c is None:
            moves[name] = (spec.manifold, old, new)

    points = dict(zip(names, jax.tree.leaves(params), strict=True))
    moved = [_move_points(points[n], *moves[n]) if n in moves else points[n] for n in names]
    is_ours = lambda node: isinstance(node, _OURS)  # noqa: E731
    state = jax.tree.map(
        lambda node: _move_state(node, points, moves) if is_ours(node) else node, state, is_leaf=is_ours
    )
    return jax.tree.unflatten(jax.tree.structure(params), moved), state


def _found(params: Any, state: Any, manifolds: ManifoldTree | Unset) -> dict[str, Any]:
    if not isinstance(manifolds, Unset):
        given = find_manifolds(params, manifolds, _OWNER)
        return dict(zip(given.names, given.specs, strict=True))
    nodes = jax.tree.leaves(state, is_leaf=lambda node: isinstance(node, _OURS))
    ours = [node for node in nodes if isinstance(node, _OURS)]
    if not ours:
        raise ValueError(
            f"{_OWNER}: the state holds none of this package's states, so it does not say where the leaves live. Pass "
            "manifolds=, as to the optimizer."
        )
    return {name: spec for node in ours for name, spec in zip(*_names_and_specs(node), strict=True)}


def _names_and_specs(node: Any) -> tuple[Any, Any]:
    found = node.moments.manifolds if isinstance(node, ScaleByRuleState) else node.manifolds
    return found.names, found.specs


def _curvatures(params: Any, c_old: Any, c_new: Any) -> list[tuple[Any, Any]]:
    old, new = (
        [entry for _, entry in broadcast_prefix(c, params, lambda x: False, f"{_OWNER}: c_{which}")]
        for c, which in ((c_old, "old"), (c_new, "new"))
    )
    return list(zip(old, new, strict=True))


def _move_state(node: Any, points: dict[str, Any], moves: dict[str, Any]) -> Any:
    """The state with its tangents, squares and points at the new curvature."""
    if isinstance(node, ScaleByRuleState):
        before, treedef = jax.tree.flatten(node.points)
        names = node.moments.manifolds.names
        own = dict(zip(names, before, strict=True)) if before else points
        after = [_move_points(x, *moves[n]) if n in moves else x for n, x in zip(names, before, strict=False)]
        return ScaleByRuleState(_move_state(node.moments, own, moves), jax.tree.unflatten(treedef, after))
    names = node.manifolds.names
    if isinstance(node, EmaState):
        average, treedef = jax.tree.flatten(node.average)
        after = [_move_points(x, *moves[n]) if n in moves else x for n, x in zip(names, average, strict=True)]
        return node._replace(average=jax.tree.unflatten(treedef, after))
    changed = {}
    for field, move in [(f, _move_tangents) for f in _TANGENTS] + [(f, _move_squares) for f in _SQUARES]:
        leaves, treedef = jax.tree.flatten(getattr(node, field, None))
        if leaves:
            after = [move(v, points[n], *moves[n]) if n in moves else v for n, v in zip(names, leaves, strict=True)]
            changed[field] = jax.tree.unflatten(treedef, after)
    return node._replace(**changed)


def _move_points(x: Any, manifold: Manifold, c_old: Any, c_new: Any) -> Array:
    if empty(x):
        return x

    def point(p: Array) -> Array:
        return manifold.proj(_through_unit(manifold, p, p, c_old, c_new)[0].astype(p.dtype), c_new)

    wide = lift(point, x)(widen(x))
    stored = wide.astype(x.dtype)
    if stored.dtype == wide.dtype:
        return stored
    return lift(lambda p: manifold.proj(p, c_new), stored)(stored)


def _move_tangents(v: Any, x: Any, manifold: Manifold, c_old: Any, c_new: Any) -> Array:
    if empty(x):
        return v
    shaped = v.reshape(x.shape)  # sparse rules keep their tangents in a shape of their own
    point = lift(lambda u, p: _through_unit(manifold, u, p, c_old, c_new)[1].astype(u.dtype), x)
    return point(shaped, widen(x)).reshape(v.shape)


def _move_squares(q: Any, x: Any, manifold: Manifold, c_old: Any, c_new: Any) -> Array:
    return q * jnp.asarray(_square_factors(manifold, c_old, c_new), q.dtype)


def _through_unit(manifold: Manifold, v: Array, x: Array, c_old: Any, c_new: Any) -> tuple[Array, Array]:
    """The point x and the tangent v at it, at the new curvature."""
    if isinstance(manifold, Product):
        pieces = [
            _through_unit(factor, u, p, old, new)
            for (factor, _, old), (_, _, new), u, p in zip(
                shares(manifold, c_old), shares(manifold, c_new), manifold.split(v), manifold.split(x), strict=True
            )
        ]
        points, tangents = zip(*pieces, strict=True)
        return manifold.join(points), manifold.join(tangents)
    if manifold.curvature_domain == "ignored" or isinstance(manifold, HalfSpace):
        return x, v
    if manifold.curvature_domain == "signed":
        origin = manifold.create_origin(c_old, manifold.intrinsic_dim(x.shape[-1])).astype(x.dtype)
        new = manifold.expmap_0(manifold.logmap_0(x, c_old), c_new)
        return new, manifold.ptransp_0(manifold.ptransp(v, x, origin, c_old), new, c_new)
    s = jnp.sqrt(jnp.asarray(c_old, x.dtype) / jnp.asarray(c_new, x.dtype))
    return s * x, s * v


def _square_factors(manifold: Manifold, c_old: Any, c_new: Any) -> Any:
    """What squared norms are multiplied by: one number, or one per factor."""
    if isinstance(manifold, Product):
        pieces = [
            jnp.atleast_1d(_square_factors(factor, old, new))
            for (factor, _, old), (_, _, new) in zip(shares(manifold, c_old), shares(manifold, c_new), strict=True)
        ]
        return jnp.concatenate(pieces)
    if manifold.curvature_domain in ("ignored", "signed"):
        return 1.0
    return jnp.asarray(c_old) / jnp.asarray(c_new)
