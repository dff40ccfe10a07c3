//! The table of rates per family: tab-separated, header `family`, `gain`, `loss`, one line a family, any order.

use std::collections::HashMap;
use std::path::Path;

use super::Rates;
use crate::error::{Error, NameMismatch, Result};
use crate::naming::near_misses;
use crate::source;

/// Reads the rates of `families`, returned in their order. Every family must have a line, and no others may.
pub fn read_rates(path: &Path, families: &[String]) -> Result<Vec<Rates>> {
    let text = source::text(path)?;
    let index: HashMap<&str, usize> = families.iter().enumerate().map(|(i, n)| (n.as_str(), i)).collect();
    let mut rates: Vec<Option<(Rates, usize)>> = vec![None; families.len()];
    let mut unknown = Vec::new();
    let mut lines = text.lines().enumerate();
    let header = lines.next().map_or("", |(_, line)| line);
    if header.trim_end().split('\t').collect::<Vec<_>>() != ["family", "gain", "loss"] {
        return Err(Error::syntax(path, 1, 1, "the header must be 'family', 'gain', 'loss' with tabs between"));
    }
    for (i, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let number = i + 1;
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, gain, loss] = fields[..] else {
            return Err(Error::syntax(path, number, 1, format!("{} fields instead of 3", fields.len())));
        };
        let mut column = name.chars().count() + 2;
        let mut pair = [0.0; 2];
        for (value, text) in pair.iter_mut().zip([gain, loss]) {
            *value = text.trim().parse().ok().filter(|v: &f64| *v >= 0.0 && v.is_finite()).ok_or_else(|| {
                Error::syntax(path, number, column, format!("'{text}' is not a rate; give a finite number from 0"))
            })?;
            column += text.chars().count() + 1;
        }
        match index.get(name) {
            None => unknown.push(name.to_owned()),
            Some(&family) => {
                if let Some((_, first)) = rates[family] {
                    return Err(Error::syntax(
                        path,
                        number,
                        1,
                        format!("a second line for family '{name}', the first is line {first}"),
                    ));
                }
                rates[family] = Some((Rates { gain: pair[0], loss: pair[1] }, number));
            }
        }
    }
    let without: Vec<String> =
        families.iter().zip(&rates).filter(|(_, r)| r.is_none()).map(|(name, _)| name.clone()).collect();
    if !unknown.is_empty() {
        return Err(Error::Names(Box::new(NameMismatch {
            path: path.to_owned(),
            sought_in: "the matrix".to_owned(),
            what: "families",
            near: near_misses(&unknown, &without),
            unknown,
            unused: without,
            remedy: "the table must have one line for every family of the matrix and no others",
        })));
    }
    if !without.is_empty() {
        return Err(Error::Option(format!(
            "{}: no line for {} families of the matrix: {}; add them",
            path.display(),
            without.len(),
            crate::error::listing(&without)
        )));
    }
    Ok(rates.into_iter().flatten().map(|(rates, _)| rates).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn rates(text: &str) -> Result<Vec<Rates>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read_rates(file.path(), &["a".to_owned(), "b".to_owned()])
    }

    #[test]
    fn lines_may_stand_in_any_order() {
        let found = rates("family\tgain\tloss\nb\t1e-3\t0\na\t.5\t2\n").unwrap();
        assert_eq!(found, [Rates { gain: 0.5, loss: 2.0 }, Rates { gain: 1e-3, loss: 0.0 }]);
    }

    #[test]
    fn faults_are_told() {
        for (text, expected) in [
            ("family,gain,loss\n", ":1:1: the header must be"),
            ("family\tgain\tloss\na\t1\t-2\n", ":2:5: '-2' is not a rate"),
            ("family\tgain\tloss\na\t1\n", ":2:1: 2 fields instead of 3"),
            ("family\tgain\tloss\na\t1\t2\na\t1\t2\n", ":3:1: a second line for family 'a', the first is line 2"),
            (
                "family\tgain\tloss\na\t1\t2\nc\t1\t2\n",
                "1 families not in the matrix: 'c'; without a partner there: 'b'",
            ),
            ("family\tgain\tloss\na\t1\t2\n", "no line for 1 families of the matrix: 'b'"),
        ] {
            let found = rates(text).unwrap_err().to_string();
            assert!(found.contains(expected), "{found}");
        }
    }
}
