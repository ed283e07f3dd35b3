"""The checks can fail for every model: one wrong sign or factor in each is caught, and named."""

import jax.numpy as jnp
import pytest
from hyp_manifolds import HalfSpace, Klein, ProperVelocity, Sphere, Stereographic
from hyp_manifolds.testing import check_manifold, contract_violations

pytestmark = pytest.mark.one_precision


class MetricOfTheConformalBall(Klein):
    def tangent_inner(self, u, v, x, c):
        return jnp.sum(u * v) / (1 - c * jnp.sum(x * x)) ** 2


class LogarithmOfHalfTheLength(Sphere):
    def logmap(self, y, x, c):
        return super().logmap(y, x, c) / 2


class HeightSquaredForgotten(HalfSpace):
    def egrad2rgrad(self, grad, x, c):
        return c * x[-1] * grad


class TransportBackwards(ProperVelocity):
    def ptransp(self, v, x, y, c):
        return super().ptransp(v, y, x, c)


class SignOfTheCurvatureForgotten(Stereographic):
    def expmap_0(self, v, c):
        return super().expmap_0(v, jnp.abs(c))


LAW_BREAKERS = {
    MetricOfTheConformalBall(): ("exp_walks_the_length_of_the_tangent", "inner_product_and_norm_agree"),
    LogarithmOfHalfTheLength(): ("log_inverts_exp",),
    HeightSquaredForgotten(): ("riemannian_gradient_represents_the_differential",),
    TransportBackwards(): ("transport_is_an_isometry", "transport_carries_geodesics"),
    SignOfTheCurvatureForgotten(): ("maps_at_the_origin_agree_with_the_general_ones",),
}


@pytest.mark.parametrize("mutant", LAW_BREAKERS, ids=lambda m: type(m).__name__)
def test_a_law_notices(mutant) -> None:
    with pytest.raises(AssertionError, match="law") as caught:
        check_manifold(mutant, dims=(3,), laws=LAW_BREAKERS[mutant], contract=False)
    assert type(mutant).__name__ in str(caught.value)


class EinsteinSumWithoutGamma(Klein):
    def addition(self, x, y, c):
        return (x + y) / (1 + c * jnp.sum(x * y))


class TermOfSixDigits(ProperVelocity):
    def addition(self, x, y, c):
        return super().addition(x, y, c) - 2e-6 * c * jnp.sum(x * y) * x


class HeightsAdded(HalfSpace):
    def dist(self, x, y, c, version_idx=0):
        return super().dist(x, y, c, version_idx) * jnp.sqrt(2 * x[-1] / (x[-1] + y[-1]))


class ChordForArc(Sphere):
    def dist(self, x, y, c, version_idx=0):
        return 2 / jnp.sqrt(c) * jnp.sin(jnp.sqrt(c) * super().dist(x, y, c, version_idx) / 2)


class SeamAtSmallCurvature(Stereographic):
    def logmap_0(self, y, c):
        return jnp.where(jnp.abs(c) < 1e-5, y, super().logmap_0(y, c))


@pytest.mark.parametrize(
    ("mutant", "operation", "c"),
    [
        (EinsteinSumWithoutGamma(), "addition", 1.0),
        (TermOfSixDigits(), "addition", 1.0),
        (HeightsAdded(), "dist", 1.0),
        (ChordForArc(), "dist", 1.0),
        (SeamAtSmallCurvature(), "logmap_0", -1e-6),
        (SignOfTheCurvatureForgotten(), "expmap_0", -1.0),
    ],
    ids=lambda m: type(m).__name__ if hasattr(m, "dtype") else None,
)
def test_the_contract_notices(mutant, operation: str, c: float) -> None:
    found = contract_violations(mutant, operation, dims=(2,), curvatures=(c,))
    assert found and operation in found[0] and "error" in found[0]


def test_check_manifold_judges_the_contract_of_a_new_model() -> None:
    with pytest.raises(AssertionError, match="contract of ChordForArc"):
        check_manifold(ChordForArc(), dims=(2,), laws=())
