"""Proves that installed packages work: run by the Python they are installed in, outside the repository.

python smoke.py hyp-manifolds hyp-nn
"""

import importlib
import importlib.metadata
import math
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp


def hyp_manifolds() -> None:
    """d(0, x) = 2 artanh |x| in the ball."""
    from hyp_manifolds import Poincare

    found = float(Poincare().dist(jnp.zeros(2), jnp.array([0.3, 0.4]), 1.0))
    assert math.isclose(found, 2 * math.atanh(0.5), rel_tol=1e-6), found


def hyp_optim() -> None:
    """A step of gradient descent from the origin of the ball is the exponential map, tanh(|v|) for the tangent v."""
    import optax
    from hyp_manifolds import Poincare
    from hyp_optim import riemannian_sgd

    rule = riemannian_sgd(1.0, manifolds=Poincare())
    point = jnp.zeros((1, 2))
    updates, _ = rule.update(jnp.array([[-1.0, 0.0]]), rule.init(point), point)
    moved = float(optax.apply_updates(point, updates)[0, 0])
    assert math.isclose(moved, math.tanh(0.25), rel_tol=1e-6), moved


def hyp_nn() -> None:
    """A layer maps points of the ball to points of the ball."""
    from flax import nnx
    from hyp_manifolds import Poincare
    from hyp_nn import HypLinear

    out = HypLinear(Poincare(), 2, 3, rngs=nnx.Rngs(0))(jnp.full((4, 2), 0.1), 1.0)
    assert out.shape == (4, 3) and bool((jnp.sum(out**2, -1) < 1).all()), out


def hyp_bench() -> None:
    """The data are inside and whole, and the command starts."""
    from hyp_bench.data import load_mammals

    assert load_mammals().num_nodes == 1180
    command = Path(sys.executable).parent / "hyp-bench"
    subprocess.run([command, "--help"], check=True, stdout=subprocess.DEVNULL)


for package in sys.argv[1:]:
    module = importlib.import_module(package.replace("-", "_"))
    # A package that lies beside the repository's sources would prove nothing about the wheel.
    assert module.__file__ and "site-packages" in module.__file__, module.__file__
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert not missing, missing
    assert module.__version__ == importlib.metadata.version(package)
    globals()[package.replace("-", "_")]()
    print(f"{package} {module.__version__}: works")
