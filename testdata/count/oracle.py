#!/usr/bin/env python3
"""Counts alleles by the rules of the counting engine, slowly: record by record, base by base, in file order.

Written from the rules alone; it shares no code with the engine. pysam only reads the records.

    oracle.py BAM VCF -o counts.tsv [--sample S] [--regions R] [--policy wasp2|fragment|read] ...

The options are those of `scaletune run count`; --ledger is known for --policy read only, where every record is on its
own.
"""

import argparse
import gzip
import re

import pysam

REF, ALT, OTHER = 0, 1, 2
REASONS = ["flag", "mapq", "base_quality", "gap", "no_sequence", "other_letter", "name_used", "elsewhere"]


def lines(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt") as text:
        for line in text:
            if line.strip():
                yield line.rstrip("\r\n")


def read_sites(arguments):
    """Rows (chrom, pos, ref, alt, genotype) in file order."""
    rows, column = [], None
    for line in lines(arguments.vcf):
        if line.startswith("##"):
            continue
        cells = line.split("\t")
        if line.startswith("#"):
            column = cells.index(arguments.sample, 9) if arguments.sample else None
            continue
        chrom, pos, ref, alternates = cells[0], int(cells[1]), cells[3], cells[4].split(",")
        if cells[4] == "." or (len(alternates) > 1 and not arguments.include_multiallelic):
            continue
        genotype, alleles = None, None
        if column is not None:
            keys = cells[8].split(":")
            genotype = cells[column].split(":")[keys.index("GT")]
            if "." in genotype:
                continue
            alleles = [int(word) for word in re.split(r"[|/]", genotype)]
        for number, alt in enumerate(alternates, 1):
            heterozygous = alleles is None or (number in alleles and len(set(alleles)) > 1)
            snp = len(ref) == 1 and len(alt) == 1
            # By letters of the read alone a symbolic allele is a text like others, if one that no read has.
            symbolic = arguments.indel_rule == "cigar" and not snp and not re.fullmatch("[A-Za-z]+", alt)
            wanted = snp or (arguments.include_indels and abs(len(ref) - len(alt)) <= 10 and not symbolic)
            if heterozygous and wanted:
                rows.append((chrom, pos, ref, alt, genotype))
    return rows


def read_regions(arguments):
    """(chrom, start, end, labels) of each region, and the labels' column names."""
    path = arguments.regions
    rows = [line.split("\t") for line in lines(path) if not line.startswith(("#", "track", "browser"))]
    if re.search(r"(bed|Peak)(\.gz)?$", path):
        label = lambda row: row[3] if arguments.use_region_names and len(row) > 3 else "_".join(row[:3])
        return [(row[0], int(row[1]), int(row[2]), (label(row),)) for row in rows], ["region"]
    present = {row[2] for row in rows}
    feature = arguments.feature or next(name for name in ("gene", "transcript", "exon") if name in present)
    rows = [row for row in rows if row[2] == feature]

    def value(name, row):
        found = re.search(r"(?:^|[;\s])" + re.escape(name) + r"[=\s]\s*\"?([^\";]*)\"?", row[8])
        return found.group(1) if found else ""

    some = lambda names: next((name for name in names if any(value(name, row) for row in rows)), None)
    attribute = arguments.attribute or some((feature + "_id", "ID", "Name"))
    parent = arguments.parent or some(("Parent", "transcript_id", "gene_id")) or attribute
    names = [attribute, "groupby_" + attribute if parent == attribute else parent]
    regions = [(row[0], int(row[3]) - 1, int(row[4]), (value(attribute, row), value(parent, row))) for row in rows]
    return regions, names


def bin_of(start, end):
    """The smallest bin that holds an interval: (level, number), bins of 16 kb times 8 to the level."""
    level = 0
    while start >> (14 + 3 * level) != (end - 1) >> (14 + 3 * level):
        level += 1
    return level, start >> (14 + 3 * level)


def in_regions(rows, regions):
    pairs = []
    for row in rows:
        start, end = row[1] - 1, row[1] - 1 + len(row[2])
        hits = [(bin_of(s, e), n, labels) for n, (c, s, e, labels) in enumerate(regions)
                if c == row[0] and s < end and e > start]
        pairs += [(row, labels) for _, _, labels in sorted(hits)]
    return pairs


def steps(record):
    """The alignment, one base at a time: (operation, reference position, query position)."""
    reference, query = record.reference_start, 0
    for operation, length in record.cigartuples or []:
        letter = "MIDNSHP=X"[operation]
        for _ in range(length):
            yield ("M" if letter in "=X" else letter), reference, query
            reference += letter in "MDN=X"
            query += letter in "MIS=X"


def covered(record):
    """Reference position to query position, aligned bases only."""
    return {reference: query for operation, reference, query in steps(record) if operation == "M"}


def haplotype(record, start, span, may_end):
    """What the read has in the place of `span` reference bases; none where it does not show that."""
    letters, end, reached = [], start + span, start
    for operation, reference, query in steps(record):
        if operation == "M" and reference >= start:
            if reference >= end:
                return "".join(letters)
            letters.append(record.query_sequence[query])
            reached = reference + 1
        elif operation == "I" and reference > start:
            letters.append(record.query_sequence[query])
        elif operation == "D" and reference >= start:
            if reference >= end:
                return None
            reached = reference + 1
        elif operation == "N" and reference >= start:
            return "".join(letters) if reference >= end else None
        elif operation in "SH" and reference > start:
            break
    return "".join(letters) if may_end and reached == end else None


def class_of(record, position, query, ref, alt, arguments):
    """Class of a record at a site that it covers; none for a letter that is ignored."""
    sequence = record.query_sequence
    if arguments.fold_case:
        ref, alt = ref.upper(), alt.upper()
    if len(ref) == 1 and len(alt) == 1:
        if sequence[query] not in "ACGTN":
            return None
        return {ref: REF, alt: ALT}.get(sequence[query], OTHER)
    if arguments.indel_rule == "cigar":
        shown = haplotype(record, position - 1, len(ref), len(ref) == len(alt))
        return REF if shown == ref else ALT if shown == alt else OTHER
    letters = sequence[query:query + max(len(ref), len(alt))]
    letters = "".join(letter if letter in "ACGT" else "N" for letter in letters)
    for test in (str.__eq__, str.startswith):
        if test(letters, ref):
            return REF
        if test(letters, alt):
            return ALT
    return OTHER


def too_poor(record, query, arguments):
    qualities = record.query_qualities
    return arguments.min_base_quality and qualities is not None and qualities[query] < arguments.min_base_quality


def passes(record, arguments):
    return not (record.flag & 4 or record.flag & arguments.exclude_flags
                or record.flag & arguments.require_flags != arguments.require_flags
                or record.mapping_quality < arguments.min_mapping_quality)


def count(records, sites, arguments):
    """Counts [ref, alt, other] of the sites (pos, ref, alt) of one contig, in the sites' order."""
    counts = [[0, 0, 0] for _ in sites]
    at = {}
    for number, (pos, _, _) in enumerate(sites):
        at.setdefault(pos - 1, []).append(number)
    used = set()
    for record in records:
        name = record.query_name
        if not passes(record, arguments) or record.query_sequence is None:
            continue
        if arguments.policy == "wasp2" and name in used:
            continue
        places = covered(record)
        hits = sorted(number for place in places for number in at.get(place, []))
        for number in hits[:1] if arguments.policy == "wasp2" else hits:
            pos, ref, alt = sites[number]
            if arguments.policy == "fragment" and (name, number) in used:
                continue
            query = places[pos - 1]
            if too_poor(record, query, arguments):
                continue
            found = class_of(record, pos, query, ref, alt, arguments)
            if found is not None:
                counts[number][found] += 1
                used.add(name if arguments.policy == "wasp2" else (name, number))
    return counts


def ledger(records, sites, arguments):
    """Why overlapping records did not count, by site, where every record counts at every site it covers."""
    reasons = [dict.fromkeys(REASONS, 0) for _ in sites]
    for record in records:
        span = range(record.reference_start, record.reference_end or record.reference_start)
        places = covered(record)
        for number, (pos, ref, alt) in enumerate(sites):
            if pos - 1 not in span:
                continue
            if record.flag & 4 or record.flag & arguments.exclude_flags:
                reason = "flag"
            elif record.mapping_quality < arguments.min_mapping_quality:
                reason = "mapq"
            elif record.query_sequence is None:
                reason = "no_sequence"
            elif pos - 1 not in places:
                reason = "gap"
            elif too_poor(record, places[pos - 1], arguments):
                reason = "base_quality"
            elif class_of(record, pos, places[pos - 1], ref, alt, arguments) is None:
                reason = "other_letter"
            else:
                continue
            reasons[number][reason] += 1
    return reasons


def cells(bam, rows, barcodes):
    """Counts by (chrom, pos, ref, alt, barcode): site by site, a name once a chromosome."""
    counts, used = {}, set()
    for chrom, pos, ref, alt in dict.fromkeys(row[:4] for row in rows):
        if bam.get_tid(chrom) < 0:
            continue
        for record in bam.fetch(chrom, pos - 1, pos):
            barcode = record.get_tag("CB") if record.has_tag("CB") else None
            query = covered(record).get(pos - 1)
            new = (chrom, record.query_name) not in used
            if record.flag & 4 or barcode not in barcodes or query is None or record.query_sequence is None or not new:
                continue
            used.add((chrom, record.query_name))
            found = {ref: REF, alt: ALT}.get(record.query_sequence[query], OTHER)
            counts.setdefault((chrom, pos, ref, alt, barcode), [0, 0, 0])[found] += 1
    return counts


def write(path, header, rows):
    with open(path, "w") as out:
        for row in [header, *rows]:
            out.write("\t".join(map(str, row)) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bam")
    parser.add_argument("vcf")
    for name in ("sample", "regions", "feature", "attribute", "parent", "barcodes", "ledger"):
        parser.add_argument("--" + name)
    for name in ("use-region-names", "include-indels", "include-multiallelic", "fold-case"):
        parser.add_argument("--" + name, action="store_true")
    for name in ("min-base-quality", "min-mapping-quality", "exclude-flags", "require-flags"):
        parser.add_argument("--" + name, type=lambda text: int(text, 0), default=0)
    parser.add_argument("--policy", choices=["wasp2", "fragment", "read"], default="wasp2")
    parser.add_argument("--indel-rule", choices=["cigar", "substring"], default="cigar")
    parser.add_argument("-o", "--out", required=True)
    arguments = parser.parse_args()

    rows = [(row, ()) for row in read_sites(arguments)]
    labels = []
    if arguments.regions:
        regions, labels = read_regions(arguments)
        rows = in_regions([row for row, _ in rows], regions)
    rows = list(dict.fromkeys(rows))
    with pysam.AlignmentFile(arguments.bam) as bam:
        if arguments.barcodes:
            barcodes = {line.split("\t")[0] for line in lines(arguments.barcodes)}
            found = cells(bam, [row for row, _ in rows], barcodes)
            header = ["chrom", "pos", "ref", "alt", "barcode", "ref_count", "alt_count", "other_count"]
            write(arguments.out, header, [(*key, *found[key]) for key in sorted(found)])
            return
        sites = list(dict.fromkeys(row[:4] for row, _ in rows))
        counts, why = {}, {}
        for chrom in dict.fromkeys(site[0] for site in sites):
            own = [site for site in sites if site[0] == chrom]
            records = list(bam.fetch(chrom)) if bam.get_tid(chrom) >= 0 else []
            short = [site[1:] for site in own]
            counts.update(zip(own, count(records, short, arguments)))
            if arguments.ledger:
                assert arguments.policy == "read"
                why.update(zip(own, ledger(records, short, arguments)))
    header = ["chrom"] + ([] if labels else ["pos0"]) + ["pos", "ref", "alt"] + (["GT"] if arguments.sample else [])
    table = []
    for row, label in rows:
        chrom, pos, ref, alt, genotype = row
        cells_of_row = [chrom] + ([] if labels else [pos - 1]) + [pos, ref, alt]
        table.append(cells_of_row + ([genotype] if arguments.sample else []) + [*label, *counts[row[:4]]])
    write(arguments.out, header + labels + ["ref_count", "alt_count", "other_count"], table)
    if arguments.ledger:
        write(arguments.ledger, ["chrom", "pos", "ref", "alt"] + REASONS,
              [[*site, *why[site].values()] for site in dict.fromkeys(row[:4] for row, _ in rows)])


if __name__ == "__main__":
    main()
