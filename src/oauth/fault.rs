//! Why a token stays out.

/// The exact reason why a token is refused. It is for tests and for the operator, not for the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenFault {
    /// `alg` is not an allowed one.
    AlgorithmNotAllowed,
    /// `aud` does not hold an audience of this server.
    AudienceWrong,
    /// `cnf` binds the token to something else than one key (RFC 7800, section 3.1).
    BindingNotSupported,
    /// The token is bound to a key, and was sent without a proof of it (RFC 9449, section 7.2).
    BoundButSentAsBearer,
    /// The claims are not a JSON object of the expected types.
    ClaimsMalformed,
    /// Neither `client_id` nor `azp` names a client.
    ClientMissing,
    /// `crit` or `b64` ask for an extension (RFC 7515, section 4.1.11; RFC 7797).
    ExtensionNotSupported,
    /// `exp` is past.
    Expired,
    /// There is no `exp`.
    ExpiryMissing,
    /// `iat` is in the future.
    IssuedInTheFuture,
    /// There is no `iat`.
    IssueTimeMissing,
    /// `iss` is not the configured issuer.
    IssuerWrong,
    /// The key that the token names is one for another algorithm.
    KeyNotForAlgorithm,
    /// The issuer has no such key.
    KeyUnknown,
    /// Not three base64url segments, or a header that is no JSON object.
    NotAJwt,
    /// The token is bound to no key, and was sent as if it were, or bound tokens are required.
    NotBound,
    /// `nbf` is in the future.
    NotYetValid,
    /// The organization is not among the allowed ones, or there is none.
    OrganizationNotAllowed,
    /// A claim that every token of the issuer has is not there, or has another value.
    RequiredClaimWrong,
    /// The signature does not match.
    SignatureWrong,
    /// There is no `sub`.
    SubjectMissing,
    /// Times that no clock shows, or an end before the beginning.
    TimesAbsurd,
    /// Larger than any access token.
    TooLarge,
    /// `typ` says that this is another kind of token (RFC 9068, section 4).
    TypeNotAllowed,
}
