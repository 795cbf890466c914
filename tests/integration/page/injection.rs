//! Text from others is text.

use serde_json::json;
use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

const NASTY: &str = "<img src=x onerror=alert(1)><script>alert(2)</script>";

#[tokio::test]
async fn script_in_names_and_messages_is_shown_and_not_run() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let mallory = Person::enter(&chromium.profile().await.unwrap(), &server, NASTY).await;
    mallory.open("Alice").await;
    mallory.say(NASTY).await;
    alice.open(NASTY).await;
    alice.sees(&[NASTY]).await;
    alice.until(&format!("document.querySelector('#talk-title').textContent === {}", json!(NASTY))).await;
    // A group whose name and members are of the same kind.
    mallory.page.click("#new-group").await.unwrap();
    mallory.page.fill("#group-name", NASTY).await.unwrap();
    mallory.page.click("#group-people input[value='Alice']").await.unwrap();
    mallory.page.click("#gather .primary").await.unwrap();
    mallory.say("javascript:alert(3)").await;
    alice.open_beginning("group:").await;
    alice.sees(&["javascript:alert(3)"]).await;
    for person in [&alice, &mallory] {
        let made = "document.querySelectorAll('#app img:not(.mark), #app script, #app a:not(#renewal-link), #app [onerror]').length";
        assert_eq!(person.value(made).await, 0);
        person.had_no_trouble();
    }
}

#[tokio::test]
async fn the_policy_stops_a_script_that_gets_into_the_page() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    // Text cannot become markup or code, on any of the ways there are.
    for attempt in [
        "document.body.innerHTML = '<b>x</b>'",
        "document.body.setAttribute('onclick', 'alert(1)')",
        "document.createElement('script').src = 'data:text/javascript,alert(1)'",
        "document.createElement('script').text = 'alert(1)'",
        "setTimeout('alert(1)')",
    ] {
        let refused = format!("(() => {{ try {{ {attempt}; return false }} catch {{ return true }} }})()");
        assert_eq!(alice.value(&refused).await, true, "{attempt}");
    }
    // Nothing is fetched from elsewhere.
    for (attempt, directive) in [
        ("new Image().src = 'http://127.0.0.1:9/x.png'", "img-src"),
        ("fetch('http://127.0.0.1:9/x').catch(() => {})", "connect-src"),
    ] {
        let stopped = format!(
            "new Promise(done => {{
                document.addEventListener('securitypolicyviolation', event => done(event.effectiveDirective), {{ once: true }});
                {attempt};
            }})"
        );
        assert_eq!(alice.value(&stopped).await, directive);
    }
    assert!(alice.page.dialogs().is_empty());
}
