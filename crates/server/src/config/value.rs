//! What each kind of value may be; an error says what is allowed and leaves key and value to the caller.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use tracing_subscriber::EnvFilter;

use super::duration;
use crate::webhook::Secret;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

type Checked<T> = Result<T, String>;

pub(super) fn address(text: &str) -> Checked<SocketAddr> {
    // A name would have to be resolved, and may mean several addresses; `localhost` is what people type.
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

pub(super) fn log_filter(text: &str) -> Checked<String> {
    match EnvFilter::builder().parse(text) {
        Ok(_) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err("is not a log filter; give error, warn, info, debug, trace or off, also by module, like \
             info,conductor_hub=debug"
            .to_owned()),
    }
}

pub(super) fn log_format(text: &str) -> Checked<LogFormat> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("is not a log format; give text or json".to_owned()),
    }
}

pub(super) fn switch(text: &str) -> Checked<bool> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}

/// Lets nothing stand for nothing.
pub(super) fn optional<T>(parse: impl Fn(&str) -> Checked<T>) -> impl Fn(&str) -> Checked<Option<T>> {
    move |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

pub(super) fn web_address(text: &str) -> Checked<Uri> {
    let plain = |url: &Uri| {
        matches!(url.scheme_str(), Some("http" | "https"))
            && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && !text.contains('#')
    };
    text.parse().ok().filter(plain).ok_or_else(|| {
        "is not a web address; give one without user and password, like https://example.org/presence"
            .to_owned()
    })
}

pub(super) fn secret(text: &str) -> Checked<Secret> {
    Secret::parse(text).ok_or_else(|| {
        "is not base64 of 24 to 64 bytes; take what \"openssl rand -base64 32\" prints".to_owned()
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
                && host.parse::<http::uri::Authority>().is_ok()
                && !host.contains('@')
                && !host.chars().any(|letter| letter.is_ascii_uppercase()) =>
        {
            Ok(text)
        }
        _ => Err("is not a list of web origins; give scheme and host in small letters without a path, like \
             https://chat.example.org, separated by commas"
            .to_owned()),
    }
}

pub(super) fn duration(text: &str, least: Duration, most: Duration) -> Checked<Duration> {
    match duration::parse(text) {
        Some(duration) if (least..=most).contains(&duration) => Ok(duration),
        _ => Err(format!(
            "is not a duration from {} to {}; give a whole number with ms, s, m or h, like 5s",
            duration::show(least),
            duration::show(most)
        )),
    }
}

pub(super) fn count(text: &str, least: usize, most: usize) -> Checked<usize> {
    match text.parse() {
        Ok(count) if (least..=most).contains(&count) => Ok(count),
        _ => Err(format!("is not a whole number from {least} to {most}")),
    }
}
