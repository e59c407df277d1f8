use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;

use super::*;
use crate::{
    Jwks,
    SignatureAlgorithm::{Es256, Ps256, Rs256, Rs512},
    testing::{NOW, good_claims, good_header, jwk, tenant, token, token_by, token_of},
};

const LEEWAY: u64 = 60;

fn signing_key() -> SigningKey {
    let keys = Jwks::parse(&json!({ "keys": [jwk("key")] })).unwrap();
    keys.find(Some("key"), Rs256).unwrap().clone()
}

fn verify(token: &str) -> Result<Claims, TokenError> {
    verify_with(token, LEEWAY, &["https://mcp.example.com/mcp"])
}

fn verify_with(token: &str, leeway: u64, audiences: &[&str]) -> Result<Claims, TokenError> {
    let issuer = tenant(audiences, &[Rs256]);
    let expected = Expected { issuer: &issuer, leeway, now: NOW };
    UntrustedJwt::parse(token)?.verify(&signing_key(), &expected)
}

fn with_header(name: &str, value: Value) -> Result<Claims, TokenError> {
    let mut header = good_header();
    header[name] = value;
    verify(&token(&header, &good_claims()))
}

fn with_claim(name: &str, value: Value) -> Result<Claims, TokenError> {
    let mut claims = good_claims();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    verify(&token(&good_header(), &claims))
}

#[test]
fn a_good_token_gets_in_with_its_claims() {
    let claims = verify(&token(&good_header(), &good_claims())).unwrap();
    assert_eq!((claims.issued_at, claims.expires_at), (NOW, NOW + 600));
    assert_eq!(claims.members["sub"], "auth0|1");
    for time in ["iat", "exp", "nbf"] {
        assert!(!claims.members.contains_key(time), "{time}");
    }
}

/// Two readers of such a token would read two different ones.
#[test]
fn a_member_that_is_there_twice_is_refused() {
    let with = |text: &Value, more: &str| text.to_string().replacen('{', &format!("{{{more},"), 1);
    let (header, claims) = (good_header(), good_claims());
    for more in [
        r#""sub":"auth0|2""#,
        r#""scope":"tool:a""#,
        r#""exp":1"#,
        r#""\u0073ub":"auth0|2""#,
        r#""x":{"a":1,"a":2}"#,
        r#""x":[{"a":1,"a":1}]"#,
    ] {
        let mut claims = claims.clone();
        claims["scope"] = json!("tool:greet");
        let refused = verify(&token_of(Rs256, &header.to_string(), &with(&claims, more)));
        assert_eq!(refused.err(), Some(TokenError::ClaimsMalformed), "{more}");
    }
    for more in [r#""alg":"RS256""#, r#""kid":"key""#, r#""x":1,"x":1"#, r#""x":{"a":1,"a":2}"#] {
        let refused = verify(&token_of(Rs256, &with(&header, more), &claims.to_string()));
        assert_eq!(refused.err(), Some(TokenError::NotAJwt), "{more}");
    }
}

#[test]
fn the_audience_may_be_one_of_several() {
    let audiences = json!(["https://tenant.example.com/userinfo", "https://mcp.example.com/mcp"]);
    assert!(with_claim("aud", audiences).is_ok());
}

#[test]
fn only_the_audience_itself_will_do() {
    for audience in [
        json!(null),
        json!(""),
        json!([]),
        json!("https://mcp.example.com/mcp-other"),
        json!("https://mcp.example.com/mcp/"),
        json!("https://mcp.example.com"),
        json!(["https://mcp.example.com/MCP"]),
        json!({ "https://mcp.example.com/mcp": true }),
    ] {
        assert_eq!(
            with_claim("aud", audience.clone()).err(),
            Some(TokenError::AudienceWrong),
            "{audience}"
        );
    }
}

#[test]
fn only_the_issuer_itself_will_do() {
    for issuer in [
        json!(null),
        json!("https://tenant.example.com"),
        json!("https://TENANT.example.com/"),
        json!("https://tenant.example.com.evil.example/"),
        json!("http://tenant.example.com/"),
        json!(["https://tenant.example.com/"]),
    ] {
        assert_eq!(
            with_claim("iss", issuer.clone()).err(),
            Some(TokenError::IssuerWrong),
            "{issuer}"
        );
    }
}

#[test]
fn an_expired_token_is_expired_after_the_leeway() {
    let with_exp = |exp: u64| {
        let mut claims = good_claims();
        claims["iat"] = json!(NOW - 600);
        claims["exp"] = json!(exp);
        verify(&token(&good_header(), &claims)).map(drop)
    };
    assert_eq!(with_exp(NOW - LEEWAY + 1), Ok(()));
    assert_eq!(with_exp(NOW - LEEWAY), Err(TokenError::Expired));
    let expired_now = token(&good_header(), &{
        let mut claims = good_claims();
        claims["exp"] = json!(NOW);
        claims["iat"] = json!(NOW - 600);
        claims
    });
    assert!(verify(&expired_now).is_ok());
    let strict = verify_with(&expired_now, 0, &["https://mcp.example.com/mcp"]);
    assert_eq!(strict.err(), Some(TokenError::Expired));
}

#[test]
fn a_token_from_the_future_is_refused_beyond_the_leeway() {
    for (claim, error) in [("nbf", TokenError::NotYetValid), ("iat", TokenError::IssuedInTheFuture)]
    {
        assert!(with_claim(claim, json!(NOW + LEEWAY)).is_ok(), "{claim}");
        assert_eq!(with_claim(claim, json!(NOW + LEEWAY + 1)).err(), Some(error));
    }
}

#[test]
fn times_are_required_and_must_be_numbers() {
    assert_eq!(with_claim("exp", json!(null)).err(), Some(TokenError::ExpiryMissing));
    assert_eq!(with_claim("iat", json!(null)).err(), Some(TokenError::IssueTimeMissing));
    for absurd in [json!("never"), json!(1e300), json!(u64::MAX), json!([NOW])] {
        assert_eq!(
            with_claim("exp", absurd.clone()).err(),
            Some(TokenError::ClaimsMalformed),
            "{absurd}"
        );
    }
}

#[test]
fn times_that_no_clock_shows_are_absurd() {
    for (claim, time) in [
        ("exp", json!(-1)),
        ("exp", json!(253_402_300_800_u64)),
        ("exp", json!(NOW)),
        ("iat", json!(-1)),
        ("nbf", json!(-1)),
    ] {
        let error = with_claim(claim, time.clone()).err();
        assert_eq!(error, Some(TokenError::TimesInvalid), "{claim}: {time}");
    }
    assert!(
        with_claim("exp", json!(NOW as f64 + 600.5)).is_ok(),
        "a NumericDate may be a fraction"
    );
}

#[test]
fn a_server_may_have_several_audiences() {
    let ours = ["https://new.example/mcp", "https://mcp.example.com/mcp"];
    let good = token(&good_header(), &good_claims());
    assert!(verify_with(&good, LEEWAY, &ours).is_ok());
    let error = verify_with(&good, LEEWAY, &["https://new.example/mcp"]).err();
    assert_eq!(error, Some(TokenError::AudienceWrong));
}

#[test]
fn the_token_does_not_choose_the_algorithm() {
    for algorithm in ["none", "NONE", "nOnE", "HS256", "RS384", "RS512", "PS256", "ES256", ""] {
        let error = with_header("alg", json!(algorithm)).err();
        assert_eq!(error, Some(TokenError::AlgorithmNotAllowed), "{algorithm}");
    }
}

#[test]
fn every_algorithm_verifies_its_own_signatures_and_no_others() {
    let sign = |name: &str, algorithm: SignatureAlgorithm| {
        let mut header = good_header();
        header["alg"] = json!(name);
        token_by(algorithm, &header, &good_claims())
    };
    let verify = |token: &str, allowed: &[SignatureAlgorithm]| {
        let issuer = tenant(&["https://mcp.example.com/mcp"], allowed);
        let expected = Expected { issuer: &issuer, leeway: 0, now: NOW };
        UntrustedJwt::parse(token)?.verify(&signing_key(), &expected).map(drop)
    };
    let algorithms = [Ps256, Rs256, Rs512];
    let all = [Es256, Ps256, Rs256, Rs512];
    for algorithm in algorithms {
        let name = algorithm.as_str();
        let good = sign(name, algorithm);
        assert_eq!(verify(&good, &all), Ok(()), "{name}");
        let others: Vec<_> = all.into_iter().filter(|other| *other != algorithm).collect();
        assert_eq!(verify(&good, &others), Err(TokenError::AlgorithmNotAllowed), "{name}");
        for other in algorithms.into_iter().filter(|other| *other != algorithm) {
            let lying = sign(name, other);
            let by = other.as_str();
            assert_eq!(verify(&lying, &all), Err(TokenError::SignatureWrong), "{name} by {by}");
        }
    }
    let lying = sign("ES256", Rs256);
    assert_eq!(verify(&lying, &all), Err(TokenError::KeyNotForAlgorithm));
}

#[test]
fn an_es256_token_gets_in_with_its_own_key_only() {
    use p256::{
        ecdsa::{Signature, SigningKey as Private, signature::Signer},
        elliptic_curve::Generate,
    };

    let private = Private::generate_from_rng(&mut rand::rng());
    let point = private.verifying_key().to_sec1_point(false);
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "kid": "key",
        "x": encode(point.x().unwrap()), "y": encode(point.y().unwrap()),
    });
    let keys = Jwks::parse(&json!({ "keys": [jwk] })).unwrap();
    let key = keys.find(Some("key"), Es256).unwrap();
    let mut header = good_header();
    header["alg"] = json!("ES256");
    let signed = format!(
        "{}.{}",
        encode(header.to_string().as_bytes()),
        encode(good_claims().to_string().as_bytes())
    );
    let signature: Signature = private.sign(signed.as_bytes());
    let issuer = tenant(&["https://mcp.example.com/mcp"], &[Es256, Rs256]);
    let expected = Expected { issuer: &issuer, leeway: 0, now: NOW };
    let verify = |signature: &[u8]| {
        let token = format!("{signed}.{}", encode(signature));
        UntrustedJwt::parse(&token).unwrap().verify(key, &expected).map(drop)
    };
    assert_eq!(verify(&signature.to_bytes()), Ok(()));
    assert_eq!(verify(signature.to_der().as_bytes()), Err(TokenError::SignatureWrong));
    assert_eq!(verify(&[0; 64]), Err(TokenError::SignatureWrong));
    let rs256 = token(&good_header(), &good_claims());
    let error = UntrustedJwt::parse(&rs256).unwrap().verify(key, &expected).err();
    assert_eq!(error, Some(TokenError::KeyNotForAlgorithm));
}

#[test]
fn other_kinds_of_tokens_name_themselves_and_stay_out() {
    for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
        assert!(with_header("typ", json!(typ)).is_ok(), "{typ}");
    }
    for typ in ["id+jwt", "dpop+jwt", "logout+jwt", "token-vault-req+jwt", ""] {
        assert_eq!(with_header("typ", json!(typ)).err(), Some(TokenError::TypeNotAllowed), "{typ}");
    }
}

#[test]
fn extensions_are_refused_whether_critical_or_not() {
    for (name, value) in [("crit", json!(["exp"])), ("crit", json!([])), ("b64", json!(false))] {
        let error = with_header(name, value).err();
        assert_eq!(error, Some(TokenError::ExtensionNotSupported), "{name}");
    }
}

#[test]
fn keys_in_the_header_of_a_token_are_ignored() {
    for name in ["jku", "x5u"] {
        assert!(with_header(name, json!("https://evil.example/keys")).is_ok(), "{name}");
    }
    assert!(with_header("jwk", json!({ "kty": "RSA" })).is_ok());
}

#[test]
fn a_changed_signature_or_payload_does_not_verify() {
    let good = token(&good_header(), &good_claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[0] ^= 1;
    let forged = format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
    assert_eq!(verify(&forged).err(), Some(TokenError::SignatureWrong));

    let (header, _) = signed.split_once('.').unwrap();
    let mut claims = good_claims();
    claims["sub"] = json!("auth0|2");
    let payload = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    let forged = format!("{header}.{payload}.{signature}");
    assert_eq!(verify(&forged).err(), Some(TokenError::SignatureWrong));
    assert_eq!(verify(&format!("{signed}.")).err(), Some(TokenError::SignatureWrong));
}

#[test]
fn a_token_is_three_strict_base64url_segments() {
    let good = token(&good_header(), &good_claims());
    for bad in [
        String::new(),
        ".".into(),
        "..".into(),
        "a.b.c".into(),
        format!("{good}="),
        format!("{good}.x"),
        good.replacen('.', "=.", 1),
        format!("{good}\n"),
    ] {
        assert_eq!(verify(&bad).err(), Some(TokenError::NotAJwt), "{bad}");
    }
    assert_eq!(verify(&"a".repeat(MAX_TOKEN_BYTES + 1)).err(), Some(TokenError::TooLarge));
}

/// Random damage to a good token, and random text in the form of one.
#[test]
fn no_damaged_token_gets_in_and_none_traps() {
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    let mut random = StdRng::seed_from_u64(9068);
    let good = token(&good_header(), &good_claims());
    let alphabet = b"abcXYZ019-_.=+/ {}\"\\\0\xc3\xa4";
    for _ in 0..20_000 {
        let mut bytes = good.clone().into_bytes();
        for _ in 0..random.random_range(1..4) {
            let place = random.random_range(0..bytes.len());
            let byte = alphabet[random.random_range(0..alphabet.len())];
            match random.random_range(0..3) {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => drop(bytes.drain(place..random.random_range(place..bytes.len()))),
            }
        }
        let damaged = String::from_utf8_lossy(&bytes).into_owned();
        if damaged != good {
            assert!(verify(&damaged).is_err(), "{damaged}");
        }
        let mut json = good_header().to_string().into_bytes();
        let place = random.random_range(0..json.len());
        json[place] = alphabet[random.random_range(0..alphabet.len())];
        let odd = format!("{}.e30.AA", BASE64_URL_SAFE_NO_PAD.encode(&json));
        assert!(verify(&odd).is_err(), "{odd}");
    }
}

#[test]
fn an_unverified_token_shows_only_what_selects_its_key() {
    let token = token(&good_header(), &good_claims());
    let shown = format!("{:?}", UntrustedJwt::parse(&token).unwrap());
    assert_eq!(shown, r#"UntrustedJwt(RS256, Some("key"))"#);
}
