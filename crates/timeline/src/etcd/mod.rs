//! Registration of the services in etcd, and a client that finds them there.
//!
//! They need the feature `etcd`. Keys and values are those of the Kratos framework, so that nodes
//! of it and ours stand side by side, and clients of either find both:
//!
//! ```text
//! /microservices/go-timeline/host-7            with a lease of 15 s
//! {"id":"host-7","name":"go-timeline","version":"0.1.0","metadata":{},
//!  "endpoints":["grpc://10.0.0.7:9000","http://10.0.0.7:8000"]}
//! ```
//!
//! # Registration
//!
//! A [`Registration`] keeps one key there as long as its process lives. Every 5 s it renews the
//! lease and looks whether the key is still its own.
//!
//! ```text
//!            start
//!              │                ┌──────────────────────────┐ every 5 s: the lease is renewed,
//!              ▼                ▼                          │ and the key is ours
//!      ┌─ Unregistered ──► Registered ─────────────────────┘
//!      │    ▲ ▲ ▲               │
//!      │    │ │ │ the lease is over in etcd, or the key is gone:
//!      │    │ │ │ a new one is made at once ◄─┤
//!      │    │ │ └── no answer for 15 s ───────┤
//!      │    │ └──── another has our id ───────┘
//!      │    └─ failed: wait up to 0.5, 1, 2, 4, 5, 5 … s, at random
//!      │                        │
//!      └─────── shutdown ───────┴──► the lease is revoked ──► Deregistered
//! ```
//!
//! Times are within times: an attempt with one member has 1.5 s, a round over the members the 5 s
//! between two renewals, and the lease 15 s. So a member that is frozen or down costs one attempt
//! and no lease. Whoever is killed is gone from etcd within 15 s, and who is shut down at once.
//!
//! Two processes that are given one id are told of it: the second takes the key, and the first is
//! [`Unregistered`](RegistrationState::Unregistered) until that key is gone.
//!
//! # Resolution
//!
//! A [`Resolver`] reads the keys of a name and then watches them from that state of the store on.
//! When a watch ends, by a failure, a silence of 11 s or because etcd has compacted what came
//! between, the keys are read again. While no etcd answers, the nodes that were known last stay.
//! The [`client`](Resolver::client) spreads its calls over the nodes that there are.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use timeline::etcd::{Resolver, ResolverConfig, Servers};
//! use timeline::proto::v1::GetGroupHistoryMessageRequest;
//!
//! let servers = Servers::new(["http://10.0.0.1:2379", "http://10.0.0.2:2379"]);
//! let resolver = Resolver::start(ResolverConfig::new(servers))?;
//! let request = GetGroupHistoryMessageRequest { group: "tea".to_owned(), ..Default::default() };
//! let page = resolver.client().get_group_history_message(request).await?;
//! # drop(page);
//! # Ok(())
//! # }
//! ```
//!
//! # Metrics
//!
//! | name | what |
//! |---|---|
//! | `timeline_etcd_registered` | 1 while we are registered, 0 else |
//! | `timeline_etcd_registrations_total` | how often our key was put |
//! | `timeline_etcd_failures_total` | rounds in which no member did what was asked, by `task`: `registration`, `resolver` |
//! | `timeline_etcd_nodes` | nodes that the resolver knows |

mod api;
mod backoff;
mod balance;
mod client;
mod follower;
mod node;
mod registrar;
mod registration;
mod registration_config;
mod resolver;
mod servers;

pub use self::follower::ResolverState;
pub use self::node::Node;
pub use self::registrar::RegistrationState;
pub use self::registration::Registration;
pub use self::registration_config::RegistrationConfig;
pub use self::resolver::{Resolver, ResolverConfig};
pub use self::servers::Servers;

/// The name under which a timeline is registered unless another is set.
pub const NAME_DEFAULT: &str = node::NAME_DEFAULT;
