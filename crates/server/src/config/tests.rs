//! The configuration as its user meets it.

use std::ffi::OsString;
use std::ops::RangeInclusive;

use tidings::hub;
use tidings::presence::memory;
use tidings::presence_redis::{keyspace, leases};
use tidings::timeline::{grpc, http};

use super::*;

fn invocation(arguments: &[&str]) -> Invocation {
    let arguments = std::iter::once("tidings").chain(arguments.iter().copied());
    Invocation::parse(arguments.map(OsString::from)).unwrap()
}

fn load(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Values::gather(&invocation(arguments), variables)
        .and_then(|values| Config::from_values(&values))
        .map_err(|problems| problems.to_string())
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn half_of_the_places_of_a_port_may_be_watches_however_many_there_are() {
    let watches = |arguments: &[&str]| {
        let config = load(arguments, &[]).unwrap();
        (config.http_watches(), config.grpc_watches())
    };
    assert_eq!(watches(&[]), (450, 500));
    assert_eq!(watches(&["--http-connections=20000", "--grpc-connections=4000"]), (9_950, 2_000));
    assert_eq!(watches(&["--http-connections=1", "--grpc-connections=1"]), (1, 1));
    // The services take as many.
    let most = ["--http-connections=1000000", "--grpc-connections=1000000", "--presence-streams=0"];
    let (over_http, over_grpc) = watches(&most);
    assert!(http::Config::WATCHES_MAX_BOUNDS.contains(&over_http));
    assert!(grpc::Config::WATCHES_MAX_BOUNDS.contains(&over_grpc));
}

#[test]
fn without_any_word_the_defaults_count() {
    let config = load(&[], &[]).unwrap();
    assert_eq!(config.http, "127.0.0.1:8000".parse().unwrap());
    assert_eq!(config.grpc, "127.0.0.1:9000".parse().unwrap());
    assert_eq!(config.data_dir, PathBuf::from("./tidings-data"));
    assert_eq!(config.presence_grace, Duration::from_secs(5));
    assert!(!config.insecure);
}

#[test]
fn flags_count_more_than_variables_and_these_more_than_the_file() {
    let file = file("http = '127.0.0.1:1'\ngrpc = '127.0.0.1:2'\nchannel-history = 3\ninsecure = true\n");
    let path = file.path().to_str().unwrap();
    let config = load(
        &["serve", "--config", path, "--http", "127.0.0.1:7"],
        &[("TIDINGS_HTTP", "127.0.0.1:8"), ("TIDINGS_GRPC", "127.0.0.1:9")],
    )
    .unwrap();
    assert_eq!((config.http.port(), config.grpc.port(), config.channel_history), (7, 9, 3));
    assert!(config.insecure);
}

#[test]
fn a_misspelled_key_is_named_with_the_near_one() {
    let file = file("htpp = '127.0.0.1:1'\n");
    let error = load(&["--config", file.path().to_str().unwrap()], &[]).unwrap_err();
    assert!(error.contains("no key \"htpp\"; did you mean http?"), "{error}");
    let error = load(&[], &[("TIDINGS_DATADIR", "x")]).unwrap_err();
    assert!(error.contains("TIDINGS_DATADIR") && error.contains("did you mean TIDINGS_DATA_DIR?"), "{error}");
}

#[test]
fn a_misspelled_flag_is_one_line_that_names_it() {
    let arguments = ["tidings", "--htpp", "x"].map(OsString::from);
    let Err(Instead::Refuse(problems)) = Invocation::parse(arguments) else { panic!("it was taken") };
    let line = problems.to_string();
    assert!(line.contains("--htpp") && line.contains("'--http'") && !line.contains('\n'), "{line}");
}

#[test]
fn every_wrong_value_is_named_with_what_is_allowed() {
    let error = load(&["--shutdown-time", "5"], &[("TIDINGS_HTTP", "8000"), ("TIDINGS_CONNECTIONS", "0")])
        .unwrap_err();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 3, "{error}");
    assert!(lines[0].starts_with("TIDINGS_HTTP: \"8000\" is not an address"), "{error}");
    assert!(lines[1].starts_with("--shutdown-time: \"5\" is not a duration from 100ms to 10m"), "{error}");
    assert!(lines[2].starts_with("TIDINGS_CONNECTIONS: \"0\" is not a whole number from 1 to"), "{error}");
}

#[test]
fn every_number_and_duration_has_bounds_that_are_kept_and_named() {
    for (key, bounds) in setting::ALL.iter().filter_map(|key| Some((key, key.allowed.bounds()?))) {
        let (_, most) = bounds.split_once(" to ").unwrap();
        // A digit more than the largest has, and no number at all.
        for wrong in [format!("9{most}"), "many".to_owned()] {
            let error = load(&[&format!("--{}", key.name), &wrong], &[]).unwrap_err();
            assert!(error.contains(&format!("--{}: \"{wrong}\" is not a ", key.name)), "{error}");
            assert!(error.contains(&format!(" from {bounds}")), "{error}");
        }
    }
    let without = setting::ALL.iter().filter(|key| key.allowed.bounds().is_none());
    for key in without {
        assert!(!["COUNT", "BYTES", "DURATION"].contains(&key.placeholder), "{} has no bounds", key.name);
    }
}

#[test]
fn the_network_is_refused_unless_it_is_meant() {
    let error = load(&["--http", "0.0.0.0:8000"], &[]).unwrap_err();
    assert!(error.starts_with("--http: \"0.0.0.0:8000\"") && error.contains("--insecure"), "{error}");
    assert!(load(&["--http", "0.0.0.0:8000", "--insecure"], &[]).unwrap().insecure);
}

const KEYS: &str = "--token-keys=verifying.pem";

#[test]
fn with_logins_the_server_may_listen_on_the_network() {
    for login in [
        vec![KEYS],
        vec!["--token-jwks=https://id.example/keys", "--token-audience=chat"],
        vec!["--user-header=X-Remote-User", "--trusted-proxies=127.0.0.1"],
    ] {
        let arguments = [&login[..], &["--http=0.0.0.0:8000", "--allow-host=chat.example.org"]].concat();
        let config = load(&arguments, &[]).unwrap();
        assert!(config.logins.are_configured() && config.warnings.is_empty(), "{:?}", config.warnings);
    }
    let nameless = load(&[KEYS, "--http=0.0.0.0:8000"], &[]).unwrap();
    assert!(nameless.warnings.iter().any(|warning| warning.contains("--allow-host")));
    let insecure = load(&[KEYS, "--http=0.0.0.0:8000", "--insecure"], &[]).unwrap();
    assert!(insecure.warnings.iter().any(|warning| warning.starts_with("--insecure: ")));
    // A key that is refused is said once, and not once more by what would need it.
    let error = load(&["--token-jwks=http://id.example/", "--http=0.0.0.0:8000"], &[]).unwrap_err();
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn settings_of_logins_that_need_others_say_which() {
    for (arguments, expected) in [
        (vec!["--token-jwks=keys.json"], "needs --token-audience"),
        (vec!["--user-header=x-user"], "needs --trusted-proxies"),
        (vec!["--token-audience=chat"], "has no effect without --token-keys or --token-jwks"),
        (vec!["--token-in-query"], "has no effect without --token-keys or --token-jwks"),
        (vec!["--default-rights=bind=*"], "has no effect without logins"),
        (vec!["--login-url=https://example.org/login"], "has no effect without logins"),
        (vec![KEYS, "--token-rights-claim=sub"], "is also the claim of the user"),
        (vec![KEYS, "--limit-bytes=1000/0/0"], "lets no message of --message-bytes (256000) through"),
    ] {
        let error = load(&arguments, &[]).unwrap_err();
        assert!(error.contains(expected) && error.lines().count() == 1, "{arguments:?}: {error}");
    }
}

#[test]
fn wrong_values_of_logins_are_named_with_what_is_allowed() {
    for (wrong, expected) in [
        ("--token-keys=a,b,c,d,e", "names 5 files; give at most 4"),
        ("--token-jwks=http://id.example/keys", "is not where a key set can be"),
        ("--token-user-claim=exp", "is not a claim of its own"),
        ("--token-cookie=a b", "is not the name of a cookie"),
        ("--default-rights=read=*", "is not a list of rights"),
        ("--default-rights=bind=a*b", "cannot be rights in channels"),
        ("--user-header=Authorization", "is a header that says something else"),
        ("--user-header=x user", "is not the name of a header"),
        ("--trusted-proxies=proxy.example", "is not a list of networks"),
        ("--trusted-proxies=0.0.0.0/0", "everybody would be trusted"),
        ("--allow-host=https://chat.example", "is not a list of host names"),
        ("--allow-host=*", "is not a list of host names"),
        ("--login-url=login", "is not a web address"),
        ("--limit-messages=200", "is not a limit for each second"),
        ("--limit-connects=1/20/50", "has a first part, which does not exist for it"),
    ] {
        let error = load(&[wrong], &[]).unwrap_err();
        assert!(error.contains(expected), "{wrong}: {error}");
    }
}

#[test]
fn lists_of_hosts_and_proxies_are_read() {
    let arguments = ["--allow-host=Chat.Example.org:443, [::1]:8000", "--trusted-proxies=10.0.0.0/8"];
    let config = load(&arguments, &[]).unwrap();
    assert_eq!(config.allow_host, ["chat.example.org", "::1"]);
    assert!(config.trusted_proxies[0].contains("10.1.2.3".parse().unwrap()));
}

#[test]
fn limits_count_with_logins_and_else_only_if_they_are_given() {
    let messages = Rates { connection: 200, user: 400, address: 2_000 };
    assert_eq!(load(&[], &[]).unwrap().limits, RateConfig::default());
    assert_eq!(load(&[KEYS], &[]).unwrap().limits.messages, messages);
    let given = load(&["--limit-sends=0/5/0"], &[]).unwrap().limits;
    let sends = Rates { connection: 0, user: 5, address: 0 };
    assert_eq!(given, RateConfig { sends, ..RateConfig::default() });
    // Longer messages need no other setting.
    let bytes = load(&[KEYS, "--message-bytes=16777216"], &[]).unwrap().limits.bytes;
    assert_eq!(bytes, Rates { connection: 1_677_722, user: 2_000_000, address: 16_000_000 });
    // All of them can be switched off.
    assert_eq!(load(&[KEYS, "--limit-messages=0/0/0"], &[]).unwrap().limits.messages, Rates::default());
}

#[test]
fn a_command_line_of_tokens_that_cannot_be_is_one_line() {
    let refused = |arguments: &[&str]| {
        let arguments = ["tidings"].iter().chain(arguments).map(OsString::from);
        let Err(Instead::Refuse(problems)) = Invocation::parse(arguments) else { panic!("it was taken") };
        let line = problems.to_string();
        assert!(!line.contains('\n'), "{line}");
        line
    };
    let token = |flags: &[&str]| refused(&[&["token", "--key=signing.pem"][..], flags].concat());
    assert!(token(&[]).contains("tidings token --key FILE --user ID"));
    assert!(token(&["--user=bob", "--ttl=48h"]).contains("from 1s to 24h"));
    assert!(token(&["--user=bob", "--scope=presence,amdin"]).contains("did you mean admin?"));
    assert!(token(&["--user=bob", "--rights=read=*"]).contains("--rights: "));
    assert!(token(&["--user="]).contains("--user: "));
    assert!(refused(&["keys"]).contains("tidings keys --out DIRECTORY"));
    assert!(refused(&["keys", "--out=x", "--algorithm=rs256"]).contains("ed25519, es256 or hs256"));
    for nothing in [&["revoke"][..], &["revoke", "--user=bob", "--token=a7"]] {
        assert!(refused(nothing).contains("one thing to revoke"), "{nothing:?}");
    }
}

#[test]
fn what_is_to_be_revoked_is_read() {
    let Command::Revoke(wish) = invocation(&["revoke", "--user=bob", "--issued-before=1700000000"]).command
    else {
        panic!("it is another command")
    };
    let before = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let expected = RevokeWish { user: Some("bob".to_owned()), token: None, issued_before: Some(before) };
    assert_eq!(wish, expected);
}

#[test]
fn how_long_messages_are_kept_is_a_list_in_every_source() {
    let file = file("retention = ['pairs=365d/100000', 'groups:news:*=7d']\nerased-within = '1h'\n");
    let config = load(&["--config", file.path().to_str().unwrap()], &[]).unwrap();
    assert_eq!(config.kept.to_string(), "pairs=365d/100000, groups:news:*=7d");
    assert_eq!(config.erased_within, Duration::from_secs(3_600));
    let config = load(&["--erased-within=7d"], &[("TIDINGS_RETENTION", "inboxes=30d")]).unwrap();
    assert_eq!(config.kept.to_string(), "inboxes=30d");
    let error = load(&["--retention=pairs=forever", "--erased-within=8d"], &[]).unwrap_err();
    assert!(error.contains("--retention: ") && error.contains("AGE/NUMBER"), "{error}");
    assert!(error.contains("--erased-within: ") && error.contains("from 1m to 168h"), "{error}");
}

/// What timelines on MongoDB need.
const MONGO: [&str; 2] = ["--timeline=mongo", "--mongo-url=mongodb://10.0.0.7/?replicaSet=rs0"];

#[test]
fn timelines_are_shared_on_mongo_with_or_without_redis() {
    assert!(!load(&[], &[]).unwrap().timeline.is_shared());
    let config = load(&MONGO, &[("TIDINGS_TIMELINE_HOLE_TIME", "500ms")]).unwrap();
    assert!(config.timeline.is_shared() && !config.timeline.needs_redis());
    assert_eq!(config.timeline.grace, Duration::from_millis(500));
    assert_eq!((&*config.timeline.inboxes, &*config.timeline.histories), ("chat_sync", "chat_history"));
    // Whoever shares timelines wants to share presence, unless there is one server.
    assert!(
        config.warnings.iter().any(|warning| warning.contains("--presence redis")),
        "{:?}",
        config.warnings
    );
    assert!(!config.keeping().contains("--erased-within"), "{}", config.keeping());

    let redis = ["--timeline=redis+mongo", MONGO[1], "--redis-url=redis://10.0.0.8", "--presence=redis"];
    let config = load(&[&redis[..], &["--timeline-go-counters"]].concat(), &[]).unwrap();
    assert!(config.timeline.needs_redis() && config.timeline.go_counters);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn settings_of_shared_timelines_that_need_others_say_which() {
    for (arguments, expected) in [
        (
            vec![MONGO[1]],
            "--mongo-url: \"mongodb://10.0.0.7/…\" has no effect without --timeline mongo or redis+mongo",
        ),
        (vec!["--timeline-database=chat"], "has no effect without --timeline mongo or redis+mongo"),
        (vec!["--timeline-hole-time=1s"], "has no effect without --timeline mongo or redis+mongo"),
        (vec!["--timeline=mongo"], "needs the address of a MongoDB; give it with --mongo-url"),
        (vec!["--timeline=redis+mongo", MONGO[1]], "needs the address of a Redis; give it with --redis-url"),
        ([&MONGO[..], &["--timeline-go-counters"]].concat(), "has no effect without --timeline redis+mongo"),
        (
            [&MONGO[..], &["--redis-url=redis://x"]].concat(),
            "has no effect without --presence redis or --timeline",
        ),
        ([&MONGO[..], &["--erased-within=1h"]].concat(), "is about messages in the data directory"),
        ([&MONGO[..], &["--timeline-histories=chat_sync"]].concat(), "is also the collection of the inboxes"),
    ] {
        let error = load(&arguments, &[]).unwrap_err();
        assert!(error.contains(expected) && error.lines().count() == 1, "{arguments:?}: {error}");
    }
}

#[test]
fn wrong_values_of_shared_timelines_are_named_with_what_is_allowed() {
    for (wrong, expected) in [
        ("--timeline=redis", "is not a place to store messages; give embedded, mongo or redis+mongo"),
        ("--mongo-url=http://me:hidden@x", "is not the address of a MongoDB"),
        ("--mongo-url=mongodb://", "is not the address of a MongoDB"),
        ("--timeline-database=a.b", "is not the name of a database"),
        ("--timeline-inboxes=a$b", "is not the name of a collection"),
        ("--timeline-histories=system.users", "is not the name of a collection"),
        ("--timeline-hole-time=10ms", "from 100ms to 1m"),
    ] {
        // A flag may be given once.
        let name = wrong.split('=').next().unwrap_or_default();
        let others = MONGO.into_iter().filter(|flag| flag.split('=').next() != Some(name));
        let arguments: Vec<&str> = others.chain([wrong]).collect();
        let error = load(&arguments, &[]).unwrap_err();
        assert!(error.contains(expected) && !error.contains("hidden"), "{wrong}: {error}");
    }
}

#[test]
fn a_file_that_is_no_toml_says_in_which_line() {
    let file = file("http = '127.0.0.1:1'\ngrpc 7\n");
    let error = load(&["--config", file.path().to_str().unwrap()], &[]).unwrap_err();
    assert!(error.contains("line 2"), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn origins_are_taken_only_as_browsers_write_them() {
    assert_eq!(
        value::origins("https://a.example, http://b:81").unwrap(),
        ["https://a.example".to_owned(), "http://b:81".to_owned()]
    );
    for wrong in ["*", "a.example", "https://a.example/", "https://A.example", "https://u@a.example"] {
        assert!(value::origins(wrong).is_err(), "{wrong}");
    }
}

/// The user's table and the code's are the same.
#[test]
fn the_documentation_lists_every_key() {
    let docs = include_str!("../../../../docs/server.md");
    for key in setting::ALL {
        let default = key.allowed.default();
        let default = if default.is_empty() { "none".to_owned() } else { format!("`{default}`") };
        let row = format!("| `{}` | `{}` | {default} |", key.name, key.variable);
        let about = docs.lines().find_map(|line| line.strip_prefix(&row));
        let about = about.unwrap_or_else(|| panic!("docs/server.md lacks the row {row}"));
        let length = match key.name {
            "redis-prefix" => Some(leases::Config::PREFIX_BOUNDS),
            "webhook-secret" => Some(Secret::BYTES_BOUNDS),
            _ => None,
        };
        // The help has bounds from the table, but for those of a length, which it has in words.
        if let Some((least, most)) = length.map(RangeInclusive::into_inner) {
            let bytes = format!("{least} to {most} bytes");
            assert!(about.contains(&bytes), "docs/server.md does not say {bytes} of {}", key.name);
            assert!(key.about.contains(&bytes), "the help does not say {bytes} of {}", key.name);
        }
        if let Some(bounds) = key.allowed.bounds() {
            assert!(about.contains(&bounds), "docs/server.md does not say {bounds} of {}", key.name);
        }
    }
}

#[test]
fn what_is_allowed_here_the_crates_allow_too() {
    let time = |key: &setting::Setting, bounds: RangeInclusive<Duration>| match &key.allowed {
        setting::Allowed::Time(_, ours) => bounds.contains(ours.start()) && bounds.contains(ours.end()),
        _ => false,
    };
    for bounds in [memory::Config::TTL_BOUNDS, leases::Config::TTL_BOUNDS, keyspace::Config::TTL_BOUNDS] {
        assert!(time(&setting::PRESENCE_TTL, bounds));
    }
    for bounds in [memory::Config::GRACE_BOUNDS, leases::Config::GRACE_BOUNDS, keyspace::Config::GRACE_BOUNDS]
    {
        assert!(time(&setting::PRESENCE_GRACE, bounds));
    }
    assert!(time(&setting::REQUEST_TIME, hub::Config::TIME_BOUNDS));
    assert!(time(&setting::DRAIN_TIME, hub::Config::DRAIN_TIME_BOUNDS));
    let setting::Allowed::Count(_, message) = setting::MESSAGE_BYTES.allowed else {
        panic!("it is no number")
    };
    assert!(hub::Config::MESSAGE_BYTES_MAX_BOUNDS.contains(message.start()));
    assert_eq!(
        (keyspace::Config::PREFIX_BOUNDS, grpc::Config::REQUEST_BYTES_MAX_BOUNDS),
        (leases::Config::PREFIX_BOUNDS, http::Config::BODY_BYTES_MAX_BOUNDS)
    );
}

#[test]
fn a_drain_fits_into_the_time_of_a_stop() {
    let error = load(&["--drain-time=3751ms"], &[]).unwrap_err();
    assert!(error.contains("is more than three eighths of --shutdown-time"), "{error}");
    let config = load(&["--drain-time=3750ms"], &[]).unwrap();
    assert_eq!(config.drain_time, Duration::from_millis(3_750));
    assert!(load(&["--drain-time=0s", "--shutdown-time=100ms"], &[]).unwrap().drain_time.is_zero());
    // One that is not given is shortened by the hub.
    assert!(load(&["--shutdown-time=100ms"], &[]).is_ok());
}

#[test]
fn an_outbox_has_room_for_two_messages() {
    let error = load(&["--outbox-bytes=511999"], &[]).unwrap_err();
    assert!(error.contains("has no room for two messages of --message-bytes"), "{error}");
    assert_eq!(load(&["--outbox-bytes=512000"], &[]).unwrap().outbox_bytes, 512_000);
    // One that is not given is raised by the hub.
    assert!(load(&["--message-bytes=16777216"], &[]).is_ok());
    let setting::Allowed::Count(_, outbox) = setting::OUTBOX_BYTES.allowed else { panic!("it is no number") };
    for bytes in [*outbox.start(), *outbox.end()] {
        let config = hub::Config::default().outbox_bytes_max(bytes).for_messages_of(1_024);
        assert!(hub::Hub::start(config, hub::Hooks::default()).is_ok(), "{bytes}");
    }
}

#[test]
fn every_default_is_allowed() {
    assert!(Config::from_values(&Values::default()).is_ok());
    assert!(Config::from_values(&Values::default().with("grpc", "127.0.0.1:8000")).is_err());
}
