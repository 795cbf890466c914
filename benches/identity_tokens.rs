//! What does a token cost, beside the signature alone, and what a question for a right?

#![allow(clippy::unwrap_used, reason = "a bench stops where it fails")]

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use criterion::{BenchmarkId, Criterion, Throughput};
use identity::{Config, Grants, KeySet, NewKey, NewToken, Right, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for kind in kinds() {
        first(&mut criterion, &kind);
    }
    seen(&mut criterion);
    rights(&mut criterion);
    criterion.final_summary();
}

/// One way to sign, with a token of it.
struct Kind {
    algorithm: Algorithm,
    keys: KeySet,
    bare: DecodingKey,
    token: String,
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// Ten patterns for each right, of which questions below meet the last one.
fn grants() -> Grants {
    let rooms = |kind: &str| (0..9).map(|number| format!("room:{kind}:{number}:*")).collect::<Vec<_>>();
    let grants = Grants::default().bind(rooms("public")).write(rooms("public"));
    grants.bind(["inbox:{user}"]).write(["room:{user}:*"])
}

fn token(signer: &Signer) -> String {
    let token = NewToken::new("user_7f3a9b", now(), Duration::from_secs(3_600));
    signer
        .sign(&token.audience("chat").issuer("https://login.example.org").jti("a7").grants(grants()))
        .unwrap()
}

fn kinds() -> [Kind; 3] {
    let secret = NewKey::hs256().unwrap();
    let secret = secret.signing().trim().as_bytes();
    let (es256, ed25519) = (NewKey::es256().unwrap(), NewKey::ed25519().unwrap());
    let (ec, ed) = (es256.verifying().unwrap(), ed25519.verifying().unwrap());
    [
        Kind {
            algorithm: Algorithm::HS256,
            keys: KeySet::from_secret(secret, None).unwrap(),
            bare: DecodingKey::from_secret(secret),
            token: token(&Signer::from_secret(secret, None).unwrap()),
        },
        Kind {
            algorithm: Algorithm::ES256,
            keys: KeySet::from_pem(ec, None).unwrap(),
            bare: DecodingKey::from_ec_pem(ec.as_bytes()).unwrap(),
            token: token(&Signer::from_pem(es256.signing(), None).unwrap()),
        },
        Kind {
            algorithm: Algorithm::EdDSA,
            keys: KeySet::from_pem(ed, None).unwrap(),
            bare: DecodingKey::from_ed_pem(ed.as_bytes()).unwrap(),
            token: token(&Signer::from_pem(ed25519.signing(), None).unwrap()),
        },
    ]
}

/// A token that was not seen before: the whole with a decision, and the signature alone.
fn first(criterion: &mut Criterion, kind: &Kind) {
    let mut group = criterion.benchmark_group("identity first");
    group.throughput(Throughput::Elements(1));
    let name = format!("{:?}", kind.algorithm);
    let verifier = Verifier::new(config(kind).seen_max(0)).unwrap();
    group.bench_function(BenchmarkId::new("verified and decided", &name), |bencher| {
        bencher.iter(|| {
            let identity = verifier.verify(black_box(&kind.token), now()).unwrap();
            assert!(identity.rights().permits(Right::Write, black_box("room:user_7f3a9b:1")));
        });
    });
    let (message, signature) = kind.token.rsplit_once('.').unwrap();
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
    let verifier = Verifier::new(config(&kind)).unwrap();
    let mut group = criterion.benchmark_group("identity seen");
    group.throughput(Throughput::Elements(1));
    group.bench_function("one token", |bencher| {
        bencher.iter(|| verifier.verify(black_box(&kind.token), now()).unwrap());
    });
    group.finish();
}

/// Channels that match the last pattern, and none.
fn rights(criterion: &mut Criterion) {
    let rights = grants().rights_of("user_7f3a9b").unwrap();
    let mut group = criterion.benchmark_group("identity right of 10 patterns");
    for (name, channel) in [("the last", "room:user_7f3a9b:1"), ("none", "room:public:9:17")] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(&rights).permits(Right::Write, black_box(channel)));
        });
    }
    group.finish();
}

fn config(kind: &Kind) -> Config {
    Config::new(kind.keys.clone()).audience("chat").issuer("https://login.example.org")
}
