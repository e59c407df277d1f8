use doorward_core::testing::{FakeAnswer, FakeHost, finish};
use serde_json::{Value, json};

use super::*;
use crate::{testing::Instance, token_endpoint::request_token};

const TOKENS: &str = "POST https://tenant.example.com/oauth/token";

const NOT_FOUND: &str = "federated_connection_refresh_token_not_found";
const FLOW_FAILED: &str = "federated_connection_refresh_token_flow_failed";

/// The error of the token endpoint on this host.
fn error(host: &FakeHost) -> TokenEndpointError {
    let instance = Instance::new(host);
    let (tenant, client) = (instance.tenant(host), &instance.settings.client);
    finish(request_token(tenant.outbound(), tenant.issuer(), client.as_ref(), &[])).unwrap_err()
}

/// What a response of the token endpoint means, and what the log says about it.
fn meaning(answer: FakeAnswer, is_connection: bool) -> (ExchangeError, String) {
    let host = FakeHost::new();
    host.answers_with(TOKENS, answer);
    let error = error(&host);
    (ExchangeError::new(&error, is_connection), error.to_string())
}

fn refused(status: u16, code: &str, description: &str) -> FakeAnswer {
    let body = json!({ "error": code, "error_description": description });
    Ok((status, body.to_string().into_bytes()))
}

fn now() -> u64 {
    FakeHost::new().now.get()
}

#[test]
fn every_code_of_the_vault_has_one_meaning() {
    use ExchangeError::{CallerTokenRefused, NotConnected, ReconnectNeeded, Unreachable};
    let operator = ExchangeError::Misconfigured;
    let limited = ExchangeError::RateLimited(60);
    for (status, code, description, expected) in [
        (401, NOT_FOUND, "Federated connection Refresh Token not found.", NotConnected),
        (
            401,
            FLOW_FAILED,
            "Refresh Token flow for the Federated Connection failed",
            ReconnectNeeded,
        ),
        (401, "invalid_request", "No identity found", NotConnected),
        (401, "not_known_yet", "", NotConnected),
        (401, "invalid_grant", "", CallerTokenRefused),
        (403, "invalid_grant", "", CallerTokenRefused),
        (401, "expired_token", "", CallerTokenRefused),
        (401, "invalid_client", "", operator(Misconfiguration::ClientRefused)),
        (403, "unauthorized_client", "", operator(Misconfiguration::ClientNotAllowed)),
        (403, "unsupported_grant_type", "", operator(Misconfiguration::ClientNotAllowed)),
        (403, "access_denied", "", operator(Misconfiguration::AccessDenied)),
        (403, "access_denied", "Global limit has been reached", limited.clone()),
        (403, "access_denied", "Service not found: x", operator(Misconfiguration::AudienceUnknown)),
        (
            403,
            "mfa_required",
            "Multifactor authentication required",
            operator(Misconfiguration::MfaRequired),
        ),
        (429, "access_denied", "Global limit has been reached", limited.clone()),
        (429, "too_many_requests", "", limited.clone()),
        (429, "", "", limited),
        (400, "invalid_request", "", operator(Misconfiguration::RequestRefused)),
        (400, "invalid_scope", "", operator(Misconfiguration::ScopeRefused)),
        (
            400,
            "invalid_request",
            "Delegation chain (`act` claim) depth exceeds the maximum allowed limit of 4",
            operator(Misconfiguration::DelegationTooDeep),
        ),
        (500, "server_error", "", Unreachable),
        (503, "temporarily_unavailable", "", Unreachable),
        (503, "access_denied", "", Unreachable),
    ] {
        let (error, logged) = meaning(refused(status, code, description), true);
        assert_eq!(error, expected, "{status} {code} {description}");
        let code = if code.is_empty() { "?" } else { code };
        assert_eq!(logged, format!("refused with {status} `{code}`"), "no description is quoted");
    }
}

#[test]
fn a_bare_401_is_about_an_account_only_in_a_connection_exchange() {
    let (error, _) = meaning(refused(401, "invalid_request", ""), false);
    assert_eq!(error, ExchangeError::Misconfigured(Misconfiguration::RequestRefused));
}

#[test]
fn no_usable_answer_is_unreachable_unless_the_operator_can_mend_it() {
    for answer in [
        Err(HttpError::TimedOut),
        Err(HttpError::Unreachable),
        Err(HttpError::TooLarge),
        Ok((502, b"<html>".to_vec())),
        Ok((403, b"<html>".to_vec())),
        Ok((200, b"{}".to_vec())),
        Ok((200, br#"{"access_token":"a b","expires_in":60}"#.to_vec())),
        Ok((401, br#"{"error":"<script>"}"#.to_vec())),
        Ok((302, Vec::new())),
    ] {
        assert_eq!(meaning(answer.clone(), true).0, ExchangeError::Unreachable, "{answer:?}");
    }
    let (error, _) = meaning(Err(HttpError::HostNotAllowed), true);
    assert_eq!(error, ExchangeError::Misconfigured(Misconfiguration::HostNotAllowed));
}

#[test]
fn a_rate_limit_says_how_long_it_lasts() {
    let wait = |name: &str, value: &str| {
        let host = FakeHost::new();
        host.header(name, value);
        host.answers(TOKENS, 429, &Value::Null);
        match ExchangeError::new(&error(&host), true) {
            ExchangeError::RateLimited(seconds) => seconds,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wait("retry-after", "7"), 7);
    assert_eq!(wait("x-ratelimit-reset", &(now() + 9).to_string()), 9);
    assert_eq!(wait("x-ratelimit-reset", "1"), 60, "a time in the past");
    assert_eq!(wait("retry-after", "Fri, 31 Dec 2027 23:59:59 GMT"), 60);
    assert_eq!(wait("retry-after", "99999999999"), 3600);
}

#[test]
fn the_person_reads_what_to_do_and_the_operator_what_is_wrong() {
    use ExchangeError::*;
    for (error, text, log) in [
        (
            NotConnected,
            "No Google account is connected. Connect your Google account, then retry.",
            "the user has not connected an account",
        ),
        (
            ReconnectNeeded,
            "Google no longer accepts the connection. Connect your Google account again, then retry.",
            "the third party no longer accepts the connection",
        ),
        (
            ScopeMissing(vec!["calendar".to_owned()]),
            "The connected Google account does not allow this; it lacks calendar. Connect your Google account again and \
             allow it, then retry.",
            "the account lacks calendar",
        ),
        (
            CallerTokenRefused,
            "Your sign-in has ended. Sign in again, then retry.",
            "the tenant no longer accepts the caller's token",
        ),
        (
            NotATenantUser,
            "Google can be reached for users of the server's own tenant only. Sign in there, then retry.",
            "another issuer vouches for the caller",
        ),
        (
            RateLimited(7),
            "There are too many requests just now. Try again in 7 seconds.",
            "the tenant's rate limit is used up",
        ),
        (
            Unreachable,
            "The connection to Google cannot be used just now. Try again in a moment.",
            "the tenant gave no usable answer",
        ),
    ] {
        assert_eq!((error.message("Google").as_str(), error.to_string().as_str()), (text, log));
    }
    for (misconfiguration, log) in [
        (
            Misconfiguration::AccessDenied,
            "the tenant denies it: the client must be a first-party application",
        ),
        (Misconfiguration::AudienceUnknown, "the tenant has no API with this audience"),
        (Misconfiguration::ClientNotAllowed, "turn on the grant (Token Vault or token exchange)"),
        (Misconfiguration::ClientRefused, "`auth0_client_id`, `auth0_client_secret` or"),
        (Misconfiguration::DelegationTooDeep, "four actors already act for the user"),
        (Misconfiguration::HostNotAllowed, "the tenant's host is not among"),
        (Misconfiguration::MfaRequired, "the tenant always requires a second factor"),
        (Misconfiguration::RequestRefused, "the tenant does not accept the request"),
        (Misconfiguration::ScopeRefused, "the client may not request one of the scopes"),
    ] {
        let error = Misconfigured(misconfiguration);
        assert_eq!(
            error.message("Google"),
            "The server is not set up to reach Google. Its operator finds the reason in the server's log."
        );
        assert!(error.to_string().starts_with(log), "{error}");
    }
}
