//! `scaletune new-engine`: a small engine to start from, whole and sound, under a name of the author's own.
//!
//! The templates are the project's own examples, compiled in: what a test builds, runs and tunes is what authors get.

use super::exit::Exit;
use super::{Context, print};
use crate::profile::checkout;
use crate::publish::Staging;
use clap::{Args, ValueEnum};
use scaletune_descriptor::Descriptor;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

macro_rules! project_file {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", $path))
    };
}

/// `scaletune new-engine`
#[derive(Args, Debug)]
#[command(after_help = "Example: scaletune new-engine --lang c my-engine")]
pub(super) struct NewEngineArguments {
    /// The engine's name: lower-case letters, digits and hyphens
    #[arg(value_name = "NAME")]
    name: String,
    /// The language of the template
    #[arg(long, value_enum)]
    lang: Language,
    /// Make the engine in this folder, which must be absent or empty [default: ./NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The folder of the crate scaletune-sdk, for --lang rust [default: that of the checkout this program was built in]
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Language {
    /// One file of C11 against the header; needs a C compiler alone
    C,
    /// A crate with the SDK; needs Rust
    Rust,
}

pub(super) fn run(context: &Context, arguments: &NewEngineArguments) -> Result<(), Exit> {
    let name = &arguments.name;
    if !Descriptor::is_name(name) {
        return Err(Exit::input(format!(
            "`{name}` can't be an engine's name: it must begin with a lower-case letter and hold lower-case letters, \
             digits and hyphens alone"
        )));
    }
    let out = std::path::absolute(arguments.out.clone().unwrap_or_else(|| name.into()))?;
    if out.is_file() || fs::read_dir(&out).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Exit::input(format!("{}: is not empty; name another folder with --out DIR", out.display())));
    }
    let (Some(parent), Some(folder)) = (out.parent().filter(|parent| parent.is_dir()), out.file_name()) else {
        return Err(Exit::input(format!("{}: its folder does not exist; make it first", out.display())));
    };
    let (files, build) = match arguments.lang {
        Language::C => (in_c(name), "make"),
        Language::Rust => (in_rust(name, &sdk(arguments.sdk.as_deref())?), "cargo build --release"),
    };
    let staging = Staging::beside(parent, folder)?;
    for (file, text) in &files {
        let path = staging.files().join(file);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(&path, text)?;
    }
    // An empty folder gives way to a rename; a full one was refused above.
    fs::rename(staging.files(), &out)?;
    let plugins = match arguments.lang {
        Language::C => out.clone(),
        Language::Rust => out.join("target/release"),
    };
    if context.json {
        let files: Vec<&str> = files.iter().map(|(file, _)| *file).collect();
        return print(&json!({"folder": out, "files": files, "plugins": plugins}).to_string());
    }
    let plugin = plugins.join(file_name(name));
    print(&format!(
        "Engine: {}\nBuild:  cd {} && {build}\nCheck:  scaletune check-engine {}\nTry:    scaletune --engine-path {} tune {name} --demo",
        out.display(),
        out.display(),
        plugin.display(),
        plugins.display(),
    ))
}

/// What a plugin of that name is called.
fn file_name(name: &str) -> String {
    format!("libscaletune_{}{}", name.replace('-', "_"), std::env::consts::DLL_SUFFIX)
}

fn in_c(name: &str) -> Vec<(&'static str, String)> {
    let source = project_file!("engines/example-c/example.c")
        .replace("-I../abi/include example.c", "engine.c")
        .replace("--file README.md", "--file engine.c")
        .replace("example_c", &name.replace('-', "_"))
        .replace("example-c", name);
    let makefile = format!(
        "# Builds the plugin; its name is how scaletune finds it.\n\
         CFLAGS ?= -O2 -Wall -Wextra\n\n\
         {plugin}: engine.c scaletune.h\n\
         \t$(CC) -std=c11 $(CFLAGS) -shared -fPIC -pthread -o $@ engine.c\n\n\
         check: {plugin}\n\
         \tscaletune check-engine {plugin}\n\n\
         clean:\n\
         \trm -f {plugin}\n\n\
         .PHONY: check clean\n",
        plugin = file_name(name)
    );
    vec![
        ("engine.c", source),
        ("Makefile", makefile),
        ("scaletune.h", project_file!("engines/abi/include/scaletune.h").into()),
        ("descriptor.schema.json", project_file!("engines/abi/include/descriptor.schema.json").into()),
    ]
}

fn in_rust(name: &str, sdk: &Path) -> Vec<(&'static str, String)> {
    let sdk = toml::Value::from(sdk.to_string_lossy().into_owned()).to_string();
    let manifest = project_file!("docs/template-engine/Cargo.toml")
        .replace("\"../../engines/sdk\"", &sdk)
        .replace("\"scaletune-gc\"", &format!("\"scaletune-{name}\""));
    // The first line says how to copy the template by hand.
    let manifest = manifest.split_once('\n').map(|(_, rest)| rest.to_string()).unwrap_or_default();
    let face = project_file!("docs/template-engine/src/lib.rs")
        .replace("Descriptor::new(\"gc\"", &format!("Descriptor::new(\"{name}\""));
    let workload = project_file!("docs/template-engine/src/workload.rs")
        .replace("engine = \\\"gc\\\"", &format!("engine = \\\"{name}\\\""));
    vec![
        ("Cargo.toml", manifest),
        ("src/lib.rs", face),
        ("src/count.rs", project_file!("docs/template-engine/src/count.rs").into()),
        ("src/workload.rs", workload),
    ]
}

/// Where the SDK lies: given, or in the checkout that the program stands in.
fn sdk(given: Option<&Path>) -> Result<PathBuf, Exit> {
    let found = match given {
        Some(folder) => folder.to_path_buf(),
        None => {
            let program = std::env::current_exe()?.canonicalize()?;
            let root = checkout(&program).ok_or_else(|| {
                Exit::input("the SDK is not here: give --sdk DIR, the folder engines/sdk of a checkout of scaletune")
            })?;
            root.join("engines/sdk")
        }
    };
    if !found.join("Cargo.toml").is_file() {
        return Err(Exit::input(format!(
            "--sdk {}: holds no Cargo.toml; name the folder engines/sdk",
            found.display()
        )));
    }
    let found = found.canonicalize()?;
    match found.to_str() {
        Some(_) => Ok(found),
        None => Err(Exit::input(format!("--sdk {found:?}: the path is not valid UTF-8, as Cargo.toml must be"))),
    }
}
