//! What binds a sister's proof to the TLS connection below it.

/// What TLS exports for one connection, as an extension of its requests.
///
/// A server that ends TLS itself puts it there, so that nobody in between can pass a proof on: it
/// is what `export_keying_material` gives for the label [`LABEL`](Self::LABEL) without a context,
/// after TLS 1.3. A request that has it may come from any address.
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

    pub(crate) const fn exported(self) -> [u8; 32] {
        self.0
    }
}

impl std::fmt::Debug for TlsBinding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsBinding").finish_non_exhaustive()
    }
}
