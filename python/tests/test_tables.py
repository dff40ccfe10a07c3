"""DataFrames in and out, signed counts, pickles, warnings and types."""

import copy
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import rows

import numpy as np
import scipy.sparse

import scaletune

pandas = pytest.importorskip("pandas", reason="pandas is not installed")
TYPICAL = Path(__file__).with_name("typical_calls.py")


@pytest.fixture()
def tiny(golden):
    return golden / "count" / "tiny"


@pytest.fixture()
def table(tiny):
    with pytest.warns(UserWarning):
        return scaletune.count_variants(tiny / "tiny.bam", tiny / "tiny.vcf.gz", sample="SAMPLE1")


def test_ref_less_alt_does_not_wrap(table):
    assert (table["alt_count"] > table["ref_count"]).any()
    expected = [int(ref) - int(alt) for ref, alt in zip(table["ref_count"], table["alt_count"])]
    assert (table["ref_count"] - table["alt_count"]).tolist() == expected
    frame = table.to_pandas()
    assert (frame["ref_count"] - frame["alt_count"]).tolist() == expected and frame["pos"].dtype == np.int64
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = table.to_polars()
    assert (frame["ref_count"] - frame["alt_count"]).to_list() == expected and frame["pos"].dtype == polars.Int64
    assert frame.columns == list(table) and repr(table).startswith(f"Table({len(expected)} rows: chrom, ")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_cells_do_not_wrap_either(tiny):
    names = (tiny / "tiny.barcodes.tsv").read_text().splitlines()
    from_file = scaletune.count_variants(
        tiny / "tiny.bam", tiny / "tiny.vcf.gz", sample="SAMPLE1", barcodes=tiny / "tiny.barcodes.tsv"
    )
    listed = [line.split("\t")[0] for line in names]
    for barcodes in (listed, np.array(listed), pandas.Index(listed)):
        found = scaletune.count_variants(tiny / "tiny.bam", tiny / "tiny.vcf.gz", sample="SAMPLE1", barcodes=barcodes)
        assert (found.ref != from_file.ref).nnz == 0 and list(found.barcodes) == list(from_file.barcodes)
    assert {matrix.dtype for matrix in (found.ref, found.alt, found.other)} == {np.dtype(np.int32)}
    assert (found.ref - found.alt).min() < 0
    assert repr(found).startswith(f"CellCounts({found.ref.shape[0]} sites, {len(listed)} cells, ")
    pytest.importorskip("anndata", reason="anndata is not installed")
    data = found.to_anndata()
    assert data.X.dtype == np.float32 and (data.layers["ref"] - data.layers["alt"]).min() < 0
    for wrong, error in (([], ValueError), (["a\tb"], ValueError), ([7], TypeError)):
        with pytest.raises(error, match="barcodes"):
            scaletune.count_variants(tiny / "tiny.bam", tiny / "tiny.vcf.gz", barcodes=wrong)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_sites_come_as_a_frame(tiny, table):
    counter = scaletune.BamCounter(tiny / "tiny.bam")
    sites = list(zip(*(table[name].tolist() for name in ("chrom", "pos", "ref", "alt"))))
    expected = counter.count_alleles(sites)
    frame = table.to_pandas()
    assert counter.count_alleles(frame) == counter.count_alleles(frame[["chrom", "pos", "ref", "alt"]]) == expected
    polars = pytest.importorskip("polars", reason="polars is not installed")
    assert counter.count_alleles(polars.DataFrame(sites, schema=["chrom", "pos", "ref", "alt"], orient="row")) == expected
    with pytest.raises(ValueError, match="no column 'alt'; it has chrom, pos, ref"):
        counter.count_alleles(frame[["chrom", "pos", "ref"]])
    # One option, two names.
    assert counter.count_alleles(sites, min_base_quality=20) == counter.count_alleles(sites, 20)
    with pytest.raises(ValueError, match="min_base_quality"):
        counter.count_alleles(sites, 10, min_base_quality=20)
    assert counter.count_alleles(sites, threads=-1) == expected
    with pytest.raises(ValueError, match="threads: -2"):
        counter.count_alleles(sites, threads=-2)


def test_flags_of_other_programs_keep_their_names(tiny):
    with pytest.raises(ValueError, match="bcftools annotate --rename-chrs"):
        scaletune.BamCounter(tiny / "tiny.bam").count_alleles([("1", 5160, "G", "C")])


def scores():
    matrix = scipy.sparse.random(200, 12, density=0.3, random_state=3, format="csr")
    matrix.data = np.ceil(matrix.data * 90)
    return matrix


def test_several_alignments_are_refused_and_never_the_first_alone(golden):
    folder = golden / "em" / "bam-tiny"
    one = folder / "collated.bam"
    for several in ([one, one], (one,), [str(one)], np.array([str(one)])):
        with pytest.raises(TypeError, match="bam: give one path, not .*call once for each"):
            scaletune.load_alignment(several, folder / "annotation.gtf")
    assert scaletune.load_alignment(str(one), folder / "annotation.gtf").shape[0] > 0


def test_counts_are_one_dimensional_and_named():
    model = scaletune.TelescopeLikelihood(scaletune.Scores.from_matrix(scores(), [f"L{at}" for at in range(12)]))
    assert "not fitted" in repr(model)
    model.em()
    assert f"converged after {model.num_iterations} steps" in repr(model) and "200 fragments, 12 features" in repr(model)
    counts = model.counts("average")
    assert counts.shape == (12,) and counts.dtype == np.float64
    assert counts == pytest.approx(np.asarray(model.reassign("average").sum(0)).ravel())
    series = pandas.Series(counts, model.loci)
    frame = model.to_pandas()
    assert frame["average"].tolist() == series.tolist() and frame.index.tolist() == model.loci
    pytest.importorskip("anndata", reason="anndata is not installed")
    data = model.to_anndata("S1")
    assert data.shape == (1, 12) and list(data.obs_names) == ["S1"] and list(data.var_names) == model.loci
    assert data.layers["exclude"].tolist() == [model.counts("exclude").tolist()]


def test_what_has_not_converged_warns():
    model = scaletune.TelescopeLikelihood(scores(), max_iter=2)
    with pytest.warns(UserWarning, match="not converged after 2 steps; raise max_iter"):
        model.em()
    assert "not converged after 2 steps" in repr(model)


@pytest.mark.parametrize("remade", [lambda it: pickle.loads(pickle.dumps(it)), copy.deepcopy])
def test_pickles_hold_everything(golden, remade):
    folder = golden / "em" / "bam-tiny"
    loaded = scaletune.load_alignment(folder / "collated.bam", folder / "annotation.gtf")
    again = remade(loaded)
    assert (again.matrix != loaded.matrix).nnz == 0 and again.loci == loaded.loci
    assert (again.lengths == loaded.lengths).all() and again.run_info == loaded.run_info and again.seed == loaded.seed
    model = scaletune.TelescopeLikelihood(loaded)
    model.em()
    other = remade(model)
    assert (other.pi == model.pi).all() and other.lnl == model.lnl
    assert (other.counts("choose") == model.counts("choose")).all()
    assert remade(scaletune.TelescopeLikelihood(loaded)).num_iterations == 0
    with pytest.raises(ValueError, match="state"):
        scaletune.em._restored(b"nothing")
    state = loaded._native.state()
    with pytest.raises(ValueError, match="damaged"):
        scaletune.em._restored(state[:-1] + bytes([state[-1] ^ 1]))


TREE = "((a:1,b:2):1,(c:1,d:0.5):2);"
TAXA = ["a", "b", "c", "d"]


def matrix():
    return np.array([[1, 0, 1, 1, 0], [1, 0, 0, 1, 1], [0, 1, 0, 1, 0], [0, 1, 1, 1, 1]])


def test_a_frame_brings_its_names_either_way_round():
    families = [f"fam{at}" for at in range(5)]
    expected = scaletune.compute_likelihoods_batch(TREE, matrix(), 0.5, 1.5, TAXA)
    tall = pandas.DataFrame(matrix(), index=TAXA, columns=families)
    shuffled = tall.loc[["c", "a", "d", "b"]]
    for frame in (tall, shuffled, tall.T, shuffled.T):
        assert (scaletune.compute_likelihoods_batch(TREE, frame, 0.5, 1.5, TAXA) == expected).all()
    found = scaletune.ancestral(TREE, tall.T, 0.5, 1.5, TAXA)
    assert set(found["branch_families"]["family"]) <= set(families)
    polars = pytest.importorskip("polars", reason="polars is not installed")
    wide = polars.DataFrame({"family": families, **{name: matrix()[at] for at, name in enumerate(TAXA)}})
    assert (scaletune.compute_likelihoods_batch(TREE, wide, 0.5, 1.5, TAXA) == expected).all()
    assert set(scaletune.ancestral(TREE, wide, 0.5, 1.5, TAXA)["branch_families"]["family"]) <= set(families)
    rows_are_taxa = polars.DataFrame({name: matrix()[:, at] for at, name in enumerate(families)})
    assert (scaletune.compute_likelihoods_batch(TREE, rows_are_taxa, 0.5, 1.5, TAXA) == expected).all()
    with pytest.raises(ValueError, match="neither its rows nor its columns are named as taxon_names: 'a'"):
        scaletune.compute_likelihoods_batch(TREE, tall.rename(index={"a": "x"}), 0.5, 1.5, TAXA)


def test_a_matrix_on_its_side_is_told():
    with pytest.raises(ValueError, match="4 names for the 5 rows .*transpose it"):
        scaletune.compute_likelihoods_batch(TREE, matrix().T, 0.5, 1.5, TAXA)


def test_rates_that_the_data_leave_open_warn():
    with pytest.warns(UserWarning, match="do not identify gain .*fit with prior= normal"):
        scaletune.fit("(a:1,b:1,c:1);", np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0]]), ["a", "b", "c"])


def test_help_shows_what_may_be_typed():
    for call in (scaletune.fit, scaletune.ancestral, scaletune.gradients, scaletune.compute_likelihoods_batch):
        names = list(inspect.signature(call).parameters)
        assert {"family_names", "root_prior", "threads", "plan"} <= set(names) and "keywords" not in names
    with pytest.raises(TypeError, match="gain"):
        scaletune.fit(TREE, matrix(), TAXA, gain=1.0)


def test_typical_calls_pass_a_strict_type_checker(tmp_path):
    pytest.importorskip("mypy", reason="mypy is not installed")
    words = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", TYPICAL]
    outcome = subprocess.run([*map(str, words)], capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stdout
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import scaletune\n"
        'scaletune.count_variants("a", "b", policy="frag")\n'
        'scaletune.count_variants("a", "b").ref\n'
        "scaletune.fit('t', [], [], root_prio='fit')\n"
    )
    outcome = subprocess.run([*map(str, [*words[:-1], wrong])], capture_output=True, text=True)
    lines = [f"wrong.py:{line}:" for line in (2, 3, 4)]
    assert outcome.returncode == 1 and all(line in outcome.stdout for line in lines), outcome.stdout
