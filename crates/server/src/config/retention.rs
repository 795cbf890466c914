//! How long messages are kept, as people write it.
//!
//! For example `inboxes=30d, pairs=365d/100000`.
//!
//! ```text
//! retention := [ what "=" keep { "," what "=" keep } ]
//! what      := "inboxes" | "pairs" | "groups" | "groups:" prefix "*"
//! keep      := age | number | age "/" number           whichever is reached first
//! age       := a whole number with ms, s, m, h or d     at least a second
//! number    := how many messages, the newest ones       at least one
//! ```

use std::fmt;
use std::time::Duration;

use tidings::timeline::{Keep, Retention};

use super::duration;

/// How long messages are kept, shown as it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeptMessages {
    text: String,
    retention: Retention,
}

/// Longer ages are slips, or mean for ever.
const AGE_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl KeptMessages {
    /// Returns it as the store takes it.
    pub(crate) fn retention(&self) -> Retention {
        self.retention.clone()
    }
}

impl fmt::Display for KeptMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "everything is kept" } else { &self.text })
    }
}

/// Reads the words; no word keeps everything.
pub(super) fn retention(text: &str) -> Result<KeptMessages, String> {
    let (mut retention, mut known) = (Retention::new(), Vec::new());
    let words: Vec<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
    for word in &words {
        // The beginning of a name may have the sign, too.
        let (what, kept) = word.rsplit_once('=').ok_or_else(form)?;
        let (what, kept) = (what.trim_end(), keep(kept.trim_start()).ok_or_else(form)?);
        if known.contains(&what) {
            return Err(format!("says twice how long {what} are kept; say it once"));
        }
        known.push(what);
        retention = match what {
            "inboxes" => retention.inboxes(kept),
            "pairs" => retention.pairs(kept),
            "groups" => retention.groups(kept),
            _ => retention.groups_named(prefix(what).ok_or_else(form)?, kept),
        };
    }
    match retention.validate() {
        Ok(()) => Ok(KeptMessages { text: words.join(", "), retention }),
        Err(error) => Err(format!("cannot be: {error}")),
    }
}

/// Returns the beginning of the names of groups.
fn prefix(what: &str) -> Option<&str> {
    let prefix = what.strip_prefix("groups:")?.strip_suffix('*')?;
    (!prefix.is_empty() && !prefix.contains('*')).then_some(prefix)
}

fn keep(text: &str) -> Option<Keep> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (age, entries) = match text.split_once('/') {
        Some((age, entries)) => (Some(age), Some(entries)),
        None if is_number => (None, Some(text)),
        None => (Some(text), None),
    };
    let mut keep = Keep::everything();
    if let Some(age) = age {
        keep = keep.age(duration::parse(age.trim()).filter(|age| *age <= AGE_MAX)?);
    }
    if let Some(entries) = entries {
        keep = keep.entries(entries.trim().parse().ok()?);
    }
    Some(keep)
}

fn form() -> String {
    "does not say how long messages are kept; give what and how long, an age up to 36500d, a number of \
     messages, or both as AGE/NUMBER, like inboxes=30d, pairs=365d/100000, groups=10000, groups:news:*=7d/500"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use tidings::timeline::{Conversation, GroupName, MemberId};

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    #[test]
    fn ages_and_numbers_are_read_for_each_kind() {
        let kept = retention("inboxes=30d, pairs=365d/100000,groups = 10000, groups:news:*=7d/500").unwrap();
        let group = |name: &str| Conversation::group(GroupName::new(name).unwrap());
        let member = |name: &str| MemberId::new(name).unwrap();
        let pair = Conversation::single(member("alice"), member("bob"));
        let (of, keep) = (kept.retention(), Keep::everything());
        assert_eq!(of.of_inboxes(), keep.age(30 * DAY));
        assert_eq!(of.of_history(&pair), keep.age(365 * DAY).entries(100_000));
        assert_eq!(of.of_history(&group("tea")), keep.entries(10_000));
        assert_eq!(of.of_history(&group("news:world")), keep.age(7 * DAY).entries(500));
        assert!(kept.to_string().starts_with("inboxes=30d, pairs=365d/100000, groups = 10000"), "{kept}");
    }

    #[test]
    fn nothing_keeps_everything() {
        let kept = retention("").unwrap();
        assert_eq!((kept.retention(), kept.to_string().as_str()), (Retention::new(), "everything is kept"));
        assert_eq!(retention(" , ").unwrap(), kept);
    }

    #[test]
    fn a_group_may_have_any_sign_but_the_comma_in_its_name() {
        let kept = retention("groups:a=b:*=7").unwrap();
        let group = Conversation::group(GroupName::new("a=b:c").unwrap());
        assert_eq!(kept.retention().of_history(&group), Keep::everything().entries(7));
    }

    #[test]
    fn what_says_nothing_or_too_little_is_refused() {
        for wrong in [
            "30d",
            "inboxes",
            "inboxes=",
            "=30d",
            "inbox=30d",
            "groups:=7d",
            "groups:*=7d",
            "groups:news=7d",
            "groups:n*s*=7d",
            "pairs=7d/",
            "pairs=/7",
            "pairs=500/7d",
            "pairs=7d/500/1",
            "pairs=-1",
            "pairs=1.5d",
            "pairs=36501d",
        ] {
            let error = retention(wrong).unwrap_err();
            assert!(error.contains("AGE/NUMBER"), "{wrong}: {error}");
        }
        for (wrong, why) in [
            ("pairs=0", "keeps 0 entries"),
            ("groups:n:*=999ms", "groups:n:*"),
            ("pairs=1d, pairs=2d", "says twice how long pairs are kept"),
        ] {
            let error = retention(wrong).unwrap_err();
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }
}
