"""Operations on points: distance, exponential and logarithmic map, transport, Möbius addition and multiplication."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hyp_bench.compare.case import FORWARD, GRADIENT, Case, Ready, Work, of_jax
from hyp_bench.compare.libraries import OURS, peer

TITLES = {"poincare": "ball", "hyperboloid": "hyperboloid"}
# x, y: points; v: tangent vector at x; r: a number. As in `hyp_manifolds.testing.oracle`.
OPERATIONS = {"dist": "xy", "expmap": "vx", "logmap": "yx", "ptransp": "vxy", "addition": "xy", "scalar_mul": "rx"}
NEAR, FAR = "to radius 5", "radius 5-10"
_SCALAR, _JUDGED, _FAR_SHARE = 0.7, 6, 4
_DIGITS, _EPS = 50, 2.0**-23


@functools.lru_cache(maxsize=4)
def inputs(model: str, n: int, dim: int) -> dict[str, np.ndarray]:
    """Float32 points and tangent vectors at unit curvature.

    The last quarter of the points lies at radius 5 to 10, the others at 0.1 to 5; tangent vectors have length 1/2. On
    the hyperboloid the time coordinate is that of the rounded spatial part.
    """
    rng, found = np.random.default_rng(0), {}
    for name in "xyv":
        direction = rng.standard_normal((n, dim))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        radius = rng.uniform(0.1, 5, (n, 1))
        radius[-(n // _FAR_SHARE) :] += 5
        if name == "v":
            found[name] = direction
        else:
            found[name] = (np.tanh(radius / 2) if model == "poincare" else np.sinh(radius)) * direction
    x = found["x"] = found["x"].astype(np.float32).astype(np.float64)
    if model == "poincare":
        found["v"] *= 0.25 * (1 - np.sum(x * x, 1, keepdims=True))
        return {name: a.astype(np.float32) for name, a in found.items()}
    time = np.sqrt(1 + np.sum(x * x, 1, keepdims=True))
    found["v"] *= 0.5 / np.sqrt(1 - (np.sum(x * found["v"], 1, keepdims=True) / time) ** 2)
    return {name: _with_time(name, a.astype(np.float32), x, time) for name, a in found.items()}


def _with_time(name: str, spatial: np.ndarray, x: np.ndarray, time: np.ndarray) -> np.ndarray:
    own = spatial.astype(np.float64)
    if name == "v":
        first = np.sum(x * own, 1, keepdims=True) / time
    else:
        first = np.sqrt(1 + np.sum(own * own, 1, keepdims=True))
    return np.concatenate([first.astype(np.float32), spatial], 1)


def arguments(model: str, operation: str, n: int, dim: int) -> tuple[Any, ...]:
    """The arguments of a batched call, without the curvature."""
    given = inputs(model, n, dim)
    return tuple(np.float32(_SCALAR) if letter == "r" else given[letter] for letter in OPERATIONS[operation])


def judge(model: str, operation: str, n: int, dim: int, result: np.ndarray) -> dict[str, float]:
    """Worst error of a few rows of each band in units of 2^-23 of the exact result (mpmath, 50 digits)."""
    import mpmath
    from hyp_manifolds.testing import oracle

    definition, given = oracle.ORACLES[model].operations[operation], inputs(model, n, dim)
    far, worst = n - n // _FAR_SHARE, {}
    for band, rows in ((NEAR, range(min(_JUDGED, far))), (FAR, range(far, min(far + _JUDGED, n)))):
        errors = [0.0]
        for row in rows:
            with mpmath.workdps(_DIGITS):
                exact = definition.function(
                    *(
                        mpmath.mpf(float(np.float32(_SCALAR))) if a == "r" else oracle.vector(given[a][row][-dim:])
                        for a in definition.arguments
                    ),
                    mpmath.mpf(1),
                )
                wanted = np.array([float(t) for t in exact] if isinstance(exact, list) else [float(exact)])
            errors.append(relative_error(np.atleast_1d(result[row])[-len(wanted) :], wanted) / _EPS)
        worst[band] = max(errors)
    return worst


def relative_error(got: np.ndarray, wanted: np.ndarray) -> float:
    """Norm of the difference over the norm of what is wanted; infinite where the result is not finite."""
    error = float(np.linalg.norm(np.asarray(got, np.float64) - wanted) / np.linalg.norm(wanted))
    return error if np.isfinite(error) else float("inf")


def case(
    model: str, operation: str, n: int, dim: int, mode: str, against: Sequence[str], series: str = "", at: float = 0.0
) -> Case:
    """The operation on n points of the given dimension."""
    contenders: dict[str, Callable[[], Ready]] = {}
    for library in (OURS, *against):
        method = jax_method(library, model, operation)
        if method is not None:
            contenders[library] = functools.partial(_ready_jax, method, model, operation, n, dim, mode)
        elif library in ("geoopt", "hypll") and _torch_function(library, model, operation) is not None:
            contenders[library] = functools.partial(_ready_torch, library, model, operation, n, dim, mode)
    return Case(
        "points",
        f"{TITLES[model]} {operation}",
        f"{n:,} x {dim}",
        mode,
        contenders,
        _work(operation, n, dim, mode),
        functools.partial(judge, model, operation, n, dim) if mode == FORWARD else None,
        series=series,
        at=at,
    )


def cases(against: Sequence[str], quick: bool) -> list[Case]:
    """Distances of small and large batches, the other operations of large ones."""
    sizes = {"dist": [(100, 128), (1000, 128), (100_000, 128)], "expmap": [(100_000, 256)]}
    if quick:
        sizes = {"dist": [(100, 128), (1000, 128)], "expmap": [(1000, 256)]}
    found = []
    for model in TITLES:
        for operation in OPERATIONS:
            for n, dim in sizes.get(operation, [(1000 if quick else 100_000, 128)]):
                found += [case(model, operation, n, dim, mode, against) for mode in (FORWARD, GRADIENT)]
    return found


def _work(operation: str, n: int, dim: int, mode: str) -> Work:
    vectors = len(OPERATIONS[operation].replace("r", ""))
    results = 1 / dim if operation == "dist" else 1
    traffic, arithmetic = vectors + results, 4 * vectors + 3 * results
    if mode == GRADIENT:  # the arguments once more, and as many gradients; the results are summed on the way
        traffic, arithmetic = 2 * vectors, 3 * arithmetic
    return Work(4.0 * n * dim * traffic, n * dim * arithmetic)


def jax_method(library: str, model: str, operation: str) -> Callable[..., Any] | None:
    """The method for single points; None where the library is none for JAX."""
    if library == OURS:
        from hyp_manifolds import MODELS

        return getattr(MODELS[model], operation)
    if library == "hyperbolix":
        manifolds = peer("hyperbolix.manifolds")

        return getattr({"poincare": manifolds.Poincare, "hyperboloid": manifolds.Hyperboloid}[model](), operation)
    return None


def _ready_jax(method: Callable[..., Any], model: str, operation: str, n: int, dim: int, mode: str) -> Ready:
    import jax
    import jax.numpy as jnp

    letters = OPERATIONS[operation]
    batched = jax.vmap(method, in_axes=(*(None if letter == "r" else 0 for letter in letters), None))
    given = (*arguments(model, operation, n, dim), np.float32(1))
    if mode == FORWARD:
        return of_jax(batched, given, lambda result: result)
    # The value is returned as well: XLA would otherwise drop the last transcendental function.
    wanted = tuple(i for i, letter in enumerate(letters) if letter != "r")
    return of_jax(jax.value_and_grad(lambda *a: jnp.sum(batched(*a)), wanted), given)


def _torch_function(library: str, model: str, operation: str) -> Callable[..., Any] | None:
    from hyp_bench.accuracy.libraries import LIBRARIES, Torch

    found = LIBRARIES[library]()
    assert isinstance(found, Torch)
    return found.function(model, operation)


def _ready_torch(library: str, model: str, operation: str, n: int, dim: int, mode: str) -> Ready:
    torch = peer("torch")

    torch.set_num_threads(1)
    function = _torch_function(library, model, operation)
    assert function is not None
    given = [
        torch.tensor(a, requires_grad=mode == GRADIENT and np.ndim(a) > 0) for a in arguments(model, operation, n, dim)
    ]
    c = torch.tensor(1.0)

    def forward() -> Any:
        with torch.no_grad():
            return function(*given, c)

    def gradient() -> Any:
        for a in given:
            a.grad = None
        value = function(*given, c).sum()
        value.backward()
        return value

    return Ready(gradient if mode == GRADIENT else forward, lambda: forward().numpy().reshape(n, -1))
