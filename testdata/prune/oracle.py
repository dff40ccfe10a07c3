#!/usr/bin/env python3
"""Two-state likelihoods, fits and posteriors over a tree, with 40 digits.

Written from the formulas alone; it shares no code with the engine. Everything is summed and multiplied as it stands in a
textbook: Felsenstein's recursion one family at a time, marginal posteriors as ratios of likelihoods with a node's state
fixed, expected events as integrals over the branch, optima by Newton's method on differences.

    oracle.py --tree T --matrix M --outdir DIR (--gain G --loss L | --rates R | --fit) [options]

The options are those of `scaletune run prune`.
"""

import argparse
import json
import os
import re
import struct

from mpmath import erfc, exp, expm1, findroot, gammainc, inf, inverse, log, matrix, mp, mpf, nan, nstr, quad, sqrt

mp.dps = 40
STATES = {"0": (1, 0), "1": (0, 1), "?": (1, 1)}


class Node:
    def __init__(self):
        self.name, self.length, self.children, self.parent = None, None, [], None


def read_tree(text, missing):
    """The nodes in postorder; the root is the last."""
    tokens = re.findall(r"'(?:[^']|'')*'|\[[^\]]*\]|[(),:;]|[^\s(),:;'\[]+", text)
    root = node = Node()
    after_colon = False
    for token in tokens:
        if token.startswith("["):
            continue
        if token in "(,":
            child = Node()
            child.parent = node if token == "(" else node.parent
            child.parent.children.append(child)
            node = child
        elif token == ")":
            node = node.parent
        elif token == ":":
            after_colon = True
        elif token == ";":
            break
        elif after_colon:
            node.length, after_colon = float(token), False
        else:
            node.name = token[1:-1].replace("''", "'") if token.startswith("'") else token
    order = []

    def visit(node):
        for child in node.children:
            visit(child)
        order.append(node)

    visit(root)
    for index, node in enumerate(order):
        node.label = node.name if node.name else f"node{index}"
        node.length = mpf(node.length if node.length is not None else missing or 0)
    return order


def transition(gain, loss, length):
    """exp(Q t)[from][to]."""
    total = gain + loss
    if total == 0:
        return [[mpf(1), mpf(0)], [mpf(0), mpf(1)]]
    changed = -expm1(-total * length) / total
    return [[1 - gain * changed, gain * changed], [loss * changed, 1 - loss * changed]]


class Model:
    """What all families share, for one pair of rates."""

    def __init__(self, nodes, gain, loss, root=None, factors=(mpf(1),)):
        self.nodes, self.gain, self.loss, self.factors = nodes, gain, loss, factors
        total = gain + loss
        stationary = (loss / total, gain / total) if total else (mpf("0.5"), mpf("0.5"))
        self.root = root or stationary
        self.steps = [{node: transition(gain * f, loss * f, node.length) for node in nodes[:-1]} for f in factors]

    def likelihood(self, states, fixed=None, changed=None):
        """Probability of the tips. `fixed` {node: state} holds inner nodes; `changed` (node, matrix) puts another matrix
        in the place of a branch's."""
        result = mpf(0)
        for steps in self.steps:
            partial = {}
            for node in self.nodes:
                values = [mpf(x) for x in STATES[states.get(node.name, "?")]] if not node.children else [mpf(1), mpf(1)]
                for child in node.children:
                    step = changed[1] if changed and changed[0] is child else steps[child]
                    below = partial[child]
                    values = [values[s] * (step[s][0] * below[0] + step[s][1] * below[1]) for s in (0, 1)]
                if fixed and node in fixed:
                    values[1 - fixed[node]] = mpf(0)
                partial[node] = values
            result += self.root[0] * values[0] + self.root[1] * values[1]
        return result / len(self.steps)


def gamma_factors(shape, categories):
    """Means of equally probable slices of a gamma distribution of mean 1."""
    below = lambda x: gammainc(shape, 0, shape * x, regularized=True)
    cuts = [mpf(0)]
    for k in range(1, categories):
        # Bisection down to a place where the secant method is safe.
        low, high, part = mpf(0), mpf(1), mpf(k) / categories
        while below(high) < part:
            high *= 2
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if below(middle) < part else (low, middle)
        cuts.append(findroot(lambda x: below(x) - part, (low, high), tol=mpf(10) ** -36, verify=False))
    mass = [gammainc(shape + 1, 0, shape * x, regularized=True) for x in cuts] + [mpf(1)]
    return tuple(categories * (mass[k + 1] - mass[k]) for k in range(categories))


class Data:
    def __init__(self, options):
        rows = [line.rstrip("\n").split("\t") for line in open(options.matrix)]
        self.taxa = rows[0][1:]
        self.families = [row[0] for row in rows[1:]]
        self.states = [dict(zip(self.taxa, row[1:])) for row in rows[1:]]
        self.patterns = len({tuple(row[1:]) for row in rows[1:]})
        self.nodes = read_tree(open(options.tree).read(), options.missing_length)
        self.tips = [node for node in self.nodes if not node.children]


def values(data, model, options, chosen=None):
    """Log-likelihood of each family."""
    result = []
    unseen = None
    for index, states in enumerate(data.states):
        if chosen is not None and index not in chosen:
            continue
        p = model.likelihood(states)
        value = log(p) if p > 0 else -inf
        if options.ascertainment == "absent" and p > 0:
            assert "?" not in states.values()
            if unseen is None:
                unseen = model.likelihood({tip.name: "0" for tip in data.tips})
            value -= log(1 - unseen)
        result.append(value)
    return result


def root_of(options, free):
    if options.root_prior == "fit":
        present = 1 / (1 + exp(-free))
        return (1 - present, present)
    if options.root_prior == "stationary":
        return None
    return tuple(mpf(float(x)) for x in options.root_prior.split(","))


def maximise(function, start):
    """Newton's method on central differences; the maximum and the second derivatives there."""
    n, h = len(start), mpf(10) ** -12
    at = [mpf(x) for x in start]

    def moved(steps):
        point = list(at)
        for i, sign in steps:
            point[i] += sign * h
        return function(point)

    for _ in range(60):
        here = function(at)
        up, down = [moved([(i, 1)]) for i in range(n)], [moved([(i, -1)]) for i in range(n)]
        slope = matrix([(up[i] - down[i]) / (2 * h) for i in range(n)])
        curve = matrix(n, n)
        for i in range(n):
            curve[i, i] = (up[i] - 2 * here + down[i]) / h**2
            for j in range(i):
                cross = moved([(i, 1), (j, 1)]) - moved([(i, 1), (j, -1)]) - moved([(i, -1), (j, 1)]) + moved([(i, -1), (j, -1)])
                curve[i, j] = curve[j, i] = cross / (4 * h**2)
        step = -(inverse(curve) * slope)
        # Far from the top the surface may be bent the other way: uphill then, and never too far.
        if sum(step[i] * slope[i] for i in range(n)) < 0:
            step = slope / max(abs(x) for x in slope)
        scale = min(mpf(1), 1 / max(abs(x) for x in step))
        at = [at[i] + scale * step[i] for i in range(n)]
        if max(abs(x) for x in step) < mpf(10) ** -18:
            return at, function(at), curve
    raise ArithmeticError("no maximum was found")


class Fit:
    """Parameters: log gain, log loss, then as wanted logit of presence at the root, log shape, theta."""

    def __init__(self, data, options, tilted=None):
        self.data, self.options, self.tilted = data, options, tilted
        self.names = ["log_gain", "log_loss"]
        self.names += ["root"] if options.root_prior == "fit" else []
        self.names += ["shape"] if options.gamma_shape == "fit" else []
        self.names += ["theta"] if tilted else []
        self.at, self.objective, self.curve = maximise(self.target, [mpf("-0.5"), mpf("0.3")] + [mpf(0)] * (len(self.names) - 2))
        self.value = self.log_likelihood(self.at)

    def part(self, at, name):
        return at[self.names.index(name)] if name in self.names else mpf(0)

    def model(self, at, tilted):
        options = self.options
        shape = exp(self.part(at, "shape")) if options.gamma_shape == "fit" else options.gamma_shape and mpf(float(options.gamma_shape))
        factors = gamma_factors(shape, options.gamma_categories) if options.gamma_categories else (mpf(1),)
        loss = exp(at[1] + self.part(at, "theta")) if tilted else exp(at[1])
        return Model(self.data.nodes, exp(at[0]), loss, root_of(options, self.part(at, "root")), factors)

    def log_likelihood(self, at):
        everyone = set(range(len(self.data.families)))
        others = everyone - (self.tilted or set())
        total = sum(values(self.data, self.model(at, False), self.options, others))
        return total + (sum(values(self.data, self.model(at, True), self.options, self.tilted)) if self.tilted else 0)

    def target(self, at):
        prior = 0
        if self.options.prior == "normal":
            prior = -sum(at[self.names.index(name)] ** 2 for name in ("log_gain", "log_loss", "theta") if name in self.names) / 8
        return self.log_likelihood(at) + prior

    def document(self):
        gain, loss = exp(self.at[0]), exp(self.at[1])
        spread = [sqrt(inverse(-self.curve)[i, i]) for i in range(len(self.at))]
        n, k = len(self.data.families), len(self.at)
        result = {"gain": gain, "loss": loss, "log_gain": self.at[0], "log_loss": self.at[1]}
        if "root" in self.names:
            result["root_present"] = root_of(self.options, self.part(self.at, "root"))[1]
        if "shape" in self.names:
            result["gamma_shape"] = exp(self.part(self.at, "shape"))
        result.update({
            "log_likelihood": self.value, "objective": self.objective,
            "method": "maximum a posteriori" if self.options.prior == "normal" else "maximum likelihood",
            "standard_errors": {"log_gain": spread[0], "log_loss": spread[1], "gain": gain * spread[0], "loss": loss * spread[1]},
            "parameters": k, "aic": 2 * k - 2 * self.value, "bic": k * log(n) - 2 * self.value,
            "converged": True, "at_bound": [], "impossible_families": 0,
        })
        return result


def retention(data, options):
    sets = {}
    for line in open(options.retention):
        name, _, family = line.rstrip("\n").rpartition("\t")
        sets.setdefault(name or "retained", set()).add(data.families.index(family))
    null = Fit(data, options)
    rows = []
    for name, chosen in sets.items():
        fit = Fit(data, options, chosen)
        statistic = 2 * (fit.value - null.value)
        rows.append([name, len(chosen), fit.part(fit.at, "theta"), null.value, fit.value, statistic, erfc(sqrt(statistic / 2))])
    adjusted, least = {}, mpf(1)
    for rank, row in reversed(list(enumerate(sorted(rows, key=lambda row: row[6]), 1))):
        least = min(least, row[6] * len(rows) / rank)
        adjusted[row[0]] = least
    return [[*row, adjusted[row[0]]] for row in rows]


def events(gain, loss, length, kind):
    """Expected number of gains (or losses) on a branch that ends in a state, by the state that it begins with."""
    before, after, rate = (0, 1, gain) if kind == "gain" else (1, 0, loss)
    integral = lambda s, e: quad(lambda t: transition(gain, loss, t)[s][before] * transition(gain, loss, length - t)[after][e], [0, length])
    return [[rate * integral(s, e) for e in (0, 1)] for s in (0, 1)]


def posteriors(data, model, options):
    """Rows of ancestral.tsv, branches.tsv and branch_families.tsv."""
    inner = [node for node in data.nodes if node.children]
    branches = data.nodes[:-1]
    whole = [model.likelihood(states) for states in data.states]
    ancestral = [[family, *(model.likelihood(states, {node: 1}) / p if p else "NA" for node in inner)]
                 for family, states, p in zip(data.families, data.states, whole)]
    rows, listed = [], []
    for node in branches:
        step = model.steps[0][node]
        only = lambda s, e: [[step[i][j] if (i, j) == (s, e) else mpf(0) for j in (0, 1)] for i in (0, 1)]
        changes = [only(0, 1), only(1, 0)] + [events(model.gain, model.loss, node.length, kind) for kind in ("gain", "loss")]
        sums = [mpf(0)] * 4
        for family, states, p in zip(data.families, data.states, whole):
            if not p:
                continue
            own = [model.likelihood(states, None, (node, change)) / p for change in changes]
            sums = [a + b for a, b in zip(sums, own)]
            if max(own[:2]) >= mpf(options.min_expected):
                listed.append([node.label, family, *own[:2]])
        rows.append([node.label, node.parent.label, node.length, *sums])
    return [["family", *(node.label for node in inner)], *ancestral], rows, listed


def text(value):
    if isinstance(value, (str, int)):
        return str(value)
    return "-inf" if value == -inf else repr(float(value))


def rounded(value, digits):
    """The value's text with so many significant digits."""
    if digits == "exact" or isinstance(value, (str, int)):
        return value
    return repr(float(nstr(value, int(digits), strip_zeros=False)))


def save_array(name, rows):
    """NumPy's format 1.0: magic, version, length, a header that ends at a multiple of 64 bytes, float64."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({len(rows)}, {len(rows[0])}), }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    with open(name, "wb") as out:
        out.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        for row in rows:
            out.write(struct.pack(f"<{len(row)}d", *(nan if value == "NA" else float(value) for value in row)))


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return float(value) if isinstance(value, mpf) else value


def save(folder, name, rows):
    with open(os.path.join(folder, name), "w") as out:
        out.writelines("\t".join(map(text, row)) + "\n" for row in rows)


def main():
    parser = argparse.ArgumentParser()
    for name in ("tree", "matrix", "outdir"):
        parser.add_argument("--" + name, required=True)
    for name in ("gain", "loss", "rates", "missing-length", "gamma-shape", "retention"):
        parser.add_argument("--" + name)
    parser.add_argument("--gamma-categories", type=int)
    parser.add_argument("--ancestral-format", default="tsv")
    parser.add_argument("--digits", default="4")
    parser.add_argument("--min-expected", default="0.01")
    parser.add_argument("--root-prior", default="stationary")
    parser.add_argument("--prior", default="none")
    parser.add_argument("--ascertainment", default="none")
    for name in ("fit", "ancestral", "branches"):
        parser.add_argument("--" + name, action="store_true")
    options = parser.parse_args()
    if options.missing_length:
        options.missing_length = float(options.missing_length)
    data = Data(options)
    os.makedirs(options.outdir, exist_ok=True)

    if options.fit:
        fit = Fit(data, options)
        with open(os.path.join(options.outdir, "fit.json"), "w") as out:
            json.dump(plain(fit.document()), out, indent=1)
            out.write("\n")
        models = [fit.model(fit.at, False)] * len(data.families)
    else:
        pairs = {"*": (options.gain, options.loss)}
        if options.rates:
            pairs = {row[0]: row[1:] for row in (line.rstrip("\n").split("\t") for line in open(options.rates))}
        factors = gamma_factors(mpf(float(options.gamma_shape)), options.gamma_categories) if options.gamma_categories else (mpf(1),)
        known = {}
        for gain, loss in pairs.values():
            if gain != "gain":
                known[gain, loss] = Model(data.nodes, mpf(float(gain)), mpf(float(loss)), root_of(options, None), factors)
        models = [known[tuple(pairs.get(family, pairs.get("*")))] for family in data.families]
    found = []
    for index, model in enumerate(models):
        found += values(data, model, options, {index})
    rows = [[family, model.gain, model.loss, value] for family, model, value in zip(data.families, models, found)]
    save(options.outdir, "families.tsv", [["family", "gain", "loss", "log_likelihood"], *rows])
    possible = [value for value in found if value > -inf]
    summary = {"log_likelihood": sum(possible), "impossible_families": len(found) - len(possible), "families": len(found),
               "taxa": len(data.tips), "patterns": data.patterns}
    with open(os.path.join(options.outdir, "summary.json"), "w") as out:
        json.dump(plain(summary), out, indent=1)
        out.write("\n")
    if options.retention:
        header = ["set", "families", "theta", "loglik_null", "loglik_alt", "statistic", "p", "q"]
        save(options.outdir, "retention.tsv", [header, *retention(data, options)])
    if options.ancestral or options.branches:
        ancestral, branches, listed = posteriors(data, models[0], options)
        inside = lambda rows, names: [[*row[:names], *(rounded(value, options.digits) for value in row[names:])] for row in rows]
        if options.ancestral and options.ancestral_format == "npy":
            save_array(os.path.join(options.outdir, "ancestral.npy"), [row[1:] for row in ancestral[1:]])
            save(options.outdir, "ancestral_families.txt", [row[:1] for row in ancestral[1:]])
            save(options.outdir, "ancestral_nodes.txt", [[name] for name in ancestral[0][1:]])
        elif options.ancestral:
            save(options.outdir, "ancestral.tsv", inside(ancestral, 1))
        if options.branches:
            header = ["node", "parent", "length", "gains", "losses", "gain_events", "loss_events"]
            save(options.outdir, "branches.tsv", [header, *branches])
            save(options.outdir, "branch_families.tsv", [["node", "family", "gain", "loss"], *inside(listed, 2)])


if __name__ == "__main__":
    main()
