//! That each published crate states the oldest Rust that its dependencies leave it.

use crate::msrv::{Need, needs};

pub(super) fn check() -> Vec<String> {
    match needs() {
        Ok(needs) => needs.iter().filter_map(breach).collect(),
        Err(error) => vec![format!("what the crates need of Rust is not known: {error:#}")],
    }
}

fn breach(need: &Need) -> Option<String> {
    let Need { manifest, stated, needed, because_of, .. } = need;
    (stated != needed).then(|| {
        format!("{manifest}: its rust-version is {stated}, and should be {needed}, which {because_of} needs")
    })
}
