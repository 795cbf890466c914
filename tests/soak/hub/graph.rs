//! Which nodes are to be linked.

use crate::NODES;

/// How many sisters a node of a thin mesh looks for.
const FEW: usize = 2;

/// Which nodes are to be linked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Graph {
    /// All of them with each other.
    Mesh,
    /// Each with the next one.
    Ring,
    /// Each may be linked with all others and looks for two: the nodes choose which links stay.
    ThinMesh,
}

impl Graph {
    /// Returns the one of a cycle: every third is a thin mesh, and the others take turns.
    pub(crate) const fn of(cycle: usize) -> Self {
        match cycle % 6 {
            2 | 5 => Self::ThinMesh,
            0 | 4 => Self::Mesh,
            _ => Self::Ring,
        }
    }

    /// Returns how many sisters a node looks for, unless that is as many as by default.
    pub(crate) const fn max_sisters(self) -> Option<usize> {
        match self {
            Self::Mesh | Self::Ring => None,
            Self::ThinMesh => Some(FEW),
        }
    }

    /// Which nodes a node dials: the next one, and in a mesh also those that do not dial it.
    pub(crate) fn dialled(self, from: usize) -> impl Iterator<Item = usize> {
        let is_mesh = matches!(self, Self::Mesh | Self::ThinMesh);
        (0..NODES).filter(move |to| {
            let is_next = *to == (from + 1) % NODES;
            is_next || (is_mesh && from < *to && (*to + 1) % NODES != from)
        })
    }
}
