"""Files of hyp_nn with what hyp_optim knows of a tree, and after its steps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hyp_manifolds import Poincare
from hyp_nn import ManifoldParam, load_safetensors, save_safetensors
from hyp_nn.safetensors import read_header
from hyp_optim import ManifoldSpec, riemannian_sgd

pytestmark = pytest.mark.one_precision

TREE = {"x": jnp.full((3, 2), 0.4), "w": jnp.ones(4)}


def test_one_tree_of_specs_serves_the_optimizer_and_the_file(tmp_path):
    path, specs = tmp_path / "tree.safetensors", {"x": ManifoldSpec(Poincare(), 2.0), "w": None}
    rule = riemannian_sgd(0.1, manifolds=specs)
    updates, _ = rule.update(jax.tree.map(jnp.ones_like, TREE), rule.init(TREE), TREE)
    tree = jax.tree.map(jnp.add, TREE, updates)
    save_safetensors(path, tree, manifolds=specs)
    assert read_header(path)["leaves"]["x"]["c"] == 2.0
    jax.tree.map(np.testing.assert_array_equal, load_safetensors(path, TREE, manifolds=specs), tree)
    moving = {"x": ManifoldSpec(Poincare(), None), "w": None}
    jax.tree.map(np.testing.assert_array_equal, load_safetensors(path, TREE, manifolds=moving, c=2.0), tree)
    with pytest.raises(ValueError, match=r"leaf 'x': its curvature moves \(c=None\)"):
        load_safetensors(path, TREE, manifolds=moving)


def test_a_loaded_module_takes_the_next_step_of_the_saved_one(tmp_path):
    class Model(nnx.Module):
        def __init__(self, start):
            self.points = ManifoldParam(jnp.full((3, 2), start), manifold=Poincare())
            self.tied = self.points

    def step(model):
        optimizer = nnx.Optimizer(model, riemannian_sgd(0.1), wrt=nnx.Param)
        optimizer.update(model, nnx.grad(lambda m: jnp.sum(m.points[...] ** 2))(model))
        return model.points[...]

    path, model = tmp_path / "model.safetensors", Model(0.3)
    step(model)
    save_safetensors(path, model)
    loaded = load_safetensors(path, Model(0.0))
    assert loaded.tied is loaded.points
    np.testing.assert_array_equal(step(loaded), step(model))
