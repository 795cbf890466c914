//! Which of our crates may depend on which, and where versions are declared.

use toml::Table;
use toml::Value;

use super::tree::Tree;

/// What each of our packages may depend on; `tests` and `benches` may on anything.
const ALLOWED: &[(&str, &[&str])] = &[
    ("tidings-server", &["tidings", "redis-link"]),
    (
        "tidings",
        &[
            "presence-core",
            "presence-redis",
            "presence-mongo",
            "redis-mpx",
            "message-timeline",
            "conductor-client",
            "conductor-hub",
            "tidings-identity",
            "tidings-join",
        ],
    ),
    ("tidings-join", &["presence-core", "message-timeline", "conductor-hub"]),
    ("channel-rights", &[]),
    ("first-address", &[]),
    ("tidings-identity", &["channel-rights"]),
    ("presence-core", &[]),
    ("presence-redis", &["presence-core", "redis-link"]),
    ("presence-mongo", &["presence-core", "mongo-link"]),
    ("redis-link", &[]),
    ("mongo-link", &[]),
    ("redis-mpx", &[]),
    ("redis-mpx-fuzz", &["redis-mpx"]),
    ("message-timeline", &["redis-mpx", "redis-link", "mongo-link"]),
    ("conductor-protocol", &[]),
    ("conductor-client", &["conductor-protocol", "first-address"]),
    ("conductor-hub", &["channel-rights", "conductor-protocol", "first-address", "redis-mpx"]),
    ("test-support", &[]),
    ("xtask", &["host-features"]),
    ("host-features", &[]),
    ("tests", ANYTHING),
    ("benches", ANYTHING),
    // The server of a peer: a workspace of its own.
    ("peer-socketioxide", &[]),
];

const ANYTHING: &[&str] = &["*"];

/// What their tests use as well, and nothing else of them: a client is tried against a real hub.
const FOR_TESTS: [(&str, &str); 1] = [("conductor-client", "conductor-hub")];

/// Crates of which each dependency on one of ours is optional, behind the feature that uses it.
const BY_FEATURE: [&str; 3] = ["message-timeline", "conductor-hub", "tidings-join"];

/// Crates of types that the interfaces of several others share. They depend on nothing of ours, so
/// that nobody wants to be without them.
const SHARED: [&str; 2] = ["channel-rights", "conductor-protocol"];

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, text) in tree.ending("Cargo.toml").filter(|(path, _)| *path != "Cargo.toml") {
        match text.parse::<Table>() {
            Ok(manifest) => breaches.extend(check_manifest(path, &manifest)),
            Err(error) => breaches.push(format!("{path}: {}", error.message())),
        }
    }
    breaches
}

fn check_manifest(path: &str, manifest: &Table) -> Vec<String> {
    let name = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    let name = name.unwrap_or_default();
    let Some((_, allowed)) = ALLOWED.iter().find(|(ours, _)| *ours == name) else {
        return vec![format!("{path}: tidy does not know which of our crates {name} may depend on")];
    };
    // A workspace of its own has nothing to inherit from; a fuzzer is one, as it needs another
    // toolchain.
    let apart = manifest.contains_key("workspace");
    let mut breaches = Vec::new();
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        for (dependency, declared) in manifest.get(kind).and_then(Value::as_table).into_iter().flatten() {
            // A crate's own tests may ask for its features.
            let own = dependency == name && declared.get("path").and_then(Value::as_str) == Some(".");
            if !own && !apart && declared.get("workspace") != Some(&Value::Boolean(true)) {
                breaches.push(format!("{path}: {dependency} is not declared in [workspace.dependencies]"));
            }
            let ours = ALLOWED.iter().any(|(ours, _)| ours == dependency);
            let is_for_tests =
                dependency == "test-support" || FOR_TESTS.contains(&(name, dependency.as_str()));
            let for_tests = kind == "dev-dependencies" && is_for_tests;
            let known = own || for_tests || *allowed == ANYTHING || allowed.contains(&dependency.as_str());
            if ours && !known {
                breaches.push(format!("{path}: {name} must not depend on {dependency}"));
            }
            let optional = declared.get("optional") == Some(&Value::Boolean(true));
            let by_feature = BY_FEATURE.contains(&name) && !SHARED.contains(&dependency.as_str());
            if ours && !own && by_feature && kind == "dependencies" && !optional {
                breaches.push(format!("{path}: {dependency} must be optional, behind a feature"));
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(manifest: &str) -> Vec<String> {
        check(&Tree::of(&[("Cargo.toml", "[workspace]"), ("c/Cargo.toml", manifest)]))
    }

    #[test]
    fn a_forbidden_edge_and_a_version_of_ones_own_are_found() {
        let hub = "[package]\nname = 'conductor-hub'\n[dependencies]\npresence-core.workspace = true\nbytes = '1'\nredis-mpx.workspace = true";
        assert_eq!(
            breaches(hub),
            [
                "c/Cargo.toml: bytes is not declared in [workspace.dependencies]",
                "c/Cargo.toml: conductor-hub must not depend on presence-core",
                "c/Cargo.toml: presence-core must be optional, behind a feature",
                "c/Cargo.toml: redis-mpx must be optional, behind a feature",
            ]
        );
    }

    #[test]
    fn what_the_style_allows_is_allowed() {
        let core = "[package]\nname = 'presence-redis'\n[dependencies]\npresence-core.workspace = true\n
            [dev-dependencies]\ntest-support.workspace = true\npresence-redis = { path = '.', features = ['x'] }";
        assert_eq!(breaches(core), Vec::<String>::new());
        let tests = "[package]\nname = 'tests'\n[dependencies]\ntidings-server.workspace = true";
        assert_eq!(breaches(tests), Vec::<String>::new());
        let hub = "[package]\nname = 'conductor-hub'\n[dependencies]\nchannel-rights.workspace = true";
        assert_eq!(breaches(hub), Vec::<String>::new());
        let client =
            "[package]\nname = 'conductor-client'\n[dev-dependencies]\nconductor-hub.workspace = true";
        assert_eq!(breaches(client), Vec::<String>::new());
        assert_eq!(breaches(&client.replace("dev-", "")).len(), 1);
        let fuzz = "[package]\nname = 'redis-mpx-fuzz'\n[dependencies]\nredis-mpx = { path = '..' }\nx = '1'\n[workspace]";
        assert_eq!(breaches(fuzz), Vec::<String>::new());
    }
}
