//! Attacks on the connect pages.

use reqwest::{Method, StatusCode};

use super::{CONNECTED, NOTHING, Newcomer, newcomer, password, people_arrive, to_the_provider};
use crate::{
    browser::{Browser, Page},
    case::{Case, case},
    link::{Link, link},
    world::{Answer, OWNER, World},
};

pub(super) const CASES: &[Case] = &[
    case!(a_link_that_was_changed_does_not_work after people_arrive),
    case!(a_link_older_than_ten_minutes_does_not_work after people_arrive),
    case!(a_ticket_is_for_one_connection after people_arrive),
    case!(a_link_is_for_one_user after people_arrive),
    case!(a_callback_without_the_browsers_cookie_does_nothing after people_arrive),
    case!(a_callback_works_once after people_arrive),
    case!(a_tampered_cookie_is_rejected after people_arrive),
    case!(an_answer_of_another_issuer_is_refused after people_arrive),
    case!(consent_from_another_browser_connects_nothing after people_arrive),
    case!(another_site_cannot_start_anything after people_arrive),
    case!(no_parameter_or_header_changes_the_redirect after people_arrive),
];

/// Goes from the link to the redirect after the sign-in, and does not follow it yet.
async fn until_the_callback(world: &World, browser: &Browser, who: &Newcomer) -> Page {
    let callback = world.url("/connect/callback");
    let first = browser.open(&link(world, &who.link())).await;
    let sign_in = browser.click(&first, "Continue").await;
    browser.sign_in_until(&sign_in, &who.email, password(world), Some(&callback)).await
}

async fn a_link_that_was_changed_does_not_work(world: &World) {
    let link = link(world, &newcomer(world).link());
    let (start, ticket) = link.split_once("ticket=").expect("the link has a ticket");
    let flipped: String = ticket.chars().rev().collect();
    let end = ticket.len() - 4;
    for wrong in [&flipped, "", "a", &ticket[..end], &ticket[4..], "%00", &"A".repeat(5000)] {
        for url in [format!("{start}ticket={wrong}"), format!("{link}&ticket={wrong}")] {
            for url in [url.replace("?", "/start?"), url] {
                let page = Browser::new().open(&url).await;
                assert_eq!(page.answer.status, StatusCode::BAD_REQUEST, "{url}");
                assert_eq!(page.heading(), "This link does not work", "{url}");
            }
        }
    }
}

async fn a_link_older_than_ten_minutes_does_not_work(world: &World) {
    let who = newcomer(world);
    let link = link(world, &Link { age: 601, ..who.link() });
    for url in [link.replace("?", "/start?"), link] {
        let browser = Browser::new();
        let page = browser.open(&url).await;
        assert_eq!(page.answer.status, StatusCode::GONE);
        assert_eq!(page.heading(), "This link has expired");
        assert!(browser.cookies("connect").is_empty());
    }
}

async fn a_ticket_is_for_one_connection(world: &World) {
    let link = link(world, &newcomer(world).link());
    for other in ["github", "google-oauth", "google-oauth22", "callback2", "GOOGLE-OAUTH2"] {
        let page = Browser::new().open(&link.replace("google-oauth2", other)).await;
        assert_eq!(page.heading(), "This link does not work", "{other}");
    }
}

async fn a_link_is_for_one_user(world: &World) {
    let (who, browser) = (newcomer(world), Browser::new());
    let first = browser.open(&link(world, &who.link())).await;
    let sign_in = browser.click(&first, "Continue").await;
    let refused = browser.sign_in(&sign_in, OWNER, password(world)).await;
    assert_eq!(refused.answer.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.heading(), "You are signed in as somebody else");
    assert!(!refused.answer.text.contains(&who.email), "the page does not tell whose link it is");
    assert!(who.accounts(world).is_empty());
    // The other user is still signed in at the tenant. The page's link forces a new sign-in.
    let sign_in = browser.click(&refused, "Sign in as another user").await;
    assert_eq!(sign_in.url.path(), "/u/login", "{sign_in:?}");
    let consent = browser.sign_in(&sign_in, &who.email, password(world)).await;
    assert_eq!(browser.choose(&consent, "allow", None).await.heading(), CONNECTED);
}

/// Login CSRF: the attacker signs in and makes a victim's browser open the callback.
async fn a_callback_without_the_browsers_cookie_does_nothing(world: &World) {
    let (attacker, browser) = (newcomer(world), Browser::new());
    let redirect = until_the_callback(world, &browser, &attacker).await;
    assert!(redirect.parameter("code").is_some(), "{redirect:?}");
    let victim = Browser::new().get(redirect.url.as_str()).await;
    assert_eq!((victim.status, victim.heading()), (StatusCode::BAD_REQUEST, NOTHING));
    // The browser that started the flow can still continue.
    assert_eq!(browser.open(redirect.url.as_str()).await.url.path(), "/u/connect");
}

async fn a_callback_works_once(world: &World) {
    let (who, browser) = (newcomer(world), Browser::new());
    let redirect = until_the_callback(world, &browser, &who).await;
    let stolen = browser.cookies("connect");
    let consent = browser.open(redirect.url.as_str()).await;
    assert_eq!(consent.url.path(), "/u/connect", "{consent:?}");
    let replay = async |stolen: &[(String, String)], url: &str| {
        let thief = Browser::new();
        stolen.iter().for_each(|(name, value)| thief.set_cookie(name, value));
        let page = thief.open(url).await;
        assert_eq!((page.answer.status, page.heading()), (StatusCode::BAD_REQUEST, NOTHING));
    };
    replay(&stolen, redirect.url.as_str()).await;
    let stolen = browser.cookies("connect");
    let callback = world.url("/connect/callback");
    let back = browser.choose(&consent, "allow", Some(&callback)).await;
    assert_eq!(browser.open(back.url.as_str()).await.heading(), CONNECTED);
    replay(&stolen, back.url.as_str()).await;
    // Even the same browser cannot use the callback again.
    assert_eq!(browser.open(back.url.as_str()).await.heading(), NOTHING);
    assert_eq!(who.accounts(world).len(), 1);
}

async fn a_tampered_cookie_is_rejected(world: &World) {
    let (who, browser) = (newcomer(world), Browser::new());
    let redirect = until_the_callback(world, &browser, &who).await;
    let (name, value) = browser.cookies("connect").remove(0);
    let swapped = if value.starts_with('A') { "B" } else { "A" };
    for wrong in [&format!("{swapped}{}", &value[1..]), &value[4..], "", "x", "\"\""] {
        let other = Browser::new();
        other.set_cookie(&name, wrong);
        assert_eq!(other.open(redirect.url.as_str()).await.heading(), NOTHING, "{wrong}");
    }
    // A valid cookie is valid for its own `state` only.
    let state = redirect.parameter("state").expect("the redirect has a state");
    let forged = redirect.url.as_str().replace(&state, &format!("{state}x"));
    assert_eq!(browser.open(&forged).await.heading(), NOTHING);
    assert_eq!(browser.open(redirect.url.as_str()).await.url.path(), "/u/connect");
}

/// Mix-up attack (RFC 9207): `iss` in the answer must be the tenant.
async fn an_answer_of_another_issuer_is_refused(world: &World) {
    let issuer = form(&world.tenant().issuer());
    let who = newcomer(world);
    for wrong in ["https%3A%2F%2Fevil.example%2F", "", &issuer[..issuer.len() - 3]] {
        let browser = Browser::new();
        let redirect = until_the_callback(world, &browser, &who).await;
        assert!(redirect.url.as_str().contains(&issuer), "{redirect:?}");
        let forged = redirect.url.as_str().replace(&issuer, wrong);
        let page = browser.open(&forged).await;
        assert_eq!(
            (page.answer.status, page.heading()),
            (StatusCode::BAD_REQUEST, "That did not work")
        );
        assert_eq!(
            browser.open(redirect.url.as_str()).await.heading(),
            NOTHING,
            "the flow has ended"
        );
    }
}

/// The attacker starts a flow and makes a victim consent at the provider. The victim's account
/// must not be connected to the attacker's user.
async fn consent_from_another_browser_connects_nothing(world: &World) {
    let (attacker, browser) = (newcomer(world), Browser::new());
    let consent = to_the_provider(world, &browser, &attacker, &link(world, &attacker.link())).await;
    let victim = Browser::new();
    let shown = victim.open(consent.url.as_str()).await;
    let done = victim.choose(&shown, "allow", None).await;
    assert_eq!((done.answer.status, done.heading()), (StatusCode::BAD_REQUEST, NOTHING));
    assert!(attacker.accounts(world).is_empty());
}

async fn another_site_cannot_start_anything(world: &World) {
    let who = newcomer(world);
    let start = link(world, &who.link()).replace("?", "/start?");
    for site in ["cross-site", "same-site", "none"] {
        let request = world.absolute(Method::GET, &start).header("sec-fetch-site", site);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, StatusCode::OK, "{site}");
        assert_eq!(
            answer.heading(),
            "Connect your Google account",
            "the page asks the person first"
        );
        assert_eq!(answer.header("set-cookie"), "");
    }
    let request = world.absolute(Method::GET, &start).header("sec-fetch-site", "same-origin");
    assert_eq!(Answer::of(request).await.status, StatusCode::SEE_OTHER);
}

async fn no_parameter_or_header_changes_the_redirect(world: &World) {
    let link = link(world, &newcomer(world).link());
    let start = link.replace("?", "/start?");
    for more in ["redirect_uri", "redirect", "next", "url", "return_to"] {
        let url = format!("{start}&{more}=https%3A%2F%2Fevil.example%2F");
        let answer = Browser::new().get(&url).await;
        let location = answer.header("location");
        assert!(location.starts_with(&format!("{}authorize?", world.tenant().issuer())));
        assert!(!location.contains("evil.example"), "{location}");
    }
    let host = world.absolute(Method::GET, &start).header("x-forwarded-host", "evil.example");
    let location = Answer::of(host).await.header("location").to_owned();
    assert!(location.contains(&form(&world.url("/connect/callback"))), "{location}");
}

fn form(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
