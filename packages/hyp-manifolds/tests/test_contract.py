"""The accuracy contract: every operation, every regime, values and gradients, against the mpmath oracle."""

from dataclasses import replace
from functools import cache
from typing import Any

import jax
import mpmath as mp
import numpy as np
import pytest
from hyp_manifolds import MODELS
from hyp_manifolds.testing import (
    CONTRACT,
    Plan,
    contract_violations,
    judge,
    judge_gradients,
    make_batch,
    oracle,
    plan_for,
)

DTYPE = "float64" if jax.config.jax_enable_x64 else "float32"
SEED = 0
DIM = 16  # shared with the laws: each operation is compiled once
CURVATURES = (1e-6, 1.0, 1e3)
SIGNED = (1e3, 1.0, 1e-3, 1e-6, 1e-12, 0.0, -1e-12, -1e-6, -1e-3, -1.0, -1e3)
# The models that the packages build on: two more curvatures, and the plane too.
PLANAR = ("poincare", "hyperboloid")
MORE = (1e-6, 1e-3, 1.0, 10.0, 1e3)
# The plane in float32 is what `hyp-bench accuracy --quick` judges.
DIMS = (DIM, 2) if DTYPE == "float64" else (DIM,)
LONG = Plan(
    radii=(0.1, 3, 8, 12), near=(1, 8), gaps=(1e-3,), opposite=(5,), tangent_radii=(0, 3), tangent_lengths=(0.0, 1.0)
)
# Written once for all models, or other names of dist: judged in one dimension.
ONCE = {
    "geodesic_unit", "coaddition", "hyperplane_dist", "project_to_hyperplane", "reflect_in_point", "busemann",
    "project_to_horosphere", "cone_half_aperture", "cone_angle", "dist_mobius", "dist_metric", "dist_smoothened",
}  # fmt: skip
CASES = [
    pytest.param(
        model,
        operation,
        dim,
        id=f"{model}-{operation}-{dim}",
    )
    for model in MODELS
    # In float32, `hyp-bench accuracy --quick` judges the others in CI.
    for dim in (DIMS if model in PLANAR else (DIM,) if DTYPE == "float64" else ())
    for operation in CONTRACT[model]
    if dim != 2 or operation not in ONCE
]


@cache
def batch_of(model: str, dim: int):
    own = SIGNED if MODELS[model].curvature_domain == "signed" else MORE if model in PLANAR else CURVATURES
    return make_batch(model, DTYPE, dim, own, SEED, plan_for(DTYPE))


@cache
def usual_effort() -> dict[str, Any]:
    """The compiler's defaults, whatever XLA_FLAGS say: rounding is a matter of what it contracts.

    Without those of them that this version of it does not know.
    """
    known: dict[str, Any] = {}
    for option in ({"xla_backend_optimization_level": 3}, {"xla_cpu_use_fusion_emitters": True}):
        try:
            jax.jit(lambda x: x, compiler_options=option)(0.0)
        except jax.errors.JaxRuntimeError:
            continue
        known |= option
    return known


@pytest.mark.parametrize(("model", "operation", "dim"), CASES)
def test_operation(model: str, operation: str, dim: int) -> None:
    manifold, batch = MODELS[model], batch_of(model, dim)
    exact = oracle.oracle_for(manifold)
    assert exact is not None
    effort = usual_effort()
    failures = judge(manifold, exact, operation, batch, compiler_options=effort)
    if operation != "grad_dist":  # itself a gradient
        every = 2 if dim == 2 else 7
        failures += judge_gradients(manifold, exact, operation, batch, every, compiler_options=effort)
    assert not failures, "\n".join(map(str, failures))


@pytest.mark.one_precision
@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
@pytest.mark.parametrize("model", MODELS)
def test_low_precision_inputs_compute_in_float32(model: str, kind: str) -> None:
    for operation in ("dist", "expmap", "logmap") if kind == "bfloat16" else ("expmap",):
        assert contract_violations(MODELS[model], operation, dtype=np.dtype(kind), dims=(2,)) == []


@pytest.mark.one_precision
@pytest.mark.parametrize("dim", [72, 71])
@pytest.mark.parametrize("operation", ["dist_0", "dist", "expmap", "addition"])
@pytest.mark.parametrize("model", PLANAR)
def test_long_rows(model: str, operation: str, dim: int) -> None:
    """Rows that are summed in lanes, with and without a rest."""
    manifold, batch = MODELS[model], make_batch(model, DTYPE, dim, (1.0,), SEED, LONG)
    exact = oracle.oracle_for(manifold)
    assert exact is not None
    effort = usual_effort()  # without it there are no vector instructions to judge
    failures = judge(manifold, exact, operation, batch, compiler_options=effort)
    failures += judge_gradients(manifold, exact, operation, batch, compiler_options=effort)
    assert not failures, "\n".join(map(str, failures))


TOWARD = Plan(radii=(0.5, 2, 5), opposite=(0.1, 1, 2, 5, 8, 10, 12, 15, 15, 15, 20, 30), facing=(0.02, 0.3), near=(12,))


# Seeds whose tangents, rounded, come close enough to the radial ones to show what cancels.
@pytest.mark.parametrize(
    ("model", "operation", "seed"),
    [
        *((m, *case) for case in (("expmap", 10), ("ptransp", 1), ("tangent_norm", 10)) for m in MODELS),
        ("hyperboloid", "tangent_inner", 11),
        ("proper_velocity", "tangent_inner", 11),
        ("klein", "hyperplane_dist", 10),
        ("euclidean", "project_to_hyperplane", 10),
        ("stereographic", "ptransp", 3),
        ("klein", "addition", 10),
        ("klein", "coaddition", 65),
        ("hyperboloid", "reflect_in_point", 40),
        ("half_space", "gyration", 1),
        ("poincare", "project_to_horosphere", 40),
    ],
)
def test_tangents_that_point_to_the_other_point(model: str, operation: str, seed: int) -> None:
    """Radial ones, and points on the far side of the origin, where sums of long vectors lose their digits."""
    manifold, exact = MODELS[model], oracle.oracle_for(MODELS[model])
    assert exact is not None
    batch = make_batch(model, DTYPE, 2, MORE, seed, TOWARD)
    with jax.enable_x64(True):
        wide = [a.astype(np.float64) for a in (batch.arrays["y"], batch.arrays["x"], batch.c)]
        steps = np.asarray(jax.jit(jax.vmap(manifold.logmap))(*wide))
    own = steps[:, -batch.chart["v"].shape[1] :].astype(DTYPE)
    lifted = [
        exact.chart.lift("x", v.astype(np.float64), x.astype(np.float64), float(c))
        for v, x, c in zip(own, batch.chart["x"], batch.c, strict=True)
    ]
    ambient = np.stack(lifted).astype(DTYPE)
    batch = replace(
        batch, arrays=batch.arrays | dict.fromkeys("uv", ambient), chart=batch.chart | dict.fromkeys("uv", own)
    )
    failures = judge(manifold, exact, operation, batch) + judge_gradients(manifold, exact, operation, batch)
    assert not failures, "\n".join(map(str, failures))


# Where a result lies closer to the boundary than the dtype can say: kept inside, and still within the bound.
@pytest.mark.parametrize("operation", ["addition", "coaddition", "reflect_in_point"])
@pytest.mark.parametrize("model", ["poincare", "klein", "stereographic"])
def test_results_at_the_edge(model: str, operation: str) -> None:
    exact = oracle.oracle_for(MODELS[model])
    assert exact is not None
    far = exact.chart.promised[DTYPE]
    batch = make_batch(model, DTYPE, 2, (1.0, 1e3), SEED, Plan(radii=(0.6 * far, 0.8 * far) * 60))
    failures = judge(MODELS[model], exact, operation, batch)
    assert not failures, "\n".join(map(str, failures))


DENSE_CURVATURES = (1e-6, 1e-3, 1.0, 10.0, 1e3)
# Small derivatives of large coordinates, where formulas through numbers of size e^2r lose digits, need a dense grid.
DENSE = [
    *((model, "project_to_hyperplane") for model in ("poincare", "proper_velocity", "half_space", "stereographic")),
    *(("klein", operation) for operation in ("coaddition", "project_to_hyperplane")),
    ("half_space", "project_to_horosphere"),
    *((model, "cone_angle") for model in ("hyperboloid", "half_space")),
    *((model, "addition") for model in ("hyperboloid", "proper_velocity")),
    ("hyperboloid", "busemann"),
]
# Opposite points of the half-space lie on straight lines to the last digit, where the angle's gradient jumps; the sums
# of opposite points are short.
OPPOSITE = Plan(radii=(), opposite=(5,) * 12, facing=(0.95, 0.99, 1.02))
SPREAD = {
    ("half_space", "cone_angle"): Plan(radii=(5,) * 40),
    **{(model, "addition"): OPPOSITE for model in ("hyperboloid", "proper_velocity")},
    ("hyperboloid", "busemann"): Plan(radii=(5,) * 40),
}


@pytest.mark.parametrize(("model", "operation"), DENSE)
def test_gradients_far_out(model: str, operation: str) -> None:
    manifold, exact = MODELS[model], oracle.oracle_for(MODELS[model])
    assert exact is not None
    failures = [
        failure
        for seed in ((0, 1) if DTYPE == "float64" else (0,))
        for failure in judge_gradients(
            manifold, exact, operation,
            make_batch(model, DTYPE, 2, DENSE_CURVATURES, seed, SPREAD.get((model, operation), plan_for(DTYPE))),
            compiler_options=usual_effort(),
        )
    ]  # fmt: skip
    assert not failures, "\n".join(map(str, failures))


# At moderate radii, where a formula for near points hands over to one for others.
@pytest.mark.parametrize("model", ["poincare", "hyperboloid", "half_space"])
def test_busemann_functions_near_the_origin(model: str) -> None:
    exact = oracle.oracle_for(MODELS[model])
    assert exact is not None
    plan = Plan(radii=tuple(np.linspace(0.1, 1.5, 100)))
    failures = judge(MODELS[model], exact, "busemann", make_batch(model, DTYPE, 2, DENSE_CURVATURES, SEED, plan))
    assert not failures, "\n".join(map(str, failures))


RAYS = {"proper_velocity": np.sinh, "klein": np.tanh, "poincare": lambda r: np.tanh(r / 2)}


# Points on one ray, where the slopes across it are 0 but for the rounding of the points.
@pytest.mark.parametrize("model", RAYS)
def test_turning_both_points_does_not_change_their_distance(model: str) -> None:
    manifold = MODELS[model]
    angle = np.random.default_rng(SEED).uniform(0, 2 * np.pi, 200)
    ray = np.stack([np.cos(angle), np.sin(angle)], 1)

    def change(x: jax.Array, y: jax.Array) -> jax.Array:
        """Over the length of the gradient."""
        turned = jax.numpy.stack([-x[1], x[0]]), jax.numpy.stack([-y[1], y[0]])
        _, way = jax.jvp(lambda x, y: manifold.dist(x, y, 1.0), (x, y), turned)
        lengths = (jax.numpy.linalg.norm(g) for g in jax.grad(manifold.dist, argnums=(0, 1))(x, y, 1.0))
        return way / sum(n * jax.numpy.linalg.norm(p) for n, p in zip(lengths, (x, y), strict=True))

    changes = jax.jit(jax.vmap(change))
    for r, s in ((5, 3), (5, 4), (3, 5), (5, -3)):
        x, y = ((RAYS[model](k) * ray).astype(DTYPE) for k in (r, s))
        assert np.abs(changes(x, y)).max() < 4 * np.finfo(DTYPE).eps


# Far out, of the changes of the step's coefficients along x little is left.
@pytest.mark.parametrize("model", ["poincare", "stereographic"])
def test_exponential_map_turned_far_out(model: str) -> None:
    manifold, exact = MODELS[model], oracle.oracle_for(MODELS[model])
    assert exact is not None
    angle = np.random.default_rng(SEED).uniform(0, 2 * np.pi, (2, 30))
    x = (np.tanh(2.5) * np.stack([np.cos(angle[0]), np.sin(angle[0])], 1)).astype(DTYPE)
    v = (0.03 * np.stack([np.cos(angle[1]), np.sin(angle[1])], 1)).astype(DTYPE)
    across = np.stack([-v[:, 1], v[:, 0]], 1)
    turned = jax.jit(jax.vmap(lambda v, x, dv: jax.jvp(lambda v: manifold.expmap(v, x, 1.0), (v,), (dv,))[1]))
    got = np.asarray(turned(v, x, across), np.float64)
    with mp.workdps(60):
        h, function = mp.mpf(10) ** -20, exact.operations["expmap"].function
        for row, way in enumerate(got):
            at, point, dv = (oracle.vector(a[row].astype(np.float64)) for a in (v, x, across))
            ends = [function([a + k * d for a, d in zip(at, dv, strict=True)], point, mp.mpf(1)) for k in (h, -h)]
            want = np.array([float((a - b) / (2 * h)) for a, b in zip(*ends, strict=True)])
            assert np.linalg.norm(way - want) < 8 * np.finfo(DTYPE).eps * np.linalg.norm(want)


@pytest.mark.parametrize("model", ["poincare", "stereographic"])
def test_transport_between_many_points(model: str) -> None:
    """As (1 - y x*)/(1 - x y*) g_y/g_x in complex numbers: one in ten thousand comes close to the bound."""
    rng, rows = np.random.default_rng(0), 20_000
    start, turn = rng.uniform(0, 2 * np.pi, rows), rng.uniform(-3.1, 3.1, rows)
    far = 14.0 if DTYPE == "float64" else 8.0
    radii = np.tanh(rng.choice([2.0, 5.0, 8.0, far], (2, rows, 1)) / 2)
    x, y = (r * np.stack([np.cos(a), np.sin(a)], 1) for r, a in zip(radii, (start, start + turn), strict=True))
    x, y, v = (a.astype(DTYPE) for a in (x, y, rng.standard_normal((rows, 2))))
    move = jax.vmap(lambda v, x, y: MODELS[model].ptransp(v, x, y, 1.0))
    got = jax.jit(move, compiler_options=usual_effort())(v, x, y)
    worst = 0.0
    with mp.workdps(40):
        for z, w, u, moved in zip(*(np.asarray(a, np.float64) for a in (x, y, v, got)), strict=True):
            z, w, u, moved = (mp.mpc(float(k[0]), float(k[1])) for k in (z, w, u, moved))
            turned = (1 - w * z.conjugate()) / (1 - z * w.conjugate()) * u
            want = turned * (1 - abs(w) ** 2) / (1 - abs(z) ** 2)
            worst = max(worst, float(abs(moved - want) / abs(want)))
    assert worst < 4 * np.finfo(DTYPE).eps


def test_every_operation_of_the_oracle_has_a_bound() -> None:
    for model, manifold in MODELS.items():
        exact = oracle.oracle_for(manifold)
        assert exact is not None and exact.model == model
        assert set(exact.operations) == set(CONTRACT[model])
