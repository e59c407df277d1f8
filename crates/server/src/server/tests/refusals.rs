//! A refusal tells nobody which claim was wrong, neither by what it says nor by the work it takes.
//!
//! Verifying the signature is nearly all of the work, and it comes before every claim. `iss` is not
//! among them: like `kid` it chooses the key.

use super::*;

/// Tokens of the tenant, each with one claim that keeps it out, and the reason in the audit log.
fn refused() -> Vec<(&'static str, String)> {
    let long_ago = 1_700_000_000;
    let changes: [(&str, &[(&str, Value)]); 10] = [
        ("token_audience_wrong", &[("aud", json!("https://mcp.example.net/mcp"))]),
        ("token_client_missing", &[("client_id", Value::Null)]),
        ("token_expired", &[("iat", json!(long_ago)), ("exp", json!(long_ago + 600))]),
        ("token_expiry_missing", &[("exp", Value::Null)]),
        ("token_issue_time_missing", &[("iat", Value::Null)]),
        ("token_issued_in_the_future", &[("iat", json!(1_800_000_100))]),
        ("token_not_yet_valid", &[("nbf", json!(1_800_000_100))]),
        ("token_subject_missing", &[("sub", Value::Null)]),
        ("token_times_absurd", &[("exp", json!(1_800_000_000)), ("iat", json!(1_800_000_001))]),
        ("token_type_not_allowed", &[("at_hash", json!("MTIzNDU2Nzg5MGFiY2RlZg"))]),
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

/// The reason in the audit log for the refusal of a token.
fn reason(server: &Server, host: &Rc<FakeHost>, token: &str) -> String {
    let (status, _) = one(serve(server, host, ping_with(token, &[])));
    assert_eq!(status, 401);
    let line: Value = serde_json::from_str(&host.audited.borrow_mut().pop().unwrap()).unwrap();
    line["reason"].as_str().unwrap().to_owned()
}

/// The same token with another signature.
fn forged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let other = if signature.starts_with('A') { "B" } else { "A" };
    format!("{signed}.{other}{}", &signature[1..])
}

#[test]
fn no_claim_is_looked_at_before_the_signature() {
    let (host, server) = (host(), server());
    for (expected, token) in refused() {
        assert_eq!(reason(&server, &host, &token), expected);
        assert_eq!(reason(&server, &host, &forged(&token)), "token_signature_wrong", "{expected}");
    }
}

#[test]
fn every_refusal_asks_as_much_of_the_host_whichever_claim_was_wrong() {
    let (host, server) = (host(), server());
    assert_eq!(knock(&server, &host).0, 200, "keys and variables are known");
    let work = || (host.sent.borrow().len(), host.store_accesses.get(), host.lines.borrow().len());
    // The first one reads how many tokens were refused before.
    reason(&server, &host, &forged(&good_token()));
    let mut costs = Vec::new();
    for (expected, token) in refused() {
        for token in [forged(&token), token] {
            let before = work();
            reason(&server, &host, &token);
            let (sent, accesses, lines) = work();
            let cost = (sent - before.0, accesses - before.1, lines - before.2);
            costs.push((expected, cost));
        }
    }
    for (expected, cost) in costs {
        // Whether another instance has verified it is looked up for every unknown token.
        assert_eq!(cost, (0, 1, 0), "{expected}");
    }
}

#[test]
fn a_forged_token_is_told_the_same_whatever_it_claims() {
    let (host, server) = (host(), server());
    let answer = |token: &str| one(serve(&server, &host, ping_with(&forged(token), &[])));
    let expected = answer(&good_token());
    assert_eq!(expected.0, 401);
    for (reason, token) in refused() {
        assert_eq!(answer(&token), expected, "{reason}");
    }
}
