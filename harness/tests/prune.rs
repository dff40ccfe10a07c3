//! The pruning engine end to end: the shared goldens under every kernel.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{home, names, need_count_engine, outcome, scaletune, shared, succeed};
use std::collections::HashMap;
use std::path::Path;

const PLANS: &[&str] = &[
    "kernel=per-family,workers=1",
    "kernel=lanes,workers=2,chunk=64",
    "kernel=patterns,workers=1",
    "kernel=repeats,workers=3,chunk=64",
    "kernel=auto,workers=2",
];

/// Family to (gain, loss, log-likelihood), by the columns' names in the golden or in our table.
fn table(path: &Path) -> HashMap<String, [f64; 3]> {
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().skip(1).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        (cells[0].to_string(), [cells[1], cells[2], cells[3]].map(|cell| cell.parse().unwrap()))
    });
    rows.collect()
}

#[test]
fn every_set_under_every_kernel() {
    let Some(golden) = shared("golden/prune") else { return };
    let mut sets = 0;
    for entry in std::fs::read_dir(&golden).unwrap() {
        let folder = entry.unwrap().path();
        let expected_file = folder.join("expected.tsv");
        if !expected_file.is_file() {
            continue;
        }
        let expected = table(&expected_file);
        if expected.values().any(|row| row[0].is_nan()) {
            continue;
        }
        sets += 1;
        let home = home();
        let rates: String =
            expected.iter().map(|(family, [gain, loss, _])| format!("{family}\t{gain:?}\t{loss:?}\n")).collect();
        std::fs::write(home.path().join("rates.tsv"), format!("family\tgain\tloss\n{rates}")).unwrap();
        let meta = std::fs::read_to_string(folder.join("meta.json")).unwrap();
        let missing = if meta.contains("nolen") { &["--missing-length", "0"][..] } else { &[] };
        for plan in PLANS {
            let mut command = scaletune(home.path());
            command.args([
                "run",
                "prune",
                "-q",
                "--no-profile",
                "--threads",
                "4",
                "--plan",
                plan,
                "--rates",
                "rates.tsv",
            ]);
            command.arg("--tree").arg(folder.join("tree.nwk")).arg("--matrix").arg(folder.join("matrix.tsv"));
            succeed(command.args(missing).args(["--force", "--outdir", "out"]));
            for (family, [_, _, found]) in table(&home.path().join("out/families.tsv")) {
                let [_, _, wanted] = expected[&family];
                let same = found == wanted || (found - wanted).abs() <= 1e-10 * wanted.abs().max(1e-300);
                assert!(same, "{} {family} under {plan}: {found} is not {wanted}", folder.display());
            }
        }
    }
    assert!(sets > 15, "{sets} sets were found");
}

#[test]
fn every_worker_count_writes_the_same_bytes() {
    let home = home();
    succeed(scaletune(home.path()).args([
        "simulate",
        "prune",
        "-q",
        "--preset",
        "tiny",
        "--families",
        "1000",
        "--out",
        "w",
    ]));
    for (form, states) in [("tsv", "ancestral.tsv"), ("tsv.gz", "ancestral.tsv.gz"), ("npy", "ancestral.npy")] {
        let mut first = None;
        for workers in ["1", "2", "3", "8"] {
            let mut command = scaletune(home.path());
            command.args([
                "run",
                "prune",
                "-q",
                "--no-profile",
                "--inputs",
                "w/inputs.toml",
                "--ancestral",
                "--branches",
            ]);
            succeed(command.args(["--threads", workers, "--ancestral-format", form, "--force", "--outdir", "out"]));
            let read = |name: &str| std::fs::read(home.path().join("out").join(name)).unwrap();
            let names = ["families.tsv", "summary.json", states, "branches.tsv", "branch_families.tsv", "tree.nwk"];
            let bytes = names.map(read);
            assert!(*first.get_or_insert(bytes.clone()) == bytes, "{workers} workers, {form}");
        }
    }
}

/// Every kernel's states are held against the reference's, in every form.
#[test]
fn states_are_verified_in_every_form() {
    let home = home();
    let mut command = scaletune(home.path());
    succeed(command.args(["simulate", "prune", "-q", "--preset", "tiny", "--missing", "0.02", "--out", "w"]));
    for form in ["tsv", "tsv.gz", "npy"] {
        for kernel in ["kernel=lanes", "kernel=auto"] {
            let mut command = scaletune(home.path());
            command.args([
                "run",
                "prune",
                "-q",
                "--no-profile",
                "--verify",
                "--inputs",
                "w/inputs.toml",
                "--ancestral",
            ]);
            command.args(["--branches", "--min-expected", "0", "--digits", "exact", "--ancestral-format", form]);
            succeed(command.args(["--set", kernel, "--force", "--outdir", form]));
        }
    }
    let names = ["ancestral.npy", "ancestral_families.txt", "ancestral_nodes.txt"];
    assert!(names.iter().all(|name| home.path().join("npy").join(name).is_file()));
    assert!(home.path().join("tsv.gz/ancestral.tsv.gz").is_file());
}

#[test]
fn bad_input_is_refused_and_nothing_is_left() {
    let home = home();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write("t.nwk", "((a:1,b:1):1,c:2);\n");
    write("m.tsv", "family\ta\tb\tc\nf1\t0\t1\t1\n");
    let run = |arguments: &[&str]| {
        let mut command = scaletune(home.path());
        let out = outcome(command.args(["run", "prune", "--force", "--outdir", "out"]).args(arguments));
        if out.0 != 0 {
            assert_eq!(names(&home.path().join("out")), [""; 0]);
        }
        out
    };
    let refused = |arguments: &[&str], cause: &str| {
        let (status, _, stderr) = run(arguments);
        assert_eq!(status, 2, "{stderr}");
        assert!(stderr.contains(cause), "{cause}: {stderr}");
    };
    let both = ["--tree", "t.nwk", "--matrix", "m.tsv"];
    refused(&both, "give --gain and --loss, --rates, or --fit");
    refused(&[&both[..], &["--gain", "1"]].concat(), "give both");
    refused(&[&both[..], &["--gain", "1", "--loss", "1", "--root-prior", "0.3,0.3"]].concat(), "root-prior");
    // Options of what is not written; their healthy neighbours.
    let given = [&both[..], &["--gain", "1", "--loss", "1"]].concat();
    for (options, with, cause) in [
        (["--ancestral-format", "npy"], "--ancestral", "give --ancestral"),
        (["--digits", "6"], "--branches", "give --ancestral or --branches"),
        (["--digits", "exact"], "--ancestral", "give --ancestral or --branches"),
        (["--min-expected", "0.5"], "--branches", "give --branches"),
    ] {
        refused(&[&given[..], &options].concat(), cause);
        assert_eq!(run(&[&given[..], &options, &[with]].concat()).0, 0);
        std::fs::remove_dir_all(home.path().join("out")).unwrap();
    }
    for digits in ["0", "18", "few"] {
        refused(&[&given[..], &["--ancestral", "--digits", digits]].concat(), "give `exact`, or a number from 1 to 17");
    }
    refused(&[&given[..], &["--branches", "--min-expected", "1.5"]].concat(), "min-expected");
    write("m.tsv", "family\ta\tb\td\nf1\t0\t1\t1\n");
    refused(&[&both[..], &["--gain", "1", "--loss", "1"]].concat(), "m.tsv");
    write("t.nwk", "((a:1,b:-1):1,c:2);\n");
    refused(&[&both[..], &["--gain", "1", "--loss", "1"]].concat(), "t.nwk:1:");
}

/// Rows that can't have been seen drive gain to its bound: told on the terminal, in the manifest and in the fit.
#[test]
fn a_fit_that_ends_at_a_bound_is_told() {
    let home = home();
    std::fs::write(home.path().join("t.nwk"), "((a:1,b:1):1,(c:1,d:1):1);").unwrap();
    let rows: String = (0..40).map(|family| format!("f{family}\t0\t0\t0\t0\n")).collect();
    std::fs::write(home.path().join("m.tsv"), format!("family\ta\tb\tc\td\n{rows}")).unwrap();
    let mut command = scaletune(home.path());
    command.args(["run", "prune", "-q", "--no-profile", "--tree", "t.nwk", "--matrix", "m.tsv", "--fit"]);
    let stderr = succeed(command.args(["--ascertainment", "absent", "--force", "--outdir", "out"]));
    let document = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(home.path().join("out").join(name)).unwrap()).unwrap()
    };
    let warnings = document("run.json")["warnings"].to_string();
    for told in ["m.tsv: 40 of 40 families are absent everywhere", "fit: gain ended at its lower bound, 1.0e-9"] {
        assert!(stderr.contains(told) && warnings.contains(told), "{told}: {stderr}{warnings}");
    }
    assert_eq!(document("fit.json")["at_bound"][0], "log_gain");
}

/// Tables of pangenome tools in the forms that are about: a header in another case, 0 and 1 for locus names, packed.
#[test]
fn tables_that_say_the_same_give_the_same_bytes() {
    let home = home();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write("t.nwk", "((s1:0.2,s2:0.1):0.3,(s3:0.2,s4:0.4):0.1);\n");
    write("plain.tsv", "family\ts1\ts2\ts3\ts4\nkin\t1\t1\t0\t1\npor\t0\t1\t0\t0\n");
    let head = "gene,Non-Unique Gene Name,ANNOTATION,No. Isolates,QC";
    write("numbers.csv", &format!("{head},s1,s2,s3,s4\nkin,,kinase,3,,1,1,0,1\npor,,porin,1,,0,1,0,0\n"));
    write("loci.csv", &format!("{head},s1,s2,s3,s4\nkin,,\"a, b\",3,,x_1,y_1,,z_1\npor,,,1,,,y_2;y_3,,\n"));
    write("odd.tsv", "id\tproduct\ts1\ts2\ts3\ts4\nkin\tkinase\tx\ty\t\tz\npor\tporin\t\ty\t\t\n");
    write("a.phy", "4 2\ns1 10\ns2 11\ns3 00\ns4 10\n");
    write("mixed.csv", &format!("{head},s1,s2,s3,s4\nkin,,,3,,x_1,y_1,,z_1\npor,,,1,,0,y_2,,\n"));
    let run = |matrix: &str, out: &str| {
        let mut command = scaletune(home.path());
        command.args(["run", "prune", "-q", "--no-profile", "--tree", "t.nwk", "--matrix", matrix]);
        outcome(command.args(["--gain", "0.5", "--loss", "1.5", "--force", "--outdir", out]))
    };
    let families = |out: &str| std::fs::read_to_string(home.path().join(out).join("families.tsv")).unwrap();
    for (matrix, told) in [
        ("plain.tsv", ""),
        ("numbers.csv", ""),
        ("loci.csv", ""),
        ("odd.tsv", "1 columns before the first taxon 's1' are taken for descriptions of the families: 'product'"),
    ] {
        let (status, _, stderr) = run(matrix, matrix.split('.').next().unwrap());
        assert!(status == 0 && stderr.contains(told) && (told.is_empty() == stderr.is_empty()), "{matrix}: {stderr}");
        assert_eq!(families(matrix.split('.').next().unwrap()), families("plain"), "{matrix}");
    }
    let (status, _, stderr) = run("a.phy", "a");
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert_eq!(families("a").replace("site1", "kin").replace("site2", "por"), families("plain"));
    let (status, _, stderr) = run("mixed.csv", "mixed");
    assert_eq!(status, 2);
    assert!(stderr.contains("mixed.csv:3:10: '0' in a table that has 'x_1' at 2:10: a table holds either"), "{stderr}");
    assert_eq!(names(&home.path().join("mixed")), [""; 0]);
}

/// A file of several trees: an error, the first, or each of them with a summary.
#[test]
fn every_tree_of_a_file_has_its_result() {
    let home = home();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write("one.nwk", "((a:1,b:1):1,(c:1,d:2):1);\n");
    write(
        "all.nex",
        "#NEXUS\nbegin trees;\n  translate 1 a, 2 b, 3 c, 4 d;\n  tree first = [&R] ((1:1,2:1):1,(3:1,4:2):1);\n  \
         tree second = [&R] ((3:1,2:1):1,(1:1,4:2):1);\nend;\n",
    );
    write("m.tsv", "family\ta\tb\tc\td\nf1\t1\t1\t0\t0\nf2\t0\t1\t1\t?\n");
    let run = |tree: &str, more: &[&str], out: &str| {
        let mut command = scaletune(home.path());
        command.args(["run", "prune", "-q", "--no-profile", "--tree", tree, "--matrix", "m.tsv", "--ancestral"]);
        outcome(command.args(["--gain", "0.5", "--loss", "1.5", "--force", "--outdir", out]).args(more))
    };
    let (status, _, stderr) = run("all.nex", &[], "none");
    assert!(
        status == 2 && stderr.contains("all.nex:5:3: a second tree; --trees first takes the first one"),
        "{stderr}"
    );
    assert_eq!(run("one.nwk", &[], "one").0, 0);
    assert_eq!(run("all.nex", &["--trees", "first"], "first").0, 0);
    let (status, _, stderr) = run("all.nex", &["--trees", "all"], "all");
    assert_eq!((status, stderr.as_str()), (0, ""));
    let text = |path: &str| std::fs::read_to_string(home.path().join(path)).unwrap();
    for name in ["families.tsv", "summary.json", "ancestral.tsv", "tree.nwk"] {
        assert_eq!(text(&format!("one/{name}")), text(&format!("first/{name}")), "{name}");
        assert_eq!(text(&format!("one/{name}")), text(&format!("all/tree-1.{name}")), "{name}");
    }
    let trees: Vec<String> = text("all/trees.tsv").lines().map(str::to_owned).collect();
    assert_eq!(trees[0], "tree\tname\tlog_likelihood\timpossible_families");
    assert!(
        trees[1].starts_with("1\tfirst\t-") && trees[2].starts_with("2\tsecond\t-") && trees.len() == 3,
        "{trees:?}"
    );
    assert!(text("all/sample.tsv").starts_with("figure\tmean\tsd\tmin\tq2.5\tmedian\tq97.5\tmax\nlog_likelihood\t-"));
    assert_eq!(text("all/sample_families.tsv").lines().count(), 3);
}

/// What the data hardly bound, and a root that nobody chose: warnings with the figure and the remedy, never an error.
#[test]
fn fits_and_roots_to_doubt_are_told() {
    let home = home();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write("t.nwk", "(a:0.1,(b:0.2,(c:0.3,d:0.1):0.2):0.1);\n");
    write("three.nwk", "(a:1,b:1,(c:1,d:1):-0.5);\n");
    write("m.tsv", "family\ta\tb\tc\td\nf1\t1\t1\t1\t1\nf2\t1\t0\t1\t0\nf3\t0\t0\t0\t1\n");
    let run = |arguments: &[&str]| {
        let mut command = scaletune(home.path());
        command.args(["run", "prune", "-q", "--no-profile", "--matrix", "m.tsv", "--force", "--outdir", "out"]);
        outcome(command.args(arguments))
    };
    let (status, _, stderr) = run(&["--tree", "t.nwk", "--fit"]);
    let told = "the data do not identify gain (standard error of its logarithm ";
    assert!(status == 0 && stderr.contains(told) && stderr.contains("--prior normal"), "{stderr}");
    assert_eq!(run(&["--tree", "t.nwk", "--fit", "--prior", "normal"]), (0, String::new(), String::new()));
    let given = ["--tree", "three.nwk", "--gain", "0.5", "--loss", "1.5"];
    let (status, _, stderr) = run(&given);
    assert!(status == 2 && stderr.contains("three.nwk:1:20: branch length -0.5 is negative"), "{stderr}");
    let zero = [&given[..], &["--negative-branches", "zero"]].concat();
    let (status, _, stderr) = run(&zero);
    assert!(status == 0 && stderr.contains("1 branches of negative length are taken as 0") && !stderr.contains("root"));
    let (status, _, stderr) = run(&[&zero[..], &["--branches"]].concat());
    assert!(status == 0 && stderr.contains("3 branches meet at the root") && stderr.contains("outgroup"), "{stderr}");
}

/// One folder holds one run: another run's files are neither mixed with nor lost.
#[test]
fn a_folder_of_another_run_is_refused_and_taken_over_only_by_force() {
    need_count_engine();
    let home = home();
    succeed(scaletune(home.path()).args(["simulate", "prune", "-q", "--preset", "tiny", "--out", "w"]));
    let run = |more: &[&str]| {
        let mut command = scaletune(home.path());
        command.args([
            "run",
            "prune",
            "--no-profile",
            "--tree",
            "w/tree.nwk",
            "--matrix",
            "w/matrix.tsv",
            "--outdir",
            "out",
        ]);
        outcome(command.args(more))
    };
    let fit: &[&str] = &["--fit", "--ancestral", "--branches"];
    let given: &[&str] = &["--gain", "0.5", "--loss", "1.5"];
    assert_eq!(run(fit).0, 0);
    let out = home.path().join("out");
    std::fs::write(out.join("notes.txt"), "mine").unwrap();
    let before = names(&out);
    assert!(before.contains(&"fit.json".to_string()) && before.contains(&"ancestral.tsv".to_string()), "{before:?}");

    let (status, _, stderr) = run(given);
    assert!(
        status == 2
            && stderr.contains("holds the outputs of another run (`prune`, begun ")
            && stderr.contains("--force")
    );
    assert_eq!(names(&out), before);
    // The same run again is welcome, and is not needed where it is done.
    assert_eq!(run(fit).0, 0);
    let manifest = std::fs::read(out.join("run.json")).unwrap();
    let (status, _, stderr) = run(&[fit, &["--skip-done"]].concat());
    assert!(status == 0 && stderr.contains("done already, nothing to do"), "{stderr}");
    assert_eq!(std::fs::read(out.join("run.json")).unwrap(), manifest);
    // What is not there any more is not done.
    std::fs::remove_file(out.join("fit.json")).unwrap();
    assert!(!run(&[fit, &["--skip-done"]].concat()).2.contains("nothing to do"));
    assert_eq!(names(&out), before);

    // By force: the files that the old manifest lists go, unless they are others by now.
    std::fs::write(out.join("branches.tsv"), "mine too").unwrap();
    let (status, _, stderr) = run(&[given, &["--force"]].concat());
    assert_eq!(status, 0, "{stderr}");
    let left = names(&out);
    assert!(left.contains(&"notes.txt".to_string()) && left.contains(&"branches.tsv".to_string()), "{left:?}");
    assert!(!left.contains(&"fit.json".to_string()) && !left.contains(&"ancestral.tsv".to_string()), "{left:?}");
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(out.join("run.json")).unwrap()).unwrap();
    assert!(document["host"].is_string() && document["command_line"].as_array().unwrap().len() > 5, "{document}");
    // What leads out of the folder is never removed, whatever a manifest says.
    let outside = home.path().join("outside.txt");
    std::fs::write(&outside, "abc").unwrap();
    let mut forged = document.clone();
    forged["outputs"] = serde_json::json!([{
        "file": "../outside.txt", "size": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }]);
    std::fs::write(out.join("run.json"), forged.to_string()).unwrap();
    let (status, _, stderr) = run(&[fit, &["--force"]].concat());
    assert!(status == 2 && stderr.contains("is not the manifest of a run") && outside.is_file(), "{stderr}");
    // Something else of that name is not written over.
    std::fs::write(out.join("run.json"), "{}").unwrap();
    let (status, _, stderr) = run(&[given, &["--force"]].concat());
    assert!(status == 2 && stderr.contains("is not the manifest of a run"), "{stderr}");
}
