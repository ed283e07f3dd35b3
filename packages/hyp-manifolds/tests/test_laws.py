"""Every law, for every manifold, on every backend present."""

import contextlib

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
# The contract judges all models in both precisions; so do the laws the two that the packages build on.
CASES = [
    pytest.param(model, marks=[] if model in ("poincare", "hyperboloid") else [pytest.mark.one_precision])
    for model in DIMS
]


# The contract judges values and gradients in both precisions.
JUDGED = {"closed_forms_equal_the_generic_defaults", "gradients_match_differences"}
NAMES = [pytest.param(name, marks=[pytest.mark.one_precision] if name in JUDGED else []) for name in LAWS]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", CASES)
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
