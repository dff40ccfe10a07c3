"""Wrong arguments end in a clear exception of the right kind; no panic ever comes through."""

import json
import math
import pathlib
import shutil

import numpy as np
import pytest
import scipy.sparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import scaletune

TREE = "((a:0.1,b:0.2):0.3,c:0.4);"
TAXA = ["a", "b", "c"]
MATRIX = np.array([[0, 1], [1, 1], [0, 0]])
#: What a call may raise; a panic would be a pyo3_runtime.PanicException, which is none of them.
CLEAR = (ValueError, TypeError, OSError)
PATIENT = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.binary(max_size=6),
    st.lists(st.one_of(st.integers(), st.text(max_size=3), st.floats()), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    hnp.arrays(st.sampled_from([np.int8, np.uint16, np.int64, np.float32, np.float64, np.bool_, np.complex64, "U3", object]),
               hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)),
)  # fmt: skip


def clear(call):
    """Runs a call that may fail, but only in a clear way."""
    try:
        return call()
    except CLEAR as error:
        assert "internal error" not in str(error)
    except RuntimeError as error:
        raise AssertionError(f"an internal error: {error}") from error
    return None


@pytest.fixture
def bam(golden):
    return golden / "count" / "tiny" / "tiny.bam"


# -- counting


def test_missing_files_are_named(tmp_path, bam):
    absent = tmp_path / "absent.bam"
    with pytest.raises(FileNotFoundError) as raised:
        scaletune.BamCounter(absent)
    assert raised.value.filename == str(absent)
    with pytest.raises(FileNotFoundError) as raised:
        scaletune.count_variants(bam, tmp_path / "absent.vcf")
    assert raised.value.filename == str(tmp_path / "absent.vcf")
    for call in (
        lambda: scaletune.load_alignment(bam, tmp_path / "absent.gtf"),
        lambda: scaletune.load_scores(tmp_path / "absent.tsv"),
        lambda: scaletune.load_checkpoint(tmp_path / "absent"),
        lambda: scaletune.compute_likelihoods_batch(tmp_path / "absent.nwk", MATRIX, 1, 1, TAXA),
        lambda: scaletune.compute_likelihoods_batch(TREE, MATRIX, 1, 1, TAXA, plan=tmp_path / "absent.json"),
    ):
        with pytest.raises(FileNotFoundError):
            call()


def test_damage_is_an_os_error(tmp_path, golden, bam):
    cut = tmp_path / "cut.bam"
    cut.write_bytes(bam.read_bytes()[:100_000])
    shutil.copy(f"{bam}.bai", tmp_path / "cut.bam.bai")
    with pytest.raises(OSError, match="cut.bam"):
        scaletune.BamCounter(cut).count_alleles([("chr1", 491, "G", "C")])
    bare = tmp_path / "bare.bam"
    shutil.copy(bam, bare)
    with pytest.raises(OSError, match="samtools index"):
        scaletune.BamCounter(bare).count_alleles([("chr1", 491, "G", "C")])
    folder = tmp_path / "folder.bam"
    folder.mkdir()
    with pytest.raises(OSError):
        scaletune.BamCounter(folder).count_alleles([("chr1", 491, "G", "C")])


@pytest.mark.parametrize(
    ("regions", "kind", "text"),
    [
        ([("chr1", -3, "A", "C")], ValueError, "regions: row 0: position -3"),
        ([("chr1", 491, "G", "C"), ("chr1", 0, "A", "C")], ValueError, "regions: row 1: position 0"),
        ([("chr1", 2**31, "A", "C")], ValueError, "regions"),
        ([("chr1", 2**70, "A", "C")], ValueError, "regions: row 0"),
        ([("chr1", 5, "", "C")], ValueError, "regions: row 0: an allele"),
        ([("chr1", 5.5, "A", "C")], TypeError, r"regions\[0\]: pos"),
        ([("chr1", "5", "A", "C")], TypeError, r"regions\[0\]: pos"),
        ([("chr1", 5, "A")], TypeError, r"regions\[0\]"),
        (["chr1"], TypeError, r"regions\[0\]"),
        (7, TypeError, "regions"),
        ([("1", 5, "A", "C")], ValueError, "chr"),
        ([np.array(["chr1"]), np.array([5, 6]), np.array(["A"]), np.array(["C"])], ValueError, "different lengths"),
        ([np.array([["chr1"]]), np.array([5]), np.array(["A"]), np.array(["C"])], ValueError, "dimensions"),
    ],
)
def test_bad_regions_are_named(bam, regions, kind, text):
    with pytest.raises(kind, match=text):
        scaletune.BamCounter(bam).count_alleles(regions)


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"min_qual": -1}, "min_base_quality"),
        ({"min_qual": 255}, "min_base_quality"),
        ({"policy": "all"}, "policy: `all` is not one of"),
        ({"exclude_flags": 70000}, "exclude_flags"),
        ({"exclude_flags": 4, "require_flags": 4}, "excluded and required"),
        ({"threads": 0}, "threads: 0"),
        ({"threads": "x"}, "threads"),
        ({"plan": "workers"}, "plan"),
        ({"plan": "workers=9", "threads": 2}, "plan"),
        ({"plan": {"reader": "none"}}, "plan"),
        ({"compat": "wasp2-1.4"}, "compat"),
        ({"indel_rule": "cigar", "compat": "wasp2-1.5"}, "indel"),
    ],
)
def test_bad_options_are_named(bam, keywords, text):
    with pytest.raises(ValueError, match=text):
        scaletune.BamCounter(bam).count_alleles([("chr1", 491, "G", "C")], **keywords)


@PATIENT
@given(regions=st.one_of(anything, st.lists(st.tuples(st.sampled_from(["chr1", "x"]), anything, anything, anything), max_size=3)))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_any_regions(bam, regions):
    clear(lambda: scaletune.BamCounter(bam).count_alleles(regions))


@PATIENT
@given(keywords=st.dictionaries(
    st.sampled_from(["min_qual", "policy", "threads", "fold_case", "plan", "compat", "min_mapping_quality", "indel_rule"]),
    anything.filter(lambda value: not (isinstance(value, int) and value > 64)), max_size=3))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_any_options(bam, keywords):
    clear(lambda: scaletune.BamCounter(bam).count_alleles([("chr1", 491, "G", "C")], **keywords))


# -- EM


@pytest.mark.parametrize(
    ("matrix", "kind"),
    [
        (np.eye(3), TypeError),
        (scipy.sparse.csr_matrix(-np.eye(3)), ValueError),
        (scipy.sparse.csr_matrix(np.eye(3) * 1.5), ValueError),
        (scipy.sparse.csr_matrix(np.eye(3) * np.nan), ValueError),
        (scipy.sparse.csr_matrix(np.where(np.eye(3), np.inf, 0)), ValueError),
        (scipy.sparse.csr_matrix(np.eye(3, dtype=np.complex64)), ValueError),
        (scipy.sparse.csr_matrix(np.eye(3, dtype=np.uint64) * 2**40), ValueError),
        (scipy.sparse.csr_matrix(np.eye(3, dtype=np.int64) * 2**40), ValueError),
        (None, TypeError),
    ],
)
def test_bad_scores_are_named(matrix, kind):
    with pytest.raises(kind, match="scores"):
        scaletune.TelescopeLikelihood(matrix)


def test_a_matrix_with_wild_indices_is_refused():
    matrix = scipy.sparse.csr_matrix(np.eye(3, dtype=np.int64))
    for name, at, value in [("indices", 0, 7), ("indices", 0, -1), ("indptr", 1, 50), ("indptr", 1, -2)]:
        broken = matrix.copy()
        getattr(broken, name)[at] = value
        # SciPy must not mend it on the way.
        broken.has_canonical_format = broken.has_sorted_indices = True
        with pytest.raises(ValueError, match="scores"):
            scaletune.TelescopeLikelihood(broken)


@pytest.mark.parametrize(
    "keywords",
    [
        {"pi_prior": -1}, {"pi_prior": math.nan}, {"theta_prior": math.inf}, {"em_epsilon": -1e-9}, {"max_iter": 0},
        {"max_iter": 2**40}, {"seed": -1},
    ],
)  # fmt: skip
def test_bad_parameters_are_named(keywords):
    with pytest.raises(ValueError, match=next(iter(keywords))):
        scaletune.TelescopeLikelihood(scipy.sparse.csr_matrix(np.eye(3)), **keywords)


def test_bad_calls_of_the_model_are_named():
    model = scaletune.TelescopeLikelihood(scipy.sparse.csr_matrix(np.eye(3) * 9), theta_prior=1)
    with pytest.raises(ValueError, match="run em"):
        model.reassign("exclude")
    assert model.reassign("exclude", initial=True).sum() == 3
    with pytest.raises(ValueError, match="theta-prior"):
        model.em(solver="squarem")
    with pytest.raises(ValueError, match="solver"):
        model.em(solver="newton")
    model.em()
    with pytest.raises(ValueError, match="mode"):
        model.reassign("best")
    with pytest.raises(ValueError, match="thresh"):
        model.reassign("conf", 1.5)
    with pytest.raises(ValueError, match="thresh"):
        model.reassign("conf", math.nan)


@PATIENT
@given(
    dense=hnp.arrays(st.sampled_from([np.int8, np.uint16, np.float64, np.int64]), hnp.array_shapes(min_dims=2, max_dims=2, max_side=5, min_side=0)),
    pi_prior=st.one_of(st.floats(), anything), theta_prior=st.floats(), max_iter=st.one_of(st.integers(max_value=50), anything),
    mode=st.one_of(st.sampled_from(["exclude", "choose", "average", "conf", "unique", "all"]), anything),
    thresh=st.one_of(st.floats(0, 1), anything))  # fmt: skip
def test_any_model(dense, pi_prior, theta_prior, max_iter, mode, thresh):
    if isinstance(max_iter, int) and max_iter > 1000:
        max_iter = 1000

    def call():
        model = scaletune.TelescopeLikelihood(scipy.sparse.csr_matrix(dense), pi_prior, theta_prior, max_iter=max_iter)
        model.em(threads=1)
        assert model.reassign(mode, thresh).shape == dense.shape
        assert model.z.shape == dense.shape

    clear(call)


# -- pruning


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"gain_rates": math.nan}, "gain_rates: value 0 is NaN"),
        ({"loss_rates": [1, math.nan]}, "loss_rates: value 1"),
        ({"gain_rates": -1}, "gain_rates"),
        ({"gain_rates": [1, 2, 3]}, "gain_rates: 3 values for 2 families"),
        ({"gain_rates": [[1, 2]]}, "gain_rates: has 2 dimensions"),
        ({"gain_rates": "fast"}, "gain_rates"),
        ({"gain_rates": []}, "gain_rates: 0 values"),
        ({"presence_matrix": MATRIX[0]}, "presence_matrix: has 1 dimensions"),
        ({"presence_matrix": MATRIX - 1}, "presence_matrix: -1 in row 0, column 0"),
        ({"presence_matrix": MATRIX * 0.5}, "presence_matrix: 0.5 in row 0, column 1"),
        ({"presence_matrix": MATRIX.astype(str)}, "presence_matrix: values of type"),
        ({"presence_matrix": MATRIX[:2]}, "taxon_names: 3 names for the 2 rows"),
        ({"taxon_names": ["a", "b", "x"]}, "'x'"),
        ({"taxon_names": ["a", "b", "b"]}, "taxon_names: 'b' stands for rows 1 and 2"),
        ({"tree": "((a:0.1,b:0.2):0.3,c:0.4"}, "tree:1:"),
        ({"tree": "((a,b),c);"}, "tree:1:"),
        ({"tree": "((a:-1,b:1):1,c:1);"}, "tree:1:"),
        ({"root_prior": (0.5, 0.6)}, "root.prior"),
        ({"root_prior": "flat"}, "root_prior"),
        ({"gamma_categories": 4}, "gamma"),
        ({"gamma_categories": 0, "gamma_shape": 1.0}, "gamma_categories"),
        ({"ascertainment": "some"}, "ascertainment"),
        ({"missing_length": -1.0}, "missing_length"),
        ({"family_names": ["only one"]}, "family_names: 1 names"),
        ({"plan": "kernel=quick"}, "plan"),
    ],
)
def test_bad_arguments_of_pruning_are_named(arguments, text):
    good = {"tree": TREE, "presence_matrix": MATRIX, "gain_rates": 0.5, "loss_rates": 1.5, "taxon_names": TAXA}
    with pytest.raises(ValueError, match=text):
        scaletune.compute_likelihoods_batch(**{**good, **arguments})


@pytest.mark.parametrize("kernel", ["auto", "per-family", "lanes", "patterns", "repeats"])
def test_no_families_no_likelihoods(kernel):
    empty, plan = np.zeros((3, 0)), {"kernel": kernel}
    found = scaletune.compute_likelihoods_batch(TREE, empty, 0.5, 1.5, TAXA, plan=plan)
    assert found.shape == (0,) and found.dtype == np.float64
    assert scaletune.ancestral(TREE, empty, 0.5, 1.5, TAXA, plan=plan)["present"].shape == (0, 2)
    assert scaletune.gradients(TREE, empty, 0.5, 1.5, TAXA, plan=plan)["gain"] == 0


@PATIENT
@given(
    tree=st.one_of(st.just(TREE), st.text(alphabet="(),:;ab'[]1e-. ", max_size=30), anything),
    matrix=st.one_of(st.just(MATRIX), hnp.arrays(st.sampled_from([np.int8, np.float32, np.uint64, np.bool_]), (3, 2)), anything),
    gain=st.one_of(st.floats(), anything), loss=st.one_of(st.floats(0, 10), anything),
    names=st.one_of(st.just(TAXA), st.lists(st.sampled_from("abcx"), max_size=4), anything))  # fmt: skip
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_any_pruning(tree, matrix, gain, loss, names):
    # An object with __fspath__ is a path; hypothesis makes none.
    found = clear(lambda: scaletune.compute_likelihoods_batch(tree, matrix, gain, loss, names, threads=1))
    assert found is None or not np.isnan(found).any()
    clear(lambda: scaletune.ancestral(tree, matrix, gain, loss, names, threads=1))
    clear(lambda: scaletune.gradients(tree, matrix, gain, loss, names, threads=1))


@pytest.mark.filterwarnings("ignore::UserWarning")
@PATIENT
@given(matrix=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=6), elements=st.integers(0, 1)))
def test_any_fit(matrix):
    names = [f"t{row}" for row in range(matrix.shape[0])]
    tree = "(" + ",".join(f"{name}:0.5" for name in [*names, "more"]) + ");"
    clear(lambda: scaletune.fit(tree, matrix, names, threads=1))


# -- plans


def test_profiles_are_found_and_told(tmp_path, monkeypatch, command):
    workload = tmp_path / "workload"
    command("simulate", "prune", "--preset", "tiny", "--out", workload)
    profile = tmp_path / "saved" / "profile.json"
    profile.parent.mkdir()
    command("tune", "prune", "--inputs", workload / "inputs.toml", "--threads", "1", "--effort", "quick", "--save", profile)
    # For inputs of any size, and settled although the machine may have been busy.
    document = json.loads(profile.read_text())
    document["size_factor"] = 1e9
    for point in document["points"]:
        point.pop("provisional", None)
        point["evidence"]["samples"] = 9
    profile.write_text(json.dumps(document))
    monkeypatch.setenv("SCALETUNE_PROFILES", str(profile.parent))
    scaletune.compute_likelihoods_batch(TREE, MATRIX, 0.5, 1.5, TAXA, threads=1)
    used = scaletune.profile_used()
    assert used["profile"] == str(profile) and used["engine"] == "prune" and "compatible" in used["reason"]
    scaletune.compute_likelihoods_batch(TREE, MATRIX, 0.5, 1.5, TAXA, threads=1, plan="default")
    assert scaletune.profile_used()["profile"] is None
    scaletune.compute_likelihoods_batch(TREE, MATRIX, 0.5, 1.5, TAXA, threads=1, plan=profile)
    assert scaletune.profile_used()["profile"] == str(profile)
    profile.write_text("{")
    with pytest.warns(UserWarning, match="is not JSON.*it is ignored"):
        scaletune.compute_likelihoods_batch(TREE, MATRIX, 0.5, 1.5, TAXA, threads=1)
    with pytest.raises(ValueError, match="plan: .*is not JSON"):
        scaletune.compute_likelihoods_batch(TREE, MATRIX, 0.5, 1.5, TAXA, threads=1, plan=pathlib.Path(profile))
