//! The methods of both eras.

use crate::{Era, Listing, Offers};

/// The methods but `subscriptions/listen`, which is not answered with one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    CallTool,
    Complete,
    Discover,
    GetPrompt,
    Initialize,
    List(Listing),
    Ping,
    ReadResource,
}

impl Method {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "completion/complete" => Self::Complete,
            "initialize" => Self::Initialize,
            "ping" => Self::Ping,
            "prompts/get" => Self::GetPrompt,
            "prompts/list" => Self::List(Listing::Prompts),
            "resources/list" => Self::List(Listing::Resources),
            "resources/read" => Self::ReadResource,
            "resources/templates/list" => Self::List(Listing::ResourceTemplates),
            "server/discover" => Self::Discover,
            "tools/call" => Self::CallTool,
            "tools/list" => Self::List(Listing::Tools),
            _ => return None,
        })
    }

    /// The parameter that the `Mcp-Name` header repeats.
    pub(crate) fn name_member(self) -> Option<&'static str> {
        match self {
            Self::CallTool | Self::GetPrompt => Some("name"),
            Self::ReadResource => Some("uri"),
            _ => None,
        }
    }

    /// Whether the method exists in an era, at a server with these offers.
    pub(crate) fn exists(self, era: Era, offers: Offers) -> bool {
        match self {
            Self::Discover => era == Era::Modern,
            Self::Initialize | Self::Ping => era != Era::Modern,
            Self::CallTool | Self::List(Listing::Tools) => offers.tools,
            Self::GetPrompt | Self::List(Listing::Prompts) => offers.prompts,
            Self::ReadResource | Self::List(Listing::Resources | Listing::ResourceTemplates) => {
                offers.resources
            }
            Self::Complete => offers.completions,
        }
    }
}
