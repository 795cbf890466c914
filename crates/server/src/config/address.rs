//! Addresses as they may be shown, without anything that may be a secret.
//!
//! That holds also for an address that makes no sense.
//!
//! A password with a raw `#`, `/` or `?` is cut in two by every parser, and a token in a path or a
//! query is in no parser's sight. So nothing is parsed first: what is shown is only what can be
//! nothing but a scheme, a user, a host, a port or the number of a database.

/// The sign that stands for what is not shown.
const HIDDEN: &str = "…";

/// An address without its secrets. Where it is not sure which part is what, scheme and host alone,
/// or less.
pub(super) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| is_word(scheme, "+-.")) else {
        return HIDDEN.to_owned();
    };
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if path.contains('@') {
        // Is that in the path, or is the path a part of the password? A host that cannot be a name
        // of one decides.
        let (_, after) = rest.rsplit_once('@').unwrap_or_default();
        let host = after.split(['/', '?', '#']).next().unwrap_or_default();
        let sure =
            !is_hosts(authority) && !authority.contains('@') && !authority.is_empty() && is_hosts(host);
        return if sure { format!("{scheme}://{HIDDEN}@{host}") } else { format!("{scheme}://{HIDDEN}") };
    }
    if authority.is_empty() && scheme.ends_with("unix") {
        let (file, query) = path.split_once(['?', '#']).map_or((path, ""), |(file, _)| (file, HIDDEN));
        return format!("{scheme}://{file}{query}");
    }
    // The last `@` counts: a password may have one, a host may not.
    let (user, hosts) = match authority.rsplit_once('@') {
        None => (String::new(), authority),
        Some((credentials, hosts)) => match credentials.split_once(':') {
            Some((user, password)) if !password.is_empty() && is_login(scheme, user) => {
                (format!("{user}:{HIDDEN}@"), hosts)
            }
            _ => (format!("{HIDDEN}@"), hosts),
        },
    };
    if !is_hosts(hosts) {
        return format!("{scheme}://{HIDDEN}");
    }
    let database = scheme.starts_with("redis") && path.split('/').skip(1).all(|part| is_word(part, "-._"));
    let path = match path {
        "" | "/" => "",
        path if database && path.starts_with('/') => path,
        _ => &format!("/{HIDDEN}"),
    };
    format!("{scheme}://{user}{hosts}{path}")
}

/// Whether that is surely the name of a user. For a web service it may be a token, and what no name
/// has may be a part of the password.
fn is_login(scheme: &str, user: &str) -> bool {
    scheme.starts_with("redis") && (user.is_empty() || is_word(user, "-._"))
}

/// `host`, `host:port`, `[::1]:port`, or several of them with commas between.
fn is_hosts(text: &str) -> bool {
    !text.is_empty()
        && text.split(',').all(|host| {
            let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((name, port)) => {
                    (name, port.strip_prefix(':').or_else(|| port.is_empty().then_some("0")))
                }
                None => host.split_once(':').map_or((host, Some("0")), |(name, port)| (name, Some(port))),
            };
            let is_name = if host.starts_with('[') { is_word(name, ":.") } else { is_word(name, "-._") };
            is_name && port.is_some_and(|port| port.parse::<u16>().is_ok())
        })
}

fn is_word(text: &str, also: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || also.contains(letter))
}

/// Hides an address within other text, as in what was typed at the wrong place of a command line:
/// up to the last quotation mark.
pub(super) fn hidden_in(text: &str) -> String {
    let Some(colon) = text.find("://") else { return without_login(text) };
    let is_scheme = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    let start = text[..colon].trim_end_matches(is_scheme).len();
    let end = text.rfind('\'').filter(|end| *end > colon).unwrap_or(text.len());
    format!("{}{}{}", &text[..start], shown(&text[start..end]), &text[end..])
}

/// Hides what stands before an `@`, from a quotation mark on. A shell cuts an address at a space,
/// and what is behind it then has no scheme.
fn without_login(text: &str) -> String {
    let Some(at) = text.rfind('@') else { return text.to_owned() };
    let start = text[..at].find('\'').map_or(0, |quotation| quotation + 1);
    format!("{}{HIDDEN}{}", &text[..start], &text[at..])
}

/// An error about the address `url`, in whose words it may stand once more, taken apart by somebody
/// else.
pub(crate) fn hidden_in_error(text: &str, url: &str) -> String {
    let whole = url.contains(['?', '#']);
    let words = text.split(' ').map(|word| {
        let found = word.trim_end_matches([':', ',', ';']);
        match found.contains("://") {
            true => format!("{}{}", shown(if whole { url } else { found }), &word[found.len()..]),
            false => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_secret_is_shown() {
        for (url, expected) in [
            ("redis://user:pass@host:6379/0", "redis://user:…@host:6379/0"),
            ("redis://:p@ss@host", "redis://:…@host"),
            ("redis://host:6379", "redis://host:6379"),
            ("redis://[::1]:6379/3", "redis://[::1]:6379/3"),
            ("redis-sentinel://:pw@a:1,b:2/mymaster/2", "redis-sentinel://:…@a:1,b:2/mymaster/2"),
            ("redis+unix:///run/redis.sock", "redis+unix:///run/redis.sock"),
            ("https://example.org", "https://example.org"),
            ("https://example.org:8443/", "https://example.org:8443"),
        ] {
            assert_eq!(shown(url), expected, "{url}");
        }
    }

    #[test]
    fn secrets_are_hidden_wherever_they_stand() {
        for (url, expected) in [
            ("redis://:hid#den@127.0.0.1:1", "redis://…@127.0.0.1:1"),
            ("redis://user:hid/den@db.example:6379/2", "redis://…@db.example:6379"),
            ("redis://:hid?den@host", "redis://…@host"),
            ("redis://:hid@den/hidden@host", "redis://…"),
            ("redis://user:1/hidden@host", "redis://…"),
            ("redis://hidden@host:6379", "redis://…@host:6379"),
            ("redis://hidden:@host:6379", "redis://…@host:6379"),
            ("redis://host:6379?password=hidden", "redis://host:6379/…"),
            ("redis://host:6379/0?password=hid@den", "redis://…"),
            ("redis://:hid#den", "redis://…"),
            ("redis://host:hidden", "redis://…"),
            ("redis://?password=hidden@host", "redis://…"),
            ("redis+unix:///run/redis.sock?pass=hidden", "redis+unix:///run/redis.sock…"),
            ("redis+unix:///run/redis.sock?pass=hid@den", "redis+unix://…"),
            ("redis+unix://:hidden@/run/redis.sock", "redis+unix://…"),
            ("https://example.org/hook?token=hidden", "https://example.org/…"),
            ("https://example.org/services/hidden", "https://example.org/…"),
            ("https://example.org#hidden", "https://example.org/…"),
            ("https://hidden:x@example.org", "https://…@example.org"),
            ("redis://hid@den:x@host", "redis://…@host"),
            ("redis://hid+den:x@host", "redis://…@host"),
            ("user:hidden@host", "…"),
            ("hidden", "…"),
            ("hid den://host", "…"),
        ] {
            assert_eq!(shown(url), expected, "{url}");
        }
    }

    #[test]
    fn an_address_in_the_wrong_place_is_hidden_too() {
        for (text, expected) in [
            (
                "unexpected argument 'redis://:hid#den@host' found",
                "unexpected argument 'redis://…@host' found",
            ),
            ("a value '--redis-ulr=redis://u:hid den@host'", "a value '--redis-ulr=redis://u:…@host'"),
            ("'redis://u:hidden@host' twice 'redis://u:hidden@host'", "'redis://…'"),
            ("unrecognized subcommand 'hidden@host'", "unrecognized subcommand '…@host'"),
            ("unrecognized subcommand 'hid'den@host:1/2'", "unrecognized subcommand '…@host:1/2'"),
            ("hidden@host", "…@host"),
            ("nothing to hide", "nothing to hide"),
        ] {
            assert_eq!(hidden_in(text), expected);
        }
        let unix = "redis+unix:///run/redis.sock?pass=hid@den";
        assert_eq!(
            hidden_in_error("nobody at redis+unix://den: no such file", unix),
            "nobody at redis+unix://…: no such file"
        );
        let hosts = "redis-cluster://:hidden@a:1,b:2";
        assert_eq!(
            hidden_in_error("nobody at redis://b:2; try later", hosts),
            "nobody at redis://b:2; try later"
        );
    }
}
