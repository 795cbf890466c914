//! The example `login` as its users run it.

use test_support::Example;

#[tokio::test]
async fn it_makes_keys_verifies_and_revokes() {
    let mut program = Example::start("login", [""; 0]);
    assert_eq!(program.line().await, "bob may bind to inbox:bob: true");
    assert_eq!(program.line().await, "bob may bind to inbox:alice: false");
    assert_eq!(program.line().await, "changed: the token is not accepted");
    assert_eq!(program.line().await, "an hour later: the token has expired");
    assert_eq!(program.line().await, "revoked: the token is not accepted");
}
