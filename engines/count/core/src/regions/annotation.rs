//! GTF and GFF3: rows of one feature type, named by two of their attributes.

use std::{collections::HashMap, path::Path};

use super::{Region, Regions, coordinate, for_lines};
use crate::{Error, options::RegionOptions, words::Words};

/// Feature types looked for when none is named.
const FEATURES: [&str; 3] = ["gene", "transcript", "exon"];
/// Attributes looked for as the second name.
const PARENTS: [&str; 3] = ["Parent", "transcript_id", "gene_id"];

/// A row of the wanted feature type.
struct Row {
    contig: String,
    start: u32,
    end: u32,
    attributes: String,
}

pub(super) fn read(options: &RegionOptions, contigs: &HashMap<&str, u32>, words: &mut Words) -> Result<Regions, Error> {
    let path = &options.path;
    if options.use_names {
        return Err(Error::file(
            path,
            0,
            "use-region-names is for BED regions; name the attribute of GTF and GFF3 with --attribute",
        ));
    }
    let (feature, rows) = read_feature(path, options.feature.as_deref())?;
    let occurs = |name: &str| rows.iter().any(|row| value(&row.attributes, name).is_some());
    let missing = |name: &str| {
        Error::file(path, 0, format!("no {feature} row has the attribute '{name}'; its attributes: {}", keys(&rows)))
    };
    let attribute = match &options.attribute {
        Some(name) if occurs(name) => name.clone(),
        Some(name) => return Err(missing(name)),
        None => {
            let own = format!("{feature}_id");
            let found = [own.as_str(), "ID", "Name"].into_iter().find(|name| occurs(name));
            found.map(str::to_owned).ok_or_else(|| missing(&format!("{own}' or 'ID' or 'Name")))?
        }
    };
    let parent = match &options.parent {
        Some(name) if occurs(name) => name.clone(),
        Some(name) => return Err(missing(name)),
        None => PARENTS.into_iter().find(|name| occurs(name)).unwrap_or(&attribute).to_owned(),
    };
    let mut entries = Vec::new();
    for row in &rows {
        if let Some(&contig) = contigs.get(row.contig.as_str()) {
            let labels =
                [&attribute, &parent].map(|name| words.insert(value(&row.attributes, name).unwrap_or_default()));
            entries.push(Region { contig, start: row.start, end: row.end, labels });
        }
    }
    let second = if parent == attribute { format!("groupby_{attribute}") } else { parent };
    Ok(Regions { entries, columns: vec![attribute, second] })
}

/// The wanted feature type, and its rows.
fn read_feature(path: &Path, wanted: Option<&str>) -> Result<(String, Vec<Row>), Error> {
    // By feature type: of all types that could be chosen, as the choice needs the whole file.
    let mut found: HashMap<String, Vec<Row>> = HashMap::new();
    for_lines(path, |line, text| {
        let columns: Vec<&str> = text.split('\t').collect();
        let &[contig, _, feature, start, end, _, _, _, attributes, ..] = columns.as_slice() else {
            return Err(Error::file(
                path,
                line,
                format!("{} columns where GTF and GFF3 have 9, with tabs between them", columns.len()),
            ));
        };
        let (start, end) = (coordinate(path, line, "start", start)?, coordinate(path, line, "end", end)?);
        let Some(start) = start.checked_sub(1).filter(|&start| start <= end) else {
            return Err(Error::file(
                path,
                line,
                format!("start {start} and end {end} are not an interval; both are 1-based"),
            ));
        };
        let rows = found.entry(feature.to_owned()).or_default();
        if wanted.map_or(FEATURES.contains(&feature), |wanted| wanted == feature) {
            rows.push(Row { contig: contig.to_owned(), start, end, attributes: attributes.to_owned() });
        }
        Ok(())
    })?;
    let feature = match wanted {
        Some(wanted) => Some(wanted),
        None => FEATURES.into_iter().find(|&feature| found.contains_key(feature)),
    };
    feature.and_then(|feature| found.remove_entry(feature)).ok_or_else(|| {
        let mut present: Vec<&str> = found.keys().map(String::as_str).collect();
        present.sort_unstable();
        let wanted = wanted.map_or_else(|| FEATURES.join(", "), str::to_owned);
        let present = if present.is_empty() { "none".to_owned() } else { present.join(", ") };
        Error::file(
            path,
            0,
            format!("no row of feature type {wanted}; there are: {present}; choose one with --feature"),
        )
    })
}

/// The attributes of a row as (key, value): `key "value";` of GTF, `key=value;` of GFF3.
fn attributes(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        let key_end = rest.find(['=', ' ', '\t', ';']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(key_end);
        if key.is_empty() {
            return None;
        }
        if !after.starts_with(['=', ' ', '\t']) {
            rest = after;
            return Some((key, ""));
        }
        let after = after[1..].trim_start_matches([' ', '\t']);
        // A semicolon between quotes belongs to the value.
        let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let (value, next) = match quote.and_then(|quote| after[1..].split_once(quote)) {
            Some(split) => split,
            None => after.split_once(';').unwrap_or((after, "")),
        };
        rest = next;
        Some((key, value.trim_end()))
    })
}

/// The first value of an attribute.
fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    attributes(text).find(|&(key, _)| key == name).map(|(_, value)| value)
}

/// All attribute names of some rows, for an error text.
fn keys(rows: &[Row]) -> String {
    let mut keys: Vec<&str> =
        rows.iter().take(100).flat_map(|row| attributes(&row.attributes)).map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.dedup();
    if keys.is_empty() { "none".to_owned() } else { keys.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_both_dialects() {
        let all = |text| attributes(text).collect::<Vec<_>>();
        assert_eq!(
            all(r#"gene_id "G1"; note "a; b"; level 2; tag 'x';"#),
            [("gene_id", "G1"), ("note", "a; b"), ("level", "2"), ("tag", "x")]
        );
        assert_eq!(
            all("ID=G1;Name=a b;flag;Parent=T1"),
            [("ID", "G1"), ("Name", "a b"), ("flag", ""), ("Parent", "T1")]
        );
        assert_eq!(all("ID=;Name=x"), [("ID", ""), ("Name", "x")]);
        assert_eq!(all(""), []);
        assert_eq!(value(r#"ref_gene_id "no"; gene_id "yes""#, "gene_id"), Some("yes"));
    }
}
