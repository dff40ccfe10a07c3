//! `scaletune engines`: every plugin found, or one in full.

use super::exit::Exit;
use super::{Context, print};
use crate::plugin::{Entry, Plugin};
use clap::Args;
use scaletune_descriptor::{AxisKind, Descriptor, InputKind, Place, Rule, Scale};
use serde_json::json;
use std::fmt::Write as _;

/// `scaletune engines`
#[derive(Args, Debug)]
#[command(after_help = "Example: scaletune engines count")]
pub(super) struct EnginesArguments {
    /// Show this engine in full
    #[arg(value_name = "NAME")]
    pub(super) name: Option<String>,
}

pub(super) fn run(context: &Context, arguments: &EnginesArguments) -> Result<(), Exit> {
    match &arguments.name {
        Some(name) => {
            let plugin = context.catalogue.find(name)?;
            if context.json {
                return print(&serde_json::to_string_pretty(&plugin_json(&plugin)).unwrap_or_default());
            }
            print(&in_full(&plugin))
        }
        None => {
            let entries = context.catalogue.entries();
            if context.json {
                let list: Vec<_> = entries.iter().map(entry_json).collect();
                return print(&serde_json::to_string_pretty(&list).unwrap_or_default());
            }
            print(&list(&entries))
        }
    }
}

fn plugin_json(plugin: &Plugin) -> serde_json::Value {
    json!({"path": plugin.path, "usable": true, "descriptor": plugin.descriptor})
}

fn entry_json(entry: &Entry) -> serde_json::Value {
    match &entry.plugin {
        Ok(plugin) => plugin_json(plugin),
        Err(reason) => json!({"path": entry.path, "usable": false, "reason": reason}),
    }
}

fn list(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return "No engine was found. --engine-path DIR names a folder with plugins.\n".into();
    }
    let mut text = String::new();
    for entry in entries {
        match &entry.plugin {
            Ok(Plugin { path, descriptor, .. }) => {
                _ = writeln!(text, "{} {}  {}", descriptor.name, descriptor.version, descriptor.summary);
                _ = writeln!(text, "    {}", path.display());
                _ = writeln!(text, "    strategies: {}", strategies(descriptor));
            }
            Err(reason) => {
                _ = writeln!(text, "unusable  {}", entry.path.display());
                _ = writeln!(text, "    {reason}");
            }
        }
    }
    text
}

/// `decode inline|per-reader, workers`.
fn strategies(descriptor: &Descriptor) -> String {
    let axes = descriptor.axes.iter().map(|axis| match &axis.kind {
        AxisKind::Choice { values, .. } => {
            let words: Vec<_> = values.iter().map(|value| value.name.as_str()).collect();
            format!("{} {}", axis.name, words.join("|"))
        }
        _ => axis.name.clone(),
    });
    axes.collect::<Vec<_>>().join(", ")
}

fn in_full(Plugin { path, descriptor, .. }: &Plugin) -> String {
    let mut text = String::new();
    let build = if descriptor.build.is_empty() { String::new() } else { format!(" ({})", descriptor.build) };
    _ = writeln!(text, "{} {}{build}\n{}\n{}", descriptor.name, descriptor.version, descriptor.summary, path.display());
    _ = writeln!(text, "\nInputs");
    for input in &descriptor.inputs {
        let value = if input.kind == InputKind::Flag { String::new() } else { format!(": {}", input.wanted()) };
        let default = match &input.default {
            Some(value) => format!(", default {}", value.as_str().map_or_else(|| value.to_string(), str::to_string)),
            None if input.required => ", required".into(),
            None => String::new(),
        };
        _ = writeln!(text, "  --{}{value}{default}\n      {}", input.name, input.help);
    }
    _ = writeln!(text, "\nAxes");
    for axis in &descriptor.axes {
        let scale = match &axis.kind {
            AxisKind::Integer { scale: Scale::Log2, .. } => ", powers of two are tried",
            _ => "",
        };
        let (allowed, default) = (axis.allowed(), axis.default_text());
        _ = writeln!(text, "  {}: {allowed}; default {default}{scale}\n      {}", axis.name, axis.help);
        if let AxisKind::Choice { values, .. } = &axis.kind {
            for value in values {
                let opt_in = if value.opt_in { " (only when named)" } else { "" };
                _ = writeln!(text, "      {}{opt_in}: {}", value.name, value.help);
            }
        }
    }
    _ = writeln!(text, "\nConstraints");
    for constraint in &descriptor.constraints {
        _ = writeln!(text, "  {constraint}");
    }
    for helper in &descriptor.helpers {
        _ = writeln!(text, "  threads beyond the budget: {helper}");
    }
    _ = writeln!(text, "\nOutputs");
    for output in &descriptor.outputs {
        let place = match &output.place {
            Place::Flag(flag) => format!(" (--{flag} FILE)"),
            Place::Beside(suffix) => format!(" (beside the result, {suffix})"),
            _ => String::new(),
        };
        _ = writeln!(text, "  {}: {}{place}\n      {}", output.name, output.file, output.help);
        _ = writeln!(text, "      compared: {}", comparison(output.rule, "other columns", &output.columns));
    }
    if !descriptor.stages.is_empty() {
        _ = writeln!(text, "\nStages");
        for stage in &descriptor.stages {
            _ = writeln!(text, "  {}: {}", stage.name, stage.help);
        }
    }
    text
}

fn comparison(rule: Rule, rest: &str, columns: &std::collections::BTreeMap<String, Rule>) -> String {
    if columns.is_empty() {
        return rule_text(rule);
    }
    let named: Vec<_> = columns.iter().map(|(column, rule)| format!("{column} {}", rule_text(*rule))).collect();
    format!("{}; {rest} {}", named.join(", "), rule_text(rule))
}

fn rule_text(rule: Rule) -> String {
    match rule {
        Rule::Tolerance { abs, rel } => format!("to {rel:e} relative + {abs:e} absolute"),
        Rule::Ulp(ulp) => format!("to {ulp} representable numbers"),
        Rule::Ignore => "not at all".into(),
        _ => "exactly".into(),
    }
}
