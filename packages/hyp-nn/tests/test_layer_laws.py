"""Every law on every layer of the registry."""

import pytest
from hyp_nn.testing import LAWS, LAYERS, Program


@pytest.fixture(scope="module")
def program(request):
    return Program(LAYERS[request.param], request.param)


MARKS = {"compiled": (pytest.mark.slow, pytest.mark.one_precision)}
CASES = [pytest.param(name, law, id=f"{name}-{law}", marks=MARKS.get(law, ())) for name in LAYERS for law in LAWS]


@pytest.mark.parametrize(("program", "law"), CASES, indirect=["program"])
def test_law(program, law):
    LAWS[law](program)
