//! That every law runs.

use super::world::World;

/// Fails if a law of the sources is not among `listed`, for a law that does not run is no law, or
/// if one is excused that there is not, or without a reason.
pub(super) fn check<W: World>(listed: &[&str], sources: &'static [&'static str]) {
    let every: Vec<_> = laws(IDS).chain(laws(ROOMS)).collect();
    for (law, reason) in W::EXCUSED {
        assert!(every.contains(law) && !reason.is_empty(), "{law}: {reason:?}");
    }
    let (mut laws, mut listed) = (laws(sources).collect::<Vec<_>>(), listed.to_vec());
    laws.sort_unstable();
    listed.sort_unstable();
    assert_eq!(laws, listed);
}

fn laws(sources: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    let laws = sources.iter().flat_map(|source| source.split("pub async fn ").skip(1));
    laws.map(|law| law.split('(').next().unwrap())
}

pub(super) const IDS: &[&str] = &[
    include_str!("closing.rs"),
    include_str!("devices.rs"),
    include_str!("failures.rs"),
    include_str!("reading.rs"),
    include_str!("state.rs"),
    include_str!("streams.rs"),
    include_str!("time.rs"),
    include_str!("transitions.rs"),
];

pub(super) const ROOMS: &[&str] = &[
    include_str!("rooms/closing.rs"),
    include_str!("rooms/diffs.rs"),
    include_str!("rooms/failures.rs"),
    include_str!("rooms/listing.rs"),
    include_str!("rooms/members.rs"),
    include_str!("rooms/payloads.rs"),
    include_str!("rooms/streams.rs"),
];
