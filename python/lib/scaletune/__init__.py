"""Allele counts, multi-mapper EM and phylogenetic pruning, by the calls that users of WASP2, Telescope and PERSISTE know.

Counting: :class:`BamCounter`, :func:`count_variants`. EM: :class:`TelescopeLikelihood`, :func:`load_alignment`,
:func:`load_scores`, :func:`load_checkpoint`. Pruning: :func:`compute_likelihoods_batch`, :func:`fit`,
:func:`gradients`, :func:`ancestral`.

Every call that works takes ``threads`` (the whole budget of busy threads, decompression included; None or -1: the usable
cores, which is the default but for ``BamCounter.count_alleles``, where it is 1 as in WASP2) and ``plan``:

=====================  =================================================================
``"auto"`` (default)   the best saved profile that fits, else the engine's default
``"default"``          the engine's default
``"axis=value,..."``   these strategies, the rest by default; also as a dict
a path object          this profile
=====================  =================================================================

A plan changes how long a call takes, never its result beyond the last digits. :func:`profile_used` says which plan the
latest call took, and why.

While an engine works the interpreter is free for other threads, and Ctrl-C stops the call within a second. Errors:
``FileNotFoundError`` and other ``OSError`` for files that are missing, unreadable or damaged; ``ValueError`` for an
argument (which it names), or a file whose content can't be used; ``TypeError`` for a value of the wrong kind;
``RuntimeError`` where the engine itself fails. What a user should know besides comes as a ``UserWarning``.
"""

from ._native import __version__
from .count import BamCounter, CellCounts, Table, count_variants
from .em import Scores, TelescopeLikelihood, load_alignment, load_checkpoint, load_scores
from .plans import profile_used, usable_cores
from .prune import ancestral, compute_likelihoods_batch, fit, gradients

__all__ = [
    "BamCounter",
    "CellCounts",
    "Scores",
    "Table",
    "TelescopeLikelihood",
    "__version__",
    "ancestral",
    "compute_likelihoods_batch",
    "count_variants",
    "fit",
    "gradients",
    "load_alignment",
    "load_checkpoint",
    "load_scores",
    "profile_used",
    "usable_cores",
]
