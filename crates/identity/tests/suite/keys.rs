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
fn a_key_of_a_pair_is_never_taken_for_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("the-key");
    let (ed, ec) = (pair(&NewKey::ed25519().unwrap()), pair(&NewKey::es256().unwrap()));
    let is_told = |text: &str| text.contains("a pair") || text.contains("of SSH or in DER");
    let ssh = format!("ssh-ed25519 AAAA{} bob", "x".repeat(64)).into_bytes();
    for pem in [&ed.0, &ed.1, &ec.0, &ec.1, &rsa().0, &rsa().1] {
        let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(lines.concat()).unwrap();
        for bytes in [
            lines.concat().into_bytes(),
            lines.join("\r\n").into_bytes(),
            der.clone(),
            pem.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            // With a comment that is not in UTF-8.
            [&b"# J\xfcrgen\n"[..], pem.as_bytes()].concat(),
            ssh.clone(),
        ] {
            fs::write(&path, &bytes).unwrap();
            let error = KeySet::from_file(&path, None).unwrap_err();
            assert!(error.kind() == ErrorKind::Config && is_told(&error.to_string()), "{error}");
            let error = Signer::from_secret(&bytes, None).unwrap_err();
            assert!(error.kind() == ErrorKind::Config && is_told(&error.to_string()), "{error}");
        }
        // As if its last bytes were the end of a line.
        assert!(KeySet::from_secret(&der[..der.len() - 2], None).is_err());
        assert!(KeySet::from_secret(pem.as_bytes(), None).is_err());
    }
    // A secret in letters that look like the beginning of such a key is one.
    let (base64, hex) = ("M".repeat(64), format!("06{}", "0".repeat(54)));
    for secret in ["MIIB is no key, and nobody can guess this", &base64, &hex] {
        assert!(KeySet::from_secret(secret.as_bytes(), None).is_ok(), "{secret}");
    }
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
