//! A test that sees other files of the system than everybody else.

use std::env;
use std::fs;
use std::process::Command;

use crate::skip::skip;

/// Runs a test of the calling program where these files of the system are its own.
///
/// `files` are their paths and what they have. The test runs alone in another process, in which the
/// variable `role` is the path of the first of them, to be written to. Without root and mount
/// namespaces the test that calls this is skipped.
///
/// # Panics
///
/// If the test fails, or there is none of that name.
pub fn run_with_files(test: &str, role: &str, files: &[(&str, &str)]) {
    let directory = tempfile::tempdir().expect("there is room");
    let (mut mounts, mut own) = (Vec::new(), Vec::new());
    for (number, (path, content)) in files.iter().enumerate() {
        let file = directory.path().join(number.to_string());
        fs::write(&file, content).expect("the folder takes it");
        mounts.push(format!("mount --bind {} {path}", file.display()));
        own.push(file);
    }
    let mount = mounts.join(" && ");
    let probe = Command::new("unshare").args(["--mount", "sh", "-c", &mount]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        skip("files of the test's own in place of the system's need root and mount namespaces");
        return;
    }
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c"])
        .arg(format!("{mount} && exec \"$0\" {test} --exact --nocapture"))
        .arg(env::current_exe().expect("a test knows its own path"))
        .env(role, own.first().expect("there is a file"))
        // The names of hosts may have several addresses each, where it is not so by itself.
        .env("RESOLV_MULTI", "on")
        .output()
        .expect("it ran before");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    // A name that no test has would pass, too.
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
