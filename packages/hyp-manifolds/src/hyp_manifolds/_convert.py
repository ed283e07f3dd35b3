"""Points and tangents carried from one model of hyperbolic space to another, over the hyperboloid's spatial part.

Between conformal models, and Klein's, tangents go over the frame of the origin instead: see `_frames`.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax

from hyp_manifolds._door import door
from hyp_manifolds._frames import FRAMED, from_frame, to_frame
from hyp_manifolds._hyperbolic import Hyperbolic
from hyp_manifolds._manifold import Scalar, Vector
from hyp_manifolds.hyperboloid import Ambient
from hyp_manifolds.tiled_half_space import TiledHalfSpace


def _point(source: Any, target: Any, x: jax.Array, c: jax.Array) -> jax.Array:
    # The detour would round: a model's points stay as they are.
    if source == target or (type(source) is type(target) and not isinstance(source, TiledHalfSpace)):
        return x
    if isinstance(source, TiledHalfSpace) and isinstance(target, TiledHalfSpace):
        return source._with_limbs(x, target.limbs)
    return target._from_spatial(source._to_spatial(x, c), c)


def _tangent(source: Hyperbolic, target: Hyperbolic, v: jax.Array, x: jax.Array, c: jax.Array) -> jax.Array:
    if type(source) is type(target):
        return v
    s = source._to_spatial(x, c)
    if isinstance(source, FRAMED) and isinstance(target, FRAMED):
        return from_frame(target, to_frame(source, v, x, c), s, c)
    return target._from_spatial_tangent(source._to_spatial_tangent(v, x, c), s, c)


def _doors(flat: bool) -> dict[str, Callable[..., jax.Array]]:
    """Doors for arrays of length dim, or for the hyperboloid's; messages speak of `Klein.convert`."""
    array = Vector if flat else Ambient

    def convert(self: Hyperbolic, x: Any, c: Scalar, target: Hyperbolic) -> jax.Array:
        return _point(self, target, x, c)

    def pushforward(self: Hyperbolic, v: Any, x: Any, c: Scalar, target: Hyperbolic) -> jax.Array:
        return _tangent(self, target, v, x, c)

    convert.__annotations__ |= {"x": array}
    pushforward.__annotations__ |= {"v": array, "x": array}
    return {"convert": door(convert), "pushforward": door(pushforward)}


_FLAT, _AMBIENT = _doors(flat=True), _doors(flat=False)


def run(name: str, source: Any, target: Any, arrays: tuple[Any, ...], c: Any) -> jax.Array:
    """`convert` or `pushforward` with its models checked."""
    models = (Hyperbolic, TiledHalfSpace) if name == "convert" else Hyperbolic
    for role, model in (("source", source), ("target", target)):
        if not isinstance(model, models):
            raise TypeError(
                f"{name}: `{role}` must be a model of hyperbolic space, for example Poincare() or Hyperboloid(), "
                f"got {model!r}."
            )
    doors = _FLAT if source.ambient_dim(1) == 1 else _AMBIENT
    owner = dataclasses.replace(source, dtype=target.dtype) if target.dtype is not None else source
    return doors[name](owner, *arrays, c, target)
