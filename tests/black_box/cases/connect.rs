//! The connect pages, on which a user connects an account.

mod attacks;

use std::collections::BTreeSet;

use doorward_core::store::{Buckets, Kind, StoreKey};
use doorward_tenant::{Calendar, Endpoint, Person};
use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{
    browser::{Browser, Page},
    case::{Case, case},
    link::{Link, keys, link},
    world::{Answer, World, outcome},
    wrongs,
};

const CASES: &[Case] = &[
    case!(a_person_connects_an_account_and_the_call_succeeds after people_arrive),
    case!(every_page_is_plain_and_guarded after people_arrive),
    case!(a_person_who_declines_can_try_again after people_arrive),
    case!(scopes_granted_before_are_requested_again after people_arrive),
    case!(an_unused_flow_gives_way_to_a_new_one after people_arrive),
    case!(connecting_leaves_no_token_behind after people_arrive),
    case!(every_fault_while_connecting_is_a_page alone),
    case!(the_pages_take_get_only),
    case!(without_an_application_there_is_no_page with &[
        ("connect_client_id", ""),
        ("connect_client_secret", ""),
    ]),
];

/// The cases about connecting, and those about attacks on it.
pub(super) fn cases() -> Vec<Case> {
    [CASES, attacks::CASES].concat()
}

/// The fewest `store_buckets` of the manifests under test. Buckets that differ here differ among
/// 4,096, too, which is a multiple.
const FEWEST_BUCKETS: u32 = 128;

const CALENDAR: &str = "https://www.googleapis.com/auth/calendar.readonly";
const CONNECTED: &str = "Your Google account is connected";
/// The headings if the tenant fails, if it refuses, and if its answer is invalid.
const FAILED: [&str; 3] = [
    "This does not work just now",
    "This server cannot connect the account yet",
    "That did not work",
];
const NOTHING: &str = "This cannot be continued";

/// Adds sixteen users who may use every tool and have not connected an account.
async fn people_arrive(world: &World) {
    world.tenant().control().edit(|seed| {
        let known = seed.people.iter().find(|person| person.user_id == "auth0|unconnected");
        let known = known.expect("the seed has such a person").clone();
        let numbers = newcomers(world);
        let new = numbers.iter().map(|number| Person {
            user_id: format!("auth0|new-{number}"),
            email: format!("new-{number}@example.com"),
            ..known.clone()
        });
        seed.people.extend(new);
        let empty = seed.calendars.iter().find(|calendar| calendar.owner == "quiet@example.com");
        let empty = empty.expect("the seed has such a calendar").clone();
        seed.calendars.extend(numbers.iter().map(|number| Calendar {
            owner: format!("new-{number}@example.com"),
            ..empty.clone()
        }));
    });
}

/// The numbers of these users. Their records have buckets of their own: of two that are written to
/// one bucket at the same time, the server may lose one, and that user has to begin again.
fn newcomers(world: &World) -> Vec<usize> {
    let buckets = Buckets::new(&keys(world), FEWEST_BUCKETS);
    let mut taken = BTreeSet::new();
    let issuer = world.tenant().issuer();
    let has_own_bucket = |number: &usize| {
        let subject = format!("auth0|new-{number}");
        let key = StoreKey::new(Kind::Connect, &[&issuer, &subject, "google-oauth2"]);
        taken.insert(buckets.place(key.as_str()).0)
    };
    (0..).filter(has_own_bucket).take(16).collect()
}

/// One of these users.
struct Newcomer {
    email: String,
    subject: String,
}

/// Returns a user whom no other copy of the case uses.
fn newcomer(world: &World) -> Newcomer {
    let numbers = newcomers(world);
    let number = numbers[world.number() % numbers.len()];
    Newcomer { email: format!("new-{number}@example.com"), subject: format!("auth0|new-{number}") }
}

impl Newcomer {
    fn link<'a>(&'a self) -> Link<'a> {
        Link { subject: &self.subject, ..Link::default() }
    }

    /// The scopes of each account that the user has connected.
    fn accounts(&self, world: &World) -> Vec<Vec<String>> {
        let directory = world.tenant().control().directory();
        let person = directory.people.into_iter().find(|person| person.user_id == self.subject);
        let accounts = person.expect("the user exists").connected_accounts;
        accounts.into_iter().map(|account| account.scopes).collect()
    }
}

fn password(world: &World) -> &str {
    &world.tenant().seed().tenant.password
}

/// Goes from the link to the provider's consent page.
async fn to_the_provider(world: &World, browser: &Browser, who: &Newcomer, link: &str) -> Page {
    let first = browser.open(link).await;
    let sign_in = browser.click(&first, "Continue").await;
    assert_eq!(sign_in.url.path(), "/u/login", "{sign_in:?}");
    let consent = browser.sign_in(&sign_in, &who.email, password(world)).await;
    assert_eq!(consent.url.path(), "/u/connect", "{consent:?}");
    consent
}

async fn a_person_connects_an_account_and_the_call_succeeds(world: &World) {
    let (who, browser) = (newcomer(world), Browser::new());
    let (is_error, text) = outcome(&world.call(&who.email, "calendar_summary", json!({})).await);
    let page = world.url("/connect/google-oauth2?ticket=");
    let link = text.find(&page).and_then(|start| text[start..].split_whitespace().next());
    let link = link.filter(|_| is_error).unwrap_or_else(|| panic!("no link in: {text}"));
    let consent = to_the_provider(world, &browser, &who, link).await;
    assert!(consent.answer.text.contains(&who.email) && consent.answer.text.contains(CALENDAR));
    let done = browser.choose(&consent, "allow", None).await;
    assert_eq!((done.answer.status, done.heading()), (StatusCode::OK, CONNECTED));
    assert!(browser.cookies("connect").is_empty(), "the flow's cookie is deleted");
    let (is_error, text) = outcome(&world.call(&who.email, "calendar_summary", json!({})).await);
    assert!(!is_error && text.starts_with("Calendar Summary for "), "{text}");
}

fn assert_guarded(answer: &Answer) {
    let policy = answer.header("content-security-policy");
    for rule in [
        "default-src 'none'",
        "style-src 'sha256-",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(rule), "{policy}");
    }
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("access-control-allow-origin", ""),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert!(!answer.text.contains("<script") && !answer.text.contains("src="), "{}", answer.text);
}

async fn every_page_is_plain_and_guarded(world: &World) {
    let (who, browser) = (newcomer(world), Browser::new());
    let link = link(world, &who.link());
    assert_guarded(&browser.get(&link).await);
    assert_guarded(&browser.get(&world.url("/connect/google-oauth2")).await);
    assert_guarded(&browser.get(&world.url("/connect/callback?code=1&state=2")).await);
    let start = browser.get(&link.replace("?", "/start?")).await;
    assert_eq!(start.status, StatusCode::SEE_OTHER);
    assert_eq!(start.header("referrer-policy"), "no-referrer");
    let cookie = start.header("set-cookie");
    for attribute in ["HttpOnly", "SameSite=Lax", "Max-Age=600", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let location = start.header("location");
    for part in ["response_type=code", "code_challenge_method=S256", "state=", "nonce="] {
        assert!(location.contains(part), "{location}");
    }
    assert!(!location.contains("new-"), "the URL does not name the user: {location}");
}

async fn a_person_who_declines_can_try_again(world: &World) {
    let (who, browser) = (newcomer(world), Browser::new());
    let consent = to_the_provider(world, &browser, &who, &link(world, &who.link())).await;
    let declined = browser.choose(&consent, "deny", None).await;
    assert_eq!(declined.heading(), "Your Google account was not connected");
    assert!(who.accounts(world).is_empty());
    let consent = browser.click(&declined, "Try again").await;
    assert_eq!(consent.url.path(), "/u/connect", "the tenant asks for no sign-in: {consent:?}");
    assert_eq!(browser.choose(&consent, "allow", None).await.heading(), CONNECTED);
}

/// Connecting for one tool must not drop the scopes that another tool needs.
async fn scopes_granted_before_are_requested_again(world: &World) {
    let who = newcomer(world);
    for scope in [CALENDAR, "https://www.googleapis.com/auth/gmail.metadata"] {
        let (browser, link) =
            (Browser::new(), link(world, &Link { scopes: &[scope], ..who.link() }));
        let consent = to_the_provider(world, &browser, &who, &link).await;
        assert_eq!(browser.choose(&consent, "allow", None).await.heading(), CONNECTED);
    }
    let gmail = "https://www.googleapis.com/auth/gmail.metadata";
    assert_eq!(who.accounts(world), [["openid", "profile", gmail, CALENDAR]]);
}

async fn an_unused_flow_gives_way_to_a_new_one(world: &World) {
    let (who, browser) = (newcomer(world), Browser::new());
    let link = link(world, &who.link());
    let old = to_the_provider(world, &browser, &who, &link).await;
    let again = Browser::new();
    let new = to_the_provider(world, &again, &who, &link).await;
    assert_eq!(browser.choose(&old, "allow", None).await.heading(), NOTHING);
    assert_eq!(again.choose(&new, "allow", None).await.heading(), CONNECTED);
}

async fn connecting_leaves_no_token_behind(world: &World) {
    let (who, browser) = (newcomer(world), Browser::new());
    let consent = to_the_provider(world, &browser, &who, &link(world, &who.link())).await;
    let sent = world.tenant().control().received(Some(Endpoint::MyAccountConnect));
    let tokens: Vec<&str> = sent
        .iter()
        .filter_map(|received| received.headers.get("authorization")?.strip_prefix("Bearer "))
        .collect();
    assert!(!tokens.is_empty(), "the tenant got the person's token");
    let look = || {
        for place in [Some(world.logs()), world.stored()].into_iter().flatten() {
            assert!(!place.contains(".eyJ") && !place.contains("auth_session"), "{place}");
            assert!(tokens.iter().all(|token| !place.contains(token)), "{place}");
        }
    };
    look();
    let cookies = browser.cookies("connect");
    assert!(cookies.iter().all(|(_, value)| tokens.iter().all(|token| !value.contains(token))));
    let done = browser.choose(&consent, "allow", None).await;
    assert_eq!(done.heading(), CONNECTED);
    world.logged("account_connected").await;
    look();
    assert!(!consent.url.as_str().contains(".eyJ") && !done.answer.text.contains(".eyJ"));
}

/// Tries every fault at every endpoint of the flow, with sixteen people at a time. Without the
/// fault, the account is connected.
async fn every_fault_while_connecting_is_a_page(world: &World) {
    people_arrive(world).await;
    for (endpoint, is_at_the_end) in [
        (Endpoint::TokenCode, false),
        (Endpoint::MyAccountAccounts, false),
        (Endpoint::MyAccountConnect, false),
        (Endpoint::MyAccountComplete, true),
    ] {
        // Unit tests check what each of these statuses leads to.
        let statuses = ["400", "403", "404", "500"];
        for (name, fault) in wrongs::all().into_iter().filter(|(name, _)| !statuses.contains(name))
        {
            world.break_endpoint(endpoint, fault);
            let pages = join_all((0..16).map(|_| async {
                let (who, browser) = (newcomer(world), Browser::new());
                let first = browser.open(&link(world, &who.link())).await;
                let sign_in = browser.click(&first, "Continue").await;
                let page = browser.sign_in(&sign_in, &who.email, password(world)).await;
                match is_at_the_end {
                    true => browser.choose(&page, "allow", None).await,
                    false => page,
                }
            }));
            for page in pages.await {
                let heading = page.heading();
                assert!(FAILED.contains(&heading), "{endpoint} {name}: {page:?}");
                assert_guarded(&page.answer);
                let may_try_again = page.answer.text.contains(">Try again</a>");
                assert_eq!(may_try_again, heading != FAILED[1], "{page:?}");
                assert!(!page.answer.text.contains("evil.example"), "{page:?}");
            }
            world.tenant().control().clear_faults(Some(endpoint));
        }
    }
    let (who, browser) = (newcomer(world), Browser::new());
    let consent = to_the_provider(world, &browser, &who, &link(world, &who.link())).await;
    assert_eq!(browser.choose(&consent, "allow", None).await.heading(), CONNECTED);
}

async fn the_pages_take_get_only(world: &World) {
    for path in ["/connect/google-oauth2", "/connect/google-oauth2/start", "/connect/callback"] {
        for method in [Method::POST, Method::HEAD, Method::OPTIONS, Method::DELETE] {
            let answer = Answer::of(world.request(method.clone(), path)).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(answer.header("allow"), "GET", "{method} {path}");
        }
    }
    for path in ["/connect/", "/connect/a/b", "/connect/google-oauth2/start/", "/connect"] {
        let status = world.get(path).await.status;
        let expected =
            if path == "/connect/" { StatusCode::BAD_REQUEST } else { StatusCode::NOT_FOUND };
        assert_eq!(status, expected, "{path}");
    }
}

async fn without_an_application_there_is_no_page(world: &World) {
    let link = link(world, &Link::default());
    for url in [&link, &world.url("/connect/google-oauth2"), &world.url("/connect/callback")] {
        for method in [Method::GET, Method::POST] {
            let answer = Answer::of(world.absolute(method, url)).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{url}");
            assert_eq!(answer.json()["error"], "not_found", "{url}");
        }
    }
}
