"""DataFrames of pandas and polars, taken by what both of them offer, so that neither has to be installed."""

from __future__ import annotations

import importlib
from typing import Any, Sequence


def is_frame(value: Any) -> bool:
    """Whether ``value`` has named columns, as a DataFrame of pandas or polars."""
    return hasattr(value, "columns") and hasattr(value, "__getitem__") and hasattr(value, "to_numpy")


def columns(frame: Any, names: Sequence[str], argument: str) -> list[list[Any]]:
    """These columns as lists; other columns are left alone.

    Raises:
        ValueError: A column is missing.
    """
    there = [str(name) for name in frame.columns]
    missing = [name for name in names if name not in there]
    if missing:
        raise ValueError(f"{argument}: the table has no column {missing[0]!r}; it has {', '.join(there)}")
    return [frame[name].to_numpy().tolist() for name in names]


def module(name: str) -> Any:
    """A module that the package does not depend on.

    Raises:
        ImportError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"this needs {name}: pip install {name}") from error
