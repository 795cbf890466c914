//! The example `posts` as its users run it.

use std::env;
use std::process::Stdio;

use axum::http::StatusCode;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::receiver::Receiver;
use crate::PATIENCE;

#[tokio::test]
async fn lines_become_posts() {
    let mut receiver = Receiver::start(&[StatusCode::INTERNAL_SERVER_ERROR]).await;
    let test = env::current_exe().expect("a test knows its own path");
    let folder = test.ancestors().nth(2).expect("cargo puts tests into a folder of its own");
    let mut command = Command::new(folder.join("examples/posts"));
    command.arg(receiver.url()).env("WEBHOOK_SECRET", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let mut program = command.stdin(Stdio::piped()).kill_on_drop(true).spawn().expect("cargo built it");
    let mut input = program.stdin.take().expect("its input is a pipe");
    input.write_all(b"alice\nbob\n").await.expect("it reads");
    assert_eq!(receiver.events(2).await, ["alice ONLINE", "bob ONLINE"]);
    input.write_all(b"-alice\n").await.expect("it reads");
    let post = receiver.next().await;
    assert_eq!(post.events(), ["alice OFFLINE"]);
    assert!(post.header("webhook-signature").starts_with("v1,"));
    // Its end.
    drop(input);
    let ended = timeout(PATIENCE, program.wait()).await.expect("it ends").expect("it is our own process");
    assert!(ended.success());
}
