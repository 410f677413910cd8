"""Figures in SQL that several lists have in common."""

from typing import Any

from sqlalchemy import ColumnElement, Float, case, cast, extract, func
from sqlalchemy.orm import InstrumentedAttribute


def how_many(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """Of the rows that are looked at anyway; none is 0."""
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def seconds(column: ColumnElement[Any] | InstrumentedAttribute[Any]) -> ColumnElement[float]:
    """A time as seconds, for taking one from another on both databases."""
    return cast(extract("epoch", column), Float)
