//! Where a request comes from, behind proxies that are trusted.
//!
//! A proxy writes at the right end of `Forwarded` or `X-Forwarded-For` whose request it passes on.
//! Whatever stands further left came from there, so it is only believed of another trusted proxy:
//!
//! ```text
//! X-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.0.0.2        from the peer 10.0.0.1
//!                  anything      the client   trusted  ◄───── trusted
//! ```

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;
use axum::http::header::FORWARDED;

use crate::config::Network;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// So many trusted proxies are passed over, one behind another; a longer way is one that goes round
/// in circles.
const HOPS_MAX: usize = 16;

/// The networks of our proxies.
#[derive(Debug, Clone)]
pub(super) struct Proxies(Vec<Network>);

/// One entry of a header, from the left; `None` is what has no address that can be read.
type Hop = Option<IpAddr>;

impl Proxies {
    pub(super) fn new(networks: &[Network]) -> Self {
        Self(networks.to_vec())
    }

    /// Returns whether what a peer says of others is believed.
    pub(super) fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Returns the address of the client: of the peer, or of whom trusted peers speak for.
    ///
    /// Where that is not known, the address of the last proxy that is counts. Of two headers that
    /// disagree the client may have written one, so neither is believed.
    pub(super) fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trust(peer) {
            return peer;
        }
        let standard = headers.contains_key(FORWARDED).then(|| self.walk(&forwarded(headers), peer));
        let usual = headers.contains_key(X_FORWARDED_FOR).then(|| self.walk(&x_forwarded_for(headers), peer));
        match (standard, usual) {
            (Some(one), Some(other)) if one != other => peer,
            (Some(client), _) | (None, Some(client)) => client,
            (None, None) => peer,
        }
    }

    /// Passes over trusted hops from the right.
    fn walk(&self, hops: &[Hop], peer: IpAddr) -> IpAddr {
        let mut nearest = peer;
        for hop in hops.iter().rev().take(HOPS_MAX) {
            match hop {
                None => return nearest,
                Some(address) if self.trust(*address) => nearest = *address,
                Some(client) => return *client,
            }
        }
        nearest
    }
}

/// The hops of `X-Forwarded-For`, of all its lines in their order.
fn x_forwarded_for(headers: &HeaderMap) -> Vec<Hop> {
    let mut hops = Vec::new();
    for line in headers.get_all(X_FORWARDED_FOR) {
        match line.to_str() {
            Ok(line) => hops.extend(line.split(',').map(address)),
            Err(_) => hops.push(None),
        }
    }
    hops
}

/// The hops of `Forwarded`, of all its lines in their order. Source: RFC 7239, section 4.
fn forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let mut hops = Vec::new();
    for line in headers.get_all(FORWARDED) {
        // A quote that a client left open would swallow what the proxy wrote behind it. A line with
        // anything wrong has no hop that can be believed.
        match line.to_str().ok().and_then(elements) {
            Some(elements) => hops.extend(elements),
            None => hops.push(None),
        }
    }
    hops
}

/// Reads the elements of one line, each with its `for`; `None` if the line cannot be read.
fn elements(line: &str) -> Option<Vec<Hop>> {
    let mut hops = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let (hop, behind) = element(text)?;
        hops.push(hop);
        rest = behind;
    }
    Some(hops)
}

/// Reads one element, like `for=192.0.2.7;proto=https`; returns its hop, and what stands behind the
/// comma, if there is one.
fn element(text: &str) -> Option<(Hop, Option<&str>)> {
    let (mut hop, mut named) = (None, 0);
    let mut rest = text;
    loop {
        let (name, behind) = rest.split_once('=')?;
        let (value, behind) = word_or_quoted(behind)?;
        if name.trim().eq_ignore_ascii_case("for") {
            (hop, named) = (address(&value), named + 1);
        }
        let behind = behind.trim_start();
        if let Some(pair) = behind.strip_prefix(';') {
            rest = pair;
            continue;
        }
        // Of two addresses nobody can say which one is meant.
        let hop = hop.filter(|_| named == 1);
        return match behind.strip_prefix(',') {
            Some(next) => Some((hop, Some(next))),
            None => behind.is_empty().then_some((hop, None)),
        };
    }
}

/// Reads a value, a word or a text in quotes; returns it and what stands behind.
fn word_or_quoted(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',', '"', ' ', '\t']).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            _ => value.push(letter),
        }
    }
    None
}

/// Reads the address of a hop, with or without a port; `None` for `unknown`, names that hide one,
/// and all else.
fn address(node: &str) -> Hop {
    let node = node.trim();
    if let Ok(address) = node.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (address, port) = match node.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (IpAddr::V6(address.parse::<Ipv6Addr>().ok()?), port)
        }
        None => {
            let colon = node.find(':')?;
            (IpAddr::V4(node[..colon].parse().ok()?), &node[colon..])
        }
    };
    // A port may be hidden, too. Source: RFC 7239, section 6.
    let is_port = |port: &str| port.starts_with('_') || port.parse::<u16>().is_ok();
    let fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    fits.then(|| address.to_canonical())
}

#[cfg(test)]
mod tests;
