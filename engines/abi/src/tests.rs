//! The header and this crate describe the same bytes.

use super::*;
use core::mem::{align_of, offset_of, size_of};
use std::fmt::Write as _;
use std::process::Command;

/// The layout as C sees it, one assertion a line: a header that drifted does not compile.
fn assertions() -> String {
    let mut c = String::from("#include \"scaletune.h\"\n");
    macro_rules! layout {
        ($c:literal, $rust:ty, $($field:ident),+) => {
            writeln!(c, "_Static_assert(sizeof({0}) == {1}, \"size of {0}\");", $c, size_of::<$rust>()).unwrap();
            writeln!(c, "_Static_assert(_Alignof({0}) == {1}, \"alignment of {0}\");", $c, align_of::<$rust>()).unwrap();
            $(writeln!(c, "_Static_assert(offsetof({0}, {2}) == {1}, \"{0}.{2}\");", $c, offset_of!($rust, $field), stringify!($field)).unwrap();)+
        };
    }
    layout!("scaletune_text", Text, ptr, len);
    layout!(
        "scaletune_host",
        HostTable,
        size,
        abi_major,
        abi_minor,
        context,
        fail,
        log,
        progress,
        cancelled,
        metric,
        stage_begin,
        stage_end,
        now,
        task_span
    );
    layout!(
        "scaletune_engine",
        EngineTable,
        size,
        abi_major,
        abi_minor,
        describe,
        open,
        prepare,
        run,
        write,
        input_class,
        close,
        simulate
    );
    macro_rules! constants {
        ($($c:literal == $rust:expr),+ $(,)?) => {
            $(writeln!(c, "_Static_assert({} == {}, \"{0}\");", $c, $rust).unwrap();)+
        };
    }
    constants!(
        "sizeof(scaletune_status)" == size_of::<Status>(),
        "sizeof(scaletune_level)" == size_of::<Level>(),
        "SCALETUNE_ABI_MAJOR" == ABI_MAJOR,
        "SCALETUNE_ABI_MINOR" == ABI_MINOR,
        "SCALETUNE_OK" == Status::OK.0,
        "SCALETUNE_BAD_INPUT" == Status::BAD_INPUT.0,
        "SCALETUNE_UNSUPPORTED_PLAN" == Status::UNSUPPORTED_PLAN.0,
        "SCALETUNE_CANCELLED" == Status::CANCELLED.0,
        "SCALETUNE_FAILED" == Status::FAILED.0,
        "SCALETUNE_PANICKED" == Status::PANICKED.0,
        "SCALETUNE_ERROR" == Level::ERROR.0,
        "SCALETUNE_WARN" == Level::WARN.0,
        "SCALETUNE_INFO" == Level::INFO.0,
        "SCALETUNE_DEBUG" == Level::DEBUG.0,
        "sizeof(SCALETUNE_ENTRY)" == ENTRY_SYMBOL.len() + 1,
    );
    c
}

#[test]
fn header_has_the_same_layout() {
    let folder = std::env::temp_dir().join(format!("scaletune-abi-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let source = folder.join("layout.c");
    std::fs::write(&source, assertions()).unwrap();
    let compiled = Command::new("cc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/include"))
        .arg(&source)
        .output();
    std::fs::remove_dir_all(&folder).unwrap();
    let compiled = match compiled {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: no C compiler `cc` to check include/scaletune.h with ({error})");
            return;
        }
    };
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
}

#[test]
fn header_names_the_same_entry() {
    let header = include_str!("../include/scaletune.h");
    assert!(header.contains(&format!("#define SCALETUNE_ENTRY \"{ENTRY_SYMBOL}\"")));
}

#[test]
fn text_survives_the_border() {
    let text = Text::lend("größer");
    // SAFETY: lent from a literal.
    assert_eq!(unsafe { text.borrow() }.unwrap(), "größer");
    // SAFETY: no bytes are read.
    assert_eq!(unsafe { Text::EMPTY.borrow() }.unwrap(), "");
    let bytes = [0xffu8, 0xfe];
    // SAFETY: two bytes of a live array.
    assert!(unsafe { Text { ptr: bytes.as_ptr(), len: 2 }.borrow() }.is_err());
}

#[test]
fn the_prefix_comes_first() {
    assert_eq!(offset_of!(EngineTable, describe), PREFIX_BYTES);
    assert_eq!(offset_of!(HostTable, context), PREFIX_BYTES);
}
