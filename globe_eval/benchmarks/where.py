"""Subsets of a benchmark by an expression: `where: scene == 'indoor' and country in ['France', 'Italy']`.

The expression is read with `ast` and evaluated here, never by Python: comparisons, `in`, `and`, `or`, `not`, the names
of manifest fields and literals are all there is.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from globe_eval.errors import InputError, nearest

ALLOWED = "comparisons (== != < <= > >= in, not in, is), and, or, not, fields and literals"
LONGEST = 1000
"""Characters of an expression."""

_Value = Callable[[Mapping[str, Any]], Any]

_ORDER = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
_EQUALITY = {ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Is: operator.eq, ast.IsNot: operator.ne}


def parse_where(expression: str, fields: Sequence[str]) -> Callable[[Mapping[str, Any]], bool]:
    """An expression over `fields` as a function of a row.

    An unknown value (None) is neither smaller nor larger than anything and contains nothing; it is unequal to every
    value. Raises InputError for what is not one of ALLOWED and for a field that does not exist; the function raises it
    for two values that cannot be compared.

    >>> indoor = parse_where("scene == 'indoor' and lat > 40", ("scene", "lat"))
    >>> indoor({"scene": "indoor", "lat": 48.9}), indoor({"scene": "urban", "lat": 48.9})
    (True, False)
    """
    if not isinstance(expression, str) or not expression.strip():
        raise InputError(f"where: found {expression!r}; allowed: an expression such as \"scene == 'indoor'\"")
    if len(expression) > LONGEST:
        raise InputError(f"where: {len(expression):,} characters; allowed: {LONGEST:,}")
    try:
        value = _compile(ast.parse(expression.strip(), mode="eval").body, fields)
    except SyntaxError as error:
        raise InputError(f"where: {expression!r} is no expression ({error.msg}, character {error.offset})") from None
    except (ValueError, RecursionError, MemoryError):
        raise InputError(f"where: {expression!r} is no expression; allowed: {ALLOWED}") from None

    def where(row: Mapping[str, Any]) -> bool:
        try:
            return bool(value(row))
        except TypeError as error:
            raise InputError(f"where: {expression!r} compares what cannot be compared ({error})") from None

    return where


def _compile(node: ast.expr, fields: Sequence[str]) -> _Value:
    match node:
        case ast.Name(id=name):
            if name not in fields:
                raise InputError(f"where: no field {name!r}{nearest(name, fields)} (allowed: {', '.join(fields)})")
            return lambda row: row[name]
        case ast.Constant(value=str() | int() | float() | None as constant):
            return lambda row: constant
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)) if number is not True:
            return lambda row: -number
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            items = [_compile(element, fields) for element in elements]
            return lambda row: [item(row) for item in items]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _compile(operand, fields)
            return lambda row: not inner(row)
        case ast.BoolOp(op=ast.And() | ast.Or() as kind, values=nodes):
            parts = [_compile(part, fields) for part in nodes]
            join = all if isinstance(kind, ast.And) else any
            return lambda row: join(part(row) for part in parts)
        case ast.Compare(left=left, ops=kinds, comparators=others):
            terms = [_compile(term, fields) for term in (left, *others)]
            return lambda row: all(
                _holds(kind, terms[i](row), terms[i + 1](row)) for i, kind in enumerate(map(type, kinds))
            )
    raise InputError(f"where: {ast.unparse(node)!r} is not allowed; allowed: {ALLOWED}")


def _holds(kind: type[ast.cmpop], left: Any, right: Any) -> bool:
    if kind in _EQUALITY:
        return bool(_EQUALITY[kind](left, right))
    if kind in _ORDER:
        return left is not None and right is not None and bool(_ORDER[kind](left, right))
    contained = right is not None and left in right
    return contained if kind is ast.In else not contained
