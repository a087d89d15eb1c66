"""A safety kernel for cooperative vehicles, and the simulator that proves it."""

__version__ = "0.1.0"
