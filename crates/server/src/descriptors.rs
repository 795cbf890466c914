//! File descriptors: as many as the system gives us, shared out in advance.
//!
//! Every connection takes one, and so does every file of the store. A server that has none left can
//! neither accept nor store, so the places of connections never add up to more than the limit less
//! a reserve, which only the store and the rest of us use.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// The limits to ask for, highest first: a kernel may have a bound of its own that it does not
/// name.
const LIMITS: [u64; 3] = [10_485_760, 1_048_576, 65_536];
/// What is kept for the store, Redis and the rest: a quarter of all, within these bounds.
const RESERVE_MIN: u64 = 128;
const RESERVE_MAX: u64 = 1_024;
/// HTTP and gRPC have at least so many places, however few there are.
const PLACES_MIN: usize = 16;

/// How many connections of each kind may be open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) hub: usize,
    pub(crate) http: usize,
    pub(crate) grpc: usize,
    /// How many of the HTTP connections may be streams, which end only with their clients.
    pub(crate) presence_streams: usize,
    /// Why there are fewer than the configuration says.
    pub(crate) warning: Option<String>,
}

/// Raises the limit of this process as far as it may, and shares it out.
pub(crate) fn raise(config: &Config) -> Places {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let most = maximum.unwrap_or(u64::MAX);
    // A limit above that of the kernel is refused, so the next lower one is tried.
    let raised = LIMITS.into_iter().map(|limit| limit.min(most)).find(|&limit| {
        current.is_some_and(|current| current < limit)
            && setrlimit(Resource::Nofile, Rlimit { current: Some(limit), maximum }).is_ok()
    });
    let limit = raised.or(current).unwrap_or(most);
    Places::of(limit, config)
}

impl Places {
    /// The configuration with these places.
    pub(crate) fn lowered(&self, config: Config) -> Config {
        Config {
            connections: self.hub,
            http_connections: self.http,
            grpc_connections: self.grpc,
            presence_streams: self.presence_streams,
            ..config
        }
    }

    fn of(limit: u64, config: &Config) -> Self {
        let Config { connections: hub, http_connections: http, grpc_connections: grpc, .. } = *config;
        let reserve = (limit / 4).clamp(RESERVE_MIN, RESERVE_MAX);
        let free = usize::try_from(limit.saturating_sub(reserve)).unwrap_or(usize::MAX);
        let wanted = hub.saturating_add(http).saturating_add(grpc);
        let mut places = Self { hub, http, grpc, presence_streams: config.presence_streams, warning: None };
        if wanted > free {
            // An eighth each at most for HTTP and gRPC: their calls are short, a WebSocket stays.
            let least = (free / 8).max(PLACES_MIN);
            (places.http, places.grpc) = (http.min(least), grpc.min(least));
            places.hub = hub.min(free.saturating_sub(places.http + places.grpc).max(1));
        }
        // This comes after the places were lowered: streams last, so half of what is left stays for
        // others.
        places.presence_streams = places.presence_streams.min((places.http / 2).max(1));
        places.warning = places.lowered_to(config, &format!(
            "only {limit} files may be open (ulimit -n), but {wanted} connections and {reserve} files of the \
             store may be needed"
        ));
        places
    }

    /// What the log says when there are fewer places than the configuration asks for.
    fn lowered_to(&self, config: &Config, too_few_files: &str) -> Option<String> {
        let Self { hub, http, grpc, presence_streams, .. } = *self;
        let mut said = Vec::new();
        if (hub, http, grpc) != (config.connections, config.http_connections, config.grpc_connections) {
            said.push(format!(
                "{too_few_files}; the places are lowered to {hub} WebSockets, {http} HTTP and {grpc} gRPC \
                 connections"
            ));
        }
        if presence_streams != config.presence_streams {
            said.push(format!(
                "streams of presence events may have at most half of the {http} HTTP connections, so that they keep \
                 nobody else out; presence-streams is lowered from {} to {presence_streams}",
                config.presence_streams
            ));
        }
        (!said.is_empty()).then(|| said.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::defaults()
    }

    #[test]
    fn enough_descriptors_give_the_places_of_the_configuration() {
        let places = Places::of(1_048_576, &config());
        let expected = Places { hub: 10_000, http: 1_000, grpc: 1_000, presence_streams: 100, warning: None };
        assert_eq!(places, expected);
    }

    #[test]
    fn too_few_descriptors_leave_a_reserve_and_say_so() {
        for limit in [64, 256, 1_024, 4_096] {
            let places = Places::of(limit, &config());
            let open = (places.hub + places.http + places.grpc) as u64;
            assert!(limit < 256 || open + (limit / 4).clamp(RESERVE_MIN, RESERVE_MAX) <= limit, "{places:?}");
            assert!(places.hub >= 1 && places.http >= 16 && places.grpc >= 16, "{places:?}");
            assert!(places.presence_streams <= places.http / 2, "{places:?}");
            assert!(places.warning.unwrap().contains(&limit.to_string()));
        }
    }

    #[test]
    fn streams_leave_half_of_the_places_to_the_rest_of_http() {
        let few = Config { http_connections: 100, presence_streams: 100, ..config() };
        let places = Places::of(1_048_576, &few);
        assert_eq!((places.http, places.presence_streams), (100, 50));
        assert!(places.warning.unwrap().contains("lowered from 100 to 50"));
        let none = Config { presence_streams: 0, ..few };
        assert_eq!(Places::of(1_048_576, &none).warning, None);
    }
}
