"""`geodesic_flow` is the exponential map and the transport along it, where its closed forms have another way."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hyp_manifolds import MODELS, Poincare, Product
from hyp_manifolds.testing import make_sample, oracle

# Two closed forms, one model that has none, and a product.
SPACES = {
    **{name: MODELS[name] for name in ("poincare", "hyperboloid", "sphere")},
    "product": Product.from_signature("P2 H2 S2"),
}


def flow(m):
    return jax.jit(jax.vmap(m.geodesic_flow))


@pytest.mark.parametrize("name", SPACES)
def test_is_expmap_and_transport(name):
    m = SPACES[name]
    s = make_sample(m, m.dim if name == "product" else 3, radius=1.5)
    y, w = flow(m)(s.t, s.v, s.x, s.c)
    step = (s.t[:, None] * s.v).astype(s.x.dtype)
    there = jax.jit(jax.vmap(m.expmap))(step, s.x, s.c)
    np.testing.assert_allclose(y, there, rtol=64 * s.eps, atol=64 * s.eps)
    np.testing.assert_allclose(
        w, jax.jit(jax.vmap(m.ptransp))(s.v, s.x, there, s.c), rtol=256 * s.eps, atol=256 * s.eps
    )
    still, same = flow(m)(0 * s.t, s.v, s.x, s.c)
    np.testing.assert_allclose(still, s.x, rtol=4 * s.eps, atol=4 * s.eps)
    np.testing.assert_allclose(same, s.v, rtol=8 * s.eps, atol=8 * s.eps)


@pytest.mark.one_precision  # in float64 it is the composition of its parts
@pytest.mark.parametrize("name", ["poincare", "hyperboloid"])
def test_far_out_it_is_as_exact_as_its_parts(name):
    """Against mpmath at radius 8, steps of length 6 in every direction; over the condition number of the transport."""
    m, model = SPACES[name], oracle.ORACLES[name]
    s = make_sample(m, 3, (1.0,), radius=8.0, fixed=True, rows=12)
    size = np.asarray(jax.vmap(m.tangent_norm)(s.v, s.x, s.c))
    t = (6 / size).astype(s.x.dtype)
    y, w = flow(m)(t, s.v, s.x, s.c)

    def exact(t, v, x):
        c, t, v, x = mpmath.mpf(1), mpmath.mpf(float(t)), oracle.vector(v), oracle.vector(x)
        if model.time:
            v, x = v[1:], x[1:]
        there = model.operations["expmap"].function([t * a for a in v], x, c)
        end = there[1:] if model.time else there
        return there, model.operations["ptransp"].function(v, x, end, c)

    with mpmath.workdps(60):
        for row in range(12):
            there, moved = exact(t[row], s.v[row], s.x[row])
            for mine, theirs, condition in ((y[row], there, 30.0), (w[row], moved, 2e4)):
                theirs = np.array([float(a) for a in theirs])
                error = np.linalg.norm(np.asarray(mine, np.float64) - theirs) / np.linalg.norm(theirs)
                assert error < 4 * s.eps * (1 if m == Poincare() and condition == 30.0 else condition), (row, error)


@pytest.mark.parametrize("name", ["poincare", "hyperboloid"])
def test_gradients_are_finite_and_those_of_the_parts(name):
    m = SPACES[name]
    s = make_sample(m, 3, radius=1.0, rows=4)
    weights = jnp.asarray(s.g)

    def by_flow(v, x, t, c, g):
        y, w = m.geodesic_flow(t, v, x, c)
        return jnp.sum(g * y) + jnp.sum(g * w)

    def by_parts(v, x, t, c, g):
        y = m.expmap(t * v, x, c)
        return jnp.sum(g * y) + jnp.sum(g * m.ptransp(v, x, y, c))

    for v in (s.v, 0 * s.v):
        a, b = (jax.jit(jax.vmap(jax.grad(f, (0, 2))))(v, s.x, s.t, s.c, weights) for f in (by_flow, by_parts))
        for one, other in zip(a, b, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)
