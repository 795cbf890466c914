//! TLS of the hub's own listener.

use std::net::SocketAddr;
use std::time::Duration;

use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::server::{self, Server, TlsFiles};
use conductor_hub::{Config, Disconnect, ErrorKind, Hooks, Hub};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::RawClient;
use crate::support::certificates::{Certificates, shown};

type Client = RawClient<TlsStream<TcpStream>>;

async fn start(files: TlsFiles, config: Config) -> (Hub, Server) {
    let hub = Hub::start(config, Hooks::default()).expect("configuration is valid");
    let config = server::Config::default().address(([127, 0, 0, 1], 0)).tls(files);
    let server = Server::start(config, &hub).await.expect("the certificate is good");
    (hub, server)
}

async fn tls(certificates: &Certificates, address: SocketAddr) -> TlsStream<TcpStream> {
    let socket = TcpStream::connect(address).await.expect("server listens");
    certificates.connect(socket, &["http/1.1"]).await.expect("the certificate is good")
}

async fn bound(certificates: &Certificates, address: SocketAddr) -> Client {
    let (mut client, head) = RawClient::connect(tls(certificates, address).await, "").await;
    assert!(head.starts_with("http/1.1 101"), "{head}");
    client.send_message(&Message::new(Opcode::BIND, "news", "")).await;
    client.settle().await;
    client
}

#[tokio::test]
async fn messages_of_any_length_pass_both_ways() {
    let certificates = Certificates::new();
    let (hub, server) = start(certificates.files(), Config::default().outbox_bytes_max(16 << 20)).await;
    let mut ann = bound(&certificates, server.local_addr()).await;
    let mut bob = bound(&certificates, server.local_addr()).await;
    for len in [0, 1, 1_000, 16_384, 200_000] {
        let message = Message::new(Opcode::WRITE, "news", vec![7; len]);
        ann.send_message(&message).await;
        assert_eq!(bob.message(false).await, message);
    }
    // More than the sockets and TLS hold, so what is left over has to be flushed in the end.
    for n in 0..50_u8 {
        assert_eq!(hub.publish("news", vec![n; 200_000]).expect("it is short"), 2);
    }
    for n in 0..50_u8 {
        assert!(bob.message(false).await.body.iter().all(|byte| *byte == n));
    }
    let revoked = hub.shutdown(Duration::from_secs(10));
    let (_ended, code) = tokio::join!(revoked, bob.close_code());
    assert_eq!(code, Disconnect::Restart.code());
}

#[tokio::test]
async fn it_says_that_it_speaks_http_1_1_alone() {
    let certificates = Certificates::new();
    let (_hub, server) = start(certificates.files(), Config::default()).await;
    let connect = |protocols: &'static [&'static str]| {
        let (certificates, address) = (&certificates, server.local_addr());
        async move {
            let socket = TcpStream::connect(address).await.expect("server listens");
            certificates.connect(socket, protocols).await
        }
    };
    let both = connect(&["h2", "http/1.1"]).await.expect("one of them is spoken");
    assert_eq!(both.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(connect(&["h2"]).await.is_err(), "a client of HTTP/2 alone is told at once");
    connect(&[]).await.expect("who says nothing speaks HTTP/1.1");
}

#[tokio::test]
async fn who_does_not_finish_the_handshake_is_closed() {
    let certificates = Certificates::new();
    let hub = Hub::start(Config::default(), Hooks::default()).expect("configuration is valid");
    let config = server::Config::default().address(([127, 0, 0, 1], 0)).tls(certificates.files());
    let config = config.head_timeout(Duration::from_millis(200));
    let server = Server::start(config, &hub).await.expect("the certificate is good");
    for begun in [&b""[..], &[0x16, 0x03, 0x01], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut socket = TcpStream::connect(server.local_addr()).await.expect("server listens");
        socket.write_all(begun).await.expect("server reads");
        let mut said = Vec::new();
        let end = tokio::io::AsyncReadExt::read_to_end(&mut socket, &mut said);
        // It may end with a reset, as what we sent is not all read.
        tokio::time::timeout(Duration::from_secs(60), end).await.expect("it is closed").ok();
    }
    bound(&certificates, server.local_addr()).await;
}

#[tokio::test]
async fn another_certificate_is_read_and_a_broken_pair_changes_nothing() {
    let certificates = Certificates::new();
    let (_hub, server) =
        start(certificates.files().check_every(Duration::from_secs(3600)), Config::default()).await;
    let mut before = bound(&certificates, server.local_addr()).await;
    let first = shown(&tls(&certificates, server.local_addr()).await);
    let [certificate, key] = certificates.pair();
    certificates.write("server.pem", &certificate);
    let error = server.reload().await.expect_err("the key does not fit yet");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("does not fit the certificate"), "{error}");
    assert_eq!(shown(&tls(&certificates, server.local_addr()).await), first);
    certificates.write("server.key", "no key");
    assert!(server.reload().await.expect_err("it is none").to_string().contains("cannot be read as PEM"));
    certificates.write("server.key", &key);
    server.reload().await.expect("they fit");
    assert_ne!(shown(&tls(&certificates, server.local_addr()).await), first);
    before.settle().await;
}

#[tokio::test]
async fn files_that_change_are_noticed() {
    let certificates = Certificates::new();
    let files = certificates.files().check_every(Duration::from_millis(100));
    let (_hub, server) = start(files, Config::default()).await;
    let first = shown(&tls(&certificates, server.local_addr()).await);
    let [certificate, key] = certificates.pair();
    certificates.write("server.pem", &certificate);
    certificates.write("server.key", &key);
    let noticed = async { while shown(&tls(&certificates, server.local_addr()).await) == first {} };
    tokio::time::timeout(Duration::from_secs(60), noticed).await.expect("it is noticed");
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_said_at_the_start() {
    let certificates = Certificates::new();
    let hub = Hub::start(Config::default(), Hooks::default()).expect("configuration is valid");
    let refused = async |files: TlsFiles| {
        let config = server::Config::default().address(([127, 0, 0, 1], 0)).tls(files);
        Server::start(config, &hub).await.expect_err("it cannot be used")
    };
    assert_eq!(refused(TlsFiles::new("/nowhere.pem", "/nowhere.key")).await.kind(), ErrorKind::Unavailable);
    assert_eq!(refused(certificates.files().check_every(Duration::ZERO)).await.kind(), ErrorKind::Config);
    certificates.write("server.pem", "");
    assert!(refused(certificates.files()).await.to_string().contains("has no certificate"));
}
