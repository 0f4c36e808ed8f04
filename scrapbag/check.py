"""Values from TOML, checked against the annotations of a frozen dataclass."""

from __future__ import annotations

import difflib
import math
from dataclasses import MISSING, dataclass, fields
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from scrapbag.errors import RecipeError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


@dataclass(frozen=True)
class Between:
    """The bounds of a number, both included."""

    low: float
    high: float = float("inf")

    def __str__(self) -> str:
        return f"at least {self.low:g}" if self.high == float("inf") else f"from {self.low:g} to {self.high:g}"


def build(cls: type[T], table: dict[str, Any], where: str) -> T:
    """An instance of `cls` from a TOML table; `where` names the table in messages. Raises RecipeError."""
    hints = get_type_hints(cls, include_extras=True)
    if unknown := sorted(table.keys() - hints.keys()):
        near = difflib.get_close_matches(unknown[0], hints, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(sorted(hints))}"
        raise RecipeError(f"{where} has no key {unknown[0]!r}{hint}")
    for field in fields(cls):
        if field.name not in table and field.default is MISSING and field.default_factory is MISSING:
            raise RecipeError(f"{where} needs {field.name}")
    return cls(**{key: _value(hints[key], value, f"{where} {key}") for key, value in table.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        checked, bounds = _value(args[0], value, where), args[1]
        if checked is not None and not bounds.low <= checked <= bounds.high:
            raise RecipeError(f"{where} is {value}; write a number {bounds}")
        return checked
    if origin is UnionType:
        return None if value is None else _value(next(a for a in args if a is not NoneType), value, where)
    if origin is Literal:
        if value not in args:
            raise RecipeError(f"{where} is {value!r}; write one of {', '.join(map(str, args))}")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise RecipeError(f"{where} is {value!r}; write a list, [{value!r}]")
        return tuple(_value(args[0], one, where) for one in value)
    if origin is dict:
        if not isinstance(value, dict):
            raise RecipeError(f"{where} is {value!r}; write a table")
        return {str(key): _value(args[1], one, where) for key, one in value.items()}
    if hint is Any:
        return value
    return _scalar(hint, value, where)


def _scalar(hint: type, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise RecipeError(f"{where} is {value}; write a number")
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        words = {str: "text in quotes", bool: "true or false", int: "a whole number", float: "a number"}
        raise RecipeError(f"{where} is {value!r}; write {words.get(hint, hint.__name__)}")
    return value
