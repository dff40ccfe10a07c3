//! An engine that misbehaves as told, for the harness's tests. It sleeps for a stated time where others work, so that
//! its speed under a plan is known.

use scaletune_sdk::{
    Axis, Call, Constraint, Descriptor, Engine, Error, InputClass, Inputs, IntegerDefault, Output, Plan, Role, Session,
    Simulation, SimulationRequest,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What it can be told to do.
const DEEDS: &[&str] = &[
    "behave",
    "panic-in-open",
    "panic-in-input-class",
    "panic-in-prepare",
    "panic-in-run",
    "panic-in-thread",
    "panic-in-write",
    "panic-in-close",
    "hang",
    "deaf",
    "segfault",
    "abort",
    "exit",
    "print",
    "chatter",
    "fail",
    "refuse-two-workers",
    "wrong-answer",
    "missing-output",
    "undeclared-output",
    "link-output",
    "folder-output",
    "write-beside",
    "write-far",
    "write-relative",
    "too-many-threads",
    "leave-thread",
    "allocate",
    "hog",
    "steer-terminal",
    "ignore-cancel",
    "another-answer-each-run",
    "another-class-each-time",
    "stuck-after-one-prepare",
    "map-input",
    "write-temporary",
    "write-data",
    "spoil-data",
    "spoil-temporary",
    "remove-temporary",
    "leave-process",
    "leave-process-and-hang",
    "leave-busy-process",
    "wait-for-busy-process",
];

/// What `describe` and `simulate` do is told by the environment, since they get no inputs.
const DESCRIBE: &str = "HOSTILE_DESCRIBE";
const SIMULATE: &str = "HOSTILE_SIMULATE";

fn told(variable: &str) -> String {
    std::env::var(variable).unwrap_or_default()
}

struct Hostile;

struct Told {
    deed: String,
    milliseconds: u64,
    workers: i64,
    style: String,
    prepared: u32,
    runs: u32,
    /// What it holds on to.
    held: Vec<Vec<u8>>,
    file: PathBuf,
    /// Where the last byte of it is mapped.
    mapped: Option<usize>,
}

/// Maps a file, as a reader may that trusts it to stay as it is; the address of its last byte.
fn map(file: &Path) -> std::io::Result<usize> {
    use std::ffi::{c_int, c_long, c_void};
    use std::os::fd::AsRawFd;
    unsafe extern "C" {
        fn mmap(at: *mut c_void, length: usize, access: c_int, how: c_int, file: c_int, from: c_long) -> *mut c_void;
    }
    let (read_only, shared) = (1, 1);
    let file = std::fs::File::open(file)?;
    let length = file.metadata()?.len() as usize;
    // SAFETY: a new mapping, wherever the kernel likes; it outlives its file.
    let begin = unsafe { mmap(std::ptr::null_mut(), length, read_only, shared, file.as_raw_fd(), 0) };
    if begin as isize == -1 { Err(std::io::Error::last_os_error()) } else { Ok(begin as usize + length - 1) }
}

/// What another program has in the folder for all, which lies beside the one with the inputs.
fn neighbour(file: &Path) -> PathBuf {
    file.ancestors().nth(2).unwrap_or(file).join("temporary/neighbour")
}

/// Starts a process that leaves the group and session of this one, and that no wait can find: the child of a child that
/// has ended. It holds whatever this one has open, and works, or sleeps, for so long.
fn leave_process(busy: bool, how_long: Duration) {
    unsafe extern "C" {
        fn fork() -> i32;
        fn setsid() -> i32;
        fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
        fn _exit(code: i32) -> !;
    }
    // SAFETY: the copies call what is safe in them: no allocation, no lock.
    unsafe {
        let child = fork();
        if child != 0 {
            waitpid(child, std::ptr::null_mut(), 0);
            return;
        }
        setsid();
        if fork() == 0 {
            let began = std::time::Instant::now();
            while began.elapsed() < how_long {
                if !busy {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        }
        _exit(0)
    }
}

/// Has a child work for so long, and waits for it.
fn busy_child(how_long: Duration) {
    unsafe extern "C" {
        fn fork() -> i32;
        fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
        fn _exit(code: i32) -> !;
    }
    // SAFETY: as in `leave_process`.
    unsafe {
        let child = fork();
        if child == 0 {
            let began = std::time::Instant::now();
            while began.elapsed() < how_long {}
            _exit(0)
        }
        waitpid(child, std::ptr::null_mut(), 0);
    }
}

impl Engine for Hostile {
    type Session = Told;

    fn describe() -> Descriptor {
        match told(DESCRIBE).as_str() {
            "panic" => panic!("as told"),
            "abort" => std::process::abort(),
            "hang" => std::thread::sleep(Duration::from_secs(3600)),
            _ => {}
        }
        Descriptor::new(
            "hostile",
            "1.0.0",
            &format!("Misbehaves as told{}", if told(DESCRIBE) == "steer" { "\u{1b}[2J\u{7}" } else { "" }),
        )
        .inputs([
            scaletune_sdk::Input::choice("deed", DEEDS, "What to do"),
            scaletune_sdk::Input::integer("milliseconds", 0, 3_600_000, "How long the work takes in one thread").or(1),
            scaletune_sdk::Input::path("file", &[], "A file that is opened and not looked at"),
        ])
        .axes([
            Axis::choice(
                "style",
                "One that is slower than the other",
                &[("plain", "the time stated"), ("slow", "twice that")],
            ),
            Axis::threads("workers", "Threads that share the work", Role::Compute, 1, IntegerDefault::MAX),
        ])
        .constraints([Constraint::parse("workers <= threads").expect("the grammar is kept")])
        .helpers([scaletune_sdk::Amount::parse("1").expect("the grammar is kept")])
        .reference(Plan::parse("style=plain,workers=1").expect("a plan"))
        .outputs([Output::new("answer", "answer.tsv", "tsv", "The answer").keyed_by(&["question"])])
        .simulates(Simulation::new(["tiny", "small"]))
    }

    fn simulate(_: &Call<'_>, request: &SimulationRequest, folder: &Path) -> Result<(), Error> {
        let write = |name: &str, text: String| {
            std::fs::write(folder.join(name), text).map_err(|error| Error::failed(format!("{name}: {error}")))
        };
        let milliseconds = 1 + request.seed % 3;
        match told(SIMULATE).as_str() {
            "panic" => panic!("as told"),
            "fail" => return Err(Error::failed("no ideas")),
            "no-inputs" => return Ok(()),
            "bad-inputs" => return write("inputs.toml", "[inputs]\nmilliseconds = \"many\"\n".into()),
            "unstable" => write("noise", format!("{:?}", std::time::Instant::now()))?,
            _ => {}
        }
        write(
            "inputs.toml",
            format!("engine = \"hostile\"\n[inputs]\ndeed = \"behave\"\nmilliseconds = {milliseconds}\n"),
        )
    }

    fn open(_: &Call<'_>, inputs: &Inputs) -> Result<Told, Error> {
        let deed = inputs.text("deed").unwrap_or_default().to_string();
        assert_ne!(deed, "panic-in-open", "as told");
        let milliseconds = inputs.integer("milliseconds").unwrap_or(1).unsigned_abs();
        let file = inputs.path("file");
        if let Some(file) = &file {
            std::fs::read(file)
                .map_err(|error| Error::bad_input(format!("input `file`: {}: {error}", file.display())))?;
        }
        let mapped = match &file {
            Some(file) if deed == "map-input" => Some(map(file).map_err(|error| Error::failed(error.to_string()))?),
            _ => None,
        };
        Ok(Told {
            deed,
            milliseconds,
            workers: 1,
            style: String::new(),
            prepared: 0,
            runs: 0,
            held: Vec::new(),
            file: file.unwrap_or_default(),
            mapped,
        })
    }
}

impl Session for Told {
    fn input_class(&self) -> InputClass {
        assert_ne!(self.deed, "panic-in-input-class", "as told");
        if self.deed == "another-class-each-time" {
            return InputClass::new().with("when", format!("{:?}", std::time::Instant::now()));
        }
        InputClass::new().with("milliseconds", self.milliseconds)
    }

    fn prepare(&mut self, _: &Call<'_>, plan: &Plan) -> Result<(), Error> {
        assert_ne!(self.deed, "panic-in-prepare", "as told");
        self.prepared += 1;
        if self.deed == "stuck-after-one-prepare" && self.prepared > 1 {
            return Err(Error::failed("prepared already"));
        }
        self.workers = plan.integer("workers").unwrap_or(1);
        self.style = plan.word("style").unwrap_or_default().to_string();
        if self.deed == "refuse-two-workers" && self.workers == 2 {
            return Err(Error::unsupported_plan("axis `workers`: not two"));
        }
        Ok(())
    }

    fn run(&mut self, call: &Call<'_>) -> Result<(), Error> {
        self.runs += 1;
        match self.deed.as_str() {
            "panic-in-run" => panic!("as told"),
            "panic-in-thread" => std::thread::scope(|scope| {
                let thread = scope.spawn(|| panic!("as told, in a thread"));
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }),
            "hang" => loop {
                call.check_cancelled()?;
                std::thread::sleep(Duration::from_millis(5));
            },
            "deaf" => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            // SAFETY: none; that is the point.
            "segfault" => unsafe { std::ptr::without_provenance_mut::<u8>(64).write_volatile(1) },
            "abort" => std::process::abort(),
            "exit" => std::process::exit(7),
            "print" => println!("{{\"event\":\"done\"}}"),
            "chatter" => {
                for done in 0..2_000_000 {
                    call.progress("chatter", done, 2_000_000);
                    if done % 10 == 0 {
                        call.info("and so on");
                    }
                }
            }
            // Written to, so that the kernel has to give it; after a while, and slowly enough for somebody to look.
            "allocate" => loop {
                if self.held.is_empty() {
                    std::thread::sleep(Duration::from_millis(self.milliseconds));
                }
                self.held.push(vec![1; 16 << 20]);
                std::thread::sleep(Duration::from_millis(2));
            },
            // Up to a gibibyte where two work, and then it goes on as if nothing had been.
            "hog" if self.workers == 2 => {
                self.held.clear();
                for _ in 0..64 {
                    self.held.push(vec![1; 16 << 20]);
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            // Outlives the run by far.
            "leave-process-and-hang" => {
                leave_process(false, Duration::from_secs(600));
                loop {
                    std::thread::sleep(Duration::from_secs(1));
                }
            }
            "leave-process" => leave_process(false, Duration::from_secs(600)),
            // Both with a while for this one to sleep in, so that what shows is the other's work.
            "leave-busy-process" => {
                leave_process(true, Duration::from_secs(600));
                std::thread::sleep(Duration::from_millis(300));
            }
            "wait-for-busy-process" => busy_child(Duration::from_millis(300)),
            "steer-terminal" => call.warn("\u{1b}]0;yours\u{7}\u{1b}[2Jgone"),
            "ignore-cancel" => std::thread::sleep(Duration::from_millis(2500)),
            "fail" => return Err(Error::failed("disk on fire")),
            "too-many-threads" => std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| std::thread::sleep(Duration::from_millis(300)));
                }
            }),
            "leave-thread" => drop(std::thread::spawn(|| std::thread::sleep(Duration::from_secs(3600)))),
            _ => {}
        }
        let slower = if self.style == "slow" { 2 } else { 1 };
        let share = Duration::from_millis(self.milliseconds * slower) / self.workers.max(1) as u32;
        std::thread::scope(|scope| {
            for _ in 0..self.workers {
                scope.spawn(move || std::thread::sleep(share));
            }
        });
        if let Some(last) = self.mapped {
            // SAFETY: mapped for reading; a file that has been cut ends the process, which is the point.
            call.debug(&unsafe { (last as *const u8).read_volatile() }.to_string());
        }
        Ok(())
    }

    fn write(&mut self, _: &Call<'_>, folder: &Path) -> Result<(), Error> {
        assert_ne!(self.deed, "panic-in-write", "as told");
        let wrong = self.deed == "wrong-answer" && self.workers == 2;
        let write = |name: &str, text: String| {
            std::fs::write(folder.join(name), text).map_err(|error| Error::failed(format!("{name}: {error}")))
        };
        if self.deed == "undeclared-output" {
            write("stray.tsv", String::new())?;
        }
        let failed = |error: std::io::Error| Error::failed(error.to_string());
        match self.deed.as_str() {
            "link-output" => {
                return std::os::unix::fs::symlink("/etc/hostname", folder.join("answer.tsv")).map_err(failed);
            }
            "folder-output" => return std::fs::create_dir(folder.join("answer.tsv")).map_err(failed),
            "write-beside" => write("../stray.tsv", String::new())?,
            "write-far" => write("../../stray.tsv", String::new())?,
            "write-temporary" => std::fs::write(std::env::temp_dir().join("passing"), "").map_err(failed)?,
            "spoil-temporary" => std::fs::write(neighbour(&self.file), "spoilt").map_err(failed)?,
            "remove-temporary" => std::fs::remove_file(neighbour(&self.file)).map_err(failed)?,
            "spoil-data" => std::fs::write(&self.file, "spoilt").map_err(failed)?,
            "write-data" => std::fs::write(self.file.with_extension("idx"), "").map_err(failed)?,
            "write-relative" => std::fs::write("stray.tsv", "").map_err(failed)?,
            _ => {}
        }
        if self.deed == "missing-output" {
            return Ok(());
        }
        let runs = if self.deed == "another-answer-each-run" { self.runs } else { 0 };
        let answer = if wrong { 43 } else { 42 + runs };
        write("answer.tsv", format!("question\tanswer\nall\t{answer}\n"))
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        assert_ne!(self.deed, "panic-in-close", "as told");
    }
}

scaletune_sdk::export_engine!(Hostile);
