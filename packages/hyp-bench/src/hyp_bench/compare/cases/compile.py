"""Time to trace and compile gradients, and how often a sweep of curvatures compiles."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from hyp_bench.compare.libraries import OURS

from . import layers, points

COMPILE, SWEEP = "compile", "compilations"
_CURVATURES = (0.1, 0.3, 0.5, 1.0, 1.5, 2.0, 3.0, 10.0)
_DEPTH = 16
_EVENT = "/jax/core/compile/backend_compile_duration"
Job = tuple[Callable[..., Any], tuple[Any, ...]]


def jobs(against: Sequence[str], quick: bool) -> dict[tuple[str, str], dict[str, Callable[[], Job]]]:
    """(Operation, size) to library to what makes a gradient and its arguments."""
    found: dict[tuple[str, str], dict[str, Callable[[], Job]]] = {}
    names = [OURS, *(name for name in against if name == "hyperbolix")]
    for model, operation, dim in (("poincare", "dist", 128), ("poincare", "expmap", 256), ("hyperboloid", "dist", 128)):
        for name in names:
            row = found.setdefault((f"{points.TITLES[model]} {operation}", f"1,000 x {dim}"), {})
            row[name] = lambda n=name, m=model, o=operation, d=dim: _gradient(n, m, o, d)
    for layer in () if quick else (layers.LAYERS[0], layers.LAYERS[2]):
        for name in names:
            row = found.setdefault((f"{_DEPTH} x {layer.name}", "100 x 128"), {})
            row[name] = lambda n=name, one=layer: _stack(n, one)
    return found


def _gradient(library: str, model: str, operation: str, dim: int) -> Job:
    import jax
    import jax.numpy as jnp

    method = points.jax_method(library, model, operation)
    assert method is not None

    def total(*a: Any) -> Any:
        return jnp.sum(jax.vmap(method, (0, 0, None))(*a))

    given = (*points.arguments(model, operation, 1000, dim), np.float32(1))
    return jax.value_and_grad(total, (0, 1)), tuple(jnp.asarray(a) for a in given)


def _stack(library: str, layer: layers.Layer) -> Job:
    import jax
    import jax.numpy as jnp
    from flax import nnx

    build = layers.ours if library == OURS else layers.hyperbolix
    graph, state = nnx.split(nnx.List([build(layer) for _ in range(_DEPTH)]))

    def loss(state: Any, x: Any, c: Any) -> Any:
        for one in nnx.merge(graph, state):
            x = one(x, c)
        return jnp.sum(x**2)

    return jax.value_and_grad(loss, allow_int=True), (state, jnp.zeros((100, 128)), jnp.float32(1))


def compilations_in_a_sweep(job: Job) -> int:
    """How often XLA compiles while a jitted gradient sees eight curvatures in turn."""
    import jax
    import jax.numpy as jnp

    function, (*given, _) = job
    curvatures = [jnp.float32(c) for c in _CURVATURES]
    jax.clear_caches()
    program = jax.jit(function)
    with _counted() as events:
        for c in curvatures:
            jax.block_until_ready(program(*given, c))
    return len(events)


@contextmanager
def _counted() -> Generator[list[str]]:
    import jax.monitoring

    events: list[str] = []
    counting = True

    def listen(event: str, duration_secs: float, **kwargs: Any) -> None:
        if counting and event == _EVENT:
            events.append(event)

    # There is no public way to take one listener back: it is told to stop counting.
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield events
    finally:
        counting = False
