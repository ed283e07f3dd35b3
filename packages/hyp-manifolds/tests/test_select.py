"""A choice between two values is NumPy's way of broadcasting and JAX's of types, and no program of its own."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds._numerics import select

CONDITIONS = (True, np.bool_(False), np.array(True), np.array([True, False, True]), np.array([[True], [False]]))
OPERANDS = (1.5, 2, jnp.bfloat16(0.1), np.float32(3), np.full(3, 0.1, "f"), np.full(3, 7), np.full((2, 3), 0.1, "f"))


@pytest.mark.parametrize("condition", CONDITIONS, ids=repr)
@pytest.mark.parametrize("known", [False, True])
def test_is_where(condition, known):
    """Known numbers and traced ones, which go different ways."""
    pairs = list(itertools.product(OPERANDS, repeat=2))

    def results(fn):
        if known:
            return jax.jit(lambda condition: [fn(condition, x, y) for x, y in pairs])(condition)
        return jax.jit(lambda condition, pairs: [fn(condition, x, y) for x, y in pairs])(condition, pairs)

    for (x, y), a, b in zip(pairs, results(jnp.where), results(select), strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype), (x, y)
        np.testing.assert_array_equal(a, b)


def test_is_one_operation():
    x = jnp.ones(3)
    for fn in (lambda c, x: select(c, x, x), lambda c, x: select(c, x[0], 1.0), lambda c, x: select(x > 0, 2.0, 1.0)):
        names = [str(e.primitive) for e in jax.make_jaxpr(fn)(jnp.array(True), x).eqns]
        assert "select_n" in names and "jit" not in names
