//! That the tables of `docs/security.md` are those of the policy, row by row.

use std::time::{Duration, SystemTime};

use tidings::identity::{Identity, Scope};

use super::{CALLS, Caller, GRPC, Need, OPCODES, ROUTES, RateKind, counts};

const DOCS: &str = include_str!("../../../../../docs/security.md");

/// The rows of the table below a heading.
fn documented(heading: &str) -> Vec<&'static str> {
    let (_, below) = DOCS.split_once(&format!("\n### {heading}\n")).expect("the page has this heading");
    let section = below.split("\n##").next().unwrap_or(below);
    // A section may have further tables, which have no names of doors.
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    rows.take_while(|line| line.starts_with('|')).collect()
}

fn bob() -> Identity {
    Identity::new("bob", SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000)).unwrap()
}

fn words(need: Need) -> String {
    match need {
        Need::Open => "`Open`".to_owned(),
        Need::User => "`User`".to_owned(),
        Need::Own(scope) => format!("`Own({scope})`"),
        Need::Scope(scope) => format!("`Scope({scope})`"),
    }
}

fn may(need: Need, caller: &Caller) -> &'static str {
    if need.check(caller).is_ok() { "yes" } else { "no" }
}

/// Which services may: all, none, or those with one of these scopes.
fn services(need: Need) -> String {
    let service = |scope| Caller::from(bob().with_scopes([scope].into_iter().collect()));
    let names = Scope::ALL.iter().filter(|scope| need.check(&service(**scope)).is_ok());
    let names: Vec<String> = names.map(|scope| format!("`{scope}`")).collect();
    if names.len() == Scope::ALL.len() {
        return "yes".to_owned();
    }
    if names.is_empty() { "no".to_owned() } else { format!("with {}", names.join(" or ")) }
}

/// The row of a door as the page should have it; nobody may where there is no need.
fn row(name: &str, need: Option<Need>) -> String {
    let Some(need) = need else { return format!("| `{name}` | nobody | no | no | no |") };
    let (anonymous, user) = (may(need, &Caller::Anonymous), may(need, &Caller::from(bob())));
    format!("| `{name}` | {} | {anonymous} | {user} | {} |", words(need), services(need))
}

#[test]
fn the_page_has_each_route_as_the_policy_has_it() {
    let rows = ROUTES.iter().map(|route| {
        let name = format!("{} {}", route.method, route.path);
        format!("{} {} |", row(&name, Some(route.need)), route.counts.map_or("nothing", RateKind::name))
    });
    assert_eq!(documented("Routes over HTTP"), rows.collect::<Vec<_>>());
}

#[test]
fn the_page_has_each_grpc_method_as_the_policy_has_it() {
    let rows = GRPC.iter().map(|(path, need)| {
        let counts = counts(path).map_or("nothing", RateKind::name);
        format!("{} {counts} |", row(path, Some(*need)))
    });
    assert_eq!(documented("Methods over gRPC"), rows.collect::<Vec<_>>());
}

#[test]
fn the_page_has_each_call_and_each_opcode_as_the_policy_has_it() {
    let calls = CALLS.iter().map(|(name, need)| row(name, Some(*need)));
    assert_eq!(documented("Calls over a connection"), calls.collect::<Vec<_>>());
    let opcodes = OPCODES.iter().map(|(name, need)| row(name, *need));
    assert_eq!(documented("Opcodes"), opcodes.collect::<Vec<_>>());
}

#[test]
fn the_page_has_each_scope() {
    let scopes = documented("Scopes").into_iter().filter_map(|row| row.split('`').nth(1));
    assert!(scopes.eq(Scope::ALL.iter().map(|scope| scope.name())));
}
