"""How many digits are right: every model, operation, dtype and radius against an exact oracle."""

from hyp_bench.accuracy.cells import Cell, measure
from hyp_bench.accuracy.libraries import LIBRARIES, Library
from hyp_bench.accuracy.report import broken, plot, write_markdown

__all__ = ["LIBRARIES", "Cell", "Library", "broken", "measure", "plot", "write_markdown"]
