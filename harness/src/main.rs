//! The `scaletune` program.

fn main() -> std::process::ExitCode {
    scaletune::cli::main()
}
