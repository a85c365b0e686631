"""Eight numbers side by side, for loops in which no compiler finds them by itself.

Imported by :mod:`mfa.loops` only, where numba is installed. In a compiled function
``load(array, i)`` is the vector of array[i] … array[i + 7] of a contiguous array of doubles;
``+ - * /`` work on vectors and numbers, a·b + c in one rounding; ``store(array, i, vector)``
writes one back. Arrays are as much longer than what they hold as their users reach beyond it.
One instruction of the processor does all eight where it can, else two or four do.

What is compiled is kept on disk (by numba) for as long as the file of the loop is unchanged:
after a change here, touch that file too.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba.core import types
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model

LANES = 8

VECTOR = ir.VectorType(ir.DoubleType(), LANES)
WHOLE = ir.VectorType(ir.IntType(64), LANES)

Code = tuple[Any, Callable[..., Any]]

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
"""a·b + c in one rounding; nothing is reordered, no NaN or zero is assumed away."""


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a loop, and keep what is compiled on disk."""
    try:
        return numba.njit(cache=True, **OPTIONS)(function)
    except RuntimeError:  # nowhere to write the cache
        return numba.njit(**OPTIONS)(function)


def _in_place(function: Callable[..., Any]) -> Any:
    """Let compiled functions call what writes its own instructions."""
    return intrinsic(function)


class Eight(types.Type):
    """The type of eight doubles."""

    def __init__(self) -> None:
        super().__init__("Eight")


EIGHT = Eight()


@register_model(Eight)
class _EightModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, VECTOR)  # type: ignore[no-untyped-call]


def _place(context: Any, build: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, build, array).data
    return build.bitcast(build.gep(data, [index]), VECTOR.as_pointer())


@_in_place
def load(context: Any, array: Any, index: Any) -> Code:
    """Return the vector of array[index] and the seven that follow."""

    def code(ctx: Any, build: Any, signature: Any, given: Any) -> Any:
        return build.load(_place(ctx, build, signature.args[0], *given), align=8)

    return EIGHT(array, types.intp), code


@_in_place
def store(context: Any, array: Any, index: Any, value: Any) -> Code:
    """Write a vector into array[index] and the seven that follow."""

    def code(ctx: Any, build: Any, signature: Any, given: Any) -> Any:
        build.store(given[2], _place(ctx, build, signature.args[0], *given[:2]), align=8)
        return ctx.get_dummy_value()

    return types.void(array, types.intp, EIGHT), code


@_in_place
def turn(context: Any, source: Any, at: Any, apart: Any, out: Any, place: Any, wide: Any) -> Code:
    """Write out[place + wide · j + i] = source[at + apart · i + j] for i and j from 0 to 7.

    In three rounds the halves, quarters and eighths off the diagonal change places.
    """

    def code(ctx: Any, build: Any, signature: Any, given: Any) -> Any:
        kinds, whole = signature.args, ir.IntType(64)
        source, at, apart, out, place, wide = given

        def cell(kind: Any, array: Any, start: Any, step: Any, i: int) -> Any:
            index = build.add(start, build.mul(step, whole(i)))
            return _place(ctx, build, kind, array, index)

        rows = [build.load(cell(kinds[0], source, at, apart, i), align=8) for i in range(LANES)]
        for half in (4, 2, 1):
            upper = [i if not i & half else LANES + i - half for i in range(LANES)]
            masks = upper, [i + half for i in upper]
            kind = ir.VectorType(ir.IntType(32), LANES)
            rows = [
                build.shuffle_vector(
                    rows[i & ~half], rows[i | half], ir.Constant(kind, masks[(i & half) > 0])
                )
                for i in range(LANES)
            ]
        for j, row in enumerate(rows):
            build.store(row, cell(kinds[3], out, place, wide, j), align=8)
        return ctx.get_dummy_value()

    number = types.intp
    return types.void(source, number, number, out, number, number), code


@_in_place
def splat(context: Any, value: Any) -> Code:
    """Return a vector of one number."""

    def code(ctx: Any, build: Any, signature: Any, given: Any) -> Any:
        return _splat(build, given[0])

    return EIGHT(types.float64), code


def _splat(build: Any, number: Any) -> Any:
    none, index = ir.Constant(VECTOR, ir.Undefined), ir.IntType(32)
    one = build.insert_element(none, number, index(0))
    return build.shuffle_vector(one, none, ir.Constant(ir.VectorType(index, LANES), [0] * LANES))


def _operation(name: str) -> Any:
    @_in_place
    def of(context: Any, left: Any, right: Any) -> Code:
        def code(ctx: Any, build: Any, signature: Any, given: Any) -> Any:
            return getattr(build, name)(*given, flags=("contract",))

        return EIGHT(EIGHT, EIGHT), code

    return of


def _give(sign: Callable[..., Any], name: str) -> None:
    """Let a sign work on vectors, and on a vector and a number."""
    done = _operation(name)

    @overload(sign, strict=False)  # annotations differ
    def of(left: Any, right: Any) -> Any:
        if left == EIGHT and right == EIGHT:
            return lambda left, right: done(left, right)
        if left == EIGHT and isinstance(right, types.Float):
            return lambda left, right: done(left, splat(right))
        if isinstance(left, types.Float) and right == EIGHT:
            return lambda left, right: done(splat(left), right)
        return None


for _sign, _name in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _give(_sign, _name)


@_in_place
def limited(context: Any, value: Any, limit: Any) -> Code:
    """Return each number of a vector, between −limit and limit."""

    def code(ctx: Any, build: Any, signature: Any, given: Any) -> Any:
        value, limit = given[0], _splat(build, given[1])
        least = build.fneg(limit)
        value = build.select(build.fcmp_ordered("<", value, limit), value, limit)
        return build.select(build.fcmp_ordered(">", value, least), value, least)

    return EIGHT(EIGHT, types.float64), code


@_in_place
def where_below(context: Any, value: Any, limit: Any, chosen: Any) -> Code:
    """Return what is chosen where a value is below the limit, else 0."""

    def code(ctx: Any, build: Any, signature: Any, given: Any) -> Any:
        below = build.fcmp_ordered("<", given[0], _splat(build, given[1]))
        return build.select(below, given[2], ir.Constant(VECTOR, [0.0] * LANES))

    return EIGHT(EIGHT, types.float64, EIGHT), code


@_in_place
def _times_two_to(context: Any, value: Any, shifted: Any) -> Code:
    """Return value · 2ⁿ of whole numbers n that stand in the low bits of a vector."""

    def code(ctx: Any, build: Any, signature: Any, given: Any) -> Any:
        bits, power = (build.bitcast(each, WHOLE) for each in given)
        power = build.shl(power, ir.Constant(WHOLE, [52] * LANES))
        return build.bitcast(build.add(bits, power), VECTOR)

    return EIGHT(EIGHT, EIGHT), code


@compiled
def half_to(x: Any) -> Any:
    """Return 2⁻ˣ of a vector within a unit in the last place, for −1000 ≤ x ≤ 1000; 1 at 0.

    2⁻ˣ = 2ⁿ 2⁻ʳ with n whole and |r| ≤ ½, where 2⁻ʳ = 1 + r p(r) is its series economised over
    that span by Chebyshev's polynomials, with an error of 1e-17.
    """
    shifted = 6755399441055744.0 - x  # 1.5 · 2⁵²: the low bits hold n, −x rounded
    r = x + (shifted - 6755399441055744.0)
    square = r * r  # odd and even powers apart: half as long a chain
    odd = square * -4.455822147690218e-10 - 1.017805706380634e-07
    even = square * 7.072593293382891e-09 + 1.3215442551028254e-06
    odd = odd * square - 1.5252733841603494e-05
    even = even * square + 0.0001540353044179694
    odd = odd * square - 0.0013333558146406434
    even = even * square + 0.009618129107606852
    odd = odd * square - 0.055504108664821625
    even = even * square + 0.24022650695910097
    odd = odd * square - 0.6931471805599453
    return _times_two_to((even * r + odd) * r + 1.0, shifted)
