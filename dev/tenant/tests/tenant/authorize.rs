use reqwest::Response;
use serde_json::{Value, json};

use crate::support::*;

const CALLBACK: &str = "http://127.0.0.1:49152/callback";

/// The parameters of a valid request of the first-party client.
fn request() -> Vec<(&'static str, &'static str)> {
    vec![
        ("response_type", "code"),
        ("client_id", "doorward-try"),
        ("redirect_uri", CALLBACK),
        ("scope", "tool:whoami tool:greet tool:calendar_summary"),
        ("state", "the state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("resource", API),
    ]
}

async fn authorize(world: &World, request: &[(&str, &str)]) -> Response {
    world.get("/authorize").query(request).send().await.unwrap()
}

/// Follows a redirect within the tenant.
async fn follow(world: &World, response: &Response) -> Response {
    world.get(&location(response)).send().await.unwrap()
}

/// The `state` of the page that a redirect leads to.
fn page_state(response: &Response) -> String {
    query(&format!("http://tenant{}", location(response)))["state"].clone()
}

/// Signs in on the page that a redirect leads to, and returns the next redirect.
async fn sign_in(world: &World, response: &Response, email: &str) -> Response {
    let page = follow(world, response).await;
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("action=\"/u/login\""));
    let state = page_state(response);
    let form = [("state", state.as_str()), ("username", email), ("password", PASSWORD)];
    let done = world.post("/u/login").form(&form).send().await.unwrap();
    follow(world, &done).await
}

/// Submits the consent page that a redirect leads to.
async fn consent(world: &World, response: &Response, action: &str) -> Response {
    let page = follow(world, response).await;
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("action=\"/u/consent\""));
    let state = page_state(response);
    let form = [("state", state.as_str()), ("action", action)];
    let response = world.post("/u/consent").form(&form).send().await.unwrap();
    if location(&response).starts_with('/') { follow(world, &response).await } else { response }
}

fn redeem_form<'a>(client_id: &'a str, code: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

/// The error and its description in a redirect to the client.
fn refusal(response: &Response) -> (String, String) {
    let query = query(&location(response));
    (query["error"].clone(), query["error_description"].clone())
}

/// Registers a client and returns its id.
async fn register_client(world: &World) -> String {
    let metadata = json!({
        "client_name": "Stranger <b>",
        "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "application_type": "native",
    });
    let (status, body) = answer(world.post("/oidc/register").json(&metadata)).await;
    assert_eq!(status, 201, "{body}");
    text(&body["client_id"])
}

#[tokio::test]
async fn a_person_signs_in_and_the_client_gets_tokens() {
    let world = World::new().await;
    let response = authorize(&world, &request()).await;
    assert!(location(&response).starts_with("/u/login?state="));
    let back = sign_in(&world, &response, "owner@example.com").await;
    let url = location(&back);
    assert!(url.starts_with(CALLBACK), "{url}");
    let params = query(&url);
    assert_eq!(
        (params["state"].as_str(), params["iss"].as_str()),
        ("the state", world.tenant.issuer().as_str())
    );

    let form = redeem_form("doorward-try", &params["code"]);
    let (status, body) = world.token(&form).await;
    assert_eq!(status, 200, "{body}");
    let (_, claims) = world.claims(&text(&body["access_token"])).await;
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("auth0|owner"), &json!(API)));
    assert_eq!(scopes(&body["scope"]), ["tool:calendar_summary", "tool:greet", "tool:whoami"]);
    let (status, body) = world.token(&form).await;
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (403, &json!("invalid_grant")),
        "a code can be used once"
    );

    let again = authorize(&world, &request()).await;
    assert!(location(&again).starts_with(CALLBACK), "the browser is signed in now");
}

#[tokio::test]
async fn a_self_registered_client_needs_consent_and_gets_no_id_token() {
    let world = World::new().await;
    let client_id = register_client(&world).await;
    assert!(client_id.starts_with("tpc_"));
    let scope = "openid profile email offline_access tool:whoami tool:greet";
    let request = with(&with(&request(), "client_id", &client_id), "scope", scope);
    let response = sign_in(&world, &authorize(&world, &request).await, "greeter@example.com").await;
    let page = follow(&world, &response).await.text().await.unwrap();
    assert!(page.contains("Stranger &lt;b&gt;"), "names are escaped");
    assert!(page.contains("Greet you by name"), "scopes are described");
    assert!(page.contains("registered itself"));
    assert!(page.contains("<code>email</code>, which it does not get"));

    let back = consent(&world, &response, "allow").await;
    let code = query(&location(&back))["code"].clone();
    let (status, body) = world.token(&redeem_form(&client_id, &code)).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(scopes(&body["scope"]), ["offline_access", "tool:greet", "tool:whoami"]);
    assert_eq!(body.get("id_token"), None);
    let (_, claims) = world.claims(&text(&body["access_token"])).await;
    assert_eq!((&claims["aud"], &claims["client_id"]), (&json!(API), &json!(client_id)));
    let refresh = text(&body["refresh_token"]);
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", client_id.as_str()),
        ("refresh_token", &refresh),
        ("resource", API),
    ];
    assert_eq!(world.token(&form).await.0, 200);

    let again = authorize(&world, &request).await;
    assert!(location(&again).starts_with(CALLBACK), "consent is remembered");
    let more = with(&request, "scope", "tool:whoami tool:calendar_summary");
    assert!(
        location(&authorize(&world, &more).await).starts_with(CALLBACK),
        "what cannot be granted needs no consent"
    );
    let asked = with(&request, "prompt", "consent");
    assert!(location(&authorize(&world, &asked).await).starts_with("/u/consent"));
}

#[tokio::test]
async fn a_person_can_deny_consent() {
    let world = World::new().await;
    let client_id = register_client(&world).await;
    let response = authorize(&world, &with(&request(), "client_id", &client_id)).await;
    let response = sign_in(&world, &response, "owner@example.com").await;
    let back = consent(&world, &response, "deny").await;
    assert_eq!(
        refusal(&back),
        ("access_denied".into(), "User did not authorize the request".into())
    );
    let params = query(&location(&back));
    assert_eq!(
        (params["state"].as_str(), params["iss"].as_str()),
        ("the state", world.tenant.issuer().as_str())
    );
}

#[tokio::test]
async fn errors_go_to_the_redirect_uri_of_a_known_client() {
    let world = World::new().await;
    let good = request();
    let client_id = register_client(&world).await;
    let management = world.url("/api/v2/");
    let cases = [
        (without(&good, "code_challenge"), "invalid_request"),
        (without(&good, "code_challenge_method"), "invalid_request"),
        (with(&good, "code_challenge_method", "plain"), "invalid_request"),
        (with(&good, "code_challenge", "short"), "invalid_request"),
        (with(&good, "response_type", "token"), "unsupported_response_type"),
        (without(&good, "response_type"), "invalid_request"),
        (with(&good, "request", "x"), "request_not_supported"),
        (with(&good, "resource", "urn:nowhere"), "access_denied"),
        (with(&good, "audience", "urn:nowhere"), "access_denied"),
        (with(&good, "prompt", "none"), "login_required"),
        (
            with(&with(&good, "client_id", &client_id), "resource", "https://downstream.example/"),
            "access_denied",
        ),
        (with(&with(&good, "client_id", &client_id), "resource", &management), "access_denied"),
        (with(&good, "resource", &management), "access_denied"),
    ];
    for (request, error) in cases {
        let response = authorize(&world, &request).await;
        assert_eq!(refusal(&response).0, error, "{request:?}");
        assert_eq!(query(&location(&response))["iss"], world.tenant.issuer());
    }
    let (_, description) =
        refusal(&authorize(&world, &with(&good, "resource", "urn:nowhere")).await);
    assert_eq!(description, "Service not found: urn:nowhere");
    let both = with(&with(&good, "resource", "urn:nowhere"), "audience", API);
    assert!(location(&authorize(&world, &both).await).starts_with("/u/login"), "audience wins");
}

#[tokio::test]
async fn nobody_is_redirected_to_an_unregistered_uri() {
    let world = World::new().await;
    let good = request();
    let cases = [
        with(&good, "redirect_uri", "https://evil.example/callback"),
        without(&good, "redirect_uri"),
        with(&good, "client_id", "nobody"),
        without(&good, "client_id"),
        [good.as_slice(), &[("redirect_uri", CALLBACK)]].concat(),
    ];
    for request in cases {
        let response = authorize(&world, &request).await;
        assert_eq!(response.status(), 400, "{request:?}");
        assert!(!response.headers().contains_key("location"));
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    }
}

#[tokio::test]
async fn a_code_needs_its_verifier_its_client_and_its_redirect_uri() {
    let world = World::new().await;
    let mut first =
        Some(sign_in(&world, &authorize(&world, &request()).await, "owner@example.com").await);
    let cases: [(&str, Option<&str>, &str); 5] = [
        ("code_verifier", Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXx"), "invalid_grant"),
        ("code_verifier", None, "invalid_request"),
        ("redirect_uri", Some("http://127.0.0.1:1/callback"), "invalid_grant"),
        ("redirect_uri", None, "invalid_grant"),
        ("client_id", Some("doorward-test"), "unauthorized_client"),
    ];
    for (name, value, error) in cases {
        let back = match first.take() {
            Some(back) => back,
            None => authorize(&world, &request()).await,
        };
        let code = query(&location(&back))["code"].clone();
        let form = redeem_form("doorward-try", &code);
        let form = value.map_or_else(|| without(&form, name), |value| with(&form, name, value));
        let (_, body) = world.token(&form).await;
        assert_eq!(body["error"], error, "{name} {value:?}");
    }
}

#[tokio::test]
async fn prompts_are_obeyed() {
    let world = World::new().await;
    let response = authorize(&world, &request()).await;
    sign_in(&world, &response, "owner@example.com").await;
    let silent = authorize(&world, &with(&request(), "prompt", "none")).await;
    assert!(query(&location(&silent)).contains_key("code"));
    for prompt in ["login", "select_account"] {
        let asked = authorize(&world, &with(&request(), "prompt", prompt)).await;
        assert!(location(&asked).starts_with("/u/login"), "{prompt}");
        let back = sign_in(&world, &asked, "guest@example.com").await;
        assert!(location(&back).starts_with(CALLBACK), "and not asked twice");
    }
    let asked = authorize(&world, &with(&request(), "prompt", "consent")).await;
    assert!(location(&asked).starts_with("/u/consent"));
    let back = consent(&world, &asked, "allow").await;
    assert!(location(&back).starts_with(CALLBACK));
    let client_id = register_client(&world).await;
    let silent = [("prompt", "none"), ("client_id", client_id.as_str())];
    let response = authorize(
        &world,
        &silent.iter().fold(request(), |all, (name, value)| with(&all, name, value)),
    )
    .await;
    assert_eq!(refusal(&response).0, "consent_required");
    let age = authorize(&world, &with(&request(), "max_age", "-1")).await;
    assert!(location(&age).starts_with("/u/login"));
}

#[tokio::test]
async fn a_wrong_password_shows_the_page_again() {
    let world = World::new().await;
    let response = authorize(&world, &request()).await;
    let state = page_state(&response);
    let form = [("state", state.as_str()), ("username", "\"><script>"), ("password", "wrong")];
    let page = world.post("/u/login").form(&form).send().await.unwrap();
    assert_eq!(page.status(), 400);
    let html = page.text().await.unwrap();
    assert!(html.contains("Wrong email or password."));
    assert!(html.contains("&quot;&gt;&lt;script&gt;") && !html.contains("<script"));
}

#[tokio::test]
async fn a_page_belongs_to_its_browser() {
    let world = World::new().await;
    let response = authorize(&world, &request()).await;
    let state = page_state(&response);
    let other = reqwest::Client::new();
    let page = other.get(world.url(&location(&response))).send().await.unwrap();
    assert_eq!(page.status(), 400);
    let form =
        [("state", state.as_str()), ("username", "owner@example.com"), ("password", PASSWORD)];
    let done = other.post(world.url("/u/login")).form(&form).send().await.unwrap();
    assert_eq!(done.status(), 400);
    assert_eq!(
        world.post("/u/consent").form(&form).send().await.unwrap().status(),
        400,
        "nobody is signed in"
    );
}

#[tokio::test]
async fn the_pages_send_strict_security_headers() {
    let world = World::new().await;
    let page = follow(&world, &authorize(&world, &request()).await).await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert_eq!(
        policy,
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
         form-action 'self' http://127.0.0.1:49152"
    );
    assert_eq!(page.headers()["cache-control"], "no-store");
    let cookie_free = page.text().await.unwrap();
    assert!(
        !cookie_free.contains("<script")
            && !cookie_free.contains("http://")
            && !cookie_free.contains("style=")
    );
    let style = world.get("/u/style.css").send().await.unwrap();
    assert_eq!(style.headers()["content-type"], "text/css; charset=utf-8");
}

#[tokio::test]
async fn an_organization_is_for_its_members() {
    let world = World::new().await;
    let request = with(&request(), "organization", "org_local0000000001");
    let response = authorize(&world, &request).await;
    let back = sign_in(&world, &response, "owner@example.com").await;
    let code = query(&location(&back))["code"].clone();
    let (_, body) = world.token(&redeem_form("doorward-try", &code)).await;
    let (_, claims) = world.claims(&text(&body["access_token"])).await;
    assert_eq!(
        (&claims["org_id"], &claims["org_name"]),
        (&json!("org_local0000000001"), &json!("local-organization"))
    );
    let asked = authorize(&world, &with(&request, "prompt", "login")).await;
    let back = sign_in(&world, &asked, "guest@example.com").await;
    assert_eq!(
        refusal(&back).1,
        "user auth0|guest is not part of the org_local0000000001 organization"
    );
}

/// Signs in to an organization on the page, or outside of any.
async fn claims_of(world: &World, email: &str, organization: Option<&str>) -> Value {
    let first = authorize(world, &with(&request(), "prompt", "login")).await;
    let page = follow(world, &first).await.text().await.unwrap();
    assert!(page.contains("in the organization acme"), "{page}");
    let state = page_state(&first);
    let mut form = vec![("state", state.as_str()), ("username", email), ("password", PASSWORD)];
    form.extend(organization.map(|id| ("organization", id)));
    let done = world.post("/u/login").form(&form).send().await.unwrap();
    let code = query(&location(&follow(world, &done).await))["code"].clone();
    let (_, body) = world.token(&redeem_form("doorward-try", &code)).await;
    world.claims(&text(&body["access_token"])).await.1
}

#[tokio::test]
async fn whoever_signs_in_to_an_organization_has_the_permissions_of_the_roles_there() {
    const ACME: Option<&str> = Some("org_acme00000000001");
    let world = World::new().await;
    let greeter = json!(["tool:greet", "tool:whoami"]);
    for (email, organization, permissions) in [
        ("member@example.com", ACME, &greeter),
        ("night@example.com", ACME, &greeter),
        ("member@example.com", None, &json!([])),
        ("owner@example.com", ACME, &json!([])),
    ] {
        let claims = claims_of(&world, email, organization).await;
        assert_eq!(claims["permissions"], *permissions, "{email}");
        assert_eq!(claims.get("org_id"), organization.map(|id| json!(id)).as_ref());
        let scope = claims["scope"].as_str().unwrap_or_default();
        assert_eq!(scope.split_whitespace().count(), permissions.as_array().unwrap().len());
    }
    world.control().edit(|directory| directory.tenant.organization_names = false);
    let claims = claims_of(&world, "member@example.com", ACME).await;
    assert_eq!((&claims["org_id"], claims.get("org_name")), (&json!(ACME.unwrap()), None));
}

#[tokio::test]
async fn the_response_can_use_the_fragment_and_a_confidential_client_authenticates() {
    let world = World::new().await;
    let callback = "http://127.0.0.1:3000/connect/callback";
    let me = world.url("/me/");
    let request = [
        ("response_type", "code"),
        ("response_mode", "fragment"),
        ("client_id", "doorward-connect"),
        ("redirect_uri", callback),
        ("scope", "openid create:me:connected_accounts delete:users"),
        ("audience", me.as_str()),
        ("nonce", "the nonce"),
    ];
    let back = sign_in(&world, &authorize(&world, &request).await, "unconnected@example.com").await;
    let url = location(&back).replacen('#', "?", 1);
    let code = query(&url)["code"].clone();
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "doorward-connect"),
        ("code", code.as_str()),
        ("redirect_uri", callback),
    ];
    assert_eq!(world.token(&form).await.1["error"], "invalid_client");
    let (_, body) = world.token(&with(&form, "client_secret", SECRET)).await;
    assert_eq!(body["scope"], "openid create:me:connected_accounts");
    let (_, id): (Value, Value) = world.claims(&text(&body["id_token"])).await;
    assert_eq!((&id["nonce"], &id["sub"]), (&json!("the nonce"), &json!("auth0|unconnected")));
}
