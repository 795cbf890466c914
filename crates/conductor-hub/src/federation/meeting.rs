//! The first words of two nodes on a new connection: the challenge.

use bytes::{BufMut, Bytes, BytesMut};

use super::challenge::{PROOF_BYTES, ProofRole, ProvenBy, Said, Secrets, VERSION, nonce};
use super::node_id::NodeId;
use super::sister_client::SisterSocket;
use super::stranger::STRANGER_BYTES_MAX;
use crate::{Error, ErrorKind};

/// Proves to whom we have dialled who we are, and checks who that is.
pub(crate) async fn dial(socket: &mut SisterSocket, secrets: &Secrets, me: NodeId) -> Result<NodeId, Error> {
    let hello = next(socket).await?;
    let (version, rest) = hello.split_first().ok_or_else(|| broken("an empty greeting"))?;
    if *version != VERSION {
        return Err(broken(&format!("version {version} of the challenge; this node speaks {VERSION}")));
    }
    let accepting = nonce_and_node(rest)?;
    let said = Said { dialling: (nonce(), me), accepting, binding: socket.binding };
    let mut answer = BytesMut::from(&said.dialling.0[..]);
    answer.put_slice(me.as_bytes());
    answer.put_slice(&secrets.prove(ProvenBy::First, ProofRole::Dials, &said));
    socket.writer.write(answer.freeze()).await?;
    let proof = next(socket).await?;
    let proof = proof.first_chunk().filter(|_| proof.len() == PROOF_BYTES);
    proof
        .and_then(|proof| secrets.check(proof, ProofRole::Accepts, &said))
        .map(|_| said.accepting.1)
        .ok_or_else(|| stranger("the node that was dialled"))
}

/// Has a node that dialled us prove who it is, and proves who we are.
pub(crate) async fn accept(
    socket: &mut SisterSocket,
    secrets: &Secrets,
    me: NodeId,
) -> Result<NodeId, Error> {
    let ours = nonce();
    let mut hello = BytesMut::new();
    hello.put_u8(VERSION);
    hello.put_slice(&ours);
    hello.put_slice(me.as_bytes());
    socket.writer.write(hello.freeze()).await?;
    let answer = next(socket).await?;
    let (theirs, proof) = answer.split_last_chunk::<PROOF_BYTES>().ok_or_else(|| broken("no proof"))?;
    let said = Said { dialling: nonce_and_node(theirs)?, accepting: (ours, me), binding: socket.binding };
    let by = secrets
        .check(proof, ProofRole::Dials, &said)
        .ok_or_else(|| stranger("a node that wants to be a sister"))?;
    let proof = secrets.prove(by, ProofRole::Accepts, &said);
    socket.writer.write(Bytes::copy_from_slice(&proof)).await?;
    Ok(said.dialling.1)
}

/// What is said when the other node ends the connection instead of answering.
///
/// It tells a stranger nothing, so this is all that a node with another secret finds out here.
const ENDED: &str = "the other node ended the connection during the challenge; its log says why: its secret may \
                     differ, or a proxy in between may end TLS; then dial the node behind the proxy";

async fn next(socket: &mut SisterSocket) -> Result<Bytes, Error> {
    let words = match socket.reader.read().await {
        Ok(Some(words)) => words,
        Ok(None) => return Err(Error::new(ErrorKind::Closed, ENDED)),
        // A node that refuses another one says no farewell.
        Err(lost) => return Err(Error::with_source(lost.kind(), ENDED, lost)),
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
    use async_trait::async_trait;
    use tokio::sync::mpsc;

    use super::*;
    use crate::federation::sister_client::{SisterReader, SisterWriter};

    struct Half<T>(T);

    #[async_trait]
    impl SisterReader for Half<mpsc::Receiver<Bytes>> {
        async fn read(&mut self) -> Result<Option<Bytes>, Error> {
            Ok(self.0.recv().await)
        }
    }

    #[async_trait]
    impl SisterWriter for Half<mpsc::Sender<Bytes>> {
        async fn write(&mut self, batch: Bytes) -> Result<(), Error> {
            self.0.send(batch).await.map_err(|_| Error::new(ErrorKind::Closed, "the other end is gone"))
        }
    }

    fn pair() -> (SisterSocket, SisterSocket) {
        let ((to_a, at_a), (to_b, at_b)) = (mpsc::channel(4), mpsc::channel(4));
        (SisterSocket::new(Half(at_a), Half(to_b)), SisterSocket::new(Half(at_b), Half(to_a)))
    }

    async fn meet(
        (mut a, mut b): (SisterSocket, SisterSocket),
        dials: &[u8],
        accepts: &[u8],
    ) -> (Result<NodeId, Error>, Result<NodeId, Error>) {
        let (one, two) = (NodeId::from_bytes([1; 16]), NodeId::from_bytes([2; 16]));
        let (dials, accepts) = (Secrets::new(dials), Secrets::new(accepts));
        let accepting = async move {
            let accepted = accept(&mut b, &accepts, two).await;
            drop(b);
            accepted
        };
        tokio::join!(dial(&mut a, &dials, one), accepting)
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
        assert!(dialled.is_err());
        assert_eq!(accepted.expect_err("it is a stranger").kind(), ErrorKind::InvalidInput);
        let (a, b) = pair();
        let (_, accepted) =
            meet((a.bound_to([1; 32]), b.bound_to([2; 32])), b"the secret", b"the secret").await;
        assert!(accepted.is_err(), "somebody is in between");
    }
}
