//! What stands in for TLS where the feature `tls` is off.
//!
//! There is no value of this type, so that connections over TLS compile to nothing.

use tokio::net::TcpStream;

use crate::error::{Error, ErrorKind};

#[derive(Clone)]
pub(super) enum Tls {}

impl Tls {
    /// Refuses the address.
    pub(super) fn new(_host: &str, _authorities: Option<&[u8]>) -> Result<Self, Error> {
        let message = "the address asks for TLS, and this program was built without it; build it with the feature `tls`";
        Err(Error::new(ErrorKind::Config, message))
    }

    pub(super) async fn connect(
        &self,
        _host: &str,
        _stream: TcpStream,
        _address: &str,
    ) -> Result<TcpStream, Error> {
        match *self {}
    }
}
