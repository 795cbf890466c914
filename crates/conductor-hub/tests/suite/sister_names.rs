//! Names of DNS whose addresses are sisters, or one sister, resolved by the system.
//!
//! The system reads a file of names in which the test has addresses of its own, and one with the
//! servers that it asks. The test may put its own over the machine's where nobody else sees that:
//! in another process, with a view of its own of the files.

use std::env;
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;

use conductor_hub::Hooks;
use conductor_hub::federation::{NodeId, SisterConfig, SisterServer, Sisters};
use http::HeaderMap;
use test_support::black_hole;
use tokio::net::{TcpListener, UdpSocket, lookup_host};
use tokio::time::timeout;

use crate::support::node::{Node, SECRET, until};

/// Tells the other process that it is it, and which file has the names.
const NAMES: &str = "CONDUCTOR_HUB_TEST_NAMES";

/// Where a server of DNS is that never answers.
const DEAF: &str = "127.0.0.99";

#[test]
fn every_address_of_a_name_is_a_sister() {
    in_a_view_of_its_own("sister_names::resolving_child");
}

#[test]
fn sisters_of_the_list_are_dialled_while_a_name_hangs() {
    in_a_view_of_its_own("sister_names::hanging_child");
}

#[test]
fn a_sister_is_reached_at_once_though_other_addresses_of_her_name_are_dead() {
    in_a_view_of_its_own("sister_names::dead_addresses_child");
}

/// Runs a test of this file where the names and the servers of DNS are its own.
fn in_a_view_of_its_own(child: &str) {
    let servers = format!("nameserver {DEAF}\noptions timeout:8 attempts:1\n");
    let files = [("/etc/hosts", "127.0.0.1 localhost\n"), ("/etc/resolv.conf", &servers)];
    test_support::run_with_files(child, NAMES, &files);
}

/// Does nothing by itself: the third test above runs it.
#[tokio::test]
async fn dead_addresses_child() {
    let Some(names) = env::var_os(NAMES) else { return };
    for address in ["127.0.0.2", "127.0.0.3", "127.0.0.4"] {
        add(&names, address);
    }
    let (first, _waiting) = black_hole("127.0.0.2", 0).await;
    let port = first.local_addr().expect("it has an address").port();
    let (_second, _waiting) = black_hole("127.0.0.3", port).await;
    // It comes last, whether the system orders them or not.
    let listener = TcpListener::bind(("127.0.0.4", port)).await.expect("nobody else is there");
    let alive = Node::at(listener, Sisters::new(), Hooks::default(), SisterConfig::new(*SECRET));
    let node = Node::start().await;
    let sister = SisterServer::new(format!("ws://hubs.test:{port}/ws"), HeaderMap::new());
    let dialling = node.hub.add_sister(sister.expect("it is an address"));
    // One after the other, the dead ones would take their whole time to connect, which is longer.
    let linked = timeout(Duration::from_millis(3_500), dialling).await.expect("none is waited for alone");
    assert_eq!(linked.expect("she answers").node(), alive.id());
}

/// Does nothing by itself: the second test above runs it.
#[tokio::test]
async fn hanging_child() {
    if env::var_os(NAMES).is_none() {
        return;
    }
    let _deaf = UdpSocket::bind((DEAF, 53)).await.expect("nobody else is there");
    let asked = timeout(Duration::from_secs(1), lookup_host("hanging.test:80")).await;
    assert!(asked.is_err(), "a name whose server does not answer is resolved");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let sisters = Sisters::new().dns("hanging.test:80", "/ws");
    let a = Node::at(listener, sisters, Hooks::default(), SisterConfig::new(*SECRET));
    let b = Node::start().await;
    a.sisters.add(SisterServer::new(b.url(), HeaderMap::new()).expect("it is an address"));
    let linked = until(|| are_sisters(&a, &[b.id()]));
    timeout(Duration::from_secs(3), linked).await.expect("she does not wait for the name");
}

/// Does nothing by itself: the first test above runs it.
#[tokio::test]
async fn resolving_child() {
    let Some(names) = env::var_os(NAMES) else { return };
    add(&names, "127.0.0.2");
    add(&names, "127.0.0.3");
    let first = TcpListener::bind("127.0.0.2:0").await.expect("loopback has free ports");
    let port = first.local_addr().expect("it has an address").port();
    let node = |listener| {
        let sisters = Sisters::new().dns(format!("hubs.test:{port}"), "/ws");
        Node::at(listener, sisters, Hooks::default(), SisterConfig::new(*SECRET))
    };
    let other = async |address: &str| TcpListener::bind((address, port)).await.expect("nobody else is there");
    // Each of them is among the addresses of the name itself.
    let (a, b) = (node(first), node(other("127.0.0.3").await));
    until(|| are_sisters(&a, &[b.id()]) && are_sisters(&b, &[a.id()])).await;
    // One that is not finds both, and they do not look for it.
    let guest = node(TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports"));
    until(|| are_sisters(&guest, &[a.id(), b.id()])).await;
    // The name is resolved again, and an address that is new is dialled.
    let listener = other("127.0.0.4").await;
    let c = Node::at(listener, Sisters::new(), Hooks::default(), SisterConfig::new(*SECRET));
    assert!(c.hub.sisters().is_empty());
    add(&names, "127.0.0.4");
    until(|| [&a, &b, &guest].iter().all(|node| are_sisters(node, &[c.id()]))).await;
    assert!(c.hub.sisters().iter().all(|sister| sister.name().is_none()), "it dials nobody");
}

/// Gives the name another address.
fn add(names: &OsStr, address: &str) {
    let mut names = OpenOptions::new().append(true).open(names).expect("it was written before");
    writeln!(names, "{address} hubs.test").expect("the folder takes it");
}

/// Tells whether a node has links to these.
fn are_sisters(node: &Node, others: &[NodeId]) -> bool {
    let sisters = node.hub.sisters();
    others.iter().all(|other| sisters.iter().any(|sister| sister.node() == *other))
}
