//! The chat page and its parts, built into the binary.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

/// One file of the page.
#[derive(Debug, Clone, Copy)]
struct Asset {
    name: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($name:literal)*) => {
        &[$(Asset { name: $name, bytes: include_bytes!(concat!("../../assets/", $name)) }),*]
    };
}

/// Every file in `assets/`; a test finds what is missing here.
const ASSETS: &[Asset] = assets! {
    "index.html"
    "announcer.js"
    "app.js"
    "avatar.js"
    "backoff.js"
    "banner.js"
    "base.css"
    "book.js"
    "book_entry.js"
    "bubble.js"
    "catalogue.js"
    "changes.js"
    "composer.js"
    "connection.js"
    "conversations.js"
    "credentials.js"
    "dom.js"
    "drafts.js"
    "edge.js"
    "emitter.js"
    "entry.js"
    "gather.css"
    "gather.js"
    "handover.js"
    "health.js"
    "http.js"
    "inbox.js"
    "indicator.js"
    "last_seen.js"
    "log.js"
    "login.js"
    "login_form.js"
    "mark.svg"
    "message.js"
    "name.js"
    "outbox.js"
    "presence.js"
    "protocol.js"
    "rail.css"
    "rail.js"
    "rail_end.js"
    "reads.js"
    "reason.js"
    "receipts.js"
    "reconnect.js"
    "renewal.js"
    "revision.js"
    "session.js"
    "storage.js"
    "tab.js"
    "talk.css"
    "talk.js"
    "text.js"
    "thread.js"
    "time.js"
    "token.js"
    "troubles.js"
    "unlisted.js"
    "welcome.css"
    "welcome.js"
    "withdrawal.js"
};

impl Asset {
    fn kind(self) -> &'static str {
        match self.name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("webmanifest") => "application/manifest+json",
            _ => "application/octet-stream",
        }
    }

    /// Returns a name of these very bytes, by which a browser is told that nothing changed.
    fn tag(self) -> HeaderValue {
        // Another build of Rust may hash otherwise: then a browser loads a file once more.
        let mut hasher = DefaultHasher::new();
        self.bytes.hash(&mut hasher);
        HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish()))
            .expect("hex digits in quotes are a header value")
    }
}

/// `/` and `/assets/…`.
pub(super) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    ASSETS.iter().fold(Router::new(), |router, asset| {
        let path =
            if asset.name == "index.html" { "/".to_owned() } else { format!("/assets/{}", asset.name) };
        let tag = asset.tag();
        router.route(&path, get(async move |headers: HeaderMap| send(*asset, &tag, &headers)))
    })
}

fn send(asset: Asset, tag: &HeaderValue, headers: &HeaderMap) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag);
    // `no-cache` lets a browser keep a file, and has it ask each time whether that is still the
    // one.
    let common = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(header::CONTENT_TYPE, asset.kind())], asset.bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_served_with_its_type() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets");
        for file in std::fs::read_dir(folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let asset = ASSETS.iter().find(|asset| asset.name == name);
            let asset = asset.unwrap_or_else(|| panic!("{name} is in assets/ and not in the table"));
            assert_ne!(asset.kind(), "application/octet-stream", "{name}");
        }
    }
}
