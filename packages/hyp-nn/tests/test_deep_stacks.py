"""32 layers on each other, as they are initialised: radii neither vanish nor reach the edge."""

import hyp_nn as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hyp_manifolds import Hyperboloid, Poincare, ProperVelocity

BALL, SHEET, PV = Poincare(), Hyperboloid(), ProperVelocity()
DEPTH, DIM, C = 32, 64, 0.7
WIDE = {"num_dims": 1, "padding": "SAME"}

LINEAR = {
    "HypLinearPoincare": (BALL, lambda r, h: nn.HypLinearPoincare(BALL, DIM, DIM, rngs=r, matmul_dtype=h)),
    "HypLinearPoincarePP": (BALL, lambda r, h: nn.HypLinearPoincarePP(BALL, DIM, DIM, rngs=r, matmul_dtype=h)),
    "HypLinearHyperboloidPLFC": (
        SHEET,
        lambda r, h: nn.HypLinearHyperboloidPLFC(SHEET, DIM + 1, DIM + 1, rngs=r, matmul_dtype=h),
    ),
    "HypLinearPV": (PV, lambda r, h: nn.HypLinearPV(PV, DIM, DIM, rngs=r, matmul_dtype=h)),
    "HypLinearHyperboloidFHCNN": (
        SHEET,
        lambda r, h: nn.HypLinearHyperboloidFHCNN(SHEET, DIM + 1, DIM + 1, rngs=r, matmul_dtype=h),
    ),
    "HypLinearHyperboloidFHNN": (
        SHEET,
        lambda r, h: nn.HypLinearHyperboloidFHNN(SHEET, DIM + 1, DIM + 1, rngs=r, matmul_dtype=h),
    ),
    "HTCLinear": (SHEET, lambda r, h: nn.HTCLinear(DIM + 1, DIM, rngs=r, matmul_dtype=h)),
    "FGGLinear": (SHEET, lambda r, h: nn.FGGLinear(DIM + 1, DIM + 1, rngs=r, matmul_dtype=h)),
    "HypLinearPoincareBusemann": (BALL, lambda r, h: nn.HypLinearPoincareBusemann(BALL, DIM, DIM, rngs=r)),
}
CONVOLUTION = {
    "HypConvHyperboloid": (
        SHEET,
        lambda r, h: nn.HypConvHyperboloid(SHEET, DIM + 1, DIM + 1, 3, rngs=r, matmul_dtype=h, **WIDE),
    ),
    "HypConvHyperboloidFHNN": (
        SHEET,
        lambda r, h: nn.HypConvHyperboloidFHNN(SHEET, DIM + 1, DIM + 1, 3, rngs=r, matmul_dtype=h, **WIDE),
    ),
    "HypConvHyperboloidILNN": (
        SHEET,
        lambda r, h: nn.HypConvHyperboloidILNN(SHEET, DIM + 1, DIM + 1, 3, rngs=r, matmul_dtype=h, **WIDE),
    ),
    "FGGConv": (SHEET, lambda r, h: nn.FGGConv(SHEET, DIM + 1, DIM + 1, 3, rngs=r, matmul_dtype=h, **WIDE)),
    "LorentzConv": (SHEET, lambda r, h: nn.LorentzConv(DIM + 1, DIM + 1, 3, rngs=r, matmul_dtype=h, **WIDE)),
    "HypConvPV": (PV, lambda r, h: nn.HypConvPV(PV, DIM, DIM, 3, rngs=r, matmul_dtype=h, **WIDE)),
    "HypConvPoincare": (
        None,
        lambda r, h: nn.HypConvPoincare(BALL, DIM, DIM, 3, rngs=r, id_init=False, matmul_dtype=h, **WIDE),
    ),
}


def radii(manifold, build, how, pixels, start=1.0):
    """Mean scaled distance from the origin after each of the layers, from points at scaled radius `start`."""
    layers = [build(nnx.Rngs(i), how) for i in range(DEPTH)]
    graph, _ = nnx.split(layers[0])
    rng = np.random.default_rng(0)
    u = rng.standard_normal((16, *pixels, DIM))
    u *= start / np.sqrt(C) / np.linalg.norm(u, axis=-1, keepdims=True)
    flat = jnp.asarray(u.reshape(-1, DIM), jnp.float32)
    c = jnp.float32(C)
    if manifold is None:  # tangents of the ball, half as long as their points are far
        x = flat / 2
    elif isinstance(manifold, Hyperboloid):
        x = jax.jit(jax.vmap(lambda v: manifold.expmap_0(jnp.concatenate([jnp.zeros(1), v]), c)))(flat)
    else:
        x = jax.jit(jax.vmap(lambda v: manifold.expmap_0(v / 2 if manifold == BALL else v, c)))(flat)
    x = x.reshape(16, *pixels, -1)

    def length(p):
        return 2 * jnp.linalg.norm(p) if manifold is None else manifold.dist_0(p, c)

    @jax.jit
    def step(state, x):
        y = nnx.merge(graph, state)(x, c)
        return y, jnp.sqrt(c) * jnp.mean(jax.vmap(length)(y.reshape(-1, y.shape[-1])))

    found = []
    for layer in layers:
        x, radius = step(nnx.split(layer)[1], x)
        found.append(float(radius))
    return np.array(found)


CASES = [
    pytest.param(manifold, build, how, pixels, id=f"{name}-{'float32' if how is None else 'bfloat16'}")
    for table, pixels in ((LINEAR, ()), (CONVOLUTION, (6,)))
    for name, (manifold, build) in table.items()
    for how in (None, jnp.bfloat16)
]


@pytest.mark.one_precision
@pytest.mark.parametrize(("manifold", "build", "how", "pixels"), CASES)
def test_radii_stay_where_they_are(manifold, build, how, pixels, record_property):
    found = radii(manifold, build, how, pixels)
    record_property("radii", [round(float(r), 3) for r in found])
    assert np.isfinite(found).all()
    assert found.min() > 0.2 and found.max() < 5, found
