//! A client in another language, made of the document alone, does what people do.

use std::process::Command;

use tests::Tidings;

use crate::issuer::Issuer;

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi/client.py");
const FLOW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/integration/openapi/flow.py");

/// Runs the flow against a server, as two users with these tokens.
fn run(server: &Tidings, tokens: &[String]) {
    let mut flow = Command::new("python3");
    flow.arg("-B").arg(FLOW).arg(CLIENT).arg(server.url("")).args(tokens).env("no_proxy", "*");
    let ran = flow.output().unwrap();
    let (told, wrong) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{told}{wrong}");
    assert!(told.ends_with("all is well\n"), "{told}{wrong}");
}

#[test]
fn a_client_made_of_the_document_runs_the_flow_without_logins() {
    run(&Tidings::start(), &[]);
}

#[test]
fn a_client_made_of_the_document_runs_the_flow_with_tokens() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    run(&server, &[issuer.token("alice", 3_600), issuer.token("bob", 3_600)]);
}

#[test]
fn the_client_is_a_command_as_well() {
    let server = Tidings::start();
    let (mut command, url) = (Command::new("python3"), server.url(""));
    command.args(["-B", CLIENT, url.as_str(), "presence", "id=[\"alice\"]"]).env("no_proxy", "*");
    let ran = command.stdin(std::process::Stdio::null()).output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&ran.stderr)));
    assert_eq!(told["statuses"][0]["id"], "alice");
}
