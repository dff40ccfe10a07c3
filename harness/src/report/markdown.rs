//! The report as Markdown, its pictures as files beside it.

use super::chart::charts;
use super::escape;
use super::labels::Labels;
use super::section::{markdown_heads, sections};
use super::table::{COLUMNS, cells, legend, sorted};
use super::trust::{Trust, trust};
use super::words::{method, verdict};
use crate::sweep::Sweep;

/// The report; it shows the files that [`super::write()`] lays beside it.
pub fn markdown(sweep: &Sweep) -> String {
    let labels = Labels::new(sweep);
    let mut text =
        format!("# {} {}: how it scales\n\n", escape::markdown(&sweep.engine), escape::markdown(&sweep.engine_version));
    text.push_str(&format!("Can these figures be trusted? {}\n\n", escape::markdown(&trust(sweep))));
    for (place, sentence) in verdict(sweep).iter().enumerate() {
        let sentence = escape::markdown(sentence);
        text.push_str(&if place == 0 { format!("**{sentence}**\n\n") } else { format!("- {sentence}\n") });
    }
    for chart in charts(sweep) {
        text.push_str(&format!(
            "\n## {}\n\n![{}]({})\n\n{}\n",
            chart.title,
            chart.title,
            chart.file_name(),
            chart.caption
        ));
    }
    sections(sweep, &labels).iter().for_each(|section| text.push_str(&section.markdown()));
    text.push_str("\n## Every plan\n\n");
    text.extend(legend(sweep).map(|legend| format!("{}\n\n", escape::markdown(&legend))));
    text.push_str(&markdown_heads(&COLUMNS));
    let blame = Trust::of(sweep).allows_blame();
    for row in sorted(sweep) {
        let cells = cells(&labels, row, blame).map(|cell| escape::markdown(&cell));
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.push_str("\n## Machine and method\n\n");
    for sentence in method(sweep) {
        text.push_str(&format!("{}\n", escape::markdown(&sentence)));
    }
    text.push_str(&format!(
        "\nscaletune {}, {}\n",
        escape::markdown(&sweep.scaletune_version),
        escape::markdown(&sweep.created)
    ));
    text
}
