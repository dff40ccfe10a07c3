//! What is asked of the inputs together, before any plan is known.

use std::{collections::HashSet, path::Path};

use scaletune_hts::AlignmentFile;

use crate::{CountOptions, Error, Warning, sites::table::Table};

/// The rows on contigs that the file lacks: a warning, or an error when there are no others.
pub(super) fn missing_contigs(
    options: &CountOptions,
    file: &AlignmentFile,
    table: &Table,
) -> Result<Option<Warning>, Error> {
    let known: HashSet<&str> = file.contigs().iter().map(|contig| contig.name.as_str()).collect();
    let missing: Vec<bool> = table.contigs.iter().map(|name| !known.contains(name.as_str())).collect();
    let rows = table.rows.iter().filter(|row| missing[row.row.contig as usize]).count();
    let contigs: Vec<String> = {
        let mut used = vec![false; missing.len()];
        table.rows.iter().for_each(|row| used[row.row.contig as usize] = true);
        let names = table.contigs.iter().zip(&missing).zip(used);
        names.filter(|&((_, &missing), used)| missing && used).map(|((name, _), _)| name.clone()).collect()
    };
    if rows == 0 {
        return Ok(None);
    }
    if rows < table.rows.len() {
        return Ok(Some(Warning::MissingContigs { contigs, rows }));
    }
    let first = |names: &mut dyn Iterator<Item = &str>| names.take(3).collect::<Vec<_>>().join(", ");
    let ours = first(&mut contigs.iter().map(String::as_str));
    let theirs = first(&mut file.contigs().iter().map(|contig| contig.name.as_str()));
    let renamed = |name: &String| match name.strip_prefix("chr") {
        Some(bare) => known.contains(bare),
        None => known.contains(format!("chr{name}").as_str()),
    };
    let remedy = if contigs.iter().any(renamed) {
        "one of them writes 'chr' before the names (chr1, 1): rename those of the variants with bcftools annotate \
         --rename-chrs"
    } else {
        "are both of one genome build?"
    };
    let problem = format!(
        "its contigs ({ours}, ...) are not those of {} ({theirs}, ...); {remedy}",
        options.alignments.display()
    );
    Err(match options.sites {
        Some(_) => Error::Options(format!("{}: {problem}", options.site_source())),
        None => Error::file(&options.variants, 0, problem),
    })
}

/// Refuses what can be read only once. Looked at before it is opened, since opening a pipe waits for who writes to it.
pub(super) fn refuse_stream(path: &Path) -> Result<(), Error> {
    let is_stream = match std::fs::metadata(path) {
        Ok(about) => !about.is_file() && !about.is_dir(),
        // The name of standard input, unless there is such a file; what else is absent is for others to say.
        Err(_) => path == Path::new("-"),
    };
    if is_stream { Err(Error::Stream { path: path.to_owned() }) } else { Ok(()) }
}
