//! The machine, the date and the versions of a result.

use serde::Serialize;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// The header of a result.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The CPU's name.
    pub cpu: String,
    /// The number of CPUs that this process may use.
    pub cores: usize,
    /// The operating system and its version.
    pub kernel: String,
    /// The clock that the kernel uses. If that isn't `tsc`, the kernel found the time-stamp counter unreliable, and Heirloom
    /// doesn't use it either.
    pub clock_source: String,
    /// The compiler.
    pub rustc: String,
    /// Whether the compiler optimised; numbers from a debug build mean nothing.
    pub optimised: bool,
    /// The commit, as in `277ba2e` or `277ba2e with changes`.
    pub commit: String,
    /// The command of this run. Folders are left out.
    pub command: String,
    /// The day (UTC), as in `2026-11-21`.
    pub date: String,
    /// Crates with their versions.
    pub versions: Vec<String>,
}

impl Machine {
    /// This machine, now, and the locked versions of these crates.
    pub fn here(crates: &[&str]) -> Self {
        Self {
            cpu: cpu_name(),
            cores: std::thread::available_parallelism().map_or(0, |cores| cores.get()),
            kernel: format!("{} {}", std::env::consts::OS, file_line("/proc/sys/kernel/osrelease")),
            clock_source: file_line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            rustc: rustc_version(),
            optimised: !cfg!(debug_assertions),
            commit: commit(),
            command: command(std::env::args(), env!("CARGO_PKG_NAME")),
            date: today(),
            versions: locked_versions(include_str!("../../Cargo.lock"), crates),
        }
    }

    /// The header in Markdown.
    pub fn markdown(&self) -> String {
        let warning = if self.optimised { "" } else { " **A debug build: the numbers mean nothing.**" };
        format!(
            "{}, {} cores, {} ({}, kernel clock `{}`), {}. {}. Commit {}.{warning}",
            self.cpu,
            self.cores,
            std::env::consts::ARCH,
            self.kernel,
            self.clock_source,
            self.rustc,
            self.versions.join(", "),
            self.commit,
        )
    }
}

/// The commit of this package's folder, and whether files that git knows differ from it.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit} with changes"),
    }
}

/// The command that made cargo start this process with these arguments, as far as they tell: the profile and the features aren't
/// among them. A folder becomes `DIR`.
fn command(mut arguments: impl Iterator<Item = String>, package: &str) -> String {
    let program = arguments.next().unwrap_or_default();
    let program = Path::new(&program).file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let (mut rest, mut by_bench) = (Vec::new(), false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => by_bench = true,
            "--out" => {
                rest.extend([argument, "DIR".to_owned()]);
                arguments.next();
            }
            _ => rest.push(argument),
        }
    }
    // Cargo puts a hash behind the name of a bench: `record-0123456789abcdef`.
    let is_hash = |hash: &str| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut command = match program.rsplit_once('-').filter(|(_, hash)| is_hash(hash)) {
        Some((bench, _)) => {
            let verb = if by_bench { "bench" } else { "test" };
            format!("cargo {verb} -p {package} --bench {bench}")
        }
        None => format!("cargo run -p {package} --bin {program}"),
    };
    if !rest.is_empty() {
        command.push_str(" -- ");
        command.push_str(&rest.join(" "));
    }
    command
}

fn file_line(path: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").trim().to_owned()
}

fn cpu_name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown CPU".to_owned(), |(_, name)| name.trim().to_owned())
}

/// The version that `rustc` prints: cargo used the same compiler if it started the benchmark.
fn rustc_version() -> String {
    let output = Command::new("rustc").arg("--version").output().ok().filter(|output| output.status.success());
    let version = output.and_then(|output| String::from_utf8(output.stdout).ok());
    version.map_or_else(|| "unknown rustc".to_owned(), |version| version.trim().to_owned())
}

fn locked_versions(lock: &str, crates: &[&str]) -> Vec<String> {
    let mut lines = lock.lines();
    let mut versions = Vec::new();
    while let Some(line) = lines.next() {
        let name = line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"'));
        if let Some(name) = name.filter(|name| crates.contains(name)) {
            let version = lines.next().and_then(|line| line.strip_prefix("version = ")).unwrap_or("?");
            versions.push(format!("{name} {}", version.trim_matches('"')));
        }
    }
    versions
}

/// Today (UTC).
pub fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil_from_days((seconds / 86_400) as i64);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Year, month and day of a number of days since 1970-01-01, which must not be negative ([algorithm]). Years count from
/// March, so that the leap day comes last.
///
/// [algorithm]: https://howardhinnant.github.io/date_algorithms.html#civil_from_days
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468; // from 0000-03-01
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates_across_leap_days() {
        assert_eq!(civil_from_days(0), (1970, 1, 1));
        assert_eq!(civil_from_days(11_016), (2000, 2, 29));
        assert_eq!(civil_from_days(19_782), (2024, 2, 29));
        assert_eq!(civil_from_days(19_783), (2024, 3, 1));
        assert_eq!(civil_from_days(20_818), (2026, 12, 31));
    }

    #[test]
    fn a_command_is_the_one_of_cargo_without_folders_and_hashes() {
        let of = |line: &str| command(line.split(' ').map(str::to_owned), "heirloom");
        assert_eq!(
            of("/target/release/deps/record-0123456789abcdef --out /tmp/x --bench"),
            "cargo bench -p heirloom --bench record -- --out DIR"
        );
        assert_eq!(of("deps/record-0123456789abcdef --smoke"), "cargo test -p heirloom --bench record -- --smoke");
        assert_eq!(of("target/release/defaults --only cpu"), "cargo run -p heirloom --bin defaults -- --only cpu");
        assert_eq!(of("target/release/defaults"), "cargo run -p heirloom --bin defaults");
    }

    #[test]
    fn versions_come_from_the_lock_file() {
        let lock =
            "[[package]]\nname = \"fastrace\"\nversion = \"0.7.19\"\n\n[[package]]\nname = \"rand\"\nversion = \"1\"\n";
        assert_eq!(locked_versions(lock, &["fastrace"]), ["fastrace 0.7.19"]);
    }
}
