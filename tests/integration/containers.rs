//! The servers in containers, as a machine without their binaries would have them.
//!
//! `cargo xtask containers` runs these with an engine and images made for them. What of
//! `compose.yaml` needs none is tried everywhere.

use std::collections::{BTreeMap, BTreeSet};

use tempfile::TempDir;
use test_support::{Error, ErrorKind, Etcd, Mongo, Origin, Proxy, Redis, free_port, require};
use tests::Tidings;
use tokio_tungstenite::connect_async;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const COMPOSE: &str = include_str!("../../compose.yaml");
const NGINX: &str = include_str!("../../docker/nginx.conf");
const REPLICA_SET: &str = include_str!("../../docker/replica-set.js");

#[tokio::test]
async fn redis_mongo_and_etcd_run_in_containers() {
    if !test_support::engine_answers().await {
        test_support::skip("no Docker engine answers: `cargo xtask containers` starts one");
        return;
    }
    let redis = Redis::in_container().await.unwrap_or_else(|error| fail(&error));
    let mongo = Mongo::in_container().await.unwrap_or_else(|error| fail(&error));
    let etcd = Etcd::in_container().await.unwrap_or_else(|error| fail(&error));
    for (url, origin) in
        [(redis.url(), redis.origin()), (mongo.url(), mongo.origin()), (etcd.url(), etcd.origin())]
    {
        assert_eq!(*origin, Origin::Container);
        println!("{url} answers from a container");
    }
}

/// Where the requests of browsers are passed on.
const LOCATION: &str = "    location / {\n        proxy_pass";

/// The settings of a server of `compose.yaml`, in the order of the file.
fn settings() -> BTreeMap<&'static str, &'static str> {
    let lines = COMPOSE.lines().filter_map(|line| line.trim().split_once(": "));
    let settings = lines.filter(|(name, _)| name.starts_with("TIDINGS_"));
    settings.map(|(name, value)| (name, value.trim_matches('"'))).collect()
}

/// Without an engine: the servers understand what the file tells them.
#[test]
fn the_settings_of_the_compose_file_are_taken_together() {
    let mut settings = settings();
    assert!(settings.len() > 10, "{settings:?}");
    // Where nobody answers, as the names mean nothing here.
    let elsewhere = [
        ("TIDINGS_HTTP", "127.0.0.1:0"),
        ("TIDINGS_GRPC", "127.0.0.1:0"),
        ("TIDINGS_DATA_DIR", "data"),
        ("TIDINGS_MONGO_URL", "mongodb://127.0.0.1:1/?replicaSet=rs0"),
        ("TIDINGS_REDIS_URL", "redis://127.0.0.1:1"),
        ("TIDINGS_ETCD", "http://127.0.0.1:1"),
    ];
    for (name, value) in elsewhere {
        assert!(settings.insert(name, value).is_some(), "the file does not set {name}");
    }
    let directory = TempDir::new().unwrap();
    let variables: Vec<_> = settings.into_iter().collect();
    let output = Tidings::run(directory.path(), &["check"], &variables);
    let text = String::from_utf8(output.stdout).unwrap();
    // Settings that do not fit together end with 2 and say so on the other output.
    assert_eq!(output.status.code(), Some(1), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with("ok      configuration\n") && !text.contains("note    --presence"), "{text}");
    for database in ["problem --mongo-url: ", "problem --redis-url: ", "problem --etcd"] {
        assert!(text.contains(database), "{database} is not in {text}");
    }
}

/// Returns what is declared below a word at the margin, such as `services`.
fn declared(word: &str) -> BTreeSet<&'static str> {
    let (_, below) = COMPOSE.split_once(&format!("\n{word}:\n")).expect("the file has it");
    let lines = below.lines().take_while(|line| line.is_empty() || line.starts_with(' '));
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    names.filter(|name| !name.starts_with([' ', '#'])).collect()
}

/// Without an engine: what one part of the file relies on is in another one, or beside it.
#[test]
fn what_the_compose_file_names_is_there() {
    let (services, volumes) = (declared("services"), declared("volumes"));
    assert!(services.len() > 5 && volumes.len() > 5, "{services:?} {volumes:?}");
    let lines = || COMPOSE.lines().map(str::trim);
    let variables = lines().filter_map(|line| line.strip_prefix("TIDINGS_")?.split_once(": "));
    let addresses = variables.filter(|(_, value)| value.contains("://"));
    for (name, address) in addresses.flat_map(|(name, value)| value.split(',').map(move |one| (name, one))) {
        let host = address.rsplit("://").next().unwrap().split([':', '/']).next().unwrap();
        assert!(services.contains(host), "{name} leads to {host}, which is no service");
    }
    let items = lines().filter_map(|line| line.strip_prefix("- ")).filter(|item| !item.starts_with('-'));
    for (from, _) in items.clone().filter_map(|item| item.split_once(":/")) {
        if from.starts_with("./") {
            assert!(test_support::workspace().join(from).is_file(), "{from} is not there");
        } else {
            assert!(volumes.contains(from), "the volume {from} is not declared");
        }
    }
    // Nobody logs in, so nobody else may come in.
    let is_port = |item: &&str| item.chars().all(|c| c.is_ascii_digit() || ".:".contains(c));
    let ports: Vec<_> = items.filter(is_port).collect();
    assert!(ports.len() == 2 && ports.iter().all(|port| port.starts_with("127.0.0.1:")), "{ports:?}");
    let members = services.iter().filter(|name| name.starts_with("mongo-") && **name != "mongo-set");
    for member in members {
        assert!(REPLICA_SET.contains(&format!("'{member}'")), "{member} is in no replica set");
    }
}

/// Without an engine: nginx takes its file, and leads to both servers.
#[tokio::test]
async fn the_nginx_of_the_compose_file_leads_to_both_servers() {
    let servers = [Tidings::start(), Tidings::start()];
    let grpc = free_port().unwrap();
    let started = Proxy::nginx(|place| {
        let file = NGINX
            .replace("listen 80;", &format!("listen 127.0.0.1:{};", place.port))
            .replace("listen 9000", &format!("listen 127.0.0.1:{grpc}"))
            .replace(LOCATION, &format!("    add_header X-Server $upstream_addr always;\n{LOCATION}"));
        ["tidings-1", "tidings-2"].iter().zip(&servers).fold(file, |file, (name, server)| {
            file.replace(&format!("{name}:8000"), &server.http().to_string())
                .replace(&format!("{name}:9000"), &server.grpc().to_string())
        })
    });
    let Some(proxy) = require(started.await) else { return };
    let address = format!("127.0.0.1:{}", proxy.place().port);
    let mut asked = BTreeSet::new();
    for _ in 0..20 {
        let answer = reqwest::get(format!("http://{address}/readyz")).await.unwrap();
        assert_eq!(answer.status(), 200, "{}", proxy.log());
        asked.insert(answer.headers()["x-server"].to_str().unwrap().to_owned());
    }
    assert_eq!(asked.len(), 2, "all requests go to {asked:?}");
    connect_async(format!("ws://{address}/ws?user=alice")).await.unwrap();
    let mut events = reqwest::get(format!("http://{address}/presence/events")).await.unwrap();
    let first = events.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"retry:"), "{first:?}");
    let channel = Endpoint::from_shared(format!("http://127.0.0.1:{grpc}")).unwrap().connect().await.unwrap();
    let service = "timeline.v1.Timeline".to_owned();
    HealthClient::new(channel).check(HealthCheckRequest { service }).await.unwrap();
}

fn fail(error: &Error) -> ! {
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    assert_ne!(error.kind(), ErrorKind::Missing, "the engine answered a moment ago");
    panic!("{error}: {source}")
}
