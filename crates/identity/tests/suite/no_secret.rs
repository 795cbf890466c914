//! Keys of a pair in all forms that people have, none of which is taken for a secret; and secrets,
//! of which all are.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, KeyPair as _, ParsedPublicKey, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use identity::{ErrorKind, KeySet, NewKey, Signer};
use proptest::prelude::*;

use crate::made::{pair, rsa};

/// Of RSA, 512 bits of nobody, as `openssl rsa -modulus` writes it.
const MODULUS: &str = "Modulus=C0FFEE00C0FFEE00C0FFEE00C0FFEE00C0FFEE00C0FFEE00C0FFEE00C0FFEE01\n";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn body(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

fn der(pem: &str) -> Vec<u8> {
    STANDARD.decode(body(pem)).unwrap()
}

/// A text that tells its bytes apart by something between them.
fn listed(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(between)
}

/// The blob of a public key for SSH: texts with their lengths before.
///
/// Source: RFC 4253, section 6.6.
fn ssh_blob(kind: &str) -> Vec<u8> {
    let mut blob = Vec::new();
    for part in [kind.as_bytes(), &[7; 32]] {
        blob.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        blob.extend(part);
    }
    blob
}

/// The bytes of DER in the encodings that tools write.
fn forms_of_der(der: &[u8]) -> Vec<Vec<u8>> {
    let (base64, hex) = (STANDARD.encode(der), hex(der));
    let pairs: Vec<&str> = hex.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap()).collect();
    let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    let texts = [
        base64.clone(),
        STANDARD_NO_PAD.encode(der),
        URL_SAFE.encode(der),
        URL_SAFE_NO_PAD.encode(der),
        format!("\"{base64}\""),
        format!("key: {base64}"),
        format!("the_key='{base64}'"),
        lines.join("\r\n"),
        lines.join("\\n"),
        format!("ab: |\n  {}", lines.join("\n  ")),
        STANDARD.encode(&base64),
        hex.clone(),
        hex.to_uppercase(),
        format!("0x{hex}"),
        format!("key:{hex}"),
        pairs.join(":"),
        pairs.join(" "),
        format!("{{0x{}}}", pairs.join(", 0x")),
        format!("\\x{}", pairs.join("\\x")),
        format!("[{}]", listed(der, ",")),
        STANDARD.encode(&hex),
    ];
    texts.into_iter().map(String::into_bytes).chain([der.to_vec()]).collect()
}

/// A PEM as a whole, in part, broken, and in other encodings.
fn forms_of_pem(pem: &str) -> Vec<Vec<u8>> {
    let lines: Vec<&str> = pem.lines().collect();
    let texts = [
        pem.to_owned(),
        pem.trim_end().to_owned(),
        lines[1..].join("\n"),
        lines[..lines.len() - 1].join("\n"),
        lines[1..lines.len() - 1].join("\n"),
        pem.replacen("-----BEGIN", "----BEGIN", 1),
        pem.replacen("-----BEGIN ", "-----BEGIN_", 1),
        pem.to_lowercase(),
        pem.replace('\n', "\\n"),
        pem.replace('\n', " "),
        pem.replace(' ', "%20").replace('\n', "%0A"),
        format!("\u{feff}{pem}"),
        STANDARD.encode(pem),
        URL_SAFE_NO_PAD.encode(pem),
        format!("verifying.pem: {}", STANDARD.encode(pem)),
        STANDARD.encode(STANDARD.encode(pem)),
        hex(pem.as_bytes()),
    ];
    let utf16: Vec<u8> = pem.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let in_base64 = STANDARD.encode(&utf16).into_bytes();
    texts.into_iter().map(String::into_bytes).chain([utf16, in_base64]).collect()
}

#[track_caller]
fn is_no_secret(bytes: &[u8]) {
    let shown = String::from_utf8_lossy(bytes);
    let taken = [KeySet::from_secret(bytes, None).map(drop), Signer::from_secret(bytes, None).map(drop)];
    for taken in taken {
        let error = taken.err().unwrap_or_else(|| panic!("it was taken for a secret: {shown}"));
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains("a pair"), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("the-key");
    std::fs::write(&path, bytes).unwrap();
    // A whole PEM is read as one, and then is no secret either.
    if let Ok(keys) = KeySet::from_file(&path, None) {
        assert!(!format!("{keys:?}").contains("Hs256"), "{shown}");
    }
}

#[test]
fn no_form_of_a_key_of_a_pair_is_a_secret() {
    let (ed, ec) = (pair(&NewKey::ed25519().unwrap()), pair(&NewKey::es256().unwrap()));
    let (rsa_private, rsa_public) = rsa();
    for pem in [&ed.0, &ed.1, &ec.0, &ec.1, rsa_private, rsa_public] {
        for form in forms_of_pem(pem).into_iter().chain(forms_of_der(&der(pem))) {
            is_no_secret(&form);
        }
    }
}

#[test]
fn a_key_without_an_identifier_is_no_secret_either() {
    let (private, _) = rsa();
    let key = RsaKeyPair::from_pkcs8(&der(private)).unwrap();
    // The library has the public half in PKCS #1; the private one is at the end of PKCS #8.
    let public = key.public_key().as_ref().to_vec();
    let pkcs8 = der(private);
    let inner = pkcs8[26..].to_vec();
    assert_eq!((public[0], inner[0]), (0x30, 0x30));
    // SEC 1 of a key of nobody, without its curve.
    let sec1 = [&[0x30, 0x6b, 0x02, 0x01, 0x01, 0x04, 0x20][..], &[9; 32], &[0xa1, 0x44], &[8; 68]].concat();
    for der in [public, inner, sec1] {
        for form in forms_of_der(&der) {
            is_no_secret(&form);
        }
    }
    // The point alone, not compressed.
    // A last byte that is the end of a line would be taken from a file.
    let mut made = std::iter::repeat_with(|| der(&pair(&NewKey::es256().unwrap()).1));
    let spki = made.find(|spki| spki.last() != Some(&b'\n')).unwrap();
    let point = &spki[spki.len() - 65..];
    assert!(ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).is_ok());
    for form in [point.to_vec(), STANDARD.encode(point).into_bytes(), hex(point).into_bytes()] {
        is_no_secret(&form);
    }
}

#[test]
fn a_key_for_ssh_and_a_certificate_are_no_secrets() {
    for kind in ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com"] {
        let (blob, text) = (ssh_blob(kind), STANDARD.encode(ssh_blob(kind)));
        for form in forms_of_der(&blob) {
            is_no_secret(&form);
        }
        for text in [
            format!("{kind} {text} bob@example.org\n"),
            format!("---- BEGIN SSH2 PUBLIC KEY ----\nComment: bob\n{text}\n---- END SSH2 PUBLIC KEY ----\n"),
            format!("from=\"10.0.0.0/8\" {kind} {text}"),
        ] {
            is_no_secret(text.as_bytes());
            is_no_secret(STANDARD.encode(&text).as_bytes());
        }
    }
    let certificate = "----BEGIN CERTIFICATE-----\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    let jwk = r#"{ "kty": "OKP", "crv": "Ed25519", "x": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }"#;
    for text in [certificate, jwk, MODULUS] {
        is_no_secret(text.as_bytes());
        is_no_secret(STANDARD.encode(text).as_bytes());
    }
}

#[test]
fn secrets_that_look_a_little_like_keys_are_secrets() {
    let (base64, hex) = ("M".repeat(64), format!("06{}", "0".repeat(54)));
    for secret in [
        "MIIB is no key, and nobody can guess this",
        "a password for ssh- and sk-logins at the beginning",
        "the key is under the mat, and the mat is public",
        &base64,
        &hex,
    ] {
        assert!(KeySet::from_secret(secret.as_bytes(), None).is_ok(), "{secret}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_secrets_are_secrets_in_each_encoding(bytes in prop::collection::vec(any::<u8>(), 32..100)) {
        for secret in [
            bytes.clone(),
            STANDARD.encode(&bytes).into_bytes(),
            URL_SAFE_NO_PAD.encode(&bytes).into_bytes(),
            hex(&bytes).into_bytes(),
            hex(&bytes).to_uppercase().into_bytes(),
        ] {
            prop_assert!(KeySet::from_secret(&secret, None).is_ok(), "{:?}", secret);
            prop_assert!(Signer::from_secret(&secret, None).is_ok(), "{:?}", secret);
        }
    }
}
