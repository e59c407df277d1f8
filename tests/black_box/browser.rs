//! A simulated browser: it keeps cookies, follows redirects and submits the tenant's forms.

use std::{cell::RefCell, collections::BTreeMap};

use reqwest::{Client, Method, StatusCode, redirect::Policy};
use url::{Url, form_urlencoded};

use crate::world::Answer;

/// The most redirects that are followed. No flow of these tests needs as many.
const REDIRECTS: usize = 12;

/// A browser with its own cookies. Server and tenant are on one host, so both get all cookies.
pub(crate) struct Browser {
    client: Client,
    cookies: RefCell<BTreeMap<String, String>>,
}

/// Where a navigation ended.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) answer: Answer,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let client = Client::builder().redirect(Policy::none()).build();
        Self { client: client.expect("a client can be made"), cookies: RefCell::default() }
    }

    /// The cookies whose names contain `part`.
    pub(crate) fn cookies(&self, part: &str) -> Vec<(String, String)> {
        let cookies = self.cookies.borrow();
        let matching = cookies.iter().filter(|(name, _)| name.contains(part));
        matching.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    pub(crate) fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// Sends one request, without following a redirect.
    pub(crate) async fn fetch(&self, method: Method, url: &str, form: &[(&str, &str)]) -> Answer {
        let cookies: Vec<String> =
            self.cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.client.request(method, url).header("cookie", cookies.join("; "));
        if !form.is_empty() {
            let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
            let media_type = "application/x-www-form-urlencoded";
            request = request.header("content-type", media_type).body(form);
        }
        let answer = Answer::of(request).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("a cookie is text");
            let (pair, attributes) = cookie.split_once(';').expect("a cookie has attributes");
            let (name, value) = pair.split_once('=').expect("a cookie has a value");
            if attributes.contains("Max-Age=0") {
                self.cookies.borrow_mut().remove(name);
            } else {
                self.set_cookie(name, value);
            }
        }
        answer
    }

    pub(crate) async fn get(&self, url: &str) -> Answer {
        self.fetch(Method::GET, url, &[]).await
    }

    /// Opens a URL and follows its redirects.
    pub(crate) async fn open(&self, url: &str) -> Page {
        self.follow(url, None, None).await
    }

    /// Clicks the link with this text.
    pub(crate) async fn click(&self, page: &Page, text: &str) -> Page {
        let (before, _) = page
            .answer
            .text
            .split_once(&format!(">{text}</a>"))
            .unwrap_or_else(|| panic!("the page has no link {text:?}: {page:?}"));
        let (_, href) = before.rsplit_once("href=\"").expect("a link has a target");
        let href = href.trim_end_matches('"').replace("&amp;", "&");
        self.open(page.url.join(&href).expect("the target is a URL").as_str()).await
    }

    /// Signs in on the tenant's page.
    pub(crate) async fn sign_in(&self, page: &Page, email: &str, password: &str) -> Page {
        self.sign_in_until(page, email, password, None).await
    }

    /// Like [`sign_in`](Self::sign_in), but stops before it opens a URL that begins with `stop`.
    pub(crate) async fn sign_in_until(
        &self,
        page: &Page,
        email: &str,
        password: &str,
        stop: Option<&str>,
    ) -> Page {
        let state = page.parameter("state").expect("the page has a state");
        let form = [("state", &*state), ("username", email), ("password", password)];
        self.submit(page, "/u/login", &form, stop).await
    }

    /// Presses a button of the provider's consent page: `allow` or `deny`.
    pub(crate) async fn choose(&self, page: &Page, action: &str, stop: Option<&str>) -> Page {
        let ticket = page.parameter("ticket").unwrap_or_else(|| panic!("no ticket: {page:?}"));
        self.submit(page, "/u/connect", &[("ticket", &*ticket), ("action", action)], stop).await
    }

    async fn submit(
        &self,
        page: &Page,
        path: &str,
        form: &[(&str, &str)],
        stop: Option<&str>,
    ) -> Page {
        let url = page.url.join(path).expect("the path is valid");
        let answer = self.fetch(Method::POST, url.as_str(), form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        let next = url.join(answer.header("location")).expect("a redirect has a target");
        self.follow(next.as_str(), stop, Some(answer)).await
    }

    async fn follow(&self, url: &str, stop: Option<&str>, mut last: Option<Answer>) -> Page {
        let mut url = Url::parse(url).expect("the URL is valid");
        for _ in 0..REDIRECTS {
            if stop.is_some_and(|stop| url.as_str().starts_with(stop)) {
                let answer = last.expect("a request came before this redirect");
                return Page { url, answer };
            }
            let answer = self.get(url.as_str()).await;
            if !answer.status.is_redirection() {
                return Page { url, answer };
            }
            url = url.join(answer.header("location")).expect("a redirect has a target");
            last = Some(answer);
        }
        panic!("too many redirects, the last one to {url}")
    }
}

impl Page {
    /// A parameter of the page's URL.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = self.url.query_pairs();
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    /// The page's heading.
    pub(crate) fn heading(&self) -> &str {
        self.answer.heading()
    }
}

impl Answer {
    /// The heading of a page.
    pub(crate) fn heading(&self) -> &str {
        let (_, rest) =
            self.text.split_once("<h1").unwrap_or_else(|| panic!("no heading: {self:?}"));
        let (_, rest) = rest.split_once('>').expect("the tag ends");
        rest.split_once("</h1>").expect("the heading ends").0
    }
}
