//! The published schema of `sweep.json`, and the test that holds the document to it.

/// JSON Schema (draft 2020-12) of the document.
pub const SCHEMA: &str = include_str!("sweep.schema.json");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Disturbance, Hardware};
    use crate::sweep::tests::{large_sweep, sweep_of};
    use crate::sweep::{Claim, InputFile, Sweep, Verdict};
    use serde_json::{Value, json};

    /// What `value` breaks of `schema`: the keywords that the schema uses, no others.
    fn faults(value: &Value, schema: &Value, root: &Value, path: &str, found: &mut Vec<String>) {
        let Some(schema) = schema.as_object() else { panic!("{path}: the schema has no object here") };
        for (keyword, rule) in schema {
            let broken = match keyword.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" => false,
                "$ref" => {
                    let target = rule.as_str().unwrap().strip_prefix('#').unwrap();
                    faults(value, root.pointer(target).unwrap(), root, path, found);
                    false
                }
                "type" => {
                    let names = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                    !names.iter().any(|name| match name.as_str().unwrap() {
                        "object" => value.is_object(),
                        "array" => value.is_array(),
                        "string" => value.is_string(),
                        "boolean" => value.is_boolean(),
                        "null" => value.is_null(),
                        "number" => value.is_number(),
                        "integer" => value.is_i64() || value.is_u64(),
                        other => panic!("type {other}"),
                    })
                }
                "const" => value != rule,
                "enum" => !rule.as_array().unwrap().contains(value),
                "minimum" => value.as_f64().is_some_and(|number| number < rule.as_f64().unwrap()),
                "required" => {
                    let missing =
                        rule.as_array().unwrap().iter().filter(|name| value.get(name.as_str().unwrap()).is_none());
                    found.extend(missing.map(|name| format!("{path}: lacks {name}")));
                    false
                }
                "properties" => {
                    for (name, rule) in rule.as_object().unwrap() {
                        if let Some(member) = value.get(name) {
                            faults(member, rule, root, &format!("{path}.{name}"), found);
                        }
                    }
                    false
                }
                "additionalProperties" => {
                    let known = schema.get("properties").and_then(Value::as_object);
                    for (name, member) in value.as_object().into_iter().flatten() {
                        if known.is_some_and(|known| known.contains_key(name)) {
                            continue;
                        }
                        match rule {
                            Value::Bool(false) => found.push(format!("{path}: {name} is not in the schema")),
                            rule => faults(member, rule, root, &format!("{path}.{name}"), found),
                        }
                    }
                    false
                }
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        faults(item, rule, root, &format!("{path}[{index}]"), found);
                    }
                    false
                }
                other => panic!("the schema uses {other}, which this test does not know"),
            };
            if broken {
                found.push(format!("{path}: {value} breaks {keyword} {rule}"));
            }
        }
    }

    fn check(document: &Value) -> Vec<String> {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let mut found = Vec::new();
        faults(document, &schema, &schema, "$", &mut found);
        found
    }

    fn spoilt() -> Sweep {
        let mut sweep = sweep_of(|threads| 8.0 / threads as f64, &[1, 2], 2, 0.05);
        sweep.machine.cpu_quota = Some(1.5);
        sweep.machine.hardware = Hardware {
            cpu_id: Some("family 6".into()),
            vector: Some(vec!["avx".into()]),
            threads_per_core: Some(2),
            numa_nodes: Some(1),
            l1d_bytes: Some(1),
            l2_bytes: Some(2),
            l3_bytes: Some(3),
            governor: Some("powersave".into()),
            boost: Some(true),
            virtual_machine: Some(true),
            hypervisor: Some("xen".into()),
        };
        sweep.engine_build = "abc".into();
        sweep.plugin_sha256 = Some("0a1b".into());
        sweep.files =
            vec![InputFile { input: "bam".into(), file: "S.bam".into(), bytes: 5, file_system: Some("ext4".into()) }];
        let disturbance = Disturbance {
            pressure_s: Some(0.5),
            throttled_s: Some(0.25),
            throttled_periods: Some(2),
            run_delay_s: Some(0.125),
            ..Disturbance::default()
        };
        let sample = &mut sweep.rows[0].samples[0];
        (sample.disturbance, sample.yardstick_s, sample.slowdown) = (Some(disturbance), Some(0.01), Some(1.5));
        sweep.rows[1].name = Some("level 0".into());
        sweep.rows[1].claim = Some(Claim { speedup: 5.6, efficiency: Some(0.7) });
        sweep.rows[2].equivalence = Verdict::Different;
        sweep.rows[2].difference = Some("row 1".into());
        sweep.rows[2].tainted = Some("algorithm=b,workers=2".into());
        sweep.rows[3].failure = Some("crashed".into());
        (sweep.rows[3].median_s, sweep.rows[3].cpu_s, sweep.rows[3].peak_rss_bytes) = (None, None, None);
        sweep
    }

    #[test]
    fn every_document_follows_the_schema() {
        for sweep in [spoilt(), large_sweep(&[2])] {
            assert_eq!(check(&serde_json::to_value(&sweep).unwrap()), Vec::<String>::new());
        }
    }

    /// The other way round: what the schema lists is what documents hold.
    #[test]
    fn the_schema_lists_nothing_that_is_not_there() {
        let document = serde_json::to_value(spoilt()).unwrap();
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let names = |pointer: &str| -> Vec<String> {
            schema.pointer(pointer).and_then(Value::as_object).unwrap().keys().cloned().collect()
        };
        for name in names("/properties") {
            assert!(document.get(&name).is_some(), "{name}");
        }
        for name in names("/$defs/row/properties") {
            assert!(document["rows"].as_array().unwrap().iter().any(|row| row.get(&name).is_some()), "{name}");
        }
        let rows = document["rows"].as_array().unwrap();
        let timeline = rows.iter().find_map(|row| row.get("timeline")).unwrap();
        for name in names("/$defs/timeline/properties") {
            assert!(timeline.get(&name).is_some(), "{name}");
        }
        for name in names("/$defs/sample/properties") {
            assert!(rows[0]["samples"][0].get(&name).is_some(), "{name}");
        }
        for name in names("/$defs/machine/properties") {
            assert!(document["machine"].get(&name).is_some(), "{name}");
        }
        for name in names("/$defs/machine/properties/hardware/properties") {
            assert!(document["machine"]["hardware"].get(&name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_checker_finds_faults() {
        let mut document = serde_json::to_value(spoilt()).unwrap();
        document["rows"][0]["median_s"] = json!("fast");
        document["rows"][0]["equivalence"] = json!("maybe");
        document["surprise"] = json!(1);
        document.as_object_mut().unwrap().remove("engine");
        assert_eq!(check(&document).len(), 4);
    }
}
