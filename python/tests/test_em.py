"""The EM through Python: every variant of the golden sets, and the command's report."""

import pytest
from conftest import document, rows

import numpy as np
import scipy.sparse

import scaletune

MODES = ("exclude", "choose", "average", "conf", "unique", "all")


def cases():
    return ["telescope", "bam-tiny", "mx-tiny", "edge-None", "edge-FR"]


def loaded(golden, name):
    """(scores, golden document) of a set."""
    folder = golden / "em" / name.split("-None")[0].split("-FR")[0]
    if name == "mx-tiny":
        scores = scaletune.load_scores(folder / "raw_scores.coo.tsv", folder / "features.tsv")
        return scores, document(folder / "golden.json")
    if name == "telescope":
        scores = scaletune.load_alignment(folder / "alignment.bam", folder / "annotation.gtf")
        return scores, document(folder / "expected" / "golden.json")
    if name == "bam-tiny":
        scores = scaletune.load_alignment(folder / "collated.bam", folder / "annotation.gtf")
        return scores, document(folder / "expected" / "golden.json")
    mode = name.rsplit("-", 1)[1]
    scores = scaletune.load_alignment(
        folder / "edge.bam", folder / "annotation.gtf", stranded_mode=None if mode == "None" else mode
    )
    return scores, document(folder / f"expected-{mode}" / "golden.json")


@pytest.mark.parametrize("name", cases())
def test_every_variant_is_the_golden_one(golden, name):
    scores, expected = loaded(golden, name)
    assert scores.loci == expected["loci"]
    assert list(scores.shape) == list(expected["shape"])
    variants = expected["em"]
    assert variants
    for label, variant in variants.items():
        options = variant["opts"]
        model = scaletune.TelescopeLikelihood(
            scores,
            pi_prior=options.get("pi_prior", 0),
            theta_prior=options.get("theta_prior", 200000),
            em_epsilon=options.get("em_epsilon", 1e-7),
            max_iter=options.get("max_iter", 100),
            seed=expected["seed"],
        )
        model.em(use_likelihood=options.get("use_likelihood", False), threads=2, trace_likelihood=True)
        assert model.num_iterations == variant["iterations"], label
        assert model.lnl == pytest.approx(variant["lnl"], rel=1e-10), label
        np.testing.assert_allclose(model.pi, variant["pi"], rtol=1e-10, atol=0, err_msg=label)
        np.testing.assert_allclose(model.theta, variant["theta"], rtol=1e-10, atol=0, err_msg=label)
        vectors = variant["reassign_seeded_each"]
        assert len(vectors) == 12
        for key, vector in vectors.items():
            side, mode = key.split("_", 1)
            assigned = model.reassign(mode, options.get("conf_prob", 0.9), initial=side == "init")
            found = np.asarray(assigned.sum(0), dtype=float).ravel()
            np.testing.assert_allclose(found, vector, rtol=1e-9, atol=1e-12, err_msg=f"{label} {key}")


def test_the_upstream_figures(golden):
    scores, _ = loaded(golden, "telescope")
    model = scaletune.TelescopeLikelihood(scores)
    assert model.lnl == float("inf") and model.z is None
    model.em()
    assert (model.num_iterations, model.lnl) == (16, pytest.approx(95252.59629278604, rel=1e-12))
    model.em(use_likelihood=True)
    assert (model.num_iterations, model.lnl) == (25, pytest.approx(95252.59661442068, rel=1e-12))


def test_a_sparse_matrix_is_as_good_as_a_file(golden):
    scores, _ = loaded(golden, "mx-tiny")
    from_file, from_memory = scaletune.TelescopeLikelihood(scores), None
    from_file.em()
    for matrix in (
        scores.matrix,
        scores.matrix.astype(np.float64).tocsc(),
        scores.matrix.astype(np.uint16).tocoo(),
        scipy.sparse.csr_array(scores.matrix),
    ):
        from_memory = scaletune.TelescopeLikelihood(matrix)
        from_memory.em()
        assert (from_memory.pi == from_file.pi).all() and from_memory.lnl == from_file.lnl
    assert (from_memory.z != from_file.z).nnz == 0


def test_solvers_agree(golden):
    scores, _ = loaded(golden, "mx-tiny")
    found = []
    for solver in ("stock", "fused", "blocked"):
        model = scaletune.TelescopeLikelihood(scores)
        model.em(solver=solver, threads=2)
        assert f"solver={solver}" in scaletune.profile_used()["plan"]
        found.append(model.pi)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-10)
    np.testing.assert_allclose(found[2], found[0], rtol=1e-10)


def test_weights_add_up():
    matrix = scipy.sparse.csr_matrix(np.array([[0, 90, 90], [50, 0, 0], [70, 0, 0], [0, 0, 0]], dtype=np.uint16))
    model = scaletune.TelescopeLikelihood(matrix)
    model.em()
    np.testing.assert_allclose(np.asarray(model.z.sum(1)).ravel(), [1, 1, 1, 0])
    drawn = {tuple(np.asarray(model.reassign("choose", seed=seed).sum(0)).ravel()) for seed in range(30)}
    assert len(drawn) == 2
    assert model.reassign("exclude").dtype == np.uint8


def test_a_matrix_of_nothing():
    for shape in [(0, 1), (0, 0), (3, 2)]:
        model = scaletune.TelescopeLikelihood(scipy.sparse.csr_matrix(shape, dtype=np.uint32))
        model.em()
        assert model.reassign("all").shape == shape


def test_the_command_gives_the_same(golden, command, tmp_path):
    folder = golden / "em" / "mx-tiny"
    words = ["--scores", folder / "raw_scores.coo.tsv", "--features", folder / "features.tsv"]
    command("run", "em", *words, "--outdir", tmp_path / "out")
    report = document(tmp_path / "out" / "telescope-em.json")
    scores, _ = loaded(golden, "mx-tiny")
    model = scaletune.TelescopeLikelihood(scores)
    model.em()
    assert report["pi"] == model.pi.tolist() and report["theta"] == model.theta.tolist()
    assert (report["log_likelihood"], report["iterations"]) == (model.lnl, model.num_iterations)
    assert [[step, change] for step, _, change in report["trace"]] == [[step, change] for step, _, change in model.trace]
    for mode in MODES:
        for side in ("final", "init"):
            found = np.asarray(model.reassign(mode, initial=side == "init").sum(0), dtype=float).ravel()
            np.testing.assert_allclose(found, report["reassign"][f"{side}_{mode}"], rtol=1e-12)


def test_a_checkpoint_loads(golden, command, tmp_path):
    folder = golden / "em" / "bam-tiny"
    words = ["--bam", folder / "collated.bam", "--gtf", folder / "annotation.gtf"]
    command("run", "em", *words, "--checkpoint", "--skip-em", "--outdir", tmp_path / "out")
    again = scaletune.load_checkpoint(tmp_path / "out" / "telescope-checkpoint")
    direct = scaletune.load_alignment(folder / "collated.bam", folder / "annotation.gtf")
    assert (again.matrix != direct.matrix).nnz == 0
    assert (again.loci, again.seed, again.run_info) == (direct.loci, direct.seed, direct.run_info)
    assert direct.run_info["total_fragments"] > direct.shape[0] > 0
    assert rows(folder / "expected" / "exclude-TE_counts.tsv")
