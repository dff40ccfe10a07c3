#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    scaletune_fuzz_targets::newick::target(data);
});
