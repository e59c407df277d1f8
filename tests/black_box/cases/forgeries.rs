//! Forged and malformed tokens: the audit log has the exact reason, the answer only a coarse one.

use doorward_tenant::SigningKey;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    audit_log::{audited, reasons},
    case::{Case, case},
    world::{Answer, OWNER, World},
};

pub(super) const CASES: &[Case] = &[
    case!(no_header_lets_a_forged_token_in),
    case!(no_claim_that_is_not_exactly_ours_gets_in),
    case!(no_other_spelling_of_a_token_gets_in),
    case!(no_other_place_for_a_token_gets_in),
    case!(small_deviations_that_the_standards_allow_get_in),
];

/// Sends a token, and checks the reason in the audit log and the answer.
async fn knock(world: &World, what: &str, token: &str, reason: &str) {
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let request = world.request(Method::POST, "/mcp").bearer_auth(token).json(&message);
    let (answer, lines) = audited(world, request, 1).await;
    assert_eq!(reasons(&lines), [reason], "{what}");
    if reason == "admitted" {
        assert_eq!(answer.status, StatusCode::OK, "{what}");
        return;
    }
    assert!(lines[0].get("subject").is_none(), "{what}: the subject is not proven");
    if reason == "token_too_large" {
        assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "{what}");
        return;
    }
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}");
    let error = if reason == "token_expired" { "token_expired" } else { "invalid_token" };
    assert_eq!(answer.error(), error, "{what}");
    let description = json!(answer.error_text());
    assert_eq!(
        answer.header("www-authenticate"),
        format!(
            "Bearer error=\"invalid_token\", error_description={description}, \
             scope=\"tool:whoami tool:greet tool:calendar_summary\", resource_metadata=\"{}\"",
            world.url("/.well-known/oauth-protected-resource/mcp")
        ),
        "{what}"
    );
}

async fn no_header_lets_a_forged_token_in(world: &World) {
    let control = world.tenant().control();
    let claims = world.claims(OWNER);
    let known = control.jwks()["keys"][0]["kid"].clone();
    let evil = "https://evil.example/jwks";
    let four_kilobytes = "k".repeat(4096);
    for (key, header, reason) in [
        (SigningKey::Current, json!({ "alg": "none" }), "token_algorithm_not_allowed"),
        (SigningKey::Current, json!({ "alg": "NONE" }), "token_algorithm_not_allowed"),
        (SigningKey::Current, json!({ "alg": "nOnE" }), "token_algorithm_not_allowed"),
        (SigningKey::Current, json!({ "alg": "HS256" }), "token_algorithm_not_allowed"),
        (SigningKey::Current, json!({ "alg": "ES256" }), "token_algorithm_not_allowed"),
        (SigningKey::Current, json!({ "alg": "rs256" }), "token_algorithm_not_allowed"),
        (SigningKey::Current, json!({ "alg": null }), "token_not_a_jwt"),
        (SigningKey::Current, json!({ "alg": ["RS256"] }), "token_not_a_jwt"),
        (SigningKey::Foreign, json!({ "kid": known }), "token_signature_wrong"),
        (SigningKey::Foreign, json!({ "kid": known, "jku": evil }), "token_signature_wrong"),
        (SigningKey::Foreign, json!({ "kid": known, "x5u": evil }), "token_signature_wrong"),
        (SigningKey::Foreign, json!({ "kid": known, "x5c": ["AA"] }), "token_signature_wrong"),
        (
            SigningKey::Foreign,
            json!({ "kid": known, "jwk": { "kty": "RSA", "n": "AA", "e": "AQAB" } }),
            "token_signature_wrong",
        ),
        (SigningKey::Foreign, json!({}), "token_key_unknown"),
        (SigningKey::Foreign, json!({ "jku": evil }), "token_key_unknown"),
        (SigningKey::Current, json!({ "kid": "../../dev/null" }), "token_key_unknown"),
        (SigningKey::Current, json!({ "kid": "' OR 1=1 --" }), "token_key_unknown"),
        (SigningKey::Current, json!({ "kid": four_kilobytes }), "token_key_unknown"),
        (SigningKey::Current, json!({ "kid": "" }), "token_key_unknown"),
        (SigningKey::Current, json!({ "kid": null }), "token_key_unknown"),
        (SigningKey::Current, json!({ "kid": 7 }), "token_not_a_jwt"),
        (SigningKey::Current, json!({ "crit": ["exp"] }), "token_extension_not_supported"),
        (SigningKey::Current, json!({ "crit": [] }), "token_extension_not_supported"),
        (
            SigningKey::Current,
            json!({ "crit": ["b64"], "b64": false }),
            "token_extension_not_supported",
        ),
        (SigningKey::Current, json!({ "b64": false }), "token_extension_not_supported"),
        (SigningKey::Current, json!({ "typ": "id+jwt" }), "token_type_not_allowed"),
        (SigningKey::Current, json!({ "typ": "dpop+jwt" }), "token_type_not_allowed"),
        (SigningKey::Current, json!({ "typ": "" }), "token_type_not_allowed"),
        (SigningKey::Current, json!({ "cty": "JWT" }), "token_not_a_jwt"),
    ] {
        let token = control.mint_with(key, &header, &claims);
        knock(world, &header.to_string(), &token, reason).await;
    }
}

async fn no_claim_that_is_not_exactly_ours_gets_in(world: &World) {
    let good = world.claims(OWNER);
    let issuer = world.tenant().issuer();
    let audience = world.mcp_url();
    let now = good["iat"].as_u64().expect("iat is a number");
    let null = Value::Null;
    for (name, value, reason) in [
        ("iss", null.clone(), "token_issuer_wrong"),
        ("iss", json!(issuer.trim_end_matches('/')), "token_issuer_wrong"),
        ("iss", json!(issuer.to_uppercase()), "token_issuer_wrong"),
        ("iss", json!(format!("{issuer}/")), "token_issuer_wrong"),
        ("iss", json!([issuer]), "token_issuer_wrong"),
        ("aud", null.clone(), "token_audience_wrong"),
        ("aud", json!(""), "token_audience_wrong"),
        ("aud", json!([]), "token_audience_wrong"),
        ("aud", json!(format!("{audience}-other")), "token_audience_wrong"),
        ("aud", json!(format!("{audience}/")), "token_audience_wrong"),
        ("aud", json!([format!("{issuer}userinfo")]), "token_audience_wrong"),
        ("aud", json!(good["client_id"]), "token_audience_wrong"),
        ("exp", null.clone(), "token_expiry_missing"),
        ("exp", json!("never"), "token_claims_malformed"),
        ("exp", json!(now.to_string()), "token_claims_malformed"),
        ("exp", json!(1e300), "token_claims_malformed"),
        ("exp", json!(u64::MAX), "token_claims_malformed"),
        ("exp", json!(300_000_000_000_u64), "token_times_absurd"),
        ("exp", json!(-1), "token_times_absurd"),
        ("exp", json!(now - 61), "token_expired"),
        ("iat", null.clone(), "token_issue_time_missing"),
        ("iat", json!(now + 3600), "token_issued_in_the_future"),
        ("nbf", json!(now + 3600), "token_not_yet_valid"),
        ("nbf", json!("0"), "token_claims_malformed"),
        ("sub", null.clone(), "token_subject_missing"),
        ("sub", json!(""), "token_subject_missing"),
        ("sub", json!(7), "token_subject_missing"),
        ("client_id", null.clone(), "token_client_missing"),
        ("client_id", json!(""), "token_client_missing"),
        ("act", json!("agent"), "token_claims_malformed"),
    ] {
        let mut claims = good.clone();
        claims[name] = value.clone();
        if value.is_null() {
            claims.as_object_mut().expect("claims are an object").remove(name);
        }
        let token = world.tenant().mint(&json!({}), &claims);
        knock(world, &format!("{name}: {value}"), &token, reason).await;
    }
    for claims in [json!([]), json!("claims"), json!(null)] {
        let token = world.tenant().mint(&json!({}), &claims);
        knock(world, &claims.to_string(), &token, "token_claims_malformed").await;
    }
}

async fn no_other_spelling_of_a_token_gets_in(world: &World) {
    let good = world.token(OWNER);
    let segments: Vec<&str> = good.split('.').collect();
    let [header, claims, signature] = segments[..] else { panic!("a token has three segments") };
    // In the base64 of 256 bytes, the last four bits of the last character are unused.
    let last = signature.chars().last().expect("the signature is not empty");
    let twin = match last {
        'A' => 'B',
        'Q' => 'R',
        'g' => 'h',
        _ => 'x',
    };
    let not_canonical = format!("{}{twin}", &good[..good.len() - 1]);
    for (what, token, reason) in [
        ("unused bits that are not zero", not_canonical, "token_not_a_jwt"),
        ("padding", format!("{good}="), "token_not_a_jwt"),
        (
            "standard alphabet",
            format!("{header}.{claims}.{}+/", &signature[2..]),
            "token_not_a_jwt",
        ),
        ("two segments", format!("{header}.{claims}"), "token_not_a_jwt"),
        ("four segments", format!("{good}.{signature}"), "token_not_a_jwt"),
        (
            "five segments, as of a JWE",
            format!("{good}.{signature}.{signature}"),
            "token_not_a_jwt",
        ),
        ("no signature", format!("{header}.{claims}."), "token_signature_wrong"),
        (
            "half a signature",
            format!("{header}.{claims}.{}", &signature[..200]),
            "token_signature_wrong",
        ),
        ("no claims", format!("{header}..{signature}"), "token_claims_malformed"),
        ("no header", format!(".{claims}.{signature}"), "token_not_a_jwt"),
        ("an opaque token", "b".repeat(32), "token_not_a_jwt"),
        ("a token that is too long", "a".repeat(20_000), "token_too_large"),
    ] {
        knock(world, what, &token, reason).await;
    }
}

async fn no_other_place_for_a_token_gets_in(world: &World) {
    let token = world.token(OWNER);
    let post = |path: &str| world.request(Method::POST, path);
    let form = format!("access_token={token}");
    for (what, request, status, reason) in [
        (
            "query",
            post(&format!("/mcp?access_token={token}")),
            StatusCode::UNAUTHORIZED,
            "token_missing",
        ),
        (
            "body",
            post("/mcp").header("content-type", "application/x-www-form-urlencoded").body(form),
            StatusCode::UNAUTHORIZED,
            "token_missing",
        ),
        (
            "cookie",
            post("/mcp").header("cookie", format!("access_token={token}")),
            StatusCode::UNAUTHORIZED,
            "token_missing",
        ),
        (
            "DPoP scheme",
            post("/mcp").header("authorization", format!("DPoP {token}")),
            StatusCode::UNAUTHORIZED,
            "token_not_bound",
        ),
        (
            "identity headers",
            post("/mcp")
                .header("x-auth-subject", "auth0|owner")
                .header("x-forwarded-user", "owner"),
            StatusCode::UNAUTHORIZED,
            "token_missing",
        ),
        (
            "two headers",
            post("/mcp").bearer_auth(&token).bearer_auth(&token),
            StatusCode::BAD_REQUEST,
            "authorization_malformed",
        ),
        (
            "two tokens",
            post("/mcp").header("authorization", format!("Bearer {token}, Bearer {token}")),
            StatusCode::BAD_REQUEST,
            "authorization_malformed",
        ),
    ] {
        let (answer, lines) = audited(world, request, 1).await;
        assert_eq!((answer.status, reasons(&lines)), (status, vec![reason]), "{what}");
    }
}

async fn small_deviations_that_the_standards_allow_get_in(world: &World) {
    let good = world.claims(OWNER);
    let now = good["iat"].as_u64().expect("iat is a number");
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims["iat"] = json!(now - 600);
        claims[name] = value;
        world.tenant().mint(&json!({}), &claims)
    };
    let audiences = json!([format!("{}userinfo", world.tenant().issuer()), world.mcp_url()]);
    for (what, token) in [
        ("several audiences", with("aud", audiences)),
        ("expired half a minute ago, within the leeway", with("exp", json!(now - 30))),
        ("valid in half a minute, within the leeway", with("nbf", json!(now + 30))),
        ("a time with a fraction", with("exp", json!(now as f64 + 600.5))),
        ("typ in capitals", world.tenant().mint(&json!({ "typ": "AT+JWT" }), &good)),
        ("no typ", world.tenant().mint(&json!({ "typ": null }), &good)),
    ] {
        knock(world, what, &token, "admitted").await;
    }
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let request = world.request(Method::POST, "/mcp").json(&message);
    let request = request.header("authorization", format!("bearer  {}", world.token(OWNER)));
    assert_eq!(Answer::of(request).await.status, StatusCode::OK);
}
