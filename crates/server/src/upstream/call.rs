//! Calls of tools, prompts and resources of other servers.

use std::{cell::RefCell, rc::Rc};

use doorward_auth0::Freshness;
use doorward_core::strict_json;
use doorward_mcp::{
    CallError, PromptMessage, RemoteAccess, ResourceContents, ToolResult, parameter_headers,
};
use doorward_oauth::Caller;
use doorward_upstream::{
    CLIENT_CAPABILITIES, Fault, Protocol, RemoteItem, Target, Upstream, UpstreamCall,
    input_required, input_responses, prompt_messages, resource_contents, tool_result,
};
use serde_json::{Map, Value};

use super::credential::credential_header;
use crate::{cleanup::CleanupGuard, context::Context, egress::egress_meta};

/// Calls one item of another server.
pub(super) struct RemoteCall {
    pub(super) upstream: Rc<Upstream>,
    pub(super) protocol: Rc<RefCell<Protocol>>,
    pub(super) item: RemoteItem,
}

impl RemoteCall {
    /// Calls a tool. Only tools may call an API through this server.
    pub(super) async fn tool(
        &self,
        context: &Context,
        arguments: &Map<String, Value>,
    ) -> Result<ToolResult, CallError> {
        let upstream = &*self.upstream;
        let entry = strict_json::parse(self.item.entry_json.as_bytes()).unwrap_or_default();
        let mut meta = Map::new();
        let connection = match &upstream.egress {
            None => None,
            Some(egress) => {
                let scopes: Vec<&str> = egress.scopes.iter().map(String::as_str).collect();
                let connection = context.connection(&egress.connection).scopes(&scopes);
                let request = context.request();
                // Before the token, so that a revocation between the two counts.
                let access = request.environment.tenant().access_of(context.caller()).await;
                let token = connection.token(Freshness::Cached).await?.token;
                let entry = (upstream, egress);
                let capability = egress_meta(request, entry, &self.item.id, access, &token);
                meta.insert("doorward/egress".into(), capability);
                Some(context.connection(&egress.connection))
            }
        };
        let schema = entry.get("inputSchema");
        let headers = schema.map(|schema| parameter_headers(schema, arguments));
        let report = |progress, total, message: Option<&str>| {
            context.report_progress(progress, total, message);
        };
        let is_wanted = context.round_trip().reports_progress();
        let call = UpstreamCall {
            target: Target::Tool(upstream.own_name(&self.item.id)),
            arguments,
            meta,
            follow_up: None,
            headers: headers.unwrap_or_default(),
            report: if is_wanted { Some(&report) } else { None },
        };
        let outcome = self.outcome(context, call).await?;
        let result = outcome.and_then(|result| Ok(tool_result(result, entry.get("outputSchema"))?));
        if let Some(connection) =
            connection.filter(|_| !result.as_ref().is_ok_and(|it| !it.is_error()))
        {
            // The API may have refused the token: the next call has a new one.
            connection.forget_token().await;
        }
        result.map_err(|fault| context.fault(fault))
    }

    /// Gets a prompt.
    pub(super) async fn prompt(
        &self,
        context: &Context,
        arguments: &Map<String, Value>,
    ) -> Result<Vec<PromptMessage>, CallError> {
        let target = Target::Prompt(self.upstream.own_name(&self.item.id));
        let outcome = self.outcome(context, plain(target, arguments)).await?;
        let messages = outcome.and_then(|result| Ok(prompt_messages(result)?));
        messages.map_err(|fault| context.fault(fault))
    }

    /// Reads a resource.
    pub(super) async fn read(
        &self,
        context: &Context,
        uri: &str,
    ) -> Result<Vec<ResourceContents>, CallError> {
        let outcome = self.outcome(context, plain(Target::Resource(uri), &Map::new())).await?;
        let contents = outcome.and_then(|result| Ok(resource_contents(result)?));
        contents.map_err(|fault| context.fault(fault))
    }

    /// Sends a call with what the operator attaches to each. Questions to the user are an error
    /// that the protocol passes on.
    async fn outcome(
        &self,
        context: &Context,
        mut call: UpstreamCall<'_>,
    ) -> Result<Result<Map<String, Value>, Fault>, CallError> {
        let upstream = &*self.upstream;
        if !upstream.caller.is_empty() {
            let tenant = &context.request().environment.settings.oauth.main_issuer.issuer;
            let view = caller_view(context.caller(), &upstream.caller, tenant.as_str());
            call.meta.insert("doorward/caller".into(), view);
        }
        if upstream.may_elicit {
            if let Some(elicitation) = context.client_capabilities().get("elicitation") {
                let mut capabilities = Map::new();
                capabilities.insert("elicitation".into(), elicitation.clone());
                call.meta.insert(CLIENT_CAPABILITIES.into(), capabilities.into());
            }
            let remembered = context.remembered();
            call.follow_up = remembered.and_then(|state| {
                input_responses(upstream, state, context.round_trip().responses())
            });
        }
        let credential = credential_header(Some(context), upstream).await?;
        let environment = &context.request().environment;
        environment.budget.allow(upstream.limits.total);
        let guard = CleanupGuard::new(&environment.memory.cleanups, &self.upstream, credential);
        let mut protocol = self.protocol.borrow().clone();
        let outcome = guard.client(environment.outbound()).call(&mut protocol, call).await;
        self.protocol.replace(protocol.to_remember(upstream));
        let asked = outcome.as_ref().ok().filter(|_| upstream.may_elicit);
        match asked.and_then(|result| input_required(upstream, result)) {
            Some(questions) => Err(questions.into()),
            None => Ok(outcome),
        }
    }
}

/// A call to which nothing is attached yet.
fn plain<'a>(target: Target<'a>, arguments: &'a Map<String, Value>) -> UpstreamCall<'a> {
    let (meta, headers) = (Map::new(), Vec::new());
    UpstreamCall { target, arguments, meta, follow_up: None, headers, report: None }
}

impl Context {
    /// The error of a call whose server gave no result, which the audit log names.
    pub(super) fn fault(&self, fault: Fault) -> CallError {
        self.notes().fault.set(Some(fault.error));
        CallError::new(fault.caller_text())
    }
}

pub(super) fn access(upstream: &Upstream) -> RemoteAccess {
    RemoteAccess {
        access: upstream.access,
        permission: upstream.permission.clone(),
        scopes: upstream.scopes.clone(),
        is_read_only: upstream.is_read_only,
    }
}

/// What the operator lets a server know about the caller. A subject is unique only together with
/// its issuer. So of a caller of a further issuer, a server that is not told the issuer gets only
/// the scopes.
pub(super) fn caller_view(caller: &Caller, members: &[String], main_issuer: &str) -> Value {
    let is_identifiable =
        caller.issuer() == main_issuer || members.iter().any(|member| member == "issuer");
    let mut view = Map::new();
    for member in members {
        let value = match member.as_str() {
            "scopes" => Some(Value::from_iter(caller.granted_scopes())),
            _ if !is_identifiable => None,
            "issuer" => Some(caller.issuer().into()),
            "subject" => Some(caller.subject().into()),
            "organization" => caller.organization_id().map(Into::into),
            claim => caller.text_claim(claim).map(Into::into),
        };
        view.extend(value.map(|value| (member.clone(), value)));
    }
    view.into()
}
