//! What the fuzzer found worth keeping, as it is and mutated.

use std::path::Path;
use std::{fmt, fs};

use proptest::prelude::*;
use proptest::sample::Index;

use super::frames::{Parts, parts};
use super::law::check;

/// Bytes that a failure shows as they can be written into a test.
#[derive(Clone)]
struct Input(Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// Every file of the corpus, by name.
fn corpus() -> Vec<(String, Input)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/parse");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            let file = file.unwrap();
            (file.file_name().into_string().unwrap(), Input(fs::read(file.path()).unwrap()))
        })
        .collect();
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    files
}

#[test]
fn the_corpus_keeps_the_law() {
    let files = corpus();
    assert!(files.len() > 20, "only {} files: has the corpus moved?", files.len());
    for (name, input) in files {
        let kept = std::panic::catch_unwind(|| check(&input.0));
        assert!(kept.is_ok(), "{name}: {input:?}");
    }
}

/// What is done to an input.
#[derive(Debug, Clone)]
enum Mutation {
    Replace(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    /// Some of its bytes once more, elsewhere.
    Repeat(Index, usize, Index),
    /// The end of another one.
    Splice(Index, Input, Index),
}

impl Mutation {
    fn apply(self, bytes: &mut Vec<u8>) {
        let place = |index: &Index| index.index(bytes.len() + 1);
        match self {
            Self::Replace(at, byte) => {
                let at = place(&at);
                bytes.splice(at..(at + 1).min(bytes.len()), [byte]);
            }
            Self::Insert(at, some) => {
                let at = place(&at);
                bytes.splice(at..at, some);
            }
            Self::Remove(at, count) => {
                let at = place(&at);
                bytes.drain(at..(at + count).min(bytes.len()));
            }
            Self::Repeat(from, count, at) => {
                let (from, at) = (place(&from), place(&at));
                let some = bytes[from..(from + count).min(bytes.len())].to_vec();
                bytes.splice(at..at, some);
            }
            Self::Splice(at, Input(other), from) => {
                bytes.truncate(place(&at));
                bytes.extend_from_slice(&other[from.index(other.len() + 1)..]);
            }
        }
    }
}

fn mutation(origin: impl Strategy<Value = Input> + 'static) -> impl Strategy<Value = Mutation> {
    // Bytes and pieces that mean something come more often than they would by themselves.
    let mark = prop::sample::select(b"*>$+-:|%~_#,(!=\r\n0123456789".to_vec());
    let piece = prop::sample::select(vec![
        &b"\r\n"[..],
        b"$-1\r\n",
        b"*-1\r\n",
        b"|1\r\n",
        b"*2\r\n",
        b"4096",
        b"4097",
    ]);
    let index = any::<Index>;
    prop_oneof![
        (index(), prop_oneof![mark, any::<u8>()]).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        (index(), piece.prop_map(<[u8]>::to_vec)).prop_map(|(at, some)| Mutation::Insert(at, some)),
        (index(), 1..20_usize).prop_map(|(at, count)| Mutation::Remove(at, count)),
        (index(), 1..40_usize, index()).prop_map(|(from, count, at)| Mutation::Repeat(from, count, at)),
        (index(), origin, index()).prop_map(|(at, other, from)| Mutation::Splice(at, other, from)),
    ]
}

fn mutated() -> impl Strategy<Value = Input> {
    let files: Vec<_> = corpus().into_iter().map(|(_, input)| input).collect();
    let frames = prop::collection::vec(parts(), 1..4)
        .prop_map(|frames| Input(frames.iter().flat_map(Parts::bytes).collect()));
    let origin = prop_oneof![3 => prop::sample::select(files), 1 => frames].boxed();
    (origin.clone(), prop::collection::vec(mutation(origin), 0..6)).prop_map(
        |(Input(mut bytes), mutations)| {
            mutations.into_iter().for_each(|mutation| mutation.apply(&mut bytes));
            Input(bytes)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutations_of_the_corpus_keep_the_law(input in mutated()) {
        check(&input.0);
    }
}
