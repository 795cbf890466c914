//! Links between hubs over TLS, over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;

use conductor_hub::federation::{SisterConfig, SisterServer, SisterTls, Sisters};
use conductor_hub::server::Tls;
use conductor_hub::{ErrorKind, Hooks};
use http::{HeaderMap, HeaderValue};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::version::TLS12;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_util::task::TaskTracker;

use crate::support::RawClient;
use crate::support::certificates::Certificates;
use crate::support::node::{Node, SECRET, next, share_tea, until};

/// The sister at an address, dialled as `localhost` and trusted if this authority is.
fn over_tls(certificates: &Certificates, address: SocketAddr) -> SisterServer {
    sister("wss", "localhost", address).tls(trust(certificates))
}

fn sister(scheme: &str, host: &str, address: SocketAddr) -> SisterServer {
    let url = format!("{scheme}://{host}:{}/ws", address.port());
    SisterServer::new(url, HeaderMap::new()).expect("it is an address")
}

fn trust(certificates: &Certificates) -> SisterTls {
    SisterTls::authorities(certificates.authority()).expect("it is an authority")
}

/// Ends TLS in front of a node, with a certificate as good as hers.
///
/// It passes every byte on, over TLS again if there is a connector.
async fn in_between(
    certificates: &Certificates,
    node: SocketAddr,
    again: Option<TlsConnector>,
) -> SocketAddr {
    let tls = Tls::start(certificates.files()).await.expect("the certificate is good");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("it has an address");
    TaskTracker::new().spawn(async move {
        let connections = TaskTracker::new();
        while let Ok((socket, _)) = listener.accept().await {
            let (tls, again) = (tls.clone(), again.clone());
            connections.spawn(async move {
                let mut near = tls.accept(socket).await.expect("the certificate is good");
                let mut far = TcpStream::connect(node).await.expect("the node listens");
                // How the connections end is what the nodes find out.
                if let Some(again) = again {
                    let name = ServerName::try_from("localhost").expect("it is a name");
                    let mut far = again.connect(name, far).await.expect("the certificate is good");
                    copy_bidirectional(&mut near, &mut far).await.ok();
                } else {
                    copy_bidirectional(&mut near, &mut far).await.ok();
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn two_nodes_exchange_messages_over_tls() {
    let certificates = Certificates::new();
    let a = Node::over_tls(certificates.files()).await;
    let b = Node::over_tls(certificates.files()).await;
    let linked = a.hub.add_sister(over_tls(&certificates, b.address)).await.expect("they are sisters");
    assert_eq!(linked.node(), b.id());
    until(|| b.hub.sisters().iter().any(|sister| sister.node() == a.id())).await;
    let (mut here, mut there) = share_tea(&a, &b).await;
    let large = there.write("tea", vec![7; 100_000]).await;
    assert_eq!(next(&mut here).await, large);
}

#[tokio::test]
async fn who_ends_tls_in_between_is_found_out() {
    let certificates = Certificates::new();
    let a = Node::over_tls(certificates.files()).await;
    let b = Node::over_tls(certificates.files()).await;
    let connector = certificates.connector(&["http/1.1"]);
    let between = in_between(&certificates, b.address, Some(connector)).await;
    // A client sees no difference: each certificate is good, and every byte is passed on.
    let socket = TcpStream::connect(between).await.expect("it listens");
    let stream = certificates.connect(socket, &["http/1.1"]).await.expect("the certificate is good");
    let (mut client, head) = RawClient::connect(stream, "").await;
    assert!(head.starts_with("http/1.1 101"), "{head}");
    client.settle().await;
    // A sister does, by what TLS exports on either side.
    let error = a.hub.add_sister(over_tls(&certificates, between)).await.expect_err("it is not her");
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:#}");
    assert!(a.hub.sisters().is_empty() && b.hub.sisters().is_empty());
    a.hub.add_sister(over_tls(&certificates, b.address)).await.expect("here it is her");
}

#[tokio::test]
async fn behind_a_proxy_that_ends_tls_a_node_is_no_sister_and_says_what_to_do() {
    let certificates = Certificates::new();
    let (a, b) = (Node::start().await, Node::start().await);
    let proxy = in_between(&certificates, b.address, None).await;
    let error = a.hub.add_sister(over_tls(&certificates, proxy)).await.expect_err("it is the proxy's TLS");
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:#}");
    assert!(error.to_string().contains("dial the node behind the proxy"), "{error:#}");
    assert!(a.hub.sisters().is_empty() && b.hub.sisters().is_empty());
    a.link(&b).await;
}

#[tokio::test]
async fn who_comes_from_afar_has_to_come_over_tls() {
    let certificates = Certificates::new();
    let (a, plain) = (Node::start().await, Node::start().await);
    let encrypted = Node::over_tls(certificates.files()).await;
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.7"));
    let afar = SisterServer::new(plain.url(), headers.clone()).expect("it is an address");
    let error = a.hub.add_sister(afar).await.expect_err("nobody knows who reads it");
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(
        error.to_string().contains("403 Forbidden instead of a link: she takes sisters from"),
        "{error:#}"
    );
    let url = format!("wss://localhost:{}/ws", encrypted.address.port());
    let afar = SisterServer::new(url, headers).expect("it is an address").tls(trust(&certificates));
    a.hub.add_sister(afar).await.expect("TLS ends at the node itself");
}

#[tokio::test]
async fn what_keeps_a_node_from_a_sister_over_tls_is_said_with_what_to_do() {
    let (certificates, old) = (Certificates::new(), Certificates::new());
    let [certificate, key] = old.expired_pair();
    old.write("server.pem", &certificate);
    old.write("server.key", &key);
    let (a, plain) = (Node::start().await, Node::start().await);
    let node = Node::over_tls(certificates.files()).await;
    let expired = Node::over_tls(old.files()).await;
    let tls12 = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS12])
        .expect("there is one")
        .with_root_certificates(certificates.roots())
        .with_no_client_auth();
    for (sister, kind, what_to_do) in [
        (over_tls(&old, node.address), ErrorKind::InvalidInput, "give this node the certificate of that"),
        (over_tls(&old, expired.address), ErrorKind::InvalidInput, "has expired; give her another one"),
        (
            sister("wss", "127.0.0.1", node.address).tls(trust(&certificates)),
            ErrorKind::InvalidInput,
            "is not for 127.0.0.1; dial her by a name that it has",
        ),
        (
            over_tls(&certificates, plain.address),
            ErrorKind::InvalidInput,
            "if her port has no TLS, her address begins with ws://",
        ),
        (
            sister("ws", "127.0.0.1", node.address),
            ErrorKind::Busy,
            "if its port has TLS, the address of the sister begins with wss://",
        ),
        (
            sister("wss", "localhost", node.address).tls(SisterTls::configured(tls12)),
            ErrorKind::InvalidInput,
            "no TLS 1.3 in common, which a link over TLS needs; turn it on",
        ),
    ] {
        let error = a.hub.add_sister(sister.clone()).await.expect_err(what_to_do);
        assert_eq!(error.kind(), kind, "{error:#}");
        assert!(error.to_string().contains(what_to_do), "{error:#}");
        assert!(error.to_string().contains(sister.url()), "{error:#}");
    }
    assert!(a.hub.sisters().is_empty());
    let by_address = sister("wss", "127.0.0.1", node.address).tls(trust(&certificates));
    let named = by_address.certificate_name("localhost").expect("it is a name");
    a.hub.add_sister(named).await.expect("her certificate is for that name");
}

#[tokio::test]
async fn the_addresses_of_a_name_are_dialled_over_tls_with_that_name() {
    let certificates = Certificates::new();
    let node = Node::over_tls(certificates.files()).await;
    let name = format!("localhost:{}", node.address.port());
    let sisters = Sisters::new().dns_over_tls(name, "/ws", trust(&certificates));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let other = Node::at(listener, sisters, Hooks::default(), SisterConfig::new(*SECRET));
    until(|| other.hub.sisters().iter().any(|sister| sister.node() == node.id())).await;
    let url = format!("wss://{}/ws", node.address);
    assert_eq!(other.hub.sisters()[0].name(), Some(&*url), "it was dialled by its address");
}
