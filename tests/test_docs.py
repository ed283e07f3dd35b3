"""The check of the built documentation finds what it is for, and docstrings survive the way to reStructuredText."""

import importlib.util
import pathlib
from types import ModuleType

import pytest

pytestmark = pytest.mark.one_precision

ROOT = pathlib.Path(__file__).parents[1]


def load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(pathlib.Path(path).stem, ROOT / path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check = load(".ci/check_docs.py")
SITE = {
    "index.html": '<link rel="stylesheet" href="s.css"><a href="a/b.html#here">b</a><a href="https://example.org">out</a>',
    "a/b.html": '<p id="here"></p><a href="../index.html"></a><a href="#here"></a><img src="data:image/png;base64,AA">',
    "s.css": "p { background: url(data:image/png;base64,AA) }",
}


def faults(site: dict[str, str], root: pathlib.Path) -> list[str]:
    for name, text in site.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return check.problems(root)


def test_a_sound_site(tmp_path: pathlib.Path) -> None:
    assert faults(SITE, tmp_path) == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("index.html", '<script src="https://cdn.example.org/x.js"></script>', "loads https://cdn.example.org/x.js"),
        ("index.html", '<link rel="stylesheet" href="//fonts.example.org/f">', "loads //fonts.example.org/f"),
        ("index.html", '<p style="background: url(https://example.org/x.png)">', "loads https://example.org/x.png"),
        ("index.html", '<a href="a/c.html">c</a>', "no file a/c.html"),
        ("index.html", '<a href="a/b.html#there">b</a>', "no anchor a/b.html#there"),
        ("a/b.html", '<img src="x.png">', "no file x.png"),
        ("s.css", '@import "https://example.org/f.css";', "loads https://example.org/f.css"),
    ],
)
def test_a_fault_is_found(tmp_path: pathlib.Path, name: str, text: str, said: str) -> None:
    assert f"{name}: {said}" in faults({**SITE, name: text}, tmp_path)


def test_an_empty_site_is_a_fault(tmp_path: pathlib.Path) -> None:
    assert check.problems(tmp_path)
