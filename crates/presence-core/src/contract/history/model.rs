//! What may be done next: the reference that histories are drawn from.

use std::collections::BTreeSet;
use std::marker::PhantomData;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

/// One step of a history. Names, nodes, devices and payloads are numbers.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A call.
    Do(Deed),
    /// Thousandths of the TTL pass.
    Wait(u32),
    /// All that can be read through a node is compared with what is certain.
    Look(usize),
}

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Deed {
    pub(super) node: usize,
    /// Several, even the same ones, if it is a call for many.
    pub(super) names: Vec<usize>,
    pub(super) act: Act,
}

/// What is done to a name: an id, or a member of a room.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// A heartbeat, of a device or of the one without a name.
    Beat { device: Option<usize>, payload: u8 },
    /// A device is held.
    Hold { device: usize, payload: u8 },
    /// A heartbeat of a member, which is not a join.
    Continue { device: usize },
    /// A device ends.
    End { device: usize },
    /// A payload is set.
    Show { payload: u8 },
    /// It is made to leave.
    Remove,
}

impl Act {
    /// The same through a node. A held device is its holder's own, so each node has one name for
    /// those; it may end anywhere.
    fn through(self, node: usize) -> Self {
        let own = |device| if device < DEVICES { device } else { DEVICES + node };
        match self {
            Self::Beat { device: Some(device), payload } => Self::Beat { device: Some(own(device)), payload },
            Self::Continue { device } => Self::Continue { device: own(device) },
            Self::Hold { payload, .. } => Self::Hold { device: DEVICES + node, payload },
            act => act,
        }
    }
}

/// Whether names are ids or members of rooms.
pub(super) trait Kind: 'static {
    const ROOMS: bool;
}

/// The reference for names of one kind.
pub(super) struct Model<K>(PhantomData<K>);

/// What the next steps depend on.
#[derive(Debug, Clone)]
pub(super) struct Sketch {
    /// Hundredths of the world's.
    pub(super) ttl: u32,
    /// Hundredths of the world's TTL.
    pub(super) grace: u32,
    /// The devices of each name that were named, and neither ended nor made to leave.
    devices: [BTreeSet<usize>; NAMES],
}

impl<K: Kind> ReferenceStateMachine for Model<K> {
    type State = Sketch;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Sketch> {
        let grace = prop_oneof![Just(0_u32), 1..40_u32, Just(100_u32)];
        let sketch = |(ttl, grace)| Sketch { ttl, grace, devices: Default::default() };
        (60..=100_u32, grace).prop_map(sketch).boxed()
    }

    fn transitions(sketch: &Sketch) -> BoxedStrategy<Step> {
        let known: Vec<_> =
            (0..NAMES).flat_map(|name| sketch.devices[name].iter().map(move |d| (name, *d))).collect();
        let pair = || (0..NAMES, 0..DEVICES + NODES);
        // Mostly of those there are.
        let named = if known.is_empty() {
            pair().boxed()
        } else {
            prop_oneof![1 => pair(), 3 => prop::sample::select(known)].boxed()
        };
        let acts = if K::ROOMS { rooms(named) } else { ids(named) };
        let deed = (0..NODES, acts)
            .prop_map(|(node, (names, act))| Step::Do(Deed { node, names, act: act.through(node) }));
        prop_oneof![
            12 => deed,
            // Up to a few deadlines, and often just about one.
            3 => (0..2_500_u32).prop_map(Step::Wait),
            2 => (0..25_u32).prop_map(Step::Wait),
            1 => (0..NODES).prop_map(Step::Look),
        ]
        .boxed()
    }

    fn apply(mut sketch: Sketch, step: &Step) -> Sketch {
        if let Step::Do(Deed { names, act, .. }) = step {
            for name in names {
                let devices = &mut sketch.devices[*name];
                match act {
                    Act::Beat { device: Some(device), .. } | Act::Hold { device, .. } => {
                        devices.insert(*device);
                    }
                    Act::End { device } => {
                        devices.remove(device);
                    }
                    Act::Remove => devices.clear(),
                    Act::Beat { device: None, .. } | Act::Continue { .. } | Act::Show { .. } => {}
                }
            }
        }
        sketch
    }
}

type Acts = BoxedStrategy<(Vec<usize>, Act)>;

fn ids(named: BoxedStrategy<(usize, usize)>) -> Acts {
    let beat = Act::Beat { device: None, payload: 0 };
    let some = || prop::collection::vec(0..NAMES, 1..4);
    prop_oneof![
        3 => some().prop_map(move |names| (names, beat)),
        // A large batch may be handled another way.
        1 => prop::collection::vec(0..NAMES, 60..80).prop_map(move |names| (names, beat)),
        1 => some().prop_map(|names| (names, Act::Remove)),
        3 => (0..NAMES, 0..=DEVICES)
            .prop_map(|(name, device)| (vec![name], Act::Beat { device: Some(device), payload: 0 })),
        2 => (0..NAMES).prop_map(|name| (vec![name], Act::Hold { device: DEVICES, payload: 0 })),
        3 => named.prop_map(|(name, device)| (vec![name], Act::End { device })),
    ]
    .boxed()
}

fn rooms(named: BoxedStrategy<(usize, usize)>) -> Acts {
    let shown = || (0..NAMES, 0..=DEVICES, 0..PAYLOADS);
    prop_oneof![
        3 => shown().prop_map(|(name, device, payload)| {
            (vec![name], Act::Beat { device: Some(device), payload })
        }),
        3 => shown().prop_map(|(name, device, payload)| (vec![name], Act::Hold { device, payload })),
        2 => named.clone().prop_map(|(name, device)| (vec![name], Act::Continue { device })),
        3 => named.prop_map(|(name, device)| (vec![name], Act::End { device })),
        2 => (0..NAMES, 0..PAYLOADS).prop_map(|(name, payload)| (vec![name], Act::Show { payload })),
        1 => (0..NAMES).prop_map(|name| (vec![name], Act::Remove)),
    ]
    .boxed()
}

pub(super) const NAMES: usize = 5;
pub(super) const NODES: usize = 3;
/// Devices that may beat anywhere; those that are held follow.
const DEVICES: usize = 2;
const PAYLOADS: u8 = 3;
