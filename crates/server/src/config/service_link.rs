//! Variables that an orchestrator injects for a service named like this program.
//!
//! Their names begin as those of our settings do, but they are not settings.
//!
//! | shape | who |
//! |---|---|
//! | `TIDINGS_SERVICE_HOST`, `TIDINGS_SERVICE_PORT`, `TIDINGS_SERVICE_PORT_<NAME>` | Kubernetes |
//! | `TIDINGS_PORT=tcp://…`, `TIDINGS_PORT_8000_TCP=tcp://…`, and with `_PROTO`, `_PORT`, `_ADDR` behind it | Kubernetes, Docker links |
//! | `TIDINGS_PORT_8000_TCP_START`, `…_END`, `…_PORT_START`, `…_PORT_END`; `TIDINGS_NAME=/web/tidings`, `TIDINGS_ENV_<NAME>` | Docker links |
//!
//! More of the service's name may stand before each, as in `TIDINGS_HTTP_SERVICE_HOST` and
//! `TIDINGS_1_PORT`. Sources:
//! <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>,
//! <https://docs.docker.com/engine/network/links/#environment-variables>.

/// What our variables begin with.
pub(super) const PREFIX: &str = "TIDINGS_";

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// Whether a variable has the shape of a service link, by its name and, where that says something,
/// its value. `set` says whether another variable is set, and to what.
pub(super) fn is_link(name: &str, value: &str, set: impl Fn(&str) -> Option<String>) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX.trim_end_matches('_')) else { return false };
    let port = || value.parse::<u16>().is_ok();
    if rest.ends_with("_SERVICE_HOST") {
        return !value.is_empty();
    }
    if rest.ends_with("_SERVICE_PORT") || rest.contains("_SERVICE_PORT_") {
        return port();
    }
    if rest.ends_with("_PORT") && is_address(value) || is_port(rest, value) {
        return true;
    }
    if rest.ends_with("_NAME") {
        return value.starts_with('/');
    }
    // The environment of a linked container: it comes with that container's name.
    rest.match_indices("_ENV_").any(|(at, _)| {
        let container = format!("{}{}_NAME", PREFIX.trim_end_matches('_'), &rest[..at]);
        set(&container).is_some_and(|name| name.starts_with('/'))
    })
}

/// `…_PORT_8000_TCP`, and what may stand behind it.
fn is_port(rest: &str, value: &str) -> bool {
    rest.match_indices("_PORT_").any(|(at, before)| {
        let Some((number, rest)) = rest[at + before.len()..].split_once('_') else { return false };
        let (protocol, detail) =
            rest.split_once('_').map_or((rest, None), |(first, rest)| (first, Some(rest)));
        let value_fits = match detail {
            None | Some("START" | "END") => is_address(value),
            Some("PORT" | "PORT_START" | "PORT_END") => value.parse::<u16>().is_ok(),
            Some("PROTO") => PROTOCOLS.iter().any(|protocol| protocol.eq_ignore_ascii_case(value)),
            Some("ADDR") => !value.is_empty(),
            Some(_) => false,
        };
        number.parse::<u16>().is_ok() && PROTOCOLS.contains(&protocol) && value_fits
    })
}

fn is_address(value: &str) -> bool {
    value.split_once("://").is_some_and(|(scheme, rest)| {
        !rest.is_empty() && PROTOCOLS.iter().any(|protocol| protocol.eq_ignore_ascii_case(scheme))
    })
}

#[cfg(test)]
mod tests {
    fn is_link(name: &str, value: &str) -> bool {
        super::is_link(name, value, |name| (name == "TIDINGS_NAME").then(|| "/web/tidings".to_owned()))
    }

    #[test]
    fn every_shape_of_kubernetes_and_docker_is_known() {
        for (name, value) in [
            ("TIDINGS_SERVICE_HOST", "10.0.0.11"),
            ("TIDINGS_SERVICE_HOST", "fd00::b"),
            ("TIDINGS_SERVICE_PORT", "8000"),
            ("TIDINGS_SERVICE_PORT_HTTP", "8000"),
            ("TIDINGS_SERVICE_PORT_GRPC_WEB", "9000"),
            ("TIDINGS_PORT", "tcp://10.0.0.11:8000"),
            ("TIDINGS_PORT", "tcp://[fd00::b]:8000"),
            ("TIDINGS_PORT_8000_TCP", "tcp://10.0.0.11:8000"),
            ("TIDINGS_PORT_8000_TCP_PROTO", "tcp"),
            ("TIDINGS_PORT_8000_TCP_PORT", "8000"),
            ("TIDINGS_PORT_8000_TCP_ADDR", "10.0.0.11"),
            ("TIDINGS_PORT_53_UDP", "udp://10.0.0.11:53"),
            ("TIDINGS_PORT_9000_SCTP_PROTO", "sctp"),
            ("TIDINGS_HTTP_SERVICE_HOST", "10.0.0.11"),
            ("TIDINGS_HTTP_PORT", "tcp://10.0.0.11:8000"),
            ("TIDINGS_DATA_DIR_PORT_8000_TCP", "tcp://10.0.0.11:8000"),
            ("TIDINGS_1_PORT_8000_TCP_ADDR", "172.17.0.5"),
            ("TIDINGS_PORT_8000_TCP_START", "tcp://172.17.0.5:8000"),
            ("TIDINGS_PORT_8000_TCP_PORT_END", "8002"),
            ("TIDINGS_NAME", "/web/tidings"),
            ("TIDINGS_ENV_PATH", "/usr/bin"),
        ] {
            assert!(is_link(name, value), "{name}={value}");
        }
    }

    #[test]
    fn what_only_looks_alike_was_meant_for_us() {
        for (name, value) in [
            ("TIDINGS_PORT", "8000"),
            ("TIDINGS_HTTP_PORT", "8000"),
            ("TIDINGS_PORT", "http://10.0.0.11"),
            ("TIDINGS_PORT_TCP", "tcp://10.0.0.11:8000"),
            ("TIDINGS_SERVICE_PORT", "http"),
            ("TIDINGS_SERVICE_HOST", ""),
            ("TIDINGS_HOST", "10.0.0.11"),
            ("TIDINGS_NAME", "tidings"),
            ("TIDINGS_WEB_ENV_PATH", "/usr/bin"),
            ("TIDINGS_HTPP", "127.0.0.1:1"),
        ] {
            assert!(!is_link(name, value), "{name}={value}");
        }
    }
}
