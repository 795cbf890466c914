//! The browser: its process, its profiles.

use std::env;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, LazyLock, Weak};
use std::thread;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

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

/// As many tests of a process as the machine has cores use the browser at once: unlike most that
/// tests wait for, a browser computes.
static AT_ONCE: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = thread::available_parallelism().map_or(2, usize::from);
    // A test that compares two browsers needs both.
    Arc::new(Semaphore::new(cores.max(2)))
});

/// The browser of all tests of this process that use one now: its start costs a second of a core.
static SHARED: Mutex<Weak<Browser>> = Mutex::const_new(Weak::new());

/// A headless Chromium, whose profiles are gone when it is dropped.
///
/// Tests of one process that run at the same time share the program. They share no profile, so that
/// it is the same to them as one of their own. The last of them ends it.
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
    browser: Arc<Browser>,
    // Last: what the browser does at the end of a test is a part of it.
    _permit: OwnedSemaphorePermit,
}

/// The program.
#[derive(Debug)]
struct Browser {
    process: Process,
    /// Where it is talked to.
    address: String,
    // Last: removed after the process that writes into it.
    _directory: TempDir,
}

/// A profile of its own within one Chromium: cookies, storage and cache are not shared with others.
#[derive(Debug, Clone)]
pub struct Profile {
    devtools: DevTools,
    id: String,
}

impl Chromium {
    /// Starts a browser unless one runs, and returns once it answers, after other tests have ended
    /// if many use it. Belongs to the runtime that it is started on.
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
        let (browser, devtools) = Browser::shared(&program).await?;
        Ok(Self { devtools, browser, _permit: permit })
    }

    /// Creates a profile: what another person's browser would be.
    ///
    /// # Errors
    ///
    /// `Protocol` or `Timeout` if the browser does not do it.
    pub async fn profile(&self) -> Result<Profile> {
        // Gone with our connection, however the test ends.
        let with_us = json!({ "disposeOnDetach": true });
        let answer = self.devtools.call(None, "Target.createBrowserContext", with_us).await?;
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
        self.browser.process.log()
    }

    /// Returns the id of the browser's main process, `None` once it has ended.
    pub fn process_id(&self) -> Option<u32> {
        self.browser.process.id()
    }
}

impl Browser {
    /// Returns the browser that runs, or starts one; with a connection of the caller's own.
    async fn shared(program: &Path) -> Result<(Arc<Self>, DevTools)> {
        // Held all the while: who comes second waits for the browser of the first.
        let mut shared = SHARED.lock().await;
        if let Some(browser) = shared.upgrade()
            // One that crashed takes no connection, and another takes its place.
            && let Ok(devtools) = browser.connect().await
        {
            return Ok((browser, devtools));
        }
        let browser = Arc::new(Self::start(program).await?);
        let devtools = browser.connect().await.map_err(|error| error.with_log(&browser.process.log()))?;
        *shared = Arc::downgrade(&browser);
        Ok((browser, devtools))
    }

    async fn start(program: &Path) -> Result<Self> {
        let directory = temporary_directory("chromium")?;
        let command = command(program, directory.path());
        let (process, address) = Process::start("chromium", command, START_LIMIT, devtools_address).await?;
        Ok(Self { process, address, _directory: directory })
    }

    async fn connect(&self) -> Result<DevTools> {
        let devtools = DevTools::connect(&self.address).await?;
        devtools.call(None, "Browser.getVersion", json!({})).await?;
        Ok(devtools)
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
