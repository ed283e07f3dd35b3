"""The operations with matrix products keep the contract where products of float32 may round their inputs to TF32.

Run with JAX_DEFAULT_MATMUL_PRECISION=tensorfloat32, as `run.py` does. Each result is compared with NumPy in float64,
and the program is searched for a product of float32 below the highest precision: that also finds a trap on a device
that has no TF32.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import (
    Hyperboloid,
    Poincare,
    hyperplane_dist,
    isometry_group,
    lorentz_boost,
    lorentz_centroid,
    mobius_matvec,
    nearest,
    pairwise_dist,
    poincare_to_hyperboloid,
)
from hyp_nn import HypRegressionPoincarePP

BALL, SHEET, EPS, N, DIM = Poincare(), Hyperboloid(), 2.0**-23, 64, 64
RNG = np.random.default_rng(0)
U = RNG.standard_normal((N, DIM))
U /= np.linalg.norm(U, axis=1, keepdims=True)
NEAR = U + 1e-3 * RNG.standard_normal((N, DIM))  # pairs that a product of rounded inputs cannot tell apart
X = (np.tanh(2.0) * np.concatenate([U, NEAR / np.linalg.norm(NEAR, axis=1, keepdims=True)])).astype(np.float32)
WEIGHTS = RNG.uniform(0.5, 1.0, (8, 2 * N)).astype(np.float32)
MATRIX = (RNG.standard_normal((DIM, DIM)) / DIM**0.5).astype(np.float32)
pytestmark = pytest.mark.skipif(jax.config.jax_enable_x64, reason="float32 is what TF32 is about")


def wide(a: Any) -> np.ndarray:
    return np.asarray(a, np.float64)


def exact_dist() -> np.ndarray:
    x = wide(X)
    gap = 1 - np.sum(x * x, axis=1)
    square = np.sum((x[:, None] - x) ** 2, axis=2)
    return 2 * np.arcsinh(np.sqrt(square / (gap[:, None] * gap)))


def exact_lift(x: np.ndarray) -> np.ndarray:
    gap = 1 - np.sum(x * x, axis=1, keepdims=True)
    return np.concatenate([(2 - gap) / gap, 2 * x / gap], axis=1)


def exact_centroid() -> np.ndarray:
    total = wide(WEIGHTS) @ exact_lift(wide(X))
    h = total / np.sqrt(total[:, :1] ** 2 - np.sum(total[:, 1:] ** 2, axis=1, keepdims=True))
    return h[:, 1:] / (1 + h[:, :1])


def exact_hyperplane_dist() -> np.ndarray:
    """Ganea et al. 2018, theorem 5."""
    p, a, out = wide(X[:8]), wide(U[:8]), []
    for q, n in zip(p, a, strict=True):
        m = -q
        dots, xx, qq = wide(X) @ m, np.sum(wide(X) ** 2, axis=1), m @ m
        num = (1 + 2 * dots + xx)[:, None] * m + (1 - qq) * wide(X)
        z = num / (1 + 2 * dots + qq * xx)[:, None]
        out.append(np.arcsinh(2 * (z @ n) / ((1 - np.sum(z * z, axis=1)) * np.linalg.norm(n))))
    return np.stack(out, axis=1)


def exact_matvec() -> np.ndarray:
    x = wide(X[0])
    y, n = wide(MATRIX) @ x, np.linalg.norm(x)
    return np.tanh(np.linalg.norm(y) / n * np.arctanh(n)) * y / np.linalg.norm(y)


def moved(x: jax.Array) -> jax.Array:
    """There and back by an isometry, and back to the ball."""
    there = lorentz_boost(x[0], 1.0, BALL)
    back = isometry_group.compose(isometry_group.invert(there), there)
    return jax.vmap(lambda p: isometry_group.apply(back, p, BALL, 1.0))(x)


def planes(x: jax.Array) -> jax.Array:
    return hyperplane_dist(BALL, x, x[:8], jnp.asarray(U[:8], jnp.float32), 1.0)


# name: function of the points, exact result, tolerance in eps of the largest number in a row
CASES: dict[str, tuple[Callable[[jax.Array], Any], Callable[[], np.ndarray], float]] = {
    "pairwise_dist in the ball": (lambda x: pairwise_dist(BALL, x, x, 1.0), exact_dist, 16),
    "lorentz_centroid": (lambda x: lorentz_centroid(BALL, x, jnp.asarray(WEIGHTS), 1.0), exact_centroid, 16),
    "hyperplane_dist": (planes, exact_hyperplane_dist, 64),
    "mobius_matvec": (
        lambda x: mobius_matvec(BALL, jnp.asarray(MATRIX), x[0], 1.0)[None],
        lambda: exact_matvec()[None],
        64,
    ),
    "an isometry and its inverse": (moved, lambda: wide(X), 256),
}


def low_products(function: Callable[..., Any], *arguments: Any) -> list[str]:
    """The products of float32 that leave their precision to the default, or to less than the highest."""
    return [str(e) for e in _equations(jax.make_jaxpr(function)(*arguments).jaxpr) if _is_low(e)]


def _equations(jaxpr: Any) -> Iterator[Any]:
    for equation in jaxpr.eqns:
        yield equation
        for value in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda v: hasattr(v, "eqns")):
            inner = getattr(value, "jaxpr", value)  # a closed one holds its own
            if hasattr(inner, "eqns"):
                yield from _equations(inner)


def _is_low(equation: Any) -> bool:
    if equation.primitive.name not in ("dot_general", "conv_general_dilated"):
        return False
    precision = equation.params["precision"]
    pair = precision if isinstance(precision, tuple) else (precision, precision)
    narrow = any(v.aval.dtype == np.float32 for v in equation.invars)
    return narrow and any(p != jax.lax.Precision.HIGHEST for p in pair)


@pytest.mark.skipif(jax.default_backend() != "gpu", reason="no TF32 on this device")
def test_the_trap_is_armed() -> None:
    """The setting reaches the device: a plain product is as wrong as TF32."""
    a = RNG.standard_normal((512, 512)).astype(np.float32)
    error = np.max(np.abs(wide(jnp.asarray(a) @ jnp.asarray(a)) - wide(a) @ wide(a))) / 512**0.5
    assert error > 1e-4


def test_a_plain_product_is_found() -> None:
    assert low_products(lambda x: x @ x.T, X) and not low_products(lambda x: jnp.matmul(x, x.T, precision="highest"), X)


@pytest.mark.parametrize("name", CASES)
def test_the_contract_holds(name: str) -> None:
    function, exact, tolerance = CASES[name]
    got, want = wide(jax.jit(function)(jnp.asarray(X))), exact()
    size = np.max(np.abs(want), axis=1, keepdims=True)
    error = np.max(np.abs(got - want) / size)
    assert error <= tolerance * EPS, f"{error / EPS:.3g} eps > {tolerance}"


@pytest.mark.parametrize("name", CASES)
def test_no_product_is_left_to_the_default(name: str) -> None:
    function = CASES[name][0]
    assert low_products(function, jnp.asarray(X)) == []
    assert low_products(jax.grad(lambda x: jnp.sum(function(x))), jnp.asarray(X)) == []


def test_near_pairs_are_found_nearest() -> None:
    """Point i and point i + N lie a thousandth apart: only they may be each other's neighbours."""
    x = jax.vmap(lambda p: poincare_to_hyperboloid(p, 1.0))(jnp.asarray(X))
    for manifold, points in ((BALL, jnp.asarray(X)), (SHEET, x)):
        found = np.asarray(nearest(manifold, points, points, 2, 1.0).indices)[:, 1]
        np.testing.assert_array_equal(found, (np.arange(2 * N) + N) % (2 * N))


def test_scores_of_classes() -> None:
    """The geometry around a layer's product keeps its digits; the product itself may be left to the default."""
    from flax import nnx

    layer = HypRegressionPoincarePP(BALL, DIM, 8, rngs=nnx.Rngs(0))
    low = layer(jnp.asarray(X), 1.0)
    with jax.default_matmul_precision("highest"):
        high = layer(jnp.asarray(X), 1.0)
    assert np.isfinite(np.asarray(low)).all()
    np.testing.assert_allclose(low, high, rtol=2e-2, atol=2e-2)
