//! The pictures of a report.

mod plot;
mod scaling;
mod split;
mod stages;
mod timeline;

pub(super) use stages::{PARTS, part_s};

use super::canvas::{Picture, css_variables};
use super::escape;
use super::labels::Labels;
use crate::sweep::Sweep;

/// Width of pictures on a screen, and on a phone.
const WIDE: i32 = 760;
const NARROW: i32 = 380;

/// A picture, with what it shows in words.
pub struct Chart {
    /// Short name, for the file: `speedup`.
    pub name: &'static str,
    /// Its title.
    pub title: String,
    /// What it shows and how to read it.
    pub caption: String,
    wide: Picture,
    narrow: Picture,
}

/// The pictures that the sweep has data for.
pub fn charts(sweep: &Sweep) -> Vec<Chart> {
    let labels = Labels::new(sweep);
    let makers = [scaling::speedup, scaling::efficiency, timeline::lanes, stages::bars, split::heat_map];
    makers.into_iter().filter_map(|maker| maker(sweep, &labels)).collect()
}

impl Chart {
    /// Draws it in both widths.
    fn drawn(name: &'static str, title: String, caption: String, draw: impl Fn(i32) -> Picture) -> Chart {
        Chart { name, title, caption, wide: draw(WIDE), narrow: draw(NARROW) }
    }

    /// `speedup.svg`.
    pub fn file_name(&self) -> String {
        format!("{}.svg", self.name)
    }

    /// The picture as a file of its own, with its colours.
    pub fn standalone(&self) -> String {
        let style = format!("<style>{}svg{{background:var(--surface)}}</style>", css_variables());
        let svg = self.described(&self.wide.svg);
        // Right after the opening tag's `>`.
        let at = svg.find('>').map_or(0, |at| at + 1);
        format!("{}{style}{}", &svg[..at], &svg[at..])
    }

    /// The picture within a page that declares the colours: a wide and a narrow one, of which the page shows one.
    pub(super) fn inline(&self) -> String {
        let part =
            |class: &str, picture: &Picture| format!("<div class=\"{class}\">{}</div>", self.described(&picture.svg));
        part("wide", &self.wide) + &part("narrow", &self.narrow)
    }

    /// With a title for those who can't see it.
    fn described(&self, svg: &str) -> String {
        let title = format!("<title>{}. {}</title>", escape::html(&self.title), escape::html(&self.caption));
        let at = svg.find('>').map_or(0, |at| at + 1);
        format!("{} role=\"img\">{title}{}", svg[..at].trim_end_matches('>'), &svg[at..])
    }
}

/// A text in at most so many lines of at most so many letters, broken at spaces.
fn wrap(text: &str, most: usize, lines: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    let length = |text: &str| text.chars().count();
    for word in text.split(' ') {
        let full = rows.len() >= lines;
        match rows.last_mut() {
            Some(row) if full || length(row) + 1 + length(word) <= most => *row += &format!(" {word}"),
            _ => rows.push(word.into()),
        }
    }
    rows.iter().map(|row| cut(row, most)).collect()
}

/// A text of at most so many letters.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.into() } else { text.chars().take(most.max(1) - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_broken_before_they_are_cut() {
        assert_eq!(wrap("shared-pool + bytes + htslib", 28, 2), ["shared-pool + bytes + htslib"]);
        assert_eq!(wrap("shared-pool + bytes + htslib + index", 28, 2), ["shared-pool + bytes + htslib", "+ index"]);
        assert_eq!(wrap("one two three four", 7, 2), ["one two", "three …"]);
        assert_eq!(wrap("unbreakable", 6, 2), ["unbre…"]);
    }
}
