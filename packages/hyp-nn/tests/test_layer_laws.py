"""Every law on every layer of the registry."""

import pytest
from hyp_nn.testing import LAWS, LAYERS, Program


@pytest.fixture(scope="module")
def program(request):
    return Program(LAYERS[request.param], request.param)


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


@pytest.mark.parametrize(("program", "law"), CASES, indirect=["program"])
def test_law(program, law):
    LAWS[law](program)
