"""One line of the result."""

from __future__ import annotations

from typing import NamedTuple

# Kinds of inputs; the last three lie off every manifold.
KINDS = ("separated", "edge", "coincident", "tangents", "denormals", "outside", "infinite", "NaN")


class Row(NamedTuple):
    """Counts for one operation of one library on inputs of one kind.

    Attributes:
        library, model, operation: what was measured.
        inputs: their number.
        non_finite: results that are not finite where a finite answer exists in the dtype.
        non_finite_gradient: the same of the reverse derivatives, by the arguments and by c where the library has that.
        off_manifold: finite results that should be points of the manifold and are not.
        implausible: finite results for an infinite input, and results without a NaN for a NaN.
        kind: one of `KINDS`.
        accepted: False where the inputs lie outside what the library says it accepts: no blame, but good to know.
    """

    library: str
    model: str
    operation: str
    inputs: int
    non_finite: int
    non_finite_gradient: int
    off_manifold: int
    implausible: int
    kind: str
    accepted: bool

    @property
    def wrong(self) -> int:
        """All counts together."""
        return self.non_finite + self.non_finite_gradient + self.off_manifold + self.implausible
