//! Fuzzes the `Authorization` header: only a token that an issuer signed for this server is
//! accepted.
//!
//! The first byte of an input selects what the rest of it is.

#![no_main]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a finding is a panic, and a target that cannot start panics, too"
)]

use doorward_fuzz::{
    door::{Answer, Door},
    host::{AUDIENCE, NOW},
    seeds,
    token::{self, Signer},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// The default leeway for differing clocks, in seconds.
const LEEWAY: f64 = 60.0;

const PING: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

thread_local! {
    static DOOR: Door = Door::new(doorward_tools::server());
}

fuzz_target!(init: begin(), |input: &[u8]| match input.split_first() {
    Some((b'h', values)) => unsigned_headers_are_refused(values),
    Some((b's', parts)) => only_valid_claims_are_accepted(Signer::Tenant, parts),
    Some((b'o', parts)) => only_valid_claims_are_accepted(Signer::Other, parts),
    Some((b'c', changes)) => only_the_unchanged_token_is_accepted(changes),
    _ => {}
});

/// Checks that valid tokens are accepted, because otherwise nothing would be tested, and writes the
/// seeds.
fn begin() {
    for signer in [Signer::Tenant, Signer::Other] {
        let mut claims = token::good_claims();
        claims["iss"] = signer.issuer().into();
        let token = signer.sign(token::good_header().to_string(), claims.to_string());
        let answer = knock(&[format!("Bearer {token}").as_bytes()]);
        assert!(answer.is_some_and(|answer| got_in(&answer)), "{signer:?}");
    }
    seeds::write(&seeds::tokens());
}

/// Sends `Authorization` headers, one on each line. They contain nothing that an issuer signed.
fn unsigned_headers_are_refused(values: &[u8]) {
    let values: Vec<&[u8]> = values.split(|byte| *byte == b'\n').collect();
    if let Some(answer) = knock(&values) {
        assert!(!got_in(&answer), "{answer:?}");
    }
}

/// Signs a header and claims, separated by a line feed, and sends the token.
fn only_valid_claims_are_accepted(signer: Signer, parts: &[u8]) {
    let Some(end) = parts.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (header, claims) = (&parts[..end], &parts[end + 1..]);
    let token = format!("Bearer {}", signer.sign(header, claims));
    if !knock(&[token.as_bytes()]).is_some_and(|answer| got_in(&answer)) {
        return;
    }
    let json = |text| serde_json::from_slice::<Value>(text).expect("an accepted token is JSON");
    let (header, claims) = (json(header), json(claims));
    assert_eq!(header["alg"], "ES256");
    assert!(header.get("crit").is_none() && header.get("b64").is_none(), "{header}");
    assert!(matches!(header["kid"].as_str(), None | Some("p256")), "{header}");
    let typ = header["typ"].as_str().map(str::to_ascii_lowercase);
    assert!(matches!(typ.as_deref(), None | Some("jwt" | "at+jwt" | "application/at+jwt")));
    assert_eq!(claims["iss"], signer.issuer());
    let is_ours = |audience: &Value| audience == AUDIENCE;
    let audiences = claims["aud"].as_array();
    assert!(audiences.map_or(is_ours(&claims["aud"]), |all| all.iter().any(is_ours)), "{claims}");
    let time = |name: &str| claims[name].as_f64();
    let now = NOW as f64;
    assert!(time("exp").is_some_and(|exp| exp > now - LEEWAY), "{claims}");
    assert!(time("iat").is_some_and(|iat| iat < now + LEEWAY + 1.0), "{claims}");
    assert!(time("nbf").is_none_or(|nbf| nbf < now + LEEWAY + 1.0), "{claims}");
    let is_text = |name: &str| claims[name].as_str().is_some_and(|text| !text.is_empty());
    assert!(claims.get("cnf").is_none(), "the token is bound, but no proof was sent: {claims}");
    assert!(is_text("sub") && (is_text("client_id") || is_text("azp")), "{claims}");
}

/// Changes a valid token and sends it. Each change is three bytes: a position (big-endian) and the
/// new byte.
fn only_the_unchanged_token_is_accepted(changes: &[u8]) {
    let mut token = token::good().as_bytes().to_vec();
    for change in changes.chunks_exact(3) {
        let place = usize::from(u16::from_be_bytes([change[0], change[1]])) % (token.len() + 1);
        match (token.get_mut(place), change[2]) {
            (Some(_), 0) => token.truncate(place),
            (Some(byte), new) => *byte = new,
            (None, new) => token.push(new),
        }
    }
    let header = [b"Bearer ", token.as_slice()].concat();
    if knock(&[&header]).is_some_and(|answer| got_in(&answer)) {
        assert_eq!(token.trim_ascii(), token::good().as_bytes(), "a changed token was accepted");
    }
}

/// Sends a request with these `Authorization` headers. Returns `None` if one is not a valid value.
fn knock(values: &[&[u8]]) -> Option<Answer> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for value in values {
        headers.append(header::AUTHORIZATION, HeaderValue::from_bytes(value).ok()?);
    }
    Some(DOOR.with(|door| door.post(headers, PING)))
}

/// Whether the request was accepted. If not, checks that the answer is a correct refusal.
fn got_in(answer: &Answer) -> bool {
    let body: Value = serde_json::from_slice(&answer.body).expect("the body is JSON");
    if answer.status == StatusCode::OK {
        assert_eq!(body["result"], serde_json::json!({}), "{answer:?}");
        return true;
    }
    let challenge = answer.header("www-authenticate");
    match answer.status {
        StatusCode::UNAUTHORIZED => {
            let is_challenge = ["Bearer ", "DPoP "].iter().any(|it| challenge.starts_with(it));
            let metadata = r#"resource_metadata="https://mcp.example.com/.well-known/"#;
            assert!(is_challenge && challenge.contains(metadata), "{answer:?}");
        }
        StatusCode::BAD_REQUEST | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {}
        _ => panic!("{answer:?}"),
    }
    let error = &body["error"];
    let has_name = error["data"]["error"].is_string() && error["message"].is_string();
    assert!(has_name && error["code"] == answer.status.as_u16(), "{answer:?}");
    false
}
