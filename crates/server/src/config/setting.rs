//! The one table of settings: flag, variable, default, and what each is for.
//!
//! What a crate owns it says once: the default and the bounds of such a row are taken from there.
//! Bounds of our own are narrower than those of the crates, as a test checks.

use std::ops::RangeInclusive;
use std::time::Duration;

use tidings::hub::{self, HistoryConfig};
use tidings::join::webhook;
use tidings::presence::memory;
use tidings::presence_redis::{LinkConfig, keyspace, leases};
use tidings::timeline::{distributed, embedded, http};

use self::Allowed::{Count, Text, Time};
use super::{address, duration};

/// One thing that can be set.
#[derive(Debug)]
pub(super) struct Setting {
    /// Its name: `--name` as a flag, `name = …` in the file.
    pub(super) name: &'static str,
    /// Its environment variable.
    pub(super) variable: &'static str,
    /// What stands for the value in the help.
    pub(super) placeholder: &'static str,
    /// What it is when nothing is given, and what it may be.
    pub(super) allowed: Allowed,
    /// What it does, with its unit and the reason to change it.
    pub(super) about: &'static str,
}

/// The value that counts when none is given, and the bounds of others.
#[derive(Debug)]
pub(super) enum Allowed {
    /// A text, whose reader knows what it may be; an empty one stands for none.
    Text(&'static str),
    Count(usize, RangeInclusive<usize>),
    Time(Duration, RangeInclusive<Duration>),
}

impl Allowed {
    /// Returns the default as somebody would write it.
    pub(super) fn default(&self) -> String {
        match self {
            Text(default) => (*default).to_owned(),
            Count(default, _) => default.to_string(),
            Time(default, _) => duration::show(*default),
        }
    }

    /// Returns the least and the largest value as somebody would write them; `None` of a text.
    pub(super) fn bounds(&self) -> Option<String> {
        match self {
            Text(_) => None,
            Count(_, bounds) => Some(format!("{} to {}", bounds.start(), bounds.end())),
            Time(_, bounds) => {
                Some(format!("{} to {}", duration::show(*bounds.start()), duration::show(*bounds.end())))
            }
        }
    }
}

/// The longest time of those that nothing else bounds.
const TIME_MAX: Duration = Duration::from_secs(10 * 60);

/// The name and the variable of the configuration file itself, which cannot name another.
pub(super) const CONFIG: &str = "config";
/// See [`CONFIG`].
pub(super) const CONFIG_VARIABLE: &str = "TIDINGS_CONFIG";

macro_rules! keys {
    ($(
        $ident:ident = $name:literal $variable:literal $placeholder:literal
            $kind:ident($($allowed:expr),+) $about:literal;
    )*) => {
        $(pub(super) const $ident: Setting = Setting {
            name: $name,
            variable: $variable,
            placeholder: $placeholder,
            allowed: $kind($($allowed),+),
            about: $about,
        };)*
        /// Every key, in the order of the help.
        pub(super) const ALL: &[&Setting] = &[$(&$ident),*];
    };
}

keys! {
    HTTP = "http" "TIDINGS_HTTP" "ADDRESS" Text("127.0.0.1:8000")
        "Where the page, the hub and the HTTP calls listen; port 0 takes a free one";
    GRPC = "grpc" "TIDINGS_GRPC" "ADDRESS" Text("127.0.0.1:9000")
        "Where gRPC listens; port 0 takes a free one";
    TLS_CERT = "tls-cert" "TIDINGS_TLS_CERT" "FILE" Text("")
        "A PEM file with the certificate for TLS on the address of http, and behind it those that lead to its \
         authority; it is read again when it changes. Without it, a proxy ends TLS";
    TLS_KEY = "tls-key" "TIDINGS_TLS_KEY" "FILE" Text("")
        "A PEM file with the key of tls-cert";
    DATA_DIR = "data-dir" "TIDINGS_DATA_DIR" "DIRECTORY" Text("./tidings-data")
        "Where the messages are stored; created when missing, used by one server at a time";
    TIMELINE = "timeline" "TIDINGS_TIMELINE" "STORE" Text("embedded")
        "Where messages are stored: embedded, in the data directory of one server; mongo, in MongoDB for any \
         number of servers; redis+mongo, the same with sequences from Redis, which is faster";
    MONGO_URL = "mongo-url" "TIDINGS_MONGO_URL" "URL" Text("")
        "The address of MongoDB, a replica set, like mongodb://user:password@host:27017/?replicaSet=rs0";
    TIMELINE_DATABASE = "timeline-database" "TIDINGS_TIMELINE_DATABASE" "NAME" Text("")
        "The database of the messages in MongoDB; without it the one that mongo-url names, else im";
    TIMELINE_INBOXES = "timeline-inboxes" "TIDINGS_TIMELINE_INBOXES" "NAME"
        Text(distributed::Config::INBOXES_DEFAULT)
        "The collection of the inboxes in MongoDB";
    TIMELINE_HISTORIES = "timeline-histories" "TIDINGS_TIMELINE_HISTORIES" "NAME"
        Text(distributed::Config::HISTORIES_DEFAULT)
        "The collection of the histories in MongoDB";
    TIMELINE_GO_COUNTERS = "timeline-go-counters" "TIDINGS_TIMELINE_GO_COUNTERS" "BOOLEAN" Text("false")
        "Go on with the counters that the Go service left in this Redis; it must not run any more";
    TIMELINE_SECONDARIES = "timeline-secondaries" "TIDINGS_TIMELINE_SECONDARIES" "BOOLEAN" Text("false")
        "Read histories from secondaries of MongoDB where there are any; they may be a little behind";
    TIMELINE_HOLE_TIME = "timeline-hole-time" "TIDINGS_TIMELINE_HOLE_TIME" "DURATION"
        Time(distributed::Config::GRACE_DEFAULT, distributed::Config::GRACE_BOUNDS)
        "How long readers wait for a message whose place was given out, when the server that was writing it died";
    RETENTION = "retention" "TIDINGS_RETENTION" "RETENTION" Text("")
        "How long messages are kept: an age, a number or both, for inboxes, for the histories of pairs and of \
         groups, and of groups whose names begin with something, like inboxes=30d, pairs=365d/100000, \
         groups=10000, groups:news:*=7d/500; what is not named is kept";
    ERASED_WITHIN = "erased-within" "TIDINGS_ERASED_WITHIN" "DURATION"
        Time(embedded::Config::ERASED_WITHIN_DEFAULT, embedded::Config::ERASED_WITHIN_BOUNDS)
        "Within what time a message that was taken back, deleted or kept for long enough is in no file of the \
         store any more; nobody can read it from the first moment on, and a shorter time means more writing";
    LOG = "log" "TIDINGS_LOG" "FILTER" Text("info")
        "Which log lines are written: error, warn, info, debug, trace or off, also by module, like info,conductor_hub=debug";
    LOG_FORMAT = "log-format" "TIDINGS_LOG_FORMAT" "FORMAT" Text("text")
        "How log lines look: text for people, json for machines";
    INSECURE = "insecure" "TIDINGS_INSECURE" "BOOLEAN" Text("false")
        "Listen on addresses other than loopback although nobody has to log in, and answer under any host name";
    ALLOW_HOST = "allow-host" "TIDINGS_ALLOW_HOST" "HOSTS" Text("")
        "Host names under which the server answers, besides those of this machine and the addresses that it \
         listens on, separated by commas, like chat.example.org; a port is not looked at";
    ALLOW_ORIGIN = "allow-origin" "TIDINGS_ALLOW_ORIGIN" "ORIGINS" Text("")
        "Web origins, besides this server's own, whose pages may call it, separated by commas, like \
         https://chat.example.org";
    TOKEN_KEYS = "token-keys" "TIDINGS_TOKEN_KEYS" "FILES" Text("")
        "Files with the keys that tokens are verified with, each the PEM of a public key or a secret for HS256, \
         separated by commas (at most 4); with one, everybody has to log in";
    TOKEN_JWKS = "token-jwks" "TIDINGS_TOKEN_JWKS" "SOURCE" Text("")
        "The file or the address of a key set (JWKS) that tokens are verified with, like \
         https://id.example.org/jwks.json; it is fetched again as its keys change, and needs token-audience";
    TOKEN_AUDIENCE = "token-audience" "TIDINGS_TOKEN_AUDIENCE" "TEXT" Text("")
        "For whom tokens have to be: this is, or is among, their aud; without it, tokens that name somebody are \
         refused";
    TOKEN_ISSUER = "token-issuer" "TIDINGS_TOKEN_ISSUER" "TEXT" Text("")
        "From whom tokens have to be: this is their iss; without it, whoever has the keys makes them";
    TOKEN_USER_CLAIM = "token-user-claim" "TIDINGS_TOKEN_USER_CLAIM" "CLAIM" Text("sub")
        "The claim that has the id of the user; change it if your issuer has that id under another name";
    TOKEN_RIGHTS_CLAIM = "token-rights-claim" "TIDINGS_TOKEN_RIGHTS_CLAIM" "CLAIM" Text("rights")
        "The claim that has the rights in channels, an object like {\"bind\":[\"room:*\"]}";
    TOKEN_COOKIE = "token-cookie" "TIDINGS_TOKEN_COOKIE" "NAME" Text("")
        "A cookie that has the token of a browser; it counts for pages of this server and of allow-origin alone";
    TOKEN_IN_QUERY = "token-in-query" "TIDINGS_TOKEN_IN_QUERY" "BOOLEAN" Text("false")
        "Take a token as ?token=… where browsers can send no header; logs of proxies and browsers may keep it, \
         so prefer the tickets of POST /ticket";
    DEFAULT_RIGHTS = "default-rights" "TIDINGS_DEFAULT_RIGHTS" "RIGHTS" Text("bind=* write=* history=*")
        "What users may do in channels whose token does not say: patterns of channels for bind, write, publish \
         and history, like bind=news,room:* write=notes:{user}:*, where {user} is their id, and what follows \
         it ends the id: a character that ids do not have";
    LOGIN_URL = "login-url" "TIDINGS_LOGIN_URL" "URL" Text("")
        "The address where users log in, to which the page sends them, like https://example.org/login";
    USER_HEADER = "user-header" "TIDINGS_USER_HEADER" "HEADER" Text("")
        "A header in which trusted proxies name the user, like x-remote-user; from others it does not count";
    TRUSTED_PROXIES = "trusted-proxies" "TIDINGS_TRUSTED_PROXIES" "NETWORKS" Text("")
        "Addresses and networks of your proxies, separated by commas, like 127.0.0.1,10.0.0.0/8: they say for \
         which address they ask, by Forwarded or X-Forwarded-For";
    LIMIT_MESSAGES = "limit-messages" "TIDINGS_LIMIT_MESSAGES" "RATES" Text("200/400/2000")
        "How many messages WebSockets may send in a second, for each connection, user and address, 0 without a \
         limit; ten seconds' worth may come at once. Without logins no limit counts that is not given";
    LIMIT_BYTES = "limit-bytes" "TIDINGS_LIMIT_BYTES" "RATES" Text("1000000/2000000/16000000")
        "How many bytes those messages may have in a second, for each connection, user and address";
    LIMIT_BINDS = "limit-binds" "TIDINGS_LIMIT_BINDS" "RATES" Text("50/100/500")
        "How many channels may be bound in a second, for each connection, user and address";
    LIMIT_CALLS = "limit-calls" "TIDINGS_LIMIT_CALLS" "RATES" Text("50/100/500")
        "How many calls of the hub may be made in a second, for each connection, user and address";
    LIMIT_CONNECTS = "limit-connects" "TIDINGS_LIMIT_CONNECTS" "RATES" Text("0/20/50")
        "How often WebSockets may be opened and logins tried in a second, for each user and address; the first \
         part is 0";
    LIMIT_SENDS = "limit-sends" "TIDINGS_LIMIT_SENDS" "RATES" Text("0/50/200")
        "How many messages may be sent to timelines, and changes made to groups, in a second, for each user \
         and address; the first part is 0";
    PRESENCE = "presence" "TIDINGS_PRESENCE" "STORE" Text("memory")
        "Where the server keeps who is online: memory, for one server; redis, for several that show each \
         other's users";
    PRESENCE_LAYOUT = "presence-layout" "TIDINGS_PRESENCE_LAYOUT" "LAYOUT" Text("leases")
        "How presence is stored in Redis: leases, which is exact and prompt; keyspace, the layout of the Go \
         package, to run beside it";
    PRESENCE_NOTIFICATIONS = "presence-notifications" "TIDINGS_PRESENCE_NOTIFICATIONS" "WHAT" Text("check")
        "With the layout keyspace, what to do about notify-keyspace-events of Redis: check it, set what is \
         missing, or assume that it is right";
    REDIS_URL = "redis-url" "TIDINGS_REDIS_URL" "URL" Text("")
        "The address of Redis, like redis://user:password@host:6379; also redis-sentinel://, \
         redis-cluster:// and redis+unix://, and rediss:// for TLS";
    REDIS_PREFIX = "redis-prefix" "TIDINGS_REDIS_PREFIX" "TEXT" Text(leases::Config::PREFIX_DEFAULT)
        "The beginning of every key in Redis; give each product that shares a Redis its own (1 to 64 bytes)";
    REDIS_TIMEOUT = "redis-timeout" "TIDINGS_REDIS_TIMEOUT" "DURATION"
        Time(LinkConfig::TIMEOUT_DEFAULT, LinkConfig::TIME_BOUNDS)
        "How long Redis may take to answer, and to accept a connection";
    // Half of what the crates have: connections hold their users, so it counts for a server that
    // died.
    PRESENCE_TTL = "presence-ttl" "TIDINGS_PRESENCE_TTL" "DURATION"
        Time(Duration::from_secs(15), *keyspace::Config::TTL_BOUNDS.start()..=TIME_MAX)
        "With Redis, how long the users of a server that died stay online, besides the grace time: a longer \
         time outlasts longer losses of the connection to Redis, a shorter one shows sooner that they are gone";
    PRESENCE_GRACE = "presence-grace" "TIDINGS_PRESENCE_GRACE" "DURATION"
        Time(memory::Config::GRACE_DEFAULT, Duration::from_millis(10)..=TIME_MAX)
        "How long users stay online after their last connection is gone: a longer time hides reloads and \
         short losses, a shorter one shows sooner that they are gone";
    PRESENCE_EVENTS = "presence-events" "TIDINGS_PRESENCE_EVENTS" "COUNT"
        Count(memory::Config::EVENTS_MAX_DEFAULT, memory::Config::EVENTS_MAX_BOUNDS)
        "How many events of presence are kept for clients that come back or are slow, about 64 bytes each; \
         fewer where ids have more than 190 bytes on average";
    PRESENCE_STREAMS = "presence-streams" "TIDINGS_PRESENCE_STREAMS" "COUNT" Count(100, 0..=1_000_000)
        "How many streams of presence events may be open at once, at most half of the HTTP connections";
    WEBHOOK_URL = "webhook-url" "TIDINGS_WEBHOOK_URL" "URL" Text("")
        "The address to which every change of presence is posted, in order and until it is accepted, like \
         https://example.org/presence";
    WEBHOOK_SECRET = "webhook-secret" "TIDINGS_WEBHOOK_SECRET" "SECRET" Text("")
        "The key that signs the posts of the webhook, base64 of 24 to 64 bytes; give it by environment or \
         file, as every user of the machine can see flags";
    WEBHOOK_TIMEOUT = "webhook-timeout" "TIDINGS_WEBHOOK_TIMEOUT" "DURATION"
        Time(webhook::Config::TIMEOUT_DEFAULT, webhook::Config::TIMEOUT_BOUNDS)
        "How long the receiver of the webhook may take to answer before the post is repeated";
    ETCD = "etcd" "TIDINGS_ETCD" "URLS" Text("")
        "Addresses of the members of an etcd in which the timelines are registered, separated by commas, like \
         http://10.0.0.1:2379,http://10.0.0.2:2379";
    ETCD_NAME = "etcd-name" "TIDINGS_ETCD_NAME" "TEXT" Text("go-timeline")
        "The name that clients look for in etcd (1 to 255 bytes)";
    ETCD_ID = "etcd-id" "TIDINGS_ETCD_ID" "TEXT" Text("")
        "Which server of that name this is; without it the name of the host, so give several on one host one each";
    ETCD_ADVERTISE = "etcd-advertise" "TIDINGS_ETCD_ADVERTISE" "URLS" Text("")
        "Where clients reach this server, separated by commas, like grpc://10.0.0.7:9000,http://10.0.0.7:8000; \
         without it, where it listens";
    ETCD_USER = "etcd-user" "TIDINGS_ETCD_USER" "TEXT" Text("")
        "Who logs in to etcd; without it, nobody does";
    ETCD_PASSWORD = "etcd-password" "TIDINGS_ETCD_PASSWORD" "SECRET" Text("")
        "The password of etcd-user; give it by environment or file, as every user of the machine can see flags";
    ETCD_CA = "etcd-ca" "TIDINGS_ETCD_CA" "FILE" Text("")
        "A PEM file with the certificates that those of etcd are signed with; needed for addresses with https";
    ETCD_CERTIFICATE = "etcd-certificate" "TIDINGS_ETCD_CERTIFICATE" "FILE" Text("")
        "A PEM file with our certificate, for an etcd that asks its clients for one";
    ETCD_KEY = "etcd-key" "TIDINGS_ETCD_KEY" "FILE" Text("")
        "A PEM file with the key of etcd-certificate";
    SHUTDOWN_TIME = "shutdown-time" "TIDINGS_SHUTDOWN_TIME" "DURATION"
        Time(Duration::from_secs(10), Duration::from_millis(100)..=TIME_MAX)
        "How long a clean stop may take before the rest is cut off";
    DRAIN_TIME = "drain-time" "TIDINGS_DRAIN_TIME" "DURATION"
        Time(Duration::from_secs(2), *hub::Config::DRAIN_TIME_BOUNDS.start()..=TIME_MAX)
        "Over what time of a clean stop WebSockets are closed, one after another, so that their clients do not all \
         connect elsewhere at once; at most three eighths of shutdown-time";
    CHANNEL_HISTORY = "channel-history" "TIDINGS_CHANNEL_HISTORY" "COUNT"
        Count(HistoryConfig::MESSAGES_MAX_DEFAULT, 0..=10_000)
        "How many messages are kept for each hub channel, in memory";
    SISTER_SECRET_FILE = "sister-secret-file" "TIDINGS_SISTER_SECRET_FILE" "FILES" Text("")
        "A file with a secret of at least 16 random bytes that all sisters have: servers that pass on to each \
         other what is written to channels; a second one, behind a comma, is accepted as well while the secret \
         is being replaced";
    SISTER_URL = "sister-url" "TIDINGS_SISTER_URL" "ADDRESSES" Text("")
        "The addresses of sisters, separated by commas, like ws://10.0.0.7:8000/ws or \
         wss://hub1.example.org/ws; the own one may be among them; those of ws only private, as the link is \
         not encrypted";
    SISTER_DNS = "sister-dns" "TIDINGS_SISTER_DNS" "HOST:PORT" Text("")
        "A name of DNS with a port, like hubs.internal:8000, all of whose addresses are sisters, or like \
         wss://hubs.internal:8000 over TLS; it is resolved again every 10 s";
    SISTER_CA = "sister-ca" "TIDINGS_SISTER_CA" "FILE" Text("")
        "A PEM file with the authorities of the certificates of sisters who are dialled over wss; without it, \
         those that this machine trusts";
    SISTERS = "sisters" "TIDINGS_SISTERS" "COUNT" Count(8, 1..=64)
        "To how many sisters the server links by itself; more of them cost more and survive more";
    CONNECTIONS = "connections" "TIDINGS_CONNECTIONS" "COUNT" Count(10_000, 1..=10_000_000)
        "How many WebSockets may be open at once; raise it with the limit of open files";
    HTTP_CONNECTIONS = "http-connections" "TIDINGS_HTTP_CONNECTIONS" "COUNT" Count(1_000, 1..=1_000_000)
        "How many HTTP connections may be open at once, WebSockets not counted";
    GRPC_CONNECTIONS = "grpc-connections" "TIDINGS_GRPC_CONNECTIONS" "COUNT" Count(1_000, 1..=1_000_000)
        "How many gRPC connections may be open at once";
    MESSAGE_BYTES = "message-bytes" "TIDINGS_MESSAGE_BYTES" "BYTES"
        Count(hub::Config::MESSAGE_BYTES_MAX_DEFAULT, 1_024..=16 * 1024 * 1024)
        "How large a message on a WebSocket may be";
    OUTBOX_BYTES = "outbox-bytes" "TIDINGS_OUTBOX_BYTES" "BYTES"
        Count(hub::Config::OUTBOX_BYTES_MAX_DEFAULT, 64 * 1024..=256 * 1024 * 1024)
        "How much may wait for one WebSocket, at least twice message-bytes, to which it is raised unless you \
         give it; senders wait for a reader above half of it";
    COMPRESSION = "compression" "TIDINGS_COMPRESSION" "BOOLEAN" Text("false")
        "Compress WebSocket messages from 1 KiB on, for clients that offer permessage-deflate";
    BODY_BYTES = "body-bytes" "TIDINGS_BODY_BYTES" "BYTES"
        Count(
            http::Config::BODY_BYTES_MAX_DEFAULT,
            http::Config::BODY_BYTES_MAX_BOUNDS.start..=64 * 1024 * 1024
        )
        "How large the body of an HTTP request or a gRPC message may be; if it is far above the default, \
         raise request-time too, as a gRPC client sends at most 64 KiB in a round trip";
    REQUEST_TIME = "request-time" "TIDINGS_REQUEST_TIME" "DURATION"
        Time(Duration::from_secs(30), Duration::from_millis(100)..=TIME_MAX)
        "How long a client may take to send a request, and the server to answer it";
}

impl Setting {
    /// Returns the line of the help.
    pub(super) fn help(&self) -> String {
        let default = self.allowed.default();
        let default = if default.is_empty() { "none" } else { &default };
        let bounds = self.allowed.bounds().map(|bounds| format!(" ({bounds})")).unwrap_or_default();
        format!("{}{bounds} [default: {default}] [env: {}]", self.about, self.variable)
    }

    /// Returns a text as it may be shown: without a secret, or what may be one in an address.
    pub(super) fn show(&self, text: &str) -> String {
        match self.placeholder {
            "SECRET" => "…".to_owned(),
            "URL" => address::shown(text),
            // An address in the wrong place may have a secret all the same.
            _ => address::hidden_in(text),
        }
    }

    /// Returns a value of the file that is not a text as it may be shown; it may hold a secret.
    pub(super) fn show_value(&self, value: &str) -> String {
        match self.placeholder {
            "SECRET" | "URL" => "…".to_owned(),
            _ if value.contains("://") => "…".to_owned(),
            _ => value.to_owned(),
        }
    }
}

/// Finds the key called `name`.
pub(super) fn named(name: &str) -> Option<&'static Setting> {
    ALL.iter().copied().find(|key| key.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_secrets_are_not_shown() {
        assert_eq!(REDIS_URL.show("redis://user:hid#den@host"), "redis://…@host");
        assert_eq!(WEBHOOK_URL.show("https://host/?token=hidden"), "https://host/…");
        assert_eq!(WEBHOOK_SECRET.show("abc"), "…");
        assert_eq!(HTTP.show("abc"), "abc");
        assert_eq!(HTTP.show("redis://:hidden@host"), "redis://:…@host");
        assert_eq!(HTTP.show_value("[\"redis://:hidden@host\"]"), "…");
    }
}
