"""Laws of first and second derivatives."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._calls import Batched, graded, resolve
from ..oracle import PROMISED_RADIUS, oracle_for
from ..samples import Sample, make_sample
from ._law import law, relative
from ._signatures import operations

# Operation, its arguments, and the one that moves: a point (along a tangent u) or a tangent (by another tangent).
_MOVES = (
    ("dist", "xy", "x"), ("sqdist", "xy", "x"), ("dist_0", "x", "x"), ("logmap", "xy", "x"), ("logmap_0", "x", "x"),
    ("addition", "xy", "x"), ("addition", "yx", "x"), ("scalar_mul", "rx", "x"), ("geodesic", "tyx", "x"),
    ("expmap", "vx", "v"), ("expmap_0", "o", "o"), ("ptransp", "vxy", "v"), ("tangent_norm", "vx", "v"),
    ("coaddition", "xy", "x"), ("gyration", "xyz", "x"), ("geodesic_unit", "tvx", "v"),
)  # fmt: skip


def _cotangent(m: Batched, name: str, arguments: list[Any]) -> Any:
    one = (jax.ShapeDtypeStruct(a.shape[1:], a.dtype) for a in arguments)
    size = jax.eval_shape(resolve(m.manifold, name), *one).size
    return np.random.default_rng(5).uniform(0.5, 1.0, (len(arguments[-1]), size)).astype(arguments[-1].dtype)


@law(eps=0, slow=True)
def gradients_are_finite(m: Batched, s: Sample) -> Iterator[Any]:
    """Values and gradients by every argument are finite at x == y, at the origin, at v = 0 and at the edge."""
    few = s.take(slice(0, 12))
    kind = few.x.dtype
    oracle = oracle_for(m.manifold)
    radius = (oracle.chart.promised if oracle else PROMISED_RADIUS)[kind.name]
    edge = make_sample(m.manifold, s.dim, few.c, dtype=kind, radius=radius, fixed=True, rows=len(few.c))
    places: dict[str, dict[str, Any]] = {
        "x == y": {"y": few.x},
        "the origin": {"x": few.origin, "v": few.o, "u": few.o},
        "y at the origin": {"y": few.origin},
        "x and y at the origin": {"x": few.origin, "y": few.origin, "v": few.o, "u": few.o},
        "v = 0": {k: 0 * getattr(few, k) for k in "uvo"},
        "r = 0": {"r": 0 * few.r, "t": 0 * few.t},
    }
    samples = {place: Sample(**{**vars(few), **change}) for place, change in places.items()}
    samples["the edge"] = edge
    for name, letters in operations(m.manifold).items():
        for place, sample in samples.items():
            arguments = sample.arguments(letters)
            value, gradients = graded(m.manifold, name, _cotangent(m, name, arguments), *arguments)
            for label, array in (("value", value), *zip([*letters, "c"], gradients, strict=True)):
                if not np.isfinite(np.asarray(array, np.float64)).all():
                    what = "value" if label == "value" else f"gradient by {label}"
                    yield f"{name}: {what} not finite at {place}"


@law(eps=0)
def distance_has_gradient_zero_at_coincident_points(m: Batched, s: Sample) -> Iterator[Any]:
    """The gradient of d(x, y) at x == y, and of d(0, x) at the origin, is exactly 0."""
    _, (by_x, by_y, _) = graded(m.manifold, "dist", np.ones((len(s.c), 1), s.c.dtype), s.x, s.x, s.c)
    if np.any(by_x) or np.any(by_y):
        yield f"dist(x, x): gradient {np.abs(by_x).max():.3g}"
    _, (by_x, _) = graded(m.manifold, "dist_0", np.ones((len(s.c), 1), s.c.dtype), s.origin, s.c)
    if np.any(by_x):
        yield f"dist_0(origin): gradient {np.abs(by_x).max():.3g}"


@law(eps=0, slow=True)
def gradients_match_differences(m: Batched, s: Sample) -> Iterator[Any]:
    """Gradients agree with central differences along the manifold."""
    h = s.eps ** (1 / 3)
    names = operations(m.manifold)
    for name, letters, moving in (move for move in _MOVES if move[0] in names):
        at = s.arguments(letters)
        cotangent = _cotangent(m, name, at)
        place = letters.index(moving)
        direction = s.u if moving != "o" else m.tangent_proj(s.g, s.origin, s.c)

        def moved(sign: int, at: Any = at, place: int = place, moving: str = moving, direction: Any = direction) -> Any:
            step = (sign * h * direction.astype(np.float64)).astype(s.x.dtype)
            new = m.expmap(step, s.x, s.c) if moving == "x" else (at[place] + step).astype(s.x.dtype)
            return [*at[:place], new, *at[place + 1 :]]

        value, gradients = graded(m.manifold, name, cotangent, *at)
        weights = cotangent.astype(np.float64)
        ends = [np.sum(weights * m.flat(name, *moved(sign)), axis=1) for sign in (1, -1)]
        slope = np.sum(gradients[place].astype(np.float64) * direction.astype(np.float64), axis=1)
        size = np.abs(slope) + np.linalg.norm(direction.astype(np.float64), axis=1) * np.linalg.norm(
            gradients[place].astype(np.float64), axis=1
        )
        # central differences leave h^2 times a third derivative, which grows like the cube of the curvature radius
        limit = 2000 * s.eps ** (2 / 3)
        # and a rounding of the two values, which small slopes do not excuse
        noise = np.linalg.norm(weights, axis=1) * np.linalg.norm(value.astype(np.float64), axis=1) * s.eps / h
        off = np.maximum(np.abs((ends[0] - ends[1]) / (2 * h) - slope) - noise, 0.0)
        error = off / (size + noise + 1e-30)
        if not (error <= limit).all():
            row = int(np.nanargmax(error)) if np.isfinite(error).any() else 0
            yield f"{name} by {moving}: slope {slope[row]:.6g}, difference off by {error[row]:.3g} (row {row})"


@law(eps=512, slow=True)
def hessian_of_squared_distance(m: Batched, s: Sample) -> Iterator[Any]:
    """d^2/da db of sqdist(exp_x(a e_i + b e_j), x) at 0 is 2 <e_i, e_j>_x."""
    one = m.manifold
    few = s.take(slice(0, 16))
    size = few.x.shape[1]

    def hessian(x: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
        frame = jax.vmap(lambda e: one.tangent_proj(e, x, c))(jnp.eye(size, dtype=x.dtype))
        along = lambda a: one.sqdist(one.expmap(a @ frame, x, c), x, c)  # noqa: E731
        inner = jax.vmap(jax.vmap(one.tangent_inner, (None, 0, None, None)), (0, None, None, None))
        return jax.hessian(along)(jnp.zeros(size, x.dtype)), 2 * inner(frame, frame, x, c)

    got, want = jax.jit(jax.vmap(hessian))(few.x, few.c)
    yield relative(got, want)
