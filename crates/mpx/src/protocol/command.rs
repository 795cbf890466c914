//! Commands into bytes: arrays of bulk strings, which both protocols take.

use super::frame::NameKind;

/// What is asked about names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Subscribe,
    Unsubscribe,
}

impl Verb {
    pub(crate) const fn command(self, kind: NameKind) -> &'static [u8] {
        match (self, kind) {
            (Self::Subscribe, NameKind::Channel) => b"SUBSCRIBE",
            (Self::Subscribe, NameKind::Pattern) => b"PSUBSCRIBE",
            (Self::Subscribe, NameKind::Shard) => b"SSUBSCRIBE",
            (Self::Unsubscribe, NameKind::Channel) => b"UNSUBSCRIBE",
            (Self::Unsubscribe, NameKind::Pattern) => b"PUNSUBSCRIBE",
            (Self::Unsubscribe, NameKind::Shard) => b"SUNSUBSCRIBE",
        }
    }
}

/// Appends one command.
pub(crate) fn write_command<'a>(
    out: &mut Vec<u8>,
    command: &[u8],
    arguments: impl ExactSizeIterator<Item = &'a [u8]>,
) {
    head(out, b'*', 1 + arguments.len());
    bulk(out, command);
    for argument in arguments {
        bulk(out, argument);
    }
}

fn bulk(out: &mut Vec<u8>, text: &[u8]) {
    head(out, b'$', text.len());
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

fn head(out: &mut Vec<u8>, kind: u8, length: usize) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// How long a text may be that Redis takes by default, its `proto-max-bulk-len`.
pub(crate) const TEXT_MAX: usize = 512 * 1024 * 1024;
/// How Redis begins to say that a text is longer than it takes, before it ends the connection.
pub(crate) const TOO_LONG: &[u8] = b"ERR Protocol error: invalid bulk length";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_arrays_of_bulk_strings() {
        let mut out = Vec::new();
        write_command(&mut out, b"PING", [].into_iter());
        let names: [&[u8]; 2] = [b"a", b"\xff\r\n"];
        write_command(&mut out, Verb::Subscribe.command(NameKind::Pattern), names.into_iter());
        assert_eq!(out, b"*1\r\n$4\r\nPING\r\n*3\r\n$10\r\nPSUBSCRIBE\r\n$1\r\na\r\n$3\r\n\xff\r\n\r\n");
    }
}
