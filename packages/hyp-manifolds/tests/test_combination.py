"""Linear combinations with a transpose of their own: under every transform and on every kind of mesh, JAX's result."""

import functools
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import Poincare
from hyp_manifolds._numerics import apart, combine, widening
from hyp_manifolds._numerics.scope import Scope

DIM, ROWS = 70, 3
FLOAT32 = np.dtype(np.float32)
RNG = np.random.default_rng(0)
A, B = (jnp.asarray(RNG.standard_normal(ROWS), FLOAT32) for _ in range(2))
X, Y, W = (jnp.asarray(RNG.standard_normal((ROWS, DIM)), FLOAT32) for _ in range(3))
ARGUMENTS = (A, B, X, Y)


def ours(a, b, x, y):
    out = widening(lambda a, b, x, y: combine((a, x), (b * b, y), (a, y)), Scope(FLOAT32, FLOAT32), a, b, x, y)
    return apart(out)


def plain(a, b, x, y):
    return a * x + b * b * y + a * y


def close(got, want) -> None:
    for p, q in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        np.testing.assert_allclose(p, q, rtol=4e-6, atol=4e-6)


@pytest.mark.one_precision
@pytest.mark.parametrize("axes", [(0, 0, 0, 0), (None, 0, 0, None), (0, 0, None, None), (0, None, None, 0)])
def test_batched_gradients_and_tangents(axes) -> None:
    """Also where an operand is the same for all rows, whose gradient is then a sum over them."""
    arguments = tuple(v if axis == 0 else v[0] for v, axis in zip(ARGUMENTS, axes, strict=True))

    def total(function):
        return lambda *v: jnp.sum(W * jnp.sin(jax.vmap(function, axes)(*v)))

    got, want = (jax.jit(jax.value_and_grad(total(f), (0, 1, 2, 3)))(*arguments) for f in (ours, plain))
    close(got, want)
    got, want = (jax.jit(functools.partial(jax.jvp, total(f)))(arguments, arguments) for f in (ours, plain))
    close(got, want)


@pytest.mark.one_precision
def test_second_derivatives_both_ways() -> None:
    def total(function):
        return lambda a, b, x: jnp.sum(function(a, b, x, Y[0]) ** 2)

    for transform in (jax.hessian, lambda f, n: jax.jacrev(jax.jacrev(f, n), n)):
        got, want = (jax.jit(transform(total(f), (0, 1, 2)))(A[0], B[0], X[0]) for f in (ours, plain))
        close(got, want)


@pytest.mark.one_precision
def test_rematerialised_in_a_scan_of_nested_batches() -> None:
    def total(function):
        each = jax.vmap(jax.vmap(function, (None, None, None, 0)), (0, 0, 0, None))
        step = jax.checkpoint(lambda carry, v: (carry + jnp.sum(each(v * A, B, X, Y) ** 2), None))
        return lambda scales: jax.lax.scan(step, jnp.float32(0), scales)[0]

    scales = jnp.asarray([0.5, 1.0], FLOAT32)
    got, want = (jax.jit(jax.value_and_grad(total(f)))(scales) for f in (ours, plain))
    close(*(jax.tree.map(lambda t: t / 1e3, v) for v in (got, want)))


@pytest.mark.one_precision
def test_no_array_of_the_batch_in_float64() -> None:
    """Neither coefficients spread over rows nor converted vectors, also where the caller sums the float32 result."""
    rows, dim = 1000, 256
    given = [jax.ShapeDtypeStruct(s, FLOAT32) for s in ((rows,), (rows,), (rows, dim), (rows, dim))]
    gradient = jax.jit(jax.value_and_grad(lambda *v: jnp.sum(jax.vmap(ours)(*v)), (0, 1, 2, 3)))
    usual = {"xla_backend_optimization_level": 3}
    analysis = gradient.lower(*given).compile(compiler_options=usual).memory_analysis()
    assert analysis is not None and analysis.temp_size_in_bytes < 8 * rows * dim


@pytest.mark.one_precision
def test_operations_that_are_linear_in_an_argument_stay_so() -> None:
    """`jax.linear_transpose`, and rules of derivatives that apply them to tangents, refuse all other functions."""
    ball, y = Poincare(), 0.1 * X[0, :5]
    (back,) = jax.linear_transpose(lambda v: ball.ptransp_0(v, y, 1.0), y)(W[0, :5])
    close(back, jax.vjp(lambda v: ball.ptransp_0(v, y, 1.0), y)[1](W[0, :5])[0])
    pull = jax.vjp(lambda v: ball.expmap_0(v, 1.0), y)[1]
    (again,) = jax.linear_transpose(lambda w: pull(w)[0], y)(W[0, :5])
    close(again, jax.jvp(lambda v: ball.expmap_0(v, 1.0), (y,), (W[0, :5],))[1])


ON_MESHES = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from hyp_manifolds import Hyperboloid, Poincare
x = 0.1 * jax.random.normal(jax.random.key(0), (8, 5))
for kind in (AxisType.Auto, AxisType.Explicit):
    mesh = jax.make_mesh((4,), ("rows",), axis_types=(kind,))
    for manifold, operation in ((Poincare(), "addition"), (Hyperboloid(), "logmap")):
        points = x if isinstance(manifold, Poincare) else jax.vmap(manifold.proj, (0, None))(x, 1.0)
        batched = jax.vmap(getattr(manifold, operation), (0, 0, None))
        total = lambda a, b, c: jnp.sum(batched(a, b, c) ** 2)
        want = jax.jit(jax.value_and_grad(total, (0, 1, 2)))(points, points[::-1], 1.0)
        by_device = jax.shard_map(
            jax.value_and_grad(lambda *v: jax.lax.psum(total(*v), "rows"), (0, 1, 2)),
            mesh=mesh, in_specs=(P("rows"), P("rows"), P()), out_specs=(P(), (P("rows"), P("rows"), P())),
        )
        with jax.set_mesh(mesh):
            spread = [jax.device_put(a, NamedSharding(mesh, P("rows"))) for a in (points, points[::-1])]
            for f in (jax.value_and_grad(total, (0, 1, 2)), by_device):
                for a, b in zip(jax.tree.leaves(jax.jit(f)(*spread, jnp.float32(1))), jax.tree.leaves(want)):
                    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
"""


@pytest.mark.one_precision
def test_meshes_of_every_kind(quick_flags: str) -> None:
    flags = f"{quick_flags} --xla_force_host_platform_device_count=4"
    env = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", ON_MESHES], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
