"""Typical calls, held to their types by a strict checker; never run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import scaletune


def count(bam: Path) -> NDArray[np.int64]:
    table = scaletune.count_variants(bam, "V.vcf.gz", sample="S", policy="fragment", threads=4)
    difference: NDArray[np.int64] = table["ref_count"] - table["alt_count"]
    table.to_pandas()
    cells = scaletune.count_variants(bam, "V.vcf.gz", barcodes=["AAAC-1", "AAAG-1"])
    cells.to_anndata()
    counter = scaletune.BamCounter(bam)
    rows: list[tuple[int, int, int]] = counter.count_alleles([("chr1", 100, "A", "C")], min_base_quality=20)
    ref, alt, _ = counter.count_alleles([("chr1", 100, "A", "C")], as_arrays=True)
    assert rows
    return difference + ref - alt


def assign() -> NDArray[np.float64]:
    scores = scaletune.load_alignment("A.bam", Path("G.gtf"), stranded_mode="RF", threads=-1)
    model = scaletune.TelescopeLikelihood(scores, max_iter=200)
    model.em(solver="blocked", plan={"workers": 2})
    model.reassign("conf", 0.95)
    return model.counts("exclude")


def prune(matrix: NDArray[np.uint8]) -> float:
    taxa = ["a", "b", "c"]
    likelihoods = scaletune.compute_likelihoods_batch("T.nwk", matrix, 0.5, np.ones(3), taxa, root_prior=(0.5, 0.5))
    fitted = scaletune.fit("T.nwk", matrix, taxa, prior="normal", root_prior="fit", gamma_categories=4, gamma_shape="fit")
    slope = scaletune.gradients("T.nwk", matrix, fitted["gain"], fitted["loss"], taxa)
    error = fitted["standard_errors"]["log_gain"]
    return float(likelihoods.sum()) + slope["gain"] + (error if error is not None else 0.0)
