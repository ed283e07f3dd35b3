"""A manifold's operations under jit(vmap(.)), compiled once per manifold, operation, dtype and dimension.

Rows are padded to full blocks of one size, so that laws, contract and property tests share every compilation.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hyp_manifolds import Manifold, hyperboloid_to_poincare, poincare_to_hyperboloid
from hyp_manifolds.cones import cone_angle, cone_half_aperture
from hyp_manifolds.horospheres import busemann, project_to_horosphere
from hyp_manifolds.hyperplanes import hyperplane_dist, project_to_hyperplane
from hyp_manifolds.reflections import reflect_in_point

ROWS = 64

# Operations that are not simply a method of that name, or that exist as a variant of one.
CALLS: dict[str, Callable[[Any], Callable[..., Any]]] = {
    "grad_dist": lambda m: jax.grad(m.dist),
    "dist_mobius": lambda m: partial(m.dist, version_idx=m.VERSION_MOBIUS),
    "dist_metric": lambda m: partial(m.dist, version_idx=m.VERSION_METRIC_TENSOR),
    "dist_proxy": lambda m: partial(m.dist, version_idx=m.VERSION_LORENTZIAN_PROXY),
    "dist_0_proxy": lambda m: partial(m.dist_0, version_idx=m.VERSION_LORENTZIAN_PROXY),
    "dist_smoothened": lambda m: partial(m.dist, version_idx=m.VERSION_SMOOTHENED),
    "to_hyperboloid": lambda m: poincare_to_hyperboloid,
    "to_poincare": lambda m: hyperboloid_to_poincare,
    "hyperplane_dist": lambda m: partial(hyperplane_dist, m),
    "project_to_hyperplane": lambda m: partial(project_to_hyperplane, m),
    "reflect_in_point": lambda m: partial(reflect_in_point, m),
    "busemann": lambda m: partial(busemann, m),
    "project_to_horosphere": lambda m: partial(project_to_horosphere, m),
    "cone_half_aperture": lambda m: lambda x, k, c: cone_half_aperture(m, x, c, k),
    "cone_angle": lambda m: partial(cone_angle, m),
}


def resolve(manifold: Manifold, operation: str) -> Callable[..., Any]:
    """The single-point function behind an operation's name; "generic:NAME" is the base class's own default."""
    if operation.startswith("generic:"):
        return partial(getattr(Manifold, operation.removeprefix("generic:")), manifold)
    return CALLS[operation](manifold) if operation in CALLS else getattr(manifold, operation)


@cache
def _forward(manifold: Manifold, operation: str, options: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
    return jax.jit(jax.vmap(resolve(manifold, operation)), compiler_options=dict(options) or None)


@cache
def _graded(manifold: Manifold, operation: str, options: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
    function = resolve(manifold, operation)

    def one(cotangent: jax.Array, *arguments: jax.Array) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        value, pull = jax.vjp(lambda *a: jnp.ravel(function(*a)), *arguments)
        return value, pull(cotangent.astype(value.dtype))

    return jax.jit(jax.vmap(one), compiler_options=dict(options) or None)


def _blocks(arguments: tuple[np.ndarray, ...]) -> Iterator[tuple[list[np.ndarray], int]]:
    """Blocks of ROWS rows; the last one is filled up with copies of its first row."""
    total = len(arguments[-1])
    for start in range(0, total, ROWS):
        rows = min(ROWS, total - start)
        index = start + np.where(np.arange(ROWS) < rows, np.arange(ROWS), 0)
        yield [np.asarray(a)[index] for a in arguments], rows


def forward(
    manifold: Manifold, operation: str, *arguments: np.ndarray, options: Mapping[str, Any] | None = None
) -> np.ndarray:
    """Values of an operation for arguments with one leading row axis; the last argument is c, one number per row.

    `options` are those of `jax.jit`'s compiler.
    """
    function = _forward(manifold, operation, tuple((options or {}).items()))
    parts = [np.asarray(function(*block))[:rows] for block, rows in _blocks(arguments)]
    return np.concatenate(parts)


def graded(
    manifold: Manifold,
    operation: str,
    cotangent: np.ndarray,
    *arguments: np.ndarray,
    options: Mapping[str, Any] | None = None,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Values (rows flattened) and the gradients of <cotangent, value> by every argument, c included."""
    function = _graded(manifold, operation, tuple((options or {}).items()))
    values, gradients = [], []
    for block, rows in _blocks((cotangent, *arguments)):
        value, pulled = function(*block)
        values.append(np.asarray(value)[:rows])
        gradients.append([np.asarray(g)[:rows] for g in pulled])
    return np.concatenate(values), [np.concatenate(column) for column in zip(*gradients, strict=True)]


class Batched:
    """View of a manifold whose methods take one leading row axis and one c per row, compiled and padded."""

    def __init__(self, manifold: Manifold) -> None:
        self.manifold = manifold

    def __getattr__(self, operation: str) -> Callable[..., np.ndarray]:
        return partial(forward, self.manifold, operation)

    def __call__(self, operation: str, *arguments: np.ndarray) -> np.ndarray:
        """Value of an operation whose name is not an attribute, such as "generic:geodesic"."""
        return forward(self.manifold, operation, *arguments)

    def flat(self, operation: str, *arguments: np.ndarray) -> np.ndarray:
        """Values as rows of numbers, in float64."""
        value = forward(self.manifold, operation, *arguments)
        return value.reshape(len(value), -1).astype(np.float64)


__all__ = ["CALLS", "ROWS", "Batched", "forward", "graded", "resolve"]
