//! Servers that are sisters over TLS.

use std::fs;
use std::time::Duration;

use reqwest::Client;
use tests::Tidings;
use tokio::time::timeout;

use super::tls::certificates;

/// A time that only a hang reaches.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_server_links_to_one_that_ends_tls_itself() {
    let directory = tempfile::tempdir().unwrap();
    let authority = certificates(directory.path());
    fs::write(directory.path().join("secret"), "what all sisters of this test know\n").unwrap();
    let flag = |name: &str, file: &str| format!("--{name}={}", directory.path().join(file).display());
    let secret = flag("sister-secret-file", "secret");
    let (certificate, key) = (flag("tls-cert", "server.pem"), flag("tls-key", "server.key"));
    let far = Tidings::start_with(&[&certificate, &key, &secret]);
    let sister = format!("--sister-url=wss://{}/ws", far.http());
    let near = Tidings::start_with(&[&secret, &sister, &flag("sister-ca", "ca.pem")]);
    let http = Client::builder().tls_certs_only([authority]).build().unwrap();
    for metrics in [near.url("/metrics"), far.url("/metrics").replace("http://", "https://")] {
        let linked = async {
            loop {
                let text = http.get(&metrics).send().await.unwrap().text().await.unwrap();
                if text.lines().any(|line| line == "hub_sisters 1") {
                    break;
                }
            }
        };
        timeout(LIMIT, linked).await.expect("the proofs of both are bound to the same connection");
    }
}

#[test]
fn what_sisters_over_tls_need_is_found_by_check() {
    let directory = tempfile::tempdir().unwrap();
    certificates(directory.path());
    fs::write(directory.path().join("secret"), "what all sisters of this test know\n").unwrap();
    let check = |more: &[&str]| {
        let flags = ["check", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0"];
        let output = Tidings::run(directory.path(), &[&flags[..], more].concat(), &[]);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), said)
    };
    let (secret, sister) = ("--sister-secret-file=secret", "--sister-url=wss://hub.example.org/ws");
    let (good, said) = check(&[secret, sister, "--sister-ca=ca.pem"]);
    assert!(good && said.contains("ok      --sister-secret-file secret"), "{said}");
    for (flags, wrong) in [
        (&[secret, sister, "--sister-ca=secret"][..], "contain no certificate"),
        (&[secret, sister, "--sister-ca=nowhere.pem"][..], "--sister-ca nowhere.pem"),
        (&[secret, "--sister-ca=ca.pem"][..], "is for sisters who are dialled over TLS"),
        (&[sister][..], "needs the secret of the sisters"),
        (&["--sister-secret-file=nowhere"][..], "the secret of the sisters in nowhere cannot be read"),
        (&[secret, "--sister-dns=wss://hub.example.org/ws"][..], "is not a name with a port"),
    ] {
        let (good, said) = check(flags);
        assert!(!good && said.contains(wrong), "{flags:?}: {said}");
    }
}
