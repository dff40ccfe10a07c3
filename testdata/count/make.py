#!/usr/bin/env python3
"""Makes the inputs and expected files of the counting cases beside this file.

    python3 make.py            answers again, from the inputs that are there
    python3 make.py --inputs   new inputs first: needs `scaletune`, `samtools` on the PATH

Inputs: `data/reads.*` and `data/cells.txt` are what `scaletune simulate count` makes from a fixed seed (CIGARs with every
operation, IUPAC letters, records without sequence, indels, several ALTs); regions are cut around its sites here;
`data/edge.*` are records written by hand, one rule a block, as `edge_rules.tsv` says. Answers: `oracle.py`.
"""

import gzip
import os
import random
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "data")

# Case folder, expected file, inputs, options of the oracle.
READS, EDGE = ("reads.bam", "reads.vcf.gz"), ("edge.bam", "edge.vcf")
SAMPLE = ["--sample", "SIM1"]
ALL = ["--include-indels", "--include-multiallelic"]
STRICT = ["--min-base-quality", "20", "--min-mapping-quality", "10", "--exclude-flags", "3844"]
ANSWERS = [
    *[("policies", f"{policy}.tsv", READS, [*SAMPLE, "--policy", policy]) for policy in ("wasp2", "fragment", "read")],
    *[("filters", f"{policy}.tsv", READS, [*SAMPLE, *STRICT, "--policy", policy]) for policy in ("wasp2", "fragment")],
    ("filters_proper_pairs", "counts.tsv", READS, [*SAMPLE, "--require-flags", "2"]),
    ("no_sample", "counts.tsv", READS, []),
    *[("indels", f"{rule}.tsv", READS, [*ALL, "--policy", "read", "--indel-rule", rule])
      for rule in ("cigar", "substring")],
    ("fold_case", "counts.tsv", EDGE, ["--sample", "S", "--fold-case"]),
    *[("regions", f"{name}.tsv", READS, [*SAMPLE, "--regions", f"data/regions.{name}"]) for name in ("bed", "gtf", "gff3")],
    ("regions_named", "counts.tsv", READS, [*SAMPLE, "--regions", "data/regions.bed", "--use-region-names"]),
    ("regions_exons", "counts.tsv", READS, [*SAMPLE, "--regions", "data/regions.gtf", "--feature", "exon"]),
    ("cells", "counts.tsv", READS, [*SAMPLE, "--barcodes", "data/cells.txt"]),
    ("ledger", "counts.tsv", READS, [*SAMPLE, *STRICT, "--policy", "read", "--ledger", "ledger/ledger.tsv"]),
    *[("edge", f"{policy}.tsv", EDGE, ["--sample", "S", "--policy", policy]) for policy in ("wasp2", "fragment", "read")],
    ("edge_quality", "counts.tsv", EDGE, ["--sample", "S", "--min-base-quality", "20"]),
    ("edge_indels", "counts.tsv", EDGE, ["--sample", "S", *ALL]),
]


def simulated():
    with tempfile.TemporaryDirectory() as folder:
        sim = os.path.join(folder, "sim")
        subprocess.check_call(["scaletune", "simulate", "count", "-q", "--out", sim, "--preset", "tiny", "--seed", "7",
                               "--pairs", "1500", "--sites", "1200", "--scale", "0.00012", "--hot-spots", "2",
                               "--hot-depth", "120"])
        for name, new in (("simulated.bam", "reads.bam"), ("simulated.bam.bai", "reads.bam.bai"),
                          ("simulated.vcf.gz", "reads.vcf.gz"), ("barcodes.tsv", "cells.txt")):
            shutil.copy(os.path.join(sim, name), os.path.join(DATA, new))


def regions():
    """Regions around every tenth site, of sizes that fall into several bins; some overlap."""
    rng = random.Random(11)
    with gzip.open(os.path.join(DATA, "reads.vcf.gz"), "rt") as vcf:
        sites = [line.split("\t")[:2] for line in vcf if not line.startswith("#")]
    places = []
    for chrom, pos in sites[::10]:
        size = rng.choice([1, 40, 300, 2_000, 20_000])
        start = max(0, int(pos) - 1 - rng.randrange(size))
        places.append((chrom, start, start + size))
    with open(os.path.join(DATA, "regions.bed"), "w") as bed:
        for number, (chrom, start, end) in enumerate(places):
            bed.write(f"{chrom}\t{start}\t{end}\tpeak{number}\n")
    with open(os.path.join(DATA, "regions.gtf"), "w") as gtf, open(os.path.join(DATA, "regions.gff3"), "w") as gff:
        gff.write("##gff-version 3\n")
        for number, (chrom, start, end) in enumerate(places[::2]):
            gene = f"G{number}"
            for feature in ("gene", "exon"):
                names = f'gene_id "{gene}"; ' + (f'transcript_id "T{number}"; exon_id "E{number}";' if feature == "exon" else "")
                gtf.write(f"{chrom}\tsim\t{feature}\t{start + 1}\t{end}\t.\t+\t.\t{names.strip()}\n")
            gff.write(f"{chrom}\tsim\tgene\t{start + 1}\t{end}\t.\t+\t.\tID={gene};Name=n{number};\n")


def answers():
    for folder, name, (bam, vcf), options in ANSWERS:
        os.makedirs(os.path.join(HERE, folder), exist_ok=True)
        subprocess.check_call([sys.executable, "oracle.py", f"data/{bam}", f"data/{vcf}", *options, "-o",
                               os.path.join(folder, name)], cwd=HERE)


def main():
    if sys.argv[1:] == ["--inputs"]:
        os.makedirs(DATA, exist_ok=True)
        simulated()
        regions()
        subprocess.check_call([sys.executable, os.path.join(HERE, "make_edge.py"), DATA])
    answers()


main()
