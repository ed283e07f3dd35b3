"""The speed table: pairwise distances, linear layers, convolutions and tables, each beside its Euclidean relative."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from hyp_manifolds import Hyperboloid, Poincare, pairwise_dist, pairwise_sum
from hyp_nn import (
    FGGConv2D,
    FGGLinear,
    HTCLinear,
    HypConv2DHyperboloid,
    HypConv2DPoincare,
    HypLinearPoincare,
    HypLinearPoincarePP,
    LorentzConv2D,
)
from hyp_optim import riemannian_adam, sparse_riemannian_adam
from timing import compile_for, megabytes, take_turns

BALL, SHEET = Poincare(), Hyperboloid()
Row = dict[str, Any]
Contender = tuple[Callable[..., Any], tuple[Any, ...]]


def _rows(
    case: str, contenders: Mapping[str, Contender], *, flops: float, moved: float, donate: tuple[int, ...] = ()
) -> Iterator[Row]:
    """Times the contenders in turn; one that fails (for lack of memory, say) is reported and left out.

    Args:
        case: name of the case.
        contenders: function and arguments of each; the Euclidean one is called "Euclid".
        flops: of the matrix products that no contender can do without.
        moved: bytes that have to be read or written at least.
        donate: positions of arguments that the results replace, in the same order.
    """
    calls: dict[str, Callable[[], Any]] = {}
    told: dict[str, Row] = {}
    for name, (function, arguments) in contenders.items():
        row = {"kind": "speed", "case": case, "name": name, "flops": flops, "bytes": moved}
        try:
            program, seconds = compile_for(function, *arguments, donate=donate)
            calls[name] = _call(program, arguments, donate)
            jax.block_until_ready(calls[name]())
        except Exception as error:  # whatever the device says, the other contenders go on
            calls.pop(name, None)
            yield row | {"error": f"{type(error).__name__}: {str(error).splitlines()[0][:120]}"}
            continue
        told[name] = row | {"compile": seconds, "temporaries": megabytes(program)}
    for name, found in take_turns(calls, seconds=2).items():
        yield told[name] | found


def _call(program: Any, arguments: tuple[Any, ...], donate: tuple[int, ...]) -> Callable[[], Any]:
    held = list(arguments)

    def call() -> Any:
        out = program(*held)
        for at, value in zip(donate, out if len(donate) > 1 else (out,), strict=False):
            held[at] = value
        return out

    return call


def pairwise(tiny: bool) -> Iterator[Row]:
    """All distances of 16 and of 64 thousand points, and their sum with its gradient."""
    sizes = (64,) if tiny else (16_384, 65_536)
    memory = 2**20 if tiny else 2**30  # a GPU wants larger blocks than the default, which suits a CPU's caches
    for dim in (10,) if tiny else (128, 10):
        for n in sizes:
            u = jax.random.normal(jax.random.key(n), (n, dim)) / dim**0.5
            x = jax.jit(jax.vmap(lambda v: BALL.expmap_0(v, 1.0)))(u)
            s = SHEET.embed_spatial_0(u)
            lifted = jax.jit(jax.vmap(lambda v: SHEET.expmap_0(v, 1.0)))(s)
            contenders: dict[str, Contender] = {
                "ball": (lambda x: pairwise_dist(BALL, x, x, 1.0, memory=memory), (x,)),
                "hyperboloid": (lambda x: pairwise_dist(SHEET, x, x, 1.0, memory=memory), (lifted,)),
                "Euclid": (_gram, (x,)),
            }
            yield from _rows(f"pairwise {n} x {dim}", contenders, flops=2 * n * n * dim, moved=4.0 * n * n)
        n = sizes[0]
        contenders = {"ball": (_summed(memory), (x[:n],)), "Euclid": (jax.value_and_grad(_gram_sum), (x[:n],))}
        yield from _rows(f"pairwise sum, gradient {n} x {dim}", contenders, flops=6 * n * n * dim, moved=12.0 * n * dim)


def _gram(x: jax.Array) -> jax.Array:
    squares = jnp.sum(x * x, axis=1)
    inner = jnp.matmul(x, x.T, precision="highest")
    return jnp.sqrt(jnp.maximum(squares[:, None] + squares - 2 * inner, 0.0))


def _gram_sum(x: jax.Array) -> jax.Array:
    return jnp.sum(_gram(x) ** 2)


def _summed(memory: int) -> Callable[[jax.Array], Any]:
    def total(x: jax.Array) -> jax.Array:
        return pairwise_sum(BALL, lambda d, rows: jnp.sum(d**2), x, x, 1.0, memory=memory)

    return jax.value_and_grad(total)


def _both(layers: Mapping[str, tuple[Any, jax.Array]], case: str, flops: float) -> Iterator[Row]:
    """Forward, and value with gradient by parameters and inputs."""
    forward: dict[str, Contender] = {}
    gradient: dict[str, Contender] = {}
    for name, (layer, x) in layers.items():
        graph, state = nnx.split(layer)
        leaves, tree = jax.tree.flatten(state)

        def call(leaves: Any, x: jax.Array, graph: Any = graph, tree: Any = tree, name: str = name) -> jax.Array:
            module = nnx.merge(graph, jax.tree.unflatten(tree, leaves))
            return module(x) if name == "Euclid" else module(x, 1.0)

        def loss(leaves: Any, x: jax.Array, call: Any = call) -> jax.Array:
            return jnp.sum(call(leaves, x) ** 2)

        forward[name] = (call, (leaves, x))
        gradient[name] = (jax.value_and_grad(loss, (0, 1), allow_int=True), (leaves, x))
    size = next(iter(layers.values()))[1].size
    yield from _rows(case, forward, flops=flops, moved=8.0 * size)
    yield from _rows(f"{case}, gradient", gradient, flops=3 * flops, moved=16.0 * size)


def linear(tiny: bool) -> Iterator[Row]:
    """Linear layers as wide as they come; weights may use TF32 as JAX's default says, in all contenders alike."""
    for batch, width in ((16, 8),) if tiny else ((8_192, 1_024), (65_536, 1_024), (8_192, 4_096)):
        u = jax.random.normal(jax.random.key(1), (batch, width)) / width**0.5
        x = jax.jit(jax.vmap(lambda v: BALL.expmap_0(0.5 * v, 1.0)))(u)
        s = jax.jit(jax.vmap(lambda v: SHEET.expmap_0(v, 1.0)))(SHEET.embed_spatial_0(u))
        layers = {
            "HypLinearPoincare": (HypLinearPoincare(BALL, width, width, rngs=nnx.Rngs(0)), x),
            "HypLinearPoincarePP": (HypLinearPoincarePP(BALL, width, width, rngs=nnx.Rngs(0)), x),
            "FGGLinear": (FGGLinear(width + 1, width + 1, rngs=nnx.Rngs(0)), s),
            "HTCLinear": (HTCLinear(width + 1, width, rngs=nnx.Rngs(0)), s),
            "Euclid": (nnx.Linear(width, width, rngs=nnx.Rngs(0)), x),
        }
        yield from _both(layers, f"linear {batch} x {width} -> {width}", 2.0 * batch * width**2)


def conv(tiny: bool) -> Iterator[Row]:
    """Convolutions of 3 x 3."""
    batch, side, k = (1, 4, 3) if tiny else (256, 32, 64)
    v = 0.1 * jax.random.normal(jax.random.key(1), (batch, side, side, k))
    lift = jax.jit(jax.vmap(lambda u: SHEET.expmap_0(u, 1.0)))
    s = lift(SHEET.embed_spatial_0(v).reshape(-1, k + 1)).reshape(batch, side, side, k + 1)
    rngs = nnx.Rngs(0)
    layers = {
        "FGGConv2D": (FGGConv2D(SHEET, k + 1, k + 1, 3, rngs=rngs), s),
        "HypConv2DHyperboloid": (HypConv2DHyperboloid(SHEET, k + 1, k + 1, 3, rngs=rngs), s),
        "HypConv2DPoincare": (HypConv2DPoincare(BALL, k, k, 3, rngs=rngs), v),
        "LorentzConv2D": (LorentzConv2D(k + 1, k + 1, 3, rngs=rngs), s),
        "Euclid": (nnx.Conv(k, k, (3, 3), rngs=rngs), v),
    }
    yield from _both(layers, f"conv {batch} x {side}² x {k}", 2.0 * batch * side**2 * 9 * k * k)


def tables(tiny: bool) -> Iterator[Row]:
    """Steps of Riemannian Adam on tables of up to 100 million rows: all rows, and a few of them."""
    dim = 16
    for rows in (1_000,) if tiny else (1_000_000, 10_000_000, 100_000_000):
        moved = 4.0 * rows * (5 * dim + 2)  # points and moments read and written, gradients read
        for name, tx in (("ours", riemannian_adam(1e-3, manifolds=BALL)), ("Euclid", optax.adam(1e-3))):
            # one after the other: two tables of the longest with their states would fill the device
            yield from _rows(
                f"table {rows:,} x {dim}", {name: _dense(tx, rows, dim)}, flops=0, moved=moved, donate=(0, 1)
            )
        for touched in (10,) if tiny else (1_000, 100_000) if rows == 100_000_000 else (1_000,):
            sparse = _sparse(rows, dim, touched)
            moved = 4.0 * touched * (5 * dim + 2)
            case = f"table {rows:,} x {dim}, {touched:,} rows touched"
            yield from _rows(case, {"ours": sparse}, flops=0, moved=moved, donate=(0, 1))


def _dense(tx: optax.GradientTransformation, rows: int, dim: int) -> Contender:
    def step(x: jax.Array, state: Any, g: jax.Array) -> tuple[jax.Array, Any]:
        updates, state = tx.update(g, state, x)
        return optax.apply_updates(x, updates), state

    x, g = jnp.full((rows, dim), 0.01), jnp.full((rows, dim), 1e-3)
    return step, (x, tx.init(x), g)


def _sparse(rows: int, dim: int, touched: int) -> Contender:
    tx = sparse_riemannian_adam(BALL, 1e-3)
    table = jnp.full((rows, dim), 0.01)
    ids = jax.random.randint(jax.random.key(touched), (touched,), 0, rows)
    g = jnp.full((touched, dim), 1e-3)

    def step(table: jax.Array, state: Any, g: jax.Array, ids: jax.Array) -> tuple[jax.Array, Any]:
        return tx.update(g, ids, state, table)

    return step, (table, tx.init(table), g, ids)
