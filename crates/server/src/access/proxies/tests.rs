//! Tables of headers, and whose address each gives.

use axum::http::{HeaderName, HeaderValue};

use super::*;

const PEER: &str = "10.0.0.1";

/// The client of a request with these header lines from a trusted peer.
fn client(lines: &[(&str, &str)]) -> String {
    client_of(PEER, lines)
}

fn client_of(peer: &str, lines: &[(&str, &str)]) -> String {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse::<Network>().unwrap());
    Proxies::new(&networks).client(&headers, peer.parse().unwrap()).to_string()
}

#[test]
fn a_peer_that_is_not_trusted_speaks_for_nobody() {
    for lines in [
        &[("x-forwarded-for", "192.0.2.1")][..],
        &[("forwarded", "for=192.0.2.1")],
        &[("x-forwarded-for", "10.0.0.2"), ("forwarded", "for=10.0.0.2")],
    ] {
        assert_eq!(client_of("203.0.113.5", lines), "203.0.113.5");
        assert_eq!(client_of("::ffff:203.0.113.5", lines), "203.0.113.5");
    }
    assert_eq!(client(&[]), PEER);
}

#[test]
fn the_right_most_address_that_is_not_trusted_is_the_client() {
    for (line, found) in [
        ("192.0.2.1", "192.0.2.1"),
        ("198.51.100.1, 192.0.2.1", "192.0.2.1"),
        ("198.51.100.1,192.0.2.1, 10.0.0.3 , 10.0.0.2", "192.0.2.1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:db8::1, fd00::7", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, ::ffff:10.0.0.2", "192.0.2.1"),
    ] {
        assert_eq!(client(&[("x-forwarded-for", line)]), found, "{line}");
        assert_eq!(client_of("::ffff:10.0.0.1", &[("x-forwarded-for", line)]), found, "{line}");
    }
}

#[test]
fn what_cannot_be_read_is_the_address_of_the_proxy_that_said_it() {
    for line in [
        "",
        ",",
        "unknown",
        "_hidden",
        "192.0.2.1, unknown",
        "192.0.2.1, ",
        "192.0.2.1, 10.0.0",
        "192.0.2.1, 300.1.1.1",
        "192.0.2.1, 010.0.0.2",
        "192.0.2.1, [2001:db8::1",
        "192.0.2.1, [10.0.0.2]",
        "192.0.2.1, 10.0.0.2:",
        "192.0.2.1, 10.0.0.2:80:80",
        "192.0.2.1, fe80::1%eth0",
        "192.0.2.1, localhost",
        "192.0.2.1 198.51.100.1",
    ] {
        assert_eq!(client(&[("x-forwarded-for", line)]), PEER, "{line}");
    }
    assert_eq!(client(&[("x-forwarded-for", "192.0.2.1, unknown, 10.0.0.2")]), "10.0.0.2");
}

#[test]
fn lines_of_a_header_are_one_list() {
    let lines = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "10.0.0.2")];
    assert_eq!(client(&lines), "192.0.2.1");
    let lines = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "198.51.100.1, 10.0.0.2")];
    assert_eq!(client(&lines), "198.51.100.1");
    let lines = [("forwarded", "for=192.0.2.1"), ("forwarded", "for=10.0.0.3, for=10.0.0.2")];
    assert_eq!(client(&lines), "192.0.2.1");
}

#[test]
fn the_standard_header_is_read_with_quotes_parameters_and_ports() {
    for (line, found) in [
        ("for=192.0.2.1", "192.0.2.1"),
        ("For=192.0.2.1;proto=https;by=10.0.0.1", "192.0.2.1"),
        ("proto=https; FOR=\"192.0.2.1:4711\"", "192.0.2.1"),
        ("for=\"[2001:db8::1]\"", "2001:db8::1"),
        ("for=\"[2001:db8::1]:_port\"", "2001:db8::1"),
        ("for=\"[2001:db8::1]:4711\" , for=10.0.0.2", "2001:db8::1"),
        ("for=198.51.100.1, for=192.0.2.1;host=\"a,b;c\", for=10.0.0.2", "192.0.2.1"),
        ("for=\"1\\92.0.2.1\"", "192.0.2.1"),
        ("for=192.0.2.1, for=unknown, for=10.0.0.2", "10.0.0.2"),
        ("for=192.0.2.1, for=_hidden", PEER),
        ("for=192.0.2.1, proto=https", PEER),
        ("for=192.0.2.1, for=198.51.100.1;for=10.0.0.2", PEER),
        ("for=192.0.2.1, for=", PEER),
    ] {
        assert_eq!(client(&[("forwarded", line)]), found, "{line}");
    }
}

#[test]
fn a_quote_left_open_makes_no_other_client() {
    // What a client wrote stands left, and what the proxy adds to it right.
    for line in [
        "for=\"192.0.2.1, for=203.0.113.9",
        "for=192.0.2.1;by=\", for=\"[2001:db8::1]\"",
        "for=192.0.2.1;by=\"\\, for=\"203.0.113.9\"",
        "for=192.0.2.1 x, for=203.0.113.9",
        "for=192.0.2.1\", for=203.0.113.9",
        "192.0.2.1, for=203.0.113.9\"",
        "for=192.0.2.1;;",
        "for",
        "",
    ] {
        assert_eq!(client(&[("forwarded", line)]), PEER, "{line}");
    }
}

#[test]
fn of_two_headers_that_disagree_neither_is_believed() {
    let both = |one: &str, other: &str| client(&[("x-forwarded-for", one), ("forwarded", other)]);
    assert_eq!(both("192.0.2.1", "for=192.0.2.1"), "192.0.2.1");
    assert_eq!(both("192.0.2.1", "for=198.51.100.1, for=\"192.0.2.1:80\""), "192.0.2.1");
    assert_eq!(both("192.0.2.1", "for=198.51.100.1"), PEER);
    assert_eq!(both("unknown", "for=198.51.100.1"), PEER);
    assert_eq!(both("192.0.2.1", "nonsense"), PEER);
}

#[test]
fn the_way_has_an_end() {
    let line = format!("192.0.2.1{}", ", 10.0.0.2".repeat(HOPS_MAX - 1));
    assert_eq!(client(&[("x-forwarded-for", &line)]), "192.0.2.1");
    let line = format!("192.0.2.1{}", ", 10.0.0.2".repeat(HOPS_MAX));
    assert_eq!(client(&[("x-forwarded-for", &line)]), "10.0.0.2");
}
