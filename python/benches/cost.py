"""What a call costs, against the command and the engine alone. CPU seconds; medians of interleaved rounds.

    python python/benches/cost.py [--rounds N] [--pairs N] [--command PATH]

- `count_alleles` at the sites of a simulated file, against `scaletune run count` on it (its worker included): the process'
  CPU time around the call, against the kernel's figure for the whole command.
- `compute_likelihoods_batch` at 100 taxa x 5,000 families, against the engine's own laying out and computing of the same
  numbers, warm, as `scaletune sweep` measures its stages `prepare` and `run`: the matrix is packed then, and its equal
  columns are found. The call begins at NumPy's array: with the matrix of the call before, as who tries rates does, and
  with another one each time.
- `import scaletune`, against a Python that imports nothing.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def of_child(words):
    """CPU seconds of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def of_call(call):
    """CPU seconds of this process, all its threads, during a call."""
    before = time.process_time()
    call()
    return time.process_time() - before


def interleaved(contenders, rounds):
    """Medians by name, after one round that is not counted."""
    found = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, measure in contenders.items():
            seconds = measure()
            if turn:
                found[name].append(seconds)
    return {name: statistics.median(values) for name, values in found.items()}


def tell(title, found, ours, theirs):
    print(title)
    for name, seconds in found.items():
        print(f"  {seconds:9.4f} s  {name}")
    print(f"  ratio {found[ours] / found[theirs]:.3f}\n", flush=True)


def count(command, folder, arguments):
    import scaletune

    size = ["--preset", arguments.preset]
    workload = folder / "workload"
    subprocess.run([command, "simulate", "count", *size, "--out", workload], check=True, stderr=subprocess.DEVNULL)
    out = folder / "counts.tsv"
    words = [command, "run", "count", "--inputs", workload / "inputs.toml", "--threads", "1", "--no-profile", "-o", out]
    of_child(words)
    lines = [line.split("\t") for line in out.read_text().splitlines()]
    chrom, pos, ref, alt = (lines[0].index(name) for name in ("chrom", "pos", "ref", "alt"))
    regions = [(line[chrom], int(line[pos]), line[ref], line[alt]) for line in lines[1:]]
    bam = next(workload.glob("*.bam"))
    counter = scaletune.BamCounter(bam)
    found = counter.count_alleles(regions, plan="default")
    assert found == [tuple(map(int, line[-3:])) for line in lines[1:]], "the call counts otherwise than the command"
    contenders = {
        "scaletune run count": lambda: of_child(words),
        "count_alleles, list of tuples": lambda: of_call(lambda: counter.count_alleles(regions, plan="default")),
        "count_alleles, arrays": lambda: of_call(
            lambda: counter.count_alleles(regions, as_arrays=True, plan="default")
        ),
    }
    title = f"count: {bam.stat().st_size / 1e6:.0f} MB, {len(regions)} sites, 1 thread"
    tell(title, interleaved(contenders, arguments.rounds), "count_alleles, list of tuples", "scaletune run count")


def prune(command, folder, arguments):
    import numpy as np

    import scaletune

    random = np.random.default_rng(5)
    taxa, families = 100, 5000
    names = [f"t{at}" for at in range(taxa)]
    nodes = [f"{name}:{length:.4f}" for name, length in zip(names, random.random(taxa))]
    while len(nodes) > 1:
        left, right = (nodes.pop(int(random.integers(len(nodes)))) for _ in range(2))
        nodes.append(f"({left},{right}):{random.random():.4f}")
    tree = nodes[0].rsplit(":", 1)[0] + ";"
    matrices = [(random.random((taxa, families)) < 0.3).astype(np.uint8) for _ in range(4)]
    matrix = matrices[0]
    (folder / "tree.nwk").write_text(tree)
    head = "\t".join(["family", *names])
    body = ["\t".join([f"f{at}", *map(str, matrix[:, at])]) for at in range(families)]
    (folder / "matrix.tsv").write_text("\n".join([head, *body]) + "\n")
    for title, gain, loss in [
        ("rates of each family", random.random(families) + 0.1, random.random(families) + 0.5),
        ("one pair of rates", 0.5, 1.5),
    ]:
        if np.ndim(gain):
            table = ["family\tgain\tloss"] + [f"f{at}\t{float(gain[at])!r}\t{float(loss[at])!r}" for at in range(families)]
            (folder / "rates.tsv").write_text("\n".join(table) + "\n")
            rates = ["--rates", folder / "rates.tsv"]
        else:
            rates = ["--gain", str(gain), "--loss", str(loss)]
        words = [command, "sweep", "prune", "--tree", folder / "tree.nwk", "--matrix", folder / "matrix.tsv", *rates]
        report = folder / f"sweep-{len(rates[0])}"
        swept = [*words, "--threads", "1", "--axes", "kernel", "--repeat", str(arguments.rounds), "--out", report]
        subprocess.run(swept, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        row = next(row for row in json.loads((report / "sweep.json").read_text())["rows"] if row["plan"]["kernel"] == "auto")
        engine = row["stages"]

        def call(matrix, turn, gain=gain, loss=loss):
            # No call asks what the one before it did.
            rates = (gain * (1 + turn * 1e-6), loss)
            return scaletune.compute_likelihoods_batch(tree, matrix, *rates, names, threads=1, plan="default")

        repeats = 100
        contenders = {
            "with the matrix of the call before": lambda: [call(matrix, turn) for turn in range(repeats)],
            "with another matrix": lambda: [call(matrices[turn % 4], turn) for turn in range(repeats)],
        }
        contenders = {name: lambda calls=calls: of_call(calls) / repeats for name, calls in contenders.items()}
        ours = interleaved(contenders, 2 * arguments.rounds)
        whole = engine["prepare"] + engine["run"]
        print(f"prune: {taxa} x {families}, {title}, 1 thread")
        print(f"  {whole * 1e3:9.4f} ms  the engine: laying out and computing (wall), {engine['run'] * 1e3:.4f} ms computing")
        for name, seconds in ours.items():
            print(f"  {seconds * 1e3:9.4f} ms  compute_likelihoods_batch {name} (CPU): ratio {seconds / whole:.3f}")
        print(flush=True)


def imports(arguments):
    def python(program):
        return of_child([sys.executable, "-c", program])

    contenders = {
        "python -c pass": lambda: python("pass"),
        "python -c 'import scaletune'": lambda: python("import scaletune"),
    }
    tell("import", interleaved(contenders, arguments.rounds), "python -c 'import scaletune'", "python -c pass")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--preset", default="medium", help="size of the simulated workload of the counter")
    parser.add_argument("--command", default=None, help="the scaletune command (default: this environment's)")
    arguments = parser.parse_args()
    beside = Path(sys.prefix) / "bin" / "scaletune"
    command = arguments.command or (str(beside) if beside.exists() else shutil.which("scaletune"))
    if command is None:
        sys.exit("no `scaletune` command; name one with --command")
    os.environ.pop("SCALETUNE_PROFILES", None)
    with tempfile.TemporaryDirectory() as folder:
        imports(arguments)
        prune(command, Path(folder), arguments)
        count(command, Path(folder), arguments)


if __name__ == "__main__":
    main()
