use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_tenant::{ClientAuth, PublicKey, SigningKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::support::*;

const PASSWORD_FORM: [(&str, &str); 5] = [
    ("grant_type", "password"),
    ("client_id", "doorward-test"),
    ("username", "owner@example.com"),
    ("password", PASSWORD),
    ("audience", API),
];

#[tokio::test]
async fn the_password_grant_refuses_what_auth0_would() {
    let world = World::new().await;
    let cases = [
        (with(&PASSWORD_FORM, "password", "wrong"), 403, "invalid_grant"),
        (with(&PASSWORD_FORM, "username", "nobody@example.com"), 403, "invalid_grant"),
        (with(&PASSWORD_FORM, "audience", "http://127.0.0.1:3000/mcp/"), 403, "access_denied"),
        (with(&PASSWORD_FORM, "client_id", "nobody"), 401, "invalid_client"),
        (with(&PASSWORD_FORM, "client_id", "doorward-try"), 403, "unauthorized_client"),
        (with(&PASSWORD_FORM, "grant_type", "implicit"), 403, "unsupported_grant_type"),
        (without(&PASSWORD_FORM, "grant_type"), 400, "invalid_request"),
        (without(&PASSWORD_FORM, "username"), 400, "invalid_request"),
    ];
    for (form, expected, error) in cases {
        let (status, body) = world.token(&form).await;
        assert_eq!(
            (status.as_u16(), body["error"].as_str()),
            (expected, Some(error)),
            "{form:?} {body}"
        );
    }
    let (_, body) = world.token(&with(&PASSWORD_FORM, "audience", "urn:nowhere")).await;
    assert_eq!(body["error_description"], "Service not found: urn:nowhere");
}

#[tokio::test]
async fn a_body_may_be_a_form_or_json_and_nothing_else() {
    let world = World::new().await;
    let fields: serde_json::Map<_, _> =
        PASSWORD_FORM.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    assert_eq!(answer(world.post("/oauth/token").json(&fields)).await.0, 200);
    let (status, body) = answer(world.post("/oauth/token").body("grant_type=password")).await;
    assert_eq!((status.as_u16(), &body["error"]), (400, &json!("invalid_request")));
    let (status, _) =
        answer(world.post("/oauth/token").header("content-type", "application/json").body("["))
            .await;
    assert_eq!(status, 400);
    let twice = [PASSWORD_FORM.as_slice(), &[("audience", "b")]].concat();
    assert_eq!(world.token(&twice).await.0, 400, "a repeated parameter");
}

#[tokio::test]
async fn client_credentials_need_a_grant_and_give_its_scopes() {
    let world = World::new().await;
    let audience = world.url("/api/v2/");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "doorward"),
        ("client_secret", SECRET),
        ("audience", &audience),
    ];
    let (status, body) = world.token(&form).await;
    assert_eq!(status, 200);
    assert_eq!(body["expires_in"], 86_400);
    assert!(scopes(&body["scope"]).contains(&"read:resource_servers".to_owned()));
    let (_, claims) = world.claims(&text(&body["access_token"])).await;
    assert_eq!(
        (&claims["sub"], &claims["gty"]),
        (&json!("doorward@clients"), &json!("client-credentials"))
    );

    let (_, narrow) = world.token(&with(&form, "scope", "read:users delete:users")).await;
    assert_eq!(narrow["scope"], "read:users");
    let (status, body) = world.token(&with(&form, "audience", API)).await;
    assert_eq!((status.as_u16(), &body["error"]), (403, &json!("access_denied")));
    assert!(text(&body["error_description"]).starts_with("Client is not authorized to access"));
    assert_eq!(world.token(&with(&form, "client_secret", "wrong")).await.0, 401);
    assert_eq!(world.token(&without(&form, "client_secret")).await.0, 401);
    assert_eq!(world.token(&without(&form, "audience")).await.0, 400);
}

#[tokio::test]
async fn a_secret_may_travel_in_the_header() {
    let world = World::new().await;
    let form = [("grant_type", "client_credentials"), ("audience", API)];
    let machine =
        world.post("/oauth/token").form(&form).basic_auth("doorward-machine", Some(SECRET));
    let (status, body) = answer(machine).await;
    assert_eq!((status.as_u16(), &body["scope"]), (200, &json!("tool:whoami")));
    let named = [("grant_type", "client_credentials"), ("resource", API)];
    let machine =
        world.post("/oauth/token").form(&named).basic_auth("doorward-machine", Some(SECRET));
    assert_eq!(answer(machine).await.0, 200, "MCP clients send `resource`");
    let wrong =
        world.post("/oauth/token").form(&form).basic_auth("doorward-machine", Some("wrong"));
    assert_eq!(answer(wrong).await.0, 401);
    let both = [form.as_slice(), &[("client_secret", SECRET)]].concat();
    let twice = world.post("/oauth/token").form(&both).basic_auth("doorward-machine", Some(SECRET));
    assert_eq!(answer(twice).await.0, 400);
}

#[tokio::test]
async fn a_refresh_token_is_bound_to_its_client_and_follows_the_permissions() {
    let world = World::new().await;
    let granted =
        world.sign_in_for("owner@example.com", "tool:whoami tool:greet offline_access").await;
    let refresh = text(&granted["refresh_token"]);
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "doorward-test"),
        ("refresh_token", &refresh),
    ];
    let (status, body) = world.token(&form).await;
    assert_eq!(status, 200);
    assert_eq!(scopes(&body["scope"]), ["offline_access", "tool:greet", "tool:whoami"]);
    assert_eq!(body.get("refresh_token"), None, "rotation is off");
    let (_, narrow) = world.token(&with(&form, "scope", "tool:greet tool:calendar_summary")).await;
    assert_eq!(narrow["scope"], "tool:greet", "never more than before");

    assert_eq!(
        world.token(&with(&form, "client_id", "doorward-try")).await.1["error"],
        "invalid_grant"
    );
    let (_, body) = world.token(&with(&form, "resource", "urn:nowhere")).await;
    assert_eq!(body["error_description"], "Service not found: urn:nowhere");
    world.control().revoke_permission("owner@example.com", API, "tool:greet").unwrap();
    assert_eq!(scopes(&world.token(&form).await.1["scope"]), ["offline_access", "tool:whoami"]);

    let revoke = [("client_id", "doorward-test"), ("token", refresh.as_str())];
    assert_eq!(world.post("/oauth/revoke").form(&revoke).send().await.unwrap().status(), 200);
    assert_eq!(world.token(&form).await.1["error"], "invalid_grant");
}

#[tokio::test]
async fn with_rotation_each_refresh_token_works_once() {
    let world = World::new().await;
    world.control().edit(|directory| directory.tenant.rotate_refresh_tokens = true);
    let granted = world.sign_in_for("owner@example.com", "offline_access").await;
    let first = text(&granted["refresh_token"]);
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "doorward-test"),
        ("refresh_token", &first),
    ];
    let second = text(&world.token(&form).await.1["refresh_token"]);
    assert_eq!(world.token(&form).await.0, 403);
    assert_eq!(world.token(&with(&form, "refresh_token", &second)).await.0, 200);
}

#[tokio::test]
async fn a_signed_assertion_replaces_the_secret() {
    let world = World::new().await;
    let rsa = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let rsa_public = pem(
        "PUBLIC KEY",
        AsDer::<PublicKeyX509Der<'_>>::as_der(rsa.public_key()).unwrap().as_ref(),
    );
    let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&rsa).unwrap();
    let rsa = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", private.as_ref()).as_bytes()).unwrap();
    let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let ec_public =
        pem("PUBLIC KEY", AsDer::<PublicKeyX509Der<'_>>::as_der(ec.public_key()).unwrap().as_ref());
    let ec = EncodingKey::from_ec_der(ec.to_pkcs8v1().unwrap().as_ref());
    let key = |alg: &str, pem: &str| PublicKey {
        id: String::new(),
        is_enabled: true,
        alg: alg.to_owned(),
        pem: pem.to_owned(),
    };
    let keys = vec![key("RS256", &rsa_public), key("PS256", &rsa_public), key("ES256", &ec_public)];
    world.control().use_private_key_jwt("doorward", keys).unwrap();
    let client = world.control().directory().client("doorward").cloned().unwrap();
    assert_eq!(client.token_endpoint_auth_method, ClientAuth::PrivateKeyJwt);

    let now = jsonwebtoken::get_current_timestamp();
    let issuer = world.tenant.issuer();
    let good = |jti: &str| json!({"iss": "doorward", "sub": "doorward", "aud": issuer, "jti": jti, "iat": now, "nbf": now, "exp": now + 60});
    let try_with = async |alg, key: &EncodingKey, claims: &serde_json::Value| {
        let assertion = jsonwebtoken::encode(&Header::new(alg), claims, key).unwrap();
        let audience = world.url("/api/v2/");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "doorward"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
            ("audience", &audience),
        ];
        world.token(&form).await.0.as_u16()
    };
    assert_eq!(try_with(Algorithm::RS256, &rsa, &good("1")).await, 200);
    assert_eq!(try_with(Algorithm::PS256, &rsa, &good("2")).await, 200);
    assert_eq!(try_with(Algorithm::ES256, &ec, &good("3")).await, 200);
    assert_eq!(try_with(Algorithm::RS256, &rsa, &good("1")).await, 401, "used before");
    assert_eq!(try_with(Algorithm::RS512, &rsa, &good("4")).await, 401, "another algorithm");
    for (name, value) in
        [("aud", json!("https://other.example/")), ("iss", json!("other")), ("exp", json!(now - 1))]
    {
        let mut claims = good("5");
        claims[name] = value;
        assert_eq!(try_with(Algorithm::RS256, &rsa, &claims).await, 401, "{name}");
    }
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "doorward"),
        ("client_secret", SECRET),
        ("audience", API),
    ];
    assert_eq!(world.token(&form).await.0, 401, "the secret is gone");
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

#[tokio::test]
async fn a_public_client_needs_a_nonce_of_the_tenant_in_its_dpop_proof() {
    let world = World::new().await;
    let url = world.url("/oauth/token");
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = key.public_key().as_ref();
    let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let jwk = json!({
        "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..65]),
    });
    let private = EncodingKey::from_ec_der(key.to_pkcs8v1().unwrap().as_ref());
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some("dpop+jwt".to_owned());
    header.jwk = Some(serde_json::from_value(jwk).unwrap());
    let send = async |form: &[(&str, &str)], nonce: &str| {
        let claims = json!({
            "jti": "1", "htm": "POST", "htu": url, "iat": 1_800_000_000, "nonce": nonce,
        });
        let proof = jsonwebtoken::encode(&header, &claims, &private).unwrap();
        let request = world.post("/oauth/token").form(form).header("dpop", proof);
        let response = request.send().await.unwrap();
        let nonce = response.headers().get("dpop-nonce").map(|it| it.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        (status, nonce, response.json::<serde_json::Value>().await.unwrap())
    };
    let (status, nonce, body) = send(&PASSWORD_FORM, "made up").await;
    assert_eq!((status, &body["error"]), (400, &json!("use_dpop_nonce")));
    assert_eq!(body["error_description"], "Authorization server requires nonce in DPoP proof");
    let nonce = nonce.expect("the refusal brings a nonce");
    let (status, _, body) = send(&PASSWORD_FORM, &nonce).await;
    assert_eq!((status, &body["token_type"]), (200, &json!("DPoP")), "{body}");
    // A client with a secret shows by it that it takes part now.
    let machine = [
        ("grant_type", "client_credentials"),
        ("client_id", "doorward-machine"),
        ("client_secret", SECRET),
        ("audience", API),
    ];
    let (status, _, body) = send(&machine, "").await;
    assert_eq!((status, &body["token_type"]), (200, &json!("DPoP")), "{body}");
}

const ENTERPRISE: [(&str, &str); 3] = [
    ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
    ("client_id", "doorward-enterprise"),
    ("client_secret", SECRET),
];

#[tokio::test]
async fn an_id_jag_gets_an_access_token_for_its_user_and_no_other_token() {
    let world = World::new().await;
    let scopes = ["tool:whoami", "tool:greet", "offline_access", "openid"];
    let id_jag = |claims: Value| {
        let control = world.control();
        control.mint_id_jag("owner@example.com", "doorward-enterprise", &scopes, &claims).unwrap()
    };
    let good = id_jag(json!({}));
    let form = [&ENTERPRISE[..], &[("assertion", good.as_str())]].concat();
    for _ in 0..2 {
        let (status, body) = world.token(&form).await;
        assert_eq!((status.as_u16(), &body["scope"]), (200, &json!("tool:whoami tool:greet")));
        assert_eq!((body.get("refresh_token"), body.get("id_token")), (None, None));
        let (_, claims) = world.claims(&text(&body["access_token"])).await;
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!("auth0|owner"), &json!(API)));
        assert_eq!(claims["client_id"], "doorward-enterprise");
    }
    let (_, body) = world.token(&[&form[..], &[("scope", "tool:greet tool:x")]].concat()).await;
    assert_eq!(body["scope"], "tool:greet");
    for bad in [
        json!({ "iss": "https://evil.example/" }),
        json!({ "aud": "https://another.example/" }),
        json!({ "client_id": "doorward-try" }),
        json!({ "exp": 1 }),
        json!({ "exp": null }),
        json!({ "jti": null }),
        json!({ "sub": "auth0|nobody" }),
    ] {
        let assertion = id_jag(bad.clone());
        let form = [&ENTERPRISE[..], &[("assertion", assertion.as_str())]].concat();
        let (_, body) = world.token(&form).await;
        assert_eq!(body["error"], "invalid_grant", "{bad}");
    }
    let (_, claims) = decode(&good);
    for forged in [
        world.tenant.mint(&json!({ "typ": "oauth-id-jag+jwt" }), &claims),
        world.control().mint_with(SigningKey::Enterprise, &json!({ "typ": "JWT" }), &claims),
        "a.b.c".to_owned(),
    ] {
        let form = [&ENTERPRISE[..], &[("assertion", forged.as_str())]].concat();
        assert_eq!(world.token(&form).await.1["error"], "invalid_grant");
    }
    let document = answer(world.get("/.well-known/oauth-authorization-server")).await.1;
    let profiles = json!(["urn:ietf:params:oauth:grant-profile:id-jag"]);
    assert_eq!(document["authorization_grant_profiles_supported"], profiles);
}
