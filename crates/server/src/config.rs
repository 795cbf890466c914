//! The server's configuration.
//!
//! It is read from flags, environment and one file, and checked whole before anything starts.

mod address;
mod duration;
mod environment;
mod etcd;
mod exchange_wish;
mod file;
mod flags;
mod jwks_address;
mod keys_wish;
mod log_filter;
mod logins;
mod near;
mod network;
mod problem;
mod rates;
mod retention;
mod revoke_wish;
mod rights;
mod service_link;
mod setting;
mod sisters;
mod timelines;
mod token_wish;
mod value;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tidings::hub::server::TlsFiles;
use tidings::join::webhook::Secret;
use tidings::presence_redis::keyspace::Notifications;

pub(crate) use self::address::hidden_in_error;
pub(crate) use self::etcd::EtcdConfig;
pub(crate) use self::exchange_wish::{ExportWish, ImportWish, ServerAddress, Target};
pub(crate) use self::flags::{Command, Instead, Invocation};
pub(crate) use self::jwks_address::JwksAddress;
pub(crate) use self::keys_wish::{KeyKind, KeysWish};
pub(crate) use self::logins::Logins;
pub(crate) use self::network::Network;
pub(crate) use self::problem::Problems;
pub(crate) use self::rates::{BURST_SECONDS, RateConfig, Rates};
pub(crate) use self::retention::KeptMessages;
pub(crate) use self::revoke_wish::RevokeWish;
pub(crate) use self::sisters::SisterSettings;
pub(crate) use self::timelines::{TimelineConfig, TimelineStore};
pub(crate) use self::token_wish::TokenWish;
pub(crate) use self::value::{Layout, LogFormat, PresenceStore, RedisUrl, WebAddress};
use self::values::{SettingsReader, Values};

/// Everything that can be set; `docs/server.md` has the same table for the user.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Where the page, the hub and the HTTP calls listen.
    pub(crate) http: SocketAddr,
    /// Where gRPC listens.
    pub(crate) grpc: SocketAddr,
    /// The files of the certificate for TLS on the address of `http`, and of its key.
    pub(crate) tls_cert: Option<PathBuf>,
    /// See `tls_cert`; there are both or none.
    pub(crate) tls_key: Option<PathBuf>,
    /// The directory of the embedded store; created when it is missing.
    pub(crate) data_dir: PathBuf,
    /// Where messages are stored.
    pub(crate) timeline: TimelineConfig,
    /// How long messages are kept.
    pub(crate) kept: KeptMessages,
    /// Within what time a text that was taken away is in no file any more.
    pub(crate) erased_within: Duration,
    /// Which log lines are written, in the words of `tracing`'s filters.
    pub(crate) log: String,
    /// How log lines look.
    pub(crate) log_format: LogFormat,
    /// Whether requests under any host name are served, and addresses other than loopback although
    /// nobody has to log in.
    pub(crate) insecure: bool,
    /// Host names, in lower case and without ports, under which requests are served besides those
    /// of this machine.
    pub(crate) allow_host: Vec<String>,
    /// Web origins besides our own whose pages may call us.
    pub(crate) allow_origin: Vec<String>,
    /// How users and services log in.
    pub(crate) logins: Logins,
    /// Where the page sends users to log in.
    pub(crate) login_url: Option<WebAddress>,
    /// The proxies that are believed about addresses and users.
    pub(crate) trusted_proxies: Vec<Network>,
    /// How much may come in a second.
    pub(crate) limits: RateConfig,
    /// Where the server keeps who is online.
    pub(crate) presence: PresenceStore,
    /// How presence is stored in Redis.
    pub(crate) presence_layout: Layout,
    /// What to do about Redis's notifications, for the layout that needs them.
    pub(crate) presence_notifications: Notifications,
    /// The address of Redis.
    pub(crate) redis_url: Option<RedisUrl>,
    /// The beginning of every key in Redis.
    pub(crate) redis_prefix: String,
    /// How long Redis may take to answer, and to be connected to.
    pub(crate) redis_timeout: Duration,
    /// How long the users of a server that died stay online, besides the grace time.
    pub(crate) presence_ttl: Duration,
    /// How long a user stays online after their last connection is gone.
    pub(crate) presence_grace: Duration,
    /// Events of presence kept for those who come back or are slow.
    pub(crate) presence_events: usize,
    /// How many streams of presence events may be open at once.
    pub(crate) presence_streams: usize,
    /// The address to which every transition of presence is posted.
    pub(crate) webhook_url: Option<WebAddress>,
    /// The key that signs those posts.
    pub(crate) webhook_secret: Option<Secret>,
    /// How long the receiver of those posts may take to answer.
    pub(crate) webhook_timeout: Duration,
    /// The etcd in which the timelines are registered.
    pub(crate) etcd: Option<EtcdConfig>,
    /// How long a clean stop may take.
    pub(crate) shutdown_time: Duration,
    /// Over what time of it connections of the hub are closed, one after another.
    pub(crate) drain_time: Duration,
    /// Messages kept for each hub channel.
    pub(crate) channel_history: usize,
    /// Which other servers pass on what is written to the hub.
    pub(crate) sisters: SisterSettings,
    /// How many WebSocket connections may be open at once.
    pub(crate) connections: usize,
    /// HTTP connections open at once, those of the hub not counted.
    pub(crate) http_connections: usize,
    /// gRPC connections open at once.
    pub(crate) grpc_connections: usize,
    /// Largest message a WebSocket may send, in bytes.
    pub(crate) message_bytes: usize,
    /// Bytes that may wait for one WebSocket; raised to twice `message_bytes`.
    pub(crate) outbox_bytes: usize,
    /// Whether messages of WebSocket connections are compressed.
    pub(crate) compression: bool,
    /// Largest body of an HTTP request, in bytes.
    pub(crate) body_bytes: usize,
    /// How long a request may take: its head, its body, its answer.
    pub(crate) request_time: Duration,
    /// Warnings for the log: what is odd, but no reason not to start.
    pub(crate) warnings: Vec<String>,
}

impl Config {
    /// Reads every source and checks every value; all that is wrong is reported, not only the
    /// first.
    pub(crate) fn load(invocation: &Invocation) -> Result<Self, Problems> {
        let values = Values::gather(invocation, std::env::vars_os())?;
        Self::from_values(&values)
    }

    /// Returns the configuration that counts when nothing is given.
    #[cfg(test)]
    pub(crate) fn defaults() -> Self {
        Self::from_values(&Values::default()).expect("every default is allowed")
    }

    fn from_values(values: &Values) -> Result<Self, Problems> {
        let mut reader = SettingsReader::new(values);
        let logins = Logins::read(&mut reader);
        let message_bytes = reader.count(&setting::MESSAGE_BYTES);
        let limits = RateConfig::read(&mut reader, logins.are_configured(), message_bytes);
        let mut config = Self {
            http: reader.take(&setting::HTTP, value::address),
            grpc: reader.take(&setting::GRPC, value::address),
            tls_cert: reader.take(&setting::TLS_CERT, value::optional(value::path)),
            tls_key: reader.take(&setting::TLS_KEY, value::optional(value::path)),
            data_dir: reader.take(&setting::DATA_DIR, value::path),
            timeline: TimelineConfig::read(&mut reader),
            kept: reader.take(&setting::RETENTION, retention::retention),
            erased_within: reader.duration(&setting::ERASED_WITHIN),
            log: reader.take(&setting::LOG, log_filter::parse),
            log_format: reader.take(&setting::LOG_FORMAT, value::log_format),
            insecure: reader.take(&setting::INSECURE, value::switch),
            allow_host: reader.take(&setting::ALLOW_HOST, value::hosts),
            allow_origin: reader.take(&setting::ALLOW_ORIGIN, value::origins),
            logins,
            login_url: reader.take(&setting::LOGIN_URL, value::optional(value::login_url)),
            trusted_proxies: reader.take(&setting::TRUSTED_PROXIES, network::networks),
            limits,
            presence: reader.take(&setting::PRESENCE, value::store),
            presence_layout: reader.take(&setting::PRESENCE_LAYOUT, value::layout),
            presence_notifications: reader.take(&setting::PRESENCE_NOTIFICATIONS, value::notifications),
            redis_url: reader.take(&setting::REDIS_URL, value::optional(value::redis_url)),
            redis_prefix: reader.take(&setting::REDIS_PREFIX, value::redis_prefix),
            redis_timeout: reader.duration(&setting::REDIS_TIMEOUT),
            presence_ttl: reader.duration(&setting::PRESENCE_TTL),
            presence_grace: reader.duration(&setting::PRESENCE_GRACE),
            presence_events: reader.count(&setting::PRESENCE_EVENTS),
            presence_streams: reader.count(&setting::PRESENCE_STREAMS),
            webhook_url: reader.take(&setting::WEBHOOK_URL, value::optional(value::web_address)),
            webhook_secret: reader.take(&setting::WEBHOOK_SECRET, value::optional(value::secret)),
            webhook_timeout: reader.duration(&setting::WEBHOOK_TIMEOUT),
            etcd: EtcdConfig::read(&mut reader),
            shutdown_time: reader.duration(&setting::SHUTDOWN_TIME),
            drain_time: reader.duration(&setting::DRAIN_TIME),
            channel_history: reader.count(&setting::CHANNEL_HISTORY),
            sisters: SisterSettings::read(&mut reader),
            connections: reader.count(&setting::CONNECTIONS),
            http_connections: reader.count(&setting::HTTP_CONNECTIONS),
            grpc_connections: reader.count(&setting::GRPC_CONNECTIONS),
            message_bytes,
            outbox_bytes: reader.count(&setting::OUTBOX_BYTES),
            compression: reader.take(&setting::COMPRESSION, value::switch),
            body_bytes: reader.count(&setting::BODY_BYTES),
            request_time: reader.duration(&setting::REQUEST_TIME),
            warnings: values.warnings().to_vec(),
        };
        config.check_together(&mut reader);
        let odd = config.odd();
        config.warnings.extend(odd);
        reader.finish(config)
    }

    /// Returns the files of the certificate, if there is TLS.
    pub(crate) fn tls_files(&self) -> Option<TlsFiles> {
        Some(TlsFiles::new(self.tls_cert.as_ref()?, self.tls_key.as_ref()?))
    }

    /// Returns how many inboxes may be watched over HTTP at once.
    ///
    /// Watches stay open, as the streams of presence do. Of the places that those leave, half are
    /// for all else.
    pub(crate) fn http_watches(&self) -> usize {
        watches_of(self.http_connections.saturating_sub(self.presence_streams))
    }

    /// Returns how many inboxes may be watched over gRPC at once.
    pub(crate) fn grpc_watches(&self) -> usize {
        watches_of(self.grpc_connections)
    }

    /// Says how long messages are kept, and in the data directory their bytes.
    pub(crate) fn keeping(&self) -> String {
        if self.timeline.is_shared() {
            return format!("--retention: {}", self.kept);
        }
        format!("--retention: {}; --erased-within {}", self.kept, duration::show(self.erased_within))
    }

    /// Says what is odd, but no reason not to start.
    fn odd(&self) -> Vec<String> {
        let mut odd = Vec::new();
        if self.insecure && self.logins.are_configured() {
            odd.push(
                "--insecure: requests under any host name are answered, also those of a page whose name was \
                 pointed at this server; as users log in, name your hosts with --allow-host instead"
                    .to_owned(),
            );
        }
        if !self.http.ip().is_loopback() && !self.insecure && self.allow_host.is_empty() {
            odd.push(format!(
                "--http: {} is open to the network, and --allow-host names no host; requests under a name get \
                 403, but for those of this machine",
                self.http
            ));
        }
        if self.timeline.is_shared() && self.presence == PresenceStore::Memory {
            odd.push(
                "--presence: with memory the users of this server and those of others that share its timelines do \
                 not see each other online; give --presence redis, unless this is the only server"
                    .to_owned(),
            );
        }
        odd
    }

    /// Checks what no single value can tell.
    fn check_together(&self, reader: &mut SettingsReader<'_>) {
        for (key, address) in [(&setting::HTTP, self.http), (&setting::GRPC, self.grpc)] {
            if !address.ip().is_loopback() && !self.insecure && !Logins::are_meant(reader) {
                reader.problem(
                    key,
                    "would open the server to the network, where nobody would have to log in; give a loopback \
                     address like 127.0.0.1, have users log in by --token-keys, --token-jwks or --user-header, or \
                     add --insecure if that is what you want",
                );
            }
        }
        self.logins.check(reader);
        self.sisters.check(reader);
        self.limits.check(self.message_bytes, reader);
        if reader.is_given(&setting::OUTBOX_BYTES) && self.outbox_bytes < self.message_bytes * 2 {
            reader.problem(
                &setting::OUTBOX_BYTES,
                "has no room for two messages of --message-bytes; give at least twice that, or leave this out",
            );
        }
        // A quarter of the time is kept for the store, and the hub drains for half of the rest.
        if reader.is_given(&setting::DRAIN_TIME) && self.drain_time * 8 > self.shutdown_time * 3 {
            reader.problem(
                &setting::DRAIN_TIME,
                "is more than three eighths of --shutdown-time, which is what there is for it; give less, or raise \
                 that",
            );
        }
        self.timeline.check(reader);
        self.check_presence(reader);
        EtcdConfig::check(self.etcd.as_ref(), [self.http, self.grpc], reader);
        if self.webhook_secret.is_some() && !reader.is_given(&setting::WEBHOOK_URL) {
            reader.problem(
                &setting::WEBHOOK_SECRET,
                "has nothing to sign without --webhook-url; add that, or leave this out",
            );
        }
        for (given, other, missing) in [
            (
                &setting::TLS_CERT,
                &setting::TLS_KEY,
                "needs the key of the certificate; give it with --tls-key",
            ),
            (
                &setting::TLS_KEY,
                &setting::TLS_CERT,
                "needs the certificate of the key; give it with --tls-cert",
            ),
        ] {
            if reader.is_given(given) && !reader.is_given(other) {
                reader.problem(given, missing);
            }
        }
        if self.http == self.grpc && self.http.port() != 0 {
            reader.problem(&setting::GRPC, "is also the address of --http; give the two different ports");
        }
    }

    fn check_presence(&self, reader: &mut SettingsReader<'_>) {
        // It is asked whether something was given, and not for the value: an address that was
        // refused has none either, and is complained about once.
        if self.presence == PresenceStore::Redis && !reader.is_given(&setting::REDIS_URL) {
            reader.problem(
                &setting::PRESENCE,
                "needs the address of a Redis; give it with --redis-url, like redis://127.0.0.1:6379",
            );
        }
        let uses_redis = self.presence == PresenceStore::Redis || self.timeline.needs_redis();
        if !uses_redis && self.redis_url.is_some() {
            reader.problem(
                &setting::REDIS_URL,
                "has no effect without --presence redis or --timeline redis+mongo; add one, or leave this out",
            );
        }
        if self.presence != PresenceStore::Redis && self.presence_layout == Layout::Keyspace {
            reader.problem(
                &setting::PRESENCE_LAYOUT,
                "is a layout of keys in Redis; add --presence redis, or leave this out",
            );
        }
        if self.presence_layout != Layout::Keyspace && self.presence_notifications != Notifications::Check {
            reader.problem(
                &setting::PRESENCE_NOTIFICATIONS,
                "has no effect without --presence-layout keyspace; add that, or leave this out",
            );
        }
    }
}

/// Returns how many of the places of a port may be watches: half, as they stay.
fn watches_of(places: usize) -> usize {
    (places / 2).max(1)
}

#[cfg(test)]
mod tests;
