//! The real server, as its users start it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};
use std::{env, thread};

use tempfile::TempDir;

/// How long anything of the server may take here, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A running server with a data directory of its own; killed when dropped.
#[derive(Debug)]
pub struct Tidings {
    child: Child,
    http: SocketAddr,
    grpc: SocketAddr,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    /// What a shell does before it becomes the server.
    limits: Option<String>,
    directory: TempDir,
}

impl Tidings {
    /// Starts a server on free ports.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server on free ports, with further flags.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn start_with(flags: &[&str]) -> Self {
        Self::start_in(flags, &[])
    }

    /// Starts a server on free ports, with further flags and environment variables.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn start_in(flags: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::launch(flags, variables, Stdio::inherit(), None)
    }

    /// Starts a server on free ports, with further flags, and with its log going to `errors`.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn start_into(errors: impl Into<Stdio>, flags: &[&str]) -> Self {
        Self::launch(flags, &[], errors.into(), None)
    }

    /// Starts a server on free ports that may have so many files open.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn start_with_files(files: u32, errors: impl Into<Stdio>, flags: &[&str]) -> Self {
        // Both limits, so that the program cannot raise its own.
        Self::launch(flags, &[], errors.into(), Some(format!("ulimit -n {files}")))
    }

    fn launch(flags: &[&str], variables: &[(&str, &str)], errors: Stdio, limits: Option<String>) -> Self {
        let directory = TempDir::new().expect("a temporary directory can be made");
        let arguments: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let variables: Vec<_> =
            variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let data = directory.path().join("data");
        // Ports of ours alone, so that they are free when it is killed and started again.
        let (child, http, grpc) =
            spawn(&data, free_address(), free_address(), &arguments, &variables, errors, limits.as_deref())
                .unwrap_or_else(|line| panic!("the server said {line:?} and not where it is"));
        Self { child, http, grpc, arguments, variables, limits, directory }
    }

    /// The program with these flags, to be run as the caller likes.
    #[must_use]
    pub fn command(flags: &[&str]) -> Command {
        let mut command = command(None);
        command.args(flags);
        command
    }

    /// The same, run by a shell that limits first what it may have, as `ulimit -v 1000000` does.
    #[must_use]
    pub fn limited_command(limits: &str, flags: &[&str]) -> Command {
        let mut command = command(Some(limits));
        command.args(flags);
        command
    }

    /// Runs the program to its end, with these flags and environment, and returns what it wrote.
    ///
    /// # Panics
    ///
    /// If it does not end.
    #[must_use]
    pub fn run(directory: &Path, flags: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = command(None);
        command.args(flags).envs(variables.iter().copied()).current_dir(directory);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the server can be run");
        wait(&mut child);
        child.wait_with_output().expect("its output can be read")
    }

    /// The address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// The address of the HTTP port.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// The address of the gRPC port.
    #[must_use]
    pub fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// Its data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Kills it with -9, as a power cut would.
    ///
    /// # Panics
    ///
    /// If it cannot be killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it can be waited for");
    }

    /// Starts it again after [`kill`](Self::kill), on the same ports and data.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn start_again(&mut self) {
        let started = Instant::now();
        loop {
            let spawned = spawn(
                &self.data_dir(),
                self.http,
                self.grpc,
                &self.arguments,
                &self.variables,
                Stdio::inherit(),
                self.limits.as_deref(),
            );
            match spawned {
                Ok(spawned) => {
                    (self.child, self.http, self.grpc) = spawned;
                    return;
                }
                // A program that is no test may have taken one of the ports meanwhile.
                Err(line) => assert!(
                    line.is_empty() && started.elapsed() < LIMIT,
                    "the server said {line:?} and not where it is"
                ),
            }
            thread::park_timeout(Duration::from_millis(100));
        }
    }

    /// Sends a signal, such as `TERM`.
    ///
    /// # Panics
    ///
    /// If it cannot be sent.
    pub fn signal(&self, name: &str) {
        // Every shell has `kill`; the program of that name may be missing.
        let kill = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("a shell can be run").success(), "the signal could not be sent");
    }

    /// Lets its files grow to so many bytes and no further, as a disk does that fills, or without a
    /// limit again.
    ///
    /// # Panics
    ///
    /// If that cannot be said.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        self.limit(&format!("--fsize={limit}:unlimited"));
    }

    /// Lets it have so many files open and no more.
    ///
    /// # Panics
    ///
    /// If that cannot be said.
    pub fn limit_descriptors(&self, most: usize) {
        // Only what counts; what it may be raised to stays.
        self.limit(&format!("--nofile={most}:"));
    }

    fn limit(&self, limit: &str) {
        let pid = format!("--pid={}", self.child.id());
        let set = Command::new("prlimit").args([&pid, limit]).status();
        assert!(set.expect("prlimit can be run").success(), "the limit could not be set");
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    ///
    /// # Panics
    ///
    /// If the system does not say.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it can be waited for")
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }

    /// The program, built once for all tests; `TIDINGS_BINARY` names one that is built already.
    ///
    /// # Panics
    ///
    /// If it cannot be built.
    #[must_use]
    pub fn binary() -> &'static Path {
        static BINARY: OnceLock<PathBuf> = OnceLock::new();
        BINARY.get_or_init(|| env::var_os("TIDINGS_BINARY").map_or_else(build, PathBuf::from))
    }

    /// Reads the ports for HTTP and gRPC in what a server says first.
    ///
    /// That is `tidings is open at http://127.0.0.1:8000 (gRPC on 127.0.0.1:9000, …)`.
    #[must_use]
    pub fn addresses(line: &str) -> Option<(SocketAddr, SocketAddr)> {
        let (http, rest) = line.split_once("://")?.1.split_once(' ')?;
        let grpc = rest.split_once("gRPC on ")?.1.split_once(',')?.0;
        Some((http.parse().ok()?, grpc.parse().ok()?))
    }
}

impl Drop for Tidings {
    fn drop(&mut self) {
        // It may have ended long ago.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}

/// An address that no other test gets.
fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], test_support::free_port().expect("there is a free port")))
}

fn command(limits: Option<&str>) -> Command {
    let mut command = match limits {
        // The shell is replaced by the server and leaves it its limits, and what it ignores.
        Some(limits) => {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(format!("{limits} && exec \"$0\" \"$@\"")).arg(Tidings::binary());
            shell
        }
        None => Command::new(Tidings::binary()),
    };
    // What the tests are told is not meant for the server.
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TIDINGS_")) {
        command.env_remove(name);
    }
    command
}

/// Starts it, and returns where it is; or else what it said instead, after its end.
fn spawn(
    data_dir: &Path,
    http: SocketAddr,
    grpc: SocketAddr,
    arguments: &[String],
    variables: &[(String, String)],
    errors: Stdio,
    limits: Option<&str>,
) -> Result<(Child, SocketAddr, SocketAddr), String> {
    let mut command = command(limits);
    command
        .arg("--data-dir")
        .arg(data_dir)
        .args([format!("--http={http}"), format!("--grpc={grpc}")])
        .env("TIDINGS_LOG", "warn")
        .args(arguments)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .stderr(errors);
    let mut child = command.spawn().expect("the server can be run");
    let out = child.stdout.take().expect("its output is a pipe");
    let (said, line) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        let read = BufReader::new(out).read_line(&mut text);
        said.send(read.map(|_| text)).ok();
    });
    let line = line.recv_timeout(LIMIT).expect("the server says where it is").expect("it speaks UTF-8");
    reader.join().expect("the reader has no reason to panic");
    let Some((http, grpc)) = Tidings::addresses(&line) else {
        child.kill().expect("it can be killed");
        child.wait().expect("it can be waited for");
        return Err(line);
    };
    Ok((child, http, grpc))
}

fn wait(child: &mut Child) -> ExitStatus {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status;
        }
        if started.elapsed() > LIMIT {
            child.kill().expect("it can be killed");
            panic!("the server did not end within {LIMIT:?}");
        }
        // The standard library has no wait with a limit.
        thread::park_timeout(Duration::from_millis(5));
    }
}

fn build() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsStr::new("cargo").to_owned());
    let mut child = Command::new(cargo)
        .args(["build", "--quiet", "--package", "tidings-server", "--bin", "tidings"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("cargo can be run");
    let mut text = String::new();
    child.stdout.take().expect("its output is a pipe").read_to_string(&mut text).expect("cargo speaks UTF-8");
    assert!(child.wait().expect("cargo can be waited for").success(), "the server could not be built");
    let built = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut executables = built.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    executables.next_back().expect("cargo names what it built")
}
