//! The operator's list of MCP servers behind this server.
//!
//! ```json
//! {
//!   "weather": {
//!     "url": "https://tool-weather.spin.internal/mcp",
//!     "tools": ["forecast"],
//!     "caller": ["locale"]
//!   }
//! }
//! ```

mod credential;
mod egress;
mod entry;
mod patterns;

use std::{rc::Rc, time::Duration};

use doorward_core::{
    access::Access,
    host::Limits,
    origin::Origin,
    scope::{RequiredScopes, Scope},
    settings::{Reader, parse},
    store::digest,
    strict_json, variables,
};
use doorward_mcp::{Listing, Offers};
use serde_json::{Map, Value};

pub use self::{credential::Credential, egress::Egress};
use self::{
    entry::{Entry, wrong},
    patterns::Patterns,
};

variables! {
    /// MCP servers whose tools, prompts and resources are offered beside the built-in ones, as
    /// [JSON](upstreams.md). Empty: none
    UPSTREAMS = optional("upstreams", "");
    /// The values of headers for those servers: a JSON object with one for each server that needs
    /// one
    UPSTREAM_SECRETS = secret("upstream_secrets");
}

/// The members of an entry.
const MEMBERS: [&str; 17] = [
    "url",
    "prefix",
    "tools",
    "prompts",
    "resources",
    "pins",
    "access",
    "permission",
    "scopes",
    "read_only",
    "ask",
    "ask_hosts",
    "attach",
    "caller",
    "egress",
    "seconds",
    "bytes",
];

/// What a tool may be told of its caller.
const CALLER_MEMBERS: [&str; 6] = ["issuer", "subject", "name", "scopes", "organization", "locale"];

/// The MCP servers behind this server, by their names.
#[derive(Clone, Debug, Default)]
pub struct Upstreams(Vec<Rc<Upstream>>);

/// An MCP server behind this server.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its name, for logs and for the text of errors.
    pub name: String,
    /// The URL of its MCP endpoint.
    pub url: String,
    /// What the names of its tools, prompts and resources begin with here.
    pub prefix: String,
    /// The names here of the tools that are offered.
    tools: Patterns,
    /// The names here of the prompts that are offered.
    prompts: Patterns,
    /// The URIs of the resources that are offered.
    resources: Patterns,
    /// The digests of the tools' definitions that the operator has accepted, by their own names;
    /// `None` for any.
    pub pins: Option<Map<String, Value>>,
    /// Whether what it offers needs a permission.
    pub access: Access,
    /// The permission that all of it needs; `None` for that of each item.
    pub permission: Option<Scope>,
    /// The scopes that it needs besides.
    pub scopes: RequiredScopes,
    /// Whether the operator vouches that its tools only read.
    pub is_read_only: bool,
    /// Whether it may ask the user, if the client can.
    pub may_elicit: bool,
    /// The origins of the pages that it may ask the user to open: its own, and more.
    pub elicitation_origins: Vec<Origin>,
    /// What authenticates requests to the server.
    pub credential: Credential,
    /// What the server is told about the caller: some of `issuer`, `subject`, `name`, `scopes`,
    /// `organization` and `locale`.
    pub caller: Vec<String>,
    /// The API that its tools may call through this server.
    pub egress: Option<Egress>,
    /// How long an answer may take, and how large it may be.
    pub limits: Limits,
    /// The digest of all of this.
    pub digest: String,
}

impl Upstreams {
    /// Reads the variables; `None` if one is invalid. A server on loopback is accepted only if this
    /// one is on loopback.
    pub fn read(reader: &mut Reader, is_public: bool) -> Option<Self> {
        let secrets = reader.get(&UPSTREAM_SECRETS, |text| match text {
            "" => Ok(Map::new()),
            text => match strict_json::parse(text.as_bytes()) {
                Ok(Value::Object(secrets)) => Ok(secrets),
                _ => Err("is not a JSON object without duplicate members"),
            },
        })?;
        reader.get(&UPSTREAMS, |text| Self::parse(text, &secrets, is_public))
    }

    fn parse(text: &str, secrets: &Map<String, Value>, is_public: bool) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let Ok(Value::Object(members)) = strict_json::parse(text.as_bytes()) else {
            return Err("is not a JSON object without duplicate members".to_owned());
        };
        let mut all: Vec<Rc<Upstream>> = Vec::new();
        for (name, value) in &members {
            let secret = secrets.get(name).and_then(Value::as_str);
            let upstream = Upstream::parse(name, value, secret, is_public)?;
            for other in &all {
                upstream.reject_clash_with(other)?;
            }
            all.push(Rc::new(upstream));
        }
        Ok(Self(all))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Rc<Upstream>> {
        self.0.iter()
    }

    /// The one that may have the item of this list with this name, or with this URI.
    #[must_use]
    pub fn with_item(&self, listing: Listing, id: &str) -> Option<&Rc<Upstream>> {
        self.0.iter().find(|it| it.takes(listing, id))
    }

    /// The capabilities that the server has with them.
    #[must_use]
    pub fn offers(&self) -> Offers {
        let any = |listing| self.0.iter().any(|it| !it.patterns(listing).is_empty());
        Offers {
            prompts: any(Listing::Prompts),
            resources: any(Listing::Resources),
            tools: !self.is_empty(),
            ..Offers::default()
        }
    }
}

impl Upstream {
    fn parse(
        name: &str,
        value: &Value,
        secret: Option<&str>,
        is_public: bool,
    ) -> Result<Self, String> {
        let entry = Entry::new(value, name.to_owned())?;
        entry.only(&MEMBERS)?;
        if name.is_empty() || !is_word(name) {
            let problem = "is empty, has more than 32 characters, or others than letters, digits, \
                           `-` and `_`";
            return Err(wrong(name, problem));
        }
        let (origin, path) = endpoint(&entry, is_public)?;
        let prefix = prefix(&entry, name)?;
        let access = access(&entry)?;
        let credential = match entry.object("attach")? {
            None => Credential::None,
            Some(attach) => Credential::parse(&attach, secret)?,
        };
        let egress = entry.object("egress")?;
        Ok(Self {
            name: name.to_owned(),
            url: origin.url(&path),
            tools: Patterns::names(&entry, "tools", &prefix)?,
            prompts: Patterns::names(&entry, "prompts", &prefix)?,
            resources: Patterns::uris(&entry, "resources")?,
            pins: pins(&entry)?,
            prefix,
            access,
            permission: permission(&entry, access)?,
            scopes: required_scopes(&entry)?,
            is_read_only: entry.flag("read_only")?,
            may_elicit: entry.flag("ask")?,
            elicitation_origins: elicitation_origins(&entry, origin)?,
            credential,
            caller: caller_members(&entry)?,
            egress: egress.map(|egress| Egress::parse(&egress, is_public)).transpose()?,
            limits: limits(&entry)?,
            digest: digest(&[name, &value.to_string(), secret.unwrap_or_default()]),
        })
    }

    /// Whether the item of this list with this name here, or with this URI, is offered. The items
    /// that a template stands for have to be.
    #[must_use]
    pub fn takes(&self, listing: Listing, id: &str) -> bool {
        let patterns = self.patterns(listing);
        match listing {
            Listing::ResourceTemplates => patterns.includes_template(id),
            _ => patterns.includes(id),
        }
    }

    /// The lists that its items are in.
    pub fn listings(&self) -> impl Iterator<Item = Listing> {
        Listing::ALL.into_iter().filter(|listing| !self.patterns(*listing).is_empty())
    }

    /// The name here of what has this name there.
    #[must_use]
    pub fn local_name(&self, own_name: &str) -> String {
        [&self.prefix, own_name].concat()
    }

    /// The name there of what has this name here.
    #[must_use]
    pub fn own_name<'a>(&self, name: &'a str) -> &'a str {
        name.strip_prefix(&self.prefix).unwrap_or(name)
    }

    fn patterns(&self, listing: Listing) -> &Patterns {
        match listing {
            Listing::Tools => &self.tools,
            Listing::Prompts => &self.prompts,
            Listing::Resources | Listing::ResourceTemplates => &self.resources,
        }
    }

    /// Whether its credential belongs to the caller.
    #[must_use]
    pub fn has_caller_credential(&self) -> bool {
        matches!(self.credential, Credential::OnBehalfOf { .. } | Credential::Connection { .. })
    }

    /// Whether no two calls share a session, because it may know something of the caller.
    #[must_use]
    pub fn has_session_per_call(&self) -> bool {
        self.has_caller_credential() || !self.caller.is_empty() || self.egress.is_some()
    }

    /// # Errors
    ///
    /// Says what each could have, so that one name or URI would mean two things.
    fn reject_clash_with(&self, other: &Self) -> Result<(), String> {
        for (listing, path, what) in [
            (Listing::Tools, "", "a tool of the same name"),
            (Listing::Prompts, ".prompts", "a prompt of the same name"),
            (Listing::Resources, ".resources", "a resource with the same URI"),
        ] {
            if self.patterns(listing).overlap_with(other.patterns(listing)) {
                let problem = ["may have ", what, " as `", &other.name, "`"].concat();
                return Err(wrong(&[self.name.as_str(), path].concat(), &problem));
            }
        }
        Ok(())
    }
}

/// Whether a text may be a name, or the beginning of one.
fn is_word(text: &str) -> bool {
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    text.len() <= 32 && text.bytes().all(is_legal)
}

fn endpoint(entry: &Entry<'_>, is_public: bool) -> Result<(Origin, String), String> {
    let url = entry.text("url")?.unwrap_or_default();
    let (origin, path) = parse::secure_url(url).map_err(|it| entry.wrong("url", it))?;
    match is_public && origin.is_loopback() {
        true => Err(entry.wrong("url", parse::LOCAL_ONLY)),
        false => Ok((origin, path)),
    }
}

fn prefix(entry: &Entry<'_>, name: &str) -> Result<String, String> {
    if entry.members.get("prefix").and_then(Value::as_str) == Some("") {
        return Err(entry.wrong("prefix", "is empty; without it, it is the entry's name and `_`"));
    }
    match entry.text("prefix")? {
        None => Ok([name, "_"].concat()),
        Some(prefix) if is_word(prefix) => Ok(prefix.to_owned()),
        Some(_) => {
            let problem = "has characters other than letters, digits, `-` and `_`, or more than 32";
            Err(entry.wrong("prefix", problem))
        }
    }
}

fn pins(entry: &Entry<'_>) -> Result<Option<Map<String, Value>>, String> {
    let Some(pins) = entry.object("pins")? else { return Ok(None) };
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    let is_digest = |it: &str| it.len() == 43 && it.bytes().all(is_legal);
    match pins.members.values().all(|it| it.as_str().is_some_and(is_digest)) {
        true => Ok(Some(pins.members.clone())),
        false => Err(entry.wrong("pins", "has something other than digests that the log names")),
    }
}

fn access(entry: &Entry<'_>) -> Result<Access, String> {
    match entry.text("access")? {
        None | Some("private") => Ok(Access::Private),
        Some("public") => Ok(Access::Public),
        Some(_) => Err(entry.wrong("access", "is neither `private` nor `public`")),
    }
}

fn permission(entry: &Entry<'_>, access: Access) -> Result<Option<Scope>, String> {
    let Some(name) = entry.text("permission")? else { return Ok(None) };
    let permission = name.parse().ok();
    let permission = permission.filter(|_| name.starts_with("tool:") && access == Access::Private);
    let problem = "is not a permission `tool:…`, or `access` is public";
    permission.map(Some).ok_or_else(|| entry.wrong("permission", problem))
}

fn required_scopes(entry: &Entry<'_>) -> Result<RequiredScopes, String> {
    // `scopes` has checked them.
    let all_of = entry.scopes()?.iter().filter_map(|scope| scope.parse().ok()).collect();
    Ok(RequiredScopes { all_of, any_of: Vec::new() })
}

fn caller_members(entry: &Entry<'_>) -> Result<Vec<String>, String> {
    let members = entry.texts("caller")?;
    match members.iter().all(|it| CALLER_MEMBERS.contains(&it.as_str())) {
        true => Ok(members),
        false => {
            let problem = "names something other than `issuer`, `subject`, `name`, `scopes`, \
                           `organization` and `locale`";
            Err(entry.wrong("caller", problem))
        }
    }
}

fn elicitation_origins(entry: &Entry<'_>, own: Origin) -> Result<Vec<Origin>, String> {
    let origins = entry.texts("ask_hosts")?.into_iter().map(|host| {
        let problem = "is not a list of hosts: `app.example.com`";
        ["https://", &host].concat().parse().map_err(|_| entry.wrong("ask_hosts", problem))
    });
    origins.chain([Ok(own)]).collect()
}

fn limits(entry: &Entry<'_>) -> Result<Limits, String> {
    let bytes = entry.number("bytes", 1024 * 1024, 4 * 1024 * 1024)?;
    Ok(Limits {
        connect: Duration::from_secs(2),
        total: Duration::from_secs(entry.number("seconds", 4, 60)?),
        body: usize::try_from(bytes).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
