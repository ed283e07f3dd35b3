"""Laws of the transformations: jit, vmap, nested vmap, dtypes and tracing change nothing."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hyp_manifolds import Manifold

from .._calls import Batched, resolve
from ..samples import Sample
from ._law import law, relative
from ._signatures import operations


@law(eps=16)
def vmap_equals_loop(m: Batched, s: Sample) -> Iterator[Any]:
    """A batch under jit(vmap(.)) gives what its rows give one by one without."""
    few = s.take(slice(1, 3))
    for name, letters in operations(m.manifold).items():
        arguments, function = few.arguments(letters), resolve(m.manifold, name)
        rows = [np.asarray(function(*map(jnp.asarray, row))) for row in zip(*arguments, strict=True)]
        yield relative(np.stack(rows), m(name, *arguments), label=name)


@law(eps=16)
def jit_equals_eager(m: Batched, s: Sample) -> Iterator[Any]:
    """A single point gives the same with and without jit."""
    one = s.take(slice(4, 5))
    for name in ("dist", "expmap", "logmap", "ptransp"):
        function = resolve(m.manifold, name)
        arguments = [jnp.asarray(a[0]) for a in one.arguments(operations(m.manifold)[name])]
        yield relative(jax.jit(function)(*arguments)[None], function(*arguments)[None], label=name)


@law(eps=16, slow=True)
def nested_vmap_equals_loop(m: Batched, s: Sample) -> Iterator[Any]:
    """All pairs by nested vmap give what each pair gives alone."""
    few, c = s.take(slice(0, 3)), s.c[0]
    other = s.take(slice(4, 8))
    for name in ("dist", "sqdist", "logmap"):
        function = resolve(m.manifold, name)
        pairwise = jax.vmap(jax.vmap(function, in_axes=(None, 0, None)), in_axes=(0, None, None))
        table = np.asarray(jax.jit(pairwise)(few.x, other.y, c))
        n, k = len(few.x), len(other.y)
        loop = m(name, np.repeat(few.x, k, 0), np.tile(other.y, (n, 1)), np.repeat(s.c[:1], n * k, 0))
        yield relative(table.reshape(n * k, -1), loop, label=name)


@law()
def dtype_is_kept(m: Batched, s: Sample) -> Iterator[Any]:
    """Results have the dtype of the inputs (the manifold's own, if it has one), and are never weakly typed."""
    own = getattr(m.manifold, "dtype", None)
    kinds = [jnp.bfloat16, jnp.float16, jnp.float32, *([jnp.float64] if jnp.zeros(()).dtype == np.float64 else [])]
    for kind in kinds:
        for name, letters in operations(m.manifold).items():
            arrays = [jax.ShapeDtypeStruct(getattr(s, k)[0].shape, kind) for k in letters]
            for c in (1.0, jax.ShapeDtypeStruct(s.c.shape[1:], np.dtype("float32"))):
                out = jax.eval_shape(resolve(m.manifold, name), *arrays, c)
                if out.dtype != np.dtype(own or kind) or out.weak_type:
                    yield f"{name}: {np.dtype(kind)} in, {'weak ' * out.weak_type}{out.dtype} out"


@law(slow=True)
def one_trace_for_a_sweep_of_curvatures(m: Batched, s: Sample) -> Iterator[Any]:
    """Values of c of one kind (Python floats, or arrays) compile once."""
    sweep = (0.5, 1.0, 2.5)
    arrays_of_c = np.multiply.outer(sweep, np.ones(s.c.shape[1:]))
    for name, letters in {"dist": "xy", "expmap": "vx", "ptransp": "vxy"}.items():
        traces: list[str] = []
        function = resolve(m.manifold, name)

        def counted(*arguments: Any, function: Any = function, traces: list[str] = traces) -> Any:
            traces.append("trace")
            return function(*arguments)

        jitted = jax.jit(counted)
        arrays = [jnp.asarray(getattr(s, k)[0]) for k in letters]
        for kind, values in (("floats", sweep), ("arrays", jnp.asarray(arrays_of_c, s.c.dtype))):
            traces.clear()
            for c in values:
                jitted(*arrays, c)
            if len(traces) > 1:
                yield f"{name}: {len(traces)} traces for three {kind}"


@law(eps=4)
def curvature_may_be_any_kind_of_number(m: Batched, s: Sample) -> Iterator[Any]:
    """A Python float or int, a NumPy scalar and a jax array of the same value give the same."""
    x, y = jnp.asarray(s.x[1]), jnp.asarray(s.y[1])
    c = s.c[1].tolist()  # a list of numbers, in a product
    whole = [s.c[1].astype(int).tolist()] if np.all(s.c[1] == np.rint(s.c[1])) else []
    kinds = [c, np.float32(c), jnp.asarray(c, jnp.float32), jnp.asarray(c), *whole]
    values = np.array([float(m.manifold.dist(x, y, kind)) for kind in kinds])
    yield relative(values, np.full(len(kinds), values[0]))


@law(eps=64, slow=True)
def closed_forms_equal_the_generic_defaults(m: Batched, s: Sample) -> Iterator[Any]:
    """Wherever a model overrides a default of the base class, both agree."""
    model = type(m.manifold)
    for name, letters in operations(m.manifold).items():
        default = getattr(Manifold, name, None)
        if default is None or getattr(default, "__isabstractmethod__", False) or getattr(model, name) is default:
            continue
        arguments = s.arguments(letters)
        generic = m(f"generic:{name}", *arguments)
        # sums of two points, weighted by at most 1 or a stretch they share, cancel where the points are opposite
        summed = {"addition": "xy", "coaddition": "xy", "geodesic": "xy", "scalar_mul": "x"}.get(name, "")
        scale = sum(np.linalg.norm(getattr(s, k).astype(float), axis=1) for k in summed) if summed else None
        yield relative(m(name, *arguments), generic, scale=scale, label=name)
