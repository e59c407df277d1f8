//! The flow of one user, from the server's URL to the calls of its tools.

use super::{
    authorization::{self, Request},
    browser::Browser,
    discovery,
    mcp::{Era, McpClient},
    pkce::{self, Pkce},
    report::{Halt, Mismatch, Report},
    revocation::Revocation,
    tools,
};
use crate::{Error, people};
use doorward_tenant::{Organization, Person, Seed};
use reqwest::{Client, redirect::Policy};
use serde_json::Value;
use std::io::Write;
use url::Url;

/// One user with a client and a browser.
pub(super) struct UserFlow<'a> {
    server: &'a Url,
    seed: &'a Seed,
    person: &'a Person,
    organization: Option<&'a Organization>,
    era: Era,
    client: Client,
    browser: Browser,
    pkce: Pkce,
    state: String,
}

impl<'a> UserFlow<'a> {
    /// Prepares the client and the browser. Sends nothing yet.
    ///
    /// # Errors
    /// Returns an error if an HTTP client or random bytes are unavailable.
    pub(super) fn new(
        server: &'a Url,
        seed: &'a Seed,
        person: &'a Person,
        organization: Option<&'a Organization>,
        era: Era,
    ) -> Result<Self, Error> {
        let no_client =
            |error: reqwest::Error| Error::start(format!("Cannot create an HTTP client: {error}"));
        let redirect_uri = Url::parse(authorization::REDIRECT_URI);
        let redirect_uri = redirect_uri.map_err(|error| Error::start(error.to_string()))?;
        Ok(Self {
            server,
            seed,
            person,
            organization,
            era,
            client: Client::builder().redirect(Policy::none()).build().map_err(no_client)?,
            browser: Browser::new(redirect_uri).map_err(no_client)?,
            pkce: Pkce::new()?,
            state: pkce::random()?,
        })
    }

    /// Signs in, calls every tool, and cuts off the user's access if there is a secret for it.
    ///
    /// # Errors
    /// Returns [`Halt`] if signing in fails.
    pub(super) async fn run(
        &self,
        report: &mut Report<impl Write>,
        revocation: Option<&Revocation>,
    ) -> Result<(), Halt> {
        let token = self.sign_in(report).await?;
        let mcp = McpClient::new(&self.client, self.server, self.era, &token);
        report.step(self.era.opening(), mcp.open().await);
        let listed = |tools: Vec<Value>| tools::listed(&tools, |tool| self.may_use(tool));
        report.step("tools/list", mcp.tools().await.and_then(listed));
        for tool in tools::TOOLS {
            report.step(
                tool,
                mcp.tool(tool).await.and_then(|result| self.check_result(tool, &result)),
            );
        }
        if let Some(revocation) = revocation {
            report.step("cut-off", revocation.cut_off(&self.client, &self.person.user_id).await);
            report.step("whoami", mcp.refused_tool("whoami").await);
        }
        Ok(())
    }

    /// Discovers the authorization server, registers, signs in, and returns an access token.
    async fn sign_in(&self, report: &mut Report<impl Write>) -> Result<String, Halt> {
        let Self { client, server, browser, .. } = self;
        let step = discovery::challenge(client, server, self.era).await;
        let challenge = report.take("a call without a token", step)?;
        let step = discovery::resource(client, &challenge.resource_metadata, server).await;
        let resource = report.take("protected resource metadata", step)?;
        let step = discovery::authorization_server(client, &resource.authorization_server).await;
        let tenant = report.take("authorization server metadata", step)?;
        // Prefer the challenge's scopes, which are for this call, to those of the metadata.
        let scope = challenge.scope.unwrap_or(resource.scopes_supported);
        let step = authorization::register(client, &tenant, &scope).await;
        let client_id = report.take("registration", step)?;
        let request = Request {
            server: &tenant,
            client_id: &client_id,
            resource: server,
            scope: &scope,
            pkce: &self.pkce,
            organization: self.organization.map(|organization| organization.id.as_str()),
            state: &self.state,
        };
        let password = &self.seed.tenant.password;
        report.hide(password);
        report.hide(&self.pkce.verifier);
        let page =
            report.take("sign-in", request.sign_in(browser, &self.person.email, password).await)?;
        let code = report.take("consent", request.consent(browser, &page).await)?;
        report.hide(&code);
        let token = report.take("access token", request.token(client, &code).await)?;
        report.hide(&token);
        Ok(token)
    }

    /// Checks the result of a tool for this user.
    fn check_result(&self, tool: &str, result: &Value) -> Result<String, Mismatch> {
        if self.may_use(tool) {
            tools::answered(tool, self.person, result)
        } else {
            tools::refused(tool, result)
        }
    }

    fn may_use(&self, tool: &str) -> bool {
        let audience = self.server.as_str();
        let permission = format!("tool:{tool}");
        let permissions = match self.organization {
            None => people::permissions(self.seed, self.person, audience),
            Some(organization) => {
                people::permissions_in(self.seed, organization, self.person, audience)
            }
        };
        permissions.contains(permission.as_str()) || tools::PUBLIC.contains(&tool)
    }
}
