//! `tidings revoke`: ends logins before their time.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail, ensure};
use tidings::identity::{Revocation, RevocationFile, Revocations};
use tokio::time::{Instant, sleep};

use super::drops::{DropAnswer, Drops};
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

/// What to do when the list has no place.
const FULL: &str = "the list of revocations is full, and nothing is revoked; each entry is forgotten a day after it \
                    was made, and --issued-before TIME without --user has its place in any case";

/// When servers read the list of a Redis by themselves.
const READ_LATER: &str = "servers read the list when they start, when they reach Redis again, and every 10 s";

/// What has become of a revocation that was written.
pub(crate) struct RevokeAnswer {
    /// What to print.
    pub(crate) text: String,
    /// Whether a running server has it, or the next one will.
    pub(crate) is_known: bool,
}

/// Revokes what is wished. An error says that it is not revoked.
pub(crate) async fn revoke(config: &Config, wish: RevokeWish) -> anyhow::Result<RevokeAnswer> {
    let (now, list) = (clock::now(), super::list()?);
    let said = match &config.redis_url {
        Some(url) => Box::pin(in_redis(config, url, &list, wish, now)).await?,
        None => in_directory(&config.data_dir, &entry(&list, wish, now)?, now).await?,
    };
    let mut text = said.text;
    text.push('\n');
    if said.fate != Fate::Taken && !config.logins.are_configured() {
        text.push_str(
            "note: a revocation counts in a server that has logins; this command was given none, and if the \
             server has none either, configure them there (see --token-keys)\n",
        );
    }
    Ok(RevokeAnswer { text, is_known: said.fate != Fate::Unheard })
}

/// What became of it, in words and for the exit code.
struct Said {
    text: String,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// A running server has it.
    Taken,
    /// No server runs, and the next one reads it.
    NextStart,
    /// It is written, or may be, and nobody has said that it counts.
    Unheard,
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
    let place = shown(data_dir);
    // From here on it is written, and an error would say that it is not.
    let (text, fate) = match wait(data_dir, &drop, now).await {
        Outcome::Taken => (format!("revoked {what}; the running server has taken it"), Fate::Taken),
        Outcome::NobodyRuns => {
            let text = format!("revoked {what}; no server runs in {place}, it counts from the next start");
            (text, Fate::NextStart)
        }
        Outcome::Unheard(why) => {
            (format!("wrote the revocation of {what} to {place}, but it may not count: {why}"), Fate::Unheard)
        }
        Outcome::Full => {
            Drops::take_back(&drop)
                .with_context(|| format!("revoke: {FULL}; remove {} by hand", shown(&drop)))?;
            bail!("revoke: {FULL}")
        }
        Outcome::Refused => bail!(
            "revoke: the server could not read {}, and nothing is revoked; run the version of this program that \
             the server has",
            drop.display()
        ),
    };
    Ok(Said { text, fate })
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

enum Outcome {
    Taken,
    NobodyRuns,
    /// Why nobody has said that it counts, and what to do.
    Unheard(String),
    Full,
    Refused,
}

/// Waits until the running server has answered a drop.
async fn wait(data_dir: &Path, drop: &Path, now: SystemTime) -> Outcome {
    let (begun, mut is_known_to_run) = (Instant::now(), false);
    loop {
        if let Some(outcome) = answered(Drops::answer(drop)) {
            return outcome;
        }
        if begun.elapsed() >= PATIENCE {
            return Outcome::Unheard(format!(
                "the server that runs there has not said within {PATIENCE:?} that it took it; if it has \
                 --redis-url, run this with that and --presence redis, otherwise look at its /readyz and log, \
                 as it may be stopped or its disk full"
            ));
        }
        if !is_known_to_run && begun.elapsed() >= BEFORE_ASKING {
            match DataDir::is_in_use(data_dir) {
                Ok(true) => is_known_to_run = true,
                Ok(false) => return at_next_start(data_dir, drop, now).await,
                Err(error) => {
                    return Outcome::Unheard(format!(
                        "whether a server runs there cannot be found out: {error}; look at its /readyz and log"
                    ));
                }
            }
        }
        sleep(EVERY).await;
    }
}

fn answered(answer: DropAnswer) -> Option<Outcome> {
    match answer {
        DropAnswer::Waiting => None,
        DropAnswer::Taken => Some(Outcome::Taken),
        DropAnswer::Refused => Some(Outcome::Refused),
        DropAnswer::Full => Some(Outcome::Full),
    }
}

/// What the next start makes of a drop.
async fn at_next_start(data_dir: &Path, drop: &Path, now: SystemTime) -> Outcome {
    let (place, path) = (data_dir.to_owned(), drop.to_owned());
    let read = tokio::task::spawn_blocking(move || read_as_at_start(&place, &path, now)).await;
    match read.map_err(anyhow::Error::new).and_then(|answer| answer) {
        Ok(answer) => answered(answer).unwrap_or(Outcome::NobodyRuns),
        Err(error) => Outcome::Unheard(format!(
            "no server runs there, and whether one can start with it is not known: {error:#}"
        )),
    }
}

/// Reads the list as a server does that starts, and changes nothing.
fn read_as_at_start(data_dir: &Path, drop: &Path, now: SystemTime) -> anyhow::Result<DropAnswer> {
    let list = super::list()?;
    RevocationFile::new(data_dir).load(&list, now)?;
    let found = Drops::of(data_dir).look()?;
    found.unreadable.map_or(Ok(()), Err)?;
    for waiting in found.drops {
        let has_place = list.apply(&waiting.revocation, now).is_ok();
        if waiting.is_at(drop) {
            return Ok(if has_place { DropAnswer::Waiting } else { DropAnswer::Full });
        }
    }
    // A server that started, or one that ended just now, has answered it.
    Ok(Drops::answer(drop))
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
    if let Err(error) = redis.put(&entry).await {
        let is_open = error.kind() == redis_link::ErrorKind::Unavailable && error.code().is_none();
        let error = unusable(url, &error);
        if !is_open {
            return Err(error);
        }
        let text = format!("whether {} is revoked is not known; run this again: {error}", described(&entry));
        return Ok(Said { text, fate: Fate::Unheard });
    }
    // From here on it is written, and an error would say that it is not.
    let mut said = told_to_servers(config, url, &entry, redis.publish(&entry).await);
    if let Err(error) = redis.remove(&older).await {
        said.text.push_str("\nnote: older entries that this one replaces stay: ");
        said.text.push_str(&unusable(url, &error).to_string());
    }
    Ok(said)
}

/// Says what became of an entry that Redis has.
fn told_to_servers(config: &Config, url: &RedisUrl, entry: &Revocation, sent: anyhow::Result<usize>) -> Said {
    let (what, prefix) = (described(entry), &config.redis_prefix);
    let why = match sent {
        Ok(0) => format!(
            "no server listens there: {READ_LATER}; if servers run, look whether this is their --redis-url and \
             --redis-prefix, and at their /readyz and log"
        ),
        Ok(count) => {
            let servers = if count == 1 { "server that listens" } else { "servers that listen" };
            let text = format!("revoked {what} in {url}; it was sent to {count} {servers}");
            return Said { text, fate: Fate::Taken };
        }
        Err(error) => {
            let error = unusable(url, &error);
            format!("the servers could not be told at once: {READ_LATER}; {error}")
        }
    };
    let text = format!("wrote the revocation of {what} to {url} under the prefix {prefix:?}, but {why}");
    Said { text, fate: Fate::Unheard }
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
        assert!(said.fate == Fate::NextStart && said.text.contains("from the next start"), "{}", said.text);
        assert_eq!(Drops::of(&path).look().unwrap().drops.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_no_place_at_the_next_start_is_not_revoked_and_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let (path, now) = (parent.path().join("data"), clock::now());
        drop(DataDir::open(&path).unwrap());
        let list = crate::revocation::list().unwrap();
        let mut number = 0;
        while !list.is_full(now) {
            list.revoke_token(&number.to_string(), now).unwrap();
            number += 1;
        }
        RevocationFile::new(&path).save(&list, now).unwrap();
        let others = crate::revocation::list().unwrap();
        let bob = others.revoke_user("bob", now).unwrap();
        let error = in_directory(&path, &bob, now).await.err().unwrap().to_string();
        assert!(error.contains("is full, and nothing is revoked"), "{error}");
        assert_eq!(std::fs::read_dir(path.join("revoke")).unwrap().count(), 0);
        // The way out.
        let all = others.revoke_issued_before(now, now).unwrap();
        assert_eq!(in_directory(&path, &all, now).await.unwrap().fate, Fate::NextStart);
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_running_server_does_not_take_is_written_and_not_said_to_be_revoked() {
        let parent = tempfile::tempdir().unwrap();
        let (path, now) = (parent.path().join("data"), clock::now());
        // It has the directory, and looks for nothing.
        let _server = DataDir::open(&path).unwrap();
        let entry = crate::revocation::list().unwrap().revoke_user("bob", now).unwrap();
        let said = in_directory(&path, &entry, now).await.unwrap();
        assert_eq!(said.fate, Fate::Unheard);
        assert!(said.text.starts_with("wrote the revocation of every token"), "{}", said.text);
        assert!(said.text.contains("/readyz") && said.text.contains("--redis-url"), "{}", said.text);
    }

    #[tokio::test(start_paused = true)]
    async fn what_no_server_can_start_with_is_not_said_to_count_from_the_next_start() {
        let parent = tempfile::tempdir().unwrap();
        let (path, now) = (parent.path().join("data"), clock::now());
        drop(DataDir::open(&path).unwrap());
        std::fs::write(path.join(RevocationFile::NAME), "half").unwrap();
        let entry = crate::revocation::list().unwrap().revoke_user("bob", now).unwrap();
        let said = in_directory(&path, &entry, now).await.unwrap();
        assert!(said.fate == Fate::Unheard && said.text.contains("is damaged"), "{}", said.text);
    }
}
