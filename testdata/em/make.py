#!/usr/bin/env python3
"""Makes the inputs and expected files of the EM cases beside this file.

    python3 make.py            answers again, from the inputs that are there
    python3 make.py --inputs   new inputs first: needs `scaletune`, `samtools` on the PATH

Inputs: what `scaletune simulate em` makes from fixed seeds, and `data/ties.*`, made here: loci that share every fragment
at equal scores, so that the random stream decides. Answers: `oracle.py`.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "data")
MODES = ["exclude", "choose", "average", "conf", "unique", "all"]

COLLATED = ["--bam", "data/collated.bam", "--gtf", "data/annotation.gtf"]
SORTED = ["--bam", "data/sorted.bam", "--gtf", "data/annotation.gtf"]
SCORES = ["--scores", "data/scores.tsv", "--features", "data/features.tsv"]
TIES = ["--scores", "data/ties.tsv", "--features", "data/ties_features.tsv"]
# Case folder, inputs and options, modes whose counts are wanted.
ANSWERS = [
    ("modes", COLLATED, MODES),
    ("sorted", SORTED, ["exclude"]),
    ("theta_prior_zero", [*COLLATED, "--theta-prior", "0"], ["exclude"]),
    ("pi_prior", [*COLLATED, "--pi-prior", "10"], ["exclude"]),
    ("use_likelihood", [*COLLATED, "--use-likelihood"], ["exclude"]),
    ("max_iter", [*COLLATED, "--max-iter", "3"], ["exclude"]),
    ("conf_prob", [*COLLATED, "--conf-prob", "0.5"], ["conf"]),
    ("stranded", [*COLLATED, "--stranded-mode", "FR"], ["exclude"]),
    ("overlap_exact", [*COLLATED, "--overlap-rule", "exact", "--overlap-threshold", "0.6"], ["exclude"]),
    ("scores", SCORES, ["exclude"]),
    ("ties", [*TIES, "--seed", "20"], MODES),
    ("squarem", [*SCORES, "--em-epsilon", "1e-12", "--max-iter", "100000"], ["exclude"]),
]


def simulated():
    with tempfile.TemporaryDirectory() as folder:
        for kind, sizes, files in (
            ("alignments", ["--fragments", "700", "--loci", "14", "--seed", "5"],
             ["collated.bam", "sorted.bam", "annotation.gtf"]),
            ("matrix", ["--fragments", "400", "--loci", "25", "--seed", "6"], ["scores.tsv", "features.tsv"]),
        ):
            sim = os.path.join(folder, kind)
            subprocess.check_call(["scaletune", "simulate", "em", "-q", "--preset", "tiny", "--kind", kind, "--out", sim, *sizes])
            for name in files:
                shutil.copy(os.path.join(sim, name), DATA)
    subprocess.check_call(["samtools", "index", os.path.join(DATA, "sorted.bam")])


def ties():
    rng = random.Random(3)
    names = ["__no_feature"] + [f"L{i}" for i in range(9)]
    with open(os.path.join(DATA, "ties_features.tsv"), "w") as out:
        out.write("#col\tlocus\tlength\n" + "".join(f"{i}\t{name}\t{100 * i}\n" for i, name in enumerate(names)))
    with open(os.path.join(DATA, "ties.tsv"), "w") as out:
        out.write("#fragment\tlocus\traw\n")
        for i in range(120):
            # L0 and L1 can't be told apart, nor can L2, L3 and L4; the others can.
            loci = rng.choice([["L0", "L1"], ["L2", "L3", "L4"], ["L5", "L6"], ["L7"], ["L8", "__no_feature"], ["L0", "L1", "L7"]])
            raw = rng.randrange(200, 300)
            for j, locus in enumerate(loci):
                distinct = j if loci[0] in ("L5", "L8") else 0
                out.write(f"f{i}\t{locus}\t{raw - distinct}\n")


def answers():
    for folder, inputs, modes in ANSWERS:
        for mode in modes:
            out = os.path.join(HERE, folder)
            subprocess.check_call([sys.executable, "oracle.py", *inputs, "--reassign-mode", mode, "--outdir", out], cwd=HERE)
            os.rename(os.path.join(out, "TE_counts.tsv"), os.path.join(out, f"counts.{mode}.tsv"))


def main():
    if sys.argv[1:] == ["--inputs"]:
        os.makedirs(DATA, exist_ok=True)
        simulated()
        ties()
    answers()


main()
