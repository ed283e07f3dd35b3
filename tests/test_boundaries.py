"""Who may import what: the contracts of pyproject.toml, finer rules on top, and proof that both catch a violation."""

import ast
import importlib
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.one_precision

ROOT = pathlib.Path(__file__).parents[1]
MODULES = ["hyp_manifolds", "hyp_optim", "hyp_nn", "hyp_bench"]
# Part of jax's own interface: whoever depends on jax has it.
WITH_JAX = {"jaxlib", "numpy"}
# Packages whose module has another name.
MODULE_OF = {"scikit-learn": "sklearn"}
# Reading such a file executes what is in it.
UNSAFE = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}


def source(module: str) -> pathlib.Path:
    return ROOT / "packages" / module.replace("_", "-") / "src" / module


def imports(module: str, part: str, code: str) -> Iterator[str]:
    """The absolute dotted names that the file `part` of a package imports; `from a import b` counts as a.b."""
    folder = [module, *pathlib.PurePosixPath(part).parent.parts]
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def declared(module: str, part: str) -> set[str]:
    """What the file `part` may import beside the standard library: a folder named like an extra has that extra too."""
    project = tomllib.loads((source(module).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = project.get("optional-dependencies", {}).get(part.split("/")[0], [])
    requirements = map(Requirement, [*project["dependencies"], *extra])
    return {module, *WITH_JAX, *(MODULE_OF.get(r.name, r.name.replace("-", "_")) for r in requirements)}


def is_public_name(name: str) -> bool:
    """Whether a dotted name is one that the package's root, or a public folder of it, exports."""
    top, *rest = name.split(".")
    while rest and not rest[0].startswith("_") and source(top).joinpath(*rest[:1], "__init__.py").is_file():
        top, rest = f"{top}.{rest[0]}", rest[1:]
    return not rest or (len(rest) == 1 and rest[0] in importlib.import_module(top).__all__)


def problems(module: str, part: str, code: str) -> list[str]:
    """What the file at the path `part` inside the package `module` imports and must not."""
    found = []
    for name in imports(module, part, code):
        top = name.split(".")[0]
        if top in UNSAFE:
            found.append(f"{name}: reading it would execute code")
        if top not in sys.stdlib_module_names and top not in declared(module, part):
            found.append(f"{name}: not a declared dependency of {module}")
        if top == "chex" and part != "_checks.py":
            found.append(f"{name}: chex has one place, _checks.py")
        if top in MODULES and top != module and not is_public_name(name):
            found.append(f"{name}: siblings use each other through the package root")
        if f"{name}.".startswith(f"{module}.testing.") and not part.startswith("testing/"):
            found.append(f"{name}: the library does not lean on its test kit")
    return found


@pytest.mark.parametrize("module", MODULES)
def test_imports(module: str) -> None:
    files = sorted(source(module).rglob("*.py"))
    assert files
    found = []
    for path in files:
        part = path.relative_to(source(module)).as_posix()
        found += [f"{part}: {text}" for text in problems(module, part, path.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    ("module", "part", "code"),
    [
        ("hyp_manifolds", "poincare.py", "import chex"),
        ("hyp_manifolds", "_numerics/dot.py", "from chex import assert_rank"),
        ("hyp_manifolds", "poincare.py", "import hypothesis"),
        ("hyp_manifolds", "poincare.py", "from .testing import oracle"),
        ("hyp_manifolds", "_numerics/dot.py", "from ..testing.oracle import poincare"),
        ("hyp_manifolds", "poincare.py", "from hyp_manifolds.testing import check_manifold"),
        ("hyp_manifolds", "poincare.py", "import optax"),
        ("hyp_manifolds", "poincare.py", "import scipy.special"),
        ("hyp_optim", "sgd.py", "import flax.nnx"),
        ("hyp_optim", "sgd.py", "def step():\n    from hyp_nn import ManifoldParam"),
        ("hyp_optim", "sgd.py", "from hyp_manifolds._checks import check_rank"),
        ("hyp_optim", "sgd.py", "from hyp_manifolds import _checks"),
        ("hyp_optim", "sgd.py", "import hyp_manifolds.poincare"),
        ("hyp_optim", "sgd.py", "from hyp_manifolds.poincare import Poincare"),
        ("hyp_nn", "embedding.py", "import optax"),
        ("hyp_nn", "embedding.py", "import hyp_optim"),
        ("hyp_bench", "data/load.py", "import pickle"),
        ("hyp_bench", "tasks/mammals.py", "import geoopt"),
    ],
)
def test_a_planted_import_is_found(module: str, part: str, code: str) -> None:
    assert problems(module, part, code)


@pytest.mark.parametrize(
    ("module", "part", "code"),
    [
        ("hyp_manifolds", "_checks.py", "import chex"),
        ("hyp_manifolds", "poincare.py", "import numpy as np\nfrom ._numerics import dot"),
        ("hyp_manifolds", "testing/oracle/poincare.py", "import mpmath\nfrom ...testing import oracle"),
        ("hyp_optim", "sgd.py", "import optax\nimport hyp_manifolds\nfrom hyp_manifolds import Poincare"),
        ("hyp_bench", "tasks/mammals.py", "import hyp_manifolds.testing\nfrom hyp_nn import ManifoldParam"),
    ],
)
def test_a_good_import_is_not(module: str, part: str, code: str) -> None:
    assert problems(module, part, code) == []


def lint_imports(folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(folder / "packages" / module.replace("_", "-") / "src") for module in MODULES)
    code = "import sys; from importlinter.cli import lint_imports_command as main; sys.exit(main(['--no-cache']))"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: pathlib.Path) -> pathlib.Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for module in MODULES:
        target = tmp_path / source(module).relative_to(ROOT)
        shutil.copytree(source(module), target, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_contracts_hold(copy: pathlib.Path) -> None:
    result = lint_imports(copy)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "code", "contract"),
    [
        ("hyp_manifolds", "import hyp_nn", "bench, then nn and optim"),
        ("hyp_nn", "import hyp_optim", "bench, then nn and optim"),
        ("hyp_optim", "import hyp_nn", "bench, then nn and optim"),
        ("hyp_optim", "import hyp_bench", "bench, then nn and optim"),
        ("hyp_manifolds", "import flax", "neither Flax nor optax"),
        ("hyp_manifolds", "import optax", "neither Flax nor optax"),
        ("hyp_optim", "import flax", "needs no Flax"),
        ("hyp_nn", "import optax", "leaves optimization to others"),
    ],
)
def test_the_contracts_catch_a_planted_import(copy: pathlib.Path, module: str, code: str, contract: str) -> None:
    planted = copy / source(module).relative_to(ROOT) / "planted.py"
    planted.write_text(f"{code}\n", encoding="utf-8")
    result = lint_imports(copy)
    broken = [line for line in result.stdout.splitlines() if line.endswith("BROKEN")]
    assert result.returncode == 1, result.stdout + result.stderr
    assert any(contract in line for line in broken), result.stdout
