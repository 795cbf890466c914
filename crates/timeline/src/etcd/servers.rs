//! Which etcd, and how one logs in there.

use std::fmt;
use std::time::Duration;

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::{Error, ErrorKind, Result};

/// How long one member may take for one answer, a connection and a login included.
///
/// It is less than the time between two renewals, which is less than a lease: a member that hangs
/// costs its own time, and neither the renewal nor the lease.
pub(super) const ATTEMPT: Duration = Duration::from_millis(1_500);

/// After how long of silence a watched member is asked whether it is there.
///
/// Below 5 s etcd would take it for an attack.
const PING_AFTER: Duration = Duration::from_secs(8);
/// How long it may take to answer that.
const PING_ANSWER: Duration = Duration::from_secs(3);

/// The members of an etcd, and how one logs in there.
///
/// ```
/// use timeline::etcd::Servers;
///
/// let servers = Servers::new(["https://10.0.0.1:2379", "https://10.0.0.2:2379"])
///     .login("timeline", "secret")
///     .ca("-----BEGIN CERTIFICATE-----…");
/// // Neither the password nor a key is ever shown.
/// assert!(!format!("{servers:?}").contains("secret"));
/// ```
#[derive(Clone, Default)]
pub struct Servers {
    members: Vec<String>,
    login: Option<(String, String)>,
    ca: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Servers {
    /// Creates the etcd with these members, each like `http://10.0.0.1:2379`.
    ///
    /// One is enough; with several, those that are down or hang are passed over. An address that
    /// begins with `https` needs [`ca`](Self::ca).
    #[must_use]
    pub fn new<I>(members: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self { members: members.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Sets the user and the password, for an etcd with authentication.
    #[must_use]
    pub fn login(self, user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { login: Some((user.into(), password.into())), ..self }
    }

    /// Sets the certificates that the members' own are signed with, as PEM.
    #[must_use]
    pub fn ca(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { ca: Some(pem.into()), ..self }
    }

    /// Sets our certificate and its key as PEM.
    ///
    /// They are for an etcd that asks its clients for one; none by default.
    #[must_use]
    pub fn identity(self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self { identity: Some((certificate.into(), key.into())), ..self }
    }

    /// Returns the user and the password.
    pub(super) fn into_login(self) -> Option<(String, String)> {
        self.login
    }

    /// Returns where to connect to, or what is wrong with the configuration.
    pub(super) fn endpoints(&self) -> Result<Vec<Endpoint>> {
        if self.members.is_empty() {
            return Err(wrong("the etcd has no members; give the address of at least one"));
        }
        self.members.iter().map(|member| self.endpoint(member)).collect()
    }

    fn endpoint(&self, member: &str) -> Result<Endpoint> {
        let endpoint = Endpoint::from_shared(member.to_owned()).map_err(|_| no_address(member))?;
        let (plain, secure) = (member.starts_with("http://"), member.starts_with("https://"));
        let is_path_empty = matches!(endpoint.uri().path(), "" | "/");
        if member.contains('@') || !is_path_empty || !(plain || secure) {
            return Err(no_address(member));
        }
        let endpoint = endpoint
            .connect_timeout(ATTEMPT)
            .http2_keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_ANSWER);
        if plain {
            return Ok(endpoint);
        }
        let Some(ca) = &self.ca else {
            let text = format!(
                "the etcd at {member} is asked over TLS, for which the certificate of its CA is needed"
            );
            return Err(wrong(text));
        };
        check_certificate("certificate of the CA of etcd", ca)?;
        let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
        if let Some((certificate, key)) = &self.identity {
            check_certificate("certificate for etcd", certificate)?;
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        endpoint.tls_config(tls).map_err(|error| {
            Error::with_source(ErrorKind::Config, "the certificates for etcd cannot be used", error)
        })
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is not checked yet may have a password in it.
        let members: Vec<_> = self.members.iter().map(|member| without_login(member)).collect();
        f.debug_struct("Servers")
            .field("members", &members)
            .field("user", &self.login.as_ref().map(|(user, _)| user))
            .finish_non_exhaustive()
    }
}

/// Returns an address from its host on: a password may stand before that.
pub(super) fn without_login(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, host)| host)
}

fn no_address(member: &str) -> Error {
    let shown = without_login(member);
    wrong(format!("{shown:?} is not the address of a member of an etcd; give one like http://10.0.0.1:2379"))
}

/// Refuses what has no certificate in it. Nothing else would: no connection could be made with it,
/// and each would say that its peer is not trusted.
fn check_certificate(what: &str, pem: &[u8]) -> Result<()> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    if pem.windows(BEGIN.len()).any(|part| part == BEGIN) {
        return Ok(());
    }
    Err(wrong(format!("the {what} is not one in PEM; give a text that has -----BEGIN CERTIFICATE-----")))
}

fn wrong(text: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Config, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_of_a_member_is_refused() {
        for member in
            ["", "10.0.0.1:2379", "ftp://host", "http://u:hidden@host:2379", "http://host/v3", "https://host"]
        {
            let error = Servers::new([member]).endpoints().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{member}");
            assert!(!error.to_string().contains("hidden"));
            assert!(!format!("{:?}", Servers::new([member])).contains("hidden"));
        }
        assert!(Servers::new(Vec::<String>::new()).endpoints().is_err());
        assert_eq!(Servers::new(["http://a:1", "http://b:1/"]).endpoints().unwrap().len(), 2);
    }

    #[test]
    fn what_has_no_certificate_in_it_is_refused() {
        for pem in
            ["", "no PEM", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"]
        {
            let error = Servers::new(["https://host:2379"]).ca(pem).endpoints().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{pem}");
            assert!(error.to_string().starts_with("the certificate of the CA of etcd is not one"), "{error}");
        }
    }
}
