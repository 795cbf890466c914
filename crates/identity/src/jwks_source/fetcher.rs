//! One fetch of a key set, from a file or an address.

use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::rt::Executor;
use hyper_util::client::legacy::Client;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::connector::{Connector, connector};
use crate::error::{Error, ErrorKind};
use crate::jwks::Origin;
use crate::key_set::KeySet;

/// How long a key set may be.
const BYTES_MAX: usize = 1024 * 1024;

/// Where a key set is.
pub(super) enum Location {
    File(PathBuf),
    Address(Uri),
}

/// What was fetched: the text tells whether anything has changed.
pub(super) struct Fetched {
    pub(super) text: String,
    pub(super) keys: KeySet,
}

/// Fetches a key set again and again.
pub(super) struct Fetcher {
    location: Location,
    client: Option<Client<Connector, Empty<Bytes>>>,
    timeout: Duration,
}

impl Fetcher {
    /// Prepares to fetch; nothing is connected yet.
    pub(super) fn new(location: Location, timeout: Duration, tasks: &TaskTracker) -> Result<Self, Error> {
        let client = match &location {
            Location::File(_) => None,
            // A fetch is rare, so no connection is kept for the next one.
            Location::Address(url) => {
                let mut builder = Client::builder(Tracked(tasks.clone()));
                Some(builder.pool_max_idle_per_host(0).build(connector(url)?))
            }
        };
        Ok(Self { location, client, timeout })
    }

    /// Reads the whole once.
    pub(super) async fn fetch(&self) -> Result<Fetched, Error> {
        let fetched = timeout(self.timeout, self.text()).await;
        let text = match fetched {
            Ok(Ok(text)) => text,
            Ok(Err(why)) => return Err(self.error(ErrorKind::Unavailable, &why)),
            Err(_) => {
                let why = format!("was not read within {:?}", self.timeout);
                return Err(self.error(ErrorKind::Unavailable, &why));
            }
        };
        let origin = match self.location {
            Location::File(_) => Origin::Private,
            Location::Address(_) => Origin::Published,
        };
        let keys = KeySet::of_jwks(&text, origin);
        let keys = keys.map_err(|fault| self.error(ErrorKind::Config, &fault))?;
        Ok(Fetched { text, keys })
    }

    /// The text, or why it cannot be read.
    async fn text(&self) -> Result<String, String> {
        let bytes = match (&self.location, &self.client) {
            (Location::Address(url), Some(client)) => answer(client, url).await?,
            (Location::File(path), _) => {
                file(path).await.map_err(|error| format!("cannot be read: {error}"))?
            }
            // An address has a client from the beginning.
            (Location::Address(_), None) => return Err("cannot be asked".to_owned()),
        };
        if bytes.len() > BYTES_MAX {
            return Err(format!("has more than {BYTES_MAX} bytes"));
        }
        String::from_utf8(bytes).map_err(|_| "is no text".to_owned())
    }

    /// An error that begins with where the key set is.
    pub(super) fn error(&self, kind: ErrorKind, why: &str) -> Error {
        Error::new(kind, format!("the key set {} {why}", self.location))
    }
}

impl fmt::Display for Location {
    /// Writes the path of a file, and of an address the host and the port alone: what follows may
    /// be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Address(url) => {
                write!(f, "at {}", url.authority().map_or("an address", |authority| authority.as_str()))
            }
        }
    }
}

/// Reads as much of a file as shows that it is too long.
async fn file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).await?.take(most).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// Asks an address. Only an answer of 200 counts: a redirection might lead to whomever.
async fn answer(client: &Client<Connector, Empty<Bytes>>, url: &Uri) -> Result<Vec<u8>, String> {
    let request = Request::get(url.clone())
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, concat!("tidings/", env!("CARGO_PKG_VERSION")))
        .body(Empty::new())
        .map_err(|error| format!("cannot be asked: {error}"))?;
    let answer = client.request(request).await;
    let answer = answer.map_err(|error| format!("cannot be reached: {}", in_one_line(&error)))?;
    let status = answer.status();
    if status.is_redirection() {
        return Err(format!("answered {status}; a redirection is not followed, give the last address"));
    }
    if status != StatusCode::OK {
        return Err(format!("answered {status}"));
    }
    let body = Limited::new(answer.into_body(), BYTES_MAX).collect().await;
    let body = body.map_err(|error| format!("was not read to its end: {}", in_one_line(&*error)))?;
    Ok(body.to_bytes().to_vec())
}

/// An error with what caused it.
fn in_one_line(error: &(dyn StdError + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| StdError::source(*error));
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Runs a client's connections as tasks of ours.
#[derive(Debug, Clone)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}
