//! BED, narrowPeak, broadPeak: only the first four columns matter.

use std::collections::HashMap;

use super::{Region, Regions, coordinate, for_lines};
use crate::{
    Error,
    options::RegionOptions,
    words::{Word, Words},
};

pub(super) fn read(options: &RegionOptions, contigs: &HashMap<&str, u32>, words: &mut Words) -> Result<Regions, Error> {
    if options.feature.is_some() || options.attribute.is_some() || options.parent.is_some() {
        return Err(Error::file(
            &options.path,
            0,
            "feature, attribute and parent are for GTF and GFF3 regions, not for BED",
        ));
    }
    let path = &options.path;
    let mut entries = Vec::new();
    for_lines(path, |line, text| {
        if ["track", "browser"].iter().any(|word| text.split_whitespace().next() == Some(word)) {
            return Ok(());
        }
        let mut columns = text.split('\t');
        let (Some(contig), Some(start), Some(end)) = (columns.next(), columns.next(), columns.next()) else {
            return Err(Error::file(path, line, "fewer than three columns with tabs between them: not BED"));
        };
        let name = columns.next().filter(|_| options.use_names);
        let (from, to) = (coordinate(path, line, "start", start)?, coordinate(path, line, "end", end)?);
        if to < from {
            return Err(Error::file(path, line, format!("end {to} lies before start {from}")));
        }
        if let Some(&number) = contigs.get(contig) {
            let label = match name {
                Some(name) => words.insert(name),
                None => words.insert(&format!("{contig}_{start}_{end}")),
            };
            entries.push(Region { contig: number, start: from, end: to, labels: [label, Word::default()] });
        }
        Ok(())
    })?;
    Ok(Regions { entries, columns: vec!["region".into()] })
}
