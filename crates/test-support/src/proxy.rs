//! A reverse proxy with TLS: nginx or Caddy.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::address::START_LIMIT;
use crate::binary::binary;
use crate::certificates::Certificates;
use crate::directory::temporary_directory;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::port::free_port;
use crate::process::Process;

/// How often a start is tried when somebody else takes the port first.
const PORT_TRIES: usize = 5;

/// A proxy that listens, gone when dropped.
#[derive(Debug)]
pub struct Proxy {
    // The process before the directory that it writes into.
    process: Process,
    place: ProxyPlace,
    _directory: TempDir,
}

/// Where a proxy listens, and with which certificate.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProxyPlace {
    /// The port on 127.0.0.1.
    pub port: u16,
    /// The certificate of the CA, which is what clients need.
    pub ca: PathBuf,
    /// The certificate of the proxy, for `localhost` and 127.0.0.1.
    pub certificate: PathBuf,
    /// The key of that certificate.
    pub key: PathBuf,
}

/// What differs between the two.
struct Kind {
    name: &'static str,
    /// A part of the line that it prints when it listens.
    listening: &'static str,
    /// The file that it reads, with what was given in it.
    file: fn(&str, &Path) -> String,
    command: fn(&Path, &Path) -> Command,
}

const NGINX: Kind = Kind { name: "nginx", listening: "event method", file: nginx_file, command: nginx };

const CADDY: Kind =
    Kind { name: "caddy", listening: "serving initial configuration", file: caddy_file, command: caddy };

impl Proxy {
    /// Starts nginx with what stands in its block `http`.
    ///
    /// # Errors
    ///
    /// `Missing` if there is none; `Unavailable` or `Timeout` if it does not start, with its last
    /// lines.
    pub async fn nginx(servers: impl Fn(&ProxyPlace) -> String + Send) -> Result<Self> {
        Self::start(&NGINX, servers).await
    }

    /// Starts Caddy with the sites of a Caddyfile.
    ///
    /// # Errors
    ///
    /// As [`nginx`](Self::nginx).
    pub async fn caddy(sites: impl Fn(&ProxyPlace) -> String + Send) -> Result<Self> {
        Self::start(&CADDY, sites).await
    }

    /// Returns where it listens.
    pub fn place(&self) -> &ProxyPlace {
        &self.place
    }

    /// Returns the last lines that it printed, for the message of a failed test.
    pub fn log(&self) -> String {
        self.process.log()
    }

    async fn start(kind: &Kind, given: impl Fn(&ProxyPlace) -> String + Send) -> Result<Self> {
        let Kind { name, listening, .. } = *kind;
        let Some(program) = binary(&[name]) else {
            let message = format!("no {name} on PATH or in target/servers; run `cargo xtask setup`");
            return Err(Error::new(ErrorKind::Missing, message));
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let directory = temporary_directory(name)?;
            let Certificates { ca, certificate, key } = Certificates::make(directory.path())?;
            let place = ProxyPlace { port: free_port()?, ca, certificate, key };
            let file = directory.path().join("configuration");
            fs::write(&file, (kind.file)(&given(&place), directory.path())).map_err(|error| {
                Error::because(ErrorKind::Unavailable, "cannot write a configuration", error)
            })?;
            let command = (kind.command)(&program, directory.path());
            let is_ready = move |line: &str| line.contains(listening).then_some(());
            match Process::start(name, command, START_LIMIT, is_ready).await {
                Ok((process, ())) => return Ok(Self { process, place, _directory: directory }),
                // Between `free_port` and the start somebody else may have taken the port.
                Err(error) if tries < PORT_TRIES && error.to_string().contains("in use") => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// One process, so that nothing outlives it; all files below the directory.
fn nginx_file(servers: &str, directory: &Path) -> String {
    let directory = directory.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .into_iter()
        .map(|kind| format!("    {kind}_temp_path {directory}/{kind};\n"))
        .collect();
    format!(
        "daemon off;\nmaster_process off;\npid {directory}/pid;\nerror_log stderr notice;\n\
         events {{}}\nhttp {{\n    access_log off;\n{temporary}{servers}\n}}\n"
    )
}

fn nginx(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["-e", "stderr", "-c"]).arg(directory.join("configuration")).arg("-p").arg(directory);
    command
}

fn caddy_file(sites: &str, _directory: &Path) -> String {
    format!("{{\n    admin off\n    auto_https disable_redirects\n}}\n{sites}\n")
}

fn caddy(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(directory.join("configuration"))
        .env("HOME", directory)
        .env("XDG_DATA_HOME", directory)
        .env("XDG_CONFIG_HOME", directory);
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skip::require;

    #[tokio::test]
    async fn both_answer_on_their_port() {
        let nginx = Proxy::nginx(|place| {
            format!(
                "server {{ listen 127.0.0.1:{} ssl; ssl_certificate {}; ssl_certificate_key {}; return 204; }}",
                place.port,
                place.certificate.display(),
                place.key.display()
            )
        });
        let caddy = Proxy::caddy(|place| {
            format!(
                "https://localhost:{} {{\n    bind 127.0.0.1\n    tls {} {}\n    respond 204\n}}",
                place.port,
                place.certificate.display(),
                place.key.display()
            )
        });
        for proxy in [nginx.await, caddy.await] {
            let Some(proxy) = require(proxy) else { continue };
            let answers = std::net::TcpStream::connect(("127.0.0.1", proxy.place().port));
            assert!(answers.is_ok(), "{answers:?}: {}", proxy.log());
        }
    }
}
