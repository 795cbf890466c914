//! `tidings revoke`: ends logins before their time.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail, ensure};
use tidings::identity::{Revocation, Revocations};
use tokio::time::{Instant, sleep};

use super::drops::Drops;
use super::redis_list::{RedisList, unusable};
use crate::clock;
use crate::config::{Config, RedisUrl, RevokeWish};
use crate::data_dir::DataDir;

/// How long a running server is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a drop lies there before it is asked whether a server runs at all: longer than one
/// takes to find it.
const BEFORE_ASKING: Duration = Duration::from_millis(1_000);

/// How often it is looked whether the server has taken a drop.
const EVERY: Duration = Duration::from_millis(20);

/// Revokes what is wished, and returns what to print.
pub(crate) async fn revoke(config: &Config, wish: RevokeWish) -> anyhow::Result<String> {
    let (now, list) = (clock::now(), super::list()?);
    let said = match &config.redis_url {
        Some(url) => Box::pin(in_redis(config, url, &list, wish, now)).await?,
        None => in_directory(&config.data_dir, &entry(&list, wish, now)?, now).await?,
    };
    let mut text = said.text;
    text.push('\n');
    if !said.is_taken && !config.logins.are_configured() {
        text.push_str(
            "note: a revocation counts in a server that has logins; this command was given none, and if the \
             server has none either, configure them there (see --token-keys)\n",
        );
    }
    Ok(text)
}

/// What became of it.
struct Said {
    text: String,
    /// Whether a running server knows it.
    is_taken: bool,
}

/// Adds the entry to the list, which refuses it if there are too many.
fn entry(list: &Revocations, wish: RevokeWish, now: SystemTime) -> anyhow::Result<Revocation> {
    let RevokeWish { user, token, issued_before } = wish;
    let entry = match (user, token, issued_before) {
        (Some(user), None, None) => list.revoke_user(&user, now),
        (None, Some(jti), None) => list.revoke_token(&jti, now),
        (None, None, Some(before)) => list.revoke_issued_before(before, now),
        (Some(user), None, Some(before)) => list.revoke_user_issued_before(&user, before, now),
        _ => bail!(
            "revoke: give --user ID, --token JTI, --issued-before TIME, or --user ID with --issued-before TIME"
        ),
    };
    entry.context("revoke")
}

/// Leaves it for the server of the data directory, and waits for that if it runs.
async fn in_directory(data_dir: &Path, entry: &Revocation, now: SystemTime) -> anyhow::Result<Said> {
    let exists = DataDir::exists(data_dir).with_context(|| {
        format!("--data-dir: {} cannot be read; run this as the user of the server", shown(data_dir))
    })?;
    ensure!(
        exists,
        "--data-dir: {} is no data directory of a server; name that of the server, or its Redis with \
         --presence redis and --redis-url",
        data_dir.display()
    );
    let (what, entry, place) = (described(entry), entry.clone(), data_dir.to_owned());
    let drop = tokio::task::spawn_blocking(move || Drops::of(&place).put(&entry, now)).await??;
    let said = |text: String, is_taken| Ok(Said { text, is_taken });
    match wait(data_dir, &drop).await? {
        Outcome::Taken => said(format!("revoked {what}; the running server has taken it"), true),
        Outcome::NobodyRuns => said(
            format!("revoked {what}; no server runs in {}, it counts from the next start", shown(data_dir)),
            false,
        ),
        Outcome::NotTaken => said(
            format!(
                "revoked {what}; the server that runs in {} has not taken it within {PATIENCE:?}: if it has \
                 --redis-url, run this with that and --presence redis, otherwise look at its /readyz and log; \
                 at the latest it counts from the next start",
                shown(data_dir)
            ),
            false,
        ),
        Outcome::Refused => bail!(
            "revoke: the server could not read {}, and nothing is revoked; run the version of this program that \
             the server has",
            drop.display()
        ),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

enum Outcome {
    Taken,
    NobodyRuns,
    NotTaken,
    Refused,
}

/// Waits until the running server has taken a drop.
async fn wait(data_dir: &Path, drop: &Path) -> anyhow::Result<Outcome> {
    let (begun, mut is_known_to_run) = (Instant::now(), false);
    while drop.exists() {
        if begun.elapsed() >= PATIENCE {
            return Ok(Outcome::NotTaken);
        }
        if !is_known_to_run && begun.elapsed() >= BEFORE_ASKING {
            let is_in_use = DataDir::is_in_use(data_dir);
            let is_in_use = is_in_use.with_context(|| format!("--data-dir: {}", shown(data_dir)))?;
            if !is_in_use {
                // One that ended just now may have taken it before.
                return Ok(if drop.exists() { Outcome::NobodyRuns } else { Outcome::Taken });
            }
            is_known_to_run = true;
        }
        sleep(EVERY).await;
    }
    Ok(if Drops::was_refused(drop) { Outcome::Refused } else { Outcome::Taken })
}

/// Writes it to Redis, which tells the servers.
async fn in_redis(
    config: &Config,
    url: &RedisUrl,
    list: &Revocations,
    wish: RevokeWish,
    now: SystemTime,
) -> anyhow::Result<Said> {
    let redis = RedisList::connect(config, url).await?;
    // All are read first, as there may be so many and no more, and as older ones that say no more
    // than the new one make room for it.
    let snapshot = redis.read(now).await.map_err(|error| unusable(url, &error))?;
    for entry in &snapshot.entries {
        // What has no place here leaves none for the new one either, unless that needs none.
        list.apply(entry, now).ok();
    }
    let entry = entry(list, wish, now)?;
    let mut older = snapshot.entries;
    older.retain(|older| *older != entry && says_no_more(older, &entry));
    let heard = redis.publish(&entry, &older).await.map_err(|error| unusable(url, &error))?;
    let what = described(&entry);
    let text = match heard {
        0 => format!("revoked {what} in {url}; no server is connected, each reads it when it starts"),
        1 => format!("revoked {what} in {url}; 1 server has heard it"),
        _ => format!("revoked {what} in {url}; {heard} servers have heard it"),
    };
    Ok(Said { text, is_taken: heard > 0 })
}

/// Whether all that an entry revokes is revoked by a newer one, for as long.
fn says_no_more(older: &Revocation, newer: &Revocation) -> bool {
    (older.user(), older.jti()) == (newer.user(), newer.jti())
        && older.before().is_some() == newer.before().is_some()
        && older.before() <= newer.before()
        && older.until() <= newer.until()
}

/// What an entry revokes, in words.
fn described(entry: &Revocation) -> String {
    let before = entry.before().map(|before| clock::unix_ms(before) / 1_000);
    match (entry.user(), entry.jti(), before) {
        (Some(user), _, None) => format!("every token of the user {user:?}"),
        (Some(user), _, Some(before)) => {
            format!("every token of the user {user:?} that was issued before {before} (Unix time)")
        }
        (None, Some(jti), _) => format!("the token {jti:?}"),
        (None, None, Some(before)) => format!("every token that was issued before {before} (Unix time)"),
        (None, None, None) => entry.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Revocation {
        text.parse().unwrap()
    }

    #[test]
    fn an_older_entry_gives_way_only_to_one_that_says_as_much() {
        let newer = of(r#"{"user":"bob","before":7,"until":17}"#);
        assert!(says_no_more(&of(r#"{"user":"bob","before":6,"until":16}"#), &newer));
        for stays in [
            r#"{"user":"bob","before":8,"until":16}"#,
            r#"{"user":"bob","before":6,"until":18}"#,
            r#"{"user":"carol","before":6,"until":16}"#,
            r#"{"user":"bob","until":16}"#,
            r#"{"before":6,"until":16}"#,
            r#"{"jti":"bob","until":16}"#,
        ] {
            assert!(!says_no_more(&of(stays), &newer), "{stays}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_server_it_counts_from_the_next_start_and_only_in_a_data_directory() {
        let parent = tempfile::tempdir().unwrap();
        let (path, now) = (parent.path().join("data"), clock::now());
        let entry = crate::revocation::list().unwrap().revoke_user("bob", now).unwrap();
        let error = in_directory(&path, &entry, now).await.err().unwrap().to_string();
        assert!(error.contains("is no data directory of a server"), "{error}");
        drop(DataDir::open(&path).unwrap());
        let said = in_directory(&path, &entry, now).await.unwrap();
        assert!(!said.is_taken && said.text.contains("from the next start"), "{}", said.text);
        assert_eq!(Drops::of(&path).look().unwrap().drops.len(), 1);
    }
}
