#!/usr/bin/env python3
"""Records written by hand: one rule in each block of 1,000 bases of chrE, whose reference bases are all A.

    make_edge.py FOLDER    writes edge.bam, edge.bam.bai, edge.vcf there, and edge_rules.tsv beside this file
"""

import os
import re
import subprocess
import sys

CONTIGS = ["chrE", "chrF", "chrEmpty", "chrNotInBam"]
HEADER = "@HD\tVN:1.6\tSO:coordinate\n" + "".join(
    f"@SQ\tSN:{name}\tLN:{length}\n" for name, length in (("chrE", 60000), ("chrF", 5000), ("chrEmpty", 5000)))
records, variants, rules = [], [], []


def read(pos, cigar, name, flag=0, mapq=60, letters=(), quality=None, chrom="chrE", length=None, sequence=None):
    """A record whose bases are A but for `letters` {offset: base}; qualities F, but `quality` {offset: letter} or `*`."""
    bases = length or sum(int(n) for n, _ in re.findall(r"(\d+)([MIS=X])", cigar))
    text, marks = ["A"] * bases, ["F"] * bases
    for offset, base in dict(letters).items():
        text[offset] = base
    for offset, mark in (quality.items() if isinstance(quality, dict) else ()):
        marks[offset] = mark
    marks = quality if isinstance(quality, str) else "".join(marks)
    text = sequence or "".join(text)
    records.append((CONTIGS.index(chrom), pos,
                    f"{name}\t{flag}\t{chrom}\t{pos}\t{mapq}\t{cigar}\t*\t0\t0\t{text}\t{'*' if text == '*' else marks}\n"))


def site(pos, ref="A", alt="G", genotype="0|1", chrom="chrE"):
    variants.append((CONTIGS.index(chrom), pos, f"{chrom}\t{pos}\t.\t{ref}\t{alt}\t.\tPASS\t.\tGT\t{genotype}\n"))


def block(number, text):
    rules.append((number * 1000, text))
    return number * 1000


def blocks():
    block(0, "first base of the contig")
    site(1), read(1, "50M", "first", letters={0: "G"})
    b = block(1, "mates disagree: the earlier record counts under wasp2 and fragment, both under read")
    site(b + 100), read(b + 51, "50M", "mates", 99), read(b + 90, "50M", "mates", 147, letters={10: "G"})
    b = block(2, "one record over two sites: wasp2 counts it at the first listed only")
    site(b + 100), site(b + 110, alt="C"), read(b + 91, "50M", "two", letters={9: "G", 19: "C"})
    b = block(3, "the mate covers the second site only: its name is used up under wasp2")
    site(b + 100), site(b + 300)
    read(b + 91, "50M", "pair", 99), read(b + 291, "50M", "pair", 147, letters={9: "G"})
    b = block(4, "a deletion over the first site: the record counts at the second")
    site(b + 100), site(b + 120), read(b + 91, "9M1D41M", "deletion", letters={28: "G"})
    b = block(5, "an intron over the first site")
    site(b + 100), site(b + 250), read(b + 81, "10M160N40M", "spliced", letters={9: "C", 10: "G"})
    b = block(6, "soft-clipped bases cover nothing")
    site(b + 100), read(b + 105, "10S40M", "clip", letters={5: "G"}), read(b + 51, "45M5S", "clip2")
    b = block(7, "an insertion before the site shifts the read")
    site(b + 100), read(b + 91, "5M3I42M", "insertion", letters={12: "G"})
    b = block(8, "a secondary record earlier in the file takes the name")
    site(b + 100), site(b + 400)
    read(b + 91, "50M", "secondary", 256, 0), read(b + 391, "50M", "secondary", letters={9: "G"})
    b = block(9, "a supplementary record on another contig counts there too")
    site(b + 100), site(100, chrom="chrF")
    read(b + 91, "50M", "chimera", letters={9: "G"}), read(91, "20H30M", "chimera", 2048, chrom="chrF")
    b = block(10, "duplicates, failed, MAPQ 0 and improper records count")
    site(b + 100)
    for name, flag, mapq in (("duplicate", 1024, 60), ("failed", 512, 60), ("mapq0", 0, 0), ("improper", 1, 60)):
        read(b + 91, "50M", name, flag, mapq, {9: "G"})
    b = block(11, "N is other; another IUPAC letter is ignored and leaves the name unused")
    site(b + 100), read(b + 71, "50M", "iupac", 99, letters={29: "R"})
    read(b + 81, "50M", "n", letters={19: "N"}), read(b + 91, "50M", "iupac", 147, letters={9: "G"})
    b = block(12, "an unmapped record that has a place is skipped")
    site(b + 100), read(b + 91, "*", "unmapped", 4, 0, length=50), read(b + 95, "50M", "unmapped", 8, letters={5: "G"})
    b = block(13, "first and last base of a record")
    site(b + 100), site(b + 200)
    read(b + 100, "50M", "begins", letters={0: "G"}), read(b + 151, "50M", "ends", letters={49: "G"})
    read(b + 201, "50M", "behind"), read(b + 50, "50M", "before")
    b = block(14, "operators H, =, X, I")
    site(b + 100), read(b + 91, "5H9=1X20=2I18=", "operators", letters={9: "G"})
    b = block(15, "lower-case alleles match nothing, unless case is folded")
    site(b + 100, "a", "g"), read(b + 91, "50M", "lower1"), read(b + 92, "50M", "lower2", letters={8: "G"})
    b = block(16, "a poor base at its first site drops a record under wasp2; it is not moved to the next site")
    site(b + 100), site(b + 110)
    read(b + 91, "50M", "poor", 99, letters={9: "G", 19: "G"}, quality={9: "#"})
    read(b + 95, "50M", "poor2", quality={5: "#", 15: "#"}), read(b + 105, "50M", "poor", 147, letters={5: "G"})
    b = block(17, "missing qualities pass")
    site(b + 100), read(b + 91, "50M", "unrated", letters={9: "G"}, quality="*")
    b = block(18, "a mapped record without a CIGAR covers nothing")
    site(b + 100), read(b + 91, "*", "shapeless", length=50)
    b = block(19, "a third allele is other")
    site(b + 100), read(b + 91, "50M", "third", letters={9: "T"})
    b = block(20, "two fragments with one name")
    site(b + 100), read(b + 91, "50M", "collision"), read(b + 93, "50M", "collision", letters={7: "G"})
    b = block(21, "insertion A > AC: shown, not shown, read ends at the anchor")
    site(b + 100, "A", "AC"), read(b + 91, "50M", "plain")
    read(b + 91, "10M1I39M", "inserted", letters={10: "C"}), read(b + 51, "50M", "ends_there")
    b = block(22, "insertion A > AA among A: a read of the reference is REF by its CIGAR")
    site(b + 100, "A", "AA"), read(b + 91, "50M", "homopolymer")
    b = block(23, "deletion AA > A")
    site(b + 100, "AA", "A"), read(b + 91, "50M", "whole"), read(b + 91, "10M1D40M", "deleted")
    b = block(24, "deletion AAAA > A, and a longer one than either allele")
    site(b + 100, "AAAA", "A"), read(b + 91, "50M", "whole4"), read(b + 91, "10M3D40M", "deleted4")
    read(b + 91, "10M5D40M", "deleted6")
    b = block(25, "two records at one position")
    site(b + 100), site(b + 100, alt="C"), read(b + 91, "50M", "one", letters={9: "G"})
    read(b + 92, "50M", "other", letters={8: "C"}), read(b + 93, "50M", "reference")
    b = block(26, "two ALTs, one on each haplotype")
    site(b + 100, alt="G,C", genotype="1|2")
    read(b + 91, "50M", "first_alt", letters={9: "G"}), read(b + 92, "50M", "second_alt", letters={8: "C"})
    b = block(27, "depth, overlapping mates that disagree now and then")
    site(b + 100)
    for i in range(120):
        read(b + 60, "50M", f"deep{i}", 99, letters={40: "AG"[i % 2]})
        read(b + 80, "50M", f"deep{i}", 147, letters={20: "AG"[i // 2 % 2]})
    b = block(28, "a record without sequence")
    site(b + 100), read(b + 91, "50M", "silent", sequence="*", length=50)
    b = block(29, "padding in the CIGAR")
    site(b + 100), read(b + 91, "5M2P45M", "padded", letters={9: "G"})
    block(59, "last base of the contig")
    site(60000), read(59951, "50M", "last", letters={49: "G"})
    rules.append((60000, "sites of a contig without records, and of one that the alignments lack"))
    site(10, chrom="chrEmpty"), site(10, chrom="chrNotInBam")


def main():
    folder = sys.argv[1]
    blocks()
    sam = HEADER + "".join(line for _, _, line in sorted(records, key=lambda record: record[:2]))
    bam = os.path.join(folder, "edge.bam")
    subprocess.run(["samtools", "view", "-b", "--no-PG", "-o", bam, "-"], input=sam, text=True, check=True)
    subprocess.check_call(["samtools", "index", bam])
    with open(os.path.join(folder, "edge.vcf"), "w") as vcf:
        vcf.write("##fileformat=VCFv4.2\n" + "".join(f"##contig=<ID={name}>\n" for name in CONTIGS))
        vcf.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        vcf.write("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n")
        vcf.write("".join(line for _, _, line in sorted(variants, key=lambda variant: variant[:2])))
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "edge_rules.tsv"), "w") as out:
        out.write("block\trule\n" + "".join(f"{start}\t{text}\n" for start, text in rules))


main()
