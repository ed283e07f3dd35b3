"""The hyp-bench command: real tasks for hyperbolic deep learning in JAX, with scores, comparisons and pictures."""
