//! Values, rates per family, categories and gradients against answers of 50 digits.

mod common;

use common::{assert_close, own_data, read_set, set_folders, shared_golden, values};
use scaletune_prune_core::kernel::InstructionSet;
use scaletune_prune_core::plan::Kernel;

fn check_all(root: &std::path::Path) {
    for folder in set_folders(root) {
        let set = read_set(&folder);
        for instructions in InstructionSet::available() {
            for kernel in Kernel::ALL {
                let what = format!("{} {} {}", set.name, kernel.name(), instructions.name());
                let found = values(&set, kernel, instructions, 1, 4096);
                assert_close(&found, &set.expected, 1e-10, &what);
            }
        }
    }
}

#[test]
fn shared_sets_under_every_kernel() {
    if let Some(root) = shared_golden() {
        check_all(&root);
    }
}
