//! Commands around logins, as an operator runs them: keys, tokens, and what is told when it fails.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, SystemTime};

use identity::{Config, Identity, KeySet, Right, Scope, Verifier};
use tempfile::TempDir;
use tests::Tidings;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Runs a command that succeeds, and returns what it printed.
fn printed(directory: &Path, flags: &[&str], variables: &[(&str, &str)]) -> String {
    let output = Tidings::run(directory, flags, variables);
    assert!(output.status.success(), "{flags:?}: {}", text(&output.stderr));
    assert!(output.stderr.is_empty(), "{flags:?}: {}", text(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that fails, and returns its exit code and the one line that it complains with.
fn complaint(directory: &Path, flags: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = Tidings::run(directory, flags, &[]);
    let error = text(&stderr).to_owned();
    assert!(!status.success() && stdout.is_empty(), "{flags:?}: {}{error}", text(&stdout));
    assert!(error.starts_with("tidings: ") && error.lines().count() == 1, "{flags:?}: {error}");
    (status.code(), error)
}

fn verified(token: &str, key: &Path, audience: Option<&str>) -> Identity {
    let config = Config::new(KeySet::from_file(key, None).unwrap());
    let config = match audience {
        Some(audience) => config.audience(audience),
        None => config,
    };
    Verifier::new(config).unwrap().verify(token, now()).expect("the token was made just now")
}

#[expect(clippy::disallowed_methods, reason = "the program that made the token has no other clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[test]
fn a_token_of_made_keys_is_verified_by_them() {
    let directory = TempDir::new().unwrap();
    for (algorithm, signing, verifying) in [
        ("ed25519", "signing.pem", "verifying.pem"),
        ("es256", "signing.pem", "verifying.pem"),
        ("hs256", "secret.key", "secret.key"),
    ] {
        let said = printed(directory.path(), &["keys", "--out", algorithm, "--algorithm", algorithm], &[]);
        let folder = directory.path().join(algorithm);
        assert!(said.contains(&format!("--token-keys {algorithm}/{verifying}")), "{said}");
        let mode = fs::metadata(folder.join(signing)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{algorithm}");

        let key = format!("{algorithm}/{signing}");
        let token = printed(directory.path(), &["token", "--key", &key, "--user", "alice"], &[]);
        assert!(token.ends_with('\n') && token.lines().count() == 1, "{token}");
        let alice = verified(token.trim_end(), &folder.join(verifying), None);
        assert_eq!(alice.user(), "alice");
        assert!(alice.scopes().is_empty() && alice.jti().is_none());
        let valid = alice.expires_at().duration_since(alice.issued_at().unwrap()).unwrap();
        assert_eq!(valid, Duration::from_secs(3_600));
    }
}

#[test]
fn a_token_says_what_its_flags_and_the_settings_say() {
    let directory = TempDir::new().unwrap();
    printed(directory.path(), &["keys", "--out=keys"], &[]);
    let settings = [("TIDINGS_TOKEN_KEYS", "keys/verifying.pem"), ("TIDINGS_TOKEN_AUDIENCE", "chat")];
    let flags = [
        "token",
        "--key=keys/signing.pem",
        "--user=backend",
        "--ttl=90s",
        "--scope=presence,admin",
        "--rights=bind=room:* write={user}:*",
        "--jti=a7",
    ];
    let token = printed(directory.path(), &flags, &settings);
    let key = directory.path().join("keys/verifying.pem");
    let backend = verified(token.trim_end(), &key, Some("chat"));
    assert!(backend.scopes().contains(Scope::Presence) && backend.scopes().contains(Scope::Admin));
    assert!(!backend.scopes().contains(Scope::Timelines));
    assert!(backend.rights().permits(Right::Bind, "room:7"));
    assert!(backend.rights().permits(Right::Write, "backend:x"));
    assert!(!backend.rights().permits(Right::Write, "room:7"));
    assert_eq!(backend.jti(), Some("a7"));
    // A flag counts more than the setting.
    let token = printed(directory.path(), &[&flags[..], &["--audience=other"]].concat(), &settings);
    assert_eq!(verified(token.trim_end(), &key, Some("other")).user(), "backend");
    // The claims have the names by which a server with these settings looks for them.
    let settings = [&settings[..], &[("TIDINGS_TOKEN_USER_CLAIM", "email")]].concat();
    let token = printed(directory.path(), &flags, &settings);
    let config = Config::new(KeySet::from_file(&key, None).unwrap()).audience("chat").user_claim("email");
    assert_eq!(Verifier::new(config).unwrap().verify(token.trim_end(), now()).unwrap().user(), "backend");
}

#[test]
fn keys_that_are_there_stay_as_they_are() {
    let directory = TempDir::new().unwrap();
    printed(directory.path(), &["keys", "--out=keys"], &[]);
    let keys = directory.path().join("keys");
    let before = fs::read(keys.join("signing.pem")).unwrap();
    let (code, line) = complaint(directory.path(), &["keys", "--out=keys"]);
    assert!(code == Some(1) && line.contains("keys/signing.pem is there already"), "{line}");
    assert_eq!(fs::read(keys.join("signing.pem")).unwrap(), before);
    // Nor is half of a pair made beside the other half of another one.
    fs::remove_file(keys.join("signing.pem")).unwrap();
    let (code, line) = complaint(directory.path(), &["keys", "--out=keys"]);
    assert!(code == Some(1) && line.contains("keys/verifying.pem is there already"), "{line}");
    assert!(!keys.join("signing.pem").exists());
    fs::write(directory.path().join("file"), "").unwrap();
    let (code, line) = complaint(directory.path(), &["keys", "--out=file"]);
    assert!(code == Some(1) && line.contains("--out: file cannot be created"), "{line}");
}

#[test]
fn a_token_that_cannot_be_made_is_told_in_one_line() {
    let directory = TempDir::new().unwrap();
    printed(directory.path(), &["keys", "--out=keys"], &[]);
    fs::write(directory.path().join("short.key"), "hidden").unwrap();
    for (flags, code, expected) in [
        (&["--key=missing.pem", "--user=bob"][..], 1, "--key: the key file missing.pem cannot be read"),
        (&["--key=keys/verifying.pem", "--user=bob"], 1, "private key"),
        (&["--key=short.key", "--user=bob"], 1, "shorter than 32 bytes"),
        (&["--key=keys/signing.pem"], 2, "tidings token --key FILE --user ID"),
        (&["--key=keys/signing.pem", "--user=bob", "--ttl=2d"], 2, "from 1s to 24h"),
        (&["--key=keys/signing.pem", "--user=bob", "--scope=root"], 2, "\"root\" is not a scope"),
        (&["--key=keys/signing.pem", "--user=bob", "--http=8000"], 2, "\"8000\" is not an address"),
    ] {
        let (found, line) = complaint(directory.path(), &[&["token"][..], flags].concat());
        assert!(found == Some(code) && line.contains(expected), "{flags:?}: {found:?} {line}");
        assert!(!line.contains("hidden"), "{line}");
    }
}

#[test]
fn a_command_line_that_revokes_nothing_or_too_much_is_told_in_one_line() {
    let directory = TempDir::new().unwrap();
    for (flags, expected) in [
        (&["revoke"][..], "one thing to revoke"),
        (&["revoke", "--user=bob", "--token=a7"], "one thing to revoke"),
        (&["revoke", "--issued-before=tomorrow"], "\"tomorrow\" is not a time"),
        (&["revoke", "--issued-before=2999-01-01T00:00:00Z"], "is in the future"),
        (&["revoke", "--user="], "--user: "),
    ] {
        let (code, line) = complaint(directory.path(), flags);
        assert!(code == Some(2) && line.contains(expected), "{flags:?}: {line}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn check_tries_the_keys_of_logins_with_a_line_for_each() {
    let directory = TempDir::new().unwrap();
    printed(directory.path(), &["keys", "--out=keys"], &[]);
    fs::write(directory.path().join("empty.json"), "{\"keys\":[]}").unwrap();
    let check = |flags: &[&str]| {
        let ports = ["check", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--data-dir=data"];
        let output = Tidings::run(directory.path(), &[&ports[..], flags].concat(), &[]);
        (output.status.code(), text(&output.stdout).to_owned())
    };
    let (code, said) = check(&["--token-keys=keys/verifying.pem"]);
    assert!(code == Some(0) && said.contains("ok      --token-keys keys/verifying.pem\n"), "{said}");

    let (code, said) = check(&["--token-keys=keys/verifying.pem,keys/signing.pem,missing.pem"]);
    let problems = said.lines().filter(|line| line.starts_with("problem --token-keys: the key file "));
    assert!(code == Some(1) && problems.count() == 2, "{said}");

    let odd = format!(
        r#"{{"keys":[{{"kty":"oct","kid":"odd","k":"AAAA"}},{{"kty":"oct","k":"{}"}}]}}"#,
        "A".repeat(43)
    );
    fs::write(directory.path().join("odd.json"), odd).unwrap();
    let (code, said) = check(&["--token-jwks=odd.json", "--token-audience=chat"]);
    assert!(code == Some(0) && said.contains("ok      --token-jwks odd.json\n"), "{said}");
    let note = "note    of the keys of --token-jwks odd.json, 1 key is left out: key 1 (kid \"odd\")";
    assert!(said.contains(note), "{said}");

    for (source, expected) in [
        ("empty.json", "problem --token-jwks: the key set empty.json "),
        ("http://127.0.0.1:1/hidden", "problem --token-jwks: the key set at 127.0.0.1:1 "),
    ] {
        let (code, said) = check(&[&format!("--token-jwks={source}"), "--token-audience=chat"]);
        assert!(code == Some(1) && said.contains(expected), "{said}");
        assert!(!said.contains("hidden"), "{said}");
    }
}
