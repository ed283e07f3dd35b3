"""ManifoldParam: an nnx.Param that carries its manifold wherever NNX takes it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hyp_manifolds import Hyperboloid, OnManifold, Poincare
from hyp_nn import ManifoldParam

X = jnp.full((2, 3), 0.1)


class Model(nnx.Module):
    def __init__(self):
        self.points = ManifoldParam(X, manifold=Poincare())
        self.bias = nnx.Param(jnp.zeros(3))


def test_is_a_param_on_a_manifold():
    p = ManifoldParam(X, manifold=Poincare())
    assert isinstance(p, nnx.Param)
    assert isinstance(p, OnManifold)
    assert p.manifold == p.get_metadata("manifold") == Poincare()
    # A runtime protocol looks the member up statically from Python 3.12 on: __getattr__ would not be seen.
    assert isinstance(vars(ManifoldParam)["manifold"], property)
    np.testing.assert_array_equal(p[...], X)
    np.testing.assert_array_equal(p + 1, X + 1)


def test_plain_param_is_on_no_manifold():
    assert not isinstance(nnx.Param(X), OnManifold)


@pytest.mark.parametrize(
    "travel",
    [
        lambda m: nnx.merge(*nnx.split(m)),
        nnx.clone,
        lambda m: jax.tree.map(lambda a: a + 0, m),
        nnx.jit(lambda m: m),
        lambda m: nnx.merge(nnx.graphdef(m), jax.tree.map(lambda a: a, nnx.state(m))),
    ],
    ids=["split and merge", "clone", "tree map", "jit", "state"],
)
def test_manifold_travels(travel):
    moved = travel(Model())
    assert type(moved.points) is ManifoldParam
    assert moved.points.manifold == Poincare()
    assert not isinstance(moved.bias, OnManifold)


def test_gradients_and_abstract_parameters_keep_the_manifold():
    grads = nnx.grad(lambda m: jnp.sum(m.points[...] ** 2))(Model())
    assert grads["points"].manifold == Poincare()
    assert nnx.eval_shape(Model).points.manifold == Poincare()
    ensemble = nnx.vmap(lambda _: Model())(jnp.arange(4))
    assert ensemble.points.manifold == Poincare()
    assert ensemble.points.shape == (4, 2, 3)


def test_equal_manifolds_do_not_retrace():
    traces = []

    @nnx.jit
    def f(m):
        traces.append(1)
        return m.points[...]

    f(Model())
    f(Model())
    assert len(traces) == 1


def test_other_metadata_and_wrapped_initializers():
    p = ManifoldParam(X, manifold=Hyperboloid(), note="frozen")
    assert p.get_metadata("note") == "frozen"
    init = nnx.with_metadata(lambda: X, note="wrapped")
    p = ManifoldParam(init(), manifold=Poincare())
    assert p.get_metadata("note") == "wrapped"
    assert p.manifold == Poincare()


@pytest.mark.parametrize(
    ("value", "manifold", "error", "message"),
    [
        (X, Poincare, TypeError, r"manifold must be an instance of a manifold class.*Poincare\(\)"),
        (X, None, TypeError, "manifold must be an instance"),
        (jnp.ones((2, 3), jnp.int32), Poincare(), TypeError, r"points must be a floating array, got int32\[2, 3\]"),
        (jnp.float32(0.0), Poincare(), ValueError, "the last axis must hold the coordinates of a point"),
    ],
)
def test_wrong_arguments(value, manifold, error, message):
    with pytest.raises(error, match=message):
        ManifoldParam(value, manifold=manifold)


def test_manifold_is_required():
    with pytest.raises(TypeError, match="manifold"):
        ManifoldParam(X)
