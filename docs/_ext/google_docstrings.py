"""Makes reStructuredText of docstrings that are written as plain text with Google sections.

Hazard: in reStructuredText `|x|` is a substitution, `*` starts emphasis, "v." begins a list with Roman numbers and an
indented block is a quotation, and formulas are full of the first three. Cure: escape them, and take an indented block
for code.
"""

import inspect
import re
from typing import Any

from sphinx.application import Sphinx

_LABEL = re.compile(r"^(Args|Returns|Raises|Accuracy|Source|Attributes): (?=\S)")
_CODE = re.compile(r"`+([^`]+)`+")
_EXCEPTION = re.compile(r"\s+\w+(, \w+)*: ")
_LIST_NUMBER = re.compile(r"\A(\s*)(?=\(?(\d+|[A-Za-z]|[ivxlcdm]+)[.)](\s|\Z))")


def escaped(text: str) -> str:
    """Plain text with code between backticks, as reStructuredText."""
    parts, end = [], 0
    for match in _CODE.finditer(text):
        parts += [_plain(text[end : match.start()]), f"``{match[1]}``"]
        end = match.end()
    return _joined([*parts, _plain(text[end:])])


def _joined(parts: list[str]) -> str:
    """The parts; where a letter touches code, an escaped space lets the backticks be seen."""
    out = parts[0]
    for part in parts[1:]:
        touching = out and part and not (out[-1].isspace() or part[0].isspace())
        code = out.endswith("``") or part.startswith("``")
        out += ("\\ " if touching and code and (out[-1].isalnum() or part[0].isalnum()) else "") + part
    return out


def _plain(text: str) -> str:
    parts = re.split(r"(?<!\*)(\*\*\w[^*]*\w\*\*)(?!\*)", text)  # **bold** stays
    text = "".join(part if i % 2 else re.sub(r"([|*\\])", r"\\\1", part) for i, part in enumerate(parts))
    return re.sub(r"(\w)_(?=\W|$)", r"\1\\_", text)


def to_rst(lines: list[str]) -> list[str]:
    """The lines of a docstring as reStructuredText."""
    out: list[str] = []
    above = 0  # indentation of the text above
    for block in _blocks(lines):
        examples = next((i for i, line in enumerate(block) if line.lstrip().startswith(">>>")), len(block))
        text, code = _continued(block[:examples]), block[examples:]
        if text and out and _indent(text[0]) > above:
            out += ["::", "", *text]
        elif text:
            above = _indent(text[-1])
            lines_of_text = _LIST_NUMBER.sub(r"\1\\", escaped("\n".join(_separated(text)))).split("\n")
            out += [_LABEL.sub(r"**\1:** ", line) for line in lines_of_text]
        out += [*code, ""]
    return out


def _continued(block: list[str]) -> list[str]:
    """Lines below `Raises:` that go on with the line before, indented to say so."""
    if not block or block[0].strip() != "Raises:":
        return block
    return [block[0], *(line if _EXCEPTION.match(line) else f"    {line}" for line in block[1:])]


def _blocks(lines: list[str]) -> list[list[str]]:
    """The paragraphs."""
    blocks: list[list[str]] = []
    current: list[str] = []
    for line in lines:
        if line.strip():
            current.append(line)
        elif current:
            blocks.append(current)
            current = []
    return [*blocks, current] if current else blocks


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _separated(block: list[str]) -> list[str]:
    """A paragraph of its own for each label that text follows on the same line."""
    out: list[str] = []
    for line in block:
        if _LABEL.match(line) and out:
            out.append("")
        out.append(line)
    return out


def _process(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = to_rst(lines)


def _signature(app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: Any) -> Any:
    if what == "class" and signature == "(*args, **kwargs)":  # a metaclass hides what NNX modules take
        given = list(inspect.signature(obj.__init__).parameters.values())[1:]
        plain = [p.replace(annotation=inspect.Parameter.empty) for p in given]
        signature = str(inspect.Signature(plain))
    if not signature:
        return None
    # Defaults are shown as they are written, but for a name of ours and for what says less than its name.
    return re.sub(r"<class 'jax\.numpy\.(\w+)'>", r"jnp.\1", signature).replace("_FLAT", "0.0"), returns


def _skip(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    # "Alias for field number 0": the class says what its fields are.
    return True if type(obj).__name__ == "_tuplegetter" else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Runs before napoleon, which has priority 500."""
    app.connect("autodoc-process-docstring", _process, priority=400)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
