//! The command `heirloom`.

fn main() -> std::process::ExitCode {
    heirloom_cli::main()
}
