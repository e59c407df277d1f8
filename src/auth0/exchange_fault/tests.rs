use serde_json::{Value, json};

use super::{super::token_endpoint::request_token, *};
use crate::{
    config::Config,
    testing::{FakeAnswer, FakeHost, finish},
};

const NOT_FOUND: &str = "federated_connection_refresh_token_not_found";
const FLOW_FAILED: &str = "federated_connection_refresh_token_flow_failed";

/// What an answer of the token endpoint comes to, and what the log says about it.
fn meaning(answer: FakeAnswer, is_connection: bool) -> (ExchangeFault, String) {
    let host = FakeHost::new();
    host.answers_with("POST https://tenant.example.com/oauth/token", answer);
    let config = finish(Config::load(&host)).unwrap();
    let fault = finish(request_token(&host, &config.issuer, &config.client, &[])).unwrap_err();
    (ExchangeFault::of(&fault, is_connection), fault.to_string())
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
    use ExchangeFault::{CallerTokenRefused, NotConnected, ReconnectNeeded, Unreachable};
    let mistake = ExchangeFault::OperatorMistake;
    let limited = ExchangeFault::RateLimited { until: now() + 60 };
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
        (401, "invalid_client", "", mistake(Mistake::ClientRefused)),
        (403, "unauthorized_client", "", mistake(Mistake::ClientNotAllowed)),
        (403, "unsupported_grant_type", "", mistake(Mistake::ClientNotAllowed)),
        (403, "access_denied", "", mistake(Mistake::AccessDenied)),
        (403, "access_denied", "Global limit has been reached", limited.clone()),
        (403, "access_denied", "Service not found: x", mistake(Mistake::AudienceUnknown)),
        (403, "mfa_required", "Multifactor authentication required", mistake(Mistake::MfaRequired)),
        (429, "access_denied", "Global limit has been reached", limited.clone()),
        (429, "too_many_requests", "", limited.clone()),
        (429, "", "", limited),
        (400, "invalid_request", "", mistake(Mistake::RequestRefused)),
        (400, "invalid_scope", "", mistake(Mistake::ScopeRefused)),
        (
            400,
            "invalid_request",
            "Delegation chain (`act` claim) depth exceeds the maximum allowed limit of 4",
            mistake(Mistake::DelegationTooDeep),
        ),
        (500, "server_error", "", Unreachable),
        (503, "temporarily_unavailable", "", Unreachable),
        (503, "access_denied", "", Unreachable),
    ] {
        let (fault, logged) = meaning(refused(status, code, description), true);
        assert_eq!(fault, expected, "{status} {code} {description}");
        let code = if code.is_empty() { "?" } else { code };
        assert_eq!(logged, format!("refused with {status} `{code}`"), "no description is quoted");
    }
}

#[test]
fn a_401_that_says_nothing_else_means_an_account_only_where_there_is_a_connection() {
    let (fault, _) = meaning(refused(401, "invalid_request", ""), false);
    assert_eq!(fault, ExchangeFault::OperatorMistake(Mistake::RequestRefused));
}

#[test]
fn what_is_no_answer_is_unreachable_unless_the_operator_is_behind_it() {
    for answer in [
        Err(HttpFailure::TimedOut),
        Err(HttpFailure::Unreachable),
        Err(HttpFailure::TooLarge),
        Ok((502, b"<html>".to_vec())),
        Ok((403, b"<html>".to_vec())),
        Ok((200, b"{}".to_vec())),
        Ok((200, br#"{"access_token":"a b","expires_in":60}"#.to_vec())),
        Ok((401, br#"{"error":"<script>"}"#.to_vec())),
        Ok((302, Vec::new())),
    ] {
        assert_eq!(meaning(answer.clone(), true).0, ExchangeFault::Unreachable, "{answer:?}");
    }
    let (fault, _) = meaning(Err(HttpFailure::HostNotAllowed), true);
    assert_eq!(fault, ExchangeFault::OperatorMistake(Mistake::HostNotAllowed));
}

#[test]
fn a_limit_says_until_when() {
    let until = |name: &str, value: &str| {
        let host = FakeHost::new();
        host.header(name, value);
        host.answers("POST https://tenant.example.com/oauth/token", 429, &Value::Null);
        let config = finish(Config::load(&host)).unwrap();
        let fault = finish(request_token(&host, &config.issuer, &config.client, &[])).unwrap_err();
        match ExchangeFault::of(&fault, true) {
            ExchangeFault::RateLimited { until } => until - now(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(until("retry-after", "7"), 7);
    assert_eq!(until("x-ratelimit-reset", &(now() + 9).to_string()), 9);
    assert_eq!(until("x-ratelimit-reset", "1"), 60, "a time that is over");
    assert_eq!(until("retry-after", "Fri, 31 Dec 2027 23:59:59 GMT"), 60);
    assert_eq!(until("retry-after", "99999999999"), 3600);
}

#[test]
fn the_person_reads_what_to_do_and_the_operator_what_is_wrong() {
    use ExchangeFault::*;
    for (fault, text, log) in [
        (
            NotConnected,
            "No Google account is connected. Connect your Google account, then retry.",
            "the user has connected no account",
        ),
        (
            ReconnectNeeded,
            "Google no longer accepts the connection. Connect your Google account again, then retry.",
            "the third party no longer honours the connection",
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
            RateLimited { until: 107 },
            "There are too many requests just now. Try again in 7 seconds.",
            "the tenant's rate limit is used up",
        ),
        (
            Unreachable,
            "The connection to Google cannot be used just now. Try again in a moment.",
            "the tenant gave no answer that can be used",
        ),
    ] {
        assert_eq!((fault.text("Google", 100).as_str(), fault.to_string().as_str()), (text, log));
    }
    for (mistake, log) in [
        (
            Mistake::AccessDenied,
            "the tenant denies it: the client must be a first-party application",
        ),
        (Mistake::AudienceUnknown, "the tenant has no API with this audience"),
        (Mistake::ClientNotAllowed, "turn on the grant (Token Vault or token exchange)"),
        (Mistake::ClientRefused, "`auth0_client_id`, `auth0_client_secret` or"),
        (Mistake::DelegationTooDeep, "four act for the user already"),
        (Mistake::HostNotAllowed, "the tenant's host is not among"),
        (Mistake::MfaRequired, "the tenant always wants a second factor"),
        (Mistake::RequestRefused, "the tenant does not take the request"),
        (Mistake::ScopeRefused, "the client may not ask for one of the scopes"),
    ] {
        let fault = OperatorMistake(mistake);
        assert_eq!(
            fault.text("Google", 100),
            "The server is not set up to reach Google. Its operator finds the reason in the server's log."
        );
        assert!(fault.to_string().starts_with(log), "{fault}");
    }
}
