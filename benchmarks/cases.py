"""What is measured: the operations and their arguments, the contenders, the inputs, the check that they agree."""

from collections.abc import Callable
from dataclasses import dataclass

import hyp_manifolds
import jax
import jax.numpy as jnp
import naive
import numpy as np

# x, y, z: points. u, v: tangent vectors at x. o: tangent vector at the origin. g: any ambient vector. r, t: scalars.
_COMMON = {
    "dist": "xy",
    "dist_0": "x",
    "sqdist": "xy",
    "addition": "xy",
    "scalar_mul": "rx",
    "expmap": "vx",
    "expmap_0": "o",
    "logmap": "yx",
    "logmap_0": "y",
    "retraction": "vx",
    "ptransp": "vxy",
    "ptransp_0": "oy",
    "tangent_inner": "uvx",
    "tangent_norm": "vx",
    "egrad2rgrad": "gx",
    "tangent_proj": "gx",
    "proj": "x",
    "geodesic": "txy",
}
OPERATIONS = {
    "Poincare": _COMMON | {"gyration": "xyz", "conformal_factor": "x", "to_hyperboloid": "x"},
    "Hyperboloid": _COMMON | {"gyration": "xyz", "to_poincare": "x"},
    "Euclidean": _COMMON,
}
_SCALARS = {"r": 0.7, "t": 0.3}
_ISOMETRIES = {
    "to_hyperboloid": hyp_manifolds.poincare_to_hyperboloid,
    "to_poincare": hyp_manifolds.hyperboloid_to_poincare,
}


@dataclass(frozen=True)
class Case:
    """One operation of one manifold: the names of its arguments (see `_COMMON`) and both implementations."""

    manifold: str
    op: str
    arguments: str
    ours: Callable
    naive: Callable

    @property
    def arrays(self) -> tuple[int, ...]:
        """Positions of the arguments that are differentiated: all but the scalars."""
        return tuple(i for i, name in enumerate(self.arguments) if name not in _SCALARS)

    @property
    def in_axes(self) -> tuple[int | None, ...]:
        """Batching of the arguments and of the curvature, which comes last."""
        return (*(None if name in _SCALARS else 0 for name in self.arguments), None)


def cases(manifolds: list[str], ops: list[str] | None) -> list[Case]:
    """All cases of the given manifolds, restricted to the given operations."""
    found = []
    for manifold in manifolds:
        instance, twin = getattr(hyp_manifolds, manifold)(), getattr(naive, manifold)
        for op, arguments in OPERATIONS[manifold].items():
            if ops is None or op in ops:
                ours = _ISOMETRIES[op] if op in _ISOMETRIES else getattr(instance, op)
                found.append(Case(manifold, op, arguments, ours, getattr(twin, op)))
    return found


def coordinates(manifold: str, n: int, dim: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Free coordinates (float64) of every argument at unit curvature: in the ball, or spatial (`lift` adds time).

    Points have hyperbolic radius 0.1 to 2 and tangent vectors length about 1/2: there the textbook formulas are right
    as well.
    """
    rng = np.random.default_rng(seed)
    out = {}
    for name in "xyzuvog":
        direction = rng.standard_normal((n, dim + (name == "g" and manifold == "Hyperboloid")), dtype=np.float32)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        if name in "xyz":
            radius = rng.uniform(0.1, 2.0, (n, 1))
            length = {"Poincare": np.tanh(radius / 2), "Hyperboloid": np.sinh(radius), "Euclidean": radius}[manifold]
        else:
            length = rng.uniform(0.3, 0.7, (n, 1))
        out[name] = direction * length
    return out


def lift(manifold: str, name: str, values: dict[str, jax.Array], c: jax.Array) -> jax.Array:
    """The argument `name` at curvature -c from free coordinates: on the hyperboloid the time coordinate is added."""
    spatial = values[name] / jnp.sqrt(c)
    if manifold != "Hyperboloid" or name == "g":
        return spatial
    if name in "xyz":
        return jnp.concatenate([jnp.sqrt(1 / c + jnp.sum(spatial * spatial, -1, keepdims=True)), spatial], -1)
    if name == "o":
        return jnp.concatenate([jnp.zeros_like(spatial[..., :1]), spatial], -1)
    base = values["x"] / jnp.sqrt(c)
    time = jnp.sum(base * spatial, -1, keepdims=True) / jnp.sqrt(1 / c + jnp.sum(base * base, -1, keepdims=True))
    return jnp.concatenate([time, spatial], -1)


def inputs(case: Case, values: dict[str, np.ndarray], c: float, dtype: str) -> tuple[jax.Array, ...]:
    """The arguments of a batched call, the curvature last, as device arrays of `dtype`."""
    with jax.enable_x64(True):
        curvature = jnp.asarray(c, jnp.float64)
        free = {name: jnp.asarray(values[name], jnp.float64) for name in {*case.arguments, "x"} - _SCALARS.keys()}
        batched = [
            jnp.asarray(_SCALARS[name] if name in _SCALARS else lift(case.manifold, name, free, curvature), dtype)
            for name in case.arguments
        ]
        return (*batched, jnp.asarray(c, dtype))


def forward(case: Case, function: Callable) -> Callable:
    """The batched operation."""
    return jax.vmap(function, in_axes=case.in_axes)


def value_and_grad(case: Case, function: Callable) -> Callable:
    """Sum of all outputs with its gradient in every array argument. The value is returned, so XLA cannot drop it."""
    batched = forward(case, function)
    return jax.value_and_grad(lambda *args: jnp.sum(batched(*args)), argnums=case.arrays)


def disagreement(case: Case, dim: int = 7, n: int = 32, c: float = 0.7) -> float:
    """Worst norm-wise relative difference of the contenders in float64, of the value and of the gradient.

    The gradient is taken in free coordinates: only intrinsic gradients have to agree, and a point that is its spatial
    part has none in time.
    """
    values = coordinates(case.manifold, n, dim, seed=1)
    names = sorted({*case.arguments} - _SCALARS.keys())

    def lifted(function: Callable) -> Callable:
        def call(free: dict[str, jax.Array], curvature: jax.Array) -> jax.Array:
            args = [
                jnp.asarray(_SCALARS[a]) if a in _SCALARS else lift(case.manifold, a, free, curvature)
                for a in case.arguments
            ]
            return function(*args, curvature)

        def weighted(free: dict[str, jax.Array], curvature: jax.Array) -> tuple[jax.Array, jax.Array]:
            out = call(free, curvature)
            return jnp.sum(out * jnp.cos(1.0 + jnp.arange(out.size, dtype=out.dtype)).reshape(out.shape)), out

        return jax.jit(jax.vmap(jax.value_and_grad(weighted, has_aux=True), in_axes=(0, None)))

    with jax.enable_x64(True):
        # x is always present: it is the base point of u and v even where the operation itself does not take it.
        free = {name: jnp.asarray(values[name], jnp.float64) for name in {*names, "x"}}
        results = []
        for function in (case.ours, case.naive):
            (_, out), grads = lifted(function)(free, jnp.asarray(c, jnp.float64))
            results.append([np.asarray(leaf).reshape(n, -1) for leaf in (out, *(grads[name] for name in names))])
    worst = 0.0
    for ours, twin in zip(*results, strict=True):
        size = np.linalg.norm(twin, axis=1).max()
        worst = max(worst, float(np.linalg.norm(ours - twin, axis=1).max() / max(size, 1e-300)))
    return worst if np.isfinite(worst) else float("inf")
