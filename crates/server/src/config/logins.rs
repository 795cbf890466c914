//! How users and services log in: by tokens, or by a proxy that knows who they are.

use std::path::PathBuf;

use http::HeaderName;
use tidings::identity::{Grants, KeySet};

use super::jwks_address::{JwksAddress, jwks_address};
use super::setting::{self, Setting};
use super::values::SettingsReader;
use super::{rights, value};

/// How long a text that a token or a request has to repeat may be, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// Claims that mean something else to every token.
const TAKEN_CLAIMS: [&str; 7] = ["exp", "nbf", "iat", "iss", "aud", "jti", "scope"];

/// Headers that say something else in every request.
const TAKEN_HEADERS: [&str; 10] = [
    "authorization",
    "cookie",
    "host",
    "origin",
    "forwarded",
    "x-forwarded-for",
    "connection",
    "upgrade",
    "content-length",
    "transfer-encoding",
];

/// How users and services log in.
#[derive(Debug, Clone)]
pub(crate) struct Logins {
    /// Files with the keys that tokens are verified with.
    pub(crate) keys: Vec<PathBuf>,
    /// Where more keys are, which change.
    pub(crate) jwks: Option<JwksAddress>,
    /// For whom tokens have to be.
    pub(crate) audience: Option<String>,
    /// From whom tokens have to be.
    pub(crate) issuer: Option<String>,
    /// The claim with the id of the user.
    pub(crate) user_claim: String,
    /// The claim with the rights in channels.
    pub(crate) rights_claim: String,
    /// The cookie in which browsers have their token.
    pub(crate) cookie: Option<String>,
    /// Whether a token may stand in a query.
    pub(crate) in_query: bool,
    /// The rights of those whose token has none.
    pub(crate) default_rights: Grants,
    /// The header in which trusted proxies name the user.
    pub(crate) user_header: Option<HeaderName>,
}

impl Logins {
    /// Whether anybody has to log in.
    pub(crate) fn are_configured(&self) -> bool {
        self.have_tokens() || self.user_header.is_some()
    }

    /// Whether there are keys for tokens.
    pub(crate) fn have_tokens(&self) -> bool {
        !self.keys.is_empty() || self.jwks.is_some()
    }

    pub(super) fn read(reader: &mut SettingsReader<'_>) -> Self {
        Self {
            keys: reader.take(&setting::TOKEN_KEYS, key_files),
            jwks: reader.take(&setting::TOKEN_JWKS, value::optional(jwks_address)),
            audience: reader.take(&setting::TOKEN_AUDIENCE, value::optional(plain_text)),
            issuer: reader.take(&setting::TOKEN_ISSUER, value::optional(plain_text)),
            user_claim: reader.take(&setting::TOKEN_USER_CLAIM, claim),
            rights_claim: reader.take(&setting::TOKEN_RIGHTS_CLAIM, claim),
            cookie: reader.take(&setting::TOKEN_COOKIE, value::optional(cookie)),
            in_query: reader.take(&setting::TOKEN_IN_QUERY, value::switch),
            default_rights: reader.take(&setting::DEFAULT_RIGHTS, rights::of_everybody),
            user_header: reader.take(&setting::USER_HEADER, value::optional(user_header)),
        }
    }

    /// Whether logins were meant: what is wrong with a key is said once, and not by its
    /// consequences.
    pub(super) fn are_meant(reader: &SettingsReader<'_>) -> bool {
        Self::tokens_are_meant(reader) || reader.is_given(&setting::USER_HEADER)
    }

    fn tokens_are_meant(reader: &SettingsReader<'_>) -> bool {
        reader.is_given(&setting::TOKEN_KEYS) || reader.is_given(&setting::TOKEN_JWKS)
    }

    /// Checks what no single value can tell.
    pub(super) fn check(&self, reader: &mut SettingsReader<'_>) {
        if self.jwks.is_some() && !reader.is_given(&setting::TOKEN_AUDIENCE) {
            reader.problem(
                &setting::TOKEN_JWKS,
                "needs --token-audience, as whoever has these keys makes tokens for others, too; give the \
                 audience that yours have",
            );
        }
        if self.user_header.is_some() && !reader.is_given(&setting::TRUSTED_PROXIES) {
            reader.problem(
                &setting::USER_HEADER,
                "needs --trusted-proxies, or anybody could send that header; give the addresses of your proxies",
            );
        }
        if self.user_claim == self.rights_claim {
            reader.problem(
                &setting::TOKEN_RIGHTS_CLAIM,
                "is also the claim of the user; give two different claims",
            );
        }
        self.check_unused(reader);
    }

    /// Names settings that say something about logins where there are none.
    fn check_unused(&self, reader: &mut SettingsReader<'_>) {
        const OF_TOKENS: [&Setting; 5] = [
            &setting::TOKEN_AUDIENCE,
            &setting::TOKEN_ISSUER,
            &setting::TOKEN_USER_CLAIM,
            &setting::TOKEN_RIGHTS_CLAIM,
            &setting::TOKEN_COOKIE,
        ];
        if !Self::tokens_are_meant(reader) {
            let in_query = self.in_query.then_some(&setting::TOKEN_IN_QUERY);
            for key in OF_TOKENS.into_iter().chain(in_query) {
                if reader.is_given(key) {
                    reader.problem(
                        key,
                        "has no effect without --token-keys or --token-jwks; add one of them, or leave this out",
                    );
                }
            }
        }
        if !Self::are_meant(reader) {
            for key in [&setting::DEFAULT_RIGHTS, &setting::LOGIN_URL] {
                if reader.is_given(key) {
                    reader.problem(
                        key,
                        "has no effect without logins; add --token-keys, --token-jwks or --user-header, or leave \
                         this out",
                    );
                }
            }
        }
    }
}

/// Files with commas between them. None of them names its key, and of such keys few are allowed.
fn key_files(text: &str) -> Result<Vec<PathBuf>, String> {
    let files = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let files: Vec<PathBuf> = files.map(PathBuf::from).collect();
    let most = KeySet::UNNAMED_MAX;
    if files.len() > most {
        return Err(format!(
            "names {} files; give at most {most}, or a key set with names by --token-jwks",
            files.len()
        ));
    }
    Ok(files)
}

fn plain_text(text: &str) -> Result<String, String> {
    if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
        return Err(format!("is not 1 to {TEXT_BYTES_MAX} bytes without control characters"));
    }
    Ok(text.to_owned())
}

fn claim(text: &str) -> Result<String, String> {
    if text.is_empty() || TAKEN_CLAIMS.contains(&text) {
        return Err(format!("is not a claim of its own; give any but {}", TAKEN_CLAIMS.join(", ")));
    }
    plain_text(text)
}

/// The name of a cookie. Source: RFC 6265, section 4.1.1.
fn cookie(text: &str) -> Result<String, String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.len() > TEXT_BYTES_MAX || !text.bytes().all(is_token) {
        return Err("is not the name of a cookie; give letters, digits and signs like - and _, as in \
             __Host-token"
            .to_owned());
    }
    Ok(text.to_owned())
}

fn user_header(text: &str) -> Result<HeaderName, String> {
    let name = text.parse::<HeaderName>().map_err(|_| {
        "is not the name of a header; give letters, digits and signs like -, as in x-remote-user".to_owned()
    })?;
    if TAKEN_HEADERS.contains(&name.as_str()) {
        return Err("is a header that says something else; give one like x-remote-user".to_owned());
    }
    Ok(name)
}
