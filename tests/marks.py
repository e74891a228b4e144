"""Marks for the rows of tables."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def some_long(rows: Iterable[Any], others: Collection[Any]) -> list[Any]:
    """The rows as parameters; those that others of the table stand for are `long`."""
    return [pytest.param(row, marks=[pytest.mark.long] * (row in others)) for row in rows]
