"""What the measurements ask of a library, and what the adapters of JAX and of PyTorch libraries share."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

Arrays = Sequence[np.ndarray]


class Derivatives(NamedTuple):
    """One operation on rows of inputs.

    Attributes:
        value: results, one row of numbers each.
        pulled: gradients of <cotangent, result> by the arguments, by c last if at all; None if the library has none.
        pushed: derivatives of the results along the tangents; None where the library has none, or none were given.
    """

    value: np.ndarray
    pulled: list[np.ndarray] | None
    pushed: np.ndarray | None


class Library(Protocol):
    """What the measurements ask of a library.

    Attributes:
        name, version: of the package.
        reach: model to the largest radius of a float32 point, in units of 1/sqrt(c), that the library's own projection
            leaves where it is; a model that is not there ends where float32 does.
        vows: whether the library says what points off the manifold and NaN come to.
    """

    name: str
    version: str
    reach: Mapping[str, float]
    vows: bool

    def has(self, model: str, operation: str) -> bool:
        """Whether the library has the operation."""
        ...

    def run(
        self, model: str, operation: str, arguments: Arrays, cotangent: np.ndarray, tangents: Arrays | None
    ) -> Derivatives:
        """The operation on rows of arguments (c last), with its derivatives.

        A cotangent has at least as many numbers as a result; the first ones count.
        """
        ...


class Jax:
    """A library of JAX functions of single points, under jit(vmap(.))."""

    reach: Mapping[str, float] = {}
    vows = False

    def __init__(self, name: str, version: str, table: Mapping[tuple[str, str], Callable[..., Any]]) -> None:
        self.name, self.version, self._table = name, version, table

    def has(self, model: str, operation: str) -> bool:
        """Whether the table has it."""
        return (model, operation) in self._table

    def function(self, model: str, operation: str) -> Callable[..., Any]:
        """The function of one point, our names and order of arguments."""
        return self._table[model, operation]

    def run(
        self, model: str, operation: str, arguments: Arrays, cotangent: np.ndarray, tangents: Arrays | None
    ) -> Derivatives:
        """Value, reverse and, if there are tangents, forward derivative in one compilation."""
        import jax
        import jax.numpy as jnp

        function = self.function(model, operation)

        def one(w: jax.Array, arguments: list[jax.Array], tangents: list[jax.Array] | None) -> Any:
            def flat(*a: jax.Array) -> jax.Array:
                return jnp.ravel(function(*a))

            if operation == "grad_dist":  # its own derivatives are infinite at x == y
                return flat(*arguments), None, None
            value, pull = jax.vjp(flat, *arguments)
            pulled = pull(w[: value.size].astype(value.dtype))
            if tangents is None:
                return value, pulled, None
            return value, pulled, jax.jvp(flat, tuple(arguments), tuple(tangents))[1]

        moves = None if tangents is None else list(tangents)
        value, pulled, pushed = jax.jit(jax.vmap(one))(cotangent, list(arguments), moves)
        return Derivatives(
            np.asarray(value),
            None if pulled is None else [np.asarray(g) for g in pulled],
            None if pushed is None else np.asarray(pushed),
        )


class Torch:
    """A PyTorch library: a table of batched functions."""

    vows = False

    def __init__(
        self, name: str, version: str, table: dict[tuple[str, str], Callable[..., Any]], reach: Mapping[str, float]
    ) -> None:
        self.name, self.version, self._table, self.reach = name, version, table, reach

    def has(self, model: str, operation: str) -> bool:
        """Whether the table has it."""
        return (model, operation) in self._table

    def function(self, model: str, operation: str) -> Callable[..., Any] | None:
        """The operation on batches of tensors, c last; None where the library has none."""
        return self._table.get((model, operation))

    def run(
        self, model: str, operation: str, arguments: Arrays, cotangent: np.ndarray, tangents: Arrays | None
    ) -> Derivatives:
        """Value and reverse derivative, rows of one curvature at a time: the libraries take one for all rows.

        They have no forward mode, and so no derivative by c for each row either.
        """
        torch: Any = importlib.import_module("torch")
        *arrays, curvatures = (np.array(a) for a in arguments)
        parts: list[tuple[np.ndarray, np.ndarray, list[np.ndarray]]] = []
        values, which = np.unique(curvatures, return_inverse=True)
        for number, c in enumerate(values):
            rows = np.flatnonzero(which == number)  # comparing with c itself would find no NaN
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
