//! The answer to a client without a valid token, or with too few scopes (RFC 6750, section 3; RFC
//! 9728, section 5.1). An [`AuthenticationError`] holds the exact reason; its answer is coarse on
//! purpose.

use doorward_core::{
    scope::{self, Scope},
    web::Answer,
};
use http::{HeaderMap, StatusCode, header};

use crate::{
    AuthenticationError, DpopPolicy, ProofError, ResourceServerSettings, Scheme, TokenError,
    metadata::proof_algorithms,
};

/// The parameters of a `WWW-Authenticate` header.
#[derive(Clone, Copy, Debug)]
struct Challenge<'a> {
    /// How the token must be sent.
    scheme: Scheme,
    /// `error`; `None` if no token was sent.
    error: Option<&'a str>,
    /// `error_description`.
    description: Option<&'a str>,
    /// The scopes to ask for.
    scopes: &'a [Scope],
    /// The URL of the protected resource metadata.
    metadata_url: &'a str,
}

impl AuthenticationError {
    /// A line for the operator's log, if a setting of the tenant is the likely cause.
    #[must_use]
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::Token(error) => hint(error),
            _ => None,
        }
    }

    /// The answer to a request with these headers. Its body is for people: clients show `message`,
    /// and some only sign in if they find the word *Unauthorized*.
    #[must_use]
    pub fn answer(self, settings: &ResourceServerSettings, headers: &HeaderMap) -> Answer {
        let (status, error, description) = match self {
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "Send an access token in the Authorization header.",
            ),
            Self::MalformedAuthorization => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "The Authorization header must be `Bearer` or `DPoP`, a space and one access token.",
            ),
            Self::Token(TokenError::Expired) => (
                StatusCode::UNAUTHORIZED,
                "token_expired",
                "The access token has expired. Refresh it or sign in again.",
            ),
            // To sign in again would bring the same token again.
            Self::Token(TokenError::TooLarge) => {
                return Answer::rpc_error(
                    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                    "token_too_large",
                    "The access token is too large for this server. Tell its operator.",
                );
            }
            Self::Token(error) => {
                (StatusCode::UNAUTHORIZED, "invalid_token", describe_token(error))
            }
            Self::Proof(error) => {
                (StatusCode::UNAUTHORIZED, proof_error(error), describe_proof(error))
            }
            Self::IntrospectionUnavailable | Self::IssuerUnavailable => {
                return unavailable(
                    "Access tokens cannot be verified just now. Try again in a moment.",
                );
            }
            Self::ReplayUnknown => {
                return unavailable(
                    "DPoP proofs cannot be verified just now. Try again in a moment, with a new one.",
                );
            }
            Self::TooManyFailures(retry_after) => {
                return Answer::error(
                    StatusCode::TOO_MANY_REQUESTS,
                    "too_many_requests",
                    "Too many invalid access tokens were sent from your network. Try again in a moment.",
                )
                .with(header::RETRY_AFTER, &retry_after.to_string());
            }
            Self::RevocationUnknown | Self::UserStateUnknown => {
                return unavailable("Access cannot be checked just now. Try again in a moment.");
            }
        };
        let needs_proof = match self {
            Self::Proof(_) | Self::Token(TokenError::BoundButSentAsBearer) => true,
            _ => settings.dpop == DpopPolicy::Required,
        };
        let resource = &settings.resource;
        let mut scopes = settings.spelled_scopes();
        if resource.offers_offline_access && is_legacy(headers) {
            scopes.push(OFFLINE_ACCESS);
        }
        let challenge = Challenge {
            scheme: if needs_proof { Scheme::Dpop } else { Scheme::from_headers(headers) },
            // `token_expired` is not among the registered codes of RFC 6750.
            error: match self {
                Self::NoToken => None,
                Self::MalformedAuthorization => Some("invalid_request"),
                Self::Proof(error) => Some(proof_error(error)),
                _ => Some("invalid_token"),
            },
            description: (self != Self::NoToken).then_some(description),
            scopes: &scopes,
            metadata_url: resource.named(headers).1,
        };
        let message = match status {
            StatusCode::UNAUTHORIZED => &format!("Unauthorized. {description}"),
            _ => description,
        };
        Answer::rpc_error(status, error, message)
            .with(header::WWW_AUTHENTICATE, &challenge.header())
    }
}

/// A scope of the authorization server, which lets a client refresh its token.
const OFFLINE_ACCESS: Scope = Scope::from_static("offline_access");

/// Whether a request is of a revision before 2026-07-28. No body was read yet, but every modern
/// client says its revision in this header.
fn is_legacy(headers: &HeaderMap) -> bool {
    headers.get("mcp-protocol-version").is_none_or(|version| version < "2026")
}

fn unavailable(message: &str) -> Answer {
    Answer::rpc_error(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", message)
        .with(header::RETRY_AFTER, "5")
}

/// The challenge for a caller whose token lacks scopes: all `needed` ones, so that one more consent
/// is enough. The answer is 403.
///
/// `granted` are the scopes of the token that belong in the challenge too. Legacy clients ask for
/// exactly the scopes in the challenge, and would lose all others. Both are spelled as the caller's
/// issuer spells them.
///
/// A permission that the user does not hold does not belong here: no consent can help.
#[must_use]
pub fn scope_challenge(
    settings: &ResourceServerSettings,
    headers: &HeaderMap,
    needed: &[Scope],
    granted: &[Scope],
) -> String {
    let description = scope::missing_scopes(needed);
    let mut scopes = needed.to_vec();
    for scope in granted {
        if !scopes.contains(scope) {
            scopes.push(scope.clone());
        }
    }
    let challenge = Challenge {
        scheme: match settings.dpop {
            DpopPolicy::Optional => Scheme::Bearer,
            DpopPolicy::Required => Scheme::Dpop,
        },
        error: Some("insufficient_scope"),
        description: Some(&description),
        scopes: &scopes,
        metadata_url: settings.resource.named(headers).1,
    };
    challenge.header()
}

impl Challenge<'_> {
    /// The header's value: one challenge with quoted parameters.
    fn header(&self) -> String {
        let mut value = format!("{} ", self.scheme.as_str());
        let mut parameter = |name: &str, text: &str| {
            if !value.ends_with(' ') {
                value.push_str(", ");
            }
            value.push_str(name);
            value.push_str("=\"");
            for character in text.chars() {
                if matches!(character, '"' | '\\') {
                    value.push('\\');
                }
                value.push(character);
            }
            value.push('"');
        };
        if let Some(error) = self.error {
            parameter("error", error);
        }
        if let Some(description) = self.description {
            parameter("error_description", description);
        }
        if self.scheme == Scheme::Dpop {
            parameter("algs", &proof_algorithms().join(" "));
        }
        if !self.scopes.is_empty() {
            parameter("scope", &scope::join(self.scopes));
        }
        parameter("resource_metadata", self.metadata_url);
        value
    }
}

/// What the sender of an invalid token may know: nothing about what comes before the signature.
fn describe_token(error: TokenError) -> &'static str {
    match error {
        TokenError::AudienceWrong => "The access token was issued for another API.",
        TokenError::IssuedInTheFuture | TokenError::NotYetValid => {
            "The access token is not valid yet."
        }
        TokenError::CutOff | TokenError::UserBlocked => {
            "The access token was revoked. Sign in again."
        }
        TokenError::TooOld => "The access token is too old. Sign in again.",
        TokenError::OrganizationNotAllowed => {
            "Sign in to an organization that may use this server."
        }
        TokenError::BindingNotSupported => {
            "The access token is bound in a way that this server does not support."
        }
        TokenError::BoundButSentAsBearer => {
            "The access token is bound to a key. Send it with the DPoP scheme and a proof."
        }
        TokenError::NotAJwt => {
            "The access token is opaque or encrypted. Ask for one for this server, with the parameter \
             `resource`."
        }
        TokenError::NotBound => "The access token is not bound to a key (DPoP).",
        _ => "The access token is not valid for this server.",
    }
}

/// What the operator can do about an error that many tokens of a tenant have. Only errors found
/// before the signature check have a hint, so that the time of a refusal reveals nothing about the
/// claims. `docs/audit.md` says what to do about the others.
fn hint(error: TokenError) -> Option<&'static str> {
    Some(match error {
        TokenError::AlgorithmNotAllowed => {
            "a token is signed with an algorithm that `token_algorithms` does not name"
        }
        TokenError::IssuerWrong => {
            "a token is from another issuer: is `auth0_domain` the domain at which clients sign in? \
             `issuers` can name more"
        }
        TokenError::NotAJwt => {
            "a token is opaque or encrypted: its client sent no `audience` or `resource`. Is the Resource \
             Parameter Compatibility Profile on, and no token encryption set for the API?"
        }
        TokenError::TooLarge => {
            "a token is too large: does an Action put more into access tokens than it has to?"
        }
        _ => return None,
    })
}

/// The error code of an invalid proof (RFC 9449, sections 7.1 and 9).
fn proof_error(error: ProofError) -> &'static str {
    match error {
        ProofError::NonceMissing | ProofError::NonceWrong => "use_dpop_nonce",
        // The sender of a proof that is valid by itself has another key than the token.
        ProofError::KeyWrong => "invalid_token",
        _ => "invalid_dpop_proof",
    }
}

/// What the sender of an invalid proof may know. Its token is valid, so this only tells how to make
/// a better proof.
fn describe_proof(error: ProofError) -> &'static str {
    match error {
        ProofError::Missing | ProofError::Repeated => "Send one DPoP header with one proof in it.",
        ProofError::MethodWrong | ProofError::UrlWrong => {
            "The DPoP proof is for another method or URL."
        }
        ProofError::NonceMissing | ProofError::NonceWrong => {
            "Make a new DPoP proof, with the nonce from the header DPoP-Nonce in it."
        }
        ProofError::TimeWrong => {
            "The time of the DPoP proof is too far from this server's. Check the clock and make a new proof."
        }
        ProofError::Replayed => "The DPoP proof was used before. Make a new one for every request.",
        ProofError::KeyWrong | ProofError::TokenHashWrong => {
            "The DPoP proof does not belong to the access token."
        }
        _ => "The DPoP proof is not valid.",
    }
}

#[cfg(test)]
mod tests;
