//! How long a refusal takes says nothing about which claim was wrong.
//!
//! All that takes time is verifying the signature, and that comes before every claim. `iss` is not among them: like
//! `kid` it chooses the key.

use std::time::{Duration, Instant};

use super::*;

/// How often each refusal is timed in one attempt.
const ROUNDS: usize = 40;

/// How often it is tried again to see what is the same as the same.
const ATTEMPTS: usize = 20;

/// Tokens of the tenant, each with one claim that keeps it out, and the reason in the audit log.
fn refused() -> Vec<(&'static str, String)> {
    let long_ago = 1_700_000_000;
    let changes: [(&str, &[(&str, Value)]); 8] = [
        ("token_audience_wrong", &[("aud", json!("https://mcp.example.net/mcp"))]),
        ("token_expired", &[("iat", json!(long_ago)), ("exp", json!(long_ago + 600))]),
        ("token_expiry_missing", &[("exp", Value::Null)]),
        ("token_issue_time_missing", &[("iat", Value::Null)]),
        ("token_issued_in_the_future", &[("iat", json!(1_800_000_100))]),
        ("token_not_yet_valid", &[("nbf", json!(1_800_000_100))]),
        ("token_subject_missing", &[("sub", Value::Null)]),
        ("token_client_missing", &[("client_id", Value::Null)]),
    ];
    let tokens = changes.into_iter().map(|(reason, changes)| {
        let mut claims = good_claims();
        for (name, value) in changes {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(*name)),
                value => claims[*name] = value.clone(),
            }
        }
        (reason, token(&good_header(), &claims))
    });
    tokens.collect()
}

/// The reason in the audit log for what became of a token.
fn reason(server: &Rc<Server>, host: &Rc<FakeHost>, token: &str) -> String {
    let (status, _) = one(serve(server, host, ping_with(token, &[])));
    assert_eq!(status, 401);
    let line = host.audited.borrow_mut().pop().unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    line["reason"].as_str().unwrap().to_owned()
}

#[test]
fn no_claim_is_looked_at_before_the_signature() {
    let (host, server) = (host(), server());
    for (expected, token) in refused() {
        assert_eq!(reason(&server, &host, &token), expected);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let other = if signature.starts_with('A') { "B" } else { "A" };
        let forged = format!("{signed}.{other}{}", &signature[1..]);
        assert_eq!(reason(&server, &host, &forged), "token_signature_wrong", "{expected}");
    }
}

/// The refusals take turns, so that whatever else the machine does happens to all of them alike; and a difference only
/// counts when it is there every time. A check that came before the signature would be off by more than half.
#[test]
fn which_claim_was_wrong_cannot_be_told_by_the_time_a_refusal_takes() {
    let (host, server) = (host(), server());
    let tokens = refused();
    assert_eq!(knock(&server, &host).0, 200, "keys and variables are known");
    let mut medians = Vec::new();
    for _ in 0..ATTEMPTS {
        let mut times = vec![Vec::with_capacity(ROUNDS); tokens.len()];
        for _ in 0..ROUNDS {
            for ((_, token), times) in tokens.iter().zip(&mut times) {
                let request = ping_with(token, &[]);
                let start = Instant::now();
                let (status, _) = one(serve(&server, &host, request));
                times.push(start.elapsed());
                assert_eq!(status, 401);
            }
        }
        medians = times.into_iter().map(median).collect();
        let (shortest, longest) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
        if *shortest * 4 > *longest * 3 {
            return;
        }
    }
    panic!("{medians:?}");
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
