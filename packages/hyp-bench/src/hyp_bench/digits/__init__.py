"""Networks for handwritten digits, hyperbolic and flat, and how they are compared."""
