//! What the program knows from its sources: the commit, and the golden cases.

#[path = "build/commit.rs"]
mod commit;
#[path = "build/goldens.rs"]
mod goldens;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    commit::tell();
    goldens::list()
}
