//! How a server is had: from the environment, a binary, a container.

use std::env;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::address::Address;
use crate::address::free_port;
use crate::binary::binary;
#[cfg(feature = "containers")]
use crate::container::Container;
use crate::directory::temporary_directory;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::process::Process;

/// How long a start may take on a busy machine; the slowest, MongoDB, takes about 2 s on an idle one.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(60);

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
    /// Image, tag and command of its container. A separate field would be unused without the feature.
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

/// A server that listens, by whatever means.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: Address,
    pub(crate) origin: Origin,
    /// The URL as it was given, if it came from the environment.
    pub(crate) given: Option<String>,
    keeper: Keeper,
}

#[derive(Debug)]
enum Keeper {
    Nobody,
    // The process before the directory that it writes into.
    Process(Process, #[expect(dead_code, reason = "removed on drop")] TempDir),
    #[cfg(feature = "containers")]
    Container(#[expect(dead_code, reason = "removed on drop")] Box<Container>),
}

impl Server {
    /// Takes the first of the three sources that there is.
    pub(crate) async fn start(recipe: &'static Recipe) -> Result<Self> {
        if let Some(url) = env::var(recipe.variable).ok().filter(|url| !url.is_empty()) {
            return Self::given(recipe, url);
        }
        if let Some(program) = binary(&[recipe.binary]) {
            return Self::run(recipe, &program).await;
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

    fn given(recipe: &Recipe, url: String) -> Result<Self> {
        let Some(address) = Address::of_url(&url, recipe.default_port) else {
            let message = format!("{} is no URL with a host: {url}", recipe.variable);
            return Err(Error::new(ErrorKind::Unavailable, message));
        };
        Ok(Self { address, origin: Origin::Environment, given: Some(url), keeper: Keeper::Nobody })
    }

    async fn run(recipe: &'static Recipe, program: &Path) -> Result<Self> {
        let mut tries = 0;
        loop {
            tries += 1;
            let port = free_port()?;
            let directory = temporary_directory(recipe.name)?;
            let command = (recipe.command)(program, port, directory.path())?;
            let listening = |line: &str| line.contains(recipe.listening).then_some(());
            match Process::start(recipe.name, command, START_LIMIT, listening).await {
                Ok((process, ())) => {
                    return Ok(Self {
                        address: Address::local(port),
                        origin: Origin::Binary(program.to_path_buf()),
                        given: None,
                        keeper: Keeper::Process(process, directory),
                    });
                }
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
            keeper: Keeper::Container(Box::new(container)),
        })
    }

    /// Returns what the server printed last, for errors; only a process of ours is heard.
    pub(crate) fn log(&self) -> String {
        if let Keeper::Process(process, _) = &self.keeper { process.log() } else { String::new() }
    }

    pub(crate) fn process_id(&self) -> Option<u32> {
        if let Keeper::Process(process, _) = &self.keeper { process.id() } else { None }
    }
}
