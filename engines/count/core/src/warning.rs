//! What a user should know although the count goes on.

use std::fmt;

use crate::{harvest::Tally, ledger::Reason, options::Filters};

/// Something that is not an error; `Display` says it in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// About the alignment file or its index.
    Alignments(String),
    /// Rows whose contig the alignment file lacks; they count nothing.
    MissingContigs {
        /// The contigs.
        contigs: Vec<String>,
        /// Rows on them.
        rows: usize,
    },
    /// Symbolic and breakend alleles were left out.
    Symbolic(u64),
    /// Rows with an allele in lower case, which no base matches.
    LowerCase(u64),
    /// Records start behind the end that the header gives their contig.
    BeyondContig {
        /// How many; those that the plan read.
        records: u64,
        /// The first one's name.
        name: String,
        /// Its contig.
        contig: String,
        /// The contig's length by the header.
        length: u64,
        /// Its 1-based start.
        start: i64,
    },
    /// About the list of barcodes.
    Barcodes(String),
    /// No row is left.
    EmptySelection(String),
    /// Not a single base was counted.
    NothingCounted(String),
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Alignments(text) => out.write_str(text),
            Warning::MissingContigs { contigs, rows } => {
                const NAMED: usize = 5;
                let named = contigs.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
                write!(out, "{rows} rows stand on contigs that the alignment file lacks and count nothing: {named}")?;
                match contigs.len().saturating_sub(NAMED) {
                    0 => Ok(()),
                    more => write!(out, " and {more} more"),
                }
            }
            Warning::Symbolic(count) => write!(
                out,
                "{count} symbolic or breakend alleles were left out: a read can't be compared with them letter by letter"
            ),
            Warning::LowerCase(count) => write!(
                out,
                "{count} rows have an allele in lower case, which no base matches; --fold-case compares without regard to case"
            ),
            Warning::BeyondContig { records, name, contig, length, start } => write!(
                out,
                "{records} records start behind the end of their contig and were counted like others; the first is {name} \
                 at {contig}:{start}, and {contig} has {length} bases in the header"
            ),
            Warning::Barcodes(text) => out.write_str(text),
            Warning::EmptySelection(text) => write!(out, "no site is left, so the table has only its header: {text}"),
            Warning::NothingCounted(text) => write!(out, "nothing was counted: {text}"),
        }
    }
}

/// Why a run with sites counted nothing at all.
pub(crate) fn explain_zero(tally: &Tally, filters: Filters) -> Warning {
    let Tally { records, overlapping, dropped } = tally;
    let text = if *records == 0 {
        "no record was read; the file is empty, or has none where the sites are".to_owned()
    } else if *overlapping == 0 {
        format!("{records} records were read, and none overlaps a site; are both files of one genome build?")
    } else {
        let reasons = [
            (
                Reason::Flag,
                format!(
                    "by their flags (unmapped, exclude-flags {}, require-flags {})",
                    filters.exclude_flags, filters.require_flags
                ),
            ),
            (Reason::MappingQuality, format!("by min-mapping-quality {}", filters.min_mapping_quality)),
            (Reason::BaseQuality, format!("by min-base-quality {}", filters.min_base_quality)),
            (Reason::Gap, "with the site in a deletion or an intron".to_owned()),
            (Reason::NoSequence, "without a sequence".to_owned()),
            (Reason::OtherLetter, "with another letter than A, C, G, T, N".to_owned()),
            (Reason::NameUsed, "with a name that had counted already".to_owned()),
            (Reason::Barcode, "without a listed barcode".to_owned()),
        ];
        let said: Vec<String> = reasons
            .iter()
            .map(|(reason, text)| (dropped[*reason as usize], text))
            .filter(|&(count, _)| count > 0)
            .map(|(count, text)| format!("{count} {text}"))
            .collect();
        format!("{overlapping} of {records} records overlap a site, and all were dropped: {}", said.join(", "))
    };
    Warning::NothingCounted(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_explained() {
        let say =
            |tally: &Tally| explain_zero(tally, Filters { min_mapping_quality: 30, ..Default::default() }).to_string();
        let mut tally = Tally::default();
        assert!(say(&tally).contains("no record was read"));
        tally.records = 9;
        assert!(say(&tally).contains("9 records were read, and none overlaps a site"));
        tally.overlapping = 3;
        tally.drop(Reason::MappingQuality);
        tally.drop(Reason::MappingQuality);
        tally.drop(Reason::Gap);
        let text = say(&tally);
        assert!(text.contains("2 by min-mapping-quality 30, 1 with the site in a deletion"), "{text}");
        assert!(!text.contains("flags"), "{text}");
    }

    #[test]
    fn long_lists_are_cut() {
        let contigs = (1..8).map(|number| format!("c{number}")).collect();
        let text = Warning::MissingContigs { contigs, rows: 9 }.to_string();
        assert!(text.starts_with("9 rows") && text.ends_with("c5 and 2 more"), "{text}");
    }
}
