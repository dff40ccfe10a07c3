"""Alleles that reads show at known sites, by the rules of WASP2's allele counter."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterable, Sequence, Union

from . import _native
from .plans import Plan, _native_plan

if TYPE_CHECKING:
    import anndata
    import numpy as np
    import scipy.sparse

Path = Union[str, "os.PathLike[str]"]


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

    def count_alleles(
        self,
        regions: Iterable[tuple[str, int, str, str]] | Sequence[Any],
        min_qual: int = 0,
        threads: int | None = 1,
        *,
        as_arrays: bool = False,
        policy: str = "wasp2",
        min_mapping_quality: int = 0,
        exclude_flags: int = 0,
        require_flags: int = 0,
        fold_case: bool = False,
        indel_rule: str | None = None,
        compat: str | None = None,
        plan: Plan = "auto",
    ) -> Any:
        """Counts the alleles at each site.

        Args:
            regions: The sites as (chrom, 1-based pos, ref, alt), or as four arrays of one length with these columns. They
                may repeat; their order is that of WASP2's list (which site a template counts at under ``policy="wasp2"``
                hangs on it).
            min_qual: A lower base quality at the site drops the read (Phred, 0 to 254).
            threads: Budget of busy threads; None for the usable cores.
            as_arrays: Give three uint32 arrays instead of a list of tuples.
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
            One (ref, alt, other) for each site, in their order; or three uint32 arrays of shape (sites,).

        Raises:
            ValueError: An argument, which is named; sites none of whose chromosomes is in the file; a file that is not
                sorted by coordinate.
            TypeError: A row that is no (text, number, text, text).
            OSError: The file or its index is missing, unreadable or damaged.
        """
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
    """Rows, of rows or of four columns."""
    if not isinstance(regions, (list, tuple)) or len(regions) != 4:
        return regions
    # Four arrays; four tuples would be four rows.
    if not all(hasattr(column, "__array__") and hasattr(column, "tolist") for column in regions):
        return regions
    columns = []
    for name, column in zip(("chrom", "pos", "ref", "alt"), regions):
        if getattr(column, "ndim", 1) != 1:
            raise ValueError(f"regions: the array {name} has {column.ndim} dimensions instead of 1")
        values = column.tolist()
        if name != "pos" and values and isinstance(values[0], bytes):
            values = [value.decode() for value in values]
        columns.append(values)
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise ValueError(f"regions: the four arrays have different lengths: {[len(column) for column in columns]}")
    return list(zip(*columns))


@dataclass(frozen=True)
class CellCounts:
    """Counts per cell: three SciPy CSR matrices of uint32, sites by cells, with the names of their rows and columns."""

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

    def to_anndata(self) -> "anndata.AnnData":
        """The counts as an AnnData object, cells by sites, with the layers ``ref``, ``alt`` and ``other``; X is their sum.

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
            X=layers["ref"] + layers["alt"] + layers["other"],
            obs=pandas.DataFrame({"label": self.labels}, index=self.barcodes),
            var=pandas.DataFrame(self.sites, index=names),
            layers=layers,
        )


def count_variants(
    bam: Path,
    variants: Path,
    *,
    sample: str | None = None,
    regions: Path | None = None,
    policy: str = "wasp2",
    min_base_quality: int = 0,
    min_mapping_quality: int = 0,
    exclude_flags: int = 0,
    require_flags: int = 0,
    include_indels: bool = False,
    indel_rule: str | None = None,
    include_multiallelic: bool = False,
    fold_case: bool = False,
    use_region_names: bool = False,
    feature: str | None = None,
    attribute: str | None = None,
    parent: str | None = None,
    barcodes: Path | None = None,
    barcode_tag: str | None = None,
    reference: Path | None = None,
    compat: str | None = None,
    threads: int | None = None,
    plan: Plan = "auto",
) -> "dict[str, np.ndarray] | CellCounts":
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
        barcodes: Count per cell: a file with one barcode a line, and a label in an optional second column.
        barcode_tag: The SAM tag that holds a record's barcode; ``"CB"`` unless you say another.
        compat: ``"wasp2-1.5"`` repeats that version's defects.

    Returns:
        The columns of the command's table by name, all of shape (rows,): texts as object arrays, numbers as uint32. With
        ``barcodes`` a :class:`CellCounts`.

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
    found = _native.count_variants(keywords, threads, _native_plan(plan))
    return _arrays(found) if isinstance(found, dict) else _cells(*found)


def _arrays(columns: dict[str, Any]) -> "dict[str, np.ndarray]":
    import numpy as np

    return {name: np.array(values, dtype=object) if isinstance(values, list) else values for name, values in columns.items()}


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
