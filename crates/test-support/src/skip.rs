//! Decides whether a test without its server is skipped or fails.

use std::env;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::thread;

use crate::error::ErrorKind;
use crate::error::Result;

/// The file that [`require`] adds a line to for each skipped test: `cargo xtask test` sets and
/// reads it.
pub const SKIPPED_FILE: &str = "TIDINGS_SKIPPED_FILE";

/// Returns the server, or `None` if the test is to return because this machine has no such server.
///
/// With `CI` or `REQUIRE_SERVERS` in the environment nothing is skipped: a missing server fails the
/// test. A skip prints one line to standard error, past the capture of the test harness, and is
/// recorded for the closing summary of `cargo xtask test`.
///
/// # Panics
///
/// If the server is missing where nothing may be, and if it is there but did not start.
///
/// # Examples
///
/// ```no_run
/// # async fn example() {
/// let Some(redis) = test_support::require(test_support::Redis::start().await) else { return };
/// # drop(redis);
/// # }
/// ```
#[track_caller]
pub fn require<T>(server: Result<T>) -> Option<T> {
    match server {
        Ok(server) => Some(server),
        Err(error) if error.kind() == ErrorKind::Missing && !required() => {
            skip(&error.to_string());
            None
        }
        Err(error) => panic!("{}", with_sources(&error)),
    }
}

/// Records that the running test is skipped, and why.
///
/// # Panics
///
/// With `CI` or `REQUIRE_SERVERS` in the environment.
#[track_caller]
pub fn skip(reason: &str) {
    assert!(!required(), "nothing may be skipped with CI or REQUIRE_SERVERS set: {reason}");
    let thread = thread::current();
    let line = format!("{}: {}\n", thread.name().unwrap_or("a test"), reason.replace('\n', " "));
    // Not `eprintln`, which the harness captures from tests that pass.
    let printed = io::stderr().write_all(format!("skipped {line}").as_bytes());
    let recorded = env::var_os(SKIPPED_FILE).map_or(Ok(()), |file| {
        // One write of one line: appends of several test processes do not mix.
        OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())
    });
    if let Err(error) = printed.and(recorded) {
        panic!("the skip of {line} could not be recorded: {error}");
    }
}

fn required() -> bool {
    ["CI", "REQUIRE_SERVERS"].iter().any(|name| {
        env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0" && value != "false")
    })
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;
    use std::process::Output;

    use super::*;
    use crate::error::Error;

    const ROLE: &str = "TEST_SUPPORT_SKIP_ROLE";

    /// Does nothing by itself: the other tests run it in a process with an environment of its own.
    #[test]
    fn role() {
        match env::var(ROLE).as_deref() {
            Ok("missing") => {
                let missing: Result<()> = Err(Error::new(ErrorKind::Missing, "no redis"));
                assert_eq!(require(missing), None);
            }
            Ok("broken") => {
                let broken: Result<()> = Err(Error::new(ErrorKind::Timeout, "redis hangs"));
                require(broken);
            }
            _ => {}
        }
    }

    fn run(role: &str, environment: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "skip::tests::role"]).env(ROLE, role);
        command.env_remove("CI").env_remove("REQUIRE_SERVERS").env_remove(SKIPPED_FILE);
        command.envs(environment.iter().copied()).output().unwrap()
    }

    #[test]
    fn a_missing_server_is_told_on_standard_error_and_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("skipped");
        let output = run("missing", &[(SKIPPED_FILE, file.to_str().unwrap())]);
        assert!(output.status.success());
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "skipped skip::tests::role: no redis\n");
        assert_eq!(fs::read_to_string(file).unwrap(), "skip::tests::role: no redis\n");
    }

    #[test]
    fn nothing_is_skipped_in_ci_or_where_servers_are_required() {
        assert!(!run("missing", &[("CI", "true")]).status.success());
        assert!(!run("missing", &[("REQUIRE_SERVERS", "1")]).status.success());
        assert!(run("missing", &[("CI", "")]).status.success());
    }

    #[test]
    fn a_server_that_is_there_and_broken_is_never_skipped() {
        assert!(!run("broken", &[]).status.success());
    }
}
