"""The registry of layers and the laws that each of them obeys.

A new layer is one more `Case` in `LAYERS`; `check_layer` runs every law on it and names the one that is broken.
"""

from hyp_nn.testing.case import Case, Program
from hyp_nn.testing.laws import LAWS, check_layer
from hyp_nn.testing.registry import LAYERS

__all__ = ["LAWS", "LAYERS", "Case", "Program", "check_layer"]
