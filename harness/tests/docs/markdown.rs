//! The commands of a Markdown text: what stands in blocks marked `sh` or `console`.
//!
//! A block below a comment `<!-- not run: REASON -->` is left alone. In a `console` block lines that begin with `$ ` are
//! commands and the others what they print, in which `...` as a line stands for any lines and `[..]` for any letters.

/// A command, and what it is said to print.
#[derive(Debug, PartialEq)]
pub(crate) struct Command {
    /// The line of the file on which it begins, from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
    /// None: nothing is said.
    pub(crate) printed: Option<String>,
}

/// The commands of `text`, or what is wrong with how they are marked.
pub(crate) fn commands(text: &str) -> Result<Vec<Command>, String> {
    let mut commands = Vec::new();
    let mut lines = text.lines().enumerate();
    let mut before = String::new();
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.trim_start().strip_prefix("```") else {
            if !line.trim().is_empty() {
                before = line.trim().to_string();
            }
            continue;
        };
        let block: Vec<(usize, &str)> =
            lines.by_ref().take_while(|(_, line)| !line.trim_start().starts_with("```")).collect();
        match (not_run(&before), language.trim()) {
            (Some(""), _) => return Err(format!("line {}: a block is not run, and no reason is given", number + 1)),
            (Some(_), _) => {}
            (None, "sh") => commands.extend(plain(&block)),
            (None, "console") => commands.extend(with_output(&block)),
            (None, other) => {
                if let Some((number, _)) = block.iter().find(|(_, line)| line.trim_start().starts_with("scaletune ")) {
                    return Err(format!("line {}: a command in a block marked `{other}`: mark it sh", number + 1));
                }
            }
        }
        before.clear();
    }
    Ok(commands)
}

fn not_run(line: &str) -> Option<&str> {
    Some(line.strip_prefix("<!-- not run:")?.strip_suffix("-->")?.trim())
}

/// A line each; a backslash at the end goes on.
fn plain(block: &[(usize, &str)]) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut goes_on = false;
    for (number, line) in block {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match commands.last_mut().filter(|_| goes_on) {
            Some(command) => command.text += &format!("\n{line}"),
            None => commands.push(Command { line: number + 1, text: line.into(), printed: None }),
        }
        goes_on = line.ends_with('\\');
    }
    commands
}

fn with_output(block: &[(usize, &str)]) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for (number, line) in block {
        if let Some(text) = line.strip_prefix("$ ") {
            commands.push(Command { line: number + 1, text: text.into(), printed: Some(String::new()) });
        } else if let Some(Command { printed: Some(printed), .. }) = commands.last_mut() {
            *printed += line;
            printed.push('\n');
        }
    }
    commands
}

/// Whether `found` is what `expected` says.
pub(crate) fn matches(expected: &str, found: &str) -> bool {
    let (expected, found): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), found.lines().collect());
    lines_match(&expected, &found)
}

fn lines_match(expected: &[&str], found: &[&str]) -> bool {
    match expected.split_first() {
        None => found.is_empty(),
        Some((&"...", rest)) => (0..=found.len()).any(|skipped| lines_match(rest, &found[skipped..])),
        Some((line, rest)) => {
            found.split_first().is_some_and(|(first, others)| line_matches(line, first) && lines_match(rest, others))
        }
    }
}

fn line_matches(expected: &str, found: &str) -> bool {
    let mut pieces = expected.split("[..]");
    let Some(mut rest) = pieces.next().and_then(|first| found.strip_prefix(first)) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn blocks_are_told_apart() {
    let text = "# T\n```sh\n# a remark\nscaletune a \\\n  --b\n\nscaletune c\n```\n<!-- not run: needs a cluster -->\n\
                ```sh\nsbatch\n```\n```console\n$ scaletune d\none\n...\n$ scaletune e\n```\n```rust\nfn f() {}\n```\n";
    let found = commands(text).unwrap();
    let texts: Vec<&str> = found.iter().map(|command| command.text.as_str()).collect();
    assert_eq!(texts, ["scaletune a \\\n--b", "scaletune c", "scaletune d", "scaletune e"]);
    assert_eq!((found[0].line, found[2].line), (4, 14));
    assert_eq!((found[2].printed.as_deref(), found[3].printed.as_deref()), (Some("one\n...\n"), Some("")));
    assert!(commands("```text\nscaletune x\n```\n").is_err_and(|fault| fault.contains("line 2")));
    assert!(commands("<!-- not run: -->\n```sh\nx\n```\n").is_err_and(|fault| fault.contains("no reason")));
}

#[test]
fn output_is_compared_with_what_is_left_open() {
    assert!(matches("a\n...\nz\n", "a\nb\nc\nz\n") && matches("a\n...\n", "a\n") && matches("", ""));
    assert!(!matches("a\n...\ny\n", "a\nz\n") && !matches("a\n", "a\nb\n") && !matches("", "a\n"));
    assert!(matches("took [..] s, [..] MB", "took 1.5 s, 20 MB") && matches("[..]\n", "\n"));
    assert!(!matches("took [..] s", "took 1.5 m") && !matches("a [..] b", "a"));
}
