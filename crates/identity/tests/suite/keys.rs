//! Keys in files: what is taken for what, and what is refused.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identity::{Config, ErrorKind, KeySet, NewKey, NewToken, Signer, Verifier};

use crate::made::{SECRET, now, pair, rsa};

/// Of 1,024 bits; its private half is nowhere.
const SHORT_RSA: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC8E1wfXx6KmgJMyNL82xX2XBK9
V9jYCl7utay7C21eID0Bu/LLUvsPK+ri9iwowLOXKnw+ctJTXzIFdGjRjTv0RWxO
bfBJi+Wif1eFBPTa2bn3Q3UBuvsp+Dk9NCPGXDb6fjx3yHDZmGcZSHYpGNKv6bh6
kP/s+e9HPCRfHgW4FwIDAQAB
-----END PUBLIC KEY-----
";

/// Of the curve P-384; its private half is nowhere.
const P384: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE8U3Bvra+TbAKyorKcN/CyNFDX9sVtXkO
6WH9RKB0daCn8o8UFQ1/amdo+r7s8U3wmim3rxhVbTVe+TbuuAsNetgZGNeiOs3E
Y7PJxjNFIu5D3kD8BJg2ESriz7RU5gw2
-----END PUBLIC KEY-----
";

#[test]
fn a_file_with_a_pem_or_a_secret_is_read_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = pair(&NewKey::ed25519().unwrap());
    let secret = NewKey::hs256().unwrap().signing().to_owned();
    for (signing, verifying) in [(&private, &public), (&secret, &secret), (&rsa().0, &rsa().1)] {
        let (signs, verifies) = (folder.path().join("signs"), folder.path().join("verifies"));
        fs::write(&signs, signing).unwrap();
        fs::write(&verifies, verifying).unwrap();
        let token = NewToken::new("bob", now(), std::time::Duration::from_secs(60));
        let token = Signer::from_file(&signs, None).unwrap().sign(&token).unwrap();
        let verifier = Verifier::new(Config::new(KeySet::from_file(&verifies, None).unwrap())).unwrap();
        assert_eq!(verifier.verify(&token, now()).unwrap().user(), "bob");
    }
    // The end of a line belongs to no secret, whichever system has written it.
    fs::write(folder.path().join("a"), [SECRET, b"\r\n"].concat()).unwrap();
    let verifier = Config::new(KeySet::from_file(folder.path().join("a"), None).unwrap());
    let token = crate::made::of(&crate::made::good());
    assert!(Verifier::new(verifier).unwrap().verify(&token, now()).is_ok());
}

#[test]
fn a_public_key_in_another_form_is_not_taken_for_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("the-key");
    let der = |pem: &str| {
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        STANDARD.decode(body).unwrap()
    };
    let (ed, ec) = (pair(&NewKey::ed25519().unwrap()).1, pair(&NewKey::es256().unwrap()).1);
    let ssh = format!("ssh-ed25519 {} bob@example.org\n", "A".repeat(68));
    for bytes in [der(&ed), der(&ec), der(&rsa().1), ssh.into_bytes()] {
        fs::write(&path, &bytes).unwrap();
        let error = KeySet::from_file(&path, None).unwrap_err().to_string();
        assert!(error.contains("give the key as PEM"), "{error}");
    }
}

#[test]
fn a_file_that_has_no_good_key_is_refused_by_name_and_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("the-key");
    let (private, public) = pair(&NewKey::es256().unwrap());
    let broken = public.replace("MFkw", "MFow");
    for (text, why) in [
        ("", "0 bytes"),
        ("hidden", "6 bytes"),
        (&*"x".repeat(31), "31 bytes"),
        (&*private, "private key"),
        (&*format!("{public}{public}"), "exactly one"),
        (&*public.replace("PUBLIC KEY", "CERTIFICATE"), "exactly one"),
        (&*broken, "cannot be read"),
        (SHORT_RSA, "1024 bits"),
        (P384, "another curve"),
        (r#"{"keys":[]}  hidden hidden hidden hidden"#, "JWKS"),
    ] {
        fs::write(&path, text).unwrap();
        let error = KeySet::from_file(&path, None).unwrap_err();
        let shown = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Config, "{shown}");
        assert!(shown.contains("the-key") && shown.contains(why), "{shown}");
        assert!(!shown.contains("hidden"), "{shown}");
    }
    fs::write(&path, "x".repeat(64 * 1024 + 1)).unwrap();
    assert_eq!(KeySet::from_file(&path, None).unwrap_err().kind(), ErrorKind::Unavailable);
    let missing = KeySet::from_file(folder.path().join("missing"), None).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Unavailable);
    assert!(missing.to_string().contains("missing"));
}

#[test]
fn what_cannot_sign_is_no_signer() {
    let (_, public) = pair(&NewKey::es256().unwrap());
    for text in ["", &public, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        assert_eq!(Signer::from_pem(text, None).unwrap_err().kind(), ErrorKind::Config, "{text}");
    }
    assert_eq!(Signer::from_secret(&[7; 31], None).unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn a_signer_says_how_to_change_a_key_that_it_cannot_read_and_reads_no_file_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("the-key");
    // As `openssl ecparam -genkey` writes it.
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let sec1 = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for text in [sec1, &format!("{parameters}{sec1}"), locked] {
        fs::write(&path, text).unwrap();
        let error = Signer::from_file(&path, None).unwrap_err().to_string();
        assert!(error.contains("the-key") && error.contains("openssl pkcs8 -topk8 -nodes"), "{error}");
    }
    fs::write(&path, "x".repeat(64 * 1024 + 1)).unwrap();
    let error = Signer::from_file(&path, None).unwrap_err();
    assert!(error.kind() == ErrorKind::Unavailable && format!("{error:#}").contains("65536"), "{error:#}");
    fs::write(&path, "x".repeat(64 * 1024)).unwrap();
    assert!(Signer::from_file(&path, None).is_ok());
}

#[test]
fn names_are_there_once_and_keys_without_one_are_few() {
    let of = |kid| KeySet::from_secret(SECRET, kid).unwrap();
    assert_eq!(of(Some("a")).and(&of(Some("a"))).unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(of(Some("a")).and(&of(Some("b"))).unwrap().len(), 2);
    let mut unnamed = of(None);
    for _ in 1..KeySet::UNNAMED_MAX {
        unnamed = unnamed.and(&of(None)).unwrap();
    }
    assert_eq!(unnamed.and(&of(None)).unwrap_err().kind(), ErrorKind::Config);
    for kid in [String::new(), "x".repeat(513)] {
        assert_eq!(KeySet::from_secret(SECRET, Some(&kid)).unwrap_err().kind(), ErrorKind::Config);
    }
}

#[test]
fn nothing_shows_a_key() {
    let key = NewKey::hs256().unwrap();
    let secret = key.signing().trim();
    let (keys, signer) =
        (KeySet::from_secret(secret.as_bytes(), None), Signer::from_secret(secret.as_bytes(), None));
    let shown = format!("{key:?} {keys:?} {signer:?}");
    let as_numbers = format!("{:?}", &secret.as_bytes()[..4]);
    assert!(!shown.contains(secret) && !shown.contains(as_numbers.trim_matches(['[', ']'])), "{shown}");
}
