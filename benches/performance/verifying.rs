//! The baseline that also verifies tokens, and the requests for it.

use doorward_dev::Reuse;

use crate::{
    bench::Bench,
    load::Load,
    subject::{GREETING, On, Subject, request, tool_call},
};

/// The running component.
pub(crate) struct Verifying(Subject);

impl Verifying {
    pub(crate) async fn start(on: On, bench: &Bench) -> Result<Self, String> {
        let component = bench.components.signature();
        Ok(Self(Subject::start(on, component, Reuse::default(), &[]).await?))
    }

    /// A load of calls with these tokens, which the tenant of `doorward` issued.
    pub(crate) fn load(&self, doorward: &Subject, tokens: &[String]) -> Load {
        let tenant = doorward.stack().tenant();
        let facts = format!(
            "x-jwks: {}\r\nx-domain: {}\r\nx-audience: {}\r\n",
            tenant.control().jwks(),
            tenant.domain(),
            doorward.stack().mcp_url()
        );
        let body = tool_call("greet").to_string();
        let call = |token: &String| {
            let headers = format!("{}{facts}", self.0.headers(Some(token)));
            request(self.0.address(), "POST", "/mcp", &headers, &body)
        };
        self.0.load(tokens.iter().map(call).collect(), GREETING)
    }
}
