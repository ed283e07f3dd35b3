"""After a hundred thousand steps points are where a projection would put them."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hyp_manifolds import MODELS, Product
from hyp_optim import RULES, ManifoldSpec

pytestmark = pytest.mark.one_precision
STEPS, RATE = 100_000, 0.02
SPACES = {**MODELS, "product": Product.from_signature("P2 H2 S2")}
# Every night every rule on every manifold. Else the rule with every part, on each kind of constraint.
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
CASES = [(rule, tuple(SPACES)) for rule in RULES] if NIGHTLY else [("adam", ("poincare", "hyperboloid", "sphere"))]


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16], ids=["f32", "bf16"])
@pytest.mark.parametrize(("rule", "spaces"), CASES, ids=[rule for rule, _ in CASES])
def test_the_constraint_holds(rule, spaces, dtype):
    """Short steps in ever new directions: never further off than 4 eps of a fresh projection."""
    keys = jax.random.split(jax.random.key(0), len(spaces))
    params, specs = {}, {}
    for key, name in zip(keys, spaces, strict=True):
        manifold = SPACES[name]
        dim = manifold.dim if name == "product" else 3
        params[name] = manifold.random_point(key, dim, 1.0)[None].astype(dtype)
        specs[name] = ManifoldSpec(manifold)
    tx = RULES[rule].fused(RATE, manifolds=specs)

    def pushed(i, p):
        return jnp.sin(i * jnp.arange(1, p.shape[-1] + 1) / 7).astype(p.dtype) + 0.3 * p

    def body(i, carry):
        params, state = carry
        updates, state = tx.update(jax.tree.map(lambda p: pushed(i, p), params), state, params)
        return optax.apply_updates(params, updates), state

    run = jax.jit(lambda params, state: jax.lax.fori_loop(0, STEPS, body, (params, state)))
    params, _ = run(params, tx.init(params))
    eps = float(jnp.finfo(dtype).eps)
    for name in spaces:
        x = params[name][0]
        wide, fresh = (np.asarray(a, np.float64) for a in (x, SPACES[name].proj(x, 1.0)))
        assert np.max(np.abs(wide - fresh)) <= 4 * eps * max(1.0, np.max(np.abs(wide))), (name, wide, fresh)
        assert SPACES[name].is_in_manifold(x, 1.0), name
