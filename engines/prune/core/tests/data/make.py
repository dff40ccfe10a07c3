"""Makes the small golden sets beside this file: inputs from a seed, answers with 50 digits.

Written for these tests alone: the likelihood of a family is the sum, over every assignment of states to the inner
nodes, of the product of transition probabilities (no pruning recursion). Needs Python 3 and mpmath:

    python3 make.py
"""

import itertools
import os
import random

from mpmath import expm1, inf, log, mp, mpf

mp.dps = 50
HERE = os.path.dirname(os.path.abspath(__file__))


class Node:
    def __init__(self, name=None, length="0", children=()):
        self.name, self.length, self.children = name, length, list(children)

    def newick(self, root=True):
        inner = "(" + ",".join(c.newick(False) for c in self.children) + ")" if self.children else ""
        return inner + (self.name or "") + (";\n" if root else ":" + self.length)

    def nodes(self):
        for child in self.children:
            yield from child.nodes()
        yield self


def transition(gain, loss, length):
    """exp(Q t) in closed form; rates and lengths have the value of the double that their text stands for."""
    total = gain + loss
    if total == 0:
        return [[mpf(1), mpf(0)], [mpf(0), mpf(1)]]
    changed = -expm1(-total * length) / total
    return [[1 - gain * changed, gain * changed], [loss * changed, 1 - loss * changed]]


def likelihood(root, states, gain, loss):
    nodes = list(root.nodes())
    tips = {n: states[n.name] for n in nodes if not n.children}
    inner = [n for n in nodes if n.children]
    matrices = {n: transition(gain, loss, mpf(float(n.length))) for n in nodes}
    total = gain + loss
    prior = [loss / total, gain / total] if total else [mpf("0.5")] * 2
    allowed = {"0": [0], "1": [1], "?": [0, 1]}
    result = mpf(0)
    for assignment in itertools.product((0, 1), repeat=len(inner)):
        state = dict(zip(inner, assignment))
        product = prior[state[root]] if root in state else None
        for parent in inner:
            for child in parent.children:
                row = matrices[child][state[parent]]
                product *= row[state[child]] if child in state else sum(row[s] for s in allowed[tips[child]])
        result += product
    return result


def save(name, root, families, rates):
    """families: list of dicts from tip to state; rates: list of (gain, loss) as text."""
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    tips = [n.name for n in root.nodes() if not n.children]
    with open(os.path.join(folder, "tree.nwk"), "w") as out:
        out.write(root.newick())
    shuffled = sorted(tips, key=lambda t: hash_of(t))
    with open(os.path.join(folder, "matrix.tsv"), "w") as out:
        out.write("family\t" + "\t".join(shuffled) + "\n")
        for i, states in enumerate(families):
            out.write(f"fam{i + 1}\t" + "\t".join(states[t] for t in shuffled) + "\n")
    with open(os.path.join(folder, "expected.tsv"), "w") as out:
        out.write("family\tgain\tloss\tlog_likelihood\n")
        for i, (states, (gain, loss)) in enumerate(zip(families, rates)):
            value = likelihood(root, states, mpf(float(gain)), mpf(float(loss)))
            text = "%.17g" % float(log(value)) if value > 0 else "-inf"
            out.write(f"fam{i + 1}\t{gain}\t{loss}\t{text}\n")


def hash_of(text):
    value = 7
    for char in text:
        value = (value * 31 + ord(char)) % 1009
    return value


def random_tree(rng, tips, arities, lengths):
    open_nodes = [Node(f"t{i + 1}", rng.choice(lengths)) for i in range(tips)]
    while len(open_nodes) > 1:
        count = min(rng.choice(arities), len(open_nodes))
        picked = [open_nodes.pop(rng.randrange(len(open_nodes))) for _ in range(count)]
        open_nodes.append(Node(None, rng.choice(lengths), picked))
    return open_nodes[0]


def random_states(rng, root, count, alphabet):
    tips = [n.name for n in root.nodes() if not n.children]
    return [{t: rng.choice(alphabet) for t in tips} for _ in range(count)]


def main():
    rng = random.Random(20)
    usual = ["0.05", "0.13", "0.4", "0.77", "1.6"]
    tree = random_tree(rng, 11, [2], usual)
    families = random_states(rng, tree, 80, "001")
    save("binary_11", tree, families, [("0.5", "1.5")] * 80)
    tree = random_tree(rng, 10, [2, 3, 4], usual + ["0", "1e-7"])
    families = random_states(rng, tree, 70, "0001?")
    rates = [(f"{rng.lognormvariate(-1, 1):.5g}", f"{rng.lognormvariate(0, 1):.5g}") for _ in range(70)]
    save("polytomies_missing", tree, families, rates)
    tree = random_tree(rng, 9, [1, 2, 3], ["0", "1e-15", "1e-9", "0.3", "1e4"])
    families = random_states(rng, tree, 70, "01")
    extremes = [("0", "0.7"), ("0.7", "0"), ("1e-11", "2"), ("3", "1e-11"), ("0", "0"), ("0.2", "0.9")]
    save("extremes", tree, families, [extremes[i % 6] for i in range(70)])


main()
