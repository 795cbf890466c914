//! Reads the commands of the multiplexer, without the crate's own code.

/// Reads a command, if it is whole, and says how long it is. The commands of these games have no
/// line ends in their names.
pub(crate) fn command(bytes: &[u8]) -> Option<(Vec<String>, usize)> {
    let mut at = 0;
    let mut line = || {
        let end = at + memchr::memchr(b'\n', &bytes[at..])?;
        let text = std::str::from_utf8(&bytes[at..end - 1]).unwrap();
        at = end + 1;
        Some((text, at))
    };
    let count: usize = line()?.0.strip_prefix('*')?.parse().unwrap();
    let mut words = Vec::new();
    let mut length = 0;
    for _ in 0..count {
        let _length_of_it = line()?;
        let (word, end) = line()?;
        words.push(word.to_owned());
        length = end;
    }
    Some((words, length))
}
