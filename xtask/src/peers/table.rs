//! What was measured, and how it is shown.

use std::fmt::Write as _;

use super::listing::{Column, Listing};
use crate::spread::{Spread, number};

/// The values of each peer in each column, in the order of the rounds.
#[derive(Debug)]
pub(super) struct Table {
    listing: Listing,
    /// Of each peer but ours.
    versions: Vec<String>,
    /// By column, then by peer.
    values: Vec<Vec<Vec<f64>>>,
}

impl Table {
    pub(super) fn new(listing: Listing, versions: Vec<String>) -> Self {
        let values = listing.columns.iter().map(|_| vec![Vec::new(); listing.peers.len()]).collect();
        Self { listing, versions, values }
    }

    pub(super) const fn listing(&self) -> &Listing {
        &self.listing
    }

    /// Adds what one round has measured.
    pub(super) fn add(&mut self, column: usize, peer: usize, value: f64) {
        self.values[column][peer].push(value);
    }

    /// Returns by how much ours is better in each round, sorted.
    fn ratios(&self, column: usize, peer: usize) -> Spread {
        let more_is_better = self.listing.columns[column].more_is_better;
        let [ours, ..] = &*self.values[column] else { return Spread::of(Vec::new()) };
        // Of one round: what slows the machine down for a while slows both.
        let rounds = ours.iter().zip(&self.values[column][peer]);
        Spread::of(
            rounds.map(|(ours, theirs)| if more_is_better { ours / theirs } else { theirs / ours }).collect(),
        )
    }

    /// Returns the ratios and the values, as two tables in Markdown, and what each peer was given.
    pub(super) fn markdown(&self) -> String {
        let head = |first: &str| {
            let names: String =
                self.listing.columns.iter().map(|column| format!(" {} |", column.name)).collect();
            format!("| {first} |{names}\n|---|{}\n", "---|".repeat(self.listing.columns.len()))
        };
        let mut text = head("ours is better than … by");
        for peer in 1..self.listing.peers.len() {
            self.row(&mut text, peer, |column, _| self.ratios(column, peer).shown("×"));
        }
        text += "\n";
        text += &head("median (from, to)");
        for peer in 0..self.listing.peers.len() {
            self.row(&mut text, peer, |column, Column { unit, .. }| {
                Spread::of(self.values[column][peer].clone()).shown(unit)
            });
        }
        text += "\n| peer | settings |\n|---|---|\n";
        for (peer, listed) in self.listing.peers.iter().enumerate() {
            _ = writeln!(text, "| {} | {} |", self.name(peer), listed.settings);
        }
        text
    }

    /// Returns for each column our value and the peer that comes closest, in Markdown.
    pub(super) fn closest(&self) -> String {
        let mut text = "| | ours | the closest of the others |\n|---|---|---|\n".to_owned();
        for (at, column) in self.listing.columns.iter().enumerate() {
            let ours = Spread::of(self.values[at].first().cloned().unwrap_or_default()).median();
            let others = (1..self.listing.peers.len()).map(|peer| (self.ratios(at, peer).median(), peer));
            let Some((ratio, peer)) = others.min_by(|a, b| a.0.total_cmp(&b.0)) else { continue };
            _ = writeln!(
                text,
                "| {} | {} {} | {} × {} |",
                column.name,
                number(ours),
                column.unit,
                number(ratio),
                self.name(peer)
            );
        }
        text
    }

    fn row(&self, text: &mut String, peer: usize, cell: impl Fn(usize, &Column) -> String) {
        let cells: String = self
            .listing
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| format!(" {} |", cell(at, column)))
            .collect();
        _ = writeln!(text, "| {} |{cells}", self.name(peer));
    }

    /// Returns the name of a peer with its version; ours has that of the commit.
    fn name(&self, peer: usize) -> String {
        let name = &self.listing.peers[peer].name;
        match peer.checked_sub(1).and_then(|other| self.versions.get(other)) {
            Some(version) => format!("{name} {version}"),
            None => format!("**{name}**"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::listing::Peer;
    use super::*;

    fn table() -> Table {
        let column = |name: &str, unit: &str, more_is_better| Column {
            name: name.into(),
            unit: unit.into(),
            more_is_better,
        };
        let peer = |name: &str| Peer { name: name.into(), package: String::new(), settings: "none".into() };
        let listing = Listing {
            columns: vec![column("bursts", "deliveries/CPU-s", true), column("p99", "ms", false)],
            peers: vec![peer("ours"), peer("a"), peer("b")],
        };
        let mut table = Table::new(listing, vec!["1.0".into(), "2.0".into()]);
        for (column, values) in [[40.0, 20.0, 10.0], [2.0, 1.0, 4.0]].iter().enumerate() {
            for (peer, value) in values.iter().enumerate() {
                table.add(column, peer, *value);
            }
        }
        table
    }

    #[test]
    fn a_ratio_over_one_is_good_for_us_in_every_column() {
        let text = table().markdown();
        assert!(text.starts_with("| ours is better than … by | bursts | p99 |\n|---|---|---|\n"), "{text}");
        assert!(text.contains("| a 1.0 | 2 × | 0.5 × |\n| b 2.0 | 4 × | 2 × |\n"), "{text}");
        assert!(text.contains("| **ours** | 40 deliveries/CPU-s | 2 ms |\n"), "{text}");
    }

    #[test]
    fn the_closest_is_the_one_that_we_beat_by_the_least() {
        let text = table().closest();
        assert!(text.contains("| bursts | 40 deliveries/CPU-s | 2 × a 1.0 |\n"), "{text}");
        assert!(text.contains("| p99 | 2 ms | 0.5 × a 1.0 |\n"), "{text}");
    }

    #[test]
    fn the_ratio_is_that_of_a_round() {
        let mut table = table();
        // The machine was half as fast in the second round.
        table.add(0, 0, 20.0);
        table.add(0, 1, 10.0);
        assert!((table.ratios(0, 1).median() - 2.0).abs() < 1e-9);
    }
}
