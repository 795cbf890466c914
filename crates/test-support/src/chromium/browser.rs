//! The browser: its process, its profiles.

use std::env;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::devtools::DevTools;
use super::page::Page;
use crate::binary::binary;
use crate::directory::temporary_directory;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::process::Process;

/// How long a cold start may take; it takes under a second where nothing else runs.
const START_LIMIT: Duration = Duration::from_secs(60);

/// As many browsers as the machine has cores run at once in a process: unlike most that tests wait
/// for, a browser computes.
static AT_ONCE: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = thread::available_parallelism().map_or(2, usize::from);
    Arc::new(Semaphore::new(cores))
});

/// A headless Chromium with an empty profile of its own, gone when dropped.
///
/// The binary is the one that `CHROMIUM` names, or else on `PATH`, or unpacked by `cargo xtask
/// setup`.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> test_support::Result<()> {
/// use test_support::{Chromium, Viewport};
///
/// let chromium = Chromium::start().await?;
/// // Two people: nothing is shared between profiles, not even the storage.
/// let alice = chromium.profile().await?.page().await?;
/// let bob = chromium.profile().await?.page().await?;
/// bob.viewport(Viewport::PHONE).await?;
/// alice.open("http://127.0.0.1:8000/").await?;
/// alice.fill("#name", "alice").await?;
/// alice.press("Enter").await?;
/// alice.wait_for("document.querySelector('#online').innerText.includes('alice')").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Chromium {
    devtools: DevTools,
    process: Process,
    // Last: removed after the process that writes into it.
    _directory: TempDir,
    _permit: OwnedSemaphorePermit,
}

/// A profile of its own within one Chromium: cookies, storage and cache are not shared with others.
#[derive(Debug, Clone)]
pub struct Profile {
    devtools: DevTools,
    id: String,
}

impl Chromium {
    /// Starts a browser and returns once it answers, after another one has ended if many run.
    /// Belongs to the runtime that it is started on.
    ///
    /// # Errors
    ///
    /// `Missing` if this machine has no Chromium; `Unavailable` or `Timeout` if it does not start,
    /// with its last lines.
    pub async fn start() -> Result<Self> {
        let program = program()?;
        let permit = Arc::clone(&AT_ONCE)
            .acquire_owned()
            .await
            .map_err(|closed| Error::because(ErrorKind::Unavailable, "no permit for a browser", closed))?;
        let directory = temporary_directory("chromium")?;
        let command = command(&program, directory.path());
        let (process, address) = Process::start("chromium", command, START_LIMIT, devtools_address).await?;
        let devtools = DevTools::connect(&address).await?;
        devtools.call(None, "Browser.getVersion", json!({})).await.map_err(|e| e.with_log(&process.log()))?;
        Ok(Self { devtools, process, _directory: directory, _permit: permit })
    }

    /// Creates a profile: what another person's browser would be.
    ///
    /// # Errors
    ///
    /// `Protocol` or `Timeout` if the browser does not do it.
    pub async fn profile(&self) -> Result<Profile> {
        let answer = self.devtools.call(None, "Target.createBrowserContext", json!({})).await?;
        let id = answer["browserContextId"].as_str().unwrap_or_default().to_owned();
        Ok(Profile { devtools: self.devtools.clone(), id })
    }

    /// Creates a page in a profile of its own.
    ///
    /// # Errors
    ///
    /// `Protocol` or `Timeout` if the browser does not do it.
    pub async fn page(&self) -> Result<Page> {
        self.profile().await?.page().await
    }

    /// Returns the last lines that the browser printed, for the message of a failed test.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Returns the id of the browser's main process, `None` once it has ended.
    pub fn process_id(&self) -> Option<u32> {
        self.process.id()
    }
}

impl Profile {
    /// Creates a page (a tab) in this profile, blank, 1280 by 800.
    ///
    /// # Errors
    ///
    /// `Protocol` or `Timeout` if the browser does not do it.
    pub async fn page(&self) -> Result<Page> {
        Page::create(self.devtools.clone(), &self.id).await
    }

    /// Closes the profile with all of its pages, as if that person had closed their browser.
    ///
    /// # Errors
    ///
    /// `Protocol` or `Timeout` if the browser does not do it.
    pub async fn close(self) -> Result<()> {
        let profile = json!({ "browserContextId": self.id });
        self.devtools.call(None, "Target.disposeBrowserContext", profile).await.map(drop)
    }
}

fn program() -> Result<PathBuf> {
    if let Some(program) = env::var_os("CHROMIUM").filter(|program| !program.is_empty()) {
        return Ok(PathBuf::from(program));
    }
    binary(&["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]).ok_or_else(
        || {
            let message = "no chromium on PATH or in target/servers: run `cargo xtask setup`";
            Error::new(ErrorKind::Missing, message)
        },
    )
}

fn command(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        // It runs as root in containers, and only loads what a test serves on this machine.
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
        .args(["--no-first-run", "--no-default-browser-check", "--mute-audio", "--force-color-profile=srgb"])
        // Tries no address that the test did not name.
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--disable-quic", "--disable-domain-reliability", "--disable-default-apps", "--no-pings"])
        // A page that is not in front is as fast as one that is: tests watch several at once.
        .args(["--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows"])
        .args(["--disable-renderer-backgrounding", "--disable-features=Translate,MediaRouter"])
        .args(["--remote-debugging-port=0", "--window-size=1280,800", "--lang=en-GB"])
        .arg(format!("--user-data-dir={}", directory.join("profile").display()))
        .arg("about:blank")
        .env("HOME", directory)
        .env("XDG_CONFIG_HOME", directory.join("config"))
        .env("XDG_CACHE_HOME", directory.join("cache"))
        .env("TMPDIR", directory)
        .current_dir(directory);
    command
}

fn devtools_address(line: &str) -> Option<String> {
    line.strip_prefix("DevTools listening on ").map(|address| address.trim().to_owned())
}
