//! What a fit or a tree leaves open is told.

use super::*;

/// Three families on three tips hold no rates; hundreds on a dozen do.
#[test]
fn what_is_not_identified_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let tree = file("t.nwk", "((a:0.1,b:0.2):0.3,c:0.4);");
    let matrix = file("m.tsv", "g\ta\tb\tc\nf1\t1\t0\t0\nf2\t0\t1\t1\nf3\t0\t1\t0\n");
    let outcome = run(Request::new(tree, matrix, fitted()));
    let told = outcome.warnings();
    assert!(
        told.iter().any(|it| it.contains("do not identify") || it.contains("bound")),
        "{told:?} {:?}",
        outcome.fit()
    );
    let (tree, matrix) = workload(folder.path(), &Simulation { taxa: 12, families: 300, ..Simulation::default() });
    assert_eq!(run(Request::new(tree, matrix, fitted())).warnings(), [""; 0]);
}

/// Where three branches meet at the root is told only where the place of the root decides something.
#[test]
fn unrooted_trees_are_told_where_it_matters() {
    let folder = tempfile::tempdir().unwrap();
    let (tree, matrix) = (folder.path().join("t.nwk"), folder.path().join("m.tsv"));
    std::fs::write(&tree, "(a:1,b:1,(c:1,d:1):-0.1);").unwrap();
    std::fs::write(&matrix, "g\ta\tb\tc\td\nf1\t1\t0\t0\t1\n").unwrap();
    let mut request = Request::new(&tree, &matrix, RateSource::Global(GIVEN));
    assert!(fault(request.clone()).contains("--negative-branches zero"));
    request.tree_options.negative = NegativeLengths::Zero;
    let warnings = |request: &Request| Session::open(request.clone(), &Unwatched).unwrap().warnings().to_vec();
    let told = warnings(&request);
    assert!(told.len() == 1 && told[0].ends_with("1 branches of negative length are taken as 0, the lowest was -0.1"));
    request.ancestral = true;
    assert!(
        warnings(&request)[1].contains("3 branches meet at the root, as in trees that nobody rooted; for ancestral")
    );
    std::fs::write(&tree, "((a:1,b:1):1,(c:1,d:1):-0.1);").unwrap();
    assert_eq!(warnings(&request).len(), 1);
}
