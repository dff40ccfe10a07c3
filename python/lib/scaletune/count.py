"""Alleles that reads show at known sites, by the rules of WASP2's allele counter."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterable, Literal, Sequence, Union, overload

from . import _native
from .frames import columns, is_frame, module
from .plans import Plan, _native_plan

if TYPE_CHECKING:
    import anndata
    import numpy as np
    import pandas as pd
    import polars as pl
    import scipy.sparse
    from numpy.typing import NDArray

Path = Union[str, "os.PathLike[str]"]
#: What a template (read name) counts.
Policy = Literal["wasp2", "fragment", "read"]
IndelRule = Literal["cigar", "substring"]
Compat = Literal["wasp2-1.5"]
#: Sites as rows, as four columns, or as a DataFrame with the columns chrom, pos, ref, alt.
Sites = Union[Iterable["tuple[str, int, str, str]"], Sequence[Any], Any]


class BamCounter:
    """Counts alleles in one BAM or CRAM file, as WASP2's class of that name.

    Args:
        path: Coordinate-sorted BAM with its index, or CRAM.
        reference: FASTA of the reference, for CRAM.

    Raises:
        FileNotFoundError: There is no such file.
    """

    def __init__(self, path: Path, *, reference: Path | None = None) -> None:
        self.path = os.fspath(path)
        self.reference = reference
        os.stat(self.path)

    def __repr__(self) -> str:
        return f"BamCounter({self.path!r})"

    @overload
    def count_alleles(
        self,
        regions: Sites,
        min_qual: int = ...,
        threads: int | None = ...,
        *,
        as_arrays: Literal[False] = ...,
        policy: Policy = ...,
        min_base_quality: int | None = ...,
        min_mapping_quality: int = ...,
        exclude_flags: int = ...,
        require_flags: int = ...,
        fold_case: bool = ...,
        indel_rule: IndelRule | None = ...,
        compat: Compat | None = ...,
        plan: Plan = ...,
    ) -> list[tuple[int, int, int]]: ...

    @overload
    def count_alleles(
        self,
        regions: Sites,
        min_qual: int = ...,
        threads: int | None = ...,
        *,
        as_arrays: Literal[True],
        policy: Policy = ...,
        min_base_quality: int | None = ...,
        min_mapping_quality: int = ...,
        exclude_flags: int = ...,
        require_flags: int = ...,
        fold_case: bool = ...,
        indel_rule: IndelRule | None = ...,
        compat: Compat | None = ...,
        plan: Plan = ...,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]: ...

    def count_alleles(
        self,
        regions: Sites,
        min_qual: int = 0,
        threads: int | None = 1,
        *,
        as_arrays: bool = False,
        policy: Policy = "wasp2",
        min_base_quality: int | None = None,
        min_mapping_quality: int = 0,
        exclude_flags: int = 0,
        require_flags: int = 0,
        fold_case: bool = False,
        indel_rule: IndelRule | None = None,
        compat: Compat | None = None,
        plan: Plan = "auto",
    ) -> Any:
        """Counts the alleles at each site.

        Args:
            regions: The sites as (chrom, 1-based pos, ref, alt), as four arrays of one length with these columns, or as a
                DataFrame (pandas, polars) that has columns of these names. They may repeat; their order is that of WASP2's
                list (which site a template counts at under ``policy="wasp2"`` depends on it).
            min_qual: A lower base quality at the site drops the read (Phred, 0 to 254). WASP2's name for
                ``min_base_quality``.
            threads: Budget of busy threads; None or -1 for the usable cores.
            as_arrays: Give three int64 arrays instead of a list of tuples.
            min_base_quality: The same as ``min_qual``, by the name that :func:`count_variants` has; give one of them.
            policy: What a template (read name) counts: ``"wasp2"`` once a chromosome, ``"fragment"`` once a site,
                ``"read"`` each read at every site.
            min_mapping_quality: A lower MAPQ drops the read (0 to 255).
            exclude_flags: Reads with any of these SAM flags are dropped.
            require_flags: Reads without all of these SAM flags are dropped.
            fold_case: Compare alleles without regard to case; else a lower-case allele matches nothing.
            indel_rule: How a read is compared with alleles of several bases: ``"cigar"`` (default) or ``"substring"``.
            compat: ``"wasp2-1.5"``: all rows at one position get the first row's counts, as WASP2 1.5 does.
            plan: See the package.

        Returns:
            One (ref, alt, other) for each site, in their order; or three int64 arrays of shape (sites,).

        Raises:
            ValueError: An argument, which is named; sites none of whose chromosomes is in the file; a file that is not
                sorted by coordinate.
            TypeError: A row that is not (text, number, text, text).
            OSError: The file or its index is missing, unreadable or damaged.
        """
        if min_base_quality is not None:
            if min_qual not in (0, min_base_quality):
                raise ValueError("min_base_quality: min_qual is another name for it; give one of them")
            min_qual = min_base_quality
        keywords = {
            "bam": self.path,
            "reference": self.reference,
            "min_base_quality": min_qual,
            "policy": policy,
            "min_mapping_quality": min_mapping_quality,
            "exclude_flags": exclude_flags,
            "require_flags": require_flags,
            "fold_case": fold_case,
            "indel_rule": indel_rule,
            "compat": compat,
        }
        rows = _rows(regions)
        found = _native.count_sites(rows, keywords, threads, _native_plan(plan), bool(as_arrays))
        return found


def _rows(regions: Any) -> Any:
    """Rows, of rows, of four columns or of a DataFrame."""
    if is_frame(regions):
        return list(zip(*columns(regions, ("chrom", "pos", "ref", "alt"), "regions")))
    if not isinstance(regions, (list, tuple)) or len(regions) != 4:
        return regions
    # Four arrays; four tuples would be four rows.
    if not all(hasattr(column, "__array__") and hasattr(column, "tolist") for column in regions):
        return regions
    lists = []
    for name, column in zip(("chrom", "pos", "ref", "alt"), regions):
        if getattr(column, "ndim", 1) != 1:
            raise ValueError(f"regions: the array {name} has {column.ndim} dimensions instead of 1")
        values = column.tolist()
        if name != "pos" and values and isinstance(values[0], bytes):
            values = [value.decode() for value in values]
        lists.append(values)
    lengths = {len(column) for column in lists}
    if len(lengths) > 1:
        raise ValueError(f"regions: the four arrays have different lengths: {[len(column) for column in lists]}")
    return list(zip(*lists))


@dataclass(frozen=True)
class CellCounts:
    """Counts per cell: three SciPy CSR matrices of int32, sites by cells, with the names of their rows and columns."""

    #: REF counts.
    ref: "scipy.sparse.csr_matrix"
    #: ALT counts.
    alt: "scipy.sparse.csr_matrix"
    #: Counts of other bases.
    other: "scipy.sparse.csr_matrix"
    #: The rows: arrays ``chrom``, ``pos`` (1-based), ``ref``, ``alt``.
    sites: "dict[str, np.ndarray]"
    #: The columns.
    barcodes: "np.ndarray"
    #: The second column of the barcode file; empty texts where it has none.
    labels: "np.ndarray"

    def __repr__(self) -> str:
        entries = (self.ref + self.alt + self.other).nnz
        return f"CellCounts({self.ref.shape[0]} sites, {self.ref.shape[1]} cells, {entries} with counts)"

    def to_anndata(self) -> "anndata.AnnData":
        """The counts as an AnnData object, cells by sites, with the layers ``ref``, ``alt`` and ``other`` (int32); X is their
        sum (float32, which scanpy expects).

        Raises:
            ImportError: anndata is not installed.
        """
        try:
            import anndata
            import pandas
        except ImportError as error:
            raise ImportError("to_anndata needs anndata: pip install anndata") from error
        layers = {name: getattr(self, name).T.tocsr() for name in ("ref", "alt", "other")}
        names = [f"{c}:{p}:{r}>{a}" for c, p, r, a in zip(*(self.sites[name] for name in ("chrom", "pos", "ref", "alt")))]
        return anndata.AnnData(
            X=(layers["ref"] + layers["alt"] + layers["other"]).astype("float32"),
            obs=pandas.DataFrame({"label": self.labels}, index=self.barcodes),
            var=pandas.DataFrame(self.sites, index=names),
            layers=layers,
        )


class Table(dict):  # type: ignore[type-arg]
    """The columns of a table by name, arrays of one length, in the table's order. A plain dict, with ways to DataFrames."""

    def to_pandas(self) -> "pd.DataFrame":
        """The table as a pandas DataFrame.

        Raises:
            ImportError: pandas is not installed.
        """
        return module("pandas").DataFrame(dict(self))

    def to_polars(self) -> "pl.DataFrame":
        """The table as a polars DataFrame.

        Raises:
            ImportError: polars is not installed.
        """
        lists = {name: values.tolist() if values.dtype == object else values for name, values in self.items()}
        return module("polars").DataFrame(lists)

    def __repr__(self) -> str:
        rows = len(next(iter(self.values()), ()))
        return f"Table({rows} rows: {', '.join(self)})"


@overload
def count_variants(
    bam: Path,
    variants: Path,
    *,
    sample: str | None = ...,
    regions: Path | None = ...,
    policy: Policy = ...,
    min_base_quality: int = ...,
    min_mapping_quality: int = ...,
    exclude_flags: int = ...,
    require_flags: int = ...,
    include_indels: bool = ...,
    indel_rule: IndelRule | None = ...,
    include_multiallelic: bool = ...,
    fold_case: bool = ...,
    use_region_names: bool = ...,
    feature: str | None = ...,
    attribute: str | None = ...,
    parent: str | None = ...,
    barcodes: None = ...,
    barcode_tag: str | None = ...,
    reference: Path | None = ...,
    compat: Compat | None = ...,
    threads: int | None = ...,
    plan: Plan = ...,
) -> Table: ...


@overload
def count_variants(
    bam: Path,
    variants: Path,
    *,
    sample: str | None = ...,
    regions: Path | None = ...,
    policy: Policy = ...,
    min_base_quality: int = ...,
    min_mapping_quality: int = ...,
    exclude_flags: int = ...,
    require_flags: int = ...,
    include_indels: bool = ...,
    indel_rule: IndelRule | None = ...,
    include_multiallelic: bool = ...,
    fold_case: bool = ...,
    use_region_names: bool = ...,
    feature: str | None = ...,
    attribute: str | None = ...,
    parent: str | None = ...,
    barcodes: Path | Sequence[str],
    barcode_tag: str | None = ...,
    reference: Path | None = ...,
    compat: Compat | None = ...,
    threads: int | None = ...,
    plan: Plan = ...,
) -> CellCounts: ...


def count_variants(
    bam: Path,
    variants: Path,
    *,
    sample: str | None = None,
    regions: Path | None = None,
    policy: Policy = "wasp2",
    min_base_quality: int = 0,
    min_mapping_quality: int = 0,
    exclude_flags: int = 0,
    require_flags: int = 0,
    include_indels: bool = False,
    indel_rule: IndelRule | None = None,
    include_multiallelic: bool = False,
    fold_case: bool = False,
    use_region_names: bool = False,
    feature: str | None = None,
    attribute: str | None = None,
    parent: str | None = None,
    barcodes: Path | Sequence[str] | None = None,
    barcode_tag: str | None = None,
    reference: Path | None = None,
    compat: Compat | None = None,
    threads: int | None = None,
    plan: Plan = "auto",
) -> Table | CellCounts:
    """Counts the alleles at the sites of a variant file: the table of ``scaletune run count``.

    Args:
        bam: Coordinate-sorted BAM with its index, or CRAM.
        variants: VCF, VCF.gz or BCF.
        sample: Only sites where this sample is heterozygous.
        regions: BED, narrowPeak, broadPeak, GTF or GFF3: only sites inside.
        policy, min_mapping_quality, exclude_flags, require_flags, fold_case, indel_rule, reference, threads, plan: As
            for :meth:`BamCounter.count_alleles`.
        min_base_quality: A lower base quality at the site drops the read (0 to 254).
        include_indels: Also insertions and deletions of up to 10 bases.
        include_multiallelic: Also records with several ALTs, a row for each.
        use_region_names: Name BED regions by their fourth column.
        feature, attribute, parent: GTF and GFF3: which features count, and which attributes name them.
        barcodes: Count per cell: a file with one barcode a line, and a label in an optional second column; or the barcodes
            themselves (a list, an array, AnnData's ``obs_names``).
        barcode_tag: The SAM tag that holds a record's barcode; ``"CB"`` unless you say another.
        compat: ``"wasp2-1.5"`` repeats that version's defects.

    Returns:
        The columns of the command's table by name, all of shape (rows,): texts as object arrays, numbers as int64; a
        :class:`Table`, which is a dict. With ``barcodes`` a :class:`CellCounts`.

    Raises:
        FileNotFoundError, OSError: A file is missing, unreadable or damaged.
        ValueError: An argument, which is named, or a file whose content can't be used.
        ImportError: ``barcodes`` without SciPy.
    """
    keywords = {
        "bam": bam,
        "variants": variants,
        "sample": sample,
        "regions": regions,
        "policy": policy,
        "min_base_quality": min_base_quality,
        "min_mapping_quality": min_mapping_quality,
        "exclude_flags": exclude_flags,
        "require_flags": require_flags,
        "include_indels": include_indels,
        "indel_rule": indel_rule,
        "include_multiallelic": include_multiallelic,
        "fold_case": fold_case,
        "use_region_names": use_region_names or None,
        "feature": feature,
        "attribute": attribute,
        "parent": parent,
        "barcodes": barcodes,
        "barcode_tag": barcode_tag,
        "reference": reference,
        "compat": compat,
    }
    if barcodes is not None:
        try:
            import scipy.sparse  # noqa: F401
        except ImportError as error:
            raise ImportError("counts per cell need SciPy: pip install scipy") from error
        if not isinstance(barcodes, (str, os.PathLike)):
            return _of_listed_cells(keywords, list(barcodes), threads, plan)
    found = _native.count_variants(keywords, threads, _native_plan(plan))
    return _arrays(found) if isinstance(found, dict) else _cells(*found)


def _of_listed_cells(keywords: dict[str, Any], barcodes: list[Any], threads: int | None, plan: Plan) -> CellCounts:
    """As with a file of these barcodes."""
    for at, barcode in enumerate(barcodes):
        if not isinstance(barcode, str):
            raise TypeError(f"barcodes[{at}]: give a text, not {type(barcode).__name__}")
        if not barcode or any(sign in barcode for sign in "\t\r\n"):
            raise ValueError(f"barcodes[{at}]: {barcode!r} is not a barcode")
    if not barcodes:
        raise ValueError("barcodes: the list is empty")
    with tempfile.TemporaryDirectory(prefix="scaletune-") as folder:
        path = os.path.join(folder, "barcodes.tsv")
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{barcode}\n" for barcode in barcodes)
        return _cells(*_native.count_variants({**keywords, "barcodes": path}, threads, _native_plan(plan)))


def _arrays(columns: dict[str, Any]) -> Table:
    import numpy as np

    arrays = {name: np.array(values, dtype=object) if isinstance(values, list) else values for name, values in columns.items()}
    return Table(arrays)


def _cells(
    sites: dict[str, Any], barcodes: list[str], labels: list[str], rows: Any, columns: Any, *counts: Any
) -> CellCounts:
    import numpy as np
    import scipy.sparse

    shape = (len(sites["pos"]), len(barcodes))

    def matrix(values: Any) -> Any:
        # A cell that counted has entries of 0 in two of three matrices.
        kept = np.flatnonzero(values)
        return scipy.sparse.csr_matrix((values[kept], (rows[kept], columns[kept])), shape=shape)

    ref, alt, other = (matrix(values) for values in counts)
    names = np.array(barcodes, dtype=object)
    return CellCounts(ref, alt, other, _arrays(sites), names, np.array(labels, dtype=object))
