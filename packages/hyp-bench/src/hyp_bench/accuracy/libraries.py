"""The libraries that can be measured: one adapter each, with our names and argument order."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from hyp_bench.errors import InputError

Arrays = Sequence[np.ndarray]


class Derivatives(NamedTuple):
    """One operation on rows of inputs.

    Attributes:
        value: results, one row of numbers each.
        pulled: gradients of <cotangent, result> by the arguments, by c last if at all; None if the library has none.
        pushed: derivatives of the results along the tangents; None where the library has none.
    """

    value: np.ndarray
    pulled: list[np.ndarray] | None
    pushed: np.ndarray | None


class Library(Protocol):
    """What the measurement asks of a library."""

    name: str
    version: str

    def has(self, model: str, operation: str) -> bool:
        """Whether the library has the operation."""
        ...

    def run(
        self, model: str, operation: str, arguments: Arrays, cotangent: np.ndarray, tangents: Arrays
    ) -> Derivatives:
        """The operation on rows of arguments (c last), with its derivatives.

        A cotangent has at least as many numbers as a result; the first ones count.
        """
        ...


class Ours:
    """hyp-manifolds, under jit(vmap(.))."""

    name = "hyp-manifolds"

    def __init__(self) -> None:
        self.version = importlib.metadata.version(self.name)

    def has(self, model: str, operation: str) -> bool:
        """Every operation that the oracle knows."""
        return True

    def run(
        self, model: str, operation: str, arguments: Arrays, cotangent: np.ndarray, tangents: Arrays
    ) -> Derivatives:
        """Value, reverse and forward derivative in one compilation."""
        import jax
        import jax.numpy as jnp
        from hyp_manifolds import MODELS
        from hyp_manifolds.testing import resolve

        function = resolve(MODELS[model], operation)

        def one(w: jax.Array, arguments: list[jax.Array], tangents: list[jax.Array]) -> Any:
            def flat(*a: jax.Array) -> jax.Array:
                return jnp.ravel(function(*a))

            if operation == "grad_dist":  # its own derivatives are infinite at x == y
                return flat(*arguments), None, None
            value, pull = jax.vjp(flat, *arguments)
            return value, pull(w[: value.size].astype(value.dtype)), jax.jvp(flat, tuple(arguments), tuple(tangents))[1]

        value, pulled, pushed = jax.jit(jax.vmap(one))(cotangent, list(arguments), list(tangents))
        return Derivatives(
            np.asarray(value),
            None if pulled is None else [np.asarray(g) for g in pulled],
            None if pushed is None else np.asarray(pushed),
        )


class Torch:
    """A PyTorch library: a table of batched functions."""

    def __init__(self, name: str, table: dict[tuple[str, str], Callable[..., Any]]) -> None:
        self.name, self.version, self._table = name, importlib.metadata.version(name), table

    def has(self, model: str, operation: str) -> bool:
        """Whether the table has it."""
        return (model, operation) in self._table

    def function(self, model: str, operation: str) -> Callable[..., Any] | None:
        """The operation on batches of tensors, c last; None where the library has none."""
        return self._table.get((model, operation))

    def run(
        self, model: str, operation: str, arguments: Arrays, cotangent: np.ndarray, tangents: Arrays
    ) -> Derivatives:
        """Value and reverse derivative, rows of one curvature at a time: the libraries take one for all rows.

        They have no forward mode, and so no derivative by c for each row either.
        """
        torch: Any = importlib.import_module("torch")
        *arrays, curvatures = (np.array(a) for a in arguments)
        parts: list[tuple[np.ndarray, np.ndarray, list[np.ndarray]]] = []
        for c in np.unique(curvatures):
            rows = np.flatnonzero(curvatures == c)
            leaves = [torch.tensor(a[rows], requires_grad=True) for a in arrays]
            columns = [a.reshape(-1, 1) if a.ndim == 1 else a for a in leaves]
            value = self._table[model, operation](*columns, torch.tensor(c)).reshape(len(rows), -1)
            (value * torch.tensor(np.array(cotangent)[rows, : value.shape[1]])).sum().backward()
            gradients = [np.zeros(a.shape) if a.grad is None else a.grad.numpy() for a in leaves]
            parts.append((rows, value.detach().numpy(), gradients))
        order = np.argsort(np.concatenate([rows for rows, _, _ in parts]))
        value = np.concatenate([value for _, value, _ in parts])[order]
        columns = zip(*(gradients for _, _, gradients in parts), strict=True)
        return Derivatives(value, [np.concatenate(column)[order] for column in columns], None)


def _peer(name: str, module: str) -> Any:
    """A module of a library that is no dependency of ours: PyTorch would bring gigabytes."""
    if importlib.util.find_spec(name) is None:
        raise InputError(
            f"accuracy: --library {name} needs the package {name}, which is not installed here. Install it beside "
            f"hyp-bench, with PyTorch for the CPU: pip install {name} torch"
        )
    return importlib.import_module(f"{name}.{module}")


def _geoopt() -> Library:
    h, b = _peer("geoopt", "manifolds.lorentz.math"), _peer("geoopt", "manifolds.stereographic.math")

    # k is -c in the ball and 1/c on the hyperboloid; results are projected, as its own manifolds do.
    ball = {
        "dist": lambda x, y, c: b.dist(x, y, k=-c),
        "dist_0": lambda x, c: b.dist0(x, k=-c),
        "conformal_factor": lambda x, c: b.lambda_x(x, k=-c),
        "addition": lambda x, y, c: b.project(b.mobius_add(x, y, k=-c), k=-c),
        "scalar_mul": lambda r, x, c: b.project(b.mobius_scalar_mul(r, x, k=-c), k=-c),
        "expmap": lambda v, x, c: b.project(b.expmap(x, v, k=-c), k=-c),
        "expmap_0": lambda v, c: b.project(b.expmap0(v, k=-c), k=-c),
        "logmap": lambda y, x, c: b.logmap(x, y, k=-c),
        "logmap_0": lambda y, c: b.logmap0(y, k=-c),
        "ptransp": lambda v, x, y, c: b.parallel_transport(x, y, v, k=-c),
        "ptransp_0": lambda v, y, c: b.parallel_transport0(y, v, k=-c),
    }
    sheet = {
        "dist": lambda x, y, c: h.dist(x, y, k=1 / c),
        "dist_0": lambda x, c: h.dist0(x, k=1 / c),
        "expmap": lambda v, x, c: h.project(h.expmap(x, v, k=1 / c), k=1 / c),
        "expmap_0": lambda v, c: h.project(h.expmap0(v, k=1 / c), k=1 / c),
        "logmap": lambda y, x, c: h.logmap(x, y, k=1 / c),
        "logmap_0": lambda y, c: h.logmap0(y, k=1 / c),
        "ptransp": lambda v, x, y, c: h.parallel_transport(x, y, v, k=1 / c),
        "ptransp_0": lambda v, y, c: h.parallel_transport0(y, v, k=1 / c),
    }
    table = {("poincare", k): f for k, f in ball.items()} | {("hyperboloid", k): f for k, f in sheet.items()}
    return Torch("geoopt", table)


def _hypll() -> Library:
    d = _peer("hypll", "manifolds.poincare_ball.math.diffgeom")
    table = {
        "dist": lambda x, y, c: d.dist(x, y, c),
        "addition": lambda x, y, c: d.project(d.mobius_add(x, y, c), c),
        "expmap": lambda v, x, c: d.expmap(x, v, c),
        "expmap_0": lambda v, c: d.expmap0(v, c),
        "logmap": lambda y, x, c: d.logmap(x, y, c),
        "logmap_0": lambda y, c: d.logmap0(y, c),
        "ptransp": lambda v, x, y, c: d.transp(x, y, v, c),
    }
    return Torch("hypll", {("poincare", k): f for k, f in table.items()})


LIBRARIES: dict[str, Callable[[], Library]] = {"hyp-manifolds": Ours, "geoopt": _geoopt, "hypll": _hypll}
