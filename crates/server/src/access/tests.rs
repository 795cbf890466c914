//! Who is who: tokens, tickets, and users whom a proxy names.

use axum::http::{HeaderName, Request};
use tidings::identity::{NewToken, Signer};

use super::scene::{self, Scene};
use super::*;
use crate::config::Rates;

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn head(uri: &str, lines: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().uri(uri);
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

fn behind_a_proxy(config: &mut Config) {
    config.logins.user_header = Some(HeaderName::from_static("x-user"));
    config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
}

#[tokio::test]
async fn a_token_says_who_somebody_is_and_a_bad_one_is_refused() {
    let Scene { access, .. } = Scene::new(|_| ()).await;
    let ask =
        async |token: &str| access.caller(&head("/", &[("authorization", &bearer(token))]), STRANGER).await;
    let bob = ask(&Scene::token("bob", &[])).await.unwrap();
    assert!(matches!(&bob, Caller::User(_)) && bob.user() == Some("bob"));
    let service = ask(&Scene::token("shop", &[identity::Scope::Api])).await.unwrap();
    assert!(matches!(&service, Caller::Service(_)) && service.has(identity::Scope::Api));
    assert_eq!(access.caller(&head("/", &[]), STRANGER).await, Ok(Caller::Anonymous));

    let token = Scene::token("bob", &[]);
    for wrong in ["x", &token[1..], &format!("{token}x"), &"x".repeat(100_000)] {
        let refused = ask(wrong).await.unwrap_err();
        assert_eq!(refused.kind, RefusedKind::Unauthenticated);
        assert_eq!(refused.text, Refusal::Malformed.client_text());
    }
    access.revocations().revoke_user("bob", clock::now()).unwrap();
    assert_eq!(ask(&token).await.unwrap_err().kind, RefusedKind::Unauthenticated);
}

#[tokio::test]
async fn a_ticket_is_its_user_once_and_gives_back_its_token() {
    let Scene { access, .. } = Scene::new(|_| ()).await;
    let token = Scene::token("bob", &[]);
    let bob = access.verify(&token).await.unwrap();
    let ticket = access.issue_ticket(bob.clone(), None).unwrap();
    let asked = head(&format!("/ws?ticket={}", ticket.as_str()), &[]);
    assert_eq!(access.caller(&asked, STRANGER).await, Ok(Caller::User(bob.clone())));
    let again = access.caller(&asked, STRANGER).await.unwrap_err();
    assert_eq!(again.kind, RefusedKind::Unauthenticated);

    let ticket = access.issue_ticket(bob.clone(), Some(&token)).unwrap();
    assert_eq!(access.redeem(ticket.as_str()), Ok((bob.clone(), Some(token.clone()))));
    let ticket = access.issue_ticket(bob, Some(&token)).unwrap();
    access.revocations().revoke_user("bob", clock::now()).unwrap();
    assert_eq!(access.redeem(ticket.as_str()).unwrap_err().kind, RefusedKind::Unauthenticated);
}

#[tokio::test]
async fn a_user_has_a_bounded_number_of_tickets() {
    let Scene { access, .. } = Scene::new(|_| ()).await;
    let bob = access.verify(&Scene::token("bob", &[])).await.unwrap();
    for _ in 0..TicketsConfig::USER_MAX_DEFAULT {
        access.issue_ticket(bob.clone(), None).unwrap();
    }
    let refused = access.issue_ticket(bob, None).unwrap_err();
    assert!(refused.kind == RefusedKind::TooMany && refused.retry_after.is_some());
}

#[tokio::test]
async fn a_user_whom_a_trusted_proxy_names_has_the_default_rights_until_revoked() {
    let mut config = Config::defaults();
    behind_a_proxy(&mut config);
    let access = scene::access(&config).await;
    let named = head("/", &[("x-user", "bob")]);
    assert_eq!(access.caller(&named, STRANGER).await, Ok(Caller::Anonymous));
    let bob = access.caller(&named, PROXY).await.unwrap();
    let rights = access.0.default_rights.rights_of("bob").unwrap();
    assert_eq!((bob.user(), &**bob.identity().unwrap().rights()), (Some("bob"), &rights));
    assert!(matches!(bob, Caller::User(_)));

    let long = "x".repeat(513);
    let refused = access.caller(&head("/", &[("x-user", &long)]), PROXY).await.unwrap_err();
    assert!(refused.kind == RefusedKind::Unauthenticated && !refused.text.contains("xx"));
    let no_keys = access.verify("a.b.c").await.unwrap_err();
    assert_eq!(no_keys.kind, RefusedKind::Unauthenticated);
    access.revocations().revoke_user("bob", clock::now()).unwrap();
    assert!(access.caller(&named, PROXY).await.is_err());
}

#[tokio::test]
async fn a_bad_token_is_not_passed_over_for_what_a_proxy_says() {
    let Scene { access, .. } = Scene::new(behind_a_proxy).await;
    let both = head("/", &[("authorization", "Bearer x"), ("x-user", "bob")]);
    assert_eq!(access.caller(&both, PROXY).await.unwrap_err().kind, RefusedKind::Unauthenticated);
}

#[tokio::test]
async fn without_logins_nobody_looks_at_credentials() {
    let access = scene::access(&Config::defaults()).await;
    let bad = head("/", &[("authorization", "Bearer x")]);
    assert_eq!(access.caller(&bad, STRANGER).await, Ok(Caller::Anybody));
}

#[tokio::test(start_paused = true)]
async fn who_tries_credentials_out_is_told_to_wait() {
    let slow = |config: &mut Config| config.limits.connects = Rates { address: 1, ..Rates::default() };
    let Scene { access, .. } = Scene::new(slow).await;
    let bad = || Refused::unauthenticated("x");
    let kinds: Vec<_> = (0..11).map(|_| access.count_refused(bad(), STRANGER).kind).collect();
    assert_eq!(kinds[..10], [RefusedKind::Unauthenticated; 10]);
    assert_eq!(kinds[10], RefusedKind::TooMany);
    // Those elsewhere are not, and no other refusal counts.
    assert_eq!(access.count_refused(bad(), PROXY).kind, RefusedKind::Unauthenticated);
    let forbidden = Refused::forbidden("x");
    assert_eq!(access.count_refused(forbidden.clone(), STRANGER), forbidden);
}

#[tokio::test]
async fn a_key_file_that_is_not_there_is_named() {
    let mut config = Config::defaults();
    config.logins.keys = vec!["no/such/file.pem".into()];
    let revocations = scene::access(&Config::defaults()).await.revocations().clone();
    let error = Access::new(&config, revocations).await.err().unwrap();
    assert!(format!("{error:#}").contains("no/such/file.pem"));
}

#[tokio::test(start_paused = true)]
async fn keys_that_cannot_be_fetched_are_not_the_fault_of_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let keys = format!(r#"{{"keys":[{{"kty":"oct","kid":"one","k":"{}"}}]}}"#, "A".repeat(43));
    std::fs::write(&file, keys).unwrap();
    let source = JwksSource::start(JwksConfig::new(file.to_str().unwrap())).await.unwrap();
    let config = Config::defaults();
    let revocations = scene::access(&config).await.revocations().clone();
    let access = Access::with_keys_of(Some(source), &config, revocations).unwrap();

    let token = NewToken::new("bob", clock::now(), Duration::from_secs(3_600));
    let signer = Signer::from_secret(b"another secret that is for tests alone", Some("two")).unwrap();
    let token = signer.sign(&token).unwrap();
    assert_eq!(access.verify(&token).await.unwrap_err().kind, RefusedKind::Unauthenticated);

    std::fs::remove_file(&file).unwrap();
    tokio::time::advance(JwksConfig::REFETCH_AFTER_DEFAULT).await;
    let refused = access.verify(&token).await.unwrap_err();
    assert!(refused.kind == RefusedKind::Unavailable && refused.retry_after.is_some());
    assert!(!refused.text.contains("keys.json"));
}
