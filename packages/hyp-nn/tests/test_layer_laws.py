"""Every law on every layer of the registry."""

import pytest
from hyp_nn.testing import LAWS, LAYERS, Program


@pytest.fixture(scope="module")
def program(request):
    return Program(LAYERS[request.param], request.param)


RARE = (pytest.mark.one_precision,)
LAW_MARKS = {law: pytest.mark.one_precision for law in ("batches", "low_precision", "state")} | {"compiled": RARE}
# Other settings or models of a layer that is tried already.
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
    pytest.param(name, law, id=f"{name}-{law}", marks=RARE if name in VARIANTS else LAW_MARKS.get(law, ()))
    for name in LAYERS
    for law in LAWS
]


@pytest.mark.parametrize(("program", "law"), CASES, indirect=["program"])
def test_law(program, law):
    LAWS[law](program)
