"""What an oracle is: a table of exact operations on the coordinates of a chart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Operation:
    """One exact operation.

    Attributes:
        function: takes chart coordinates (lists of mpf) and scalars in the library's argument order, then c.
        arguments: one letter per argument. x, y, z: points. v, u: tangents at x. o: tangent at the origin.
            g: Euclidean gradient at x, a: point or tangent at the origin; both are given whole, with the time
            coordinate where the library's arrays have one. r, t: scalars.
        output: "scalar"; "vector" (rotates with the inputs); "ambient" (time first, the rest rotates).
    """

    function: Callable[..., Any]
    arguments: str
    output: str = "vector"


@dataclass(frozen=True)
class Oracle:
    """The exact operations of one model.

    Attributes:
        model: "poincare", "hyperboloid" or "euclidean".
        operations: name to operation; names are the manifold's methods, or those listed in `contract.CALLS`.
        time: True where the library's arrays carry a time coordinate that the chart leaves out.
    """

    model: str
    operations: Mapping[str, Operation]
    time: bool = False
