//! The manager that comes with this crate: a list of addresses, and names of DNS.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::HeaderMap;
use parking_lot::Mutex;
use tokio::net::lookup_host;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

use super::balance::{Balance, Linked};
use super::dialler::SisterDialler;
use super::link_task::NoSister;
use super::node_id::NodeId;
use super::sister::{Sister, SisterEnd};
use super::sister_client::SisterClient;
use super::sister_manager::SisterManager;
use super::sister_server::SisterServer;
#[cfg(feature = "tls")]
use super::sister_tls::SisterTls;
use crate::Error;

/// How often a name of DNS is resolved again.
const RESOLVED_AGAIN: Duration = Duration::from_secs(10);

/// How long that may take.
const RESOLVE_TIME: Duration = Duration::from_secs(5);

/// How often sisters are asked how many they have.
const QUERIED_AGAIN: Duration = Duration::from_secs(10);

/// Addresses that a name of DNS may have; more are left out.
const ADDRESSES_MAX: usize = 256;

/// Links to the nodes of a list, or of a name of DNS, until there are enough.
///
/// Which of them are dialled is chance. An address that does not answer is dialled again after a
/// random time, up to 20 s. The address of this node itself may be among them. When a link ends,
/// another is dialled; when this node and a sister both have more than they look for, the one that
/// dialled gives the link up.
///
/// # Examples
///
/// ```
/// use conductor_hub::federation::{SisterConfig, SisterServer, Sisters};
/// use conductor_hub::Hooks;
/// use http::HeaderMap;
///
/// # fn main() -> Result<(), conductor_hub::Error> {
/// let sisters = Sisters::new().and(SisterServer::new("ws://10.0.0.7:8000/ws", HeaderMap::new())?);
/// let config = SisterConfig::new(*b"only for this example");
/// let hooks = Hooks::default().sisters(config, sisters.dns("hubs.internal:8000", "/ws"));
/// # drop(hooks);
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Sisters {
    listed: Mutex<BTreeMap<String, Arc<dyn SisterClient>>>,
    names: Vec<DnsName>,
    /// The list has changed, or a link.
    changed: Notify,
}

/// A name of DNS whose addresses are all sisters.
#[derive(Debug)]
struct DnsName {
    host_and_port: String,
    path: String,
    /// Whom this node trusts, if they are dialled over TLS.
    #[cfg(feature = "tls")]
    tls: Option<SisterTls>,
}

impl DnsName {
    /// Returns the sister at one of the addresses.
    fn sister(&self, address: SocketAddr) -> Result<SisterServer, Error> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let host = self.host_and_port.rsplit_once(':').map_or(&*self.host_and_port, |(host, _)| host);
            let sister = SisterServer::new(format!("wss://{address}{}", self.path), HeaderMap::new())?;
            return Ok(sister.certificate_name(host)?.tls(tls.clone()));
        }
        SisterServer::new(format!("ws://{address}{}", self.path), HeaderMap::new())
    }
}

impl Sisters {
    /// Creates a manager that dials nobody: others may dial this node.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a sister; it is [`add`](Self::add) for a manager that is being made.
    #[must_use]
    pub fn and(self, sister: impl SisterClient + 'static) -> Self {
        self.add(sister);
        self
    }

    /// Adds a name of DNS with a port, all of whose addresses are sisters.
    ///
    /// Each is dialled as `ws://address:port/path`. The name is resolved again every 10 s. If that
    /// fails, the addresses so far stay.
    #[must_use]
    pub fn dns(mut self, host_and_port: impl Into<String>, path: impl Into<String>) -> Self {
        self.names.push(DnsName {
            host_and_port: host_and_port.into(),
            path: path.into(),
            #[cfg(feature = "tls")]
            tls: None,
        });
        self
    }

    /// Adds a name of DNS with a port, all of whose addresses are sisters over TLS.
    ///
    /// It is [`dns`](Self::dns) with `wss`. The certificate of each has to be for the name.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn dns_over_tls(
        mut self,
        host_and_port: impl Into<String>,
        path: impl Into<String>,
        trust: SisterTls,
    ) -> Self {
        let tls = Some(trust);
        self.names.push(DnsName { host_and_port: host_and_port.into(), path: path.into(), tls });
        self
    }

    /// Adds a sister, at any time; one of the same name is replaced.
    pub fn add(&self, sister: impl SisterClient + 'static) {
        self.listed.lock().insert(sister.name().to_owned(), Arc::new(sister));
        self.changed.notify_one();
    }

    /// Takes a sister off the list; returns whether she was on it. A link to her stays.
    pub fn remove(&self, name: &str) -> bool {
        let removed = self.listed.lock().remove(name).is_some();
        self.changed.notify_one();
        removed
    }

    /// Returns the addresses that the names of DNS have; `None` if one cannot be resolved.
    async fn resolve(&self) -> Option<BTreeMap<String, Arc<dyn SisterClient>>> {
        let mut found: BTreeMap<String, Arc<dyn SisterClient>> = BTreeMap::new();
        for name in &self.names {
            let looked_up = timeout(RESOLVE_TIME, lookup_host(&name.host_and_port)).await;
            let Ok(Ok(addresses)) = looked_up else {
                tracing::warn!(
                    name = name.host_and_port,
                    "the name of the sisters cannot be resolved; those found so far stay"
                );
                return None;
            };
            for address in addresses.take(ADDRESSES_MAX) {
                match name.sister(address) {
                    Ok(sister) => {
                        found.insert(sister.url().to_owned(), Arc::new(sister));
                    }
                    Err(error) => say_why(&name.host_and_port, &error),
                }
            }
        }
        Some(found)
    }
}

#[async_trait]
impl SisterManager for Sisters {
    async fn start(&self, dialler: &SisterDialler) {
        let mut balance = Balance::default();
        let mut found = BTreeMap::new();
        let (mut resolve_at, mut query_at) = (Instant::now(), Instant::now() + QUERIED_AGAIN);
        let mut dials = FuturesUnordered::new();
        loop {
            let now = Instant::now();
            if !self.names.is_empty() && resolve_at <= now {
                found = self.resolve().await.unwrap_or(found);
                resolve_at = now + RESOLVED_AGAIN;
            }
            let mut clients = found.clone();
            clients
                .extend(self.listed.lock().iter().map(|(name, sister)| (name.clone(), Arc::clone(sister))));
            balance.set(&clients.keys().cloned().collect::<Vec<_>>(), now);
            if query_at <= now {
                give_up_surplus(dialler);
                dialler.query();
                query_at = now + QUERIED_AGAIN;
            }
            while let Some(name) =
                balance.dial(dialler.node(), &linked(dialler), dialler.max_sisters(), now, chance())
            {
                let Some(client) = clients.get(&name).map(Arc::clone) else { break };
                dials.push(async move {
                    let met = met(&name, dialler.try_dial(&*client).await);
                    (name, met)
                });
            }
            let resolve_at = if self.names.is_empty() { query_at } else { resolve_at };
            let next = balance.deadline(now).unwrap_or(query_at);
            tokio::select! {
                Some((name, met)) = dials.next(), if !dials.is_empty() => {
                    balance.note(&name, met, Instant::now(), chance());
                }
                () = self.changed.notified() => {}
                () = sleep_until(next.min(query_at).min(resolve_at)) => {}
            }
        }
    }

    fn connected(&self, _sister: &Arc<Sister>) {
        self.changed.notify_one();
    }

    fn disconnected(&self, _sister: &Arc<Sister>, _reason: SisterEnd) {
        self.changed.notify_one();
    }
}

impl std::fmt::Debug for Sisters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sisters")
            .field("listed", &self.listed.lock().keys().collect::<Vec<_>>())
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// Returns which node was met by a dial.
fn met(name: &str, dialled: Result<Arc<Sister>, NoSister>) -> Option<NodeId> {
    match dialled {
        Ok(sister) => Some(sister.node()),
        Err(NoSister::Met(node, _why)) => Some(node),
        Err(NoSister::Failed(error)) => {
            say_why(name, &error);
            None
        }
    }
}

fn say_why(name: &str, error: &Error) {
    tracing::info!(
        sister = name,
        error = format_args!("{error:#}"),
        "a sister was dialled in vain; it is dialled again"
    );
}

fn linked(dialler: &SisterDialler) -> Vec<Linked> {
    let of = |sister: Arc<Sister>| Linked {
        node: sister.node(),
        name: sister.name().map(str::to_owned),
        meta: sister.meta(),
    };
    dialler.sisters().into_iter().map(of).collect()
}

fn give_up_surplus(dialler: &SisterDialler) {
    let Some(node) = Balance::surplus(&linked(dialler), dialler.max_sisters()) else { return };
    let sisters = dialler.sisters();
    if let Some(sister) = sisters.iter().find(|sister| sister.node() == node) {
        tracing::info!(%node, "this node and a sister have more links than they look for, so this one is given up");
        sister.close();
    }
}

fn chance() -> u32 {
    let (high, _, _, _) = uuid::Uuid::new_v4().as_fields();
    high
}
