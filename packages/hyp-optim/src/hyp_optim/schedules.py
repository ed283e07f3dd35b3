"""Learning rates for the first steps: embeddings first find their directions, with small steps."""

from __future__ import annotations

import optax

from hyp_optim import _checks


def burn_in_schedule(learning_rate: optax.ScalarOrSchedule, steps: int, factor: float = 0.1) -> optax.Schedule:
    """A reduced learning rate for the first steps, then the learning rate itself.

    factor * learning_rate(0) while count < steps, then learning_rate(count - steps). Embeddings start close to the
    origin, where the angles are still to be found: large steps would carry points far out in wrong directions.

    Args:
        learning_rate: a number, or a schedule, which starts after the burn-in.
        steps: length of the burn-in, a Python int >= 0.
        factor: of the learning rate during the burn-in.

    Returns:
        A function of the step count, as optax's schedules.

    Raises:
        ValueError: `steps` is negative or no int.

    Source: Nickel and Kiela 2017, "Poincare Embeddings", NeurIPS, section 3 (factor 0.1 for ten epochs).

    Example:
        >>> from hyp_optim import burn_in_schedule
        >>> rate = burn_in_schedule(0.3, steps=10)
        >>> print(f"{rate(0):.2f} {rate(10):.2f}")
        0.03 0.30
    """
    _checks.check_steps(steps, "burn_in_schedule", least=0)
    after = _schedule(learning_rate)
    return optax.join_schedules([lambda count: factor * after(0), after], [steps])


def warm_up_schedule(learning_rate: optax.ScalarOrSchedule, steps: int, start: float = 0.0) -> optax.Schedule:
    """A learning rate that grows linearly from `start` to its value, then the learning rate itself.

    start + (learning_rate(0) - start) * count / steps while count < steps, then learning_rate(count - steps).

    Args:
        learning_rate: a number, or a schedule, which starts after the warm-up.
        steps: length of the warm-up, a Python int >= 0.
        start: the learning rate of the first step.

    Returns:
        A function of the step count, as optax's schedules.

    Raises:
        ValueError: `steps` is negative or no int.

    Source: Goyal et al. 2017, "Accurate, Large Minibatch SGD", section 2.2.
    """
    _checks.check_steps(steps, "warm_up_schedule", least=0)
    after = _schedule(learning_rate)
    return optax.join_schedules([lambda count: start + (after(0) - start) * count / max(steps, 1), after], [steps])


def _schedule(learning_rate: optax.ScalarOrSchedule) -> optax.Schedule:
    return learning_rate if callable(learning_rate) else optax.constant_schedule(learning_rate)
