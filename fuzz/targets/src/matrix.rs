//! Presence and absence: TSV, CSV, gene tables of pangenome tools, PHYLIP, FASTA. The first byte says which.

use crate::scratch;
use scaletune_prune_core::matrix::{MatrixFormat, ReadOptions, read};
use scaletune_prune_core::monitor::Unwatched;

/// Reads a table; every row is as wide as the header.
pub fn target(data: &[u8]) -> bool {
    let Some((first, rest)) = data.split_first() else { return false };
    let format = match first % 6 {
        0 => MatrixFormat::Auto,
        1 => MatrixFormat::Tsv,
        2 => MatrixFormat::Csv,
        3 => MatrixFormat::Phylip,
        4 => MatrixFormat::Fasta,
        _ => MatrixFormat::GenePresenceAbsence,
    };
    let table = scratch::file("matrix.txt", rest, |path| {
        let options = ReadOptions { format, present_from: None };
        read(path, options, &|name| name == "a" || name == "iso1", &Unwatched)
    });
    if let Ok(table) = &table {
        assert!(table.present.rows() == table.row_names.len());
        assert!(table.missing.as_ref().is_none_or(|missing| missing.rows() == table.row_names.len()));
    }
    table.is_ok()
}

/// One table of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    crate::texts(&[
        "\u{0}family\ta\tb\nf1\t0\t1\nf2\t?\tNA\n",
        "\u{1}x\ta\tb\r\nf1\t1\t1\r\nf2\t-\t\r\n",
        "\u{2},a,b\n\"f,1\",0,1\n\"f\"\"2\",1,0\n",
        "\u{3}2 3\na 01?\nb 1-0\n",
        "\u{4}>a x\n01\n?\n>b\n101\n",
        "\u{5}Gene,Non-unique Gene name,Annotation,iso1,iso2\ng1,,\"x\ny\",tag1,\ng2,n,,,tag2\n",
    ])
}
