//! The first words of two nodes on a new connection: the challenge.

use bytes::{BufMut, Bytes, BytesMut};

use super::challenge::{LOOKED, PROOF_BYTES, ProofRole, ProvenBy, Said, Secrets, VERSION, nonce};
use super::no_sister::{NoSister, NotLinked};
use super::node_id::NodeId;
use super::sister_client::SisterSocket;
use super::stranger::STRANGER_BYTES_MAX;
use crate::{Error, ErrorKind};

/// A node that dialled and has proven who it is; it waits for our proof.
#[derive(Debug)]
pub(crate) struct Proven {
    pub(crate) node: NodeId,
    proof: [u8; PROOF_BYTES],
}

/// Proves to whom we have dialled who we are, and checks who that is.
///
/// `wants` is asked about the node that it says it is, before anything is proven.
pub(crate) async fn dial(
    socket: &mut SisterSocket,
    secrets: &Secrets,
    me: NodeId,
    wants: impl FnOnce(NodeId) -> Result<(), NotLinked>,
) -> Result<NodeId, NoSister> {
    let hello = next(socket, (ErrorKind::Busy, SILENT)).await?;
    let (version, rest) = hello.split_first().ok_or_else(|| broken("an empty greeting"))?;
    if *version != VERSION {
        let version = format!("version {version} of the challenge; this node speaks {VERSION}");
        return Err(broken(&version).into());
    }
    let accepting = nonce_and_node(rest)?;
    if let Err(why) = wants(accepting.1) {
        // So that it does not take this node for a stranger.
        socket.writer.write(Bytes::from_static(&[LOOKED])).await?;
        return Err(NoSister::Met(accepting.1, why));
    }
    let said = Said { dialling: (nonce(), me), accepting, binding: socket.binding };
    let mut answer = BytesMut::from(&said.dialling.0[..]);
    answer.put_slice(me.as_bytes());
    answer.put_slice(&secrets.prove(ProvenBy::First, ProofRole::Dials, &said));
    socket.writer.write(answer.freeze()).await?;
    let answer = next(socket, (ErrorKind::InvalidInput, ENDED)).await?;
    let proven = answer
        .split_first_chunk::<PROOF_BYTES>()
        .filter(|(proof, why)| why.len() <= 1 && secrets.check(proof, ProofRole::Accepts, &said).is_some());
    let (_, why) = proven.ok_or_else(|| stranger("the node that was dialled"))?;
    match why.first() {
        None => Ok(said.accepting.1),
        Some(word) => Err(NoSister::Met(said.accepting.1, NotLinked::of_word(*word))),
    }
}

/// Has a node that dialled us prove who it is.
pub(crate) async fn accept(
    socket: &mut SisterSocket,
    secrets: &Secrets,
    me: NodeId,
) -> Result<Proven, NoSister> {
    let ours = nonce();
    let mut hello = BytesMut::new();
    hello.put_u8(VERSION);
    hello.put_slice(&ours);
    hello.put_slice(me.as_bytes());
    socket.writer.write(hello.freeze()).await?;
    let answer = next(socket, (ErrorKind::Closed, LEFT)).await?;
    if *answer == [LOOKED] {
        return Err(NoSister::Looked);
    }
    let (theirs, proof) = answer.split_last_chunk::<PROOF_BYTES>().ok_or_else(|| broken("no proof"))?;
    let said = Said { dialling: nonce_and_node(theirs)?, accepting: (ours, me), binding: socket.binding };
    let by = secrets
        .check(proof, ProofRole::Dials, &said)
        .ok_or_else(|| stranger("a node that wants to be a sister"))?;
    Ok(Proven { node: said.dialling.1, proof: secrets.prove(by, ProofRole::Accepts, &said) })
}

impl Proven {
    /// Proves to it who we are, and says why there is no link, if there is none.
    pub(crate) async fn answer(
        &self,
        socket: &mut SisterSocket,
        refusal: Option<NotLinked>,
    ) -> Result<(), Error> {
        let mut answer = BytesMut::from(&self.proof[..]);
        if let Some(why) = refusal {
            answer.put_u8(why.word());
        }
        socket.writer.write(answer.freeze()).await
    }
}

/// What is said when the other node ends the connection instead of a greeting.
const SILENT: &str = "the other node ended the connection before it had said anything; it may be shutting \
                      down, so dial it again later";

/// What is said when the other node ends the connection instead of answering.
///
/// It tells a stranger nothing, so this is all that a node with another secret finds out here.
const ENDED: &str = "the other node ended the connection during the challenge; its log says why: its secret may \
                     differ, or a proxy in between may end TLS; then dial the node behind the proxy";

/// What is said when a node that dialled ends the connection instead of proving who it is.
const LEFT: &str = "a node that dialled ended the connection during the challenge; its log says why";

/// Returns what the other node says next; `ended` is what it means if it says nothing more.
async fn next(socket: &mut SisterSocket, ended: (ErrorKind, &'static str)) -> Result<Bytes, Error> {
    let (kind, text) = ended;
    let words = match socket.reader.read().await {
        Ok(Some(words)) => words,
        Ok(None) => return Err(Error::new(kind, text)),
        // A node that refuses another one says no farewell.
        Err(lost) => return Err(Error::with_source(kind, text, lost)),
    };
    // Whatever the transport.
    if words.len() > STRANGER_BYTES_MAX {
        return Err(broken("something long before it had proven anything"));
    }
    Ok(words)
}

fn nonce_and_node(bytes: &[u8]) -> Result<([u8; PROOF_BYTES], NodeId), Error> {
    let parts = bytes.split_first_chunk().and_then(|(nonce, node)| Some((*nonce, node.try_into().ok()?)));
    let (nonce, node) = parts.ok_or_else(|| broken("a greeting of another length"))?;
    Ok((nonce, NodeId::from_bytes(node)))
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("the other node sent {what}, so it is no sister"))
}

fn stranger(who: &str) -> Error {
    let text = format!(
        "{who} does not prove on this connection that it knows the secret of the sisters; give all nodes the \
         same one, and let no proxy end TLS between them"
    );
    Error::new(ErrorKind::InvalidInput, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::memory_link;

    fn pair() -> (SisterSocket, SisterSocket) {
        memory_link(4)
    }

    async fn meet(
        sockets: (SisterSocket, SisterSocket),
        dials: &[u8],
        accepts: &[u8],
    ) -> (Result<NodeId, NoSister>, Result<NodeId, NoSister>) {
        meet_and(None, sockets, dials, accepts).await
    }

    async fn meet_and(
        refusal: Option<NotLinked>,
        (mut a, mut b): (SisterSocket, SisterSocket),
        dials: &[u8],
        accepts: &[u8],
    ) -> (Result<NodeId, NoSister>, Result<NodeId, NoSister>) {
        let (one, two) = (NodeId::from_bytes([1; 16]), NodeId::from_bytes([2; 16]));
        let (dials, accepts) = (Secrets::new(dials), Secrets::new(accepts));
        let accepting = async move {
            let proven = accept(&mut b, &accepts, two).await?;
            proven.answer(&mut b, refusal).await?;
            Ok::<_, NoSister>(proven.node)
        };
        tokio::join!(dial(&mut a, &dials, one, |_| Ok(())), accepting)
    }

    #[tokio::test]
    async fn who_knows_the_secret_is_a_sister() {
        let (dialled, accepted) = meet(pair(), b"the secret", b"the secret").await;
        assert_eq!(dialled.expect("they are sisters"), NodeId::from_bytes([2; 16]));
        assert_eq!(accepted.expect("they are sisters"), NodeId::from_bytes([1; 16]));
    }

    #[tokio::test]
    async fn who_does_not_is_none() {
        let (dialled, accepted) = meet(pair(), b"a secret", b"the secret").await;
        let kind = |met: Result<NodeId, NoSister>| Error::from(met.expect_err("it is a stranger")).kind();
        assert_eq!(kind(dialled), ErrorKind::InvalidInput);
        assert_eq!(kind(accepted), ErrorKind::InvalidInput);
        let (a, b) = pair();
        let (_, accepted) =
            meet((a.bound_to([1; 32]), b.bound_to([2; 32])), b"the secret", b"the secret").await;
        assert!(accepted.is_err(), "somebody is in between");
    }

    #[tokio::test]
    async fn a_sister_who_is_refused_hears_whom_she_met_and_why() {
        let refusal = Some(NotLinked::Full);
        let (dialled, _) = meet_and(refusal, pair(), b"the secret", b"the secret").await;
        let two = NodeId::from_bytes([2; 16]);
        assert!(matches!(dialled, Err(NoSister::Met(node, NotLinked::SheIsFull)) if node == two));
    }

    #[tokio::test]
    async fn who_only_looks_which_node_it_is_proves_nothing() {
        let ((mut a, mut b), secrets) = (pair(), Secrets::new(*b"the secret"));
        let (one, two) = (NodeId::from_bytes([1; 16]), NodeId::from_bytes([2; 16]));
        let wants = |node| {
            assert_eq!(node, two);
            Err(NotLinked::Reached)
        };
        let (dialled, accepted) =
            tokio::join!(dial(&mut a, &secrets, one, wants), accept(&mut b, &secrets, two));
        assert!(matches!(dialled, Err(NoSister::Met(node, NotLinked::Reached)) if node == two));
        assert!(matches!(accepted, Err(NoSister::Looked)));
    }
}
