"""What an oracle is: a table of exact operations on the coordinates of a chart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._chart import Chart
from ._vector import Vector


@dataclass(frozen=True)
class Operation:
    """One exact operation.

    Attributes:
        function: takes chart coordinates (lists of mpf) and scalars in the library's argument order, then c.
        arguments: one letter per argument. x, y, z: points. v, u: tangents at x. o: tangent at the origin.
            g: Euclidean gradient at x, a: point or tangent at the origin; both are given whole, with the time
            coordinate where the library's arrays have one. r, t: scalars. d: a signed length. i: unit vector, the
            direction of an ideal point in the ball; only its direction counts.
        output: "scalar"; "vector" (rotates with the inputs); "ambient" (all but one coordinate rotate).
    """

    function: Callable[..., Any]
    arguments: str
    output: str = "vector"


@dataclass(frozen=True)
class Axis:
    """The coordinate that rotations about the origin leave alone: which one, and the arguments that carry it.

    Attributes:
        letters: of the arguments (see `Operation`) that carry it in the chart. "ambient" results always do.
        position: 0 for the first coordinate, -1 for the last.
    """

    letters: str = ""
    position: int = 0

    def split(self, a: Vector) -> tuple[Vector, Vector]:
        """The coordinate, in a list, and those that rotate."""
        return (a[:1], a[1:]) if self.position == 0 else (a[-1:], a[:-1])

    def join(self, axis: Sequence[Any], rest: Sequence[Any]) -> Vector:
        """Inverse of `split`."""
        return [*axis, *rest] if self.position == 0 else [*rest, *axis]


@dataclass(frozen=True)
class Oracle:
    """The exact operations of one model.

    Attributes:
        model: its name in `hyp_manifolds.MODELS`.
        operations: name to operation; names are the manifold's methods, or those listed in `testing._calls.CALLS`.
        chart: makes points and tangents, and knows how far the model reaches.
        time: True where the library's arrays carry a time coordinate that the chart leaves out.
        axis: the coordinate that rotations about the origin leave alone.
        canonical: for models whose arrays can leave the manifold. Takes letters, arguments, c and the gradients by the
            arguments (and by c, if one more is given); returns what of them does not depend on how a function is
            continued off the manifold.
    """

    model: str
    operations: Mapping[str, Operation]
    chart: Chart = field(default_factory=Chart)
    time: bool = False
    axis: Axis = field(default_factory=Axis)
    canonical: Callable[[str, Sequence[Any], Any, Sequence[Vector]], list[Vector]] | None = None

    def along(self, letters: str, arguments: Sequence[Any], c: Any, gradients: Sequence[Vector]) -> list[Vector]:
        """The gradients as they act along the manifold: `canonical`, where the model's arrays can leave it."""
        return self.canonical(letters, arguments, c, gradients) if self.canonical else list(gradients)
