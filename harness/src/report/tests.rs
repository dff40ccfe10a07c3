mod compared;

use super::*;
use crate::sweep::tests::sweep_of;
use crate::sweep::{InputFile, Row, Verdict};

fn amdahl(threads: i64) -> f64 {
    10.0 * (0.1 + 0.9 / threads as f64)
}

/// Lays reports where they can be looked at: `SCALETUNE_SHOW=DIR cargo test -p scaletune report::`.
#[test]
fn reports_can_be_looked_at() {
    let Some(folder) = std::env::var_os("SCALETUNE_SHOW").map(std::path::PathBuf::from) else { return };
    let mut large = crate::sweep::tests::large_sweep(&[2, 4, 8]);
    large.machine.usable_cores = 8;
    let many =
        sweep_of(|p| 10.0 * (0.03 + 0.97 / p as f64 + 0.0008 * (p - 1) as f64), &[1, 2, 4, 8, 16, 32, 64], 64, 0.05);
    let mut levels = large.clone();
    for (level, row) in levels.rows.iter_mut().filter(|row| row.threads == 8).step_by(6).take(4).enumerate() {
        row.name = Some(format!("level {level}"));
        row.claim = (level % 3 == 0).then_some(crate::sweep::Claim { speedup: 5.6, efficiency: Some(0.7) });
    }
    for (name, sweep) in [("sample", sample()), ("large", large), ("many", many), ("levels", levels)] {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        sweep.save(&folder.join("sweep.json")).unwrap();
        write(&sweep, &folder, true).unwrap();
    }
}

fn sample() -> Sweep {
    let mut sweep = sweep_of(amdahl, &[1, 2, 4, 8], 4, 0.05);
    // A plan that lies and one that crashes.
    let wrong = sweep.rows.iter().position(|row| row.threads == 4).unwrap();
    spoil(&mut sweep.rows[wrong + 1], Verdict::Different, None);
    spoil(&mut sweep.rows[wrong + 2], Verdict::NotCompared, Some("was killed by signal 11"));
    sweep
}

fn spoil(row: &mut Row, verdict: Verdict, failure: Option<&str>) {
    row.equivalence = verdict;
    row.difference = (verdict == Verdict::Different).then(|| "counts.tsv: row 1: expected 3, found 4".into());
    row.failure = failure.map(str::to_string);
    (row.speedup, row.efficiency, row.serial_fraction) = (None, None, None);
}

#[test]
fn the_verdict_comes_first_and_in_words() {
    let said = verdict(&sample());
    // A wrong answer is said before anything is called fast. The machine has four cores: eight threads are not the
    // headline. 10 s against 3.25 s.
    assert!(said[0].starts_with("1 plan gave another answer than the reference"), "{}", said[0]);
    let headline = said.iter().find(|line| line.starts_with("4 threads: ")).unwrap();
    assert!(headline.starts_with("4 threads: a (workers 4), 3.") && headline.contains("efficiency 7"), "{headline}");
    let all = said.join("\n");
    assert!(all.contains("1 plan gave another answer than the reference"), "{all}");
    assert!(all.contains("1 plan failed"), "{all}");
    assert!(all.contains("more busy threads than the 4 usable cores"), "{all}");
    let two = sweep_of(amdahl, &[1, 2], 2, 0.01);
    assert!(verdict(&two)[1].starts_with("That is 30 % faster than the runner-up, b"), "{:?}", verdict(&two));
    let even = sweep_of(amdahl, &[1, 2], 2, 0.0);
    assert!(verdict(&even).iter().all(|sentence| !sentence.contains("stopped")));
    let disturbed = sweep_of(|threads| if threads == 1 { 10.0 } else { 3.0 }, &[1, 2], 2, 0.0);
    assert!(verdict(&disturbed).iter().any(|sentence| sentence.contains("more than 100 %")));
    assert!(verdict(&even).iter().all(|sentence| !sentence.contains("more than 100 %")));
    let mut none = even.clone();
    none.rows.iter_mut().for_each(|row| spoil(row, Verdict::Different, None));
    none.complete = false;
    let said = verdict(&none).join("\n");
    assert!(said.contains("\nNo plan gave the right answer") && said.contains("stopped before"), "{said}");
}

#[test]
fn every_figure_of_the_table_is_the_documents() {
    let sweep = sample();
    let lines: Vec<String> = csv(&sweep).lines().map(str::to_string).collect();
    assert_eq!(lines.len(), sweep.rows.len() + 1);
    let heads: Vec<&str> = lines[0].split(',').collect();
    for (line, row) in lines[1..].iter().zip(&sweep.rows) {
        // The plan holds a comma: it stands in quotes.
        let rest = line.replace(&format!("\"{}\"", row.plan), "plan");
        let field = |name: &str| rest.split(',').nth(heads.iter().position(|head| *head == name).unwrap()).unwrap();
        assert_eq!(field("median_s").parse().ok(), row.median_s);
        assert_eq!(field("speedup").parse().ok(), row.speedup);
        assert_eq!(field("efficiency").parse().ok(), row.efficiency);
        assert_eq!(field("serial_fraction").parse().ok(), row.serial_fraction);
        assert_eq!(field("cpu_inflation").parse().ok(), row.cpu_inflation);
        assert_eq!(field("idle_share").parse().ok(), row.timeline.as_ref().map(|timeline| timeline.idle_share));
        assert_eq!(field("voluntary_switches"), "3");
        assert_eq!(field("threads_used"), row.threads_used.to_string());
        assert_eq!(field("samples"), row.samples.len().to_string());
    }
    for text in [markdown(&sweep), html(&sweep)] {
        for row in sweep.rows.iter().filter(|row| row.is_valid()) {
            assert!(text.contains(&figures::seconds(row.median_s.unwrap())), "{:?}", row.median_s);
            assert!(text.contains(&figures::percent(row.efficiency.unwrap())));
        }
        assert!(text.contains("was killed by signal 11") && text.contains("oversubscribed"));
    }
}

#[test]
fn pictures_are_well_formed_and_hold_the_data() {
    let sweep = sample();
    let charts = charts(&sweep);
    assert_eq!(
        charts.iter().map(|chart| chart.name).collect::<Vec<_>>(),
        ["speedup", "efficiency", "timeline", "stages"]
    );
    for chart in &charts {
        let svg = chart.standalone();
        check_tags(&svg);
        assert!(svg.contains("prefers-color-scheme:dark") && svg.contains("<title>"));
    }
    // Three lines, four points each but for the two spoilt rows; the hollow ones are drawn twice.
    let circles = charts[0].standalone().matches("<circle").count();
    let valid: Vec<&Row> = sweep.rows.iter().filter(|row| row.is_valid()).collect();
    assert_eq!(circles, valid.len() + valid.iter().filter(|row| row.oversubscribed).count());
    assert!(
        super::charts(&sweep_of(amdahl, &[1], 1, 0.0)).iter().all(|chart| ["stages", "timeline"].contains(&chart.name))
    );
}

/// Amdahl's law by stage: the fake engine opens in a tenth of the time, whatever the threads, so that all shrink alike.
#[test]
fn the_stage_that_limits_is_named() {
    let mut sweep = sweep_of(amdahl, &[1, 2, 4], 4, 0.0);
    // Opening stays as long, all else is perfect: one second of ten.
    for row in &mut sweep.rows {
        let run_s = 9.0 / row.threads_used as f64;
        row.stages = [("open".into(), 1.0.into()), ("run".into(), run_s.into())].into_iter().collect();
    }
    let limits = section::Limits::new(&sweep).unwrap();
    let (worst, share) = limits.worst().unwrap();
    assert_eq!(worst.name, "open");
    assert!((share - 1.0).abs() < 1e-9 && (limits.most - 10.0).abs() < 1e-9, "{share} {}", limits.most);
    let said = verdict(&sweep).join("\n");
    assert!(said.contains("The stage \"open\" limits") && said.contains("ends speedup at 10.0×"), "{said}");
    for text in [markdown(&sweep), html(&sweep)] {
        assert!(text.contains("Which stage limits") && text.contains("it ends speedup at 10.0×"), "{text}");
    }
    assert!(section::Limits::new(&sweep_of(amdahl, &[1], 4, 0.0)).is_none());
    // Where the stages say less than what was measured they say nothing of where it ends.
    for row in &mut sweep.rows {
        let open_s = 10.0 - row.threads_used as f64;
        row.stages = [("open".to_string(), open_s.into())].into_iter().collect();
        row.speedup = Some(row.threads_used as f64);
    }
    let said = verdict(&sweep).join("\n");
    assert!(!said.contains("limits") && markdown(&sweep).contains("vary too much"), "{said}");
    // Threads that slow every stage down end no speedup.
    for row in &mut sweep.rows {
        row.speedup = Some(1.0 / row.threads_used as f64);
        let open_s = row.threads_used as f64;
        row.stages = [("open".to_string(), open_s.into())].into_iter().collect();
    }
    let said = verdict(&sweep).join("\n");
    assert!(!said.contains("limits") && markdown(&sweep).contains("More threads only made it slower."), "{said}");
}

#[test]
fn claims_are_held_against_what_was_measured() {
    let mut sweep = sweep_of(amdahl, &[1, 2, 4, 8], 4, 0.02);
    let claim = |speedup| Some(crate::sweep::Claim { speedup, efficiency: Some(0.7) });
    for (threads, name, speedup) in [(2, "level 0", 1.5), (4, "level 1", 3.9), (8, "level 3", 5.6)] {
        let row = sweep.rows.iter_mut().find(|row| row.threads == threads).unwrap();
        (row.name, row.claim) = (Some(name.into()), claim(speedup));
    }
    let page = markdown(&sweep);
    let line = |name: &str| page.lines().find(|line| line.starts_with(&format!("| {name} "))).unwrap().to_string();
    assert!(line("level 0").contains("1.50×, 70 % | holds |"), "{}", line("level 0"));
    assert!(line("level 1").contains("does not hold here: "), "{}", line("level 1"));
    assert!(line("level 3").contains("can't be checked with 4 usable cores"), "{}", line("level 3"));
    assert!(html(&sweep).contains("5.60×, 70 %"));
    // No names, no such section.
    assert!(!markdown(&sweep_of(amdahl, &[1, 2], 2, 0.0)).contains("Named plans"));
}

#[test]
fn uneven_workers_are_told_and_drawn() {
    let mut sweep = sweep_of(amdahl, &[1, 2], 2, 0.0);
    let index = sweep.rows.iter().position(|row| std::ptr::eq(row, sweep.best(2).unwrap())).unwrap();
    let timeline = sweep.rows[index].timeline.as_mut().unwrap();
    (timeline.imbalance, timeline.idle_share) = (1.4, 0.35);
    let said = verdict(&sweep).join("\n");
    assert!(said.contains("the busiest had 1.40× the mean") && said.contains("35 %"), "{said}");
    let svg = charts(&sweep).into_iter().find(|chart| chart.name == "timeline").unwrap().standalone();
    check_tags(&svg);
    assert!(svg.contains("35 % idle, max / mean 1.40") && markdown(&sweep).contains("What the tasks would allow"));
    // Two plans with 1 and 2 lanes, four tasks a lane.
    assert_eq!(svg.matches("<rect").count(), 3 + 12);

    // The same figures from tasks that hold next to nothing of the run claim nothing.
    let timeline = sweep.rows[index].timeline.as_mut().unwrap();
    timeline.busy_s.iter_mut().for_each(|busy_s| *busy_s *= 0.01);
    assert!(!verdict(&sweep).join("\n").contains("Its workers"), "{:?}", verdict(&sweep));
    let svg = charts(&sweep).into_iter().find(|chart| chart.name == "timeline").unwrap().standalone();
    assert!(!svg.contains("max / mean") && svg.contains("of it in tasks"), "{svg}");
    let page = markdown(&sweep);
    let told = page.split("## What the threads did").nth(1).unwrap().split("## ").next().unwrap();
    let cells: Vec<&str> = told.lines().find(|line| line.starts_with("| 2 ")).unwrap().split(" | ").collect();
    assert_eq!((cells[3], cells[4]), ("–", "–"), "{cells:?}");
    assert!(told.contains("say nothing of balance"), "{told}");
    assert!(!page.contains("What the tasks would allow"), "{page}");
    sweep.rows.iter_mut().for_each(|row| row.timeline = None);
    assert!(charts(&sweep).iter().all(|chart| chart.name != "timeline"));
}

#[test]
fn plans_that_take_little_beside_a_workers_start_are_marked() {
    // A worker takes 10 ms to start: 18 ms on two threads are near that, 36 ms on one are not.
    let mut sweep = sweep_of(|threads| 0.036 / threads as f64, &[1, 2], 2, 0.0);
    let marked: Vec<bool> = sweep.rows.iter().map(|row| row.near_overhead).collect();
    assert_eq!(marked, sweep.rows.iter().map(|row| row.median_s.unwrap() <= 0.02).collect::<Vec<_>>());
    assert_eq!(marked.iter().filter(|marked| **marked).count(), 1);
    let said = verdict(&sweep).join("\n");
    assert!(said.contains("It takes 18.0 ms, starting a worker 10.0 ms"), "{said}");
    for text in [markdown(&sweep), html(&sweep)] {
        assert_eq!(text.matches("18.0 ms †").count(), 1, "{text}");
        assert!(text.contains("† A third or more of each run is the start of its worker (10.0 ms)"), "{text}");
        assert!(text.contains("Figures exclude worker start-up and shut-down (10.0 ms)"), "{text}");
    }
    // Where it was not timed nothing is marked, nor said.
    sweep.worker_start_s = None;
    sweep.rows.iter_mut().for_each(|row| row.near_overhead = false);
    let text = markdown(&sweep);
    assert!(!text.contains('†') && !text.contains("starting a worker") && !text.contains("A worker takes"), "{text}");
}

#[test]
fn rows_that_the_time_did_not_suffice_for_are_not_called_bad() {
    let mut sweep = sweep_of(amdahl, &[1, 2], 2, 0.0);
    let row = sweep.rows.last_mut().unwrap();
    (row.samples, row.median_s, row.equivalence) = (Vec::new(), None, Verdict::NotCompared);
    let page = html(&sweep);
    let line = page.split("<tr").find(|line| line.contains("not compared: not measured")).unwrap();
    assert!(line.starts_with(" class=\"unmeasured\""), "{line}");
    assert!(!page.contains("class=\"bad\""));
    assert!(html(&sample()).contains("class=\"bad\""));
}

#[test]
fn plans_that_need_more_threads_begin_at_the_best_one_thread_plan() {
    let mut sweep = sweep_of(amdahl, &[1, 2, 4], 4, 0.0);
    assert!(!charts(&sweep)[0].caption.contains("need more threads"));
    let dashes = |sweep: &Sweep| charts(sweep)[0].standalone().matches("<polyline").count();
    let before = dashes(&sweep);
    let needs_two = |row: &Row| row.threads == 1 && row.plan.word("algorithm") == Some("c");
    sweep.rows.iter_mut().filter(|row| needs_two(row)).for_each(|row| spoil(row, Verdict::NotCompared, Some("no")));
    assert!(charts(&sweep)[0].caption.contains("to plans that need more threads"));
    assert!(dashes(&sweep) > before + 10, "{} {before}", dashes(&sweep));
    // One thread that is used well is no news.
    let mut poor = sweep_of(|_| 10.0, &[1, 2], 2, 0.0);
    assert!(!verdict(&poor).join("\n").contains("Up to 1 thread"), "{:?}", verdict(&poor));
    poor = sweep_of(|threads| 10.0 / threads.min(2) as f64, &[1, 2, 4], 4, 0.0);
    assert!(verdict(&poor).join("\n").contains("Up to 2 threads"), "{:?}", verdict(&poor));
}

#[test]
fn two_thread_axes_make_a_map() {
    let sweep = crate::sweep::tests::large_sweep(&[4]);
    let charts = charts(&sweep);
    let map = charts.iter().find(|chart| chart.name == "split").unwrap().standalone();
    check_tags(&map);
    assert!(map.contains("across: workers") && map.contains("up: decode-threads"));
}

/// Every tag that opens also closes, in order.
fn check_tags(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    for piece in text.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap();
        let name = tag.split([' ', '\n']).next().unwrap();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{piece}"),
            None if tag.ends_with('/') || name.starts_with('!') || name == "meta" => {}
            None => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn nothing_from_outside_gets_into_the_page_as_code() {
    let mut sweep = sample();
    let evil = "<script>alert(1)</script>\"'&";
    sweep.engine = evil.into();
    sweep.machine.cpu = evil.into();
    sweep.rows[0].name = Some(evil.into());
    sweep.rows[5].failure = Some(evil.into());
    sweep.inputs.insert(evil.into(), evil.into());
    let page = html(&sweep);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    check_tags(&page);
    // One file: nothing is fetched.
    for outside in ["src=", "href=", "url(", "@import", "http://", "https://"] {
        let known = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!known.contains(outside), "{outside}");
    }
    assert!(!markdown(&sweep).contains("<script"));
}

#[test]
fn a_report_is_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = sample();
    let written = write(&sweep, folder.path(), true).unwrap();
    let names: Vec<_> = written.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    let expected =
        ["report.html", "report.md", "speedup.svg", "efficiency.svg", "timeline.svg", "stages.svg", "report.csv"];
    assert_eq!(names, expected);
    assert_eq!(std::fs::read_to_string(&written[0]).unwrap(), html(&sweep));
    for picture in &expected[2..6] {
        assert!(markdown(&sweep).contains(&format!("({picture})")));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), names.len());
    assert!(write(&sweep, std::path::Path::new("/no/such/folder"), false).is_err());
}

/// The page as a browser lays it out, at the width of a phone and of a screen: nothing sticks out to the side, and of the
/// two widths of each picture the fitting one shows.
#[test]
fn a_browser_lays_it_out_within_the_window() {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let folders: Vec<_> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    let Some(browser) =
        names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|it| it.exists())
    else {
        eprintln!("SKIPPED: no Chromium is installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let sweep = sample();
    // The page allows no script: a copy without that rule measures itself.
    let probe = "<script>addEventListener('load',()=>{const shown=[...document.querySelectorAll('figure svg')]\
                 .filter(it=>it.getBoundingClientRect().width>0);document.body.innerHTML=\
                 `over=${document.documentElement.scrollWidth-innerWidth} shown=${shown.length} \
                 width=${innerWidth} wide=${shown.every(it=>it.closest('.wide'))}`})</script>";
    let page = html(&sweep)
        .replace("default-src 'none'; style-src 'unsafe-inline'", "")
        .replace("</main>", &format!("</main>{probe}"));
    let path = folder.path().join("probe.html");
    std::fs::write(&path, page).unwrap();
    for (width, wide) in [(1280, true), (500, false)] {
        let profile = folder.path().join(width.to_string());
        let output = std::process::Command::new(&browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom"])
            .arg(format!("--window-size={width},900"))
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(&path)
            .output()
            .unwrap();
        let dumped = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = dumped.split("<body>").nth(1).unwrap_or_else(|| panic!("{dumped}"));
        let number = |name: &str| -> i64 {
            let value = told.split(&format!("{name}=")).nth(1).unwrap_or_else(|| panic!("{told}"));
            value.split([' ', '<']).next().unwrap().parse().unwrap()
        };
        assert!(number("over") <= 0, "{told}");
        assert_eq!(number("shown") as usize, charts(&sweep).len(), "{told}");
        assert!((number("width") - width).abs() <= 20 && told.contains(&format!("wide={wide}")), "{told}");
    }
}
