"""Multi-mapper EM: Telescope's model, its class, and what loads its matrix."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any, Literal, Sequence, Union

from . import _native
from .frames import module
from .plans import Plan, _native_plan

if TYPE_CHECKING:
    import anndata
    import numpy as np
    import pandas as pd
    import scipy.sparse
    from numpy.typing import NDArray

Solver = Literal["fused", "stock", "blocked", "squarem"]
Mode = Literal["exclude", "choose", "average", "conf", "unique", "all"]

Path = Union[str, "os.PathLike[str]"]


class Scores:
    """A matrix of raw alignment scores, fragments by features, with what belongs to it.

    Column 0 is the feature of fragments that hit no locus. Made by :func:`load_alignment`, :func:`load_scores`,
    :func:`load_checkpoint`, or :meth:`from_matrix`.
    """

    def __init__(self, native: "_native.Scores") -> None:
        self._native = native
        self._matrix: Any = None

    @classmethod
    def from_matrix(
        cls, matrix: Any, loci: Sequence[str] | None = None, total_fragments: int | None = None
    ) -> "Scores":
        """Takes a SciPy sparse matrix (or array) of raw scores over.

        Args:
            matrix: Shape (fragments, features), whole numbers from 0 to 4294967295. Stored zeros are dropped.
            loci: Names of the columns; default: their numbers.
            total_fragments: Fragments of the input, for the seed of the random stream; default: the rows.

        Raises:
            ValueError: Scores that are negative, not whole or not finite, or indices outside the shape.
            TypeError: No sparse matrix.
        """
        starts, columns, data, features = _csr_arrays(matrix)
        names = None if loci is None else [str(name) for name in loci]
        if total_fragments is not None and total_fragments < 0:
            raise ValueError(f"total_fragments: {total_fragments} is negative")
        return cls(_native.from_csr(starts, columns, data, features, names, total_fragments))

    @property
    def shape(self) -> tuple[int, int]:
        """(fragments, features)."""
        return self._native.shape

    @property
    def loci(self) -> list[str]:
        """Names of the features, in column order."""
        return self._native.loci

    @property
    def lengths(self) -> "np.ndarray":
        """Bases that each feature covers, uint64 of shape (features,); 0 where unknown."""
        return self._native.lengths

    @property
    def run_info(self) -> dict[str, int | None]:
        """What Telescope's report tells of the input: ``total_fragments``, ``pair_mapped``, ``unique`` and so on; None
        where a table of scores does not say."""
        return self._native.run_info

    @property
    def seed(self) -> int:
        """Where Telescope's random stream begins for this input."""
        return self._native.seed

    @property
    def matrix(self) -> "scipy.sparse.csr_matrix":
        """The raw scores as a SciPy CSR matrix of uint32."""
        if self._matrix is None:
            starts, columns, data = self._native.csr()
            self._matrix = _sparse().csr_matrix((data, columns, starts), shape=self.shape)
        return self._matrix

    def __repr__(self) -> str:
        return f"Scores({self.shape[0]} fragments, {self.shape[1]} features)"

    def __reduce__(self) -> Any:
        return (_restored, (self._native.state(),))


def _restored(state: bytes) -> Scores:
    """Scores from a pickle."""
    return Scores(_native.from_state(state))


class TelescopeLikelihood:
    """Telescope's likelihood model, by the names of Telescope's class.

    Args:
        scores: Raw scores: a SciPy sparse matrix of shape (fragments, features) with whole numbers, or :class:`Scores`.
        pi_prior: Prior on pi, in fragments of the largest weight; at least 0.
        theta_prior: Prior on theta, likewise.
        em_epsilon: The EM has converged once a step changes pi (or the log-likelihood) by less.
        max_iter: Most steps; at least 1.
        seed: Where random draws (mode ``"choose"``) begin; default: Telescope's seed for this input.

    Attributes:
        N, K: Fragments, features.
        pi, theta: float64 of shape (K,); uniform before :meth:`em`.
        pi_init, theta_init: After the first step; None before :meth:`em`.
        lnl: Log-likelihood; infinite before :meth:`em`.
        num_iterations, converged, trace: Steps taken; whether the stop test held; (iteration, log-likelihood or None,
            change of pi) of every step.

    Raises:
        ValueError: An argument, which is named.
        TypeError: ``scores`` is not a sparse matrix.
    """

    def __init__(
        self,
        scores: Any,
        pi_prior: float = 0,
        theta_prior: float = 200000,
        em_epsilon: float = 1e-7,
        max_iter: int = 100,
        *,
        seed: int | None = None,
    ) -> None:
        import numpy as np

        self._scores = scores if isinstance(scores, Scores) else Scores.from_matrix(scores)
        self.N, self.K = self._scores.shape
        self.pi_prior = _number("pi_prior", pi_prior)
        self.theta_prior = _number("theta_prior", theta_prior)
        self.epsilon = _number("em_epsilon", em_epsilon)
        self.max_iter = _whole("max_iter", max_iter, 1, 2**32 - 1)
        self.seed = self._scores.seed if seed is None else _whole("seed", seed, 0, 2**32 - 1)
        uniform = 1.0 / self.K if self.K else 0.0
        self.pi = np.full(self.K, uniform)
        self.theta = np.full(self.K, uniform)
        self.pi_init: Any = None
        self.theta_init: Any = None
        self.lnl = float("inf")
        self.num_iterations = 0
        self.converged = False
        self.trace: list[tuple[int, float | None, float]] = []
        self._fit: Any = None
        self._z: Any = None
        self._keywords: dict[str, Any] = {}

    @property
    def raw_scores(self) -> "scipy.sparse.csr_matrix":
        """The raw scores, uint32 of shape (N, K)."""
        return self._scores.matrix

    def em(
        self,
        use_likelihood: bool = False,
        *,
        solver: Solver | None = None,
        trace_likelihood: bool = False,
        threads: int | None = None,
        plan: Plan = "auto",
    ) -> None:
        """Runs the EM from the uniform start, and sets the attributes.

        Args:
            use_likelihood: Stop on the change of the log-likelihood instead of pi's.
            solver: ``"fused"``, ``"stock"`` (Telescope's own order of sums), ``"blocked"``, or ``"squarem"`` (another path,
                fewer steps); default: the plan's.
            trace_likelihood: Compute the log-likelihood after every step, for ``trace``.
            threads: Budget of busy threads; None for the usable cores.
            plan: See the package. ``solver`` goes before it.

        Raises:
            ValueError: An argument, which is named.

        Warns:
            UserWarning: The EM stopped at ``max_iter`` and had not converged.
        """
        keywords = {
            "pi_prior": self.pi_prior,
            "theta_prior": self.theta_prior,
            "em_epsilon": self.epsilon,
            "max_iter": self.max_iter,
            "use_likelihood": bool(use_likelihood),
            "trace_likelihood": bool(trace_likelihood),
        }
        fitted = _native.fit(self._scores._native, keywords, threads, _with_solver(plan, solver))
        self._take(fitted, keywords)
        if not self.converged:
            warnings.warn(
                f"the EM has not converged after {self.num_iterations} steps; raise max_iter", UserWarning, stacklevel=2
            )

    def _take(self, fitted: "_native.Fit", keywords: dict[str, Any]) -> None:
        """Sets the attributes."""
        self._fit, self._z, self._keywords = fitted, None, keywords
        self.pi, self.theta = fitted.pi, fitted.theta
        self.pi_init, self.theta_init = fitted.pi_init, fitted.theta_init
        self.lnl, self.num_iterations = fitted.lnl, fitted.iterations
        self.converged, self.trace = fitted.converged, fitted.trace

    def __repr__(self) -> str:
        size = f"TelescopeLikelihood({self.N} fragments, {self.K} features"
        if self._fit is None:
            return size + ", not fitted)"
        state = "converged" if self.converged else "not converged"
        return f"{size}, {state} after {self.num_iterations} steps, lnl {self.lnl:.6g})"

    def __getstate__(self) -> dict[str, Any]:
        # A fit is a matter of one thread and the same options: it is made again where it is wanted.
        state = dict(self.__dict__)
        state["_fit"], state["_z"] = self._fit is not None, None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        fitted = state.pop("_fit")
        self.__dict__.update(state)
        self._fit = _native.fit(self._scores._native, self._keywords, 1, "default") if fitted else None

    @property
    def z(self) -> "scipy.sparse.csr_matrix | None":
        """Assignment weights, float64 of shape (N, K), with the entries of ``raw_scores``; None before :meth:`em`.

        As in Telescope they are one step older than the final ``pi``.
        """
        if self._z is None and self._fit is not None:
            self._z = self._like_scores(self._fit.weights(False))
        return self._z

    @property
    def loci(self) -> list[str]:
        """Names of the features, in column order."""
        return self._scores.loci

    def counts(
        self, mode: Mode = "exclude", thresh: float = 0.9, initial: bool = False, *, seed: int | None = None
    ) -> "NDArray[np.float64]":
        """Fragments of each feature: the column sums of :meth:`reassign`, whose arguments these are.

        Returns:
            float64 of shape (K,), in the order of :attr:`loci`.

        Raises:
            As :meth:`reassign`.
        """
        import numpy as np

        return np.asarray(self.reassign(mode, thresh, initial, seed=seed).sum(0), dtype=np.float64).ravel()

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each feature, named by it: its length in bases, the counts of the modes ``"exclude"``, ``"average"`` and
        ``"unique"``, and the fitted ``pi`` and ``theta``.

        Raises:
            ImportError: pandas is not installed.
            ValueError: No EM yet.
        """
        counts = {mode: self.counts(mode) for mode in ("exclude", "average", "unique")}
        columns = {"length": self._scores.lengths.astype("int64"), **counts, "pi": self.pi, "theta": self.theta}
        pandas = module("pandas")
        return pandas.DataFrame(columns, index=pandas.Index(self.loci, name="locus"))

    def to_anndata(self, name: str = "sample") -> "anndata.AnnData":
        """One sample by features: X the counts of the mode ``"average"`` (float32), the modes ``"exclude"`` and ``"unique"`` as
        layers, lengths, ``pi`` and ``theta`` in ``var``. Several samples: ``anndata.concat``.

        Raises:
            ImportError: anndata is not installed.
            ValueError: No EM yet.
        """
        try:
            import anndata
        except ImportError as error:
            raise ImportError("to_anndata needs anndata: pip install anndata") from error
        table = self.to_pandas()
        layers = {mode: table[[mode]].to_numpy().T.astype("float32") for mode in ("exclude", "unique")}
        obs = module("pandas").DataFrame(index=[name])
        var = table[["length", "pi", "theta"]]
        return anndata.AnnData(X=table[["average"]].to_numpy().T.astype("float32"), obs=obs, var=var, layers=layers)

    def reassign(
        self, mode: Mode, thresh: float = 0.9, initial: bool = False, *, seed: int | None = None
    ) -> "scipy.sparse.csr_matrix":
        """Reassigns fragments to features; the column sums are the counts.

        Args:
            mode: ``"exclude"`` (fragments with one best feature), ``"choose"`` (one of the best at random), ``"average"``
                (equal parts to the best), ``"conf"`` (weights from ``thresh`` on, normalised), ``"unique"`` (fragments
                with one feature), ``"all"`` (every weight above 0).
            thresh: Threshold of the mode ``"conf"``, 0 to 1.
            initial: From the scores alone instead of the weights after the EM.
            seed: Where random draws begin; default: the object's. Each call begins anew.

        Returns:
            CSR matrix of shape (N, K): float64 for ``"average"`` and ``"conf"``, else uint8 ones.

        Raises:
            ValueError: An argument, which is named; no EM yet and ``initial`` not set.
        """
        if self._fit is None:
            if not initial:
                raise ValueError("reassign: run em() first, or set initial=True")
            keywords = {"pi_prior": self.pi_prior, "theta_prior": self.theta_prior, "max_iter": 1}
            fitted = _native.fit(self._scores._native, keywords, 1, "default")
        else:
            fitted = self._fit
        number = self.seed if seed is None else _whole("seed", seed, 0, 2**32 - 1)
        if not isinstance(mode, str):
            raise TypeError("mode: give the name of a mode")
        shares = fitted.shares(mode, _number("thresh", thresh, finite=False), bool(initial), number)
        if mode not in ("average", "conf"):
            shares = shares.astype("uint8")
        found = self._like_scores(shares)
        found.eliminate_zeros()
        return found

    def _like_scores(self, data: Any) -> Any:
        scores = self._scores.matrix
        return _sparse().csr_matrix((data, scores.indices.copy(), scores.indptr.copy()), shape=scores.shape)


def load_alignment(
    bam: Path,
    gtf: Path,
    *,
    attribute: str = "locus",
    feature_type: str = "exon",
    no_feature_key: str = "__no_feature",
    overlap_mode: str = "threshold",
    overlap_threshold: float = 0.2,
    overlap_rule: str = "telescope",
    stranded_mode: str | None = None,
    reference: Path | None = None,
    threads: int | None = None,
    plan: Plan = "auto",
) -> Scores:
    """Loads the score matrix of an alignment file, as ``telescope assign`` does.

    Args:
        bam: BAM or CRAM, collated by name or sorted by coordinate; every mapped record needs its score (tag AS). One file:
            samples are fitted apart, so call once for each.
        gtf: Annotation, plain or gzipped.
        attribute: The attribute that names a locus.
        feature_type: The rows of the annotation that count.
        no_feature_key: Name of column 0, the feature of fragments that hit no locus.
        overlap_mode: ``"threshold"``, ``"union"`` or ``"intersection-strict"``.
        overlap_threshold: Share of an alignment that must overlap (0 to 1).
        overlap_rule: ``"telescope"`` counts one base too many for each aligned block, ``"exact"`` does not.
        stranded_mode: ``"RF"``, ``"R"``, ``"FR"``, ``"F"``; None for unstranded libraries.
        reference: FASTA of the reference, for CRAM.
        threads, plan: See the package.

    Raises:
        FileNotFoundError, OSError: A file is missing, unreadable or damaged.
        ValueError: An argument, which is named, or a file whose content can't be used.
        TypeError: Several files.
    """
    keywords = {
        "bam": _one_path("bam", bam),
        "gtf": _one_path("gtf", gtf),
        "attribute": attribute,
        "feature_type": feature_type,
        "no_feature_key": no_feature_key,
        "overlap_mode": overlap_mode,
        "overlap_threshold": overlap_threshold,
        "overlap_rule": overlap_rule,
        "stranded_mode": "None" if stranded_mode is None else stranded_mode,
        "reference": reference,
    }
    return Scores(_native.load(keywords, threads, _native_plan(plan)))


def load_scores(
    scores: Path, features: Path | None = None, *, no_feature_key: str = "__no_feature"
) -> Scores:
    """Loads a score matrix from text: fragment, locus, raw score, parted by tabs; plain or gzipped.

    Args:
        scores: The table, one entry a line, in any order.
        features: The columns: number, locus, length; default: loci in order of first appearance.
        no_feature_key: Name of column 0.

    Raises:
        FileNotFoundError, OSError: A file is missing or unreadable.
        ValueError: A line that breaks the format, which is named.
    """
    keywords = {"scores": scores, "features": features, "no_feature_key": no_feature_key}
    return Scores(_native.load(keywords, 1, "default"))


def load_checkpoint(path: Path) -> Scores:
    """Loads the score matrix that ``scaletune run em --checkpoint`` wrote.

    Raises:
        FileNotFoundError, OSError: The file is missing or unreadable.
        ValueError: The file is not a checkpoint.
    """
    return Scores(_native.load({"resume": path}, 1, "default"))


def _one_path(name: str, value: Any) -> Any:
    """``value``, unless it holds several files: one matrix is of one sample."""
    if isinstance(value, (str, os.PathLike)):
        return value
    raise TypeError(f"{name}: give one path, not {type(value).__name__}; samples are fitted apart: call once for each file")


def _sparse() -> Any:
    try:
        import scipy.sparse
    except ImportError as error:
        raise ImportError("sparse matrices need SciPy: pip install scipy") from error
    return scipy.sparse


def _csr_arrays(matrix: Any) -> tuple[Any, Any, Any, int]:
    import numpy as np

    sparse = _sparse()
    if not sparse.issparse(matrix):
        raise TypeError(f"scores: give a SciPy sparse matrix or Scores, not {type(matrix).__name__}")
    if len(matrix.shape) != 2:
        raise ValueError(f"scores: has {len(matrix.shape)} dimensions instead of 2")
    if matrix.dtype.kind not in "biuf":
        raise ValueError(f"scores: numbers of type {matrix.dtype} are not raw scores")
    csr = matrix.tocsr()
    if matrix.format != "csr" or not csr.has_canonical_format:
        # Entries that stand twice add up, as everywhere in SciPy; not in the caller's matrix.
        csr = csr.copy()
        csr.sum_duplicates()
    data = csr.data
    if data.dtype.kind == "f":
        wrong = np.flatnonzero(~(np.isfinite(data) & (data == np.floor(data)) & (np.abs(data) < 2.0**53)))
        if wrong.size:
            raise ValueError(f"scores: {data[wrong[0]]} is not a whole number")
    elif data.dtype.kind == "u" and data.size and data.max() >= 2**32:
        raise ValueError(f"scores: {data.max()} is not from 0 to 4294967295")
    as_int64 = [np.ascontiguousarray(array, dtype=np.int64) for array in (csr.indptr, csr.indices, data)]
    return as_int64[0], as_int64[1], as_int64[2], int(csr.shape[1])


def _number(name: str, value: Any, finite: bool = True) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name}: give a number, not {type(value).__name__}") from None
    if finite and not (0 <= number < float("inf")):
        raise ValueError(f"{name}: {number} is not finite and at least 0")
    return number


def _whole(name: str, value: Any, least: int, most: int) -> int:
    try:
        number = value.__index__()
    except AttributeError:
        raise TypeError(f"{name}: give a whole number, not {type(value).__name__}") from None
    if not least <= number <= most:
        raise ValueError(f"{name}: {number} is not from {least} to {most}")
    return number


def _with_solver(plan: Plan, solver: str | None) -> Any:
    if solver is None:
        return _native_plan(plan)
    if not isinstance(solver, str):
        raise TypeError("solver: give the name of a solver")
    if isinstance(plan, str) and plan in ("auto", "default"):
        return {"solver": solver}
    if isinstance(plan, str):
        plan = dict(piece.split("=", 1) for piece in plan.split(",") if "=" in piece)
    if isinstance(plan, os.PathLike):
        raise ValueError("solver: can't be set beside a profile; give axes as plan")
    return {**plan, "solver": solver}
