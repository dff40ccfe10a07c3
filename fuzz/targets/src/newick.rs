//! Trees in Newick and NEXUS.

use scaletune_prune_core::newick::{MissingLengths, parse, to_newick};
use std::path::Path;

/// Reads a tree; what was read can be written, and read again.
pub fn target(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else { return false };
    let mut taken = false;
    for missing in [MissingLengths::Refuse, MissingLengths::Use(0.1)] {
        if let Ok(tree) = parse(text, Path::new("tree.nwk"), missing) {
            taken = true;
            let written = to_newick(&tree, &tree.labels());
            let again = parse(&written, Path::new("again.nwk"), missing).expect("what was written can be read");
            // But for the labels that inner nodes are given.
            assert!(again.node_count() == tree.node_count() && again.tip_index() == tree.tip_index());
            for node in 0..tree.node_count() {
                assert!(again.parent(node) == tree.parent(node));
                assert!(node == tree.root() || again.length(node) == tree.length(node));
            }
        }
    }
    taken
}

/// Trees with quotes, comments, polytomies and scientific numbers.
pub fn seeds() -> Vec<Vec<u8>> {
    crate::texts(&[
        "((a:0.1,b:0.2):0.3,c:0.4);",
        "[head]('it''s':1e-3,\"b c\":.5,(d:1,e:2,f:3)inner_1:0[x[nested]y]):0;",
        "(a,(b,(c,(d,e))));",
        "(((a:1):1):1,b:2)root:5;\n",
        "#NEXUS\nbegin trees;\ntranslate 1 a, 2 'b c';\ntree x = [&R] (1:1,2:2);\nend;\n",
        "[a comment]\u{feff}a:1;",
    ])
}
