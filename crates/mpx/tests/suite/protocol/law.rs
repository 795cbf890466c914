//! What holds for any bytes. Tests and the fuzzer share it.

use std::iter::repeat;

use mpx::protocol::{Frame, Malformed, Parsed, parse};

/// How long a text may be here: little, so that short inputs get to it.
pub(crate) const TEXT_MAX: usize = 1 << 12;

/// Panics if the parser breaks a law on these bytes: one of those in [`look`], or that it makes no
/// difference how they are cut.
pub(crate) fn check(input: &[u8]) {
    let whole = read(input, [input.len()]);
    assert_eq!(read(input, repeat(1)), whole, "one byte at a time");
    // An input decides how it is cut, too.
    let sizes = input.iter().map(|byte| 1 + usize::from(byte % 61));
    assert_eq!(
        read(input, sizes.clone().chain(repeat(1))),
        whole,
        "in chunks of {:?}",
        sizes.collect::<Vec<_>>()
    );
}

/// What was read, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read<'a> {
    pub(crate) frames: Vec<Frame<'a>>,
    /// How many bytes are left that are not a whole frame.
    pub(crate) end: Result<usize, Malformed>,
}

/// Reads all there is, as a connection does that gets the bytes in chunks of these sizes, and does
/// not look before it has to.
pub(crate) fn read(bytes: &[u8], sizes: impl IntoIterator<Item = usize>) -> Read<'_> {
    let (mut frames, mut start, mut end, mut needed) = (Vec::new(), 0, 0, 0);
    for size in sizes {
        if end == bytes.len() {
            break;
        }
        end = end.saturating_add(size).min(bytes.len());
        while end - start >= needed.max(1) {
            match look(&bytes[start..end]) {
                Ok(Parsed::Frame(frame, length)) => {
                    frames.push(frame);
                    (start, needed) = (start + length, 0);
                }
                Ok(Parsed::Incomplete { needed: more }) => needed = more,
                Err(why) => return Read { frames, end: Err(why) },
            }
        }
    }
    Read { frames, end: Ok(end - start) }
}

/// Parses, and holds the answer to what it promises.
fn look(buffer: &[u8]) -> Result<Parsed<'_>, Malformed> {
    let parsed = parse(buffer, TEXT_MAX)?;
    match parsed {
        Parsed::Frame(_, length) => {
            assert!(
                (1..=buffer.len()).contains(&length),
                "a frame of {length} bytes out of {}",
                buffer.len()
            );
        }
        Parsed::Incomplete { needed } => asks_for_no_more_than_it_takes(buffer, needed),
    }
    Ok(parsed)
}

fn asks_for_no_more_than_it_takes(buffer: &[u8], needed: usize) {
    let there = buffer.len();
    assert!(needed > there, "it asks for {needed} bytes, there are {there}");
    let Some(missing) = (needed - there).checked_sub(2) else { return };
    // More than the next byte: the rest of a text whose length it knows, with its line end. One
    // byte less says nothing new, …
    assert!(missing <= TEXT_MAX, "it asks for {needed} bytes, there are {there}");
    let filled = [buffer, &vec![b'x'; missing], b"\r\n"].concat();
    let short = parse(&filled[..needed - 1], TEXT_MAX);
    assert_eq!(short, Ok(Parsed::Incomplete { needed }), "one byte less than it asked for");
    // … and as many as it asked for do.
    match parse(&filled, TEXT_MAX) {
        Ok(Parsed::Frame(_, length)) => assert_eq!(length, needed, "it asked for another length"),
        Ok(Parsed::Incomplete { needed: more }) => {
            assert!(more > needed, "it asks for {more} after {needed}");
        }
        // It is skipped, and then it turns out that there should have been another value.
        Err(_) => {}
    }
}
