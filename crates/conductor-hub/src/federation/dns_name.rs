//! A name of DNS whose addresses are sisters.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::sister_client::SisterClient;
use super::sister_server::SisterServer;
#[cfg(feature = "tls")]
use super::sister_tls::SisterTls;
use crate::Error;

/// How long it may take to resolve a name.
const RESOLVE_TIME: Duration = Duration::from_secs(5);

/// What becomes of the sisters, and what to look at.
const STAY: &str =
    "those found so far stay; check its spelling, and the servers of DNS that this machine asks";

/// Addresses that a name of DNS may have; more are left out.
const ADDRESSES_MAX: usize = 256;

/// A name of DNS whose addresses are all sisters.
pub(crate) struct DnsName {
    pub(crate) host_and_port: String,
    pub(crate) path: String,
    /// Whom this node trusts, if they are dialled over TLS.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<SisterTls>,
}

/// What came of resolving a name.
#[derive(Debug)]
pub(crate) enum LookedUp {
    Addresses(Vec<SocketAddr>),
    Failed(std::io::Error),
    NoAnswer,
}

/// The sisters that a name had when it was resolved last.
#[derive(Debug, Default)]
pub(crate) struct NamedSisters {
    found: BTreeMap<String, Arc<SisterServer>>,
    /// What was said of it last, so that it is said once.
    said: Option<String>,
}

impl DnsName {
    /// Asks which addresses it has.
    pub(crate) async fn look_up(&self) -> LookedUp {
        match timeout(RESOLVE_TIME, lookup_host(&self.host_and_port)).await {
            Ok(Ok(addresses)) => LookedUp::Addresses(addresses.collect()),
            Ok(Err(fault)) => LookedUp::Failed(fault),
            Err(_elapsed) => LookedUp::NoAnswer,
        }
    }

    /// Returns the sister at one of the addresses.
    fn sister(&self, address: SocketAddr, headers: &HeaderMap) -> Result<SisterServer, Error> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let host = self.host_and_port.rsplit_once(':').map_or(&*self.host_and_port, |(host, _)| host);
            let sister = SisterServer::new(format!("wss://{address}{}", self.path), headers.clone())?;
            return Ok(sister.certificate_name(host)?.tls(tls.clone()));
        }
        SisterServer::new(format!("ws://{address}{}", self.path), headers.clone())
    }
}

impl NamedSisters {
    /// Notes which addresses its name has now, and says what is wrong with them.
    ///
    /// If it could not be resolved, those so far stay.
    pub(crate) fn note(&mut self, name: &DnsName, headers: &HeaderMap, looked_up: LookedUp) {
        let addresses = match looked_up {
            LookedUp::Addresses(mut addresses) => {
                // A server of DNS gives them in another order each time. Of too many the same ones
                // stay, and what is wrong is said once.
                addresses.sort_unstable();
                addresses
            }
            LookedUp::Failed(fault) => {
                return self.say(name, Some(format!("cannot be resolved ({fault}); {STAY}")));
            }
            LookedUp::NoAnswer => {
                return self.say(name, Some(format!("was not resolved within {RESOLVE_TIME:?}; {STAY}")));
            }
        };
        let count = addresses.len();
        let mut wrong = (count > ADDRESSES_MAX).then(|| {
            format!("has {count} addresses, of which {ADDRESSES_MAX} are dialled; give one that has less")
        });
        self.found.clear();
        for address in addresses.into_iter().take(ADDRESSES_MAX) {
            match name.sister(address, headers) {
                Ok(sister) => {
                    self.found.insert(sister.url().to_owned(), Arc::new(sister));
                }
                Err(error) => {
                    wrong = Some(format!("has the address {address}, which cannot be dialled: {error:#}"));
                }
            }
        }
        self.say(name, wrong);
    }

    /// Returns those that it had when it was resolved last, by their names.
    pub(crate) fn found(&self) -> impl Iterator<Item = (String, Arc<dyn SisterClient>)> {
        self.found.iter().map(|(name, sister)| {
            let sister: Arc<dyn SisterClient> = sister.clone();
            (name.clone(), sister)
        })
    }

    /// Says what is wrong, or that nothing is any more, unless it was said last.
    fn say(&mut self, name: &DnsName, wrong: Option<String>) {
        if wrong == self.said {
            return;
        }
        let name = &*name.host_and_port;
        match &wrong {
            Some(wrong) => tracing::warn!(name, "the name of the sisters {wrong}"),
            None => tracing::info!(name, "the name of the sisters is resolved again"),
        }
        self.said = wrong;
    }
}

impl fmt::Debug for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DnsName")
            .field("host_and_port", &self.host_and_port)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> DnsName {
        DnsName {
            host_and_port: "hubs.internal:8000".to_owned(),
            path: "/ws".to_owned(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    fn addresses(count: u16) -> LookedUp {
        let address =
            |number: u16| SocketAddr::from(([10, 0, number.to_be_bytes()[0], number.to_be_bytes()[1]], 80));
        LookedUp::Addresses((0..count).map(address).collect())
    }

    #[test]
    fn what_is_wrong_with_a_name_is_known_until_it_is_right() {
        let (name, headers, mut named) = (name(), HeaderMap::new(), NamedSisters::default());
        named.note(&name, &headers, addresses(2));
        assert_eq!((named.found().count(), &named.said), (2, &None));
        named.note(&name, &headers, LookedUp::NoAnswer);
        assert!(named.said.as_deref().is_some_and(|said| said.starts_with("was not resolved within 5s; ")));
        let refused = || LookedUp::Failed(std::io::Error::other("nobody knows it"));
        named.note(&name, &headers, refused());
        let why = "cannot be resolved (nobody knows it); those found so far stay; ";
        assert!(named.said.as_deref().is_some_and(|said| said.starts_with(why)));
        assert_eq!(named.found().count(), 2, "those so far stay");
        named.note(&name, &headers, addresses(300));
        let many = "has 300 addresses, of which 256 are dialled; give one that has less";
        assert_eq!((named.found().count(), named.said.as_deref()), (256, Some(many)));
        named.note(&name, &headers, addresses(1));
        assert_eq!((named.found().count(), &named.said), (1, &None));
    }

    #[test]
    fn of_too_many_addresses_the_same_stay_in_whatever_order_they_come() {
        let (name, headers, mut named) = (name(), HeaderMap::new(), NamedSisters::default());
        named.note(&name, &headers, addresses(300));
        let before: Vec<_> = named.found().map(|(name, _)| name).collect();
        let LookedUp::Addresses(mut turned) = addresses(300) else { panic!("it has addresses") };
        turned.reverse();
        named.note(&name, &headers, LookedUp::Addresses(turned));
        assert_eq!(named.found().map(|(name, _)| name).collect::<Vec<_>>(), before);
    }
}
