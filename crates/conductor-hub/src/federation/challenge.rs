//! How two nodes prove to each other that they know a secret; pure.
//!
//! ```text
//! accepting node ──► u8 version 1 | 32 nonce | 16 node
//! dialling node  ──► 32 nonce | 16 node | 32 proof      or u8 0: it only looked who that is
//! accepting node ──► 32 proof                           and, if there is no link, u8 why
//! ```
//!
//! A proof is HMAC-SHA-256, with the secret as its key, over the role, both nonces, both nodes and
//! what binds it to the TLS connection, if there is one. The role keeps a proof from being sent
//! back to who made it, the nonces from being used again, and the binding from being passed on by
//! somebody in between. Whoever dials proves first: an accepting node says nothing about its secret
//! to strangers.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::node_id::NodeId;

/// Bytes of a nonce, of a proof, and of what binds them to TLS.
pub(crate) const PROOF_BYTES: usize = 32;

/// The version of the challenge and of the items behind it.
pub(crate) const VERSION: u8 = 1;

/// What a dialling node says that links to no such node: it has looked which one it is.
pub(crate) const LOOKED: u8 = 0;

/// The secret that all sisters share, and another one while it is being replaced.
#[derive(Clone)]
pub(crate) struct Secrets {
    first: Box<[u8]>,
    other: Option<Box<[u8]>>,
}

/// Who makes a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProofRole {
    Dials,
    Accepts,
}

/// What both sides have said before the proofs.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) dialling: ([u8; PROOF_BYTES], NodeId),
    pub(crate) accepting: ([u8; PROOF_BYTES], NodeId),
    /// Key material that TLS exports for this connection alone.
    pub(crate) binding: Option<[u8; PROOF_BYTES]>,
}

/// Which secret a proof was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProvenBy {
    First,
    Other,
}

impl Secrets {
    pub(crate) fn new(first: impl Into<Box<[u8]>>) -> Self {
        Self { first: first.into(), other: None }
    }

    /// Accepts another one, too.
    pub(crate) fn accepting(self, other: Box<[u8]>) -> Self {
        Self { other: Some(other), ..self }
    }

    /// Returns how many bytes the shortest has.
    pub(crate) fn shortest(&self) -> usize {
        self.other.as_ref().map_or(self.first.len(), |other| other.len().min(self.first.len()))
    }

    /// Makes a proof.
    ///
    /// Whoever dials proves by the first; whoever accepts by the one that it was shown, so that
    /// nodes that have replaced it and nodes that have not are sisters.
    pub(crate) fn prove(&self, by: ProvenBy, role: ProofRole, said: &Said) -> [u8; PROOF_BYTES] {
        self.mac(by, role, said).map_or([0; PROOF_BYTES], |mac| mac.finalize().into_bytes().into())
    }

    /// Tells which secret a proof was made with, if it was one of ours. It takes the same time
    /// wherever a proof is wrong.
    pub(crate) fn check(&self, proof: &[u8; PROOF_BYTES], role: ProofRole, said: &Said) -> Option<ProvenBy> {
        [ProvenBy::First, ProvenBy::Other]
            .into_iter()
            .find(|by| self.mac(*by, role, said).is_some_and(|mac| mac.verify_slice(proof).is_ok()))
    }

    fn mac(&self, by: ProvenBy, role: ProofRole, said: &Said) -> Option<Hmac<Sha256>> {
        let secret = match by {
            ProvenBy::First => &self.first,
            ProvenBy::Other => self.other.as_ref()?,
        };
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret).ok()?;
        mac.update(match role {
            ProofRole::Dials => b"conductor.sister.1 dials",
            ProofRole::Accepts => b"conductor.sister.1 accept",
        });
        for (nonce, node) in [&said.dialling, &said.accepting] {
            mac.update(nonce);
            mac.update(node.as_bytes());
        }
        // All parts have a fixed length, so that none can be taken for a piece of another.
        mac.update(&[u8::from(said.binding.is_some())]);
        mac.update(&said.binding.unwrap_or_default());
        Some(mac)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("has_other", &self.other.is_some()).finish_non_exhaustive()
    }
}

/// Returns 32 bytes that were never used and cannot be guessed.
pub(crate) fn nonce() -> [u8; PROOF_BYTES] {
    let mut nonce = [0; PROOF_BYTES];
    // Two numbers of 122 random bits each.
    nonce[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    nonce[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> Said {
        Said {
            dialling: ([1; 32], NodeId::from_bytes([2; 16])),
            accepting: ([3; 32], NodeId::from_bytes([4; 16])),
            binding: Some([5; 32]),
        }
    }

    fn secrets(secret: &[u8]) -> Secrets {
        Secrets::new(secret)
    }

    #[test]
    fn a_proof_is_good_for_what_was_said_and_nothing_else() {
        let secrets = secrets(b"a secret of the sisters");
        let proof = secrets.prove(ProvenBy::First, ProofRole::Dials, &said());
        assert_eq!(secrets.check(&proof, ProofRole::Dials, &said()), Some(ProvenBy::First));
        assert_eq!(secrets.check(&proof, ProofRole::Accepts, &said()), None, "sent back to who made it");
        for other in [
            Said { dialling: ([9; 32], said().dialling.1), ..said() },
            Said { accepting: ([9; 32], said().accepting.1), ..said() },
            Said { dialling: (said().dialling.0, NodeId::from_bytes([9; 16])), ..said() },
            Said { accepting: (said().accepting.0, NodeId::from_bytes([9; 16])), ..said() },
            Said { binding: Some([9; 32]), ..said() },
            Said { binding: None, ..said() },
        ] {
            assert_eq!(secrets.check(&proof, ProofRole::Dials, &other), None, "{other:?}");
        }
    }

    #[test]
    fn while_a_secret_is_replaced_both_are_good() {
        let old = || secrets(b"the old secret");
        let new = || secrets(b"the new secret");
        let steps = [
            old(),
            old().accepting((*b"the new secret").into()),
            new().accepting((*b"the old secret").into()),
            new(),
        ];
        for step in steps.windows(2) {
            for (dials, accepts) in [(&step[0], &step[1]), (&step[1], &step[0])] {
                let proof = dials.prove(ProvenBy::First, ProofRole::Dials, &said());
                let by = accepts.check(&proof, ProofRole::Dials, &said()).expect("it knows this one");
                let answer = accepts.prove(by, ProofRole::Accepts, &said());
                assert!(dials.check(&answer, ProofRole::Accepts, &said()).is_some());
            }
        }
        let proof = new().prove(ProvenBy::First, ProofRole::Dials, &said());
        assert_eq!(old().check(&proof, ProofRole::Dials, &said()), None);
    }

    #[test]
    fn nonces_are_never_the_same() {
        assert_ne!(nonce(), nonce());
    }
}
