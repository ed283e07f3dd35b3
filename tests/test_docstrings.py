"""Every example in a docstring of the four packages gives what it says."""

import doctest
import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import Any

import pytest

pytestmark = pytest.mark.one_precision  # printed arrays say their dtype

# How many docstrings of each have examples at least: a search that finds none passes everything.
LEAST = {"hyp_manifolds": 20, "hyp_optim": 6, "hyp_nn": 8, "hyp_bench": 1}
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Finder(doctest.DocTestFinder):
    """Finds docstrings behind wrappers too: public methods stand behind the door that checks their arguments."""

    def _from_module(self, module: ModuleType | None, object: Any) -> bool:
        inner = inspect.unwrap(getattr(object, "fget", None) or object)
        return module is None or getattr(inner, "__module__", None) == module.__name__


def modules(package: str) -> list[str]:
    root = importlib.import_module(package)
    found = [package, *(m.name for m in pkgutil.walk_packages(root.__path__, f"{package}."))]
    return [name for name in found if not name.endswith("__main__")]


def examples(name: str) -> list[doctest.DocTest]:
    module = importlib.import_module(name)
    return [test for test in Finder(exclude_empty=True).find(module, name, module=module) if test.examples]


def failures(test: doctest.DocTest) -> str:
    out: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=out.append)
    return "".join(out)


@pytest.mark.parametrize(("package", "least"), LEAST.items())
def test_examples(package: str, least: int) -> None:
    tests = [test for name in modules(package) for test in examples(name)]
    assert "".join(failures(test) for test in tests) == ""
    assert len(tests) >= least


def test_a_wrong_example_is_found() -> None:
    parser = doctest.DocTestParser()
    wrong = parser.get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, None)
    assert "Expected:\n    3\nGot:\n    2" in failures(wrong)
