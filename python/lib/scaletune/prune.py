"""Gains and losses of gene families over a phylogeny: the two-state model that PERSISTE computes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Sequence, Union

from . import _native
from .plans import Plan, _native_plan

if TYPE_CHECKING:
    import numpy as np

#: Newick text, a path (a path object, or text without a parenthesis), or PERSISTE's TreeStructure.
Tree = Any
RootPrior = Union[str, Sequence[float]]

_MISSING = 255


def compute_likelihoods_batch(
    tree: Tree,
    presence_matrix: Any,
    gain_rates: Any,
    loss_rates: Any,
    taxon_names: Sequence[str],
    *,
    family_names: Sequence[str] | None = None,
    root_prior: RootPrior = "stationary",
    gamma_categories: int | None = None,
    gamma_shape: float | None = None,
    ascertainment: str = "none",
    missing_length: float | None = None,
    threads: int | None = None,
    plan: Plan = "auto",
) -> "np.ndarray":
    """Log-likelihood of each family, by the call of PERSISTE.

    Args:
        tree: A rooted tree with branch lengths: Newick text, a path, or PERSISTE's TreeStructure (by its attributes
            ``parent_indices``, ``branch_lengths``, ``tip_indices`` and ``tip_names``).
        presence_matrix: Shape (taxa, families): 0 absent, 1 present, NaN missing (PERSISTE takes it for absent). Booleans
            and bytes in C order are read where they lie.
        gain_rates: Rate of gain per unit of branch length, for all families or for each; finite, not negative.
        loss_rates: Rate of loss, likewise.
        taxon_names: Names of the rows. **Rows and tips are matched by these names, whatever their order**; PERSISTE
            ignores them. Tips without a row count as missing, with a warning; a row without a tip is an error.
        family_names: Names of the columns, for messages; default: their numbers.
        root_prior: ``"stationary"``, or the probabilities of absence and presence.
        gamma_categories, gamma_shape: Discrete gamma rates; both or none.
        ascertainment: ``"absent"`` where families absent everywhere could not have been seen.
        missing_length: Take this length where a branch has none.
        threads, plan: See the package.

    Returns:
        float64 of shape (families,), natural logarithms; -inf where impossible.

    Raises:
        ValueError: An argument, which is named: rates that are NaN or negative, cells other than 0, 1, NaN, names that do
            not match, a tree that breaks its format.
        FileNotFoundError, OSError: The tree's file is missing or unreadable.
    """
    keywords = _model(root_prior, gamma_categories, gamma_shape, ascertainment, missing_length)
    rates = (_rates("gain_rates", gain_rates), _rates("loss_rates", loss_rates))
    found = _analyse(tree, presence_matrix, taxon_names, family_names, rates, keywords, threads, plan)
    return found["log_likelihoods"]


def fit(
    tree: Tree,
    presence_matrix: Any,
    taxon_names: Sequence[str],
    *,
    family_names: Sequence[str] | None = None,
    prior: str = "none",
    root_prior: RootPrior = "stationary",
    gamma_categories: int | None = None,
    gamma_shape: float | str | None = None,
    ascertainment: str = "none",
    missing_length: float | None = None,
    threads: int | None = None,
    plan: Plan = "auto",
) -> dict[str, Any]:
    """Fits one pair of rates to all families by maximum likelihood.

    Args:
        tree, presence_matrix, taxon_names, family_names, gamma_categories, ascertainment, missing_length, threads, plan:
            As for :func:`compute_likelihoods_batch`.
        prior: ``"normal"`` for PERSISTE's prior (mean 0, standard deviation 2 on both log rates).
        root_prior: As there, or ``"fit"``.
        gamma_shape: As there, or ``"fit"``.

    Returns:
        What the command writes to ``fit.json``, by the same names (``gain``, ``loss``, ``log_likelihood``, ``objective``,
        ``standard_errors``, ``aic``, ``bic``, ``converged`` and so on), and ``log_likelihoods``, float64 of shape
        (families,).

    Raises:
        As :func:`compute_likelihoods_batch`.
    """
    keywords = _model(root_prior, gamma_categories, gamma_shape, ascertainment, missing_length)
    keywords["prior"] = prior
    found = _analyse(tree, presence_matrix, taxon_names, family_names, (None, None), keywords, threads, plan)
    return {**found["fit"], "log_likelihoods": found["log_likelihoods"]}


def gradients(
    tree: Tree,
    presence_matrix: Any,
    gain_rate: float,
    loss_rate: float,
    taxon_names: Sequence[str],
    *,
    root_prior: RootPrior = "stationary",
    gamma_categories: int | None = None,
    gamma_shape: float | None = None,
    ascertainment: str = "none",
    missing_length: float | None = None,
    threads: int | None = None,
    plan: Plan = "auto",
) -> dict[str, Any]:
    """The summed log-likelihood's exact gradient, under one pair of rates.

    Args:
        gain_rate, loss_rate: Rates for all families.
        tree, presence_matrix, taxon_names, root_prior, gamma_categories, gamma_shape, ascertainment, missing_length,
        threads, plan: As for :func:`compute_likelihoods_batch`.

    Returns:
        ``log_likelihoods`` (float64 of shape (families,)), ``gain`` and ``loss`` (derivatives by the rates), ``nodes``
        (labels of all nodes but the root, in postorder), ``branch_lengths`` (derivatives by the length above each).

    Raises:
        As :func:`compute_likelihoods_batch`.
    """
    keywords = _model(root_prior, gamma_categories, gamma_shape, ascertainment, missing_length)
    rates = (_rates("gain_rate", gain_rate), _rates("loss_rate", loss_rate))
    for name, rate in zip(("gain_rate", "loss_rate"), rates):
        if rate.size != 1:
            raise ValueError(f"{name}: a gradient needs one rate for all families, not {rate.size}")
    return _analyse(tree, presence_matrix, taxon_names, None, rates, keywords, threads, plan, gradient=True)


def ancestral(
    tree: Tree,
    presence_matrix: Any,
    gain_rates: Any,
    loss_rates: Any,
    taxon_names: Sequence[str],
    *,
    family_names: Sequence[str] | None = None,
    branches: bool = True,
    root_prior: RootPrior = "stationary",
    gamma_categories: int | None = None,
    gamma_shape: float | None = None,
    ascertainment: str = "none",
    missing_length: float | None = None,
    threads: int | None = None,
    plan: Plan = "auto",
) -> dict[str, Any]:
    """Probabilities of presence at the inner nodes, and expected gains and losses on every branch.

    Args:
        branches: Also what happened on the branches.
        tree, presence_matrix, gain_rates, loss_rates, taxon_names, family_names, root_prior, gamma_categories,
        gamma_shape, ascertainment, missing_length, threads, plan: As for :func:`compute_likelihoods_batch`.

    Returns:
        ``nodes`` (labels of the inner nodes in postorder; unnamed ones are ``node<k>``), ``present`` (float64 of shape
        (families, nodes), NaN where a family is impossible), ``log_likelihoods``; with ``branches`` also ``branches``
        (columns ``node``, ``parent``, ``length``, ``gains``, ``losses``, ``gain_events``, ``loss_events``) and
        ``branch_families`` (columns ``node``, ``family``, ``gain``, ``loss``), as in the command's tables.

    Raises:
        As :func:`compute_likelihoods_batch`.
    """
    keywords = _model(root_prior, gamma_categories, gamma_shape, ascertainment, missing_length)
    keywords.update(ancestral=True, branches=bool(branches))
    rates = (_rates("gain_rates", gain_rates), _rates("loss_rates", loss_rates))
    found = _analyse(tree, presence_matrix, taxon_names, family_names, rates, keywords, threads, plan)
    families = len(found["log_likelihoods"])
    nodes = found.setdefault("nodes", [])
    if "present" in found:
        found["present"] = found["present"].reshape(families, len(nodes))
    else:
        import numpy as np

        found["present"] = np.zeros((families, len(nodes)))
    return found


def _analyse(
    tree: Tree,
    presence_matrix: Any,
    taxon_names: Any,
    family_names: Any,
    rates: Any,
    keywords: dict[str, Any],
    threads: Any,
    plan: Plan,
    gradient: bool = False,
) -> dict[str, Any]:
    cells = _cells(presence_matrix)
    taxa = _names("taxon_names", taxon_names)
    families = None if family_names is None else _names("family_names", family_names)
    return _native.analyse(
        _tree(tree), cells, taxa, families, rates[0], rates[1], gradient, keywords, threads, _native_plan(plan)
    )


def _model(root_prior: Any, categories: Any, shape: Any, ascertainment: Any, missing_length: Any) -> dict[str, Any]:
    if not isinstance(root_prior, str):
        try:
            absent, present = (float(share) for share in root_prior)
        except (TypeError, ValueError):
            raise ValueError("root_prior: give 'stationary', or the probabilities of absence and presence") from None
        root_prior = f"{absent!r},{present!r}"
    return {
        "root_prior": root_prior,
        "gamma_categories": categories,
        "gamma_shape": shape if shape is None or isinstance(shape, str) else repr(float(shape)),
        "ascertainment": ascertainment,
        "missing_length": missing_length,
    }


def _names(name: str, names: Any) -> list[str]:
    if isinstance(names, (str, bytes)):
        raise TypeError(f"{name}: give a list of names, not one text")
    try:
        found = list(names)
    except TypeError:
        raise TypeError(f"{name}: give a list of names") from None
    for at, item in enumerate(found):
        if not isinstance(item, str):
            raise TypeError(f"{name}[{at}]: a name is text, not {type(item).__name__}")
    return found


def _rates(name: str, rates: Any) -> Any:
    import numpy as np

    try:
        found = np.asarray(rates)
        if found.dtype.kind not in "biufO":
            raise ValueError
        found = np.ascontiguousarray(found, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name}: can't be read as numbers") from None
    if found.ndim > 1:
        raise ValueError(f"{name}: has {found.ndim} dimensions; give one rate, or one for each family")
    return found.reshape(-1)


def _cells(matrix: Any) -> Any:
    """Bytes of shape (taxa, families): 0, 1, or anything else for missing."""
    import numpy as np

    found = np.asarray(matrix)
    if found.ndim != 2:
        raise ValueError(f"presence_matrix: has {found.ndim} dimensions instead of 2 (taxa, families)")
    if found.dtype.kind == "b":
        return np.ascontiguousarray(found).view(np.uint8)
    if found.dtype.kind in "iu":
        # As unsigned numbers what is negative is large.
        unsigned = found.view(found.dtype.str.replace("i", "u"))
        if found.size and unsigned.max() > 1:
            row, column = np.argwhere(unsigned > 1)[0]
            raise ValueError(_no_cell(found[row, column], row, column))
        return np.ascontiguousarray(unsigned, dtype=np.uint8)
    if found.dtype.kind == "f":
        missing = np.isnan(found)
        wrong = ~missing & (found != 0) & (found != 1)
        if wrong.any():
            row, column = np.argwhere(wrong)[0]
            raise ValueError(_no_cell(found[row, column], row, column))
        return np.ascontiguousarray(np.where(missing, _MISSING, found == 1), dtype=np.uint8)
    raise ValueError(f"presence_matrix: values of type {found.dtype} are neither 0, 1 nor NaN")


def _no_cell(value: Any, row: int, column: int) -> str:
    return f"presence_matrix: {value} in row {row}, column {column} is neither 0, 1 nor NaN (missing)"


def _tree(tree: Tree) -> Any:
    if isinstance(tree, os.PathLike):
        return tree
    if isinstance(tree, str):
        if "(" in tree or ";" in tree:
            return tree
        # A path: no tree of several tips is written without a parenthesis.
        import pathlib

        return pathlib.Path(tree)
    if hasattr(tree, "parent_indices") and hasattr(tree, "branch_lengths"):
        return _newick(tree)
    raise TypeError(f"tree: give Newick text, a path, or PERSISTE's TreeStructure, not {type(tree).__name__}")


def _newick(tree: Any) -> str:
    """Newick text of PERSISTE's TreeStructure, with all digits of the lengths."""
    import numpy as np

    try:
        parents = np.asarray(tree.parent_indices).astype(np.int64).tolist()
        lengths = np.asarray(tree.branch_lengths, dtype=np.float64).tolist()
        names = {int(at): str(name) for at, name in zip(tree.tip_indices, tree.tip_names)}
    except (AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"tree: no TreeStructure: {error}") from None
    count = len(parents)
    roots = [node for node, parent in enumerate(parents) if parent < 0]
    if len(roots) != 1 or len(lengths) != count or any(parent >= count for parent in parents):
        raise ValueError("tree: its parent_indices and branch_lengths are those of no tree with one root")
    children: list[list[int]] = [[] for _ in parents]
    for node, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(node)
    pieces: list[str] = []
    # Texts, and nodes still to be written, the next one last; deep trees must not recurse.
    waiting: list[Any] = [";", roots[0]]
    written = 0
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        written += 1
        length = "" if item == roots[0] else f":{lengths[item]!r}"
        if not children[item]:
            if item not in names:
                raise ValueError(f"tree: node {item} has no children and is not among tip_indices")
            pieces.append("'" + names[item].replace("'", "''") + "'" + length)
            continue
        waiting.append(")" + length)
        for place, child in enumerate(reversed(children[item])):
            if place:
                waiting.append(",")
            waiting.append(child)
        waiting.append("(")
    if written != count:
        raise ValueError("tree: its parent_indices run in a circle")
    return "".join(pieces)
