//! Channel rights as people write them: `bind=news,room:* write=room:*`.

use tidings::identity::{Grants, Identity};

/// Reads the rights of everybody: they have to be rights with any id, or whoever has a long one
/// could not log in.
pub(super) fn of_everybody(text: &str) -> Result<Grants, String> {
    let grants = grants(text)?;
    match grants.rights_of(&"x".repeat(Identity::USER_BYTES_MAX)) {
        Ok(_) => Ok(grants),
        Err(error) => Err(format!("cannot be the rights of a user with the longest id: {error}")),
    }
}

/// Reads words of the form `right=pattern,pattern`; none gives no right.
///
/// It says what is allowed where the text is wrong, and repeats nothing of it.
pub(super) fn grants(text: &str) -> Result<Grants, String> {
    let mut grants = Grants::default();
    for word in text.split_whitespace() {
        let (right, patterns) = word.split_once('=').ok_or_else(form)?;
        let patterns = patterns.split(',');
        grants = match right {
            "bind" => grants.bind(patterns),
            "write" => grants.write(patterns),
            "publish" => grants.publish(patterns),
            "history" => grants.history(patterns),
            _ => return Err(form()),
        };
    }
    // What is wrong with a pattern does not depend on whose it is, but for its length.
    match grants.rights_of("user") {
        Ok(_) => Ok(grants),
        Err(error) => Err(format!("cannot be rights in channels: {error}")),
    }
}

fn form() -> String {
    "is not a list of rights; give words like bind=news,room:* with one of bind, write, publish and history \
     before each =, and spaces between the words"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use tidings::identity::Right;

    use super::*;

    #[test]
    fn each_right_has_its_patterns() {
        let rights = grants("bind=news,room:*  write={user}:notes").unwrap().rights_of("bob").unwrap();
        assert!(rights.permits(Right::Bind, "news") && rights.permits(Right::Bind, "room:7"));
        assert!(rights.permits(Right::Write, "bob:notes") && !rights.permits(Right::Write, "news"));
        assert!(!rights.permits(Right::Publish, "news") && !rights.permits(Right::History, "news"));
        assert!(grants("").unwrap().is_empty());
    }

    #[test]
    fn rights_of_everybody_are_those_of_a_user_with_the_longest_id() {
        let long = format!("bind={}", ["{user}:*"; 20].join(","));
        assert!(grants(&long).is_ok() && of_everybody(&long).is_err());
        assert!(of_everybody("bind=* write={user}:*").is_ok());
    }

    #[test]
    fn what_is_no_right_is_refused() {
        for wrong in [
            "bind",
            "read=*",
            "bind=",
            "bind=a,,b",
            "bind=a*b",
            "bind=a, write=b",
            "=*",
            "bind={user}*",
            "write=room:{user}{user}",
        ] {
            assert!(grants(wrong).is_err(), "{wrong}");
        }
    }
}
