//! A headless browser that follows redirects, keeps cookies, and stops at the client's redirect
//! URI.

use super::{form, http::send, report::Mismatch};
use reqwest::{Client, RequestBuilder, header, redirect::Policy};
use url::Url;

/// Limit of redirects, more than a sign-in needs.
const MAX_REDIRECTS: usize = 10;

/// A browser with its own cookies, for one user.
pub(super) struct Browser {
    client: Client,
    /// The client's redirect URI, at which the browser stops without opening it.
    redirect_uri: Url,
}

/// The end of a navigation.
pub(super) enum Landing {
    /// A page.
    Page(Page),
    /// The redirect URI, with its parameters.
    Callback(Url),
}

/// The page that the browser shows.
pub(super) struct Page {
    url: Url,
    html: String,
}

impl Browser {
    /// Creates a browser without cookies.
    pub(super) fn new(redirect_uri: Url) -> reqwest::Result<Self> {
        let client = Client::builder().cookie_store(true).redirect(Policy::none()).build()?;
        Ok(Self { client, redirect_uri })
    }

    /// Opens an address.
    pub(super) async fn open(&self, url: Url) -> Result<Landing, Mismatch> {
        self.navigate(url.clone(), self.client.get(url)).await
    }

    /// Signs in with the form on a page.
    pub(super) async fn sign_in(
        &self,
        page: &Page,
        who: &str,
        password: &str,
    ) -> Result<Landing, Mismatch> {
        for mut form in form::forms(&page.html) {
            if form.sign_in(who, password) {
                return self.submit(page, &form, None).await;
            }
        }
        Err(Mismatch::new("a form with an email field and a password field", page.describe()))
    }

    /// Consents with the form on a page.
    pub(super) async fn consent(&self, page: &Page) -> Result<Landing, Mismatch> {
        for form in form::forms(&page.html) {
            if let Some(button) = form.consent() {
                return self.submit(page, &form, Some(button)).await;
            }
        }
        Err(Mismatch::new("a form with a button that accepts", page.describe()))
    }

    async fn submit(
        &self,
        page: &Page,
        form: &form::Form,
        button: Option<&(String, String)>,
    ) -> Result<Landing, Mismatch> {
        let target = form.target(&page.url);
        let mut target = target
            .map_err(|error| Mismatch::new("a form with a valid action URL", error.to_string()))?;
        let fields = form.submission(button);
        let request = if form.post {
            self.client.post(target.clone()).form(&fields)
        } else {
            target.query_pairs_mut().clear().extend_pairs(&fields);
            self.client.get(target.clone())
        };
        // Send `Origin`, as browsers do: a tenant may check it against CSRF.
        let origin = page.url.origin().ascii_serialization();
        self.navigate(target, request.header(header::ORIGIN, origin)).await
    }

    async fn navigate(
        &self,
        mut url: Url,
        mut request: RequestBuilder,
    ) -> Result<Landing, Mismatch> {
        for _ in 0..MAX_REDIRECTS {
            let response = send(request.header(header::ACCEPT, "text/html")).await?;
            if !response.status.is_redirection() {
                return if response.status == 200 {
                    Ok(Landing::Page(Page { url, html: response.body }))
                } else {
                    Err(Mismatch::new("a page (status 200) or a redirect", response.describe()))
                };
            }
            let location = response.header("location").unwrap_or_default();
            let next = url.join(&location);
            url =
                next.map_err(|_| Mismatch::new("a redirect to a valid URL", response.describe()))?;
            if self.is_callback(&url) {
                return Ok(Landing::Callback(url));
            }
            request = self.client.get(url.clone());
        }
        Err(Mismatch::new(
            format!("at most {MAX_REDIRECTS} redirects"),
            format!("another redirect, to {}", url.path()),
        ))
    }

    fn is_callback(&self, url: &Url) -> bool {
        url.origin() == self.redirect_uri.origin() && url.path() == self.redirect_uri.path()
    }
}

impl Page {
    /// Describes the page for a mismatch.
    fn describe(&self) -> String {
        format!("the page {} with {} form(s)", self.url.path(), form::forms(&self.html).len())
    }
}

impl Landing {
    /// Returns the page, or a mismatch if the navigation ended at the redirect URI.
    pub(super) fn page(self, expected: &str) -> Result<Page, Mismatch> {
        match self {
            Self::Page(page) => Ok(page),
            Self::Callback(url) => Err(Mismatch::new(expected, callback(&url))),
        }
    }

    /// Returns the redirect URI with its parameters, or a mismatch if the navigation ended at a
    /// page.
    pub(super) fn callback(self, expected: &str) -> Result<Url, Mismatch> {
        match self {
            Self::Callback(url) => Ok(url),
            Self::Page(page) => Err(Mismatch::new(expected, page.describe())),
        }
    }
}

/// Describes a redirect to the client. Shows the values of error parameters only, never a code.
pub(super) fn callback(url: &Url) -> String {
    let shown = url
        .query_pairs()
        .filter(|(name, _)| name.starts_with("error"))
        .map(|(name, value)| format!("{name}={value}"));
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() {
        let names: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        format!("a redirect to the client with {}", names.join(", "))
    } else {
        format!("a redirect to the client with {}", shown.join(", "))
    }
}
