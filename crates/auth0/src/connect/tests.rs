//! The whole way, natively, with everything that can go wrong behind it.

mod setting;

use std::collections::BTreeSet;

use doorward_core::{
    keys::{Keys, Purpose},
    testing::{FakeFault, finish_all},
};
use doorward_oauth::testing::NOW;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use self::setting::{
    ACCOUNTS, CALENDAR, COMPLETE, CONNECT, MY_TOKEN, Setting, TOKENS, back, consented, tokens,
};
use super::*;

#[test]
fn an_account_is_connected_from_the_link_to_the_end() {
    let setting = Setting::new();
    let started = setting.started(&json!({}));
    assert_eq!(started.answer.status(), StatusCode::SEE_OTHER);
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "connect-client"),
        ("redirect_uri", "https://mcp.example.com/connect/callback"),
        ("audience", "https://tenant.example.com/me/"),
        ("scope", "openid create:me:connected_accounts read:me:connected_accounts"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(started.parameter(name).as_deref(), Some(value));
    }
    let at_provider = setting.signed_in(&started, &json!({}));
    let location = at_provider.location.as_ref().expect("the provider comes next").as_str();
    assert_eq!(location, "https://tenant.example.com/connect?ticket=the%26ticket");
    let done = consented(&setting, &at_provider, "connect_code=the-connect-code");
    assert_eq!(done.page(), (200, "Your Google account is connected"));
    assert!(
        done.cookie.is_empty()
            && !setting.host.store.borrow().keys().any(|key| key.contains(":connect:"))
    );
    assert_eq!(setting.codes(), ["account_connected"]);
    let bodies = setting.host.bodies.borrow();
    let [redeemed, .., consent_request, complete] = bodies.as_slice() else { panic!("{bodies:?}") };
    assert!(redeemed.is_empty() || !redeemed.contains(MY_TOKEN));
    let consent_request: Value = serde_json::from_str(consent_request).unwrap();
    assert_eq!(consent_request["scopes"], json!(["openid", "profile", CALENDAR]));
    let complete: Value = serde_json::from_str(complete).unwrap();
    assert_eq!(complete["auth_session"], "the session");
    assert_eq!(complete["connect_code"], "the-connect-code");
    let verifier = complete["code_verifier"].as_str().unwrap();
    assert_eq!(consent_request["code_challenge"], sign_in::challenge(verifier));
}

#[test]
fn a_link_is_for_users_of_the_tenant_if_there_is_a_page() {
    let setting = Setting::new();
    let link = setting.link(&json!({})).unwrap();
    assert!(link.starts_with("https://mcp.example.com/connect/google-oauth2?ticket="), "{link}");
    assert!(!link.contains("auth0"), "who it is for cannot be read");
    for nobody in [
        json!({ "sub": "client@clients" }),
        json!({ "sub": "client@clients", "gty": "client-credentials" }),
        json!({ "iss": "https://other.example/" }),
    ] {
        assert_eq!(setting.link(&nobody), None, "{nobody}");
    }
    for odd in ["", "callback", "a/b", "a?b", "..", "a b", "\u{e4}"] {
        assert_eq!(setting.link_for(&json!({}), odd, &[]), None, "{odd}");
    }
}

#[test]
fn the_operators_own_page_is_named_if_there_is_no_other() {
    let own = "https://accounts.example.com/connect";
    let off = [("connect_client_id", ""), ("connect_client_secret", "")];
    assert_eq!(Setting::with(&off).link(&json!({})), None);
    let setting = Setting::with(&[off[0], off[1], ("connect_url", own)]);
    assert_eq!(setting.link(&json!({})).as_deref(), Some(own));
    let setting = Setting::with(&[("connect_url", own)]);
    assert!(setting.link(&json!({})).unwrap().starts_with("https://mcp.example.com/"));
}

#[test]
fn cookies_are_for_this_host_alone() {
    let started = Setting::new().started(&json!({}));
    let cookies = started.answer.cookies();
    assert_eq!(cookies.len(), 1);
    assert!(cookies[0].starts_with("__Host-doorward-connect-"), "{cookies:?}");
    assert!(cookies[0].ends_with("; Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Lax"));
}

/// Two servers may share a secret and a store.
#[test]
fn a_cookie_counts_only_at_the_server_that_set_it() {
    let setting = Setting::new();
    let started = setting.started(&json!({}));
    let mut other = Setting::new();
    other.instance.oauth.settings.resource.mcp_url = "https://other.example.com/mcp".to_owned();
    other.host.store.replace(setting.host.store.borrow().clone());
    let url = back(&started, "code=a-code");
    other.visit(&url, &started.cookie);
    assert_eq!(other.last_code(), "connect_not_begun");
    setting.visit(&url, &started.cookie);
    assert_ne!(setting.last_code(), "connect_not_begun");
}

#[test]
fn nothing_of_a_flow_can_be_read_in_the_store_or_the_cookie() {
    let setting = Setting::new();
    let at_provider = setting.signed_in(&setting.started(&json!({})), &json!({}));
    let store = setting.host.store.borrow();
    let mut records = store.iter().filter(|(key, _)| key.starts_with("doorward:v2:connect:"));
    let (key, record) = records.next().expect("there is a record");
    assert!(records.next().is_none() && !key.contains("auth0"));
    let cookie = at_provider.cookie.get(header::COOKIE).unwrap().to_str().unwrap();
    for secret in [MY_TOKEN, "the session", "auth0", "google"] {
        let bytes = secret.as_bytes();
        assert!(!record.windows(bytes.len()).any(|window| window == bytes), "{secret}");
        assert!(!cookie.contains(secret), "{secret}");
    }
}

#[test]
fn another_user_or_another_organization_gets_nowhere() {
    let setting = Setting::new();
    let refused = setting.signed_in(&setting.started(&json!({})), &json!({ "sub": "auth0|2" }));
    assert_eq!(refused.page(), (403, "You are signed in as somebody else"));
    assert_eq!(setting.last_code(), "connect_other_user");
    assert!(refused.text().contains("again=1"), "{}", refused.text());

    let member = json!({ "org_id": "org_1" });
    for (claims, is_in) in
        [(json!({}), false), (json!({ "org_id": "org_2" }), false), (member.clone(), true)]
    {
        let started = setting.started(&member);
        assert_eq!(started.parameter("organization").as_deref(), Some("org_1"));
        assert_eq!(setting.signed_in(&started, &claims).location.is_some(), is_in, "{claims}");
    }
    assert_eq!(setting.host.count(CONNECT), 1);
}

#[test]
fn an_id_token_for_something_else_is_refused() {
    for claims in [
        json!({ "nonce": "another" }),
        json!({ "nonce": null }),
        json!({ "aud": "another-client" }),
        json!({ "aud": "https://mcp.example.com/mcp" }),
        json!({ "iss": "https://other.example/" }),
        json!({ "exp": NOW - 100, "iat": NOW - 200 }),
        json!({ "sub": null }),
    ] {
        let setting = Setting::new();
        let refused = setting.signed_in(&setting.started(&json!({})), &claims);
        assert_eq!(refused.page(), (400, "That did not work"), "{claims}");
        assert_eq!(setting.last_code(), "connect_answer_wrong");
        assert_eq!(setting.host.count(CONNECT), 0);
    }
}

#[test]
fn a_response_names_its_issuer_if_the_tenant_says_so_and_repeats_nothing() {
    for (query, code) in [
        ("code=1", "connect_answer_wrong"),
        ("code=1&iss=https://other.example/", "connect_answer_wrong"),
        ("iss=https://tenant.example.com/", "connect_answer_wrong"),
        ("code=1&error=a&iss=https://tenant.example.com/", "connect_refused"),
        ("error=access_denied&iss=https://tenant.example.com/", "connect_not_signed_in"),
        ("error=server_error&iss=https://tenant.example.com/", "connect_refused"),
        ("code=1&code=1&iss=https://tenant.example.com/", "connect_not_begun"),
        ("code=1&state=x&iss=https://tenant.example.com/", "connect_not_begun"),
    ] {
        let setting = Setting::new();
        let started = setting.started(&json!({}));
        setting.visit(&back(&started, query), &started.cookie);
        assert_eq!(setting.last_code(), code, "{query}");
        assert_eq!(setting.host.count(TOKENS), 0, "{query}");
    }
}

#[test]
fn there_is_a_page_whatever_the_tenant_answers() {
    let garbage = json!("garbage");
    let down = "connect_unavailable";
    for (endpoint, status, body, code) in [
        (TOKENS, 403, json!({ "error": "invalid_grant" }), "connect_answer_wrong"),
        (TOKENS, 401, json!({ "error": "invalid_client" }), "connect_refused"),
        (TOKENS, 500, garbage.clone(), down),
        (TOKENS, 200, json!({ "access_token": "no ID token" }), down),
        (ACCOUNTS, 403, garbage.clone(), "connect_refused"),
        (ACCOUNTS, 503, garbage.clone(), down),
        (ACCOUNTS, 200, json!({ "accounts": null }), down),
        (CONNECT, 400, garbage.clone(), "connect_refused"),
        (CONNECT, 401, garbage.clone(), "connect_refused"),
        (CONNECT, 429, garbage.clone(), down),
        (CONNECT, 302, garbage.clone(), "connect_refused"),
        (CONNECT, 201, garbage.clone(), down),
        (COMPLETE, 400, garbage.clone(), "connect_answer_wrong"),
        (COMPLETE, 401, garbage.clone(), "connect_refused"),
        (COMPLETE, 409, garbage.clone(), "connect_account_taken"),
        (COMPLETE, 500, garbage.clone(), down),
        (COMPLETE, 201, json!({ "id": null }), down),
    ] {
        let setting = Setting::new();
        let started = setting.started(&json!({}));
        setting.host.answers(TOKENS, 200, &tokens(&started, &json!({})));
        setting.host.answers(endpoint, status, &body);
        let url = back(&started, "code=1&iss=https://tenant.example.com/");
        let mut visit = setting.visit(&url, &started.cookie);
        if endpoint == COMPLETE {
            visit = consented(&setting, &visit, "connect_code=1");
        }
        assert_ne!(visit.page().1, "Your Google account is connected");
        assert_eq!(setting.last_code(), code, "{endpoint} {status}");
        assert!(!setting.host.lines.borrow().join("\n").contains("garbage"));
    }
}

#[test]
fn a_store_that_fails_connects_nothing() {
    let setting = Setting::new();
    setting.host.store_fault.set(Some(FakeFault::Down));
    assert_eq!(setting.started(&json!({})).page(), (503, "This does not work just now"));
    for fault in [FakeFault::Down, FakeFault::Garbage, FakeFault::Oversized, FakeFault::Slow] {
        setting.host.store_fault.set(None);
        let started = setting.started(&json!({}));
        setting.host.store_fault.set(Some(fault));
        let visit = setting.signed_in(&started, &json!({}));
        assert!(visit.location.is_none(), "{fault:?}");
        assert_eq!(setting.host.count(TOKENS), 0, "{fault:?}");
    }
}

#[test]
fn a_flow_ends_after_ten_minutes() {
    let setting = Setting::new();
    let started = setting.started(&json!({}));
    setting.host.now.set(NOW + 600);
    assert_eq!(setting.signed_in(&started, &json!({})).page(), (410, "This took too long"));
    assert_eq!(setting.last_code(), "connect_too_slow");
    assert_eq!(setting.host.count(TOKENS), 0);
}

#[test]
fn of_several_callbacks_at_once_one_succeeds() {
    let setting = Setting::new();
    let started = setting.started(&json!({}));
    setting.host.answers(TOKENS, 200, &tokens(&started, &json!({})));
    setting.host.polls.set(3);
    let url = back(&started, "code=1&iss=https://tenant.example.com/");
    let answers = finish_all((0..16).map(|_| setting.answer(&url, &started.cookie)));
    let statuses = answers.into_iter().map(|answer| answer.unwrap().status());
    assert_eq!(statuses.filter(|status| *status == StatusCode::SEE_OTHER).count(), 1);
    assert_eq!(setting.host.count(TOKENS), 1);
}

#[test]
fn a_stranger_with_the_link_can_make_the_user_start_again_and_nothing_else() {
    let setting = Setting::new();
    let [users, strangers] = [setting.started(&json!({})), setting.started(&json!({}))];
    for (flow, browser) in [(&users, &users), (&strangers, &users), (&users, &strangers)] {
        let url = back(flow, "code=the-code&iss=https://tenant.example.com/");
        assert!(setting.visit(&url, &browser.cookie).location.is_none());
        assert_eq!(setting.last_code(), "connect_not_begun");
    }
    assert_eq!(setting.host.count(TOKENS), 0);
    let again = setting.started(&json!({}));
    assert!(setting.signed_in(&again, &json!({})).location.is_some());
}

#[test]
fn the_provider_is_reached_over_https_or_at_the_tenant() {
    for (page, is_safe) in [
        ("https://accounts.example.com/consent?a=b", true),
        ("http://accounts.example.com/consent", false),
        ("javascript:alert(1)", false),
        ("//accounts.example.com", false),
    ] {
        let setting = Setting::new();
        let consent_request = json!({
            "auth_session": "s", "connect_uri": page, "connect_params": { "ticket": "t" },
        });
        setting.host.answers(CONNECT, 201, &consent_request);
        let visit = setting.signed_in(&setting.started(&json!({})), &json!({}));
        assert_eq!(visit.location.is_some(), is_safe, "{page}");
    }
}

#[test]
fn a_page_shows_scopes_as_text() {
    let setting = Setting::new();
    let scopes = ["<script>alert(1)</script>"];
    let link = setting.link_for(&json!({}), "github", &scopes).unwrap();
    let first = setting.visit(&link, &HeaderMap::new());
    assert_eq!(first.page(), (200, "Connect your GitHub account"));
    assert!(first.text().contains("&lt;script&gt;") && !first.text().contains("<script"));
}

#[test]
fn a_neighbours_cookie_need_not_be_ascii() {
    let setting = Setting::new();
    let started = setting.started(&json!({}));
    let own = started.cookie.get(header::COOKIE).unwrap().as_bytes();
    let both = ["name=\u{e4}; ".as_bytes(), own].concat();
    let cookies = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_bytes(&both).unwrap())]);
    setting.host.answers(TOKENS, 200, &tokens(&started, &json!({})));
    let url = back(&started, "code=the-code&iss=https://tenant.example.com/");
    assert!(setting.visit(&url, &cookies).answer.status().is_redirection());
}

#[test]
fn a_link_opens_for_its_own_connection_and_server_and_for_ten_minutes() {
    for is_short in [true, false] {
        let setting = Setting::new();
        setting.host.store_fault.set((!is_short).then_some(FakeFault::Down));
        let link = setting.link(&json!({})).unwrap();
        setting.host.store_fault.set(None);
        assert_eq!(link.len() < 80, is_short, "{link}");
        let visit = |link: &str| setting.visit(link, &HeaderMap::new()).answer.status().as_u16();
        assert_eq!(visit(&link), 200);
        assert_eq!(visit(&link.replace("google-oauth2", "github")), 400);
        assert_eq!(visit(&link[..link.len() - 1]), 400);
        assert_eq!(visit(&format!("{link}x")), 400);
        // One server has another secret, one has another URL and the same secret. Both have the
        // same store.
        let [mut one, mut other] = [Setting::new(), Setting::new()];
        let keys = Keys::from(&"another".into());
        one.instance.oauth.sealer = keys.sealer(Purpose::Store);
        one.instance.oauth.keys = keys;
        other.instance.oauth.settings.resource.mcp_url = "https://other.example.com/mcp".to_owned();
        for other in [one, other] {
            other.host.store.replace(setting.host.store.borrow().clone());
            assert_eq!(other.visit(&link, &HeaderMap::new()).answer.status().as_u16(), 400);
            assert_eq!(other.last_code(), "connect_link_wrong");
        }
        setting.host.now.set(NOW + 599);
        assert_eq!(visit(&link), 200);
        setting.host.now.set(NOW + 600);
        assert_eq!(visit(&link), 410);
        assert_eq!(setting.last_code(), "connect_link_too_old");
    }
}

#[test]
fn an_offer_that_is_made_again_has_the_same_link_and_no_two_offers_have_one() {
    let setting = Setting::new();
    let link = setting.link(&json!({}));
    setting.host.now.set(NOW + 599);
    assert_eq!(setting.link(&json!({})), link);
    assert_eq!(setting.host.store.borrow().len(), 1);
    setting.host.now.set(NOW + 1000);
    let visit = setting.visit(&link.clone().unwrap(), &HeaderMap::new());
    assert_eq!(visit.answer.status(), StatusCode::OK, "it counts from the last offer");
    let links = [
        link,
        setting.link(&json!({ "sub": "auth0|2" })),
        setting.link(&json!({ "org_id": "org_1" })),
        setting.link_for(&json!({}), "google-oauth2", &["openid"]),
        setting.link_for(&json!({}), "github", &[CALENDAR]),
    ];
    let handle = |link: &Option<String>| link.clone().unwrap().split_off("https://".len() + 40);
    let handles: BTreeSet<_> = links.iter().map(handle).collect();
    assert_eq!(handles.len(), links.len(), "{links:?}");
    setting.host.now.set(NOW + 86_400);
    let tomorrow = setting.link(&json!({}));
    assert!(!links.contains(&tomorrow), "whoever has seen a link does not know it for ever");
}

#[test]
fn no_link_is_lost_while_the_store_fails_or_is_full() {
    let mut setting = Setting::new();
    setting.instance.oauth = setting.instance.oauth.with_buckets(16);
    let links: Vec<_> =
        (0..200).map(|user| setting.link(&json!({ "sub": format!("auth0|{user}") }))).collect();
    let long = links.iter().flatten().filter(|link| link.len() > 200).count();
    assert!((72..200).contains(&long), "there is room for 128 at most: {long}");
    for link in links.into_iter().flatten() {
        assert_eq!(setting.visit(&link, &HeaderMap::new()).answer.status(), StatusCode::OK);
    }
    for fault in [FakeFault::Down, FakeFault::Slow] {
        setting.host.store_fault.set(Some(fault));
        let link = setting.link(&json!({})).unwrap();
        assert_eq!(setting.visit(&link, &HeaderMap::new()).answer.status(), StatusCode::OK);
    }
}

#[test]
fn whoever_follows_a_short_link_that_was_lost_is_told_what_to_do() {
    let setting = Setting::new();
    let link = setting.link(&json!({})).unwrap();
    setting.host.store_fault.set(Some(FakeFault::Down));
    let visit = setting.visit(&link, &HeaderMap::new());
    assert_eq!(visit.page(), (503, "This does not work just now"));
    setting.host.store_fault.set(None);
    setting.host.store.borrow_mut().retain(|key, _| !key.contains(":link:"));
    let visit = setting.visit(&link, &HeaderMap::new());
    assert_eq!(visit.page(), (400, "This link does not work"));
    assert!(visit.text().contains("let your agent try again"), "{}", visit.text());
    assert_eq!(setting.link(&json!({})).unwrap(), link, "the agent tries again");
    assert_eq!(setting.visit(&link, &HeaderMap::new()).answer.status(), StatusCode::OK);
}

#[test]
fn the_store_tells_nobody_a_link_or_what_it_is_about() {
    let setting = Setting::new();
    let link = setting.link(&json!({})).unwrap();
    let handle = link.split_once("ticket=").unwrap().1;
    let store = setting.host.store.borrow();
    let [(key, record)] = store.iter().collect::<Vec<_>>()[..] else { panic!("{store:?}") };
    assert!(key.starts_with("doorward:v2:link:") && !key.contains(handle), "{key}");
    for secret in [handle, "auth0", "google", "calendar", "mcp.example.com"] {
        let bytes = secret.as_bytes();
        assert!(!record.windows(bytes.len()).any(|window| window == bytes), "{secret}");
    }
}

#[test]
fn what_the_account_has_already_is_read_once_more_and_changes_are_sent_once() {
    for (endpoint, requests) in [(ACCOUNTS, 2), (CONNECT, 1)] {
        let setting = Setting::new();
        setting.host.answers(endpoint, 503, &json!({}));
        setting.signed_in(&setting.started(&json!({})), &json!({}));
        assert_eq!(setting.host.count(endpoint), requests, "{endpoint}");
        assert_eq!(setting.last_code(), "connect_unavailable");
    }
}
