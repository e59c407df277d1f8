//! Every reason there is for a decision. The codes are stable: operators count them and set alarms on them.

use crate::{
    auth0::Decision,
    connect::Ending,
    http::AdmissionRefused,
    oauth::{Refusal, TokenFault},
};

/// Why a request was let in or kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The token is good.
    Admitted,
    /// How connecting an account ended.
    Connect(Ending),
    /// The request was sent to another host name.
    HostNotAllowed,
    /// A page of this origin may not use the server.
    OriginNotAllowed,
    /// What was found about a tool.
    Permission(Decision),
    /// What was wrong with the token, or with asking for its keys.
    Refused(Refusal),
}

impl From<AdmissionRefused> for Reason {
    fn from(refused: AdmissionRefused) -> Self {
        match refused {
            AdmissionRefused::Host => Self::HostNotAllowed,
            AdmissionRefused::Origin => Self::OriginNotAllowed,
        }
    }
}

impl Reason {
    /// `allowed`, `denied` (the caller is at fault), or `failed` (we are, or the tenant: trying again may help).
    #[must_use]
    pub fn outcome(self) -> &'static str {
        match self {
            Self::Admitted
            | Self::Permission(Decision::Allowed)
            | Self::Connect(Ending::Connected) => "allowed",
            Self::Permission(Decision::NotATenantUser | Decision::Undecided)
            | Self::Refused(Refusal::IssuerUnavailable)
            | Self::Connect(Ending::Refused | Ending::Unavailable) => "failed",
            _ => "denied",
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Connect(ending) => connect_code(ending),
            Self::HostNotAllowed => "host_not_allowed",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::Permission(Decision::Allowed) => "tool_allowed",
            Self::Permission(Decision::LacksPermission) => "tool_permission_missing",
            Self::Permission(Decision::NotATenantUser) => "tool_permission_of_other_issuer",
            Self::Permission(Decision::Undecided) => "tool_permission_unknown",
            Self::Refused(Refusal::IssuerUnavailable) => "issuer_unavailable",
            Self::Refused(Refusal::MalformedAuthorization) => "authorization_malformed",
            Self::Refused(Refusal::NoToken) => "token_missing",
            Self::Refused(Refusal::Token(fault)) => token_code(fault),
        }
    }
}

fn connect_code(ending: Ending) -> &'static str {
    match ending {
        Ending::Connected => "account_connected",
        Ending::Conflict => "connect_account_taken",
        Ending::Declined => "connect_declined",
        Ending::LinkTooOld => "connect_link_too_old",
        Ending::LinkWrong => "connect_link_wrong",
        Ending::Mismatch => "connect_answer_wrong",
        Ending::NotBegun => "connect_not_begun",
        Ending::NotSignedIn => "connect_not_signed_in",
        Ending::OtherUser => "connect_other_user",
        Ending::Refused => "connect_refused",
        Ending::TooSlow => "connect_too_slow",
        Ending::Unavailable => "connect_unavailable",
    }
}

fn token_code(fault: TokenFault) -> &'static str {
    match fault {
        TokenFault::AlgorithmNotAllowed => "token_algorithm_not_allowed",
        TokenFault::AudienceWrong => "token_audience_wrong",
        TokenFault::ClaimsMalformed => "token_claims_malformed",
        TokenFault::ClientMissing => "token_client_missing",
        TokenFault::Expired => "token_expired",
        TokenFault::ExpiryMissing => "token_expiry_missing",
        TokenFault::ExtensionNotSupported => "token_extension_not_supported",
        TokenFault::IssuedInTheFuture => "token_issued_in_the_future",
        TokenFault::IssueTimeMissing => "token_issue_time_missing",
        TokenFault::IssuerWrong => "token_issuer_wrong",
        TokenFault::KeyNotForAlgorithm => "token_key_not_for_algorithm",
        TokenFault::KeyUnknown => "token_key_unknown",
        TokenFault::NotAJwt => "token_not_a_jwt",
        TokenFault::NotYetValid => "token_not_yet_valid",
        TokenFault::OrganizationNotAllowed => "token_organization_not_allowed",
        TokenFault::RequiredClaimWrong => "token_required_claim_wrong",
        TokenFault::SignatureWrong => "token_signature_wrong",
        TokenFault::SubjectMissing => "token_subject_missing",
        TokenFault::TimesAbsurd => "token_times_absurd",
        TokenFault::TooLarge => "token_too_large",
        TokenFault::TypeNotAllowed => "token_type_not_allowed",
    }
}
