//! Tables cut down to a part.

use super::Part;
use std::collections::HashMap;

/// `text` cut down to `part`. `names` says, of a column's name in the output and in the expected file, how it is called in
/// `text` and how in the result.
///
/// # Errors
/// A column that is not there, in words.
pub(super) fn cut(text: &str, part: &Part, names: impl Fn(&str, &str) -> (String, String)) -> Result<String, String> {
    let mut result = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next_if(|line| line.starts_with("##")) {
        let cells: Vec<&str> = body(line).split('\t').filter(|cell| wanted_of_preamble(cell, part)).collect();
        if !cells.is_empty() {
            result += &cells.join("\t");
            result.push('\n');
        }
    }
    let Some(header) = lines.next() else { return Ok(result) };
    let columns: Vec<&str> = body(header).split('\t').collect();
    let place = |name: &str| {
        columns.iter().position(|column| *column == name).ok_or_else(|| format!("column {name} is not there: it"))
    };
    let chosen: Vec<(usize, String)> = match &part.only {
        Some(only) => {
            let chosen = only.iter().filter(|(own, _)| !own.starts_with("##")).map(|(own, theirs)| {
                let (from, to) = names(own, theirs);
                Ok((place(&from)?, to))
            });
            chosen.collect::<Result<_, String>>()?
        }
        None => {
            let all = columns.iter().enumerate().filter(|(_, column)| !part.except.iter().any(|out| out == *column));
            all.map(|(index, column)| (index, column.to_string())).collect()
        }
    };
    result += &chosen.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join("\t");
    result.push('\n');
    for line in lines {
        let cells: Vec<&str> = body(line).split('\t').collect();
        // A row that is too short shows as such in the comparison; one that is too long keeps what is over.
        let kept = chosen.iter().map_while(|(index, _)| cells.get(*index));
        let over = cells.iter().skip(columns.len());
        result += &kept.chain(over).copied().collect::<Vec<_>>().join("\t");
        result.push('\n');
    }
    Ok(result)
}

fn body(line: &str) -> &str {
    line.strip_suffix('\n').unwrap_or(line)
}

/// Whether a cell of the preamble belongs to the part.
fn wanted_of_preamble(cell: &str, part: &Part) -> bool {
    let key = cell.split_once(':').map_or(String::from("##"), |(key, _)| format!("##{key}"));
    let named = |only: &std::collections::BTreeMap<String, String>| only.contains_key(&key);
    part.only.as_ref().is_none_or(named) && !part.except.contains(&key)
}

/// Whether the table has a column, or a cell `##key` before its header.
pub(super) fn has_column(text: &str, name: &str) -> bool {
    let key = |cell: &str| cell.split_once(':').map_or(String::from("##"), |(key, _)| format!("##{key}"));
    match name.starts_with("##") {
        true => text
            .lines()
            .take_while(|line| line.starts_with("##"))
            .any(|line| line.split('\t').any(|cell| key(cell) == name)),
        false => header_of(text).is_some_and(|header| header.split('\t').any(|column| column == name)),
    }
}

/// `text` with its rows in the order in which `model` has the same keys; rows that it lacks come last.
///
/// # Errors
/// The key columns are not there, in words.
pub(super) fn in_order_of(text: &str, model: &str, keys: &[String]) -> Result<String, String> {
    let (places, mut rows) = (key_places(text, keys)?, rows_of(text));
    let model_places = key_places(model, keys)?;
    let mut order: HashMap<Vec<&str>, usize> = HashMap::new();
    for (index, row) in rows_of(model).into_iter().enumerate() {
        order.entry(key_of(row, &model_places)).or_insert(index);
    }
    rows.sort_by_key(|row| order.get(&key_of(row, &places)).copied().unwrap_or(usize::MAX));
    let begin = text.len() - rows.iter().map(|row| row.len()).sum::<usize>();
    Ok(text[..begin].to_string() + &rows.concat())
}

fn header_of(text: &str) -> Option<&str> {
    text.lines().find(|line| !line.starts_with("##"))
}

fn key_places(text: &str, keys: &[String]) -> Result<Vec<usize>, String> {
    let columns: Vec<&str> = header_of(text).unwrap_or_default().split('\t').collect();
    let place = |key: &String| columns.iter().position(|column| column == key);
    let places: Option<Vec<usize>> = keys.iter().map(place).collect();
    places.filter(|places| !places.is_empty()).ok_or_else(|| {
        format!(
            "rows can only be matched by the key columns of the output ({}), and they must be compared",
            keys.join(", ")
        )
    })
}

/// The rows, each with its end of line.
fn rows_of(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').skip_while(|line| line.starts_with("##")).skip(1).collect()
}

fn key_of<'a>(row: &'a str, places: &[usize]) -> Vec<&'a str> {
    let cells: Vec<&str> = body(row).split('\t').collect();
    places.iter().map(|place| cells.get(*place).copied().unwrap_or_default()).collect()
}
