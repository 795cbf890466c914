//! What a user is not allowed, with the command that allows it.

/// Returns what there is to say after "mongodb at host" of a command that a user may not run.
///
/// `said` is the server's own text; `auth_source` is the database that the user is in.
pub(super) fn refusal(said: &str, auth_source: Option<&str>) -> String {
    if said.to_ascii_lowercase().contains("requires authentication") {
        return "wants a login, and the address has none; write it like \
                mongodb://user:password@host/?authSource=admin"
            .to_owned();
    }
    let place = auth_source.unwrap_or("admin");
    let Some(denied) = Denied::of(said) else {
        return format!(
            "does not let the user of the address do this: {said}; grant the user, who is in the database {place}, \
             the role readWrite on the database that is used"
        );
    };
    let Denied { command, target, database } = denied;
    format!(
        "does not let the user of the address run {command} on {target}; grant the user, who is in the database \
         {place}, the role readWrite on the database {database}: db.getSiblingDB(\"{place}\").grantRolesToUser(\"USER\", \
         [{{ role: \"readWrite\", db: \"{database}\" }}])"
    )
}

/// A command that was not allowed.
#[derive(Debug, PartialEq, Eq)]
struct Denied<'a> {
    command: &'a str,
    /// The collection with its database, or the database alone.
    target: String,
    database: &'a str,
}

impl<'a> Denied<'a> {
    /// Reads `not authorized on DATABASE to execute command { COMMAND: "COLLECTION", …`.
    fn of(said: &'a str) -> Option<Self> {
        let (_, rest) = said.split_once("not authorized on ")?;
        let (database, rest) = rest.split_once(" to execute command { ")?;
        let (command, rest) = rest.split_once(':')?;
        let collection = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
        let target = collection.map_or_else(|| database.to_owned(), |name| format!("{database}.{name}"));
        Some(Self { command, target, database })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_names_the_command_and_how_to_grant_it() {
        let said = "not authorized on tidings to execute command { insert: \"chat_meta\", ordered: true, lsid: { \
                    id: UUID(\"3f\") }, $db: \"tidings\" }";
        assert_eq!(
            refusal(said, Some("users")),
            "does not let the user of the address run insert on tidings.chat_meta; grant the user, who is in the \
             database users, the role readWrite on the database tidings: \
             db.getSiblingDB(\"users\").grantRolesToUser(\"USER\", [{ role: \"readWrite\", db: \"tidings\" }])"
        );
        let whole = "not authorized on admin to execute command { aggregate: 1, pipeline: [] }";
        assert!(refusal(whole, None).contains("run aggregate on admin;"));
        assert!(refusal("Command insert requires authentication", None).starts_with("wants a login"));
        let other = refusal("user is not allowed to do action [insert]", Some("admin"));
        assert!(other.contains("[insert]") && other.contains("role readWrite"), "{other}");
    }
}
