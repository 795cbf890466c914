//! A client of the driver, with bounds where the driver's defaults have none.

use std::time::Duration;

use mongodb::Client;
use mongodb::error::{Error as DriverError, ErrorKind as DriverErrorKind};
use mongodb::options::{
    Acknowledgment, ClientOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use tokio::sync::watch;

use crate::address::Address;
use crate::config::LinkConfig;
use crate::error::Error;
use crate::topology::{Seen, handler_for};

/// Makes clients for one address.
#[derive(Debug)]
pub(crate) struct ClientMaker {
    pub(crate) address: Address,
    pub(crate) settings: LinkConfig,
}

/// What the clients for one address differ in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientPurpose {
    /// How many connections there are at most to each server.
    pub(crate) pool: u32,
    /// How long a primary may take to be found.
    pub(crate) selection: Duration,
}

/// A client, and what it sees of the servers.
#[derive(Debug, Clone)]
pub(crate) struct SeeingClient {
    pub(crate) client: Client,
    pub(crate) seen: watch::Receiver<Seen>,
}

impl ClientMaker {
    /// Makes a client, which connects by itself; only hosts that the DNS names are looked for here.
    ///
    /// Nobody drops this half-way: it is for a task.
    pub(crate) async fn make(&self, purpose: ClientPurpose) -> Result<SeeingClient, Error> {
        let mut options =
            ClientOptions::parse(self.address.secret()).await.map_err(|error| match error.kind.as_ref() {
                DriverErrorKind::DnsResolve { .. } | DriverErrorKind::Io(_) => {
                    Error::of(self.server(), error)
                }
                _ => self.address.refused(&error),
            })?;
        let (seeing, seen) = watch::channel(Seen::default());
        let (settings, inner) = (&self.settings, self.settings.inner_timeout());
        options.app_name.get_or_insert_with(|| "tidings".to_owned());
        options.max_pool_size = Some(purpose.pool);
        options.min_pool_size = None;
        options.max_connecting = Some(CONNECTING_MAX);
        options.connect_timeout = Some(settings.connect_timeout.min(inner));
        options.server_selection_timeout = Some(purpose.selection);
        options.heartbeat_freq = Some(HEARTBEAT);
        options.retry_reads = Some(true);
        options.retry_writes = Some(true);
        options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
        options.read_concern = Some(ReadConcern::majority());
        let confirmed = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(inner);
        options.write_concern = Some(confirmed.build());
        options.sdam_event_handler = Some(handler_for(seeing, options.repl_set_name.clone()));
        let client = Client::with_options(options).map_err(|error| match error.kind.as_ref() {
            DriverErrorKind::InvalidTlsConfig { .. } => Error::of(self.server(), error),
            _ => self.address.refused(&error),
        })?;
        Ok(SeeingClient { client, seen })
    }

    /// Returns the error of a call by a client that saw this of the servers.
    pub(crate) fn error(&self, error: DriverError, seen: &Seen) -> Error {
        match error.kind.as_ref() {
            // The driver's own words are the whole topology.
            DriverErrorKind::ServerSelection { .. } => Error::selection(self.server(), seen.reason(), error),
            _ => Error::of_user(self.server(), self.address.auth_source(), error),
        }
    }

    /// How errors name the server.
    pub(crate) fn server(&self) -> &str {
        self.address.hosts()
    }
}

/// How many connections to one server are made at once; the driver's own 2 are few after a
/// failover.
const CONNECTING_MAX: u32 = 4;

/// How often each server is to say that it is there.
///
/// Together with the time for a connection it is how soon one that stands still is noticed, which
/// ends the driver's calls to it. The driver's own 10 s would leave them hanging for 20 s.
const HEARTBEAT: Duration = Duration::from_secs(2);
