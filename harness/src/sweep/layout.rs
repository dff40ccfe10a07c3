//! How the document is laid out: indented like any other, but a trial or a task on a line of its own.

use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use std::io::{Result, Write};

/// From this depth on an object stands on one line: samples and tasks of rows.
const DEEP: usize = 5;

/// Indents all but deep objects.
#[derive(Default)]
pub(super) struct Layout {
    pretty: PrettyFormatter<'static>,
    compact: CompactFormatter,
    depth: usize,
    /// The depth of the object that stands on one line.
    line: Option<usize>,
}

/// Hands a call on to the formatter that is at work.
macro_rules! hand_on {
    ($($name:ident($($argument:ident: $kind:ty)?)),*) => {$(
        fn $name<W: ?Sized + Write>(&mut self, writer: &mut W $(, $argument: $kind)?) -> Result<()> {
            if self.line.is_some() {
                self.compact.$name(writer $(, $argument)?)
            } else {
                self.pretty.$name(writer $(, $argument)?)
            }
        }
    )*};
}

impl Formatter for Layout {
    hand_on!(
        begin_array_value(first: bool), end_array_value(), begin_object_key(first: bool), begin_object_value(),
        end_object_value()
    );

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.depth += 1;
        if self.line.is_some() { self.compact.begin_array(writer) } else { self.pretty.begin_array(writer) }
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.depth -= 1;
        if self.line.is_some() { self.compact.end_array(writer) } else { self.pretty.end_array(writer) }
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        self.depth += 1;
        if self.depth >= DEEP && self.line.is_none() {
            self.line = Some(self.depth);
        }
        if self.line.is_some() { self.compact.begin_object(writer) } else { self.pretty.begin_object(writer) }
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> Result<()> {
        let (depth, line) = (self.depth, self.line);
        self.depth -= 1;
        if line.is_none() {
            return self.pretty.end_object(writer);
        }
        if line == Some(depth) {
            self.line = None;
        }
        self.compact.end_object(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;
    use serde_json::{Value, json};

    #[test]
    fn deep_objects_stand_on_a_line_and_nothing_is_lost() {
        let document = json!({
            "rows": [{"plan": {"a": 1}, "samples": [{"x": 1, "stages": [{"name": "run"}]}, {"x": 2}], "none": []}],
            "empty": {},
        });
        let mut bytes = Vec::new();
        document.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Layout::default())).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
        assert!(text.contains("\n        {\"x\":1,\"stages\":[{\"name\":\"run\"}]},\n"), "{text}");
        assert!(text.contains("\"plan\": {\n"), "{text}");
    }
}
