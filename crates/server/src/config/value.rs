//! What each kind of value may be.
//!
//! An error says what is allowed, and leaves key and value to the caller.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use http::uri::Authority;
use tidings::join::webhook::Secret;
use tidings::presence_redis::keyspace::Notifications;
use tidings::presence_redis::leases;

use super::setting::Allowed;
use super::{address, duration};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where the server keeps who is online.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PresenceStore {
    /// In this process.
    Memory,
    /// In Redis, with other servers.
    Redis,
}

/// How presence is kept in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Deadlines in the processes, transitions in Redis.
    Leases,
    /// The keys and notifications of the Go package.
    Keyspace,
}

/// The address of a Redis, shown without what may be a secret.
#[derive(Clone)]
pub(crate) struct RedisUrl(String);

impl RedisUrl {
    /// Returns the whole address, with its secrets.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&address::shown(&self.0))
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The address of a web service, shown without what may be a secret: its path and query.
#[derive(Clone)]
pub(crate) struct WebAddress(Uri);

impl WebAddress {
    /// Returns the whole address, with its secrets.
    pub(crate) fn expose(&self) -> &Uri {
        &self.0
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&address::shown(&self.0.to_string()))
    }
}

impl fmt::Debug for WebAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

type Checked<T> = Result<T, String>;

pub(super) fn address(text: &str) -> Checked<SocketAddr> {
    // A name would have to be resolved, and may mean several addresses; `localhost` is what people
    // type.
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    numeric.as_deref().unwrap_or(text).parse().map_err(|_| {
        "is not an address to listen on; give an IP address and a port, like 127.0.0.1:8000 or [::1]:8000"
            .to_owned()
    })
}

pub(super) fn path(text: &str) -> Checked<PathBuf> {
    if text.is_empty() {
        return Err("is empty; give a directory".to_owned());
    }
    Ok(PathBuf::from(text))
}

pub(super) fn log_format(text: &str) -> Checked<LogFormat> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("is not a log format; give text or json".to_owned()),
    }
}

pub(super) fn store(text: &str) -> Checked<PresenceStore> {
    match text {
        "memory" => Ok(PresenceStore::Memory),
        "redis" => Ok(PresenceStore::Redis),
        _ => Err("is not a place to keep presence; give memory or redis".to_owned()),
    }
}

pub(super) fn layout(text: &str) -> Checked<Layout> {
    match text {
        "leases" => Ok(Layout::Leases),
        "keyspace" => Ok(Layout::Keyspace),
        _ => Err("is not a layout in Redis; give leases or keyspace".to_owned()),
    }
}

pub(super) fn notifications(text: &str) -> Checked<Notifications> {
    match text {
        "check" => Ok(Notifications::Check),
        "set" => Ok(Notifications::Set),
        "assume" => Ok(Notifications::Assume),
        _ => Err("is not a way to treat notify-keyspace-events; give check, set or assume".to_owned()),
    }
}

pub(super) fn redis_url(text: &str) -> Checked<RedisUrl> {
    const SCHEMES: [&str; 7] = [
        "redis",
        "rediss",
        "redis+unix",
        "redis-sentinel",
        "rediss-sentinel",
        "redis-cluster",
        "rediss-cluster",
    ];
    let Some((scheme, rest)) =
        text.split_once("://").filter(|(scheme, rest)| SCHEMES.contains(scheme) && !rest.is_empty())
    else {
        return Err(format!(
            "is not the address of a Redis; give one like redis://127.0.0.1:6379, with one of {}",
            SCHEMES.join(", ")
        ));
    };
    let is_file = scheme == "redis+unix";
    let tail = rest.find(['/', '?', '#']).map_or("", |end| &rest[end..]);
    if !is_file && tail.contains('@') {
        return Err(
            "has a sign in its password that would end the address; write %23 for #, %2F for / and %3F for ?"
                .to_owned(),
        );
    }
    let (before, fragment) =
        rest.split_once('#').map_or((rest, None), |(before, after)| (before, Some(after)));
    let query = before.split_once('?').map_or("", |(_, query)| query);
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        redis_parameter(scheme, parameter.split('=').next().unwrap_or_default())?;
    }
    if fragment.is_some_and(|fragment| fragment != "insecure" || scheme != "rediss") {
        return Err(
            "has a # with something behind it that has no meaning; in a password write # as %23".to_owned()
        );
    }
    Ok(RedisUrl(text.to_owned()))
}

/// Says why a parameter behind the `?` of a Redis's address would have no meaning, if so.
fn redis_parameter(scheme: &str, name: &str) -> Checked<()> {
    match name {
        "db" | "user" | "pass" | "protocol" if scheme == "redis+unix" => Ok(()),
        "protocol" if matches!(scheme, "redis" | "rediss") => Ok(()),
        "db" => {
            Err("names the database as ?db=…, which works only for redis+unix://; write it as the path, \
             like redis://host:6379/4"
                .to_owned())
        }
        _ => Err("has an unknown parameter behind ?; write user, password and database as in \
             redis://user:password@host:6379/0"
            .to_owned()),
    }
}

pub(super) fn redis_prefix(text: &str) -> Checked<String> {
    let forbidden = |letter: char| letter == '{' || letter == '}' || letter.is_control();
    let bounds = leases::Config::PREFIX_BOUNDS;
    if !bounds.contains(&text.len()) || text.contains(forbidden) {
        let (least, most) = bounds.into_inner();
        return Err(format!("must be {least} to {most} bytes without braces and control characters"));
    }
    Ok(text.to_owned())
}

pub(super) fn switch(text: &str) -> Checked<bool> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("is neither true nor false; give one of them".to_owned()),
    }
}

/// Lets an empty text stand for no value.
pub(super) fn optional<T>(parse: impl Fn(&str) -> Checked<T>) -> impl Fn(&str) -> Checked<Option<T>> {
    move |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

pub(super) fn web_address(text: &str) -> Checked<WebAddress> {
    let plain = |url: &Uri| {
        matches!(url.scheme_str(), Some("http" | "https"))
            && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && !text.contains('#')
    };
    text.parse().ok().filter(plain).map(WebAddress).ok_or_else(|| {
        "is not a web address; give one without user and password, like https://example.org/presence"
            .to_owned()
    })
}

/// Where users log in.
pub(super) fn login_url(text: &str) -> Checked<WebAddress> {
    web_address(text).map_err(|_| {
        "is not a web address; give one without user and password, like https://example.org/login".to_owned()
    })
}

/// Host names in lower case; a port behind one says nothing.
pub(super) fn hosts(text: &str) -> Checked<Vec<String>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(host).collect()
}

fn host(text: &str) -> Checked<String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._:[]".contains(letter);
    let host = text.parse::<Authority>().ok().filter(|_| text.chars().all(is_plain));
    let name = host.as_ref().map(|host| host.host().trim_start_matches('[').trim_end_matches(']'));
    name.filter(|name| !name.is_empty()).map(str::to_ascii_lowercase).ok_or_else(|| {
        "is not a list of host names; give names like chat.example.org without scheme and path, separated by \
         commas"
            .to_owned()
    })
}

pub(super) fn secret(text: &str) -> Checked<Secret> {
    Secret::new(text).map_err(|_| {
        let (least, most) = Secret::BYTES_BOUNDS.into_inner();
        format!("is not base64 of {least} to {most} bytes; use what \"openssl rand -base64 32\" prints")
    })
}

/// Origins as a browser writes them: scheme, host, and the port where it is not the scheme's own.
pub(super) fn origins(text: &str) -> Checked<Vec<String>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| origin(part).map(str::to_owned)).collect()
}

fn origin(text: &str) -> Checked<&str> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match host {
        Some(host)
            if !host.is_empty()
                && host.parse::<Authority>().is_ok()
                && !host.contains('@')
                && !host.chars().any(|letter| letter.is_ascii_uppercase()) =>
        {
            Ok(text)
        }
        _ => Err("is not a list of web origins; give scheme and host in lower case without a path, like \
             https://chat.example.org, separated by commas"
            .to_owned()),
    }
}

/// Reads a duration that is within the bounds of its setting.
pub(super) fn duration(text: &str, allowed: &Allowed) -> Checked<Duration> {
    match (duration::parse(text), allowed) {
        (Some(duration), Allowed::Time(_, bounds)) if bounds.contains(&duration) => Ok(duration),
        _ => Err(format!(
            "is not a duration from {}; give a whole number with ms, s, m, h or d, like 5s",
            allowed.bounds().unwrap_or_default()
        )),
    }
}

/// Reads a number that is within the bounds of its setting.
pub(super) fn count(text: &str, allowed: &Allowed) -> Checked<usize> {
    match (text.parse::<usize>(), allowed) {
        (Ok(count), Allowed::Count(_, bounds)) if bounds.contains(&count) => Ok(count),
        _ => Err(format!("is not a whole number from {}", allowed.bounds().unwrap_or_default())),
    }
}
