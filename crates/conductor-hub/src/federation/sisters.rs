//! The manager that comes with this crate: a list of addresses, and names of DNS.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::HeaderMap;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::balance::{Balance, DialReason};
use super::dialler::SisterDialler;
use super::dns_name::{DnsName, NamedSisters};
use super::no_sister::NoSister;
use super::node_id::NodeId;
use super::sister::{Sister, SisterEnd};
use super::sister_client::SisterClient;
use super::sister_manager::SisterManager;
#[cfg(feature = "tls")]
use super::sister_tls::SisterTls;
use super::thinning::{Thinning, ThinningStep};
use crate::Error;

/// How often a name of DNS is resolved again. It takes at most half of that.
const RESOLVED_AGAIN: Duration = Duration::from_secs(10);

/// How often another part is looked for, at most.
const PARTED_AGAIN: Duration = Duration::from_secs(10);

/// Links to the nodes of a list, or of a name of DNS, until there are enough.
///
/// Which of them are dialled is chance. An address that does not answer is dialled again after a
/// random time, up to 20 s. The address of this node itself may be among them. When a link ends,
/// another is dialled; when this node and a sister both have more than they look for, the one that
/// dialled gives the link up.
///
/// # Parts
///
/// When the network was cut, each part may have enough sisters among its own nodes. So each node
/// also dials, once in 5 to 10 s, one address more whose node it does not hear, by whatever way, or
/// of which it does not know which node is there. A node that it hears already is only asked who it
/// is, and there is no link. A link that joins two parts stays for five minutes at least, and for
/// as long as it is the only one between them.
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
    /// With which the sisters of names are dialled.
    dns_headers: HeaderMap,
    /// The list has changed, or a link.
    changed: Notify,
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
    /// Each is dialled as `ws://address:port/path`, 256 of them at most. The name is resolved again
    /// every 10 s. If that fails, the addresses so far stay.
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

    /// Sets the headers with which the sisters of all names of DNS are dialled.
    ///
    /// None by default. A sister of the list has her own, by
    /// [`SisterServer::new`](super::SisterServer::new).
    #[must_use]
    pub fn dns_headers(self, headers: HeaderMap) -> Self {
        Self { dns_headers: headers, ..self }
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
}

#[async_trait]
impl SisterManager for Sisters {
    async fn start(&self, dialler: &SisterDialler) {
        let begun = Instant::now();
        let (mut balance, mut thinning) = (Balance::default(), Thinning::new(begun));
        let mut named: Vec<_> = self.names.iter().map(|_| NamedSisters::default()).collect();
        let (mut resolve_at, mut parted_at) = (begun, parted_again(begun));
        let (mut dials, mut lookups) = (FuturesUnordered::new(), FuturesUnordered::new());
        loop {
            let now = Instant::now();
            if resolve_at <= now {
                for (at, name) in self.names.iter().enumerate() {
                    lookups.push(async move { (at, name.look_up().await) });
                }
                resolve_at = now + RESOLVED_AGAIN;
            }
            let mut clients: BTreeMap<_, _> = named.iter().flat_map(NamedSisters::found).collect();
            clients
                .extend(self.listed.lock().iter().map(|(name, sister)| (name.clone(), Arc::clone(sister))));
            balance.set(&clients.keys().cloned().collect::<Vec<_>>(), now);
            let (me, most) = (dialler.node(), dialler.max_sisters());
            let surplus = |asked| balance.surplus(&dialler.linked_since(asked, now), most, now);
            match thinning.step(now, chance(), surplus) {
                Some(ThinningStep::Ask) => dialler.query(),
                Some(ThinningStep::GiveUp(node)) => give_up(dialler, node),
                None => {}
            }
            while let Some(name) = balance.dial(me, &dialler.linked(), most, now, chance()) {
                let Some(client) = clients.get(&name).map(Arc::clone) else { break };
                dials.push(dial(dialler, client, name, DialReason::Missing));
            }
            if parted_at <= now {
                parted_at = parted_again(now);
                let (linked, hears) = (dialler.linked(), |node| dialler.hears(node));
                let name = balance.dial_parted(me, &linked, hears, most, now, chance());
                let parted = name.and_then(|name| Some((clients.get(&name).map(Arc::clone)?, name)));
                if let Some((client, name)) = parted {
                    dials.push(dial(dialler, client, name, DialReason::Parted));
                }
            }
            let next = thinning.deadline().min(parted_at).min(resolve_at);
            let next = balance.deadline(now).map_or(next, |deadline| deadline.min(next));
            tokio::select! {
                Some((name, met)) = dials.next(), if !dials.is_empty() => {
                    balance.note(&name, met, Instant::now(), chance());
                }
                Some((at, looked_up)) = lookups.next(), if !lookups.is_empty() => {
                    named[at].note(&self.names[at], &self.dns_headers, looked_up);
                }
                () = self.changed.notified() => {}
                () = sleep_until(next) => {}
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

/// Dials a sister; returns by which name, and which node was met.
async fn dial(
    dialler: &SisterDialler,
    client: Arc<dyn SisterClient>,
    name: String,
    reason: DialReason,
) -> (String, Option<NodeId>) {
    let met = match dialler.try_dial(&*client, reason).await {
        Ok(sister) => {
            if reason == DialReason::Parted {
                tracing::info!(sister = name, "a node of which nothing came is linked, beyond max_sisters");
            }
            Some(sister.node())
        }
        Err(NoSister::Met(node, why)) => {
            // All else is as it should be, and ends by itself.
            if why.is_by_hook() {
                say_why(&name, reason, &why.into());
            }
            Some(node)
        }
        Err(NoSister::Looked) => None,
        Err(NoSister::Failed(error)) => {
            say_why(&name, reason, &error);
            None
        }
    };
    (name, met)
}

fn say_why(name: &str, reason: DialReason, error: &Error) {
    match reason {
        DialReason::Missing => tracing::info!(
            sister = name,
            error = format_args!("{error:#}"),
            "a sister was dialled in vain; she is dialled again"
        ),
        // There are enough others, and this comes again for as long as she is away.
        DialReason::Parted => tracing::debug!(
            sister = name,
            error = format_args!("{error:#}"),
            "another part was looked for in vain; it is looked for again"
        ),
    }
}

fn give_up(dialler: &SisterDialler, node: NodeId) {
    if let Some(sister) = dialler.sisters().iter().find(|sister| sister.node() == node) {
        tracing::info!(
            %node,
            "this node and a sister have more links than they look for, so this one is given up"
        );
        sister.close();
    }
}

/// Returns when another part is looked for again: not by all nodes at once.
fn parted_again(now: Instant) -> Instant {
    now + PARTED_AGAIN.mul_f64(0.5 + 0.5 * f64::from(chance()) / f64::from(u32::MAX))
}

fn chance() -> u32 {
    let (high, _, _, _) = uuid::Uuid::new_v4().as_fields();
    high
}
