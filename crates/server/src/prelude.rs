//! Everything that an author of tools needs: `use doorward_server::prelude::*;`.

/// `Tool`, `Prompt`, `Resource`, `ResourceTemplate` and `Registry` of a server, whose calls get a
/// [`Context`].
mod registered {
    use crate::context::Context;

    /// A tool of a server. See [`doorward_mcp::Tool`].
    pub type Tool = doorward_mcp::Tool<Context>;

    /// A prompt of a server. See [`doorward_mcp::Prompt`].
    pub type Prompt = doorward_mcp::Prompt<Context>;

    /// A resource of a server. See [`doorward_mcp::Resource`].
    pub type Resource = doorward_mcp::Resource<Context>;

    /// Resources of a server that share the form of their URI. See
    /// [`doorward_mcp::ResourceTemplate`].
    pub type ResourceTemplate = doorward_mcp::ResourceTemplate<Context>;

    /// Everything that a server offers. See [`doorward_mcp::Registry`].
    pub type Registry = doorward_mcp::Registry<Context>;
}

pub use doorward_auth0::{
    ExchangeError, ExchangeProfile, Exchanges, IssuedToken, ManagementClient, ManagementError,
};
pub use doorward_core::{
    Secret,
    outbound::path_segment,
    scope::Scope,
    strict_json::parse as parse_json,
    text::{one_line, visible_text},
};
pub use doorward_mcp::{
    Annotations, CallError, Content, Elicited, Icon, InputRequest, InputRequired, NoArguments,
    PromptMessage, ResourceContents, ServerInfo, TemplateVariables, ToolOutput, ToolReply,
    ToolResult,
};
pub use doorward_oauth::{Caller, Organization};

pub use self::registered::{Prompt, Registry, Resource, ResourceTemplate, Tool};
pub use crate::{
    Server,
    connection::{Connection, ConnectionCause, ConnectionError, with_query},
    context::{Context, Profile},
};
