import os

import hypothesis
import jax

# HYPOTHESIS_PROFILE=nightly searches long; ci (what `.ci/run` sets) draws the same examples in every run.
hypothesis.settings.register_profile("dev", max_examples=50, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("nightly", max_examples=5000, deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def pytest_report_header() -> str:
    precision = "float64" if jax.config.jax_enable_x64 else "float32"
    return f"jax {jax.__version__}, {precision} by default, backend {jax.default_backend()}"
