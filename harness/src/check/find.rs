//! Where cases lie: a folder of `case.toml` files, or an index for a folder laid out otherwise.

use super::document::CaseDocument;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The file that makes a folder a case.
const CASE_FILE: &str = "case.toml";
/// What a document says where it stands for several cases.
const EACH: &str = "each";
/// What stands for the word of each of them.
const PLACE: &str = "{each}";

/// A case, and where it comes from.
#[derive(Clone, Debug)]
pub struct Case {
    /// As reports call it, such as `count/policies/read`.
    pub name: String,
    /// The document it stands in.
    pub source: PathBuf,
    /// The folder that its paths are relative to.
    pub folder: PathBuf,
    /// Whether its expected files are the user's own, so that new ones can be written.
    pub writable: bool,
    /// What it says.
    pub document: CaseDocument,
}

/// Why cases can't be had.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// A document or folder that can't be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A document that is not what it should be.
    #[error("{}: {fault}", path.display())]
    Defective {
        /// The document.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
    /// Nothing there.
    #[error("{}: there is no `{CASE_FILE}` in it or below; --index FILE says what is what in a folder laid out otherwise", .0.display())]
    None(PathBuf),
}

/// Every case below `folder`, by name.
///
/// # Errors
/// A case that can't be read, or none at all.
pub fn from_folder(folder: &Path) -> Result<Vec<Case>, CaseError> {
    let mut cases = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(path) = open.pop() {
        let read = |source| CaseError::Read { path: path.clone(), source };
        for entry in std::fs::read_dir(&path).map_err(read)? {
            let entry = entry.map_err(read)?;
            // Links are not followed: a circle of them would have no end.
            if entry.file_type().map_err(read)?.is_dir() {
                open.push(entry.path());
            }
        }
        let source = path.join(CASE_FILE);
        if source.is_file() {
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
            let name = if name.is_empty() { String::from("case") } else { name };
            cases.extend(expand(load(&source)?, &name, &source, &path)?);
        }
    }
    if cases.is_empty() {
        return Err(CaseError::None(folder.into()));
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

/// The cases that the index names, in its order; their paths are relative to `folder`.
///
/// # Errors
/// The index can't be read, or holds no cases.
pub fn from_index(index: &Path, folder: &Path) -> Result<Vec<Case>, CaseError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Index {
        case: Vec<Table>,
    }
    let fault = |fault: String| CaseError::Defective { path: index.into(), fault };
    let read: Index = load(index)?.try_into().map_err(|error| fault(one_line(&error)))?;
    let mut cases = Vec::new();
    for mut table in read.case {
        let name = match table.remove("name") {
            Some(Value::String(name)) => name,
            _ => return Err(fault("a [[case]] has no `name`".into())),
        };
        cases.extend(expand(table, &name, index, folder)?);
    }
    let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(fault(format!("two cases are called `{}`", twice[0])));
    }
    Ok(cases)
}

fn load(path: &Path) -> Result<Table, CaseError> {
    let text = std::fs::read_to_string(path).map_err(|source| CaseError::Read { path: path.into(), source })?;
    text.parse().map_err(|error: toml::de::Error| CaseError::Defective {
        path: path.into(),
        fault: error.to_string().trim_end().into(),
    })
}

fn one_line(error: &toml::de::Error) -> String {
    error.message().to_string()
}

/// The cases of one document: one, or one for each word of its `each`.
fn expand(mut table: Table, name: &str, source: &Path, folder: &Path) -> Result<Vec<Case>, CaseError> {
    let fault = |name: &str, fault: &str| CaseError::Defective {
        path: source.into(),
        fault: format!("case `{name}`: {fault}"),
    };
    let case = |table: Table, name: String| {
        let document = table.try_into().map_err(|error| fault(&name, &one_line(&error)))?;
        Ok(Case { name, source: source.into(), folder: folder.into(), writable: true, document })
    };
    let Some(words) = table.remove(EACH) else { return Ok(vec![case(table, name.to_string())?]) };
    let words: Vec<String> = words.try_into().map_err(|_| fault(name, "`each` must be a list of texts"))?;
    let cases = words.iter().map(|word| {
        let own = if name.contains(PLACE) { name.replace(PLACE, word) } else { format!("{name}/{word}") };
        let filled = table.iter().map(|(key, value)| (key.clone(), fill(value, word))).collect();
        case(filled, own)
    });
    cases.collect()
}

/// The value with every `{each}` in its texts replaced.
fn fill(value: &Value, word: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace(PLACE, word)),
        Value::Array(values) => Value::Array(values.iter().map(|value| fill(value, word)).collect()),
        Value::Table(table) => {
            Value::Table(table.iter().map(|(key, value)| (key.replace(PLACE, word), fill(value, word))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str = "engine = 'x'\nabout = 'a'\nanswer = 'by hand'\n[inputs]\nn = 1\n[[expected]]\noutput = 'o'\n";

    fn write(folder: &Path, name: &str, text: &str) {
        std::fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        std::fs::write(folder.join(name), text).unwrap();
    }

    fn names(cases: &[Case]) -> Vec<&str> {
        cases.iter().map(|case| case.name.as_str()).collect()
    }

    #[test]
    fn cases_are_named_by_their_folder() {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), "b/case.toml", CASE);
        write(home.path(), "a/deep/case.toml", &format!("each = ['p', 'q']\n{CASE}file = '{{each}}.tsv'\n"));
        write(home.path(), "c/other.toml", "nonsense");
        let cases = from_folder(home.path()).unwrap();
        assert_eq!(names(&cases), ["a/deep/p", "a/deep/q", "b"]);
        assert_eq!(cases[1].document.expected[0].file.as_deref(), Some(Path::new("q.tsv")));
        assert_eq!(cases[1].folder, home.path().join("a/deep"));
    }

    #[test]
    fn what_is_no_case_is_named() {
        let home = tempfile::tempdir().unwrap();
        let say = || from_folder(home.path()).unwrap_err().to_string();
        assert!(say().contains("--index"), "{}", say());
        write(home.path(), "a/case.toml", "engine = 'x'\n");
        assert!(say().contains("a/case.toml: case `a`: missing field"), "{}", say());
        write(home.path(), "a/case.toml", &format!("tolerance = 3\n{CASE}"));
        assert!(say().contains("unknown field `tolerance`"), "{}", say());
        write(home.path(), "a/case.toml", "engine = \n");
        assert!(say().contains("a/case.toml") && say().contains("line 1"), "{}", say());
    }

    #[test]
    fn an_index_names_cases_for_another_folder() {
        let home = tempfile::tempdir().unwrap();
        let index = home.path().join("index.toml");
        let case = CASE.replace("[inputs]", "[case.inputs]").replace("[[expected]]", "[[case.expected]]");
        let write = |text: String| std::fs::write(&index, text).unwrap();
        write(format!("[[case]]\nname = 'set/{{each}}'\neach = ['p', 'q']\n{case}[[case]]\nname = 'r'\n{case}"));
        let cases = from_index(&index, Path::new("/data")).unwrap();
        assert_eq!(names(&cases), ["set/p", "set/q", "r"]);
        assert_eq!(cases[0].folder, Path::new("/data"));
        write(format!("[[case]]\nname = 'r'\n{case}[[case]]\nname = 'r'\n{case}"));
        assert!(from_index(&index, Path::new("/")).unwrap_err().to_string().contains("two cases are called `r`"));
        write("x = 1\n".into());
        assert!(from_index(&index, Path::new("/")).is_err());
    }
}
