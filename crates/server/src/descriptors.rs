//! File descriptors: as many as the system gives us, shared out before anything is opened.
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
    /// Why there are fewer than the configuration says.
    pub(crate) warning: Option<String>,
}

/// Raises the limit of this process as far as it may, and shares it out.
pub(crate) fn raise(config: &Config) -> Places {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let most = maximum.unwrap_or(u64::MAX);
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
        Config { connections: self.hub, http_connections: self.http, grpc_connections: self.grpc, ..config }
    }

    fn of(limit: u64, config: &Config) -> Self {
        let Config { connections: hub, http_connections: http, grpc_connections: grpc, .. } = *config;
        let reserve = (limit / 4).clamp(RESERVE_MIN, RESERVE_MAX);
        let free = usize::try_from(limit.saturating_sub(reserve)).unwrap_or(usize::MAX);
        let wanted = hub.saturating_add(http).saturating_add(grpc);
        if wanted <= free {
            return Self { hub, http, grpc, warning: None };
        }
        let least = (free / 8).max(PLACES_MIN);
        let (http, grpc) = (http.min(least), grpc.min(least));
        let hub = hub.min(free.saturating_sub(http + grpc).max(1));
        let warning = format!(
            "only {limit} files may be open (ulimit -n), but {wanted} connections and {reserve} files of the \
             store may be needed; the places are lowered to {hub} WebSockets, {http} HTTP and {grpc} gRPC \
             connections"
        );
        Self { hub, http, grpc, warning: Some(warning) }
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
        assert_eq!(places, Places { hub: 10_000, http: 1_000, grpc: 1_000, warning: None });
    }

    #[test]
    fn too_few_descriptors_leave_a_reserve_and_say_so() {
        for limit in [64, 256, 1_024, 4_096] {
            let places = Places::of(limit, &config());
            let open = (places.hub + places.http + places.grpc) as u64;
            assert!(limit < 256 || open + (limit / 4).clamp(RESERVE_MIN, RESERVE_MAX) <= limit, "{places:?}");
            assert!(places.hub >= 1 && places.http >= 16 && places.grpc >= 16, "{places:?}");
            assert!(places.warning.unwrap().contains(&limit.to_string()));
        }
    }
}
