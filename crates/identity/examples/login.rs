//! Makes keys, signs a token, verifies it, and revokes it.
//!
//! ```text
//! cargo run -p tidings-identity --example login
//! ```
//!
//! In a real program the private half of the key is where users log in, and the public half here.

use std::error::Error;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use identity::{
    Config, Grants, KeySet, NewKey, NewToken, Revocations, RevocationsConfig, Right, Signer, Verifier,
};

const HOUR: Duration = Duration::from_secs(3_600);

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout();
    let key = NewKey::ed25519()?;
    let public = key.verifying().ok_or("a pair has a public half")?;

    // Where users log in.
    #[expect(clippy::disallowed_methods, reason = "the one place where this program reads wall time")]
    let now = SystemTime::now();
    let grants = Grants::default().bind(["room:*", "inbox:{user}"]).write(["room:*"]);
    let token = NewToken::new("bob", now, HOUR).audience("chat").jti("bob's laptop").grants(grants);
    let token = Signer::from_pem(key.signing(), None)?.sign(&token)?;

    // Where they show the token.
    let config = Config::new(KeySet::from_pem(public, None)?).audience("chat");
    let revocations = Revocations::new(RevocationsConfig::new(config.longest_validity()))?;
    let verifier = Verifier::new(config.revocations(revocations.clone()))?;
    let bob = verifier.verify(&token, now)?;
    for channel in ["inbox:bob", "inbox:alice"] {
        let may = bob.rights().permits(Right::Bind, channel);
        writeln!(out, "{} may bind to {channel}: {may}", bob.user())?;
    }

    // What a client hears of a token that is not good.
    let changed = token.replacen('e', "f", 1);
    tell(&mut out, "changed", &verifier, &changed, now)?;
    tell(&mut out, "an hour later", &verifier, &token, now + HOUR + HOUR)?;
    revocations.revoke_token("bob's laptop", now)?;
    tell(&mut out, "revoked", &verifier, &token, now)?;
    Ok(())
}

fn tell(
    out: &mut impl Write,
    when: &str,
    verifier: &Verifier,
    token: &str,
    now: SystemTime,
) -> io::Result<()> {
    match verifier.verify(token, now) {
        Ok(identity) => writeln!(out, "{when}: it is {}", identity.user()),
        // The log of an operator would have the refusal itself.
        Err(refusal) => writeln!(out, "{when}: {}", refusal.client_text()),
    }
}
