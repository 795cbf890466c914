//! The budgets of `tidings-identity`: tokens and rights, on one core.

use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use benches::budget;
use benches::budget::{Budget, Effort, Figure};
use benches::tokens::{CHANNEL, SignedToken, grants, now};
use identity::{Config, KeySet, NewKey, NewToken, Right, Signer, Verifier};
use jsonwebtoken::crypto;

const FIGURES: &[Figure] = &[
    Figure {
        name: "identity.token.es256",
        unit: "ns",
        ours: |effort| verified(&SignedToken::es256()?, effort),
        against: Some(("the signature alone", |effort| signature(&SignedToken::es256()?, effort))),
        budget: Budget::RatioAtMost(1.25),
    },
    Figure {
        name: "identity.token.eddsa",
        unit: "ns",
        ours: |effort| verified(&SignedToken::ed25519()?, effort),
        against: Some(("the signature alone", |effort| signature(&SignedToken::ed25519()?, effort))),
        budget: Budget::RatioAtMost(1.25),
    },
    // The signature is cheaper than the JSON around it.
    Figure {
        name: "identity.token.hs256",
        unit: "ns",
        ours: |effort| verified(&SignedToken::hs256()?, effort),
        against: Some(("the signature alone", |effort| signature(&SignedToken::hs256()?, effort))),
        budget: Budget::Shown,
    },
    Figure {
        name: "identity.token.seen",
        unit: "tokens/s",
        ours: seen,
        against: None,
        budget: Budget::AtLeast(500_000.0),
    },
    Figure { name: "identity.right", unit: "ns", ours: right, against: None, budget: Budget::AtMost(50.0) },
];

fn main() -> ExitCode {
    budget::main(FIGURES)
}

/// The whole of a token that was not seen before, and a decision.
fn verified(token: &SignedToken, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let verifier = Verifier::new(token.config().seen_max(0))?;
    nanoseconds(effort, || {
        let identity = verifier.verify(black_box(&token.text), now())?;
        is_so(identity.rights().permits(Right::Write, black_box(CHANNEL)))
    })
}

/// The floor: the signature, and nothing that the token says.
fn signature(token: &SignedToken, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (message, signature) = token.text.rsplit_once('.').ok_or("a token has a signature")?;
    nanoseconds(effort, || {
        is_so(crypto::verify(black_box(signature), message.as_bytes(), &token.bare, token.algorithm)?)
    })
}

/// Tokens that come again, of a thousand users.
fn seen(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let key = NewKey::ed25519()?;
    let signer = Signer::from_pem(key.signing(), None)?;
    let keys = KeySet::from_pem(key.verifying().unwrap_or_default(), None)?;
    let verifier = Verifier::new(Config::new(keys))?;
    let of = |number: u32| NewToken::new(format!("user_{number}"), now(), Duration::from_secs(3_600));
    let tokens = (0..1_000).map(|number| signer.sign(&of(number).grants(grants())));
    let tokens = tokens.collect::<Result<Vec<_>, _>>()?;
    for token in &tokens {
        verifier.verify(token, now())?;
    }
    let mut next = tokens.iter().cycle();
    let each = nanoseconds(effort, || {
        let token = next.next().ok_or("there are tokens")?;
        black_box(verifier.verify(token, now())?);
        Ok(())
    })?;
    Ok(1e9 / each)
}

/// Whether a user may write, by the last of ten patterns.
fn right(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let rights = grants().rights_of("user_7f3a9b")?;
    nanoseconds(effort, || is_so(black_box(&rights).permits(Right::Write, black_box(CHANNEL))))
}

fn is_so(is_so: bool) -> Result<(), Box<dyn Error>> {
    if is_so { Ok(()) } else { Err("it was refused".into()) }
}

/// How long one call takes, over a time that makes the clock's own part small.
fn nanoseconds(
    effort: Effort,
    mut call: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let time = effort.pick(Duration::from_secs(2), Duration::from_millis(50));
    let (start, mut calls) = (Instant::now(), 0_u32);
    while start.elapsed() < time {
        for _ in 0..64 {
            call()?;
        }
        calls += 64;
    }
    Ok(start.elapsed().as_secs_f64() * 1e9 / f64::from(calls))
}
