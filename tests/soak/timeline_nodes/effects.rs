//! How often each disturbance came, and took effect.

use std::collections::BTreeMap;
use std::fmt;

use crate::disturbance::Disturbance;

/// A count for each disturbance that a run may have.
pub(crate) struct Effects(BTreeMap<&'static str, Effect>);

#[derive(Debug, Clone, Copy, Default)]
struct Effect {
    came: u32,
    took: u32,
}

impl Effects {
    /// Creates the counts of these, none of which has come.
    pub(crate) fn of(all: &[Disturbance]) -> Self {
        Self(all.iter().map(|disturbance| (disturbance.name(), Effect::default())).collect())
    }

    /// Notes that one came, and whether it took effect.
    pub(crate) fn note(&mut self, disturbance: Disturbance, took_effect: bool) {
        let effect = self.0.entry(disturbance.name()).or_default();
        effect.came += 1;
        effect.took += u32::from(took_effect);
    }

    /// Returns those that never took effect.
    pub(crate) fn never(&self) -> Vec<&'static str> {
        self.0.iter().filter(|(_, effect)| effect.took == 0).map(|(name, _)| *name).collect()
    }
}

impl fmt::Display for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (name, Effect { came, took })) in self.0.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            write!(f, "{comma}{name} {took} of {came}")?;
        }
        Ok(())
    }
}
