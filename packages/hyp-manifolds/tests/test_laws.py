"""Every law, for every manifold, on every backend present."""

import contextlib
import itertools
import os

import jax
import pytest
from hyp_manifolds import MODELS, Hyperboloid, Poincare, Product, hyperboloid_to_poincare, poincare_to_hyperboloid
from hyp_manifolds.testing import LAWS, check_isometry, law_violations


def on(backend: str):
    """The default backend is not named: JAX would trace and compile again what the contract's tests have compiled."""
    if backend == jax.default_backend():
        return contextlib.nullcontext()
    return jax.default_device(jax.local_devices(backend=backend)[0])


BACKENDS = sorted({"cpu", jax.default_backend()})
DIM = 16  # shared with the contract tests: each operation is compiled once
DIMS = {**dict.fromkeys(MODELS, (DIM,)), "product": None}
PRODUCT = Product.from_signature("P3 E2")
CORE = ("poincare", "hyperboloid")  # the models that the packages build on: every law in both precisions
# What the contract judges in both precisions.
JUDGED = {"closed_forms_equal_the_generic_defaults", "gradients_match_differences"}
# The laws that compile most run where the contract has compiled the same: for the other models in 64-bit mode. In CI
# `hyp-bench accuracy --quick` judges their float32 derivatives, and every night everything runs in both.
WIDE = jax.config.jax_enable_x64
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"


def cases():
    for model, (name, law) in itertools.product(DIMS, LAWS.items()):
        moved = law.slow and model not in CORE
        if NIGHTLY or WIDE or not moved:
            once = name in JUDGED if model in CORE else not moved
            yield pytest.param(model, name, marks=[pytest.mark.one_precision] if once else [], id=f"{model}-{name}")


@pytest.mark.parametrize(("model", "name"), [*cases()])
@pytest.mark.parametrize("backend", BACKENDS)
def test_law(backend: str, model: str, name: str) -> None:
    with on(backend):
        assert law_violations(MODELS.get(model, PRODUCT), name, dims=DIMS[model]) == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_isometries_commute_with_every_operation(backend: str) -> None:
    with on(backend):
        check_isometry(
            Poincare(), Hyperboloid(), poincare_to_hyperboloid, hyperboloid_to_poincare,
            dims=(DIM,), curvatures=(0.1, 1.0, 4.0, 1e3),
        )  # fmt: skip


def test_a_manifold_computes_in_its_own_dtype() -> None:
    import jax.numpy as jnp

    ball = Poincare(dtype=jnp.float32)
    x, y = jnp.array([0.1, 0.2]), jnp.array([0.3, -0.1], jnp.bfloat16)
    assert ball.dist(x, y, 1.0).dtype == jnp.float32
    assert ball.create_origin(1.0, 3).dtype == jnp.float32
    assert ball == Poincare(dtype="float32") and hash(ball) == hash(Poincare(dtype="float32"))
    assert Poincare() == Poincare() and Poincare() != ball and Poincare() != Hyperboloid()


def test_a_product_is_tried_in_the_dimension_of_its_factors() -> None:
    with pytest.raises(ValueError, match="`dim` must be 5, the dimension of P3 E2, got 2"):
        law_violations(PRODUCT, "squared_distance", dims=(2,))
