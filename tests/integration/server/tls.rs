//! TLS of the server's own, and compression.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Certificate, Client, StatusCode};
use tests::Tidings;

/// An authority, which makes the files `server.pem` and `server.key`; its own is `ca.pem`.
pub(super) fn certificates(directory: &Path) -> Certificate {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    fs::write(directory.join("server.pem"), certificate.pem()).unwrap();
    fs::write(directory.join("server.key"), key.serialize_pem()).unwrap();
    fs::write(directory.join("ca.pem"), authority.pem()).unwrap();
    Certificate::from_pem(authority.pem().as_bytes()).unwrap()
}

#[tokio::test]
async fn pages_and_sockets_are_served_over_tls_and_compressed() {
    let directory = tempfile::tempdir().unwrap();
    let authority = certificates(directory.path());
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (certificate, key) =
        (format!("--tls-cert={}", path("server.pem")), format!("--tls-key={}", path("server.key")));
    let server = Tidings::start_with(&[&certificate, &key, "--compression"]);
    let url = |path: &str| server.url(path).replace("http://", "https://");
    let client = Client::builder().tls_certs_only([authority]).build().unwrap();
    assert_eq!(client.get(url("/healthz")).send().await.unwrap().status(), StatusCode::OK);
    let socket = client
        .get(url("/ws?user=alice"))
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-extensions", "permessage-deflate; client_max_window_bits");
    let answer = socket.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
    let agreed = answer.headers()["sec-websocket-extensions"].to_str().unwrap();
    assert!(agreed.starts_with("permessage-deflate; server_no_context_takeover"), "{agreed}");
    assert!(Client::new().get(server.url("/healthz")).send().await.is_err(), "nothing is told in clear text");
}

#[test]
fn a_pair_that_cannot_be_used_is_found_by_check_and_keeps_the_server_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    certificates(directory.path());
    fs::write(directory.path().join("other.key"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let run = |more: &[&str]| {
        let flags = ["--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--tls-cert=server.pem"];
        let output = Tidings::run(directory.path(), &[more, &flags].concat(), &[]);
        (
            output.status.success(),
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        )
    };
    let (good, said) = run(&["check", "--tls-key=server.key"]);
    assert!(good && said.contains("ok      --tls-cert server.pem"), "{said}");
    for command in ["check", "serve"] {
        let (good, said) = run(&[command, "--tls-key=other.key"]);
        assert!(
            !good && said.contains("the key other.key does not fit the certificate server.pem"),
            "{said}"
        );
    }
    let (good, said) = run(&["check"]);
    assert!(!good && said.contains("--tls-cert: ") && said.contains("give it with --tls-key"), "{said}");
}
