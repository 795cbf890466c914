//! The server under measurement, as a process.

use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use benches::process::ServerProcess;
use tempfile::TempDir;
use tokio_rustls::TlsConnector;

use crate::logins::Logins;
use crate::tls;

/// A server, with what its clients need to know.
pub(crate) struct Server {
    pub(crate) process: ServerProcess,
    pub(crate) address: SocketAddr,
    /// Who signs for its users, if it has logins.
    logins: Option<Logins>,
    is_whole: bool,
    directory: TempDir,
}

impl Server {
    /// Starts `tidings` or `tidings-glibc`, with logins if `logins-` stands in front, or one of
    /// ours by its name, with mimalloc if that begins with `mimalloc-`.
    pub(crate) fn start(name: &str) -> Result<Self, Box<dyn Error>> {
        Self::start_with(name, |_directory| Ok(()))
    }

    /// Does the same when its directory is prepared.
    pub(crate) fn start_with(
        name: &str,
        prepare: impl FnOnce(&Path) -> Result<(), Box<dyn Error>>,
    ) -> Result<Self, Box<dyn Error>> {
        let ours = env::current_exe()?;
        let directory = tempfile::tempdir()?;
        prepare(directory.path())?;
        if name.ends_with("-tls") {
            tls::certify(directory.path())?;
        }
        let logins = name.starts_with("logins-").then(|| Logins::new(directory.path())).transpose()?;
        let name = name.trim_start_matches("logins-");
        let is_whole = name.starts_with("tidings");
        let mut command = if is_whole {
            let mut command = Command::new(ours.with_file_name(name));
            command.args(logins.iter().flat_map(Logins::flags));
            command.args(["--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--connections=20000", "--log=error"]);
            command.arg("--data-dir").arg(directory.path().join("data"));
            command
        } else if let Some(name) = name.strip_prefix("mimalloc-") {
            let mut command = Command::new(ours.with_file_name("hub-mimalloc"));
            command.args(["serve", name]).arg(directory.path());
            command
        } else {
            let mut command = Command::new(ours);
            command.args(["serve", name]).arg(directory.path());
            command
        };
        command.stdout(Stdio::piped());
        let mut process = ServerProcess::start(command)?;
        let mut line = String::new();
        BufReader::new(process.output().ok_or("the server has no output")?).read_line(&mut line)?;
        // `tidings` says it in a sentence.
        let said = line.split_once("http://").map_or(&*line, |(_, behind)| behind);
        let address = said.split_whitespace().next().and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| format!("server said {line:?} for its address"))?;
        Ok(Self { process, address, logins, is_whole, directory })
    }

    /// Tells whether it is the real server, and not just a hub or a floor.
    pub(crate) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Returns what connects to it over TLS, if it has a certificate.
    pub(crate) fn connector(&self) -> Result<TlsConnector, Box<dyn Error>> {
        tls::connector(self.directory.path())
    }

    /// Returns the line of a request's head that says who asks, empty without logins.
    pub(crate) fn login(&self, user: &str) -> Result<String, Box<dyn Error>> {
        self.logins.as_ref().map_or_else(|| Ok(String::new()), |logins| logins.line(user))
    }
}
