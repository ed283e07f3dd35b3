"""Steps of Riemannian Adam: of a whole table, and of a few rows of tables of any length."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hyp_bench.compare.case import STEP, Case, Ready, Work, temporaries
from hyp_bench.compare.libraries import OURS, peer

from .points import relative_error

DENSE, SPARSE = "dense Adam", "sparse Adam"
LENGTHS, TOUCHED, DIM = (10_000, 100_000, 1_000_000, 10_000_000), 1000, 10
_PEERS_TO = 1_000_000  # geoopt's buffers are as long as the table
_RATE, _STEPS, _JUDGED = 1e-3, 20, 8
_EPS = 2.0**-23


@functools.lru_cache(maxsize=2)
def table(rows: int, dim: int) -> np.ndarray:
    """Float32 points of the ball near the origin."""
    return (0.1 * np.random.default_rng(0).standard_normal((rows, dim), np.float32)).astype(np.float32)


@functools.lru_cache(maxsize=2)
def gradients(rows: int, dim: int) -> np.ndarray:
    """Their float32 gradients."""
    return (1e-2 * np.random.default_rng(1).standard_normal((rows, dim), np.float32)).astype(np.float32)


def touched(rows: int, step: int) -> np.ndarray:
    """Distinct rows, spread over the table."""
    return np.random.default_rng(step).choice(rows, min(TOUCHED, rows // 2), replace=False)


def dense(rows: int, dim: int, against: Sequence[str]) -> Case:
    """One donated step of the whole table."""
    makers = {OURS: _dense_ours, "optax.adam": _dense_optax}
    makers |= {
        name: m for name, m in {"hyperbolix": _dense_hyperbolix, "geoopt": _dense_geoopt}.items() if name in against
    }
    # The table, its gradient and its mean gradient are read, the table and the mean written, and a number a row.
    work = Work(4.0 * rows * (5 * dim + 2), 20.0 * rows * dim)
    return _case(DENSE, f"{rows:,} x {dim}", makers, work, rows, dim, rows)


def sparse(length: int, against: Sequence[str], series: str = "") -> Case:
    """One donated step of 1,000 rows."""
    makers = {OURS: _sparse_ours}
    if "geoopt" in against and length <= _PEERS_TO:
        makers["geoopt"] = _sparse_geoopt
    count = min(TOUCHED, length // 2)
    work = Work(4.0 * count * (5 * DIM + 2), 20.0 * count * DIM)
    size = f"{count:,} of {length:,} x {DIM}"
    return _case(SPARSE, size, makers, work, length, DIM, count, series=series, at=float(length))


def cases(against: Sequence[str], quick: bool) -> list[Case]:
    """Two tables for the dense step; the lengths of the sparse one are a curve, see `scaling`."""
    shapes = ((10_000, 10),) if quick else ((1_000_000, 16), (100_000, 10))
    return [dense(rows, dim, against) for rows, dim in shapes]


def _case(
    operation: str, size: str, makers: dict[str, Any], work: Work, rows: int, dim: int, moved: int, **more: Any
) -> Case:
    contenders: dict[str, Callable[[], Ready]] = {
        name: functools.partial(make, rows, dim) for name, make in makers.items()
    }
    verdict = functools.partial(judge, rows, dim, moved)
    return Case("optimizers", operation, size, STEP, contenders, work, verdict, tolerance=1e-2, **more)


def judge(rows: int, dim: int, moved: int, result: np.ndarray) -> dict[str, float]:
    """Worst relative error of the first step of a few rows in units of 2^-23, against NumPy in float64.

    Adam's first step is -rate g/|g|_x along the geodesic, (new - old) is judged, and much of it is rounding of the
    float32 table: the step is a thousandth of a coordinate's size or less.
    """
    given, g = table(rows, dim), gradients(moved, dim)
    ids = np.arange(moved) if moved == rows else touched(rows, 0)
    errors = []
    for k in range(min(_JUDGED, moved)):
        x, slope = given[ids[k]].astype(np.float64), g[k].astype(np.float64)
        gap = 1 - x @ x
        v = -_RATE * 0.5 * gap * slope / np.linalg.norm(slope)  # Riemannian length: the rate
        u = np.tanh(np.linalg.norm(v) / gap) * v / np.linalg.norm(v)
        top = (1 + 2 * x @ u + u @ u) * x + (1 - x @ x) * u
        errors.append(relative_error(result[k], top / (1 + 2 * x @ u + (x @ x) * (u @ u)) - x) / _EPS)
    return {"first step": max(errors)}


def _donated(tx: Any, given: Callable[[Any], Any], rows: int, dim: int) -> Ready:
    """A step of an optax transformation, which is initialised with `given(points)`."""
    import jax
    import jax.numpy as jnp
    import optax

    def step(x: Any, state: Any, g: Any) -> Any:
        updates, state = tx.update(g, state, x)
        return optax.apply_updates(x, updates), state

    x, g = jnp.array(table(rows, dim)), jnp.asarray(gradients(rows, dim))
    program, state = jax.jit(step, donate_argnums=(0, 1)), tx.init(given(x))

    def run() -> Any:
        nonlocal x, state
        x, state = jax.block_until_ready(program(x, state, g))

    def output() -> np.ndarray:
        few = min(rows, 64)
        start = jnp.array(table(rows, dim)[:few])
        return np.asarray(jax.jit(step)(start, tx.init(given(start)), g[:few])[0]) - np.asarray(start)

    def temporary() -> int:
        return temporaries(program, (x, state, g))

    return Ready(run, output, temporary)


def _dense_ours(rows: int, dim: int) -> Ready:
    from hyp_manifolds import Poincare
    from hyp_optim import riemannian_adam

    return _donated(riemannian_adam(_RATE, manifolds=Poincare()), lambda x: x, rows, dim)


def _dense_optax(rows: int, dim: int) -> Ready:
    import optax

    ready = _donated(optax.adam(_RATE), lambda x: x, rows, dim)
    return Ready(ready.run, None, ready.temporary)  # the Euclidean step is another function


def _dense_hyperbolix(rows: int, dim: int) -> Ready:
    ball = peer("hyperbolix.manifolds").Poincare()
    adam, param = peer("hyperbolix.optim").riemannian_adam, peer("hyperbolix.optim.manifold_metadata").ManifoldParam

    return _donated(adam(_RATE), lambda x: param(x, manifold=ball, curvature=1.0), rows, dim)


def _dense_geoopt(rows: int, dim: int) -> Ready:
    geoopt = peer("geoopt")
    torch = peer("torch")

    torch.set_num_threads(1)

    def start(count: int) -> tuple[Any, Any, Callable[[], None]]:
        x = geoopt.ManifoldParameter(torch.tensor(table(rows, dim)[:count]), manifold=geoopt.PoincareBall())
        g, optimizer = torch.tensor(gradients(rows, dim)[:count]), geoopt.optim.RiemannianAdam([x], lr=_RATE)

        def run() -> None:
            x.grad = g.clone()  # the step overwrites it
            optimizer.step()

        return x, g, run

    def output() -> np.ndarray:
        few = min(rows, 64)
        x, _, once = start(few)
        once()
        return x.detach().numpy() - table(rows, dim)[:few]

    return Ready(start(rows)[2], output)


def _sparse_ours(rows: int, dim: int) -> Ready:
    import jax
    import jax.numpy as jnp
    from hyp_manifolds import Poincare
    from hyp_optim import sparse_riemannian_adam

    tx = sparse_riemannian_adam(Poincare(), _RATE)
    program = jax.jit(tx.update, donate_argnums=(2, 3))
    x, ids = jnp.array(table(rows, dim)), [jnp.asarray(touched(rows, i), jnp.int32) for i in range(_STEPS)]
    g, state = jnp.asarray(gradients(len(ids[0]), dim)), tx.init(x)

    def run() -> Any:
        nonlocal x, state
        for i in ids:
            x, state = program(g, i, state, x)
        jax.block_until_ready(x)

    def output() -> np.ndarray:
        start = jnp.array(table(rows, dim))
        moved = program(g, ids[0], tx.init(start), jnp.array(start))[0]
        return np.asarray(moved[ids[0]] - start[ids[0]])

    def temporary() -> int:
        return temporaries(program, (g, ids[0], state, x))

    return Ready(run, output, temporary, repeats=_STEPS)


def _sparse_geoopt(rows: int, dim: int) -> Ready:
    geoopt = peer("geoopt")
    torch = peer("torch")

    torch.set_num_threads(1)
    ids = [torch.tensor(touched(rows, i))[None] for i in range(_STEPS)]
    g = torch.tensor(gradients(ids[0].shape[1], dim))

    def start() -> tuple[Any, Any]:
        x = geoopt.ManifoldParameter(torch.tensor(table(rows, dim)), manifold=geoopt.PoincareBall())
        return x, geoopt.optim.SparseRiemannianAdam([x], lr=_RATE)

    def step(x: Any, optimizer: Any, i: Any) -> None:
        x.grad = torch.sparse_coo_tensor(i, g.clone(), (rows, dim), check_invariants=False)
        optimizer.step()

    x, optimizer = start()

    def run() -> None:
        for i in ids:
            step(x, optimizer, i)

    def output() -> np.ndarray:
        fresh, its = start()
        step(fresh, its, ids[0])
        chosen = ids[0][0].numpy()
        return fresh.detach().numpy()[chosen] - table(rows, dim)[chosen]

    return Ready(run, output, repeats=_STEPS)
