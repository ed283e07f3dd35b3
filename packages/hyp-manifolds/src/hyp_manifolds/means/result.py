"""What the iterative means return, and what happens when they do not converge."""

from typing import NamedTuple

import jax
import numpy as np
from jax.core import Tracer
from jax.experimental import checkify


class MeanResult(NamedTuple):
    """A mean with the evidence that it is one.

    Attributes:
        mean: the point, shape (A,). Its derivatives are those of the exact minimiser, NaN where `converged` is False.
        variance: weighted mean of the squared distances to it, scalar.
        steps: evaluations of the objective that were needed, an integer.
        gradient_norm: length of the objective's gradient at the mean, for weights that sum to 1; 0 at a minimum. In the
            unit of distance for the Fréchet mean, without unit for the median.
        converged: whether `gradient_norm` met the tolerance.
    """

    mean: jax.Array
    variance: jax.Array
    steps: jax.Array
    gradient_norm: jax.Array
    converged: jax.Array


def demand_convergence(where: str, result: MeanResult) -> None:
    """Raise if a result did not converge; of traced values, report it to `checkify`."""
    text = f"{where}: no convergence. Raise `max_steps` or `tol`, or look at the points: is one of them NaN?"
    if isinstance(result.converged, Tracer):
        checkify.check(result.converged, text)
    elif not np.all(np.asarray(result.converged)):
        raise RuntimeError(
            f"{text} After {np.max(np.asarray(result.steps))} steps the gradient's norm is "
            f"{np.max(np.asarray(result.gradient_norm)):.3g}."
        )
