"""Gains and losses of gene families over a phylogeny: the two-state model that PERSISTE computes."""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING, Any, Callable, Literal, Sequence, TypedDict, TypeVar, Union

from . import _native
from .frames import is_frame
from .plans import Plan, _native_plan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Unpack

#: Newick text, a path (a path object, or text without a parenthesis), or PERSISTE's TreeStructure.
Tree = Any
RootPrior = Union[str, Sequence[float]]


class Keywords(TypedDict, total=False):
    """What every call of this module takes besides, by keyword."""

    #: Names of the columns, for messages and tables; default: their numbers.
    family_names: Sequence[str] | None
    #: ``"stationary"`` (default), or the probabilities of absence and presence; where rates are fitted also ``"fit"``.
    root_prior: RootPrior
    #: Discrete gamma rates, how many and of which shape; both or none. Where rates are fitted the shape may be ``"fit"``.
    gamma_categories: int | None
    gamma_shape: float | str | None
    #: ``"none"`` (default), or ``"absent"`` where families absent everywhere could not have been seen.
    ascertainment: Literal["none", "absent"]
    #: Take this length where a branch has none.
    missing_length: float | None
    #: ``"refuse"`` (default), or ``"zero"`` to take branches of negative length as 0.
    negative_branches: Literal["refuse", "zero"]
    #: ``"only"`` (default), or ``"first"`` to take the first tree of several.
    trees: Literal["only", "first"]
    #: ``"exact"`` (default); ``"newick"``: ``_`` in a tip's label without quotes is a blank; ``"prefix"``: of name and
    #: tip one begins with the other, followed by neither a letter nor a digit.
    match: Literal["exact", "newick", "prefix"]
    #: Budget of busy threads; None or -1 (default): the usable cores.
    threads: int | None
    #: See the package; default: ``"auto"``.
    plan: Plan


class StandardErrors(TypedDict):
    """Standard errors of a fit; None where the optimum lies at a bound or is not a maximum."""

    log_gain: float | None
    log_loss: float | None
    gain: float | None
    loss: float | None


class Fitted(TypedDict):
    """What :func:`fit` gives: what the command writes to ``fit.json``, and the likelihoods of the families."""

    gain: float
    loss: float
    log_gain: float
    log_loss: float
    #: Sum over the families at the fitted rates, natural logarithm.
    log_likelihood: float
    #: The same with the prior.
    objective: float
    aic: float
    bic: float
    gradient_norm: float
    #: Probability of presence at the root, where it was fitted.
    root_present: float | None
    gamma_shape: float | None
    method: str
    standard_errors: StandardErrors
    #: How many parameters were fitted.
    parameters: int
    evaluations: int
    converged: bool
    #: Names of the parameters that lie at a bound.
    at_bound: list[str]
    #: Families that have no likelihood above 0.
    impossible_families: int
    #: float64 of shape (families,), natural logarithms.
    log_likelihoods: NDArray[np.float64]


class Gradients(TypedDict):
    """What :func:`gradients` gives."""

    #: float64 of shape (families,), natural logarithms.
    log_likelihoods: NDArray[np.float64]
    #: Derivative of their sum by the rate of gain.
    gain: float
    #: Derivative of their sum by the rate of loss.
    loss: float
    #: Labels of all nodes but the root, in postorder.
    nodes: list[str]
    #: Derivatives by the length of the branch above each node, in that order.
    branch_lengths: NDArray[np.float64]


Call = TypeVar("Call", bound=Callable[..., Any])


def _with_keywords(call: Call) -> Call:
    """Shows the keywords that every call of this module takes in its signature, for ``help`` and editors."""
    signature = inspect.signature(call)
    own = [it for it in signature.parameters.values() if it.kind is not inspect.Parameter.VAR_KEYWORD]
    shared = [it for it in inspect.signature(_analyse).parameters.values() if it.kind is inspect.Parameter.KEYWORD_ONLY]
    call.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
    return call


def compute_likelihoods_batch(
    tree: Tree,
    presence_matrix: Any,
    gain_rates: Any,
    loss_rates: Any,
    taxon_names: Sequence[str],
    **keywords: Unpack[Keywords],
) -> NDArray[np.float64]:
    """Log-likelihood of each family, by the call of PERSISTE.

    Args:
        tree: A rooted tree with branch lengths: Newick text, a path, or PERSISTE's TreeStructure (by its attributes
            ``parent_indices``, ``branch_lengths``, ``tip_indices`` and ``tip_names``).
        presence_matrix: Shape (taxa, families): 0 absent, 1 present, NaN missing (PERSISTE takes it for absent). Whole
            numbers, booleans, float32 and float64 are read where they lie, quickest as bytes in C order. A DataFrame
            (pandas, polars) may also be families by taxa, as files have it: rows or columns, whichever are named as
            ``taxon_names``, are the taxa, and the others name the families.
        gain_rates: Rate of gain per unit of branch length, for all families or for each; finite, not negative.
        loss_rates: Rate of loss, likewise.
        taxon_names: Names of the rows. **Rows and tips are matched by these names, whatever their order**; PERSISTE
            ignores them. Tips without a row count as missing, with a warning; a row without a tip is an error.
        family_names: Names of the columns, for messages and tables; default: their numbers.
        root_prior: ``"stationary"`` (default), or the probabilities of absence and presence.
        gamma_categories, gamma_shape: Discrete gamma rates; both or none.
        ascertainment: ``"none"`` (default), or ``"absent"`` where families absent everywhere could not have been seen.
        missing_length: Take this length where a branch has none.
        negative_branches: ``"refuse"`` (default), or ``"zero"`` to take branches of negative length as 0.
        trees: ``"only"`` (default), or ``"first"`` to take the first tree of several.
        match: ``"exact"`` (default), ``"newick"`` (``_`` in a tip's label without quotes is a blank) or ``"prefix"`` (of
            name and tip one begins with the other, followed by neither a letter nor a digit).
        threads, plan: See the package.

    Returns:
        float64 of shape (families,), natural logarithms; -inf where impossible.

    Raises:
        ValueError: An argument, which is named: rates that are NaN or negative, cells other than 0, 1, NaN, names that do
            not match, a tree that breaks its format.
        FileNotFoundError, OSError: The tree's file is missing or unreadable.

    Tree and matrix of the latest call are kept, packed to a bit a cell (64 MiB at most): the next call with the same ones
    and other rates is quicker.
    """
    rates = (_rates("gain_rates", gain_rates), _rates("loss_rates", loss_rates))
    found: NDArray[np.float64] = _analyse(tree, presence_matrix, taxon_names, rates, {}, **keywords)["log_likelihoods"]
    return found


def fit(
    tree: Tree,
    presence_matrix: Any,
    taxon_names: Sequence[str],
    *,
    prior: Literal["none", "normal"] = "none",
    **keywords: Unpack[Keywords],
) -> Fitted:
    """Fits one pair of rates to all families by maximum likelihood.

    Args:
        tree, presence_matrix, taxon_names: As for :func:`compute_likelihoods_batch`.
        prior: ``"normal"`` for PERSISTE's prior (mean 0, standard deviation 2 on both log rates).
        keywords: As there; ``root_prior`` and ``gamma_shape`` may also be ``"fit"``.

    Returns:
        What the command writes to ``fit.json``, by the same names (``gain``, ``loss``, ``log_likelihood``, ``objective``,
        ``standard_errors``, ``aic``, ``bic``, ``converged`` and so on), and ``log_likelihoods``, float64 of shape
        (families,).

    Raises:
        As :func:`compute_likelihoods_batch`.

    Warns:
        UserWarning: The fit has not converged, or the data do not identify a rate.
    """
    found = _analyse(tree, presence_matrix, taxon_names, (None, None), {"prior": prior}, **keywords)
    fitted: Fitted = {**found["fit"], "log_likelihoods": found["log_likelihoods"]}
    return fitted


def gradients(
    tree: Tree,
    presence_matrix: Any,
    gain_rate: float,
    loss_rate: float,
    taxon_names: Sequence[str],
    **keywords: Unpack[Keywords],
) -> Gradients:
    """The summed log-likelihood's exact gradient, under one pair of rates.

    Args:
        gain_rate, loss_rate: Rates for all families.
        tree, presence_matrix, taxon_names, keywords: As for :func:`compute_likelihoods_batch`.

    Returns:
        ``log_likelihoods`` (float64 of shape (families,)), ``gain`` and ``loss`` (derivatives by the rates), ``nodes``
        (labels of all nodes but the root, in postorder), ``branch_lengths`` (derivatives by the length above each).

    Raises:
        As :func:`compute_likelihoods_batch`.
    """
    rates = (_rates("gain_rate", gain_rate), _rates("loss_rate", loss_rate))
    for name, rate in zip(("gain_rate", "loss_rate"), rates):
        if rate.size != 1:
            raise ValueError(f"{name}: a gradient needs one rate for all families, not {rate.size}")
    found: Any = _analyse(tree, presence_matrix, taxon_names, rates, None, **keywords)
    return found  # type: ignore[no-any-return]


def ancestral(
    tree: Tree,
    presence_matrix: Any,
    gain_rates: Any,
    loss_rates: Any,
    taxon_names: Sequence[str],
    *,
    branches: bool = True,
    **keywords: Unpack[Keywords],
) -> dict[str, Any]:
    """Probabilities of presence at the inner nodes, and expected gains and losses on every branch.

    Args:
        branches: Also what happened on the branches.
        tree, presence_matrix, gain_rates, loss_rates, taxon_names, keywords: As for :func:`compute_likelihoods_batch`.

    Returns:
        ``nodes`` (labels of the inner nodes in postorder; unnamed ones are ``node<k>``), ``present`` (float64 of shape
        (families, nodes), NaN where a family is impossible), ``log_likelihoods``; with ``branches`` also ``branches``
        (columns ``node``, ``parent``, ``length``, ``gains``, ``losses``, ``gain_events``, ``loss_events``) and
        ``branch_families`` (columns ``node``, ``family``, ``gain``, ``loss``), as in the command's tables. Families go by
        ``family_names`` or the DataFrame's names; without either by their numbers, from 0.

    Raises:
        As :func:`compute_likelihoods_batch`.
    """
    import numpy as np

    rates = (_rates("gain_rates", gain_rates), _rates("loss_rates", loss_rates))
    asked = {"ancestral": True, "branches": bool(branches)}
    found = _analyse(tree, presence_matrix, taxon_names, rates, asked, **keywords)
    shape = (len(found["log_likelihoods"]), len(found.setdefault("nodes", [])))
    found["present"] = found["present"].reshape(shape) if "present" in found else np.zeros(shape)
    return found


def _analyse(
    tree: Tree,
    presence_matrix: Any,
    taxon_names: Any,
    rates: tuple[Any, Any],
    asked: dict[str, Any] | None,
    /,
    *,
    family_names: Any = None,
    root_prior: Any = "stationary",
    gamma_categories: Any = None,
    gamma_shape: Any = None,
    ascertainment: Any = "none",
    missing_length: Any = None,
    negative_branches: str = "refuse",
    trees: str = "only",
    match: str = "exact",
    threads: Any = None,
    plan: Plan = "auto",
) -> dict[str, Any]:
    """Runs the engine under the common keywords and what is ``asked`` for besides; None for a gradient."""
    if not isinstance(root_prior, str):
        try:
            absent, present = (float(share) for share in root_prior)
        except (TypeError, ValueError):
            raise ValueError("root_prior: give 'stationary', or the probabilities of absence and presence") from None
        root_prior = f"{absent!r},{present!r}"
    if not (gamma_shape is None or isinstance(gamma_shape, str)):
        gamma_shape = repr(float(gamma_shape))
    keywords = {
        "root_prior": root_prior,
        "gamma_categories": gamma_categories,
        "gamma_shape": gamma_shape,
        "ascertainment": ascertainment,
        "missing_length": missing_length,
        "negative_branches": negative_branches,
        "trees": trees,
        "match": match,
        **(asked or {}),
    }
    if trees == "all":
        raise ValueError("trees: one call is about one tree; call once for each, or give 'first'")
    gradient = asked is None
    if is_frame(presence_matrix):
        presence_matrix, family_names = _framed(presence_matrix, taxon_names, family_names)
    found = (_tree(tree), _cells(presence_matrix), taxon_names, family_names, *rates, gradient, keywords)
    _check_shape(found[1], taxon_names)
    return _native.analyse(*found, threads, _native_plan(plan))


for _call in (compute_likelihoods_batch, fit, gradients, ancestral):
    _with_keywords(_call)


def _framed(frame: Any, taxon_names: Any, family_names: Any) -> tuple[Any, Any]:
    """The matrix of a DataFrame, taxa by families in the order of ``taxon_names``, and the names of its families."""
    import numpy as np

    taxa = [str(name) for name in taxon_names]
    columns = [str(name) for name in frame.columns]
    rows = [str(name) for name in frame.index] if hasattr(frame, "index") else None
    if taxa and set(taxa) <= set(columns):
        # Families by taxa, as files have it. polars has no names of rows: a column of texts in front serves as one.
        own = list(frame.columns)
        cells = np.stack([np.asarray(frame[own[columns.index(name)]].to_numpy()) for name in taxa])
        if rows is None and columns[0] not in taxa:
            first = frame[own[0]].to_numpy()
            rows = [str(name) for name in first] if first.dtype.kind in "OUS" else None
        families = rows
    elif rows is not None and set(taxa) <= set(rows):
        at = {name: place for place, name in enumerate(rows)}
        cells, families = frame.to_numpy()[[at[name] for name in taxa]], columns
    elif rows is None and len(taxa) == len(frame):
        cells, families = frame.to_numpy(), columns
    else:
        missing = next((name for name in taxa if name not in columns), "no name")
        raise ValueError(
            f"presence_matrix: neither its rows nor its columns are named as taxon_names: {missing!r} is in neither"
        )
    return cells, family_names if family_names is not None else families


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
    """A matrix that the native half can read, which is the very one wherever possible."""
    import numpy as np

    found = np.asarray(matrix)
    if found.ndim != 2:
        raise ValueError(f"presence_matrix: has {found.ndim} dimensions instead of 2 (taxa, families)")
    kind = found.dtype
    if kind.kind not in "biuf":
        raise ValueError(f"presence_matrix: values of type {kind} are neither 0, 1 nor NaN")
    if kind.kind == "b":
        return found.view(np.uint8)
    if kind.kind == "f" and kind.itemsize not in (4, 8):
        return found.astype(np.float64)
    if not kind.isnative or not found.flags.aligned:
        return found.astype(kind.newbyteorder("="))
    return found


def _check_shape(cells: Any, taxon_names: Any) -> None:
    """Says so where a matrix seems to lie on its side."""
    try:
        names = len(taxon_names)
    except TypeError:
        return
    if names != cells.shape[0] and names == cells.shape[1]:
        raise ValueError(
            f"taxon_names: {names} names for the {cells.shape[0]} rows of presence_matrix, which has {names} columns: "
            "give it taxa by families (transpose it)"
        )


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
