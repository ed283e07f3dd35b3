"""The checks can fail: bugs planted in a manifold are caught, and named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hyp_manifolds import Euclidean, Hyperboloid, Poincare, hyperboloid_to_poincare, poincare_to_hyperboloid
from hyp_manifolds.testing import LAWS, check_isometry, check_manifold, contract_violations

pytestmark = pytest.mark.one_precision


FAST = [name for name, law in LAWS.items() if not law.slow]


def norm(v):
    return jnp.sqrt(jnp.sum(v * v))


class SumWithoutGyration(Hyperboloid):
    def addition(self, x, y, c):
        return self.proj(x + y, c)


class TransportWithoutRotation(Poincare):
    def ptransp(self, v, x, y, c):
        return v * (self.conformal_factor(x, c) / self.conformal_factor(y, c))


class LogarithmWithTheWrongSign(Poincare):
    def logmap(self, y, x, c):
        return -super().logmap(y, x, c)


class GradientWithoutTheMetric(Poincare):
    def egrad2rgrad(self, grad, x, c):
        return grad


class MetricUpsideDown(Poincare):
    def tangent_inner(self, u, v, x, c):
        return jnp.sum(u * v) * (2 * (1 - c * jnp.sum(x * x))) ** 2


class ExponentialOfTwiceTheLength(Hyperboloid):
    def expmap(self, v, x, c):
        return super().expmap(2 * v, x, c)


class CurvatureForgotten(Poincare):
    def dist(self, x, y, c, version_idx=0):
        return super().dist(x, y, 1.0 + 0 * c, version_idx)


class NanIsZero(Hyperboloid):
    def logmap(self, y, x, c):
        return jnp.nan_to_num(super().logmap(y, x, c))


class DistanceByArcosh(Hyperboloid):
    def dist(self, x, y, c, version_idx=0):
        product = jnp.sum(x[1:] * y[1:]) - x[0] * y[0]
        return jnp.arccosh(jnp.maximum(-c * product, 1)) / jnp.sqrt(c)


class Float32Always(Euclidean):
    def addition(self, x, y, c=0.0):
        return (x + y).astype(jnp.float32)


LAW_BREAKERS = {
    SumWithoutGyration(): "translation|neutral",
    TransportWithoutRotation(): "transport",
    LogarithmWithTheWrongSign(): "log",
    GradientWithoutTheMetric(): "riemannian_gradient",
    MetricUpsideDown(): "transport|inner",
    ExponentialOfTwiceTheLength(): "exp",
    CurvatureForgotten(): "isometry|dist",
    NanIsZero(): "nan_in_gives_nan_out",
    DistanceByArcosh(): "coincident_points|itself",
    Float32Always(): "dtype_is_kept|neutral|cancellation|isometry|difference|ray",
}


@pytest.mark.parametrize("mutant", LAW_BREAKERS, ids=lambda m: type(m).__name__)
def test_a_law_notices(mutant) -> None:
    with pytest.raises(AssertionError, match=LAW_BREAKERS[mutant]) as caught:
        check_manifold(mutant, dims=(3,), laws=FAST, contract=False)
    assert type(mutant).__name__ in str(caught.value)


class NanGradientAtCoincidentPoints(Poincare):
    def dist(self, x, y, c, version_idx=0):
        u = norm(x - y)
        gaps = (1 - c * jnp.sum(x * x)) * (1 - c * jnp.sum(y * y))
        return 2 / jnp.sqrt(c) * jnp.arcsinh(jnp.sqrt(c) * u / jnp.sqrt(gaps))


def test_the_gradient_law_notices() -> None:
    mutant = NanGradientAtCoincidentPoints()
    with pytest.raises(AssertionError, match="gradient"):
        check_manifold(mutant, dims=(3,), laws=["distance_has_gradient_zero_at_coincident_points"], contract=False)


class GapWithoutCare(Poincare):
    def dist(self, x, y, c, version_idx=0):
        distance = super().dist(x, y, c, version_idx)
        gaps = (1 - c * jnp.sum(x * x)) * (1 - c * jnp.sum(y * y))
        naive = 2 / jnp.sqrt(c) * jnp.arcsinh(jnp.sqrt(c) * norm(x - y) / jnp.sqrt(jnp.maximum(gaps, 1e-30)))
        return jnp.where(distance > 0, naive, distance)


class DistanceCutOff(Poincare):
    def dist(self, x, y, c, version_idx=0):
        return jnp.minimum(super().dist(x, y, c, version_idx), 12.2 / jnp.sqrt(c))


class OneSecondTermForgotten(Poincare):
    def gyration(self, x, y, z, c):
        return z


@pytest.mark.parametrize(
    ("mutant", "operation"),
    [(GapWithoutCare(), "dist"), (DistanceCutOff(), "dist"), (OneSecondTermForgotten(), "gyration")],
    ids=lambda m: type(m).__name__ if isinstance(m, Poincare) else m,
)
def test_the_contract_notices(mutant, operation: str) -> None:
    found = contract_violations(mutant, operation, dims=(2,), curvatures=(1.0,))
    assert found and operation in found[0] and "error" in found[0]


def test_check_manifold_judges_the_contract() -> None:
    with pytest.raises(AssertionError, match="contract"):
        check_manifold(DistanceCutOff(), dims=(2,), laws=())


class SlopeOfTheConstantPart(Poincare):
    def expmap_0(self, v, c):
        scale = jax.lax.stop_gradient(super().expmap_0(v, c) / jnp.where(v == 0, 1, v))
        return scale * v


def test_the_contract_notices_wrong_gradients() -> None:
    found = contract_violations(SlopeOfTheConstantPart(), "expmap_0", dims=(2,), curvatures=(1.0,))
    assert any("gradient by o" in text for text in found)


def test_isometries_without_sqrt_c_are_noticed() -> None:
    def forward(x, c):
        n = jnp.sum(x * x)
        return jnp.concatenate([(1 + n)[None], 2 * x]) / (1 - n)

    def backward(x, c):
        return x[1:] / (1 + x[0])

    check_isometry(Poincare(), Hyperboloid(), poincare_to_hyperboloid, hyperboloid_to_poincare, dims=(3,))
    with pytest.raises(AssertionError, match="dist"):
        check_isometry(Poincare(), Hyperboloid(), forward, backward, dims=(3,))


def test_a_users_manifold_without_an_oracle_is_judged_by_the_laws_alone() -> None:
    check_manifold(Euclidean(), dims=(3,), laws=FAST, contract=False)
    with pytest.raises(KeyError):
        check_manifold(Euclidean(), laws=["no such law"])
    assert np.isfinite(len(LAWS))
