//! Which Redis a server starts on, and what it says of one that it cannot use.

use tempfile::TempDir;
use test_support::{Redis, RedisOptions, RedisUser, require};
use tests::Tidings;

use super::super::listener::{User, until_status};

#[tokio::test]
async fn a_redis_is_reached_over_tls_as_a_user_of_its_own() {
    let user = RedisUser {
        name: "server".to_owned(),
        password: "p@ss/w:rd".to_owned(),
        rules: ["~tidings:*", "~{tidings:*", "&*", "+@all"].map(str::to_owned).to_vec(),
    };
    let options = RedisOptions { tls: true, users: vec![user.clone()], ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let url = format!("--redis-url={}", redis.user_url(&user));
    assert!(url.starts_with("--redis-url=rediss://server:"), "{url}");
    let authority = redis.ca_file().unwrap().to_str().unwrap().to_owned();
    // Redis is here and well, however long a handshake takes on a busy machine.
    let flags = ["--presence=redis", &url, "--presence-grace=100ms", "--redis-timeout=30s"];
    let [one, other] = [(), ()].map(|()| Tidings::start_in(&flags, &[("SSL_CERT_FILE", &authority)]));
    let alice = User::connect(&one, "alice").await;
    until_status(&other, "alice", "ONLINE").await;
    drop(alice);
    until_status(&other, "alice", "OFFLINE").await;
    // Whom nobody vouches for is not talked to.
    let directory = TempDir::new().unwrap();
    let run = move || {
        let flags = ["--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--data-dir=data", "--presence=redis", &url];
        Tidings::run(directory.path(), &flags, &[])
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("server:…@") && error.contains("cannot be used"), "{error}");
}

#[tokio::test]
async fn check_warns_of_a_redis_that_may_remove_who_is_online() {
    let Some(redis) = require(Redis::private().await) else { return };
    let mut connection = test_support::redis_connection(redis.url()).await.unwrap();
    let mut set = redis::cmd("CONFIG");
    set.arg("SET").arg("maxmemory-policy").arg("allkeys-lru");
    set.exec_async(&mut connection).await.unwrap();
    let directory = TempDir::new().unwrap();
    let url = format!("--redis-url={}", redis.url());
    for layout in ["leases", "keyspace"] {
        let layout = format!("--presence-layout={layout}");
        let notifications = "--presence-notifications=set";
        let mut flags =
            vec!["check", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--data-dir=data", "--presence=redis"];
        flags.extend([&*url, &*layout]);
        if layout.ends_with("keyspace") {
            flags.push(notifications);
        }
        let flags: Vec<String> = flags.into_iter().map(str::to_owned).collect();
        let path = directory.path().to_owned();
        let run = move || Tidings::run(&path, &flags.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        let notes: Vec<&str> = text.lines().filter(|line| line.starts_with("note ")).collect();
        assert_eq!(notes.len(), 1, "{text}");
        assert!(notes[0].contains("allkeys-lru") && notes[0].contains("noeviction"), "{text}");
    }
}

/// Flags by which a server does not start, with what it says and its exit code; `url` is that of a
/// Redis which is well.
fn unusable(url: &str) -> Vec<(Vec<String>, &'static str, i32)> {
    let nobody = url.replace("redis://", "redis://me:hidden@");
    [
        (
            vec!["--redis-url=redis://:hidden@127.0.0.1:1"],
            "--redis-url: redis://:…@127.0.0.1:1 cannot be used",
            1,
        ),
        (vec![&*format!("--redis-url={nobody}")], "--redis-url: redis://me:…@", 1),
        (vec![&*format!("--redis-url={url}"), "--presence-layout=keyspace"], "notify-keyspace-events", 1),
        (vec![], "--presence: \"redis\" needs the address of a Redis", 2),
        (vec!["--redis-url=http://me:hidden@x"], "is not the address of a Redis", 2),
        (vec!["--redis-url=redis://x", "--presence=memory"], "--redis-url: \"redis://x\" has no effect", 2),
        (vec!["--presence=mongo"], "--presence: \"mongo\" is not a place to keep presence", 2),
        (
            vec!["--redis-url=redis://x", "--redis-prefix={}"],
            "--redis-prefix: \"{}\" must be 1 to 64 bytes",
            2,
        ),
        (
            vec!["--redis-url=redis://x", "--presence-notifications=set"],
            "has no effect without --presence-layout keyspace",
            2,
        ),
    ]
    .map(|(flags, expected, code)| (flags.into_iter().map(str::to_owned).collect::<Vec<_>>(), expected, code))
    .to_vec()
}

#[tokio::test]
async fn a_redis_that_cannot_be_used_is_named_without_its_password() {
    let Some(redis) = require(Redis::private().await) else { return };
    let directory = TempDir::new().unwrap();
    let checked = redis.url().to_owned();
    let cases = unusable(redis.url());
    let run = move || {
        for (flags, expected, code) in cases {
            let mut all = vec!["--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--data-dir=data", "--log=off"];
            if !flags.iter().any(|flag| flag.starts_with("--presence=")) {
                all.push("--presence=redis");
            }
            all.extend(flags.iter().map(String::as_str));
            let output = Tidings::run(directory.path(), &all, &[]);
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!((output.status.code(), error.lines().count()), (Some(code), 1), "{error}");
            assert!(error.contains(expected) && !error.contains("hidden"), "{error}");
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        let check = |url: &str| {
            let url = format!("--redis-url={url}");
            let flags = [
                "check",
                "--http=127.0.0.1:0",
                "--grpc=127.0.0.1:0",
                "--data-dir=data",
                "--presence=redis",
                &url,
            ];
            let output = Tidings::run(directory.path(), &flags, &[]);
            (output.status.success(), String::from_utf8(output.stdout).unwrap())
        };
        let (well, text) = check(&checked);
        assert!(well && text.contains("ok      --redis-url redis://"), "{text}");
        let (well, text) = check("redis://:hidden@127.0.0.1:1");
        assert!(
            !well && text.contains("problem --redis-url: redis://:…@") && !text.contains("hidden"),
            "{text}"
        );
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}
