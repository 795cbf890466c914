//! What binds a sister's proof to the TLS connection below it.

#[cfg(feature = "tls")]
use rustls::{ConnectionCommon, ProtocolVersion};
#[cfg(feature = "tls")]
use tokio_rustls::server::TlsStream;

/// What TLS exports for one connection, as an extension of its requests.
///
/// A server that ends TLS itself puts it there, so that nobody in between can pass a proof on: it
/// is what `export_keying_material` gives for the label [`LABEL`](Self::LABEL) without a context,
/// after TLS 1.3. The hub's own listener does so; a program that accepts connections itself takes
/// it from them before it gives them to its HTTP server. A request that has it may come from any
/// address; one over TLS that has it not is no sister's.
#[derive(Clone, Copy)]
pub struct TlsBinding([u8; 32]);

impl TlsBinding {
    /// The label under which the key material is exported.
    pub const LABEL: &'static [u8] = b"EXPORTER-conductor-sister-1";

    /// Creates it from what was exported.
    #[must_use]
    pub const fn new(exported: [u8; 32]) -> Self {
        Self(exported)
    }

    /// Takes it from a connection that was accepted, behind its handshake.
    ///
    /// `None` of TLS 1.2, whose connections can be made to export the same.
    ///
    /// Source: <https://www.rfc-editor.org/rfc/rfc7627>, section 1.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn accepted<S>(stream: &TlsStream<S>) -> Option<Self> {
        Self::of(stream.get_ref().1)
    }

    /// Takes it from either end of a connection.
    #[cfg(feature = "tls")]
    pub(crate) fn of<Side>(connection: &ConnectionCommon<Side>) -> Option<Self> {
        if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
            return None;
        }
        connection.export_keying_material([0; 32], Self::LABEL, None).ok().map(Self)
    }

    pub(crate) const fn exported(self) -> [u8; 32] {
        self.0
    }
}

impl std::fmt::Debug for TlsBinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsBinding").finish_non_exhaustive()
    }
}
