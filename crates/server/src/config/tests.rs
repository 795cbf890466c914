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
fn every_default_is_allowed() {
    assert!(Config::from_values(&Values::default()).is_ok());
    assert!(Config::from_values(&Values::default().with("grpc", "127.0.0.1:8000")).is_err());
}
