//! From a sweep to its report: the figures that a person reads are those of the document, and a sweep can be stopped,
//! continued, compared and predicted from.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "common/neighbours.rs"]
mod neighbours;

use common::{home, hostile_engine, need_count_engine, outcome, scaletune, succeed};
use neighbours::Neighbours;
use serde_json::Value;
use std::path::Path;

/// A sweep of an engine's workload into `out`; the document.
fn sweep(home: &Path, engine: &str, workload: &[&str], more: &[&str]) -> Value {
    let mut command = scaletune(home);
    command.args(["sweep", engine]).args(workload).args(["--out", "out"]).args(more);
    let stderr = succeed(&mut command);
    assert!(stderr.contains("report: out/report.html"), "{stderr}");
    document(&home.join("out"))
}

fn document(folder: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join("sweep.json")).unwrap()).unwrap()
}

fn text(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join(file)).unwrap()
}

/// The figure that a cell shows, and by how much the document's may differ from it; none for a dash.
fn shown(cell: &str) -> Option<(f64, f64)> {
    let unit = |sign: &str, factor: f64| {
        let number = cell.strip_suffix(sign)?.trim();
        let digits = number.split_once('.').map_or(0, |(_, digits)| digits.len());
        Some((number.parse::<f64>().ok()? * factor, 0.51 * factor / 10f64.powi(digits as i32)))
    };
    unit(" µs", 1e-6)
        .or_else(|| unit(" ms", 1e-3))
        .or_else(|| unit(" s", 1.0))
        .or_else(|| unit("×", 1.0))
        .or_else(|| unit(" %", 0.01))
        .or_else(|| unit("", 1.0))
}

/// Whether a cell shows this figure of the document.
fn shows(cell: &str, figure: &Value) -> bool {
    match (shown(cell), figure.as_f64()) {
        (Some((cell, most)), Some(figure)) => (cell - figure).abs() <= most,
        (None, None) => cell == "–",
        _ => false,
    }
}

/// The rows of the table under "Every plan", in both forms.
fn tables(folder: &Path) -> [Vec<Vec<String>>; 2] {
    let markdown = text(folder, "report.md");
    let part = markdown.split("## Every plan").nth(1).unwrap().split("\n## ").next().unwrap();
    let lines = part.lines().filter(|line| line.starts_with("| ")).skip(2);
    let unescaped = |cell: &str| cell.replace('\\', "").replace("&lt;", "<").replace("&gt;", ">");
    let markdown = lines.map(|line| {
        let cells = line.trim_matches('|').replace("\\|", "¦");
        cells.split('|').map(|cell| unescaped(cell.trim())).collect::<Vec<_>>()
    });
    let html = text(folder, "report.html");
    let part = html.split("<h2>Every plan</h2>").nth(1).unwrap().split("</section>").next().unwrap();
    let lines = part.split("<tr").skip(1).filter(|line| line.contains("<td"));
    let html = lines.map(|line| {
        let cells =
            line.split("</td>").filter_map(|cell| Some(cell.split("<td").nth(1)?.split_once('>')?.1.to_string()));
        cells.collect::<Vec<_>>()
    });
    [markdown.collect(), html.collect()]
}

/// Every figure of the report in its three forms is the document's, and the document agrees with itself.
fn the_report_equals_the_document(home: &Path, document: &Value) {
    let folder = home.join("out");
    let rows = document["rows"].as_array().unwrap();
    let serial = &rows[document["serial_row"].as_u64().unwrap() as usize];
    assert_eq!((serial["threads_used"].as_i64(), serial["speedup"].as_f64()), (Some(1), Some(1.0)));
    assert_eq!((&rows[0]["plan"], rows[0]["equivalence"].as_str()), (&document["reference"], Some("same")));
    let start_s = document["worker_start_s"].as_f64().unwrap();
    assert!(start_s > 0.0);
    for row in rows {
        let samples = row["samples"].as_array().unwrap();
        let undisturbed: Vec<&Value> = samples.iter().filter(|sample| !is_disturbed(sample)).collect();
        let count = if 2 * undisturbed.len() >= samples.len() { undisturbed } else { samples.iter().collect() };
        let times: Vec<f64> = count.iter().map(|it| it["wall_s"].as_f64().unwrap()).collect();
        let Some(median_s) = row["median_s"].as_f64() else {
            assert!(times.is_empty() && row["speedup"].is_null(), "{row}");
            continue;
        };
        assert_eq!(median_s, median(times), "{}", row["plan"]);
        let used = row["threads_used"].as_f64().unwrap();
        let speedup = row["speedup"].as_f64().unwrap();
        assert!((speedup - serial["median_s"].as_f64().unwrap() / median_s).abs() < 1e-12);
        assert!((row["efficiency"].as_f64().unwrap() - speedup / used).abs() < 1e-12);
        assert_eq!(row["serial_fraction"].is_null(), used == 1.0, "{row}");
        assert_eq!(row["near_overhead"], median_s <= 2.0 * start_s, "{row}");
    }

    // As the report sorts them: by budget, right ones first, then by time.
    let mut sorted: Vec<&Value> = rows.iter().collect();
    let key = |row: &Value| {
        let median_s = row["median_s"].as_f64().unwrap_or(f64::INFINITY);
        (row["threads"].as_i64().unwrap(), row["equivalence"] != "same" || row["median_s"].is_null(), median_s)
    };
    sorted.sort_by(|left, right| key(left).partial_cmp(&key(right)).unwrap());
    let [markdown, html] = tables(&folder);
    let trusted = !text(&folder, "report.md").contains("measure again on a quiet machine.\n");
    assert_eq!((markdown.len(), html.len()), (rows.len(), rows.len()));
    for ((row, markdown), html) in sorted.into_iter().zip(markdown).zip(html) {
        // The HTML's tables are by budget: they have no column of it.
        assert_eq!(markdown[1], row["threads"].to_string());
        let mut without = markdown.clone();
        without.remove(1);
        assert_eq!(without, html, "both forms show the same");
        let [_, busy, median, interval, cpu, _, speedup, efficiency, fraction, answer] = &html[..] else {
            panic!("{html:?}")
        };
        assert!(busy.split(' ').next() == Some(row["threads_used"].to_string().as_str()), "{html:?}");
        assert_eq!(busy.contains("oversubscribed"), row["oversubscribed"] == true, "{html:?}");
        assert_eq!(median.ends_with(" †"), row["near_overhead"] == true, "{html:?}");
        let median = &median.replace(" †", "");
        let cells = [(median, "median_s"), (cpu, "cpu_s"), (speedup, "speedup"), (efficiency, "efficiency")];
        for (cell, name) in cells {
            assert!(shows(cell, &row[name]), "{name}: {cell} for {}", row[name]);
        }
        // Beside other work it would be the neighbours'.
        let serial = if trusted { &row["serial_fraction"] } else { &Value::Null };
        assert!(shows(fraction, serial), "serial_fraction: {fraction} for {serial}");
        if let Some((low, high)) = interval.split_once(" – ") {
            assert!(shows(low, &row["ci_low_s"]) && shows(high, &row["ci_high_s"]), "{interval} {row}");
        }
        let unmeasured = if row["samples"].as_array().unwrap().is_empty() { ": not measured" } else { "" };
        assert_eq!(*answer, row["equivalence"].as_str().unwrap().replace('_', " ") + unmeasured);
    }

    succeed(scaletune(home).args(["report", "out/sweep.json", "--csv", "--out", "again"]));
    let csv = text(&home.join("again"), "report.csv");
    let heads: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    assert_eq!(csv.lines().count(), rows.len() + 1);
    for (line, row) in csv.lines().skip(1).zip(rows) {
        // The plan, the only cell with commas, stands in quotes where it has any.
        let mut parts = line.split('"');
        let line = format!("{}plan{}", parts.next().unwrap(), parts.nth(1).unwrap_or_default());
        let cells: Vec<&str> = line.split(',').collect();
        for name in heads.iter().filter(|head| row.get(**head).is_some_and(Value::is_number)) {
            let cell = cells[heads.iter().position(|head| head == name).unwrap()];
            assert_eq!(cell.parse::<f64>().ok(), row[*name].as_f64(), "{name}: {line}");
        }
    }
    for file in ["report.html", "report.md"] {
        assert!(text(&folder, file) == text(&home.join("again"), file), "{file} made again says the same");
    }
    // A report can be handed on: it does not tell where the files lie.
    for file in ["sweep.json", "report.html", "report.md"] {
        assert!(!text(&folder, file).contains(home.to_str().unwrap()), "{file}");
    }
}

/// The rule of docs/methods.md.
fn is_disturbed(sample: &Value) -> bool {
    let figure = |name: &str| sample["disturbance"][name].as_f64().unwrap_or(0.0);
    let capacity_s = figure("capacity_s");
    let others = (figure("others_s") + figure("steal_s")) / capacity_s;
    (capacity_s > 0.0 && others >= 0.2 && others * capacity_s >= 0.03)
        || sample["slowdown"].as_f64().is_some_and(|slowdown| slowdown >= 1.25)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    let middle = times.len() / 2;
    if times.len() % 2 == 1 { times[middle] } else { times[middle - 1] + (times[middle] - times[middle - 1]) * 0.5 }
}

#[test]
fn a_demo_of_the_counter_is_reported_as_it_was_measured() {
    need_count_engine();
    let home = home();
    let document = sweep(home.path(), "count", &["--demo"], &["--threads", "1,2", "--max-time", "6s"]);
    the_report_equals_the_document(home.path(), &document);
    let demo = std::env::temp_dir().display().to_string();
    assert!(!document["inputs"].to_string().contains(&demo), "{}", document["inputs"]);
    assert_eq!(document["files"][0]["file"], "simulated.bam");
    assert!(document["worker_start_s"].as_f64().unwrap() > 0.0);
    let sample = &document["rows"][0]["samples"][0];
    assert!(sample["read_bytes"].as_u64().unwrap() > document["files"][0]["bytes"].as_u64().unwrap() / 2, "{sample}");
    assert!(sample["voluntary_switches"].is_u64() && sample["involuntary_switches"].is_u64());
}

#[test]
fn em_and_prune_are_reported_as_they_were_measured() {
    need_count_engine();
    for engine in ["em", "prune"] {
        let home = home();
        succeed(scaletune(home.path()).args(["simulate", engine, "-q", "--preset", "tiny", "--out", "work"]));
        let more = ["--threads", "2", "--repeat", "2", "--max-time", "12s"];
        let document = sweep(home.path(), engine, &["--inputs", "work/inputs.toml"], &more);
        the_report_equals_the_document(home.path(), &document);
        let budgets = document["rows"].as_array().unwrap().iter().map(|row| row["threads"].as_i64().unwrap());
        assert!(budgets.clone().any(|threads| threads == 1), "one thread is measured, asked for or not");
        assert!(budgets.clone().any(|threads| threads == 2));
        // The tasks of the workers are there, where two worked.
        let rows = document["rows"].as_array().unwrap().iter();
        let two = rows.filter_map(|row| row.get("timeline")).filter(|it| it["busy_s"].as_array().unwrap().len() == 2);
        for timeline in two {
            let end = timeline["tasks"].as_array().unwrap().last().unwrap()["end_s"].as_f64().unwrap();
            assert!(end <= timeline["run_s"].as_f64().unwrap() * 1.001, "{engine}: {timeline}");
        }
    }
}

/// The engine that does as told: `milliseconds` of sleep, divided by its workers.
fn hostile(home: &Path, more: &[&str]) -> (i32, String, String) {
    let engines = hostile_engine(home);
    let mut command = scaletune(home);
    command.arg("--engine-path").arg(engines).args(["sweep", "hostile", "--milliseconds", "10"]).args(more);
    outcome(&mut command)
}

#[test]
fn a_wrong_plan_is_shown_as_wrong_and_does_not_win() {
    let home = home();
    let more = ["--deed", "wrong-answer", "--threads", "1,2", "--repeat", "3", "--out", "out"];
    let (status, _, stderr) = hostile(home.path(), &more);
    assert_eq!(status, 0, "{stderr}");
    let document = document(&home.path().join("out"));
    let rows = document["rows"].as_array().unwrap();
    let wrong: Vec<&Value> = rows.iter().filter(|row| row["equivalence"] == "different").collect();
    assert!(
        !wrong.is_empty() && wrong.iter().all(|row| row["speedup"].is_null() && row["plan"]["workers"] == 2),
        "{rows:#?}"
    );
    let page = text(&home.path().join("out"), "report.md");
    assert!(page.contains("gave another answer than the reference") && page.contains("different: "), "{page}");
    // That comes first; with two workers every strategy is wrong, so the reference plan alone is left.
    let headline = page.lines().find(|line| line.starts_with("**")).unwrap_or_default();
    assert!(headline.contains("gave another answer"), "{page}");
    let valid: Vec<&Value> = rows.iter().filter(|row| !row["speedup"].is_null()).collect();
    assert!(valid.iter().all(|row| row["plan"]["style"] == "plain" && row["plan"]["workers"] == 1), "{rows:#?}");
    assert!(!valid.is_empty() && page.contains("its strategy is wrong under"), "{page}");
}

#[test]
fn beside_busy_neighbours_the_report_says_so_and_blames_no_stage() {
    need_count_engine();
    let home = home();
    let neighbours = Neighbours::busy(std::thread::available_parallelism().unwrap().get());
    // However slow the machine is: a few plans, each measured twice at least.
    let more = ["--threads", "1,2", "--axes", "workers", "--repeat", "2"];
    let document = sweep(home.path(), "count", &["--demo"], &more);
    drop(neighbours);
    the_report_equals_the_document(home.path(), &document);
    let page = text(&home.path().join("out"), "report.md");
    let share = page.split("The machine was busy: other work took ").nth(1).and_then(|rest| rest.split(" %").next());
    let share: f64 = share.unwrap_or_else(|| panic!("{page}")).parse().unwrap();
    assert!((11.0..=100.0).contains(&share), "{share}");
    assert!(page.find("The machine was busy").unwrap() < page.find("**").unwrap(), "{page}");
    let blame =
        ["limits: it holds", "ends speedup", "parallelism adds.\n", "workers are uneven", "What the tasks would allow"];
    for words in blame {
        assert!(!page.contains(words), "{words}: {page}");
    }
    let samples = || document["rows"].as_array().unwrap().iter().flat_map(|row| row["samples"].as_array().unwrap());
    let waited = |sample: &Value| sample["disturbance"]["run_delay_s"].as_f64().is_some_and(|delay| delay > 0.0);
    assert!(samples().any(waited), "nobody waited for a core: {document}");
    let yardstick = |sample: &Value| sample["yardstick_s"].as_f64().is_some_and(|seconds| seconds > 0.0);
    assert!(samples().skip(1).any(yardstick), "no yardstick: {document}");
}

#[test]
fn a_sweep_is_continued_compared_and_too_thin_to_predict_from() {
    let home = home();
    let folder = home.path().join("out");
    let args = ["--threads", "1,2", "--repeat", "2", "--out", "out"];
    assert_eq!(hostile(home.path(), &args).0, 0);
    let first = document(&folder);
    let (status, _, stderr) = hostile(home.path(), &args);
    assert!(status == 2 && stderr.contains("--resume goes on with it"), "{stderr}");
    let more = ["--threads", "1,2", "--repeat", "4", "--out", "out", "--resume"];
    assert_eq!(hostile(home.path(), &more).0, 0);
    let second = document(&folder);
    for (before, after) in first["rows"].as_array().unwrap().iter().zip(second["rows"].as_array().unwrap()) {
        let samples = |row: &Value| -> Vec<Value> {
            row["samples"].as_array().unwrap().iter().map(|sample| sample["wall_s"].clone()).collect()
        };
        assert!(samples(after).starts_with(&samples(before)), "what was measured is kept");
        assert!(samples(after).len() >= 4);
    }

    let compared = outcome(scaletune(home.path()).args(["compare", "out/sweep.json", "out/sweep.json", "--json"]));
    let json: Value = serde_json::from_str(&compared.1).unwrap();
    let pairs = json["pairs"].as_array().unwrap();
    assert_eq!((compared.0, pairs.len()), (0, second["rows"].as_array().unwrap().len()));
    for pair in pairs {
        let (low, high) = (pair["interval"]["low"].as_f64().unwrap(), pair["interval"]["high"].as_f64().unwrap());
        assert!(pair["ratio"] == 1.0 && low <= 1.0 && high >= 1.0, "{pair}");
    }
    let told = outcome(scaletune(home.path()).args(["compare", "out/sweep.json", "out/sweep.json"])).1;
    assert!(
        told.contains("faster in 0, slower in 0") && told.contains("not told apart") && told.contains("workers 2"),
        "{told}"
    );

    let (status, _, stderr) = outcome(scaletune(home.path()).args(["predict", "out/sweep.json", "--threads", "16"]));
    assert!(status == 2 && stderr.contains("fitting a law needs 4"), "{stderr}");
}

/// Two thread counts carry no law, but the tasks that were measured can be dealt out all the same.
#[test]
fn a_thin_sweep_still_gives_a_schedule() {
    need_count_engine();
    let home = home();
    succeed(scaletune(home.path()).args(["simulate", "count", "-q", "--preset", "tiny", "--out", "work"]));
    let more = ["--threads", "1", "--repeat", "3", "--axes", "workers"];
    sweep(home.path(), "count", &["--inputs", "work/inputs.toml"], &more);
    let predict = |more: &[&str]| {
        outcome(scaletune(home.path()).args(["predict", "out/sweep.json", "--threads", "16"]).args(more))
    };
    let (status, stdout, stderr) = predict(&[]);
    assert!(stderr.contains("no law is fitted: 1 thread count was measured"), "{stderr}");
    assert!(stdout.starts_with("Schedule: ") && stdout.contains("  16 threads: "), "{stdout}");
    assert_eq!(status, 2, "{stderr}");
    let (status, stdout, _) = predict(&["--json"]);
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert!(status == 2 && json["fits"].as_array().unwrap().is_empty(), "{stdout}");
    assert!(json["no_fits"].as_str().unwrap().contains("needs 4"), "{stdout}");
    assert_eq!(json["schedule"]["points"][0]["threads"], 16);
}

/// Dropping files from the page cache needs no right beyond reading them; each trial then runs its work once.
#[test]
fn cold_trials_run_once() {
    need_count_engine();
    let home = home();
    succeed(scaletune(home.path()).args(["simulate", "count", "-q", "--preset", "tiny", "--out", "work"]));
    let more = ["--threads", "1", "--repeat", "2", "--cold", "--axes", "workers"];
    let document = sweep(home.path(), "count", &["--inputs", "work/inputs.toml"], &more);
    assert_eq!(document["cold"], true);
    for row in document["rows"].as_array().unwrap() {
        let samples = row["samples"].as_array().unwrap();
        assert!((2..=4).contains(&samples.len()) && samples.iter().all(|sample| sample["runs"] == 1), "{row}");
    }
    assert!(text(&home.path().join("out"), "report.md").contains("dropped from the page cache"));
}

/// A run's own manifest is enough for a schedule of its tasks.
#[test]
fn the_tasks_of_one_run_can_be_scheduled() {
    need_count_engine();
    let home = home();
    succeed(scaletune(home.path()).args(["simulate", "count", "-q", "--preset", "tiny", "--out", "work"]));
    let plan = "reader=raw,workers=1,partition=bytes,tasks-per-worker=8";
    let run = ["run", "count", "--inputs", "work/inputs.toml", "-o", "counts.tsv", "--threads", "1", "--plan", plan];
    succeed(scaletune(home.path()).args(run));
    let mut predict = scaletune(home.path());
    predict.args(["predict", "counts.tsv.run.json", "--threads", "1,2,64", "--json"]);
    let (status, stdout, stderr) = outcome(&mut predict);
    assert_eq!(status, 0, "{stderr}");
    let json: Value = serde_json::from_str(&stdout).unwrap();
    let seconds: Vec<f64> = json["schedule"]["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["in_order_s"].as_f64().unwrap())
        .collect();
    assert!(seconds.len() == 3 && seconds[0] > seconds[1] && seconds[1] >= seconds[2], "{stdout}");
}

/// An engine's input that is called like a flag of the command has a flag of its own.
#[test]
fn an_input_and_a_flag_of_the_same_name_both_work() {
    need_count_engine();
    let home = home();
    let (status, help, _) = outcome(scaletune(home.path()).args(["sweep", "em", "--help"]));
    assert!(status == 0 && help.contains("--resume") && help.contains("--input-resume"), "{help}");
    let (status, help, _) = outcome(scaletune(home.path()).args(["run", "em", "--help"]));
    assert!(status == 0 && help.contains("--resume") && !help.contains("--input-resume"), "{help}");
    let mut command = scaletune(home.path());
    command.args(["sweep", "em", "--input-resume", "/no/such/checkpoint", "--out", "out"]);
    let (status, _, stderr) = outcome(&mut command);
    assert!(status == 2 && stderr.contains("input `resume`: /no/such/checkpoint"), "{stderr}");
}
