//! Parts of a report that are a few sentences and a table, the same in HTML and in Markdown.

mod claims;
mod forecast;
mod limits;
mod threads;

pub(super) use limits::Limits;

use super::escape;
use super::labels::Labels;
use crate::sweep::Sweep;

/// A part of a report.
pub(super) struct Section {
    title: String,
    /// Plain sentences before the table.
    words: Vec<String>,
    /// The columns, and whether they hold numbers.
    heads: Vec<(&'static str, bool)>,
    rows: Vec<Vec<String>>,
}

/// The sections that the sweep has data for, in order.
pub(super) fn sections(sweep: &Sweep, labels: &Labels<'_>) -> Vec<Section> {
    let makers = [claims::section, threads::section, limits::section, forecast::section];
    makers.into_iter().filter_map(|maker| maker(sweep, labels)).collect()
}

impl Section {
    pub(super) fn html(&self) -> String {
        let class = |number: bool| if number { " class=\"n\"" } else { "" };
        let words: String =
            self.words.iter().map(|words| format!("<p class=\"note\">{}</p>", escape::html(words))).collect();
        let title = escape::html(&self.title);
        if self.rows.is_empty() {
            return format!("<section><h2>{title}</h2>{words}</section>");
        }
        let heads: String =
            self.heads.iter().map(|(name, number)| format!("<th{}>{name}</th>", class(*number))).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&self.heads);
            let cells = cells.map(|(cell, (_, number))| format!("<td{}>{}</td>", class(*number), escape::html(cell)));
            format!("<tr>{}</tr>", cells.collect::<String>())
        };
        format!(
            "<section><h2>{title}</h2>{words}<div class=\"scroll\"><table class=\"plain\"><thead><tr>{heads}</tr></thead>\
             <tbody>{}</tbody></table></div></section>",
            self.rows.iter().map(line).collect::<String>()
        )
    }

    pub(super) fn markdown(&self) -> String {
        let mut text = format!("\n## {}\n\n", escape::markdown(&self.title));
        self.words.iter().for_each(|words| text.push_str(&format!("{}\n\n", escape::markdown(words))));
        if self.rows.is_empty() {
            return text;
        }
        text.push_str(&markdown_heads(&self.heads));
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|cell| escape::markdown(cell)).collect();
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        text
    }
}

/// The two lines above the rows of a Markdown table.
pub(super) fn markdown_heads(heads: &[(&str, bool)]) -> String {
    let names: Vec<&str> = heads.iter().map(|(name, _)| *name).collect();
    let rules: Vec<&str> = heads.iter().map(|(_, number)| if *number { "---:" } else { "---" }).collect();
    format!("| {} |\n| {} |\n", names.join(" | "), rules.join(" | "))
}

/// Where there is no figure.
fn dash() -> String {
    "–".into()
}
