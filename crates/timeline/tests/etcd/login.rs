//! Etcds that ask for a login, and those over TLS.

use test_support::{Etcd, require};
use timeline::ErrorKind;
use timeline::etcd::{Registration, RegistrationConfig, Resolver, ResolverConfig, Servers};

use crate::scene::{ENDPOINT, LIMIT, config, nodes_become, registered, unregistered};

#[tokio::test]
async fn a_login_is_made_and_made_again_when_it_is_forgotten() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    etcd.require_login("timeline", "let me in").await.unwrap();
    let servers = Servers::new([etcd.url()]).login("timeline", "let me in");
    let resolver = Resolver::start(ResolverConfig::new(servers.clone())).unwrap();
    let registration = Registration::start(RegistrationConfig::new(servers, [ENDPOINT]).id("a")).unwrap();
    registered(&registration).await;
    nodes_become(&resolver, &["a"]).await;
    // Logins are in the memory of the etcd that made them.
    etcd.start_again().await.unwrap();
    assert!(registration.shutdown(LIMIT).await);
    nodes_become(&resolver, &[]).await;
}

#[tokio::test]
async fn a_wrong_password_and_none_are_told() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    etcd.require_login("timeline", "let me in").await.unwrap();
    let nobody = config([etcd.url()], "a");
    assert_eq!(Registration::check(&nobody).await.unwrap_err().kind(), ErrorKind::Config);
    let servers = Servers::new([etcd.url()]).login("timeline", "hidden");
    let wrong = RegistrationConfig::new(servers, [ENDPOINT]).id("a");
    assert_eq!(Registration::check(&wrong).await.unwrap_err().kind(), ErrorKind::Config);
    let registration = Registration::start(wrong).unwrap();
    let why = unregistered(&registration).await;
    assert!(!why.contains("hidden") && !format!("{registration:?}").contains("hidden"), "{why}");
}

#[tokio::test]
async fn a_login_where_nobody_has_to_log_in_does_no_harm() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    let servers = Servers::new([etcd.url()]).login("timeline", "let me in");
    let registration = Registration::start(RegistrationConfig::new(servers, [ENDPOINT]).id("a")).unwrap();
    registered(&registration).await;
}

#[tokio::test]
async fn an_etcd_over_tls_is_asked_with_its_ca_alone() {
    let Some(etcd) = require(Etcd::with_tls().await) else { return };
    let Some(other) = require(Etcd::with_tls().await) else { return };
    let config_with = |ca: &Etcd| {
        let pem = std::fs::read(ca.ca_file().unwrap()).unwrap();
        RegistrationConfig::new(Servers::new([etcd.url()]).ca(pem), [ENDPOINT]).id("a")
    };
    let registration = Registration::start(config_with(&etcd)).unwrap();
    registered(&registration).await;
    let refused = Registration::check(&config_with(&other)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(registration.shutdown(LIMIT).await);
}
