"""Signatures of product spaces: "P2 H3 E4" is the ball of dimension 2 x the hyperboloid of dimension 3 x R^4."""

import re

from hyp_manifolds import _models
from hyp_manifolds._manifold import Manifold

# Letter -> name in the registry of models, which is asked when a signature is read.
LETTERS = {
    "P": "poincare",
    "H": "hyperboloid",
    "E": "euclidean",
    "S": "sphere",
    "K": "klein",
    "V": "proper_velocity",
    "U": "half_space",
    "C": "stereographic",
    "κ": "stereographic",
}
_SEPARATORS = ("x", "×", "*")
_LARGEST = 10_000  # factors: "9^9^9" is a slip, not a space

Factors = tuple[tuple[Manifold, int], ...]


def parse(text: str) -> Factors:
    """The factors that a signature names, from left to right, none of them nested.

    A factor is a letter and a dimension. Spaces, `x`, `×` and `*` separate factors; `3xH2`, `H2^3` and `(P2 H3)^2`
    repeat.
    """
    if not isinstance(text, str):
        raise TypeError(f"Product.from_signature: the signature must be a string, got {type(text).__name__}.")
    return _Parser(text).run()


def describe(factors: Factors) -> str:
    """The signature of factors, those of nested products in line; a class without a letter goes by its name."""
    return " ".join(_describe(manifold, dim) for manifold, dim in factors)


def _describe(manifold: Manifold, dim: int) -> str:
    nested = getattr(manifold, "signature", None)
    if isinstance(nested, str):
        return nested
    for letter, name in LETTERS.items():
        if type(_models.MODELS.get(name)) is type(manifold):
            return f"{letter}{dim}"
    return f"{type(manifold).__name__}{dim}"


class _Parser:
    """Reads sequence = term {[separator] term}, term = [count x] (letter dim | "(" sequence ")") [^ count]."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.tokens: list[str] = re.findall(r"\d+|\S", text)

    @property
    def token(self) -> str:
        """The next token, empty at the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def run(self) -> Factors:
        factors = self.sequence()
        if self.token:
            raise self.error("a '(' is missing")
        return factors

    def sequence(self) -> Factors:
        factors = self.term()
        while self.token not in ("", ")"):
            if self.token in _SEPARATORS:
                self.at += 1
            factors += self.term()
        return factors

    def term(self) -> Factors:
        if self.token.isdecimal():
            count = self.number("a number of repeats")
            if self.token not in _SEPARATORS:
                raise self.error(f"the number {count} belongs to no letter")
            self.at += 1
            return self.repeated(self.term(), count)
        if self.token == "(":
            self.at += 1
            factors = self.sequence()
            if self.token != ")":  # pyright: ignore[reportUnnecessaryComparison]
                raise self.error("a ')' is missing")
            self.at += 1
        else:
            factors = (self.factor(),)
        if self.token == "^":
            self.at += 1
            factors = self.repeated(factors, self.number("a number of repeats after '^'"))
        return factors

    def factor(self) -> tuple[Manifold, int]:
        letter = self.token
        if letter not in LETTERS:
            found = "the end" if not letter else f"the unknown letter {letter!r}" if letter.isalpha() else repr(letter)
            raise self.error(f"{found} stands where a factor should begin")
        name = LETTERS[letter]
        if name not in _models.MODELS:
            raise self.error(f"{letter} stands for {name!r}, which is not in hyp_manifolds.MODELS,")
        self.at += 1
        return _models.MODELS[name], self.number(f"a dimension after {letter!r}")

    def number(self, what: str) -> int:
        if not self.token.isdecimal():
            raise self.error(f"{what} is missing")
        value = int(self.token)
        if value < 1:
            raise self.error(f"{what} must be at least 1, got {value},")
        self.at += 1
        return value

    def repeated(self, factors: Factors, count: int) -> Factors:
        if len(factors) * count > _LARGEST:
            raise self.error(f"more than {_LARGEST} factors")
        return factors * count

    def error(self, what: str) -> ValueError:
        letters = ", ".join(f"{letter} {name}" for letter, name in LETTERS.items())
        return ValueError(
            f'Product.from_signature: {what} in {self.text!r}. Expected factors such as "P2 H3 E4", "3xH2" or '
            f'"(P2 H3)^2": a letter ({letters}) and a dimension of at least 1.'
        )
