"""Plans: what a call may be told of them, and what it took."""

from __future__ import annotations

import os
from typing import Any, Mapping, TypedDict, Union

from . import _native

#: ``"auto"``, ``"default"``, ``"axis=value,..."``, a dict of axes, or the path of a profile (a path object).
Plan = Union[str, Mapping[str, Union[str, int]], "os.PathLike[str]"]


class PlanUsed(TypedDict):
    """What :func:`profile_used` tells."""

    #: ``"count"``, ``"em"`` or ``"prune"``.
    engine: str
    #: The budget of busy threads.
    threads: int
    #: Every axis with its value, as ``axis=value,...``.
    plan: str
    #: Why this plan, in words.
    reason: str
    #: Path of the profile that it came from; None where none was used.
    profile: str | None


def profile_used() -> PlanUsed | None:
    """The plan that the latest call of this process took, and the profile that it came from; None before any call."""
    return _native.profile_used()


def usable_cores() -> int:
    """Cores that this process may keep busy: its affinity mask, cut down to its control groups' CPU quota."""
    return _native.usable_cores()


def _native_plan(plan: Plan) -> Any:
    return dict(plan) if isinstance(plan, Mapping) else plan
