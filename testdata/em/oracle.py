#!/usr/bin/env python3
"""Assigns multi-mapping fragments to loci by the rules of the EM engine, slowly and plainly.

Written from the rules and the formulas alone; it shares no code with the engine. pysam only reads the records, NumPy only
does arithmetic on arrays; the random stream (MT19937) is here in full.

    oracle.py --bam A.bam --gtf G.gtf --outdir DIR [options]
    oracle.py --scores S.tsv --features F.tsv --outdir DIR [options]

The options are those of `scaletune run em`. Writes run_stats.tsv, TE_counts.tsv, em.json.
"""

import argparse
import json
import os
import re

import numpy as np

MODES = ["exclude", "choose", "average", "conf", "unique", "all"]
NONE = "__no_feature"


# ---- annotation -------------------------------------------------------------------------------------------------

class Annotation:
    """Loci as intervals [start, end + 1) in 1-based coordinates, by contig."""

    def __init__(self, path):
        rows = {}
        for line in open(path):
            if line.startswith("#") or not line.strip():
                continue
            cells = line.rstrip("\n").split("\t")
            names = dict(re.findall(r'(\w+)\s+"(.+?)";', cells[8]))
            if cells[2] == "exon" and "locus" in names:
                rows.setdefault(names["locus"], []).append((cells[0], cells[6], int(cells[3]), int(cells[4]) + 1))
        self.intervals, self.lengths = {}, {}
        for locus, own in rows.items():
            merged = []
            for contig, strand, start, end in own:
                hit = next((m for m in merged if m[0] == contig and m[2] < end and start < m[3]), None)
                if hit:
                    hit[2], hit[3] = min(hit[2], start), max(hit[3], end)
                else:
                    merged.append([contig, strand, start, end])
            self.lengths[locus] = sum(end - start for _, _, start, end in merged)
            for contig, strand, start, end in merged:
                self.intervals.setdefault(contig, []).append((start, end, locus, strand))

    def locus_of(self, contig, blocks, length, strand, options):
        """The locus of an alignment, or none."""
        begin = 1 if options.overlap_rule == "exact" else 0
        overlap, first = {}, {}
        for start, end in blocks:
            for low, high, locus, own in self.intervals.get(contig, []):
                shared = min(end + 1, high) - max(start + begin, low)
                if shared > 0 and strand in (None, own):
                    overlap[locus] = overlap.get(locus, 0) + shared
                    first[locus] = min(first.get(locus, low), low)
        if not overlap:
            return NONE
        best = min(overlap, key=lambda locus: (-overlap[locus], first[locus], locus))
        return best if overlap[best] > length * options.overlap_threshold else NONE


# ---- fragments --------------------------------------------------------------------------------------------------

def bundles(path):
    """The records of each fragment, fragments in order."""
    import pysam

    records = list(pysam.AlignmentFile(path, check_sq=False).fetch(until_eof=True))
    together = {}
    for index, record in enumerate(records):
        together.setdefault(record.query_name, []).append((index, record))
    names = [record.query_name for record in records]
    collated = len(together) == sum(1 for i, name in enumerate(names) if i == 0 or names[i - 1] != name)

    def leader(own):
        # Sorted by coordinate, any record may come first in the file: the primary ones lead, read 1 before read 2.
        usual = [item for item in own if not item[1].flag & 0x900] or own
        return min(usual, key=lambda item: (bool(item[1].flag & 0x80), item[0]))

    result = []
    for own in together.values():
        lead = own[0] if collated else leader(own)
        place = own[0][0] if collated else lead[0]
        result.append((place, lead[1], [record for _, record in own]))
    return [(lead, own) for _, lead, own in sorted(result, key=lambda item: item[0])]


def alignments(lead, records):
    """Kind of a fragment, and its alignments: lists of one or two records."""
    if not lead.is_paired:
        return ("SU" if lead.is_unmapped else "SM"), [[record] for record in records]
    if not lead.is_proper_pair:
        if len(records) == 2 and all(record.is_unmapped for record in records):
            return "PU", []
        return "PX", [[record] for record in records]
    waiting, pairs = {}, []
    for record in records:
        here = (record.reference_id, record.reference_start)
        mate = (record.next_reference_id, record.next_reference_start)
        size = abs(record.template_length)
        other = waiting.pop((not record.is_read1, *mate, *here, size), None)
        if other is None:
            waiting[(record.is_read1, *here, *mate, size)] = record
        else:
            pairs.append([other, record])
    return "PM", pairs + [[record] for record in waiting.values()]


def blocks_of(records):
    blocks = sorted(block for record in records for block in record.get_blocks())
    merged = [list(blocks[0])]
    for start, end in blocks[1:]:
        if start - merged[-1][1] <= 1:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged


def strand_of(records, mode):
    if mode == "None":
        return None
    record = next((r for r in records if r.is_read1), records[0]) if records[0].is_paired else records[0]
    if record.is_paired:
        forward = (mode[-1] == "F") == (record.is_reverse if record.is_read1 else not record.is_reverse)
    else:
        forward = (mode[0] == "F") != record.is_reverse
    return "+" if forward else "-"


def load(options):
    """Rows {column: raw score}, column names, lengths, run info."""
    annotation = Annotation(options.gtf)
    info = dict.fromkeys(["total_fragments", "pair_mapped", "pair_mixed", "single_mapped", "unmapped", "unique", "ambig"], 0)
    fragments, scores = [], []
    for lead, records in bundles(options.bam):
        kind, found = alignments(lead, records)
        found = [own for own in ([r for r in own if not r.is_unmapped] for own in found) if own]
        info["total_fragments"] += 1
        if not found:
            info["unmapped"] += 1
            continue
        info[{"PM": "pair_mapped", "PX": "pair_mixed", "SM": "single_mapped"}[kind]] += 1
        info["ambig" if len(found) > 1 else "unique"] += 1
        hits = []
        for own in found:
            blocks, score = blocks_of(own), sum(record.get_tag("AS") for record in own)
            length = sum(end - start for start, end in blocks)
            strand = strand_of(own, options.stranded_mode)
            hits.append((annotation.locus_of(own[0].reference_name, blocks, length, strand, options), score, length))
            scores.append(score)
        fragments.append(hits)
    columns, rows = {NONE: 0}, []
    for hits in fragments:
        if all(locus == NONE for locus, _, _ in hits):
            continue
        row = {}
        for locus, score, length in hits:
            column = columns.setdefault(locus, len(columns))
            row[column] = max(row.get(column, 0), score - min(scores) + 1 + length)
        rows.append(row)
    names = list(columns)
    overlap_unique = sum(len(row) == 1 for row in rows)
    text = [f"annotated_features:{len(annotation.lengths)}", *(f"{key}:{value}" for key, value in info.items()),
            f"overlap_unique:{overlap_unique}", f"overlap_ambig:{len(rows) - overlap_unique}"]
    return rows, names, [annotation.lengths.get(name, 0) for name in names], text, info["total_fragments"]


def load_scores(options):
    cells = [line.rstrip("\n").split("\t") for line in open(options.features) if not line.startswith("#")]
    names, lengths = [row[1] for row in cells], [int(row[2]) for row in cells]
    rows = {}
    for line in open(options.scores):
        if not line.startswith("#"):
            fragment, locus, raw = line.rstrip("\n").split("\t")
            row = rows.setdefault(fragment, {})
            row[names.index(locus)] = max(row.get(names.index(locus), 0), int(raw))
    alone = sum(len(row) == 1 for row in rows.values())
    info = [f"annotated_features:{len(names) - 1}", f"total_fragments:{len(rows)}",
            *(f"{key}:NA" for key in ("pair_mapped", "pair_mixed", "single_mapped", "unmapped", "unique", "ambig")),
            f"overlap_unique:{alone}", f"overlap_ambig:{len(rows) - alone}"]
    return list(rows.values()), names, lengths, info, len(rows)


# ---- EM ---------------------------------------------------------------------------------------------------------

class Model:
    def __init__(self, rows, columns, options):
        cells = [(i, j, raw) for i, row in enumerate(rows) for j, raw in sorted(row.items())]
        self.row, self.column = (np.array([cell[k] for cell in cells]) for k in (0, 1))
        raw = np.array([cell[2] for cell in cells], dtype=float)
        self.rows, self.columns, self.options = len(rows), columns, options
        self.q = np.expm1(raw * (1.0 / raw.max()) * 100.0)
        several = np.bincount(self.row, minlength=self.rows) > 1
        self.several = several[self.row]
        self.weight = np.zeros(self.rows)
        np.maximum.at(self.weight, self.row, self.q)
        self.total, self.ambiguous = self.weight.sum(), self.weight[several].sum()
        self.pi_prior = options.pi_prior * self.weight.max()
        self.theta_prior = options.theta_prior * self.weight.max()
        self.fixed = np.bincount(self.column[~self.several], self.q[~self.several], minlength=columns)
        self.solve()

    def joint(self, pi, theta):
        return self.q * np.where(self.several, (pi * theta)[self.column], pi[self.column])

    def normalised(self, values):
        sums = np.bincount(self.row, values, minlength=self.rows)
        with np.errstate(divide="ignore", over="ignore"):
            factor = 1.0 / sums
        factor[np.isinf(factor)] = 0
        return values * factor[self.row]

    def step(self, z):
        part = (self.weight[self.row] * z)[self.several]
        sums = np.bincount(self.column[self.several], part, minlength=self.columns)
        theta = (sums + self.theta_prior) / (self.ambiguous + self.theta_prior * self.columns)
        return (self.fixed + sums + self.pi_prior) / (self.total + self.pi_prior * self.columns), theta

    def solve(self):
        options = self.options
        pi = theta = np.full(self.columns, 1.0 / self.columns)
        self.trace, last = [], float("inf")
        while True:
            z = self.normalised(self.joint(pi, theta))
            new_pi, new_theta = self.step(z)
            change = float(np.abs(new_pi - pi).sum())
            value = float((z * np.log1p(self.joint(new_pi, new_theta))).sum())
            self.trace.append([len(self.trace) + 1, value, change])
            if len(self.trace) == 1:
                self.first_pi = new_pi
            self.converged = abs(value - last) < options.em_epsilon if options.use_likelihood else change < options.em_epsilon
            pi, theta, last = new_pi, new_theta, value
            if self.converged or len(self.trace) >= options.max_iter:
                break
        self.pi, self.theta, self.z = pi, theta, z

    def counts(self, mode, z, stream):
        best_of = np.zeros(self.rows)
        np.maximum.at(best_of, self.row, z)
        best = (z == best_of[self.row]) & (z > 0)
        ties = np.bincount(self.row[best], minlength=self.rows)
        count = lambda chosen, weights=None: np.bincount(self.column[chosen], weights, minlength=self.columns).astype(float)
        if mode == "exclude":
            return count(best & (ties[self.row] == 1))
        if mode == "average":
            return count(best, 1.0 / ties[self.row[best]])
        if mode == "conf":
            sure = self.normalised(np.where(z >= self.options.conf_prob, z, 0))
            return np.bincount(self.column, sure, minlength=self.columns)
        if mode == "unique":
            return count(~self.several & (z > 0))
        if mode == "all":
            return count(z > 0)
        result, places = np.zeros(self.columns), np.flatnonzero(best)
        for row in np.unique(self.row[places]):
            own = places[self.row[places] == row]
            result[self.column[own[stream.choice(len(own))]]] += 1
        return result


class Stream:
    """MT19937 as NumPy's legacy generator seeds it, and its choice among n by masked rejection."""

    def __init__(self, seed):
        self.state = [seed & 0xFFFFFFFF]
        for i in range(1, 624):
            before = self.state[-1]
            self.state.append((1812433253 * (before ^ before >> 30) + i) & 0xFFFFFFFF)
        self.place = 624

    def draw(self):
        if self.place == 624:
            for i in range(624):
                word = self.state[i] & 0x80000000 | self.state[(i + 1) % 624] & 0x7FFFFFFF
                self.state[i] = self.state[(i + 397) % 624] ^ word >> 1 ^ (0x9908B0DF if word & 1 else 0)
            self.place = 0
        word = self.state[self.place]
        self.place += 1
        word ^= word >> 11
        word ^= word << 7 & 0x9D2C5680
        word ^= word << 15 & 0xEFC60000
        return word ^ word >> 18

    def choice(self, n):
        if n == 1:
            return 0
        mask = (1 << (n - 1).bit_length()) - 1
        while True:
            word = self.draw() & mask
            if word < n:
                return word


# ---- output -----------------------------------------------------------------------------------------------------

def report(options, model, names, lengths, info, total):
    seed = options.seed if options.seed is not None else (total % model.rows) * model.columns % (2**32 - 1)
    last, initial = model.z, model.normalised(model.q)
    stream = Stream(seed)
    conf, aligned = model.counts("conf", last, stream), model.counts("all", initial, stream)
    unique, best = model.counts("unique", last, stream), model.counts("exclude", initial, stream)
    random, average = model.counts("choose", initial, stream), model.counts("average", initial, stream)
    chosen = model.counts(options.reassign_mode, last, stream)

    os.makedirs(options.outdir, exist_ok=True)
    with open(os.path.join(options.outdir, "run_stats.tsv"), "w") as out:
        out.write("## RunInfo\t" + "\t".join(info) + "\n")
        out.write("transcript\ttranscript_length\tfinal_conf\tfinal_prop\tinit_aligned\tunique_count\tinit_best\t"
                  "init_best_random\tinit_best_avg\tinit_prop\n")
        for j in sorted(range(len(names)), key=lambda j: -model.pi[j]):
            cells = [names[j], lengths[j], float(np.round(conf[j], 2)), float(np.round(model.pi[j], 3)), int(aligned[j]),
                     int(unique[j]), int(best[j]), int(random[j]), float(np.round(average[j], 2)),
                     float(np.round(model.first_pi[j], 3))]
            out.write("\t".join(map(str, cells)) + "\n")
    with open(os.path.join(options.outdir, "TE_counts.tsv"), "w") as out:
        out.write("transcript\tcount\n")
        for name, value in sorted(zip(names, chosen)):
            value = float(value) if options.reassign_mode in ("average", "conf") else int(value)
            out.write(f"{name}\t{value}\n")
    fresh = {f"{when}_{mode}": list(model.counts(mode, z, Stream(seed)))
             for when, z in (("final", last), ("init", initial)) for mode in MODES}
    document = {"iterations": len(model.trace), "converged": bool(model.converged), "log_likelihood": model.trace[-1][1],
                "trace": model.trace, "loci": names, "pi": list(model.pi), "theta": list(model.theta),
                "reassign": fresh, "seed": seed}
    with open(os.path.join(options.outdir, "em.json"), "w") as out:
        json.dump(document, out, indent=0)
        out.write("\n")


def main():
    parser = argparse.ArgumentParser()
    for name in ("bam", "gtf", "scores", "features"):
        parser.add_argument("--" + name)
    parser.add_argument("--outdir", required=True)
    parser.add_argument("--reassign-mode", choices=MODES, default="exclude")
    parser.add_argument("--stranded-mode", choices=["None", "RF", "R", "FR", "F"], default="None")
    parser.add_argument("--overlap-rule", choices=["telescope", "exact"], default="telescope")
    for name, default in (("overlap-threshold", 0.2), ("conf-prob", 0.9), ("pi-prior", 0.0), ("theta-prior", 200000.0),
                          ("em-epsilon", 1e-7)):
        parser.add_argument("--" + name, type=float, default=default)
    parser.add_argument("--max-iter", type=int, default=100)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--use-likelihood", action="store_true")
    options = parser.parse_args()
    rows, names, lengths, info, total = load_scores(options) if options.scores else load(options)
    report(options, Model(rows, len(names), options), names, lengths, info, total)


if __name__ == "__main__":
    main()
