//! The address of a MongoDB, looked at before the driver sees it.

use std::fmt;

use crate::error::Error;

/// Where to connect to.
///
/// It displays with scheme and hosts alone: not with user, password, database or options.
#[derive(Clone)]
pub struct Address {
    url: String,
    shown: String,
    /// The database that the path names.
    database: Option<String>,
    /// The database that the user is looked for in, if the options name one that may be shown.
    auth_source: Option<String>,
    /// Whether nothing in it can be a secret.
    is_open: bool,
}

impl Address {
    /// Takes an address.
    ///
    /// See [`LinkConfig`](crate::LinkConfig) for its forms.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if the text is not an address. The error repeats
    /// nothing of the text, which may hold a password.
    pub fn parse(url: &str) -> Result<Self, Error> {
        // The driver cuts the text at bytes, which the letters of other languages are not.
        if !url.is_ascii() {
            return Err(wrong("has a letter that is not of ASCII; write its bytes like %C3%A9"));
        }
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| wrong("has no scheme; write it like mongodb://host:27017"))?;
        if !matches!(scheme, "mongodb" | "mongodb+srv") {
            return Err(wrong("has an unknown scheme; use mongodb or mongodb+srv"));
        }
        if rest.contains('#') {
            return Err(wrong("contains a `#`; write it as %23 in a user or password"));
        }
        let (rest, options) =
            rest.split_once('?').map_or((rest, None), |(rest, options)| (rest, Some(options)));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, hosts) =
            authority.rsplit_once('@').map_or((None, authority), |(user, hosts)| (Some(user), hosts));
        // A password with a raw `/` or `?` in it is cut in two there, and leaves an `@` behind the
        // hosts, where none belongs: half of it would be taken for a host and shown.
        if path.contains('@') || options.is_some_and(|options| options.contains('@')) {
            return Err(wrong(
                "has an `@` behind its hosts; in a user or password write `/` as %2F and `?` as %3F, in \
                 an option `@` as %40",
            ));
        }
        if user.is_some_and(|user| user.contains(['@', '[', ']']) || user.matches(':').count() > 1) {
            return Err(wrong(
                "has a user or password with a raw `@`, `:`, `[` or `]`; write them as %40, %3A, %5B and %5D",
            ));
        }
        if !hosts.split(',').all(is_host) {
            return Err(wrong(
                "has something else than hosts where they belong; write it like \
                 mongodb://user:password@host1:27017,host2:27017/database",
            ));
        }
        let database = path.strip_prefix('/').filter(|name| !name.is_empty());
        if database.is_some_and(|name| !is_database(name)) {
            return Err(wrong("has a path that is not the name of a database; see `LinkConfig::database`"));
        }
        Ok(Self {
            url: url.to_owned(),
            shown: format!("{scheme}://{hosts}"),
            database: database.map(str::to_owned),
            auth_source: options.and_then(auth_source),
            is_open: user.is_none() && options.is_none_or(is_open),
        })
    }

    /// The text as it was given, for the driver alone.
    pub(crate) fn secret(&self) -> &str {
        &self.url
    }

    pub(crate) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// The database that a user is looked for in.
    pub(crate) fn auth_source(&self) -> &str {
        self.auth_source.as_deref().or_else(|| self.database()).unwrap_or("admin")
    }

    /// The hosts alone, as errors name the server.
    pub(crate) fn hosts(&self) -> &str {
        self.shown.split_once("://").map_or(&*self.shown, |(_, hosts)| hosts)
    }

    /// The error of an address that the driver does not understand.
    ///
    /// The driver repeats parts of the text.
    pub(crate) fn refused(&self, error: &mongodb::error::Error) -> Error {
        let fault = match error.kind.as_ref() {
            mongodb::error::ErrorKind::InvalidArgument { message, .. } if self.is_open => {
                format!("is refused by the driver: {message}")
            }
            _ => "is refused by the driver; check the options behind its `?`, and that user and password \
                  have `%` as %25"
                .to_owned(),
        };
        wrong(&fault)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether this may name a database.
///
/// Source: <https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions>
pub(crate) fn is_database(name: &str) -> bool {
    let is_allowed =
        |letter: char| !letter.is_whitespace() && !letter.is_control() && !FORBIDDEN.contains(letter);
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(is_allowed)
}

/// What no name of a database has, on any system, and `%`, which an address would decode.
const FORBIDDEN: &str = "/\\.\"$*<>:|?%";

const NAME_BYTES_MAX: usize = 63;

/// Whether this is a host, with a port or not, or the path of a Unix socket as addresses have it.
///
/// A user and password without an `@` behind them look like a host whose port is no number.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        // The colons of a bare IPv6 address are within its brackets.
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._%[]:".contains(&byte);
    // A colon that is left belongs to an IPv6 address.
    let is_whole =
        name.starts_with('[') == name.ends_with(']') && (name.starts_with('[') || !name.contains(':'));
    !name.is_empty()
        && name.bytes().all(is_allowed)
        && is_whole
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Returns the database that the option `authSource` names; what is no name of one is not shown.
fn auth_source(options: &str) -> Option<String> {
    let named = options.split('&').filter_map(|option| option.split_once('='));
    let mut named = named.filter(|(name, _)| name.eq_ignore_ascii_case("authSource"));
    let (_, source) = named.next_back()?;
    (is_database(source) || source == "$external").then(|| source.to_owned())
}

/// Whether no option can hold a password or a token.
fn is_open(options: &str) -> bool {
    let options = options.to_ascii_lowercase();
    !["password", "properties", "token", "secret"].iter().any(|secret| options.contains(secret))
}

fn wrong(fault: &str) -> Error {
    Error::config(format!("the mongodb url {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn address_shows_its_hosts_and_nothing_else() {
        for (url, shown) in [
            ("mongodb://localhost", "mongodb://localhost"),
            ("mongodb://alice:s%40cret@db:27017/chat?authSource=admin", "mongodb://db:27017"),
            ("mongodb://:pw@a:1,b:2,[::1]:3/?replicaSet=rs", "mongodb://a:1,b:2,[::1]:3"),
            ("mongodb+srv://u:p@cluster0.example.net/x?w=1", "mongodb+srv://cluster0.example.net"),
            ("mongodb://%2Ftmp%2Fmongodb-27017.sock", "mongodb://%2Ftmp%2Fmongodb-27017.sock"),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), shown);
            assert_eq!(address.secret(), url);
        }
    }

    #[test]
    fn path_names_the_database() {
        let database = |url: &str| Address::parse(url).unwrap().database().map(str::to_owned);
        assert_eq!(database("mongodb://a/chat?w=1").as_deref(), Some("chat"));
        assert_eq!(database("mongodb://a/?w=1"), None);
        assert_eq!(database("mongodb://a"), None);
    }

    #[test]
    fn user_is_looked_for_where_the_address_says_else_in_its_database() {
        for (url, source) in [
            ("mongodb://u:p@a/chat?w=1&authsource=users", "users"),
            ("mongodb://u:p@a/?authSource=$external", "$external"),
            ("mongodb://u:p@a/chat", "chat"),
            ("mongodb://u:p@a/chat?authSource=a.b", "chat"),
            ("mongodb://u:p@a", "admin"),
        ] {
            assert_eq!(Address::parse(url).unwrap().auth_source(), source, "{url}");
        }
    }

    #[test]
    fn half_a_password_is_never_taken_for_a_host_or_a_path() {
        for url in [
            "mongodb://user:12?hidden@host",
            "mongodb://user:12#hidden@host",
            "mongodb://user:12/hidden@host",
            "mongodb://user:1/hi?d@den@host",
            "mongodb://user:hidden@x@host",
            "mongodb://user:hid:den@host",
            "mongodb://user:hidden",
            "mongodb://user:hidden,host:1",
            "mongodb://user:hïdden@host",
            "mongodb://hidden host",
            "mongodb://host/hid.den",
            "mongodb://user:x@/hidden",
            "mongodb://",
            "http://user:hidden@host",
            "user:hidden@host",
            "",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            for part in ["hidden", "hid", "den", "h\u{ef}dden"] {
                assert!(!error.to_string().contains(part), "{error}");
            }
        }
    }

    #[test]
    fn names_of_databases_are_told_from_others() {
        assert!(is_database("tidings-2"));
        for name in ["", "a.b", "a b", "$x", "a/b", "%41", &"x".repeat(64)] {
            assert!(!is_database(name), "{name}");
        }
    }
}
