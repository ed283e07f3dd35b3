"""Every law on every layer of the registry."""

import functools

import pytest
from hyp_nn.testing import LAWS, LAYERS, Program


@functools.lru_cache(maxsize=1)
def program(name):
    """A layer's program, compiled for all its laws: pytest drops a parametrized fixture after each test."""
    return Program(LAYERS[name], name)


# The papers' formulas and derivatives are judged in both precisions, the other laws in one.
BOTH = {"formula", "derivatives"}
# Other settings or models of a layer that is tried already: in one precision.
VARIANTS = {
    "HypConvHyperboloid-3d",
    "HypConvHyperboloidILNN-transposed",
    "HypLinearPP-klein",
    "HypLinearPoincare-tangent",
    "HypLinearPoincarePP-clamped",
    "HypRegression-kappa",
    "HypRegressionPP-half_space",
    "ProperVelocityGyroRMSNorm",
}
CASES = [
    pytest.param(
        name, law, id=f"{name}-{law}", marks=() if law in BOTH and name not in VARIANTS else pytest.mark.one_precision
    )
    for name in LAYERS
    for law in LAWS
]


@pytest.mark.parametrize(("name", "law"), CASES)
def test_law(name, law):
    LAWS[law](program(name))
