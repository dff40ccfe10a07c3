use super::*;
use scaletune_descriptor::Input;
use serde_json::json;
use std::os::unix::fs::symlink;

fn outputs() -> Vec<Output> {
    vec![
        Output::new("counts", "counts.tsv", "tsv", ""),
        Output::new("ledger", "ledger.tsv", "tsv", "").placed(Place::Flag("ledger".into())),
        Output::new("names", "names.tsv", "tsv", "").placed(Place::Beside(".names".into())),
    ]
}

fn inputs() -> Inputs {
    let given = json!({"tag": "t"}).as_object().cloned().unwrap_or_default();
    Inputs::check(given, &[Input::text("tag", "")], &[]).unwrap()
}

/// Publishes the given staged files; what `target`'s folder holds afterwards, hidden files included.
fn publish(target: &Target, files: &[(&str, &str)]) -> Result<(), TargetError> {
    let staging = target.stage()?;
    for (name, text) in files {
        fs::write(staging.files().join(name), text).unwrap();
    }
    target.publish(&staging, &outputs(), &inputs(), |files| serde_json::to_string(&files).unwrap())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn files_arrive_with_a_manifest_and_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.tsv");
    fs::write(&path, "old").unwrap();
    let mut target = Target::file(&path).unwrap();
    target.add_flagged("ledger", &folder.path().join("why.tsv")).unwrap();
    publish(&target, &[("counts.tsv", "new"), ("ledger.tsv", "why"), ("names.tsv", "n")]).unwrap();
    assert_eq!(names(folder.path()), ["out.tsv", "out.tsv.names", "out.tsv.run.json", "why.tsv"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    let manifest: Vec<FileFigures> =
        serde_json::from_str(&fs::read_to_string(folder.path().join("out.tsv.run.json")).unwrap()).unwrap();
    let listed: Vec<_> = manifest.iter().map(|file| file.file.as_str()).collect();
    assert_eq!(listed, ["out.tsv", "why.tsv", "out.tsv.names"]);
}

#[test]
fn what_the_engine_did_not_do_right_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.tsv");
    fs::write(&path, "old").unwrap();
    let target = Target::file(&path).unwrap();
    let missing = publish(&target, &[]).unwrap_err().to_string();
    assert_eq!(missing, "the engine did not write `counts.tsv`, which it declares");
    let stray = publish(&target, &[("counts.tsv", "x"), ("stray", "x")]).unwrap_err().to_string();
    assert_eq!(stray, "the engine wrote `stray`, which it does not declare");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names(folder.path()), ["out.tsv"]);
}

#[test]
fn only_plain_files_of_the_engines_own_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "not yours").unwrap();
    let target = Target::file(&folder.path().join("out.tsv")).unwrap();
    let refused = |make: &dyn Fn(&Path)| {
        let staging = target.stage().unwrap();
        make(&staging.files());
        let published = target.publish(&staging, &outputs(), &inputs(), |_| String::new());
        published.unwrap_err().to_string()
    };
    let no_file = "the engine wrote `counts.tsv`, which is not a plain file";
    assert_eq!(refused(&|files| symlink(&secret, files.join("counts.tsv")).unwrap()), no_file);
    assert_eq!(refused(&|files| symlink("/nowhere", files.join("counts.tsv")).unwrap()), no_file);
    assert_eq!(refused(&|files| fs::hard_link(&secret, files.join("counts.tsv")).unwrap()), no_file);
    assert_eq!(refused(&|files| fs::create_dir(files.join("counts.tsv")).unwrap()), no_file);
    let beside = refused(&|files| {
        fs::write(files.join("counts.tsv"), "x").unwrap();
        fs::write(files.join("../stray"), "x").unwrap();
    });
    assert_eq!(beside, "the engine wrote `../stray`, outside the folder that it was given");
    assert_eq!(names(folder.path()), ["secret"]);
    assert_eq!(fs::read_to_string(&secret).unwrap(), "not yours");
}

#[test]
fn a_flagged_output_may_lie_on_another_file_system() {
    let folder = tempfile::tempdir().unwrap();
    let Ok(elsewhere) = tempfile::tempdir_in("/dev/shm") else {
        eprintln!("SKIPPED: no /dev/shm");
        return;
    };
    let mut target = Target::file(&folder.path().join("out.tsv")).unwrap();
    target.add_flagged("ledger", &elsewhere.path().join("why.tsv")).unwrap();
    publish(&target, &[("counts.tsv", "new"), ("ledger.tsv", "why")]).unwrap();
    assert_eq!(names(elsewhere.path()), ["why.tsv"]);
    assert_eq!(fs::read_to_string(elsewhere.path().join("why.tsv")).unwrap(), "why");
}

#[test]
fn what_fails_for_want_of_room_leaves_file_and_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.tsv");
    let target = Target::file(&path).unwrap();
    publish(&target, &[("counts.tsv", "old")]).unwrap();
    let manifest = fs::read_to_string(folder.path().join("out.tsv.run.json")).unwrap();
    let mut second = Target::file(&path).unwrap();
    second.flagged.push(("ledger".into(), folder.path().join("absent/why.tsv")));
    publish(&second, &[("counts.tsv", "new"), ("ledger.tsv", "why")]).unwrap_err();
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(fs::read_to_string(folder.path().join("out.tsv.run.json")).unwrap(), manifest);
}

#[test]
fn gz_compresses_the_same_way_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.tsv.gz");
    let target = Target::file(&path).unwrap();
    publish(&target, &[("counts.tsv", "text")]).unwrap();
    let first = fs::read(&path).unwrap();
    publish(&target, &[("counts.tsv", "text")]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), first);
    let mut text = String::new();
    io::Read::read_to_string(&mut flate2::read::GzDecoder::new(first.as_slice()), &mut text).unwrap();
    assert_eq!(text, "text");
}

#[test]
fn links_are_followed_and_devices_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "old").unwrap();
    symlink(&file, &link).unwrap();
    publish(&Target::file(&link).unwrap(), &[("counts.tsv", "new")]).unwrap();
    assert!(link.is_symlink());
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    publish(&Target::file(Path::new("/dev/null")).unwrap(), &[("counts.tsv", "new")]).unwrap();
    assert!(is_special(Path::new("/dev/null")));
}

#[test]
fn impossible_targets_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let fault = |path: &Path| Target::file(path).unwrap_err().to_string();
    assert!(fault(folder.path()).ends_with("is a folder; name a file"));
    assert!(fault(&folder.path().join("absent/x")).ends_with("its folder does not exist; make it first"));
    let file = folder.path().join("x");
    fs::write(&file, "").unwrap();
    assert!(Target::folder(&file).unwrap_err().to_string().ends_with("is a file; name a folder"));
    let mut target = Target::file(&file).unwrap();
    assert!(
        target
            .check_against(std::slice::from_ref(&file))
            .unwrap_err()
            .to_string()
            .ends_with("write the output elsewhere")
    );
    target.add_flagged("ledger", &file).unwrap();
    assert!(target.check_against(&[]).unwrap_err().to_string().contains("two outputs"));
}
