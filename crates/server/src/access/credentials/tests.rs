//! A table of requests, and what each shows.

use axum::http::Request;

use super::*;

const OURS: (&str, &str) = ("origin", "http://chat.example");
const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
const COOKIE: (&str, &str) = ("cookie", "a=b; session=of-cookie; c=d");
const USER: (&str, &str) = ("x-user", "bob");
const BEARER: (&str, &str) = ("authorization", "Bearer of-header");

fn places() -> Places {
    Places {
        cookie: Some("session".to_owned()),
        in_query: true,
        user_header: Some(HeaderName::from_static("x-user")),
        origins: vec!["https://partner.example".to_owned()],
    }
}

fn head(uri: &str, lines: &[(&str, &str)]) -> Parts {
    let (method, path) = uri.split_once(' ').unwrap_or(("GET", uri));
    let mut request = Request::builder().method(method).uri(path).header("host", "chat.example");
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// What is found: `token …`, `ticket …`, `user …`, `nothing` or `refused`.
fn found(places: &Places, uri: &str, lines: &[(&str, &str)], is_trusted: bool) -> String {
    match places.find(&head(uri, lines), is_trusted) {
        Ok(Some(Credential::Token(token))) => format!("token {token}"),
        Ok(Some(Credential::Ticket(ticket))) => format!("ticket {ticket}"),
        Ok(Some(Credential::User(user))) => format!("user {user}"),
        Ok(None) => "nothing".to_owned(),
        Err(refused) => {
            assert!(!refused.text.contains("of-"), "a refusal repeats what was shown: {refused:?}");
            "refused".to_owned()
        }
    }
}

#[test]
fn the_first_that_is_there_counts() {
    let ws = "/ws?token=of-query&ticket=of-ticket";
    let rest = [OURS, COOKIE, USER];
    let all = [BEARER, OURS, COOKIE, USER];
    for (uri, lines, shown) in [
        (ws, &all[..], "token of-header"),
        (ws, &rest, "ticket of-ticket"),
        ("/presence/events?ticket=of-ticket", &rest, "ticket of-ticket"),
        ("/timeline/watch?member=bob&ticket=of-ticket", &rest, "ticket of-ticket"),
        ("/ws?token=of-query", &rest, "token of-query"),
        ("/ws", &rest, "token of-cookie"),
        ("/ws", &rest[2..], "user bob"),
        ("/ws", &[], "nothing"),
        ("/presence?id=x", &all, "token of-header"),
        ("/presence?id=x", &rest, "token of-cookie"),
    ] {
        assert_eq!(found(&places(), uri, lines, true), shown, "{uri} {lines:?}");
    }
}

#[test]
fn a_query_counts_only_where_no_header_can_be_sent() {
    for uri in
        ["/presence?ticket=of-ticket&token=of-query", "POST /ws?ticket=of-ticket", "/wss?token=of-query"]
    {
        assert_eq!(found(&places(), uri, &[], true), "nothing", "{uri}");
    }
    let places = Places { in_query: false, ..places() };
    assert_eq!(found(&places, "/ws?token=of-query", &[], true), "nothing");
    assert_eq!(found(&places, "/ws?token=of-query&ticket=of%2Dticket", &[], true), "ticket of-ticket");
}

#[test]
fn a_cookie_counts_only_for_our_pages_and_those_that_are_allowed() {
    for (lines, shown) in [
        (&[COOKIE][..], "nothing"),
        (&[COOKIE, SAME], "token of-cookie"),
        (&[COOKIE, OURS], "token of-cookie"),
        (&[COOKIE, ("origin", "https://partner.example")], "token of-cookie"),
        (&[COOKIE, ("origin", "https://evil.example")], "nothing"),
        (&[COOKIE, ("origin", "null")], "nothing"),
        (&[COOKIE, ("origin", "https://evil.example"), SAME], "nothing"),
        (&[COOKIE, OURS, ("origin", "https://evil.example")], "nothing"),
        (&[COOKIE, ("sec-fetch-site", "same-site")], "nothing"),
        (&[COOKIE, ("sec-fetch-site", "cross-site")], "nothing"),
        (&[COOKIE, ("sec-fetch-site", "none")], "nothing"),
        (&[COOKIE, SAME, ("sec-fetch-site", "cross-site")], "nothing"),
        (&[("cookie", "session=\"of-cookie\""), SAME], "token of-cookie"),
        (&[("cookie", "a=b"), ("cookie", "session=of-cookie"), SAME], "token of-cookie"),
        (&[("cookie", "Session=of-cookie; xsession=of-cookie"), SAME], "nothing"),
        (&[("cookie", "session="), SAME], "nothing"),
        (&[("cookie", "session"), SAME], "nothing"),
        (&[("cookie", "session=of-a; session=of-b"), SAME], "refused"),
        (&[("cookie", "session=of-a"), ("cookie", "session=of-b"), SAME], "refused"),
    ] {
        assert_eq!(found(&places(), "/timeline/sync", lines, false), shown, "{lines:?}");
    }
    let places = Places { cookie: None, ..places() };
    assert_eq!(found(&places, "/timeline/sync", &[COOKIE, OURS], false), "nothing");
}

#[test]
fn a_user_counts_only_from_a_proxy_that_is_trusted() {
    assert_eq!(found(&places(), "/ws", &[USER], false), "nothing");
    assert_eq!(found(&places(), "/ws", &[USER], true), "user bob");
    assert_eq!(found(&places(), "/ws", &[("x-user", "")], true), "nothing");
    assert_eq!(found(&places(), "/ws", &[("x-user", "zoë")], true), "user zoë");
    assert_eq!(found(&places(), "/ws", &[USER, ("x-user", "alice")], true), "refused");
    assert_eq!(found(&places(), "/ws", &[USER, ("x-user", "alice")], false), "nothing");
    let places = Places { user_header: None, ..places() };
    assert_eq!(found(&places, "/ws", &[USER], true), "nothing");
}

#[test]
fn a_user_whom_a_proxy_names_does_not_act_for_a_page_of_others() {
    for (lines, shown) in [
        (&[USER, OURS][..], "user bob"),
        (&[USER, ("origin", "https://partner.example")], "user bob"),
        (&[USER, SAME], "user bob"),
        (&[USER, ("sec-fetch-site", "none")], "user bob"),
        (&[USER, ("origin", "https://evil.example")], "nothing"),
        (&[USER, ("origin", "null")], "nothing"),
        (&[USER, ("sec-fetch-site", "cross-site")], "nothing"),
        (&[USER, ("sec-fetch-site", "same-site")], "nothing"),
        (&[USER, SAME, ("sec-fetch-site", "cross-site")], "nothing"),
    ] {
        let path = "POST /timeline.v1.Timeline/Send";
        assert_eq!(found(&places(), path, lines, true), shown, "{lines:?}");
    }
}

#[test]
fn what_is_there_and_cannot_be_read_is_refused_and_not_passed_over() {
    for lines in [
        &[BEARER, ("authorization", "Bearer of-other"), USER][..],
        &[("authorization", ""), USER],
        &[("authorization", "Bearer"), USER],
        &[("authorization", "Bearer "), USER],
        &[("authorization", "Basic of-password"), USER],
        &[("authorization", "of-token"), USER],
    ] {
        assert_eq!(found(&places(), "/ws", lines, true), "refused", "{lines:?}");
    }
    for uri in ["/ws?ticket=of-a&ticket=of-b", "/ws?token=of-a&token=of-b"] {
        assert_eq!(found(&places(), uri, &[USER], true), "refused", "{uri}");
    }
    assert_eq!(found(&places(), "/ws", &[("authorization", "bEARER  of-token")], true), "token of-token");
    assert_eq!(found(&places(), "/ws?ticket=", &[USER], true), "ticket ");
}
