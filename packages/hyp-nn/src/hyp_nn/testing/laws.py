"""Laws of layers, each a function of a `Program`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from hyp_manifolds import Hyperboloid, Sphere

from hyp_nn.testing.case import Case, Program
from hyp_nn.testing.flat import FLAT, FLAT_CONVOLUTIONS
from hyp_nn.testing.formulas import FORMULAS
from hyp_nn.testing.windows import CONVOLUTIONS


def _eps(x: jax.Array) -> float:
    return float(jnp.finfo(x.dtype).eps)


def _numbers(x: Any) -> np.ndarray:
    return np.asarray(x, np.float64)


def _close(what: str, got: Any, want: Any, tol: float) -> None:
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    scale = max(1e-3, float(np.max(np.abs(want), initial=0.0)))
    worst = float(np.max(np.abs(got - want), initial=0.0)) / scale
    assert worst <= tol, f"{what}: differ by {worst:.2e} of the largest entry, allowed {tol:.2e}"


def output(p: Program) -> None:
    """The output has the promised shape and dtype, is finite, and lies on its manifold, also from hard places."""
    case, special = p.case, p.case.special(int(np.prod(p.BATCH)), p.C).reshape(p.x.shape)
    for x in (p.x, special):
        y = p.run(x).y
        assert y.shape == (*p.BATCH, *case.out), f"shape {y.shape}, expected {(*p.BATCH, *case.out)}"
        assert y.dtype == x.dtype, f"dtype {y.dtype} from {x.dtype}"
        assert np.isfinite(_numbers(y)).all(), "the output is not finite"
        if case.target is not None:
            inside = np.asarray(_membership(case.target)(y.reshape(-1, y.shape[-1]), jnp.asarray(p.C, y.dtype)))
            assert inside.all(), f"{(~inside).sum()} outputs lie off {case.target!r}"


def low_precision(p: Program) -> None:
    """bfloat16 in gives bfloat16 out."""
    y = jax.eval_shape(p.forward, p.params, jax.ShapeDtypeStruct(p.x.shape, jnp.bfloat16), 1.0)
    assert y.dtype == jnp.bfloat16, f"dtype {y.dtype} from bfloat16"


def gradients(p: Program) -> None:
    """Gradients are finite everywhere, and none by a parameter is identically 0."""
    case = p.case
    special = p.run(case.special(int(np.prod(p.BATCH)), p.C).reshape(p.x.shape))
    usual = p.run()
    for where, result in (("at hard places", special), ("at random points", usual)):
        for path, leaf in jax.tree_util.tree_leaves_with_path((result.by_params, result.by_x, result.by_c)):
            assert np.isfinite(_numbers(leaf)).all(), f"gradient {where} is not finite: {jax.tree_util.keystr(path)}"
    for path, leaf in jax.tree_util.tree_leaves_with_path(usual.by_params):
        assert np.any(_numbers(leaf) != 0), f"parameter without gradient: {jax.tree_util.keystr(path)}"


def batches(p: Program) -> None:
    """A batch is the layer of each sample: vmap of vmap of single samples gives the same."""
    if not p.case.per_sample:
        return
    single = jax.vmap(jax.vmap(lambda x: p.forward(p.params, x, jnp.asarray(p.C, x.dtype))))
    _close("nested vmap against batch", jax.jit(single)(p.x), p.run().y, 200 * _eps(p.x))


def curvature(p: Program) -> None:
    """A sweep over c traces once, and the gradient by c is that of finite differences."""
    p.run()
    before = p.traces
    for c in (0.3, 1.0, 2.0):
        if p.case.source is None or not isinstance(p.case.source, Hyperboloid):
            p.run(c=c)
    assert p.traces == before, f"{p.traces - before} more traces in a sweep over c"
    if not p.case.smooth:
        return
    c, h = p.C, 3e-3 if p.x.dtype == np.float32 else 1e-5
    up, down, here = p.run(c=c + h), p.run(c=c - h), p.run()
    slope = (np.asarray(up.y, np.float64) - np.asarray(down.y, np.float64)) / (2 * h)
    slope = float(np.sum(slope * np.asarray(p.weights, np.float64)))
    scale = float(np.sum(np.abs(np.asarray(here.y)))) + abs(slope)
    tol = (4 * _eps(p.x) / h + h) * scale
    assert abs(slope - float(here.by_c)) <= tol, f"gradient by c {float(here.by_c)}, finite differences {slope}"


def derivatives(p: Program) -> None:
    """Gradients by parameters and inputs are those of finite differences, along a random direction."""
    if not p.case.smooth:
        return
    here, h = p.run(), 1e-2 if p.x.dtype == np.float32 else 1e-5
    leaves, tree = jax.tree.flatten((p.params, p.x))
    keys = jax.random.split(jax.random.key(7), len(leaves))
    along = [jax.random.normal(k, a.shape, a.dtype) / max(1, a.size) ** 0.5 for k, a in zip(keys, leaves, strict=True)]

    def value(step: float) -> float:
        params, x = jax.tree.unflatten(tree, [a + step * d for a, d in zip(leaves, along, strict=True)])
        y = p.run(x, params=params).y
        return float(np.sum(np.asarray(y, np.float64) * np.asarray(p.weights, np.float64)))

    slope = (value(h) - value(-h)) / (2 * h)
    grads = jax.tree.leaves((here.by_params, here.by_x))
    want = sum(float(np.sum(np.asarray(g, np.float64) * np.asarray(d))) for g, d in zip(grads, along, strict=True))
    scale = float(np.sum(np.abs(np.asarray(here.y)))) + abs(slope)
    tol = (4 * _eps(p.x) / h + h / 10) * scale
    assert abs(slope - want) <= tol, f"slope {want} by gradients, {slope} by finite differences, allowed {tol:.1e}"


def formula(p: Program) -> None:
    """The output is that of the paper's equation, transcribed to float64 NumPy, where there is one."""
    exact = FORMULAS.get(p.name)
    if (convolution := CONVOLUTIONS.get(p.name.partition("-")[0])) is not None:
        exact = functools.partial(convolution, spec=p.layer.window)
    if exact is None:
        return
    params = jax.tree.map(lambda a: np.asarray(a, np.float64), nnx.to_pure_dict(p.params))
    samples = np.asarray(p.x, np.float64).reshape(-1, *p.case.sample)
    want = np.stack([exact(params, x, float(np.asarray(p.C, p.x.dtype))) for x in samples])
    _close("paper's formula", p.run().y.reshape(want.shape), want, 60 * _eps(p.x))


def flat(p: Program) -> None:
    """As c -> 0, the Euclidean layer, where there is one.

    Points among the parameters are put at the origin, and weights of the time coordinate, which is 1/sqrt(c), at 0.
    """
    exact = FLAT.get(p.name)
    if (convolution := FLAT_CONVOLUTIONS.get(p.name.partition("-")[0])) is not None:
        exact = functools.partial(convolution, spec=p.layer.window)
    if exact is None:
        return
    c, timed = 1e-10, isinstance(p.case.source, Hyperboloid | Sphere)
    params = jax.tree.map(_at_the_origin, p.params, is_leaf=lambda v: isinstance(v, nnx.Variable))
    if "kernel" in params and params["kernel"].shape[0] == p.case.coords and timed and not p.case.pixels:
        params["kernel"] = params["kernel"].replace(params["kernel"][...].at[0].set(0.0))
    if "time_kernel" in params:
        params["time_kernel"] = params["time_kernel"].replace(jnp.zeros_like(params["time_kernel"][...]))
    x = p.x[..., 1:] if timed else p.x
    sign = -1 if isinstance(p.case.source, Sphere) else 1
    points = jnp.concatenate([jnp.sqrt(1 / c + sign * jnp.sum(x * x, -1, keepdims=True)), x], -1) if timed else x
    numbers = jax.tree.map(lambda a: np.asarray(a, np.float64), nnx.to_pure_dict(params))
    shape = (*p.case.sample[:-1], x.shape[-1])
    want = np.stack([exact(numbers, s) for s in np.asarray(x, np.float64).reshape(-1, *shape)])
    got = np.asarray(p.run(points, c=c, params=params).y, np.float64)
    got = got[..., 1:] if isinstance(p.case.target, Hyperboloid) else got
    _close("flat layer", got.reshape(want.shape), want, 1e-4)


def _at_the_origin(variable: Any) -> Any:
    manifold = variable.get_metadata("manifold", None) if hasattr(variable, "get_metadata") else None
    if manifold is None:
        return variable
    origin = manifold.create_origin(1.0, manifold.intrinsic_dim(variable.shape[-1])).astype(variable.dtype)
    return variable.replace(jnp.broadcast_to(origin, variable.shape))


def compiled(p: Program) -> None:
    """jit and eager agree."""
    if p.case.per_sample:
        x, want = p.x[0, 0][None], p.run().y[0, 0][None]
    else:
        x, want = p.x, p.run().y
    _close("eager against jit", p.forward(p.params, x, p.C), want, 200 * _eps(x))


def state(p: Program) -> None:
    """Split and merged again it is the same layer."""
    graph, values = nnx.split(p.layer)
    again = nnx.split(nnx.merge(graph, values, copy=True))
    assert again[0] == graph, "another structure after split and merge"
    raw = [jax.tree.map(_bits, tree) for tree in (values, again[1])]
    same = jax.tree.map(lambda a, b: np.array_equal(a, b) and a.dtype == b.dtype, *raw)
    assert all(jax.tree.leaves(same)), "other values after split and merge"


def _bits(a: jax.Array) -> jax.Array:
    return jax.random.key_data(a) if jnp.issubdtype(a.dtype, jax.dtypes.prng_key) else a


LAWS: dict[str, Callable[[Program], None]] = {
    "output": output,
    "low_precision": low_precision,
    "gradients": gradients,
    "batches": batches,
    "curvature": curvature,
    "derivatives": derivatives,
    "formula": formula,
    "flat": flat,
    "compiled": compiled,
    "state": state,
}

_MEMBERSHIP: dict[Any, Callable[..., jax.Array]] = {}


def _membership(manifold: Any) -> Callable[..., jax.Array]:
    if manifold not in _MEMBERSHIP:
        _MEMBERSHIP[manifold] = jax.jit(jax.vmap(lambda x, c: manifold.is_in_manifold(x, c), (0, None)))
    return _MEMBERSHIP[manifold]


def check_layer(case: Case, name: str = "") -> None:
    """Runs every law on a layer.

    Args:
        case: the layer and what goes in and comes out.
        name: its name in `LAYERS`, by which its formula is found.

    Raises:
        AssertionError: a law is broken; the message starts with its name.
    """
    program = Program(case, name)
    for law_name, law in LAWS.items():
        try:
            law(program)
        except AssertionError as error:
            raise AssertionError(f"{law_name}: {error}") from error


__all__ = ["LAWS", "check_layer"]
