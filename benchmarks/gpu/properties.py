"""Which of the packages' tests run on the device: the laws of jit, vmap and nested vmap, and the accuracy contract."""

import pathlib
import sys

HERE = pathlib.Path(__file__).parent
_TESTS = HERE.parents[1] / "packages" / "hyp-manifolds" / "tests"
_MODELS = ("poincare", "hyperboloid", "klein", "half_space", "proper_velocity", "stereographic", "sphere", "product")
_EVERY = ("nested_vmap_equals_loop", "jit_equals_eager")
_CORE = (
    "vmap_equals_loop", "gradients_are_finite", "nan_in_gives_nan_out", "distance_to_itself_is_zero",
    "log_inverts_exp", "transport_is_an_isometry", "triangle_inequality",
)  # fmt: skip
_SHARED = (
    "dist grad_dist sqdist expmap logmap ptransp addition expmap_0 logmap_0 dist_0 geodesic scalar_mul gyration "
    "ptransp_0 tangent_inner tangent_norm egrad2rgrad coaddition project_to_hyperplane reflect_in_point"
)
_OPERATIONS = {
    "poincare": f"{_SHARED} hyperplane_dist",
    "hyperboloid": f"{_SHARED} busemann",
}


def laws(backend: str, tiny: bool) -> list[str]:
    """Node ids: first what concerns transformations in every model, then more of the two main ones."""
    pairs = [(m, law) for m in ("poincare", "hyperboloid") for law in _CORE[:1]]
    pairs += [(m, law) for m in _MODELS for law in _EVERY] + [(m, law) for m in _MODELS[:2] for law in _CORE[1:]]
    chosen = [("poincare", "jit_equals_eager")] if tiny else pairs
    return [f"{_TESTS / 'test_laws.py'}::test_law[{backend}-{model}-{law}]" for model, law in chosen]


def contract(tiny: bool) -> list[str]:
    """Node ids: the operations of the ball and the hyperboloid in turn, the most used first."""
    columns = zip(*(names.split() for names in _OPERATIONS.values()), strict=True)
    pairs = [(model, name) for names in columns for model, name in zip(_OPERATIONS, names, strict=True)]
    chosen = [("poincare", "dist_0")] if tiny else pairs
    return [f"{_TESTS / 'test_contract.py'}::test_operation[{model}-{name}-16]" for model, name in chosen]


def traps(tiny: bool) -> list[str]:
    """The products under TF32, and the contract again; one case of each kind, if tiny."""
    return (
        ["-k", "centroid or plain", str(HERE / "tf32_traps.py")]
        if tiny
        else [str(HERE / "tf32_traps.py"), *contract(tiny)]
    )


def command(tests: list[str]) -> list[str]:
    """Pytest with settings of its own: the workspace's need more plugins than the machine has to have."""
    options = ["-c", str(HERE / "pytest.ini"), "--rootdir", str(HERE.parents[1]), "--noconftest", "-p", "progress"]
    return [sys.executable, "-m", "pytest", *options, "-p", "no:cacheprovider", *tests]
