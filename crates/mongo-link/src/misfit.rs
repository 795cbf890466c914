//! Why a server that answers is no member of the set of the address.

use std::fmt;

use mongodb::bson::{Bson, Document};

/// What a server says of itself that keeps the driver from using it.
///
/// The driver leaves such a server out without a word, and for good where no other server names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It runs without `--replSet`; the name of the set in the address, if there is one.
    Alone(Option<String>),
    /// It runs with `--replSet`, and is in no set.
    Uninitiated,
    /// It is in another set than the address says.
    OtherSet { its: String, of_address: String },
    /// It is a router to several sets, and the address names one.
    Router(String),
    /// Its set knows it by another address, and these are the addresses of the set.
    Renamed(String),
}

impl Misfit {
    /// Reads an answer to `hello` of the server at an address; `set` is what the address names.
    pub(crate) fn of(hello: &Document, address: &str, set: Option<&str>) -> Option<Self> {
        if hello.get_str("msg").is_ok_and(|said| said == "isdbgrid") {
            return set.map(|set| Self::Router(set.to_owned()));
        }
        if hello.get_bool("isreplicaset").unwrap_or(false) {
            return Some(Self::Uninitiated);
        }
        let Ok(its) = hello.get_str("setName") else {
            return Some(Self::Alone(set.map(str::to_owned)));
        };
        if let Some(set) = set.filter(|set| *set != its) {
            return Some(Self::OtherSet { its: its.to_owned(), of_address: set.to_owned() });
        }
        let members: Vec<&str> = ["hosts", "passives", "arbiters"]
            .iter()
            .flat_map(|list| hello.get_array(list).into_iter().flatten())
            .filter_map(Bson::as_str)
            .collect();
        let is_known =
            members.is_empty() || members.iter().any(|member| member.eq_ignore_ascii_case(address));
        (!is_known).then(|| Self::Renamed(members.join(", ")))
    }
}

impl fmt::Display for Misfit {
    /// Writes what the server is, and what to do, behind its address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alone(set) => {
                let set = set.as_deref().unwrap_or("NAME");
                write!(f, "is no replica set; start it with --replSet {set} and run rs.initiate() there")
            }
            Self::Uninitiated => {
                f.write_str("is in no replica set yet; run rs.initiate() there, or rs.add() on its primary")
            }
            Self::OtherSet { its, of_address } => {
                write!(
                    f,
                    "is of the set {its}, the address says replicaSet={of_address}; correct one of them"
                )
            }
            Self::Router(set) => {
                write!(f, "is a router (mongos); leave replicaSet={set} out of the address")
            }
            Self::Renamed(members) => write!(
                f,
                "is known to its set by another name, the members are {members}; name them in the address and \
                 in rs.conf() so that every machine reaches them by that name"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn each_server_that_is_no_member_is_told_with_what_to_do() {
        let member = doc! { "setName": "rs", "hosts": ["a:1", "b:2"] };
        for (hello, set, told) in [
            (doc! { "isWritablePrimary": true }, Some("rs"), "is no replica set; start it with --replSet rs"),
            (doc! { "isWritablePrimary": true }, None, "is no replica set; start it with --replSet NAME"),
            (doc! { "isreplicaset": true }, Some("rs"), "is in no replica set yet; run rs.initiate()"),
            (member.clone(), Some("other"), "is of the set rs, the address says replicaSet=other"),
            (doc! { "msg": "isdbgrid" }, Some("rs"), "is a router (mongos); leave replicaSet=rs out"),
            (doc! { "setName": "rs", "hosts": ["x:1"] }, Some("rs"), "is known to its set by another name"),
        ] {
            let misfit = Misfit::of(&hello, "a:1", set).unwrap();
            assert!(misfit.to_string().starts_with(told), "{misfit}");
        }
        for (hello, address, set) in [
            (member.clone(), "A:1", Some("rs")),
            (member, "b:2", None),
            (doc! { "setName": "rs", "hosts": ["a:1"], "arbiters": ["c:3"] }, "c:3", Some("rs")),
            (doc! { "msg": "isdbgrid" }, "a:1", None),
        ] {
            assert_eq!(Misfit::of(&hello, address, set), None);
        }
    }
}
