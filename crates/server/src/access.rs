//! Who a request is from, and whether they may do what it asks.
//!
//! ```text
//! request ─► credentials ─► caller ─► policy ─► limits ─► the route, with `Caller` and
//!            (where they     (who      (may      (too     `ClientAddress` in its extensions
//!             may stand)      it is)    they?)    often?)
//! ```
//!
//! Each port has a door that does this, `door.rs` for HTTP and `grpc/door.rs`; nobody behind it
//! looks at credentials again. Without logins everybody is [`Caller::Anybody`], and passes.

mod caller;
mod credentials;
mod door;
pub(crate) mod policy;
mod proxies;
mod refused;
#[cfg(test)]
pub(crate) mod scene;
mod timeline_callers;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap};
use tidings::hub::PeerAddress;
use tidings::identity::{
    self, Grants, Identity, JwksConfig, JwksSource, JwksState, KeySet, Refusal, Revocations, Ticket, Tickets,
    TicketsConfig, Verifier,
};
use tidings::join::outage_log::OutageLog;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

pub(crate) use self::caller::{Caller, ClientAddress};
use self::credentials::{Credential, Places};
pub(crate) use self::door::door;
use self::proxies::Proxies;
pub(crate) use self::refused::{Refused, RefusedKind};
pub(crate) use self::timeline_callers::TimelineCallers;
use crate::clock;
use crate::config::{Config, Logins};
use crate::health::{self, Condition, Health};
use crate::rates::{RateKind, RateLimits};
use crate::supervisor::Supervisor;

/// How long a user is known whom a proxy has named: the proxy says so with each request.
const NAMED_FOR: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How often what is over is forgotten.
const UPKEEP: Duration = Duration::from_secs(10);

/// How long no token may be in need of keys that cannot be fetched until that is over.
const QUIET: Duration = Duration::from_secs(60);

/// Who may come in: cheap to clone, and one for both ports.
#[derive(Clone)]
pub(crate) struct Access(Arc<Inner>);

struct Inner {
    has_logins: bool,
    /// None if only a proxy says who somebody is.
    verifier: Option<Verifier>,
    jwks: Option<JwksSource>,
    tickets: Tickets,
    places: Places,
    proxies: Proxies,
    /// What the users may do whom a proxy names.
    default_rights: Grants,
    revocations: Revocations,
    rates: RateLimits,
    /// Keys that a token needs cannot be fetched.
    keys_away: OutageLog,
}

impl Access {
    /// Reads the keys, or fetches them for the first time.
    ///
    /// An issuer that does not answer may come later; until then no token of it is good.
    pub(crate) async fn new(config: &Config, revocations: Revocations) -> anyhow::Result<Self> {
        let jwks = match &config.logins.jwks {
            Some(address) => {
                // Whoever runs an issuer starts it again by itself; this server is ready then.
                let source = JwksConfig::new(address.expose()).may_come_later();
                let source = JwksSource::start(source).await;
                Some(source.context("--token-jwks")?)
            }
            None => None,
        };
        Self::with_keys_of(jwks, config, revocations)
    }

    fn with_keys_of(
        jwks: Option<JwksSource>,
        config: &Config,
        revocations: Revocations,
    ) -> anyhow::Result<Self> {
        let logins = &config.logins;
        Ok(Self(Arc::new(Inner {
            has_logins: logins.are_configured(),
            verifier: verifier(logins, jwks.as_ref(), &revocations)?,
            jwks,
            tickets: Tickets::new(TicketsConfig::default())?,
            places: Places::new(config),
            proxies: Proxies::new(&config.trusted_proxies),
            default_rights: logins.default_rights.clone(),
            revocations,
            rates: RateLimits::new(&config.limits),
            keys_away: OutageLog::new("tokens cannot be verified, as their keys cannot be fetched"),
        })))
    }

    /// Has health say whether there are keys, if they are fetched.
    pub(crate) fn follow_health(&self, health: &Health, supervisor: &Supervisor) {
        let Some(jwks) = &self.0.jwks else { return };
        let stop = supervisor.stop().clone();
        let keys = health.clone().follow(health::KEYS, jwks.state(), of_keys, stop);
        supervisor.need("the state of the key set", keys);
    }

    /// Whether anybody has to log in.
    pub(crate) fn has_logins(&self) -> bool {
        self.0.has_logins
    }

    /// Which tokens no longer count.
    pub(crate) fn revocations(&self) -> &Revocations {
        &self.0.revocations
    }

    /// How much may come in a second.
    pub(crate) fn rates(&self) -> &RateLimits {
        &self.0.rates
    }

    /// Finds out who a request is from. A ticket that it shows is used up.
    pub(crate) async fn caller(&self, head: &Parts, peer: IpAddr) -> Result<Caller, Refused> {
        if !self.0.has_logins {
            return Ok(Caller::Anybody);
        }
        let is_trusted = self.0.proxies.trust(peer.to_canonical());
        let identity = match self.0.places.find(head, is_trusted)? {
            None => return Ok(Caller::Anonymous),
            Some(Credential::Token(token)) => self.verify(&token).await?,
            Some(Credential::Ticket(ticket)) => self.redeem(&ticket)?.0,
            Some(Credential::User(user)) => self.named(user)?,
        };
        Ok(identity.into())
    }

    /// Verifies a token; it waits for its key if that is not known yet.
    pub(crate) async fn verify(&self, token: &str) -> Result<Identity, Refused> {
        let Some(verifier) = &self.0.verifier else {
            let text = "this server takes no tokens; the proxy in front of it says who somebody is";
            return Err(Refused::unauthenticated(text));
        };
        verifier.verify_or_fetch(token, clock::now()).await.map_err(|refusal| self.refused(refusal))
    }

    /// Returns the address of the client, which is not that of a proxy that is trusted.
    pub(crate) fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        self.0.proxies.client(headers, peer)
    }

    /// Makes a ticket that stands for an identity once; `token` is given to who changes it back.
    pub(crate) fn issue_ticket(&self, identity: Identity, token: Option<&str>) -> Result<Ticket, Refused> {
        let issued = self.0.tickets.issue_with(identity, token, clock::now());
        issued.map_err(|error| match error.kind() {
            identity::ErrorKind::Full => Refused::too_many(error.to_string(), TicketsConfig::TTL_DEFAULT),
            _ => Refused::unavailable(error.to_string(), Duration::from_secs(1)),
        })
    }

    /// Takes a ticket; returns whose it is, and the token that it was made with.
    pub(crate) fn redeem(&self, ticket: &str) -> Result<(Identity, Option<String>), Refused> {
        let redeemed = self.0.tickets.redeem_with(ticket, clock::now());
        let (identity, token) = redeemed.ok_or_else(|| {
            Refused::unauthenticated("the ticket is unknown, used or too old; get another by POST /ticket")
        })?;
        Ok((self.unless_revoked(identity)?, token))
    }

    /// Counts a request; an error says when to come again.
    pub(crate) fn count(&self, kind: RateKind, caller: &Caller, address: IpAddr) -> Result<(), Refused> {
        let taken = self.0.rates.take(kind, caller, address, 1);
        taken.map_err(|wait| Refused::too_many(kind.refusal(wait), wait))
    }

    /// Counts what a batch has besides the one send that the door counted.
    pub(crate) fn count_batch(&self, more: u32, caller: &Caller, address: IpAddr) -> Result<(), Refused> {
        let kind = RateKind::Sends;
        let taken = self.0.rates.take_rest(kind, caller, address, more);
        taken.map_err(|wait| Refused::too_many(kind.refusal(wait), wait))
    }

    /// Counts credentials that were refused as one who connects from there, so that nobody can try
    /// many.
    pub(crate) fn count_refused(&self, refused: Refused, address: IpAddr) -> Refused {
        if refused.kind != RefusedKind::Unauthenticated {
            return refused;
        }
        self.count(RateKind::Connects, &Caller::Anonymous, address).err().unwrap_or(refused)
    }

    /// Forgets what is over, until `stop`.
    pub(crate) async fn keep_up(self, stop: CancellationToken) {
        let mut ticks = interval(UPKEEP);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let now = clock::now();
            if let Some(verifier) = &self.0.verifier {
                verifier.forget(now);
            }
            self.0.tickets.remove_expired(now);
            self.0.revocations.remove_expired(now);
            self.0.keys_away.over_if_quiet_for(QUIET);
        }
    }

    /// A user whom a proxy has named, who is known as of now.
    fn named(&self, user: &str) -> Result<Identity, Refused> {
        let now = clock::now();
        let wrong = |error: identity::Error| {
            Refused::unauthenticated(format!("the header with the user cannot be taken: {error}"))
        };
        let rights = self.0.default_rights.rights_of(user).map_err(wrong)?;
        let identity = Identity::new(user, now + NAMED_FOR).map_err(wrong)?;
        self.unless_revoked(identity.with_rights(rights).with_issued_at(now))
    }

    fn unless_revoked(&self, identity: Identity) -> Result<Identity, Refused> {
        if self.0.revocations.is_revoked(&identity, clock::now()) {
            return Err(Refused::unauthenticated(Refusal::Revoked.client_text()));
        }
        Ok(identity)
    }

    /// What a client hears of a token that is refused: more, if it is for us that it is.
    fn refused(&self, refusal: Refusal) -> Refused {
        metrics::counter!("tidings_refused_tokens_total", "reason" => refusal.name()).increment(1);
        // Its key may be there, only nobody can look.
        let state = self.0.jwks.as_ref().map(JwksSource::state);
        let reason = state.and_then(|state| state.borrow().reason().map(str::to_owned));
        if let (Refusal::UnknownKey, Some(reason)) = (refusal, reason) {
            self.0.keys_away.note(&reason);
            let text =
                "the keys that tokens are verified with cannot be fetched at the moment; try again later";
            return Refused::unavailable(text, JwksConfig::REFETCH_AFTER_DEFAULT);
        }
        tracing::debug!(%refusal, "a token was refused");
        Refused::unauthenticated(refusal.client_text())
    }
}

/// Returns the token that a request shows in the header for it, whether it is good or not.
///
/// That of a cookie is not among those: no script of a page may read a cookie with `HttpOnly`, so
/// nothing gives its token back to one.
pub(crate) fn shown_token(head: &Parts) -> Option<&str> {
    credentials::bearer(&head.headers).ok().flatten()
}

/// Returns the address of the peer of a request. One that is gone already has none.
pub(crate) fn peer(extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<PeerAddress>().map(|peer| peer.address().ip());
    peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Keys of an earlier time are good for most tokens. If they counted as down, all servers would be
/// without users for as long as their issuer is away.
fn of_keys(state: &JwksState) -> Condition {
    if let JwksState::Absent { reason, .. } = state {
        return Condition::Down(Arc::clone(reason));
    }
    Condition::Well
}

/// Makes what verifies tokens, if there are keys for any.
fn verifier(
    logins: &Logins,
    jwks: Option<&JwksSource>,
    revocations: &Revocations,
) -> anyhow::Result<Option<Verifier>> {
    if logins.keys.is_empty() && jwks.is_none() {
        return Ok(None);
    }
    let mut keys = KeySet::default();
    for file in &logins.keys {
        let key = KeySet::from_file(file, None);
        keys = key.and_then(|key| keys.and(&key)).context("--token-keys")?;
    }
    let mut config = identity::Config::new(keys)
        .revocations(revocations.clone())
        .user_claim(&logins.user_claim)
        .rights_claim(&logins.rights_claim)
        .grants(logins.default_rights.clone());
    if let Some(jwks) = jwks {
        config = config.jwks(jwks.clone());
    }
    if let Some(audience) = &logins.audience {
        config = config.audience(audience);
    }
    if let Some(issuer) = &logins.issuer {
        config = config.issuer(issuer);
    }
    Ok(Some(Verifier::new(config)?))
}

#[cfg(test)]
mod tests;
