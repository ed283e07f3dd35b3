"""What every package must have to be installable and usable alone."""

import importlib.metadata
import pathlib
import re
import tomllib
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

pytestmark = pytest.mark.one_precision

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ["hyp-manifolds", "hyp-optim", "hyp-nn", "hyp-bench"]


def project(package: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / "packages" / package / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_workspace_holds_these_packages() -> None:
    assert {path.parent.name for path in (ROOT / "packages").glob("*/pyproject.toml")} == set(PACKAGES)


def test_the_type_checker_reads_all_of_them() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert set(tools["pyright"]["include"]) == {f"packages/{package}/src" for package in PACKAGES}
    assert tools["pyright"]["typeCheckingMode"] == "strict"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_public_module_relaxes_the_type_checker(package: str) -> None:
    source = ROOT / "packages" / package / "src"
    for path in source.rglob("*.py"):
        private = any(re.match(r"_(?!_init__)", part) for part in path.relative_to(source).parts)
        relaxed = re.search(r"^# pyright:", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert private or not relaxed, path


@pytest.mark.parametrize("package", PACKAGES)
def test_files(package: str) -> None:
    folder = ROOT / "packages" / package
    module = package.replace("-", "_")
    assert (folder / "src" / module / "py.typed").is_file()
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert "Apache License" in (folder / "LICENSE").read_text(encoding="utf-8")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(f"# {package}\n")
    assert f"pip install {package}" in readme
    assert list((folder / "tests").rglob("test_*.py")), "no tests of its own"


@pytest.mark.parametrize("package", PACKAGES)
def test_changelog_knows_the_version(package: str) -> None:
    changelog = (ROOT / "packages" / package / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = [line for line in changelog.splitlines() if line.startswith("## ")]
    assert headings, "no version heading"
    assert any(line.startswith(f"## [{project(package)['version']}]") for line in headings)


@pytest.mark.parametrize("package", PACKAGES)
def test_metadata(package: str) -> None:
    data = project(package)
    assert data["name"] == package
    assert data["license"] == "Apache-2.0"
    assert data["requires-python"] == ">=3.11"
    assert importlib.metadata.version(package) == data["version"]


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_exist(package: str) -> None:
    module = importlib.import_module(package.replace("-", "_"))
    assert module.__all__
    assert len(set(module.__all__)) == len(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("package", PACKAGES)
def test_siblings_of_this_workspace_satisfy_the_bounds(package: str) -> None:
    # uv resolves workspace members without looking at these bounds; a user's installer does look.
    for requirement in map(Requirement, project(package)["dependencies"]):
        if requirement.name in PACKAGES:
            assert project(requirement.name)["version"] in requirement.specifier, f"{package} asks for {requirement}"
            assert {bound.operator for bound in requirement.specifier} == {">=", "<"}


def test_the_citation_is_one() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["license"] == project("hyp-nn")["license"]
    assert all(citation[key] for key in ("title", "message", "authors"))
