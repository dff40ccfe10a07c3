"""Counting through Python: the golden sets, and the command's table."""

import pytest
from conftest import rows

import numpy as np

import scaletune

COUNTS = ("ref_count", "alt_count", "other_count")
# The files' data have contigs and alleles that a warning tells of.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def sites(table):
    return [(row["chrom"], int(row["pos"]), row["ref"], row["alt"]) for row in table]


def counts(table):
    return [tuple(int(row[name]) for name in COUNTS) for row in table]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("tiny.fixed.wasp2.S1", {}),
        ("tiny.fixed.fragment.S1", {"policy": "fragment"}),
        ("tiny.fixed.read.S1", {"policy": "read"}),
        ("tiny.fixed.wasp2.nosample", {}),
        ("tiny.fixed.wasp2.S1.indels.multi", {"indel_rule": "substring"}),
        (
            "tiny.fixed.fragment.S1.q10.bq20.F3844",
            {"policy": "fragment", "min_qual": 20, "min_mapping_quality": 10, "exclude_flags": 3844},
        ),
        ("tiny.wasp2.S1", {"compat": "wasp2-1.5"}),
        ("tiny.wasp2.S1.minbq20", {"compat": "wasp2-1.5", "min_qual": 20}),
    ],
)
def test_tiny_by_list(golden, name, keywords, threads):
    folder = golden / "count" / "tiny"
    table = rows(folder / f"{name}.tsv")
    counter = scaletune.BamCounter(folder / "tiny.bam")
    assert counter.count_alleles(sites(table), threads=threads, **keywords) == counts(table)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("edge.fixed", {"indel_rule": "substring"}),
        ("edge.fixed.default", {}),
        ("edge.wasp2", {"compat": "wasp2-1.5"}),
        ("edge.wasp2.default", {"compat": "wasp2-1.5"}),
        ("edge.wasp2.minbq20", {"compat": "wasp2-1.5", "min_qual": 20}),
    ],
)
def test_edge_by_list(golden, name, keywords, threads):
    folder = golden / "count" / "edge"
    table = rows(folder / f"{name}.expected.tsv")
    counter = scaletune.BamCounter(str(folder / "edge.bam"))
    assert counter.count_alleles(sites(table), threads=threads, **keywords) == counts(table)


def test_arrays_in_and_out(golden):
    folder = golden / "count" / "tiny"
    table = rows(folder / "tiny.fixed.wasp2.S1.tsv")
    columns = [np.array(column) for column in zip(*sites(table))]
    # Neither contiguity nor width matters.
    columns[1] = np.repeat(columns[1].astype(np.int32), 2)[::2]
    found = scaletune.BamCounter(folder / "tiny.bam").count_alleles(columns, as_arrays=True)
    assert [array.dtype for array in found] == [np.int64] * 3
    assert list(zip(*(array.tolist() for array in found))) == counts(table)


def test_repeated_and_unsorted_sites_keep_their_places(golden):
    folder = golden / "count" / "tiny"
    table = rows(folder / "tiny.fixed.read.S1.tsv")
    there_and_back = sites(table) + sites(table)[::-1]
    found = scaletune.BamCounter(folder / "tiny.bam").count_alleles(there_and_back, policy="read")
    assert found == counts(table) + counts(table)[::-1]


def test_no_sites_no_counts(golden):
    counter = scaletune.BamCounter(golden / "count" / "tiny" / "tiny.bam")
    assert counter.count_alleles([]) == []
    assert [len(array) for array in counter.count_alleles([], as_arrays=True)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("tiny.fixed.wasp2.S1", {"sample": "SAMPLE1"}),
        ("tiny.wasp2.S2", {"sample": "SAMPLE2", "compat": "wasp2-1.5"}),
        ("tiny.wasp2.S1.bed", {"sample": "SAMPLE1", "regions": "tiny.peaks.bed", "compat": "wasp2-1.5"}),
        ("tiny.wasp2.S1.gtf", {"sample": "SAMPLE1", "regions": "tiny.genes.gtf", "compat": "wasp2-1.5"}),
        (
            "tiny.wasp2.S1.bed.names",
            {"sample": "SAMPLE1", "regions": "tiny.peaks.bed", "compat": "wasp2-1.5", "use_region_names": True},
        ),
    ],
)
def test_the_table_is_the_golden_one(golden, name, keywords):
    folder = golden / "count" / "tiny"
    keywords = {key: folder / value if key == "regions" else value for key, value in keywords.items()}
    found = scaletune.count_variants(folder / "tiny.bam", folder / "tiny.vcf.gz", **keywords)
    lines = (folder / f"{name}.tsv").read_text().splitlines()
    assert list(found) == lines[0].split("\t")
    assert ["\t".join(map(str, row)) for row in zip(*found.values())] == lines[1:]


def test_cells_are_the_golden_ones(golden):
    folder = golden / "count" / "tiny"
    found = scaletune.count_variants(
        folder / "tiny.bam", folder / "tiny.vcf.gz", sample="SAMPLE1", barcodes=folder / "tiny.barcodes.tsv"
    )
    shape = (len(found.sites["pos"]), len(found.barcodes))
    assert found.ref.shape == found.alt.shape == found.other.shape == shape
    together = []
    total = (found.ref + found.alt + found.other).tocoo()
    for site, cell in zip(total.row, total.col):
        place = [str(found.sites[name][site]) for name in ("chrom", "pos", "ref", "alt")]
        numbers = [str(matrix[site, cell]) for matrix in (found.ref, found.alt, found.other)]
        together.append("\t".join([*place, found.barcodes[cell], *numbers]))
    assert sorted(together) == sorted((folder / "tiny.sc.S1.tsv").read_text().splitlines()[1:])


def test_cells_become_anndata(golden):
    pytest.importorskip("anndata", reason="anndata is not installed")
    folder = golden / "count" / "tiny"
    found = scaletune.count_variants(
        folder / "tiny.bam", folder / "tiny.vcf.gz", sample="SAMPLE1", barcodes=folder / "tiny.barcodes.tsv"
    )
    data = found.to_anndata()
    assert data.shape == (len(found.barcodes), len(found.sites["pos"]))
    assert list(data.obs_names) == list(found.barcodes) and list(data.obs["label"]) == list(found.labels)
    assert (data.var["pos"].to_numpy() == found.sites["pos"]).all()
    assert data.var_names[0] == "{}:{}:{}>{}".format(*(found.sites[name][0] for name in ("chrom", "pos", "ref", "alt")))
    for name in ("ref", "alt", "other"):
        assert (data.layers[name].toarray() == getattr(found, name).toarray().T).all()
    assert data.X.sum() == sum(data.layers[name].sum() for name in data.layers) > 0


def test_the_command_gives_the_same(golden, command, tmp_path):
    folder = golden / "count" / "tiny"
    out = tmp_path / "counts.tsv"
    words = ["--bam", folder / "tiny.bam", "--variants", folder / "tiny.vcf.gz", "--sample", "SAMPLE1"]
    command("run", "count", *words, "-o", out)
    found = scaletune.count_variants(folder / "tiny.bam", folder / "tiny.vcf.gz", sample="SAMPLE1")
    lines = ["\t".join(found)] + ["\t".join(map(str, row)) for row in zip(*found.values())]
    assert out.read_text().splitlines() == lines


def test_every_plan_counts_alike(golden):
    folder = golden / "count" / "tiny"
    table = rows(folder / "tiny.fixed.wasp2.S1.tsv")
    counter = scaletune.BamCounter(folder / "tiny.bam")
    for plan in ["reader=htslib", "traversal=stream", {"partition": "sites", "tasks_per_worker": 3}, "default"]:
        assert counter.count_alleles(sites(table), threads=2, plan=plan) == counts(table), plan
