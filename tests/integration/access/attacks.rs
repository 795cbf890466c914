//! What an attacker sends, and what comes back.

use std::time::{Duration, SystemTime};

use identity::{NewKey, NewToken, Signer};
use jsonwebtoken::{EncodingKey, Header};
use reqwest::header;
use serde_json::{Value, json};

use super::scene::{HOUR, Scene, outcome};
use crate::handshake;
use crate::issuer::wall_time;

/// What is read with each of these tokens.
const INBOX: &str = "/timeline/sync?member=alice";

/// Base64 as tokens have it, of an ASCII text.
fn encoded(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            encoded.push(char::from(LETTERS[(bits >> (18 - 6 * place) & 63) as usize]));
        }
    }
    encoded
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn parts(token: &str) -> [&str; 3] {
    let mut parts = token.split('.');
    [(); 3].map(|()| parts.next().unwrap())
}

#[tokio::test]
async fn no_forged_token_opens_a_door() {
    let scene = Scene::start(&["--token-audience=chat"]);
    let now = wall_time();
    let alice = || NewToken::new("alice", now, HOUR).audience("chat");
    let good = scene.signed(&alice());
    assert_eq!(outcome(scene.get(INBOX, Some(&good))).await.0, 200);

    let [head, claims, signature] = parts(&good);
    let stranger = Signer::from_pem(NewKey::ed25519().unwrap().signing(), None).unwrap();
    // The public key, which everybody may know, as if it were a secret of HS256. Our own signer
    // refuses such a secret.
    let claims_of_alice =
        json!({ "sub": "alice", "aud": "chat", "iat": seconds(now), "exp": seconds(now + HOUR) });
    let public = EncodingKey::from_secret(scene.issuer.key.verifying().unwrap().as_bytes());
    let confused = jsonwebtoken::encode(&Header::default(), &claims_of_alice, &public).unwrap();
    let (none, long) = (encoded(r#"{"alg":"none","typ":"JWT"}"#), "A".repeat(60_000));
    let bobs = scene.signed(&NewToken::new("bob", now, HOUR).audience("chat"));
    let unknown = Signer::from_pem(scene.issuer.key.signing(), Some("another")).unwrap();
    let attacks = [
        ("of a key that is not ours", stranger.sign(&alice()).unwrap()),
        ("with a public key as a secret", confused),
        ("without an algorithm", format!("{none}.{claims}.")),
        ("without an algorithm and with a signature", format!("{none}.{claims}.{signature}")),
        ("without a signature", format!("{head}.{claims}.")),
        ("with the signature of another token", format!("{head}.{claims}.{}", parts(&bobs)[2])),
        ("with the claims of another token", format!("{head}.{}.{signature}", parts(&bobs)[1])),
        ("that is over", scene.signed(&NewToken::new("alice", now - 2 * HOUR, HOUR).audience("chat"))),
        ("of the future", scene.signed(&NewToken::new("alice", now + HOUR, HOUR).audience("chat"))),
        ("for another audience", scene.signed(&NewToken::new("alice", now, HOUR).audience("mail"))),
        ("for no audience", scene.signed(&NewToken::new("alice", now, HOUR))),
        ("that is good for years", scene.signed(&NewToken::new("alice", now, 9_000 * HOUR).audience("chat"))),
        ("that is huge", format!("{head}.{long}.{signature}")),
        ("that is no token", "alice".to_owned()),
        ("that is empty", String::new()),
    ];
    for (which, token) in attacks {
        let request = scene.get(INBOX, Some(&token));
        assert_eq!(outcome(request).await, (401, "UNAUTHENTICATED".to_owned()), "a token {which}");
    }
    // A name of a key that the server was not told counts for nothing: keys from a file have none.
    let renamed = unknown.sign(&alice()).unwrap();
    assert_eq!(outcome(scene.get(INBOX, Some(&renamed))).await.0, 200);
}

#[tokio::test]
async fn a_bad_token_is_refused_also_where_a_good_one_stands_beside_it() {
    let scene = Scene::start(&["--token-cookie=session"]);
    let (good, own) = (scene.token("alice"), format!("http://{}", scene.server.http()));
    let cookie = format!("session={good}");
    let base = || scene.client.get(scene.server.url(INBOX));
    let with_cookie = || base().header(header::COOKIE, &cookie).header(header::ORIGIN, &own);
    assert_eq!(outcome(with_cookie()).await.0, 200);
    assert_eq!(outcome(with_cookie().bearer_auth("forged")).await.0, 401);
    // Which of two counts is for nobody to guess.
    let two = base().bearer_auth(&good).header(header::AUTHORIZATION, "Bearer forged");
    assert_eq!(outcome(two).await.0, 401);
    assert_eq!(outcome(base().basic_auth("alice", Some("secret"))).await.0, 401);
}

#[tokio::test]
async fn a_cookie_counts_only_for_pages_of_ours_and_those_that_were_named() {
    let scene = Scene::start(&["--token-cookie=session", "--allow-origin=https://chat.example"]);
    let cookie = format!("other=1; session={}", scene.token("alice"));
    let own = format!("http://{}", scene.server.http());
    let send = json!({ "from": "alice", "to": "bob", "message": "{}" });
    let post = || {
        let request = scene.client.post(scene.server.url("/timeline/send")).json(&send);
        request.header(header::COOKIE, &cookie)
    };
    assert_eq!(outcome(post().header(header::ORIGIN, &own)).await.0, 200);
    assert_eq!(outcome(post().header(header::ORIGIN, "https://chat.example")).await.0, 200);
    assert_eq!(outcome(post().header("sec-fetch-site", "same-origin")).await.0, 200);
    for origin in ["https://evil.example", "null", "https://chat.example.evil.example"] {
        assert_eq!(outcome(post().header(header::ORIGIN, origin)).await.0, 403, "{origin}");
    }
    // A form of another page, sent by a browser that says no origin, or by nobody who can tell.
    assert_eq!(outcome(post()).await.0, 401);
    assert_eq!(outcome(post().header("sec-fetch-site", "cross-site")).await.0, 401);
    let form = scene.client.post(scene.server.url("/timeline/send")).header(header::COOKIE, &cookie);
    let form = form.header("sec-fetch-site", "same-origin").header(header::CONTENT_TYPE, "text/plain");
    assert_eq!(outcome(form.body(send.to_string())).await.0, 400);
}

#[tokio::test]
async fn a_foreign_name_for_our_address_gets_nothing_and_a_named_one_does() {
    let scene = Scene::start(&["--allow-host=chat.example"]);
    let token = scene.token("alice");
    let under = |host: &str| scene.get(INBOX, Some(&token)).header(header::HOST, host);
    for (host, status) in [
        ("chat.example", 200),
        ("chat.example:8000", 200),
        ("CHAT.example", 200),
        ("localhost", 200),
        ("evil.example", 403),
        ("chat.example.evil.example", 403),
        ("evil.chat.example", 403),
    ] {
        assert_eq!(outcome(under(host)).await.0, status, "{host}");
    }
}

/// The status of a handshake with this token, if any.
async fn upgrade(scene: &Scene, query: &str, token: Option<&str>) -> u16 {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let header = bearer.as_deref().map(|bearer| ("authorization", bearer));
    handshake::status(&scene.server, query, header.as_slice()).await
}

#[tokio::test]
async fn a_stolen_ticket_is_of_use_once_and_only_at_the_doors_of_browsers() {
    let scene = Scene::start(&[]);
    let token = scene.token("alice");
    let ticket = scene.ticket(&token).await;
    // Where a header can be sent there is no ticket: it is neither taken nor used up.
    assert_eq!(outcome(scene.get(&format!("{INBOX}&ticket={ticket}"), None)).await.0, 401);
    assert_eq!(upgrade(&scene, &format!("?ticket={ticket}"), None).await, 101);
    assert_eq!(upgrade(&scene, &format!("?ticket={ticket}"), None).await, 401);
    let events = scene.get(&format!("/presence/events?ticket={ticket}"), None);
    assert_eq!(outcome(events).await.0, 401);
    let again = scene.post("/login", None, &json!({ "ticket": ticket }));
    assert_eq!(outcome(again).await.0, 401);
    // A ticket makes no ticket.
    let other = scene.ticket(&token).await;
    let more = scene.post(&format!("/ticket?ticket={other}"), None, &Value::Null);
    assert_eq!(outcome(more).await.0, 401);
}

#[tokio::test]
async fn no_token_is_taken_from_a_query_unless_that_is_configured() {
    let (scene, lax) = (Scene::start(&[]), Scene::start(&["--token-in-query"]));
    let query = |scene: &Scene| format!("?token={}", scene.token("alice"));
    assert_eq!(upgrade(&scene, &query(&scene), None).await, 401);
    assert_eq!(upgrade(&lax, &query(&lax), None).await, 101);
    assert_eq!(outcome(lax.get(&format!("{INBOX}&token={}", lax.token("alice")), None)).await.0, 401);
}

#[tokio::test]
async fn with_logins_nobody_takes_a_name() {
    let scene = Scene::start(&["--user-header=x-user", "--trusted-proxies=192.0.2.1"]);
    assert_eq!(upgrade(&scene, "?user=alice", None).await, 400);
    assert_eq!(upgrade(&scene, "?user=bob", Some(&scene.token("alice"))).await, 400);
    // The header of a proxy, from somebody who is none.
    let named = scene.get(INBOX, None).header("x-user", "alice");
    assert_eq!(outcome(named).await.0, 401);
    let forwarded = scene.get(INBOX, None).header("x-user", "alice").header("x-forwarded-for", "192.0.2.1");
    assert_eq!(outcome(forwarded).await.0, 401);
}

#[tokio::test]
async fn a_proxy_that_is_named_says_who_asks() {
    let scene = Scene::start(&["--user-header=x-user", "--trusted-proxies=127.0.0.1"]);
    let as_user = |user: &str| scene.get(INBOX, None).header("x-user", user);
    assert_eq!(outcome(as_user("alice")).await.0, 200);
    assert_eq!(outcome(as_user("bob")).await, (403, "TIMELINE_FORBIDDEN".to_owned()));
    assert_eq!(outcome(as_user("")).await.0, 401);
    assert_eq!(outcome(as_user("alice").header("x-user", "bob")).await.0, 401);
}

#[tokio::test]
async fn whoever_guesses_tokens_is_slowed_down_and_told_until_when() {
    let scene = Scene::start(&["--limit-connects=0/1/2"]);
    let mut refused = None;
    for _ in 0..60 {
        let answer = scene.get(INBOX, Some("guess")).send().await.unwrap();
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
        assert_eq!(answer.status(), 401);
    }
    let refused = refused.expect("somebody who guesses is refused in the end");
    let after: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&after), "{after}");
    // Others at the same address who have a token are not shut out by it.
    assert_eq!(outcome(scene.get(INBOX, Some(&scene.token("alice")))).await.0, 200);
    assert!(Duration::from_secs(after) <= HOUR);
}
