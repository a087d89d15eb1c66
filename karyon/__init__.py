"""A safety kernel for cooperative vehicles, and the simulator that proves it.

    import karyon

    scenario = karyon.load("platoon", {"radio.loss": 0.3})
    run = karyon.run(scenario)
    trace = run.trace()  # a pandas.DataFrame
    run.plot()

The names below are those of `karyon.api`, which is imported when one of them is first used. The kernel alone is in
`karyon.kernel`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from karyon.api import InputError, Run, RunError, batch, learn, load, perceive, read_design, read_run, run

__version__ = "0.1.0"

__all__ = ["InputError", "Run", "RunError", "batch", "learn", "load", "perceive", "read_design", "read_run", "run"]


def __getattr__(name: str) -> Any:
    """What is imported when it is needed: the simulator is slow to load, and `karyon --help` must not be."""
    if name in __all__:
        return getattr(import_module("karyon.api"), name)
    raise AttributeError(f"module 'karyon' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
