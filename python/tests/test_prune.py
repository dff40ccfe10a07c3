"""Pruning through Python: the golden sets to 1e-10, and the command's files."""

import math
from types import SimpleNamespace

import pytest
from conftest import document, rows

import numpy as np

import scaletune

SETS = [
    "tiny_10_random",
    "tiny_12_random",
    "tiny_4_balanced",
    "tiny_4_caterpillar",
    "tiny_4_nolen",
    "tiny_4_rootlen_labels",
    "tiny_4_short_discordant",
    "tiny_4_unary",
    "tiny_5_long",
    "tiny_5_trifurcating_root",
    "tiny_5_zero_internal",
    "tiny_5_zero_tips",
    "tiny_6_polytomy",
    "tiny_6_star",
    "tiny_7_random",
    "tiny_8_random",
    "tiny_cherry",
    "medium_50x500_global",
    "medium_50x500_missing",
    "medium_50x500_perfamily",
    "underflow_2000x200_global",
]
MISSING = {"?", "-", "NA", ""}


def matrix_of(folder):
    """(taxa by families with NaN for missing, taxon names, family names)."""
    lines = [line.split("\t") for line in (folder / "matrix.tsv").read_text().splitlines()]
    taxa, families = lines[0][1:], [line[0] for line in lines[1:]]
    cells = [[np.nan if cell in MISSING else float(cell) for cell in line[1:]] for line in lines[1:]]
    return np.array(cells).T, taxa, families


def expected_of(folder):
    """(gain, loss, log-likelihood) of every family."""
    table = rows(folder / "expected.tsv")
    return [np.array([float(row[name]) for row in table]) for name in ("gain", "loss", "logL")]


@pytest.fixture(scope="module")
def medium(golden):
    folder = golden / "prune" / "medium_50x500_global"
    matrix, taxa, families = matrix_of(folder)
    gain, loss, log_likelihood = expected_of(folder)
    return SimpleNamespace(
        folder=folder, tree=folder / "tree.nwk", matrix=matrix, taxa=taxa, families=families,
        gain=gain, loss=loss, expected=log_likelihood,
    )  # fmt: skip


@pytest.mark.parametrize("name", SETS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_likelihoods_are_the_golden_ones(golden, name):
    folder = golden / "prune" / name
    matrix, taxa, _ = matrix_of(folder)
    gain, loss, expected = expected_of(folder)
    missing_length = 0.0 if "nolen" in name else None
    for threads in (1, 2):
        found = scaletune.compute_likelihoods_batch(
            folder / "tree.nwk", matrix, gain, loss, taxa, threads=threads, missing_length=missing_length
        )
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=0)


def test_rows_are_matched_by_name_in_any_layout(medium):
    order = np.random.default_rng(1).permutation(len(medium.taxa))
    taxa = [medium.taxa[at] for at in order]
    matrix = medium.matrix[order]
    text = medium.tree.read_text()
    layouts = [
        matrix.astype(bool),
        matrix.astype(np.int8),
        np.asfortranarray(matrix.astype(np.uint8)),
        np.repeat(matrix.astype(np.int64), 2, axis=1)[:, ::2],
        matrix.astype(np.float32),
        np.asfortranarray(matrix),
        matrix.astype(np.float16),
        matrix.astype(np.longdouble),
        matrix.astype(">i4"),
        matrix.astype(np.uint16)[::-1][::-1],
        np.asfortranarray(matrix[::-1].astype(np.int16))[::-1],
        np.frombuffer(b"x" + matrix.tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(matrix.shape),
        matrix.astype(int).tolist(),
    ]
    for layout in layouts:
        found = scaletune.compute_likelihoods_batch(text, layout, medium.gain[0], medium.loss[0], taxa)
        np.testing.assert_allclose(found, medium.expected, rtol=1e-10)


def by_hand(lengths, matrix, gain, loss):
    """Log-likelihoods of ((a,b),c), summed over the states of both inner nodes; lengths of a, b, their parent, c."""

    def p(length, old, new):
        kept = math.exp(-(gain + loss) * length)
        stationary = (gain if new else loss) / (gain + loss)
        return stationary + ((old == new) - stationary) * kept

    def tip(length, above, cell):
        return 1.0 if np.isnan(cell) else p(length, above, cell == 1)

    values = []
    for a, b, c in matrix.T:
        total = 0.0
        for root in (False, True):
            for inner in (False, True):
                share = (gain if root else loss) / (gain + loss)
                below = tip(lengths[0], inner, a) * tip(lengths[1], inner, b)
                total += share * p(lengths[2], root, inner) * below * tip(lengths[3], root, c)
        values.append(math.log(total))
    return values


def test_what_was_asked_before_changes_nothing():
    """Tree and matrix of the latest call are kept; whatever differs from them is seen."""
    matrix = np.array([[0.0, 1, 1, 0, 1], [1, 1, 0, 0, np.nan], [0, 0, 1, 0, 1]])
    other = matrix[:, ::-1].copy()
    lengths, longer = [0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.5]

    def check(lengths, matrix, names="abc", gain=0.5, loss=1.5, absent_length=False, **keywords):
        a, b, inner, c = lengths
        tree = f"((a:{a},b:{b}):{inner},c" + (");" if absent_length else f":{c});")
        found = scaletune.compute_likelihoods_batch(tree, matrix, gain, loss, list(names), **keywords)
        rows = matrix[[names.index(name) for name in "abc"]]
        np.testing.assert_allclose(found, by_hand(lengths, rows, gain, loss), rtol=1e-12)

    for _ in range(2):
        check(lengths, matrix)
        check(lengths, matrix, gain=0.7)
        check(lengths, other)
        check(lengths, matrix, names="cab")
        check(longer, matrix, names="cab")
        check(lengths, matrix, absent_length=True, missing_length=0.4)
        check(longer, matrix, absent_length=True, missing_length=0.5)
        check(lengths, matrix[:, :3])
    matrix[0, 0] = 1 - matrix[0, 0]
    check(lengths, matrix)
    matrix[1, 4] = 0
    check(lengths, matrix)


def test_a_tip_without_a_row_is_missing_and_told(medium):
    with pytest.warns(UserWarning, match="1 tips of the tree are not in taxon_names"):
        short = scaletune.compute_likelihoods_batch(
            medium.tree, medium.matrix[1:], medium.gain, medium.loss, medium.taxa[1:]
        )
    matrix = medium.matrix.copy()
    matrix[0] = np.nan
    whole = scaletune.compute_likelihoods_batch(medium.tree, matrix, medium.gain, medium.loss, medium.taxa)
    assert (short == whole).all()


def tree_structure(newick):
    """The attributes of PERSISTE's TreeStructure, of a small binary tree: parents before children."""
    parents, lengths, names = [], [], {}

    def walk(text, parent):
        node = len(parents)
        parents.append(parent)
        lengths.append(0.0)
        if text.startswith("("):
            depth, start, pieces = 0, 1, []
            for at, letter in enumerate(text):
                depth += (letter == "(") - (letter == ")")
                if (letter == "," and depth == 1) or (letter == ")" and depth == 0):
                    pieces.append(text[start:at])
                    start = at + 1
                if depth == 0:
                    break
            rest = text[at + 1 :]
            for piece in pieces:
                walk(piece, node)
        else:
            rest = text
            names[node] = text.split(":")[0]
        lengths[node] = float(rest.split(":")[1]) if ":" in rest else 0.0

    walk(newick.strip().rstrip(";"), -1)
    return SimpleNamespace(
        parent_indices=np.array(parents), branch_lengths=np.array(lengths), n_tips=len(names),
        tip_indices=list(names), tip_names=list(names.values()),
    )  # fmt: skip


def test_persistes_tree_gives_the_same():
    text = "((a:0.1,b'x:0.2):0.30000000000000004,(c:0.4,(d:0.1,e:1e-15):0.7):0.2);"
    quoted = text.replace("b'x", "'b''x'")
    matrix, taxa = np.array([[0, 1, 1], [1, 1, 0], [0, 0, 1], [1, 0, 1], [0, 0, 1]]), ["a", "b'x", "c", "d", "e"]
    from_text = scaletune.compute_likelihoods_batch(quoted, matrix, 0.4, 1.3, taxa)
    from_object = scaletune.compute_likelihoods_batch(tree_structure(text), matrix, 0.4, 1.3, taxa)
    assert (from_text == from_object).all()


def test_a_deep_tree_does_not_recurse():
    count = 20_000
    parents = np.repeat(np.arange(-1, count - 1), 1)
    # A caterpillar: inner nodes 0..count-1, each with a tip beside it.
    tree = SimpleNamespace(
        parent_indices=np.concatenate([parents, np.arange(count), [count - 1]]),
        branch_lengths=np.full(2 * count + 1, 0.01),
        tip_indices=list(range(count, 2 * count + 1)),
        tip_names=[f"t{at}" for at in range(count + 1)],
    )
    matrix = np.zeros((count + 1, 2), dtype=np.uint8)
    matrix[::3, 1] = 1
    found = scaletune.compute_likelihoods_batch(tree, matrix, 0.5, 1.5, tree.tip_names)
    assert np.isfinite(found).all() and (found < 0).all()


def test_the_fit_is_the_golden_optimum(medium):
    found = scaletune.fit(medium.tree, medium.matrix, medium.taxa)
    assert found["converged"]
    assert found["gain"] == pytest.approx(0.511515975744655, rel=1e-6)
    assert found["loss"] == pytest.approx(1.52256466474051, rel=1e-6)
    assert found["log_likelihood"] == pytest.approx(-11985.039336747185, rel=1e-12)


def test_gradients_are_differences(medium):
    found = scaletune.gradients(medium.tree, medium.matrix, 0.5, 1.5, medium.taxa)
    step = 1e-5

    def total(gain, loss):
        return scaletune.compute_likelihoods_batch(medium.tree, medium.matrix, gain, loss, medium.taxa).sum()

    by_gain = (total(0.5 + step, 1.5) - total(0.5 - step, 1.5)) / (2 * step)
    by_loss = (total(0.5, 1.5 + step) - total(0.5, 1.5 - step)) / (2 * step)
    assert found["gain"] == pytest.approx(by_gain, rel=1e-5)
    assert found["loss"] == pytest.approx(by_loss, rel=1e-5)
    assert len(found["nodes"]) == len(found["branch_lengths"]) == 98


def test_the_command_gives_the_same(medium, command, tmp_path):
    words = ["--tree", medium.tree, "--matrix", medium.folder / "matrix.tsv"]
    out = tmp_path / "out"
    command("run", "prune", *words, "--fit", "--ancestral", "--branches", "--digits", "exact", "--outdir", out)
    fitted = scaletune.fit(medium.tree, medium.matrix, medium.taxa, family_names=medium.families)
    report = document(out / "fit.json")
    for name in ("gain", "loss", "log_likelihood", "objective", "aic", "bic", "converged", "standard_errors"):
        assert fitted[name] == report[name], name
    table = rows(out / "families.tsv")
    assert [float(row["log_likelihood"]) for row in table] == fitted["log_likelihoods"].tolist()
    found = scaletune.ancestral(
        medium.tree, medium.matrix, fitted["gain"], fitted["loss"], medium.taxa, family_names=medium.families
    )
    states = rows(out / "ancestral.tsv")
    assert [name for name in states[0] if name != "family"] == found["nodes"]
    assert [[float(row[node]) for node in found["nodes"]] for row in states] == found["present"].tolist()
    branches = rows(out / "branches.tsv")
    for name in ("gains", "losses", "gain_events", "loss_events", "length"):
        assert [float(row[name]) for row in branches] == found["branches"][name].tolist()
    changes = rows(out / "branch_families.tsv")
    assert [row["family"] for row in changes] == found["branch_families"]["family"]


def test_the_command_gives_the_same_likelihoods(golden, command, tmp_path):
    folder = golden / "prune" / "tiny_12_random"
    gain, loss, _ = expected_of(folder)
    matrix, taxa, families = matrix_of(folder)
    table = ["family\tgain\tloss"] + [f"{name}\t{g!r}\t{l!r}" for name, g, l in zip(families, gain.tolist(), loss.tolist())]
    (tmp_path / "rates.tsv").write_text("\n".join(table) + "\n")
    words = ["--tree", folder / "tree.nwk", "--matrix", folder / "matrix.tsv", "--rates", tmp_path / "rates.tsv"]
    command("run", "prune", *words, "--outdir", tmp_path / "out")
    found = scaletune.compute_likelihoods_batch(folder / "tree.nwk", matrix, gain, loss, taxa)
    assert [float(row["log_likelihood"]) for row in rows(tmp_path / "out" / "families.tsv")] == found.tolist()


def test_names_lengths_and_trees_by_keyword():
    """What the command's options of the same names do."""
    plain = "((Homo_sapiens:1,Pan:1):1,(G1.1:1,Gorilla:0):1);"
    matrix = np.array([[1, 0], [0, 1], [1, 1], [0, 1]], dtype=np.uint8)
    call = lambda tree, taxa, **keywords: scaletune.compute_likelihoods_batch(  # noqa: E731
        tree, matrix, 0.5, 1.5, taxa, **keywords
    )
    expected = call(plain, ["Homo_sapiens", "Pan", "G1.1", "Gorilla"])
    blank = ["Homo sapiens", "Pan", "G1.1", "Gorilla"]
    with pytest.raises(ValueError, match="'Homo sapiens' is nearly 'Homo_sapiens'"):
        call(plain, blank)
    np.testing.assert_array_equal(call(plain, blank, match="newick"), expected)
    with pytest.warns(UserWarning, match="'G1.1_genomic' as 'G1.1'"):
        found = call(plain, ["Homo_sapiens", "Pan", "G1.1_genomic", "Gorilla"], match="prefix")
    np.testing.assert_array_equal(found, expected)
    negative = plain.replace("Gorilla:0", "Gorilla:-0.5")
    with pytest.raises(ValueError, match="negative"):
        call(negative, ["Homo_sapiens", "Pan", "G1.1", "Gorilla"])
    with pytest.warns(UserWarning, match="1 branches of negative length are taken as 0"):
        found = call(negative, ["Homo_sapiens", "Pan", "G1.1", "Gorilla"], negative_branches="zero")
    np.testing.assert_array_equal(found, expected)
    taxa = ["Homo_sapiens", "Pan", "G1.1", "Gorilla"]
    with pytest.raises(ValueError, match="text after the tree's ';'"):
        call(plain + plain, taxa)
    np.testing.assert_array_equal(call(plain + plain, taxa, trees="first"), expected)
    with pytest.raises(ValueError, match="one call is about one tree"):
        call(plain + plain, taxa, trees="all")
    nexus = "#NEXUS\nbegin trees;\ntranslate 1 Homo_sapiens, 2 Pan, 3 G1.1, 4 Gorilla;\n"
    nexus += "tree x = ((1:1,2:1):1,(3:1,4:0):1);\nend;\n"
    np.testing.assert_array_equal(call(nexus, taxa), expected)
