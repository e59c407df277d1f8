//! Tokens that the tenant signed, with anything in them.

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::*;

const NOW: i64 = 1_800_000_000;

/// A member of the header or the claims, and values of it, each with whether it is valid.
type Member = (&'static str, Vec<(Value, bool)>);

fn good(value: impl Into<Value>) -> (Value, bool) {
    (value.into(), true)
}

fn bad(value: impl Into<Value>) -> (Value, bool) {
    (value.into(), false)
}

fn headers() -> Vec<Member> {
    vec![
        ("alg", vec![good("RS256"), bad("none"), bad("HS256"), bad("rs256"), bad(7)]),
        ("typ", vec![good("at+jwt"), good("JWT"), good("Application/AT+JWT"), bad("dpop+jwt")]),
        ("crit", vec![good(()), bad(json!(["exp"])), bad(json!([]))]),
        ("b64", vec![good(()), bad(false), bad(true)]),
        ("jku", vec![good(()), good("https://evil.example/jwks.json")]),
        ("x5c", vec![good(()), good(json!(["MIIB"]))]),
    ]
}

fn claims() -> Vec<Member> {
    let (ours, other) = ("https://mcp.example.com/mcp", "https://mcp.example.com/mcp/");
    let issuer = "https://tenant.example.com/";
    vec![
        ("iss", vec![good(issuer), bad("https://tenant.example.com"), bad(7), bad(())]),
        ("aud", vec![good(ours), good(json!([other, ours])), bad(other), bad(json!([])), bad(())]),
        (
            "exp",
            vec![good(NOW + 600), good(NOW + 1), bad(NOW - 60), bad("never"), bad(1e300), bad(())],
        ),
        (
            "iat",
            vec![good(NOW - 600), good(NOW - 900), bad(NOW + 61), bad(-1), bad(json!([])), bad(())],
        ),
        ("nbf", vec![good(()), good(NOW), bad(NOW + 61), bad("now")]),
        ("sub", vec![good("auth0|1"), good("\u{0}\u{1f600}"), bad(""), bad(7), bad(())]),
        ("client_id", vec![good("client"), bad(""), bad(json!({})), bad(())]),
        ("act", vec![good(()), good(json!({ "sub": "agent" })), bad("agent"), bad(json!([]))]),
        ("scope", vec![good(()), good("a  b"), good(7), good(json!({}))]),
        ("permissions", vec![good(()), good(json!([7, "a", null])), good("a")]),
        ("org_id", vec![good(()), good("org_1"), bad(json!([])), bad("")]),
    ]
}

/// An object with one value for each member, most of them good ones, and whether all of them are.
fn chosen(members: &[Member], random: &mut StdRng) -> (Value, bool) {
    let mut object = json!({});
    let mut all_good = true;
    for (name, values) in members {
        let wants_good = random.random_bool(0.93);
        let (good, bad): (Vec<_>, Vec<_>) = values.iter().partition(|(_, is_good)| *is_good);
        let values = if wants_good || bad.is_empty() { good } else { bad };
        let (value, is_good) = values.choose(random).unwrap();
        all_good &= is_good;
        if !value.is_null() {
            object[*name] = value.clone();
        }
    }
    (object, all_good)
}

#[test]
fn a_token_gets_in_if_and_only_if_all_of_its_members_are_valid() {
    let (host, server) = (host(), server());
    let mut random = StdRng::seed_from_u64(9068);
    let (headers, claims) = (headers(), claims());
    let mut let_in = 0;
    for _ in 0..600 {
        let (header, good_header) = chosen(&headers, &mut random);
        let (claims, good_claims) = chosen(&claims, &mut random);
        let (status, _) = one(serve(&server, &host, ping_with(&token(&header, &claims), &[])));
        let expected = if good_header && good_claims { 200 } else { 401 };
        assert_eq!(status, expected, "{header} {claims}");
        let_in += usize::from(status == 200);
    }
    assert!((100..500).contains(&let_in), "{let_in} got in");
}
