#!/usr/bin/env python3
"""Makes the inputs and expected files of the pruning cases beside this file.

    python3 make.py            answers again, from the inputs that are there
    python3 make.py --inputs   new inputs first: needs `scaletune` on the PATH

Inputs: `data/simulated.*` are what `scaletune simulate prune` makes from a fixed seed; the other trees are written by hand
(polytomies, a unary node, quoted names, comments, lengths of 0, 1e-15 and 1e4, no lengths at all), with states and rates
drawn here. Answers: `oracle.py`, with 40 digits.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "data")

TREES = {
    "polytomy": "((a:0.3,'b c':0.1,d:0.7):0.2,(e:0.05,(f:0.4):0.3)inner:0.6[a comment],g:1.2,(h:0.2,i:0.9,j:0.02,k:0.5):0.1):0.7;\n",
    "extremes": "((a:0,b:1e-15):0.4,((c:10000,d:0.3):1e-9,e:0):0,f:2.5);\n",
    "no_lengths": "((a,b),(c,(d,e)));\n",
}
TAXA = {"polytomy": ["a", "b c", "d", "e", "f", "g", "h", "i", "j", "k"], "extremes": list("abcdef"), "no_lengths": list("abcde")}

SIMULATED = ["--tree", "data/simulated.nwk", "--matrix", "data/simulated.tsv"]
SEEN = ["--tree", "data/simulated.nwk", "--matrix", "data/seen.tsv"]
GIVEN = ["--gain", "0.5", "--loss", "1.5"]


def of(name):
    return ["--tree", f"data/{name}.nwk", "--matrix", f"data/{name}.tsv"]


ANSWERS = [
    ("given", [*SIMULATED, *GIVEN]),
    ("per_family", [*of("polytomy"), "--rates", "data/polytomy.rates"]),
    ("extremes", [*of("extremes"), "--rates", "data/extremes.rates"]),
    ("missing_length", [*of("no_lengths"), *GIVEN, "--missing-length", "0.25"]),
    ("root_prior", [*SIMULATED, *GIVEN, "--root-prior", "0.9,0.1"]),
    ("gamma", [*SIMULATED, *GIVEN, "--gamma-categories", "4", "--gamma-shape", "0.7"]),
    ("ascertainment", [*SEEN, *GIVEN, "--ascertainment", "absent"]),
    ("posterior", [*SIMULATED, *GIVEN, "--ancestral", "--branches", "--digits", "exact"]),
    ("posterior_missing", [*of("polytomy"), *GIVEN, "--ancestral", "--branches", "--digits", "exact"]),
    ("posterior_rounded", [*SIMULATED, *GIVEN, "--ancestral", "--branches"]),
    ("posterior_array", [*of("polytomy"), *GIVEN, "--ancestral", "--ancestral-format", "npy", "--branches",
                         "--min-expected", "0.25", "--digits", "exact"]),
    ("fit", [*SIMULATED, "--fit"]),
    ("fit_prior", [*SIMULATED, "--fit", "--prior", "normal"]),
    ("fit_root", [*SIMULATED, "--fit", "--root-prior", "fit"]),
    ("fit_gamma", [*SIMULATED, "--fit", "--gamma-categories", "3", "--gamma-shape", "0.9"]),
    ("fit_ascertainment", [*SEEN, "--fit", "--ascertainment", "absent"]),
    ("retention", [*SIMULATED, "--fit", "--retention", "data/sets.txt"]),
]


def inputs():
    with tempfile.TemporaryDirectory() as folder:
        sim = os.path.join(folder, "sim")
        subprocess.check_call(["scaletune", "simulate", "prune", "-q", "--preset", "tiny", "--taxa", "9", "--families", "70",
                               "--seed", "4", "--out", sim])
        shutil.copy(os.path.join(sim, "tree.nwk"), os.path.join(DATA, "simulated.nwk"))
        shutil.copy(os.path.join(sim, "matrix.tsv"), os.path.join(DATA, "simulated.tsv"))
    # What remains where families that are absent everywhere can't be seen.
    with open(os.path.join(DATA, "simulated.tsv")) as whole, open(os.path.join(DATA, "seen.tsv"), "w") as seen:
        seen.writelines(line for number, line in enumerate(whole) if number == 0 or "1" in line.split("\t", 1)[1])
    rng = random.Random(8)
    for name, tree in TREES.items():
        with open(os.path.join(DATA, name + ".nwk"), "w") as out:
            out.write(tree)
        taxa = TAXA[name][::-1]
        letters = {"polytomy": "0011?", "extremes": "01", "no_lengths": "01"}[name]
        with open(os.path.join(DATA, name + ".tsv"), "w") as out:
            out.write("\t".join(["family", *taxa]) + "\n")
            for i in range(60):
                out.write("\t".join([f"fam{i + 1}", *(rng.choice(letters) for _ in taxa)]) + "\n")
    extremes = [(0.0, 0.7), (0.7, 0.0), (1e-11, 2.0), (3.0, 1e-11), (0.0, 0.0), (0.2, 0.9)]
    draw = {"polytomy": lambda i: (float(f"{rng.lognormvariate(-1, 1):.5g}"), float(f"{rng.lognormvariate(0, 1):.5g}")),
            "extremes": lambda i: extremes[i % len(extremes)]}
    for name, pair in draw.items():
        with open(os.path.join(DATA, name + ".rates"), "w") as out:
            out.write("family\tgain\tloss\n")
            for i in range(60):
                gain, loss = pair(i)
                out.write(f"fam{i + 1}\t{gain!r}\t{loss!r}\n")
    with open(os.path.join(DATA, "simulated.tsv")) as matrix:
        rows = [line.rstrip("\n").split("\t") for line in matrix][1:]
    with open(os.path.join(DATA, "sets.txt"), "w") as out:
        out.writelines(f"widespread\t{row[0]}\n" for row in rows if row.count("1") >= 5)
        out.writelines(f"every_third\t{row[0]}\n" for row in rows[::3])


def main():
    if sys.argv[1:] == ["--inputs"]:
        os.makedirs(DATA, exist_ok=True)
        inputs()
    for folder, options in ANSWERS:
        subprocess.check_call([sys.executable, "oracle.py", *options, "--outdir", os.path.join(HERE, folder)], cwd=HERE)


main()
