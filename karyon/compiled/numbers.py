"""What the functions of `karyon.kernel.elementwise` are for single numbers: as NumPy defines them."""

from collections.abc import Callable, Sequence
from functools import cache, reduce
from math import isfinite, isnan, sqrt
from typing import Any

import numpy as np

from karyon.kernel import elementwise


@cache
def teach_elementwise() -> None:
    """What the functions of `elementwise` are for single numbers: as NumPy defines them."""
    from numba.extending import overload  # noqa: PLC0415

    overload(elementwise.where)(lambda condition, one, other: lambda condition, one, other: one if condition else other)
    overload(elementwise.minimum)(lambda one, other: lambda one, other: one if (one < other) | isnan(one) else other)
    overload(elementwise.maximum)(lambda one, other: lambda one, other: one if (one > other) | isnan(one) else other)
    overload(elementwise.at_most)(lambda limit, number: lambda limit, number: limit if limit < number else number)
    overload(elementwise.at_least)(lambda limit, number: lambda limit, number: limit if limit > number else number)
    overload(elementwise.greater)(lambda one, other: lambda one, other: one if (one >= other) | isnan(other) else other)
    overload(elementwise.isnan)(lambda number: lambda number: isnan(number))  # noqa: PLW0108
    overload(elementwise.isfinite)(lambda number: lambda number: isfinite(number))  # noqa: PLW0108
    overload(elementwise.floor)(lambda number: lambda number: np.floor(number))  # noqa: PLW0108
    overload(elementwise.rint)(lambda number: lambda number: np.rint(number))  # noqa: PLW0108
    overload(elementwise.sqrt)(lambda number: lambda number: sqrt(number))  # noqa: PLW0108  math's is not a function
    overload(elementwise.each)(lambda formula, *arguments: each_of(arguments))
    overload(elementwise.anywhere)(lambda table: function_of("table", " | ".join(items_of("table", table)) or "False"))
    overload(elementwise.least)(lambda table, none: function_of("table, none", least_of(items_of("table", table))))
    overload(elementwise.pick)(lambda array, index: picked(array))
    overload(elementwise.of)(lambda place, table: place_of(table))
    overload(elementwise.of_design)(lambda place, table: place_of(table))


def picked(array: Any) -> Callable[..., Any]:
    """`elementwise.pick` from what is in memory: see `in_memory`."""
    is_truth = str(array.dtype) == "uint8"
    return function_of("array, index", f"array[np.uint64(index)]{' != 0' if is_truth else ''}")


def items_of(name: str, table: Any) -> list[str]:
    """Source of what is in a table, which to a compiled formula is a tuple of numbers."""
    return [f"{name}[{k}]" for k in range(len(table))]


def least_of(items: Sequence[str]) -> str:
    """Source of the least of these, and of `none`."""
    return reduce(lambda found, item: f"min({found}, {item})", items, "none")


def each_of(arguments: Sequence[Any]) -> Callable[..., Any]:
    """`elementwise.each` for numbers."""
    from numba import types  # noqa: PLC0415

    tables = [isinstance(each, types.UniTuple | types.Tuple) for each in arguments]
    count = next(len(each) for each, is_table in zip(arguments, tables, strict=True) if is_table)
    calls = (
        ", ".join(f"arguments[{at}][{k}]" if is_table else f"arguments[{at}]" for at, is_table in enumerate(tables))
        for k in range(count)
    )
    return function_of("formula, *arguments", f"({''.join(f'formula({call}), ' for call in calls)})")


def place_of(table: Any) -> Callable[..., Any]:
    """`elementwise.of` for numbers."""
    *others, last = items_of("table", table)
    chosen = "".join(f"{item} if place == {k} else " for k, item in enumerate(others))
    return function_of("place, table", chosen + last)


def function_of(parameters: str, answer: str) -> Callable[..., Any]:
    """A function with these parameters that answers this."""
    names: dict[str, Any] = {"np": np}
    exec(f"def of_numbers({parameters}):\n    return {answer}\n", names)
    function: Callable[..., Any] = names["of_numbers"]
    return function


@cache
def array_of() -> Any:
    """For compiled code: the array (`size`,) of a `kind` at an address."""
    import numba  # noqa: PLC0415
    from numba import types  # noqa: PLC0415
    from numba.core.cgutils import voidptr_t  # noqa: PLC0415
    from numba.extending import intrinsic, register_jitable  # noqa: PLC0415

    carray: Any = vars(numba)["carray"]

    def from_number(_: Any, address: Any) -> Any:
        return types.voidptr(address), lambda _c, builder, _s, given: builder.inttoptr(given[0], voidptr_t)

    pointer: Any = intrinsic(from_number)

    @register_jitable(forceinline=True)
    def array(address: Any, size: int, kind: Any) -> Any:
        return carray(pointer(address), (size,), kind)

    return array


def in_memory(kind: np.dtype[Any]) -> Any:
    """For compiled code: of what type a number is where it lies in memory; what is true or false is a byte."""
    return np.uint8 if kind == np.bool_ else kind.type


@cache
def array_at() -> Any:
    """For compiled code: the array (`size`,) of a `kind` whose address is at a place of those at `address`."""
    from numba.extending import register_jitable  # noqa: PLC0415

    array = array_of()

    @register_jitable(forceinline=True)
    def at(address: Any, place: int, size: int, kind: Any) -> Any:
        return array(array(address, place + 1, np.int64)[place], size, kind)

    return at


@cache
def pointer_at() -> Any:
    """For a compiled formula: the pointer to a `kind` that is at a place of those at `address`.

    It is one word, where an array is seven: of so many, what they are handed over by would else fill half of the cache.
    """
    from llvmlite import ir  # noqa: PLC0415
    from numba import types  # noqa: PLC0415
    from numba.extending import intrinsic  # noqa: PLC0415

    pointer_to: Any = types.CPointer

    def pointer(_: Any, address: Any, place: Any, kind: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            begin = builder.inttoptr(given[0], ir.IntType(64).as_pointer())
            number = builder.load(builder.gep(begin, [given[1]]))
            return builder.inttoptr(number, context.get_value_type(signature.return_type))

        return pointer_to(kind.dtype)(address, place, kind), generate

    return intrinsic(pointer)


@cache
def aligned() -> Any:
    """For a compiled formula: what it puts aside begins where a line of the cache does, and never crosses two."""
    from numba import types  # noqa: PLC0415
    from numba.extending import intrinsic  # noqa: PLC0415

    def align(_: Any) -> Any:
        def generate(context: Any, builder: Any, _signature: Any, _given: Any) -> Any:
            attributes = builder.function.attributes
            attributes.alignstack = elementwise.LINE
            attributes.add("nounwind")  # alone, the other one is not written
            return context.get_dummy_value()

        return types.void(), generate

    return intrinsic(align)


def address_of(array: Any) -> int:
    """Where an array begins in memory."""
    return int(array.__array_interface__["data"][0])
