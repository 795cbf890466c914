//! Behind nginx and behind Caddy, both with TLS, as docs/proxy.md has them.

use std::fs;
use std::process::Command;

use reqwest::{Certificate, Client};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{Chromium, Page, Proxy, ProxyPlace, require};
use tests::Tidings;
use tidings::timeline::grpc::TimelineClient;
use tidings::timeline::proto::v1::SyncMessageRequest;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;

use super::scene::Scene;

const PAGE: &str = include_str!("../../../docs/proxy.md");
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/login/token.py");

/// The block of the page in this language.
fn block(language: &str) -> String {
    let (_, rest) = PAGE.split_once(&format!("```{language}\n")).expect("the page has such a block");
    rest.split_once("\n```").expect("the block has an end").0.to_owned()
}

/// What stands on the page, with the ports and files of this test.
fn nginx(server: &Tidings, place: &ProxyPlace) -> String {
    block("nginx")
        .replace("listen 443", &format!("listen 127.0.0.1:{}", place.port))
        .replace("chat.example.org;", "localhost;")
        .replace("/etc/ssl/chat.example.org.pem", &place.certificate.display().to_string())
        .replace("/etc/ssl/chat.example.org.key", &place.key.display().to_string())
        .replace("127.0.0.1:8000", &server.http().to_string())
        .replace("127.0.0.1:9000", &server.grpc().to_string())
}

fn caddy(server: &Tidings, place: &ProxyPlace) -> String {
    let (certificate, key) = (place.certificate.display(), place.key.display());
    let site =
        format!("https://localhost:{} {{\n    bind 127.0.0.1\n    tls {certificate} {key}\n", place.port);
    block("caddyfile")
        .replace("chat.example.org {\n", &site)
        .replace("127.0.0.1:8000", &server.http().to_string())
        .replace("127.0.0.1:9000", &server.grpc().to_string())
}

/// A client that believes the proxy's certificate.
fn client(place: &ProxyPlace) -> Client {
    let ca = Certificate::from_pem(&fs::read(&place.ca).unwrap()).unwrap();
    Client::builder().tls_certs_only([ca]).build().unwrap()
}

async fn works_behind(scene: &Scene, proxy: &Proxy) {
    let (place, client) = (proxy.place(), client(proxy.place()));
    let url = |path: &str| format!("https://localhost:{}{path}", place.port);
    let alice = scene.token("alice");
    let sync = client.get(url("/timeline/sync?member=alice"));
    assert_eq!(sync.try_clone().unwrap().send().await.unwrap().status(), 401);
    assert_eq!(sync.bearer_auth(&alice).send().await.unwrap().status(), 200);
    // Streams of events come through at once.
    let mut events = client.get(url("/presence/events")).bearer_auth(&alice).send().await.unwrap();
    let first = events.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"retry:"), "{first:?}");
    // gRPC, over the same port.
    let tls = tonic::transport::ClientTlsConfig::new()
        .ca_certificate(tonic::transport::Certificate::from_pem(fs::read(&place.ca).unwrap()))
        .domain_name("localhost");
    let channel = Channel::from_shared(url("")).unwrap().tls_config(tls).unwrap().connect().await.unwrap();
    let mut request = Request::new(SyncMessageRequest { member: "alice".to_owned(), ..Default::default() });
    let value = MetadataValue::try_from(format!("Bearer {alice}")).unwrap();
    request.metadata_mut().insert("authorization", value);
    TimelineClient::new(channel).get_sync_message(request).await.unwrap();
}

#[tokio::test]
async fn both_proxies_work_as_the_page_has_them() {
    let scene = Scene::start(&["--trusted-proxies=127.0.0.1"]);
    let nginx = Proxy::nginx(|place| nginx(&scene.server, place)).await;
    let caddy = Proxy::caddy(|place| caddy(&scene.server, place)).await;
    for proxy in [nginx, caddy] {
        let Some(proxy) = require(proxy) else { continue };
        works_behind(&scene, &proxy).await;
    }
}

/// A token as another program makes it, in another language.
fn token(secret: &std::path::Path, user: &str) -> String {
    let made = Command::new("python3").arg(PROGRAM).arg(secret).arg(user).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

async fn enter(page: &Page, place: &ProxyPlace, token: &str) {
    // The proxy's certificate is of a CA that no browser knows.
    page.call("Security.setIgnoreCertificateErrors", json!({ "ignore": true })).await.unwrap();
    page.open(&format!("https://localhost:{}/#token={token}", place.port)).await.unwrap();
    page.wait_for("document.querySelector('#connection').dataset.state === 'open'").await.unwrap();
    let address: String = page.evaluate("location.href").await.unwrap();
    assert!(!address.contains("token"), "{address}");
}

#[tokio::test]
async fn two_users_talk_behind_nginx_and_one_is_revoked() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let keys = TempDir::new().unwrap();
    let secret = keys.path().join("secret.key");
    fs::write(&secret, "a secret of more than thirty-two bytes for this test\n").unwrap();
    let believed = format!("--token-keys={}", secret.display());
    let server = Tidings::start_with(&[&believed, "--trusted-proxies=127.0.0.1"]);
    let Some(proxy) = require(Proxy::nginx(|place| nginx(&server, place)).await) else { return };
    let place = proxy.place();
    let (alice, bob) = (
        chromium.profile().await.unwrap().page().await.unwrap(),
        chromium.profile().await.unwrap().page().await.unwrap(),
    );
    enter(&alice, place, &token(&secret, "Alice")).await;
    enter(&bob, place, &token(&secret, "Bob")).await;
    let row = "document.querySelector('[data-key=\"direct:Bob\"]')";
    alice.wait_for(&format!("{row} !== null")).await.unwrap();

    // In another's name, and what is another's.
    let (client, alices) = (client(place), token(&secret, "Alice"));
    let url = |path: &str| format!("https://localhost:{}{path}", place.port);
    let forged = json!({ "from": "Bob", "to": "Alice", "message": "{}" });
    let forged = client.post(url("/timeline/send")).bearer_auth(&alices).json(&forged);
    assert_eq!(forged.send().await.unwrap().status(), 403);
    for path in
        ["/timeline/sync?member=Bob", "/timeline/history/single/Bob/Carol", "/timeline/history/group/club"]
    {
        let read = client.get(url(path)).bearer_auth(&alices).send().await.unwrap();
        assert_eq!(read.status(), 403, "{path}");
    }

    let revoked = Tidings::command(&["revoke", "--user=Bob", "--data-dir"])
        .arg(server.data_dir())
        .arg(&believed)
        .output()
        .unwrap();
    assert!(revoked.status.success(), "{}", String::from_utf8_lossy(&revoked.stderr));
    // The command says that the running server has it; within a second Bob is gone, for himself and
    // for Alice.
    let limit = std::time::Duration::from_secs(1);
    bob.wait_for_within("document.querySelector('#connection')?.dataset.state !== 'open'", limit)
        .await
        .unwrap();
    let again = client.get(url("/timeline/sync?member=Bob")).bearer_auth(token(&secret, "Bob"));
    assert_eq!(again.send().await.unwrap().status(), 401);
    let open: Value = alice.evaluate("document.querySelector('#connection').dataset.state").await.unwrap();
    assert_eq!(open, "open");
}
