"""What elementwise formulas are made of: see `karyon.kernel.elementwise`."""

from karyon.kernel.elementwise import (
    Compiler,
    Floats,
    Formula,
    floor,
    greater,
    isnan,
    lesser,
    maximum,
    minimum,
    sqrt,
    where,
)

__all__ = [
    "Compiler",
    "Floats",
    "Formula",
    "floor",
    "greater",
    "isnan",
    "lesser",
    "maximum",
    "minimum",
    "sqrt",
    "where",
]
