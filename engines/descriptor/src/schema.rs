//! The published schema of descriptors (`engines/abi/include/descriptor.schema.json`), held to the types.

use crate::Descriptor;
use crate::descriptor::tests::counter as descriptor;
use serde_json::{Value, json};
use std::path::Path;

const FILE: &str = "../abi/include/descriptor.schema.json";

/// The schema that follows from the types.
fn of_the_types() -> Value {
    let mut schema = schemars::schema_for!(Descriptor).to_value();
    schema["title"] = json!("Descriptor of a scaletune engine");
    schema
}

/// The published schema; none, with a visible line, where this package stands alone: the file belongs to another one.
fn published() -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if !path.parent().is_some_and(Path::is_dir) {
        eprintln!("SKIPPED: the schema lies in the package scaletune-abi, which is not beside this one");
        return None;
    }
    Some(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

#[test]
fn the_published_schema_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("SCALETUNE_WRITE_SCHEMA").is_some() {
        let text = serde_json::to_string_pretty(&of_the_types()).unwrap() + "\n";
        std::fs::write(&path, text).unwrap();
    }
    let Some(published) = published() else { return };
    assert_eq!(
        published,
        of_the_types(),
        "run `SCALETUNE_WRITE_SCHEMA=1 cargo test -p scaletune-descriptor` to write it again"
    );
}

#[test]
fn the_schema_takes_what_can_be_read_and_nothing_else() {
    let Some(published) = published() else { return };
    let validator = jsonschema::validator_for(&published).unwrap();
    let sound = serde_json::to_value(descriptor()).unwrap();
    let spoil = |pointer: &str, value: Value| {
        let mut spoilt = sound.clone();
        *spoilt.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        spoilt
    };
    assert!(validator.is_valid(&sound));
    let mut least = sound.clone();
    for optional in ["constraints", "facts", "helpers", "reference", "stages", "simulate", "build"] {
        least.as_object_mut().unwrap().remove(optional);
    }
    let text = least.to_string();
    assert!(validator.is_valid(&least) && Descriptor::from_json(&text).is_ok(), "{text}");
    for spoilt in [
        spoil("/name", json!(1)),
        spoil("/axes/0/kind", json!("word")),
        spoil("/axes/0/help", Value::Null),
        spoil("/inputs", json!([{"name": "x", "help": "", "kind": "choice"}])),
        spoil("/outputs/0/rule", json!("about")),
        spoil("/outputs/0", json!("file.tsv")),
        spoil("/constraints", json!([1])),
        spoil("/axes", json!([{"name": "workers", "help": "", "kind": "integer", "min": 1, "default": "most"}])),
    ] {
        assert!(Descriptor::from_json(&spoilt.to_string()).is_err(), "{spoilt}");
        assert!(!validator.is_valid(&spoilt), "{spoilt}");
    }
}
