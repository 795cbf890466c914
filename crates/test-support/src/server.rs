//! How a server is had: from the environment, a binary, a container.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::PoisonError;

use tempfile::TempDir;

use crate::address::Address;
use crate::address::START_LIMIT;
use crate::binary::binary;
#[cfg(feature = "containers")]
use crate::container::Container;
use crate::directory::temporary_directory;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::port::free_port;
use crate::process::Process;

/// How often a start is tried when somebody else takes the port first.
const PORT_TRIES: usize = 5;

/// What there is to know about one kind of server.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// What it is called in messages, in directory names, and on `PATH`.
    pub(crate) name: &'static str,
    pub(crate) binary: &'static str,
    /// The variable that holds the address of a running one.
    pub(crate) variable: &'static str,
    pub(crate) default_port: u16,
    /// The command that starts it on this port, with all of its files in this directory.
    pub(crate) command: fn(program: &Path, port: u16, directory: &Path) -> Result<Command>,
    /// A part of the line that it prints when it listens.
    pub(crate) listening: &'static str,
    /// Image, tag and command of its container. A separate field would be unused without the
    /// feature.
    #[cfg_attr(not(feature = "containers"), expect(dead_code, reason = "only containers read it"))]
    pub(crate) image: (&'static str, &'static str, &'static [&'static str]),
}

/// Where a server came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The address in the environment; the server is shared and stays.
    Environment,
    /// A binary of this machine.
    Binary(PathBuf),
    /// A container.
    Container,
}

/// A server that listens, by whatever means: what is common to all kinds.
#[derive(Debug)]
pub struct Server {
    pub(crate) address: Address,
    pub(crate) origin: Origin,
    /// The URL as it was given, if it came from the environment.
    pub(crate) given: Option<String>,
    keeper: ServerOwner,
}

#[derive(Debug)]
enum ServerOwner {
    Nobody,
    // The process before the directory that it writes into.
    Process(Mutex<Process>, Launch),
    #[cfg(feature = "containers")]
    Container(#[expect(dead_code, reason = "removed on drop")] Box<Container>),
}

/// What it takes to start a process, also once more.
#[derive(Debug)]
struct Launch {
    recipe: &'static Recipe,
    program: PathBuf,
    port: u16,
    /// What comes after the recipe's own arguments.
    arguments: Vec<OsString>,
    directory: TempDir,
}

impl Server {
    /// Takes the first of the three sources that there is.
    pub(crate) async fn start(recipe: &'static Recipe) -> Result<Self> {
        if let Some(url) = env::var(recipe.variable).ok().filter(|url| !url.is_empty()) {
            return Self::given(recipe, url);
        }
        if let Some(program) = binary(&[recipe.binary]) {
            return Self::run(recipe, program, |_port, _directory| Ok(Vec::new())).await;
        }
        #[cfg(feature = "containers")]
        if crate::container::engine_answers().await {
            return Self::contain(recipe).await;
        }
        let Recipe { name, binary, variable, .. } = recipe;
        let message = format!(
            "no {name}: {variable} is not set, no {binary} on PATH or in target/servers, no Docker engine answers; run `cargo xtask setup`"
        );
        Err(Error::new(ErrorKind::Missing, message))
    }

    /// Starts a process, whatever else there is, with arguments that may depend on its port and its
    /// directory.
    ///
    /// `arguments` is asked again when another port is tried.
    pub(crate) async fn start_process(
        recipe: &'static Recipe,
        arguments: impl FnMut(u16, &Path) -> Result<Vec<OsString>> + Send,
    ) -> Result<Self> {
        let Recipe { name, binary: file, .. } = recipe;
        let Some(program) = binary(&[file]) else {
            let message = format!(
                "no {name} of our own: no {file} on PATH or in target/servers; run `cargo xtask setup`"
            );
            return Err(Error::new(ErrorKind::Missing, message));
        };
        Self::run(recipe, program, arguments).await
    }

    fn given(recipe: &Recipe, url: String) -> Result<Self> {
        let Some(address) = Address::of_url(&url, recipe.default_port) else {
            let message = format!("{} is not a URL with a host: {url}", recipe.variable);
            return Err(Error::new(ErrorKind::Unavailable, message));
        };
        Ok(Self { address, origin: Origin::Environment, given: Some(url), keeper: ServerOwner::Nobody })
    }

    async fn run(
        recipe: &'static Recipe,
        program: PathBuf,
        mut arguments: impl FnMut(u16, &Path) -> Result<Vec<OsString>> + Send,
    ) -> Result<Self> {
        let mut tries = 0;
        loop {
            tries += 1;
            let port = free_port()?;
            let directory = temporary_directory(recipe.name)?;
            let arguments = arguments(port, directory.path())?;
            let launch = Launch { recipe, program: program.clone(), port, arguments, directory };
            match launch.start().await {
                Ok(process) => {
                    return Ok(Self {
                        address: Address::local(port),
                        origin: Origin::Binary(program),
                        given: None,
                        keeper: ServerOwner::Process(Mutex::new(process), launch),
                    });
                }
                // Between `free_port` and the start somebody else may have taken the port. Every
                // server says so in its last lines, which are in the text of the error.
                Err(error) if tries < PORT_TRIES && error.to_string().contains("in use") => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Starts a container, whatever else there is.
    #[cfg(feature = "containers")]
    pub(crate) async fn contain(recipe: &Recipe) -> Result<Self> {
        let (image, tag, command) = recipe.image;
        let container = Container::start(image, tag, recipe.default_port, command, recipe.listening).await?;
        Ok(Self {
            address: container.address().clone(),
            origin: Origin::Container,
            given: None,
            keeper: ServerOwner::Container(Box::new(container)),
        })
    }

    /// Returns where the server came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns the server's process id, `None` if the process is not ours or was killed.
    pub fn process_id(&self) -> Option<u32> {
        if let ServerOwner::Process(process, _) = &self.keeper { lock(process).id() } else { None }
    }

    /// Returns the last lines that the server printed, for the message of a failed test; nothing if
    /// it is not ours.
    pub fn log(&self) -> String {
        if let ServerOwner::Process(process, _) = &self.keeper { lock(process).log() } else { String::new() }
    }

    /// Stops the process where it is (`SIGSTOP`), and returns once it stands: it answers nobody,
    /// and its connections stay open.
    ///
    /// # Errors
    ///
    /// `Protocol` if the process is not ours; `Unavailable` if it is dead, `Timeout` if it does not
    /// stand.
    pub async fn freeze(&self) -> Result<()> {
        let (process, _) = self.process()?;
        let stands = lock(process).freeze()?;
        stands.await
    }

    /// Lets a frozen process go on (`SIGCONT`).
    pub(crate) fn go_on(&self) -> Result<()> {
        let (process, _) = self.process()?;
        lock(process).go_on()
    }

    /// Kills the process (`SIGKILL`), frozen or not, and returns once it is gone. Killing it again
    /// does nothing.
    ///
    /// # Errors
    ///
    /// `Protocol` if the process is not ours.
    pub fn kill(&self) -> Result<()> {
        let (process, _) = self.process()?;
        lock(process).kill();
        Ok(())
    }

    /// Starts the process again, with the same port, arguments and directory, and returns once it
    /// listens. One that still runs is killed first.
    pub(crate) async fn start_process_again(&self) -> Result<()> {
        let (_, launch) = self.process()?;
        self.start_process_as(launch.recipe).await
    }

    /// Does the same by another recipe, also with the same port, arguments and directory.
    pub(crate) async fn start_process_as(&self, recipe: &'static Recipe) -> Result<()> {
        let (process, launch) = self.process()?;
        lock(process).kill();
        // The lock is not held while the process starts, and a failed start leaves the killed one
        // in place, which can be started once more.
        let again = launch.start_as(recipe).await?;
        *lock(process) = again;
        Ok(())
    }

    /// Returns the directory that the process has its files in.
    pub(crate) fn directory(&self) -> Result<&Path> {
        let (_, launch) = self.process()?;
        Ok(launch.directory.path())
    }

    fn process(&self) -> Result<(&Mutex<Process>, &Launch)> {
        if let ServerOwner::Process(process, launch) = &self.keeper {
            return Ok((process, launch));
        }
        let Address { host, port } = &self.address;
        Err(Error::new(ErrorKind::Protocol, format!("the server at {host}:{port} is not a process of ours")))
    }
}

impl Launch {
    async fn start(&self) -> Result<Process> {
        self.start_as(self.recipe).await
    }

    async fn start_as(&self, recipe: &'static Recipe) -> Result<Process> {
        let Recipe { name, command, listening, .. } = recipe;
        let mut command = command(&self.program, self.port, self.directory.path())?;
        command.args(&self.arguments);
        let listening = move |line: &str| line.contains(listening).then_some(());
        let (process, ()) = Process::start(name, command, START_LIMIT, listening).await?;
        Ok(process)
    }
}

// Nothing is done under the lock that could leave a process half replaced.
fn lock(process: &Mutex<Process>) -> std::sync::MutexGuard<'_, Process> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}
