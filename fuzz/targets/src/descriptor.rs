//! What `describe()` returned: a descriptor as JSON, checked, and the plans that follow from it.

use scaletune_descriptor::{Descriptor, Inputs, Plan, PlanSpace};
use serde_json::Map;

/// Reads a descriptor and does with it what the harness does with a plugin that it has just found.
pub fn target(data: &[u8]) -> bool {
    let Ok(descriptor) = serde_json::from_slice::<Descriptor>(data) else { return false };
    if descriptor.validate().is_err() {
        return false;
    }
    let reference = descriptor.reference_plan().expect("a valid descriptor has a reference plan");
    descriptor.check_plan(&reference).expect("the reference plan is one");
    assert!(descriptor.threads_used(&reference) >= 1);
    descriptor.helper_threads(&reference);
    let nothing = Plan::new();
    for threads in [1, 3] {
        let space = PlanSpace::new(&descriptor, threads, &nothing).for_inputs(&Map::new());
        if let Ok(plan) = space.default_plan() {
            descriptor.check_plan(&plan).expect("the default is a plan");
        }
        for plan in space.plans().unwrap_or_default() {
            descriptor.check_plan(&plan).expect("every plan of the space is one");
        }
    }
    drop(Inputs::check(Map::new(), &descriptor.inputs, &[]));
    let again = serde_json::to_vec(&descriptor).expect("a descriptor can be written");
    assert!(serde_json::from_slice::<Descriptor>(&again).expect("what was written can be read") == descriptor);
    true
}

/// Descriptors of every kind of axis, constraint, input and output.
pub fn seeds() -> Vec<Vec<u8>> {
    crate::texts(&[
        SMALL,
        r#"{"name":"x","version":"1","summary":"","inputs":[],"axes":[{"name":"w","help":"","kind":"integer","min":1,
        "default":"max","role":"compute"}],"constraints":["w <= threads"],"outputs":[{"name":"o","file":"o","format":"t","help":""}]}"#,
    ])
}

pub(crate) const SMALL: &str = r#"{"name":"counter","version":"1.0.0","build":"b","summary":"Counts",
"inputs":[{"name":"file","kind":"path","required":true,"formats":["bam"],"help":"h"},
{"name":"n","kind":"integer","min":0,"max":9,"default":3,"help":"h"},
{"name":"x","kind":"float","min":0.0,"max":1.0,"default":0.5,"help":"h"},
{"name":"word","kind":"choice","values":["a","b"],"default":"a","help":"h"},
{"name":"flag","kind":"flag","help":"h"},{"name":"text","kind":"string","repeat":true,"help":"h"}],
"axes":[{"name":"decode","help":"h","kind":"choice","default":"inline","stage":"scan",
"values":[{"name":"inline","help":"h"},{"name":"pool","help":"h"},{"name":"other","help":"h","opt_in":true}]},
{"name":"workers","help":"h","kind":"integer","min":1,"default":"max","role":"compute"},
{"name":"decode-threads","help":"h","kind":"integer","min":0,"default":0,"role":"io"},
{"name":"block","help":"h","kind":"integer","min":1,"max":64,"default":4,"scale":"log2"}],
"constraints":["workers + decode-threads <= threads","decode == inline -> decode-threads == 0",
"format == cram -> decode == inline","decode == pool and workers > 1 -> workers * (1 + decode-threads) <= threads"],
"facts":{"format":["bam","cram"]},"helpers":["decode == pool -> workers","1"],
"reference":{"decode":"inline","workers":1},
"outputs":[{"name":"counts","file":"{text}-counts*.tsv","format":"tsv","help":"h","keys":["a"],
"columns":{"b":{"tolerance":{"abs":0.0,"rel":1e-9}},"c":"ignore","d":{"ulp":2}}},
{"name":"why","file":"why.tsv","format":"tsv","help":"h","place":{"flag":"ledger"},"optional":true}],
"stages":[{"name":"scan","help":"h"}],"simulate":{"presets":["tiny"],"sizes":[]}}"#;
