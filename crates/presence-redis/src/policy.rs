//! What a Redis does when its memory is full, and which keys that harms.

use presence_core::Error;
use redis::Value;

use crate::connection::Link;

/// Which keys of presence a policy may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EvictableKeys {
    /// The layout has keys that never expire, and loses by those alone.
    AllButMail,
    /// Every key expires.
    All,
}

/// Says what is wrong with a `maxmemory-policy`, and the remedy, if it lets Redis remove what
/// presence needs.
pub(crate) fn harm(policy: &str, keys: EvictableKeys) -> Option<String> {
    let harmful =
        policy.starts_with("allkeys-") || keys == EvictableKeys::All && policy.starts_with("volatile-");
    harmful.then(|| {
        format!(
            "redis may remove keys of presence when its memory is full (`maxmemory-policy` is `{policy}`), \
             and users who are connected would then be reported offline; set it to `noeviction`, and use \
             another redis for data that may be removed"
        )
    })
}

/// Asks every master for its policy, and says which do harm.
///
/// One that is away hides no warning about the others: it is an error only if there is none.
pub(crate) async fn warnings(link: &Link, keys: EvictableKeys) -> Result<Vec<String>, Error> {
    let mut info = redis::cmd("INFO");
    info.arg("memory");
    let (mut warnings, mut failed) = (Vec::new(), None);
    for (server, answer) in link.each_master(&info).await {
        match answer {
            Ok(info) => {
                let harm = policy(&info).and_then(|policy| harm(&policy, keys));
                warnings.extend(harm.map(|harm| format!("redis at {server}: {harm}")));
            }
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if warnings.is_empty() => Err(error),
        _ => Ok(warnings),
    }
}

/// The policy in an answer of `INFO memory`.
pub(crate) fn policy(info: &Value) -> Option<String> {
    let text: String = redis::from_redis_value_ref(info).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("maxmemory_policy:"))?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_that_take_our_keys_are_told_with_the_remedy() {
        assert_eq!(harm("noeviction", EvictableKeys::All), None);
        assert_eq!(harm("volatile-lru", EvictableKeys::AllButMail), None);
        for (policy, keys) in
            [("allkeys-lru", EvictableKeys::AllButMail), ("volatile-ttl", EvictableKeys::All)]
        {
            let told = harm(policy, keys).unwrap();
            assert!(told.contains(policy) && told.contains("noeviction"), "{told}");
        }
        let info = Value::BulkString(b"# Memory\r\nmaxmemory_policy:allkeys-lfu\r\n".to_vec());
        assert_eq!(policy(&info).as_deref(), Some("allkeys-lfu"));
    }
}
