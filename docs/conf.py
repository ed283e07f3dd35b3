"""The documentation site: pages whose code runs at every build, and the reference from the docstrings.

Nothing is fetched, at build or at view time: no inventories of other projects, no fonts, no scripts from elsewhere
(`.ci/check_docs.py` looks). Formulas are plain text for the same reason.
"""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "_ext"))
# The pages are to read alike wherever they are built.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_ENABLE_X64"] = "0"
# Most of the time is compilation: this compiles four times faster, to slower code. `XLA_FLAGS=` replaces it.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

project = "hyp"
author = "the hyp developers"
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "google_docstrings",
    "public_names",
]
exclude_patterns = ["_ext"]
default_role = "code"
nitpicky = False

myst_heading_anchors = 3

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 120
nb_merge_streams = True
nb_ipywidgets_js = {}

autodoc_typehints = "none"  # the docstrings give shapes and units
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_attr_annotations = False

html_theme = "furo"
html_title = "hyp"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_copy_source = False
html_show_copyright = False
html_show_sourcelink = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
