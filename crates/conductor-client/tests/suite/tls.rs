//! Hubs behind TLS.

use std::env;
use std::process::Command;
use std::sync::Arc;

use conductor_client::{Client, Config, ErrorKind};
use futures_util::StreamExt;
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::support::{PATIENCE, next_end};

/// A server over TLS that reads and says nothing; its port, and its authority.
async fn listen() -> (u16, String) {
    let (acceptor, authority) = acceptor();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it has an address").port();
    TaskTracker::new().spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that trusts somebody else ends its handshake.
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let mut socket = tokio_tungstenite::accept_async(stream).await.expect("the handshake is right");
            while let Some(Ok(_)) = socket.next().await {}
        }
    });
    (port, authority)
}

fn acceptor() -> (TlsAcceptor, String) {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("it has no names");
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key is made"));
    let authority = authority.expect("an authority is made");
    let key = KeyPair::generate().expect("a key is made");
    let names = vec!["localhost".to_owned()];
    let params = CertificateParams::new(names).expect("the name is one");
    let certificate = params.signed_by(&key, &authority).expect("it is signed");
    let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the versions are there")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], secret)
        .expect("the key is that of the certificate");
    (TlsAcceptor::from(Arc::new(config)), authority.pem())
}

#[tokio::test]
async fn a_hub_is_reached_over_tls_and_only_if_its_authority_is_trusted() {
    let (port, authority) = listen().await;
    let url = format!("wss://localhost:{port}/");
    let client = Client::connect(Config::new(&*url).authorities(authority)).await.expect("it is trusted");
    client.settle().await.expect("it answers pings");
    let mut messages = client.messages();
    client.write("news", "hi").await.expect("there is room");
    // The server takes one at a time.
    assert!(client.shutdown(PATIENCE).await);
    assert_eq!(next_end(&mut messages).await.unsent, 0, "TLS has written all of it out");
    let (_, other) = acceptor();
    let error = Client::connect(Config::new(url).authorities(other)).await.expect_err("it is not trusted");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(format!("{error:#}").contains("certificate"), "{error:#}");
}

/// Set for the process that a test starts.
const ROLE: &str = "CONDUCTOR_CLIENT_TESTS_ROLE";

/// Does nothing by itself: the test below starts it in a process whose certificates are missing.
#[tokio::test]
async fn role_of_a_machine_without_certificates() {
    if env::var_os(ROLE).is_none() {
        return;
    }
    let error = Client::start(Config::new("wss://localhost:1")).expect_err("nobody can be trusted");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(format!("{error:#}").contains("no-such-file.pem"), "{error:#}");
}

#[test]
fn certificates_of_the_machine_that_cannot_be_read_are_named() {
    let mut command = Command::new(env::current_exe().expect("it has a path"));
    command.args(["--exact", "tls::role_of_a_machine_without_certificates"]).env(ROLE, "1");
    command.env("SSL_CERT_FILE", "/no-such-file.pem").env_remove("SSL_CERT_DIR");
    let output = command.output().expect("it can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
