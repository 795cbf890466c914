//! Wrong starts: one line that names what is wrong, an exit code that is not 0, and nothing left
//! behind.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use tempfile::TempDir;
use tests::Tidings;

/// Free ports, and a data directory that must not be made.
const FREE: [&str; 4] = ["--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--data-dir", "data"];

/// Runs it, and returns the one line it complains with.
fn complaint(directory: &Path, flags: &[&str], variables: &[(&str, &str)]) -> String {
    one_line(Tidings::run(directory, flags, variables))
}

fn one_line(output: Output) -> String {
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success(), "it started: {error}");
    assert!(output.stdout.is_empty(), "it said it was open");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("tidings: "), "{error}");
    error
}

fn with<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    FREE.iter().chain(flags).copied().collect()
}

#[test]
fn taken_ports_are_named_and_leave_no_data_directory() {
    let directory = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (http, grpc, name) in
        [(address.as_str(), "127.0.0.1:0", "--http"), ("127.0.0.1:0", address.as_str(), "--grpc")]
    {
        let line = complaint(directory.path(), &["--http", http, "--grpc", grpc, "--data-dir", "data"], &[]);
        assert!(line.contains(&format!("{name}: {address} is taken")), "{line}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_locked_data_directory_is_named_and_its_owner_goes_on() {
    let mut server = Tidings::start();
    let directory = TempDir::new().unwrap();
    let data = server.data_dir();
    let flags = ["--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--data-dir", data.to_str().unwrap()];
    let line = complaint(directory.path(), &flags, &[]);
    assert!(
        line.contains(data.to_str().unwrap()) && line.contains("in use by another tidings (process "),
        "{line}"
    );
    server.signal("TERM");
    assert!(server.wait().success());
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    let line = complaint(
        directory.path(),
        &["--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--data-dir=file/data"],
        &[],
    );
    assert!(line.contains("--data-dir: file/data cannot be created"), "{line}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_data_directory_without_write_permission_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = TempDir::new().unwrap();
    let data = directory.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(data.join("probe"), "").is_ok() {
        // Root may write anywhere; the file in the way has to do.
        fs::remove_file(data.join("probe")).unwrap();
        fs::create_dir(data.join("lock")).unwrap();
    }
    let line = complaint(directory.path(), &FREE, &[]);
    assert!(line.contains("--data-dir: data cannot be written"), "{line}");
}

#[test]
fn misspelled_names_are_named_with_the_near_one() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("server.toml"), "presence-grase = '1s'\n").unwrap();
    let line = complaint(directory.path(), &with(&["--config", "server.toml"]), &[]);
    assert!(
        line.contains("server.toml: there is no key \"presence-grase\"; did you mean presence-grace?"),
        "{line}"
    );
    let line = complaint(directory.path(), &FREE, &[("TIDINGS_HTPP", "127.0.0.1:1")]);
    assert!(line.contains("TIDINGS_HTPP") && line.contains("did you mean TIDINGS_HTTP?"), "{line}");
    let line = complaint(directory.path(), &with(&["--shutdown-tim=1s"]), &[]);
    assert!(line.contains("--shutdown-tim") && line.contains("--shutdown-time"), "{line}");
    assert!(!directory.path().join("data").exists());
}

#[test]
fn bad_values_are_named_with_their_source_and_what_is_allowed() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("server.toml"), "channel-history = -1\n").unwrap();
    for (flags, variables, expected) in [
        (with(&["--connections=many"]), vec![], "--connections: \"many\" is not a whole number from 1 to"),
        (
            FREE.to_vec(),
            vec![("TIDINGS_SHUTDOWN_TIME", "soon")],
            "TIDINGS_SHUTDOWN_TIME: \"soon\" is not a duration",
        ),
        (
            with(&["--config=server.toml"]),
            vec![],
            "server.toml: channel-history: \"-1\" is not a whole number from 0",
        ),
        (with(&["--config=missing.toml"]), vec![], "--config: \"missing.toml\" cannot be read"),
        (with(&["--log=loud=very"]), vec![], "--log: \"loud=very\" is not a log filter"),
        (
            vec!["--http=0.0.0.0:0", "--grpc=127.0.0.1:0"],
            vec![],
            "--http: \"0.0.0.0:0\" would open the server",
        ),
    ] {
        let line = complaint(directory.path(), &flags, &variables);
        assert!(line.contains(expected), "{line}");
    }
    assert!(!directory.path().join("data").exists());
}

#[test]
fn check_says_what_is_well_and_what_is_not_and_leaves_nothing() {
    let directory = TempDir::new().unwrap();
    let mut flags = vec!["check"];
    flags.extend(FREE);
    let output = Tidings::run(directory.path(), &flags, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("ok ")).count(), 5, "{text}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let http = format!("--http={}", taken.local_addr().unwrap());
    fs::write(directory.path().join("data"), "").unwrap();
    let output =
        Tidings::run(directory.path(), &["check", &http, "--grpc=127.0.0.1:0", "--data-dir=data"], &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success(), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("problem ")).count(), 2, "{text}");
}

/// A system that gives no threads, as in a container that may have few: none has room for such a
/// stack.
#[test]
fn a_system_that_gives_no_threads_is_told_in_one_line() {
    let directory = TempDir::new().unwrap();
    for flags in [&FREE[..], &["check"], &["salvage", "from", "to"]] {
        let line = complaint(directory.path(), flags, &[("RUST_MIN_STACK", "281474976710656")]);
        assert!(line.contains("fewer threads than are needed"), "{line}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// The log has its thread, and the runtime has none.
#[cfg(target_os = "linux")]
#[test]
fn a_system_that_gives_too_few_threads_is_told_in_one_line() {
    let directory = TempDir::new().unwrap();
    // There is room for one stack of 1 GiB, and for the rest of the program; the allocator reserves
    // nothing ahead.
    let mut command = Tidings::limited_command("ulimit -v 1572864", &FREE);
    command.env("RUST_MIN_STACK", "1073741824").env("MIMALLOC_ARENA_RESERVE", "0");
    let line = one_line(command.current_dir(directory.path()).output().unwrap());
    assert!(line.contains("fewer threads than are needed"), "{line}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// What Kubernetes and Docker inject for a service or container named `tidings`.
const LINKS: [(&str, &str); 9] = [
    ("TIDINGS_SERVICE_HOST", "10.0.0.11"),
    ("TIDINGS_SERVICE_PORT", "8000"),
    ("TIDINGS_SERVICE_PORT_HTTP", "8000"),
    ("TIDINGS_PORT", "tcp://10.0.0.11:8000"),
    ("TIDINGS_PORT_8000_TCP", "tcp://10.0.0.11:8000"),
    ("TIDINGS_PORT_8000_TCP_PROTO", "tcp"),
    ("TIDINGS_PORT_8000_TCP_PORT", "8000"),
    ("TIDINGS_PORT_8000_TCP_ADDR", "10.0.0.11"),
    ("TIDINGS_NAME", "/web/tidings"),
];

#[test]
fn variables_of_a_service_called_like_us_are_told_and_do_not_hinder() {
    let directory = TempDir::new().unwrap();
    let mut flags = vec!["check"];
    flags.extend(FREE);
    let output = Tidings::run(directory.path(), &flags, &LINKS);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let notes: Vec<&str> = text.lines().filter(|line| line.starts_with("note ")).collect();
    assert_eq!(notes.len(), 1, "{text}");
    assert!(LINKS.iter().all(|(name, _)| notes[0].contains(name)), "{text}");
    let mut server = Tidings::start_in(&[], &LINKS);
    server.signal("TERM");
    assert!(server.wait().success());
    let line = complaint(directory.path(), &FREE, &[("TIDINGS_PORT", "8000")]);
    assert!(line.contains("TIDINGS_PORT"), "{line}");
}

#[test]
fn a_misspelled_log_level_is_named_with_the_near_one() {
    let directory = TempDir::new().unwrap();
    for (filter, meant) in
        [("inf0", "info"), ("info,conductor_hub=debgu", "debug"), ("condutor_hub=info", "conductor_hub")]
    {
        let line = complaint(directory.path(), &FREE, &[("TIDINGS_LOG", filter)]);
        assert!(line.contains("TIDINGS_LOG") && line.contains(&format!("did you mean {meant}?")), "{line}");
    }
}

/// Whatever is wrong with an address, and whoever prints it.
#[test]
fn secrets_in_addresses_are_never_printed() {
    let directory = TempDir::new().unwrap();
    let file = |text: &str| fs::write(directory.path().join("server.toml"), text).unwrap();
    let redis = |url: &str| vec!["--presence=redis".to_owned(), format!("--redis-url={url}")];
    let from_file = || vec!["--config=server.toml".to_owned()];
    for flags in [
        redis("redis://:hid#den@127.0.0.1:1"),
        redis("redis://user:hid/den@127.0.0.1:1"),
        redis("redis://user:hid?den@127.0.0.1:1"),
        redis("redis://:h@den/hidden@127.0.0.1:1"),
        redis("redis://hidden@127.0.0.1:1"),
        redis("redis://127.0.0.1:1?password=hidden"),
        redis("redis+unix:///nowhere/redis.sock?pass=hidden"),
        redis("redis+unix:///nowhere/redis.sock?pass=hid@den"),
        redis("redis-sentinel://:hidden@127.0.0.1:1/mymaster"),
        redis("redis-cluster://:hid#den@127.0.0.1:1,127.0.0.1:2"),
        redis("rediss://:hidden@127.0.0.1:1"),
        redis("hidden"),
        vec!["--webhook-url=http://127.0.0.1:1/hook?token=hidden".to_owned()],
        vec!["--webhook-url=https://user:hidden@127.0.0.1:1/".to_owned()],
        vec!["--webhook-url=http://127.0.0.1:1/services/hidden#den".to_owned()],
        vec!["--webhook-url=https://hidden:x@127.0.0.1:1/".to_owned()],
        vec!["--webhook-secret=hidden".to_owned()],
        vec!["redis://:hid#den@127.0.0.1:1".to_owned()],
        vec!["--redis-ulr=redis://:hidden@127.0.0.1:1".to_owned()],
        vec!["--http=redis://:hidden@127.0.0.1:1".to_owned()],
        // A shell cuts an address at a space.
        [redis("redis://user:hid"), vec!["den@127.0.0.1:1".to_owned()]].concat(),
        vec!["--config=redis://:hidden@127.0.0.1:1".to_owned()],
        vec!["--presence=redis://:hid#den@127.0.0.1:1".to_owned()],
        vec!["--body-bytes=redis://user:hidden@127.0.0.1:1".to_owned()],
        from_file(),
    ] {
        file("redis-url = { url = 'redis://:hidden@127.0.0.1:1' }\n");
        for command in ["serve", "check"] {
            let mut all = vec![command, "--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--data-dir=data"];
            all.extend(flags.iter().map(String::as_str));
            // A webhook that cannot be reached is no reason not to start.
            if command == "serve" && flags[0].starts_with("--webhook-url=http://127.0.0.1:1/hook") {
                continue;
            }
            let output = Tidings::run(directory.path(), &all, &[]);
            let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
            assert!(!output.status.success(), "{flags:?} was taken: {text}");
            assert!(!text.contains("hid") && !text.contains("den"), "{command} {flags:?} says {text}");
        }
    }
}

#[test]
fn what_serve_refuses_check_refuses_too() {
    let directory = TempDir::new().unwrap();
    for (flags, code, expected) in [
        (vec!["--presence=redis"], 2, "needs the address of a Redis"),
        (vec!["--presence=redis", "--redis-url="], 2, "needs the address of a Redis"),
        (vec!["--presence=redis", "--redis-url=redis://127.0.0.1:1?db=4"], 2, "?db="),
        (vec!["--presence=redis", "--redis-url=redis://127.0.0.1:1"], 1, "cannot be used"),
    ] {
        for command in ["serve", "check"] {
            let mut all = vec![command];
            all.extend(with(&flags));
            let output = Tidings::run(directory.path(), &all, &[]);
            let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
            assert_eq!(output.status.code(), Some(code), "{command} {flags:?}: {text}");
            assert!(text.contains(expected), "{command} {flags:?}: {text}");
        }
    }
    // Two addresses of which each is free, and both together are not.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let (http, grpc) = (format!("--http=0.0.0.0:{port}"), format!("--grpc=127.0.0.1:{port}"));
    for command in ["serve", "check"] {
        let output =
            Tidings::run(directory.path(), &[command, &http, &grpc, "--data-dir=data", "--insecure"], &[]);
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        assert!(!output.status.success() && text.contains("is taken"), "{command}: {text}");
    }
}
