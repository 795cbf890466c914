//! What does a token cost, beside the signature alone, and what a question for a right?

#![allow(clippy::unwrap_used, reason = "a bench stops where it fails")]

use std::hint::black_box;

use benches::tokens::{CHANNEL, SignedToken, grants, now};
use criterion::{BenchmarkId, Criterion, Throughput};
use identity::{Right, Verifier};
use jsonwebtoken::crypto;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for kind in kinds() {
        first(&mut criterion, &kind);
    }
    seen(&mut criterion);
    rights(&mut criterion);
    criterion.final_summary();
}

fn kinds() -> [SignedToken; 3] {
    [SignedToken::hs256(), SignedToken::es256(), SignedToken::ed25519()].map(Result::unwrap)
}

/// A token that was not seen before: the whole with a decision, and the signature alone.
fn first(criterion: &mut Criterion, kind: &SignedToken) {
    let mut group = criterion.benchmark_group("identity first");
    group.throughput(Throughput::Elements(1));
    let name = format!("{:?}", kind.algorithm);
    let verifier = Verifier::new(kind.config().seen_max(0)).unwrap();
    group.bench_function(BenchmarkId::new("verified and decided", &name), |bencher| {
        bencher.iter(|| {
            let identity = verifier.verify(black_box(&kind.text), now()).unwrap();
            assert!(identity.rights().permits(Right::Write, black_box(CHANNEL)));
        });
    });
    let (message, signature) = kind.text.rsplit_once('.').unwrap();
    group.bench_function(BenchmarkId::new("signature alone", &name), |bencher| {
        bencher.iter(|| {
            let message = black_box(message).as_bytes();
            assert!(crypto::verify(signature, message, &kind.bare, kind.algorithm).unwrap());
        });
    });
    group.finish();
}

/// A token that comes again.
fn seen(criterion: &mut Criterion) {
    let [kind, ..] = kinds();
    let verifier = Verifier::new(kind.config()).unwrap();
    let mut group = criterion.benchmark_group("identity seen");
    group.throughput(Throughput::Elements(1));
    group.bench_function("one token", |bencher| {
        bencher.iter(|| verifier.verify(black_box(&kind.text), now()).unwrap());
    });
    group.finish();
}

/// Channels that match the last pattern, and none.
fn rights(criterion: &mut Criterion) {
    let rights = grants().rights_of("user_7f3a9b").unwrap();
    let mut group = criterion.benchmark_group("identity right of 10 patterns");
    for (name, channel) in [("the last", CHANNEL), ("none", "room:public:9:17")] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(&rights).permits(Right::Write, black_box(channel)));
        });
    }
    group.finish();
}
