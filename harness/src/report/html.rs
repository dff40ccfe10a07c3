//! The report as one HTML file: no script, no network, light and dark, from a phone to a wall.

use super::canvas::css_variables;
use super::chart::{Chart, charts};
use super::escape::html as safe;
use super::figures::{percent, seconds, threads, times};
use super::labels::Labels;
use super::section::sections;
use super::table::{COLUMNS, cells, is_unmeasured, legend, sorted};
use super::trust::{Trust, trust};
use super::words::{headline_row, memory, method, verdict};
use crate::sweep::{Row, Sweep};
use std::fmt::Write;

/// Rows of a budget that are shown at once; the others unfold.
const SHOWN: usize = 12;

/// The report.
pub fn html(sweep: &Sweep) -> String {
    let labels = Labels::new(sweep);
    let title = format!("{} {}: how it scales", sweep.engine, sweep.engine_version);
    let mut body = String::new();
    // Writing into a string can't fail.
    let _ = write!(
        body,
        "<header><p class=\"over\">scaletune sweep</p><h1>{}</h1><p class=\"machine\">{}</p></header>",
        safe(&title),
        safe(&sweep.machine.to_string())
    );
    let _ = write!(
        body,
        "<section class=\"trust{}\"><h2>Can these figures be trusted?</h2><p>{}</p></section>",
        if Trust::of(sweep).allows_blame() { "" } else { " doubt" },
        safe(&trust(sweep))
    );
    body.push_str(&verdict_section(sweep));
    body.push_str("<section class=\"charts\">");
    charts(sweep).iter().for_each(|chart| body.push_str(&figure(chart)));
    body.push_str("</section>");
    sections(sweep, &labels).iter().for_each(|section| body.push_str(&section.html()));
    body.push_str(&table_section(sweep, &labels));
    let method: String = method(sweep).iter().map(|sentence| format!("<p>{}</p>", safe(sentence))).collect();
    let _ = write!(body, "<section><h2>Machine and method</h2>{method}{}</section>", inputs(sweep));
    let made = format!("scaletune {}, {}", sweep.scaletune_version, sweep.created);
    let _ = write!(body, "<footer>{}</footer>", safe(&made));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <title>{}</title><style>{}{}</style></head><body><main>{body}</main></body></html>\n",
        safe(&title),
        css_variables(),
        include_str!("page.css")
    )
}

/// The figures that count, large, and the sentences.
fn verdict_section(sweep: &Sweep) -> String {
    let mut text = String::from("<section class=\"verdict\">");
    let said = verdict(sweep);
    if let Some(first) = said.first() {
        text.push_str(&format!("<p class=\"headline\">{}</p>", safe(first)));
    }
    if let Some(best) = headline_row(sweep) {
        let tile = |figure: String, what: String| {
            format!("<div class=\"tile\"><b>{}</b><span>{}</span></div>", safe(&figure), safe(&what))
        };
        text.push_str("<div class=\"tiles\">");
        text.push_str(&tile(seconds(best.median_s.unwrap_or(f64::NAN)), format!("on {}", threads(best.threads))));
        if let (Some(speedup), Some(efficiency)) = (best.speedup, best.efficiency) {
            text.push_str(&tile(times(speedup), "as fast as one thread".into()));
            text.push_str(&tile(percent(efficiency), "efficiency".into()));
        }
        text.push_str(&tile(memory(best), "peak memory".into()));
        text.push_str("</div>");
    }
    if said.len() > 1 {
        let items: String = said.iter().skip(1).map(|sentence| format!("<li>{}</li>", safe(sentence))).collect();
        text.push_str(&format!("<ul>{items}</ul>"));
    }
    text + "</section>"
}

fn figure(chart: &Chart) -> String {
    format!(
        "<figure><h2>{}</h2>{}<figcaption>{}</figcaption></figure>",
        safe(&chart.title),
        chart.inline(),
        safe(&chart.caption)
    )
}

/// Every row, by budget.
fn table_section(sweep: &Sweep, labels: &Labels<'_>) -> String {
    let mut text = String::from("<section><h2>Every plan</h2>");
    text.extend(legend(sweep).map(|legend| format!("<p class=\"note\">{}</p>", safe(&legend))));
    let heads: String = COLUMNS
        .iter()
        .filter(|(name, _)| *name != "Budget")
        .map(|(name, number)| format!("<th{}>{name}</th>", if *number { " class=\"n\"" } else { "" }))
        .collect();
    let all = sorted(sweep);
    let blame = Trust::of(sweep).allows_blame();
    for budget in sweep.budgets() {
        let rows: Vec<&Row> = all.iter().copied().filter(|row| row.threads == budget).collect();
        let of_budget = rows.len();
        let table = |rows: &[&Row]| {
            let lines: String = rows.iter().map(|row| line(labels, row, blame)).collect();
            format!("<div class=\"scroll\"><table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>")
        };
        let plans = if of_budget == 1 { "1 plan".to_string() } else { format!("{of_budget} plans") };
        text.push_str(&format!("<h3>{}, {plans}</h3>{}", threads(budget), table(&rows[..of_budget.min(SHOWN)])));
        if of_budget > SHOWN {
            let more = of_budget - SHOWN;
            text.push_str(&format!("<details><summary>{more} more</summary>{}</details>", table(&rows[SHOWN..])));
        }
    }
    text + "</section>"
}

fn line(labels: &Labels<'_>, row: &Row, blame: bool) -> String {
    let class = match row {
        row if row.is_valid() => "",
        row if is_unmeasured(row) => " class=\"unmeasured\"",
        _ => " class=\"bad\"",
    };
    let cells = cells(labels, row, blame);
    let cells = COLUMNS.iter().zip(&cells).filter(|((name, _), _)| *name != "Budget").map(|((_, number), cell)| {
        let class = if *number { " class=\"n\"" } else { "" };
        format!("<td{class}>{}</td>", safe(cell))
    });
    format!("<tr{class}>{}</tr>", cells.collect::<String>())
}

/// The inputs and their sizes.
fn inputs(sweep: &Sweep) -> String {
    let list = |title: &str, map: &serde_json::Map<String, serde_json::Value>| {
        let items: String = map
            .iter()
            .map(|(name, value)| {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_string);
                format!("<dt>{}</dt><dd>{}</dd>", safe(name), safe(&value))
            })
            .collect();
        if items.is_empty() { String::new() } else { format!("<h3>{title}</h3><dl>{items}</dl>") }
    };
    list("Inputs", &sweep.inputs) + &list("Class of the inputs", &sweep.input_class)
}
