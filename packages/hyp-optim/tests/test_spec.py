"""ManifoldSpec: static, hashable, validated."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import Euclidean, Poincare
from hyp_optim import ManifoldSpec


def test_is_a_value():
    assert ManifoldSpec(Poincare(), 2) == ManifoldSpec(Poincare(), 2.0) == ManifoldSpec(Poincare(), np.float32(2))
    assert hash(ManifoldSpec(Poincare(), 2)) == hash(ManifoldSpec(Poincare(), 2.0))
    assert ManifoldSpec(Poincare()) != ManifoldSpec(Poincare(), 2.0)
    assert ManifoldSpec(Poincare()).c == 1.0
    assert ManifoldSpec(Euclidean(), 0.0).c == 0.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        ManifoldSpec(Poincare()).c = 2.0


@pytest.mark.parametrize("c", [0.0, -1.0, float("nan"), float("inf")])
def test_c_outside_the_domain(c):
    with pytest.raises(ValueError, match="c"):
        ManifoldSpec(Poincare(), c)


@pytest.mark.parametrize("c", [jnp.ones(()), np.ones(1), "1", True], ids=repr)
def test_c_is_a_python_number(c):
    with pytest.raises(TypeError, match=r"c must be a Python number.*c=None"):
        ManifoldSpec(Poincare(), c)


@pytest.mark.parametrize("manifold", [Poincare, "poincare", None])
def test_manifold_is_an_instance(manifold):
    with pytest.raises(TypeError, match="manifold"):
        ManifoldSpec(manifold)
