//! Everything that a server offers, in a stable order.

use std::{fmt, rc::Rc};

use doorward_core::access::Requirement;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use crate::{MethodResult, Prompt, Readable, Resource, ResourceTemplate, Tool};

/// The tools, prompts and resources of a server. Clients see them in the order in which they were
/// added; of two with the same name, the one that was added last.
///
/// ```
/// use doorward_mcp::{NoArguments, Registry, Tool};
///
/// let registry = Registry::new()
///     .with(Tool::new("one", async |(), NoArguments {}| Ok(String::from("1"))))
///     .with(Tool::new("two", async |(), NoArguments {}| Ok(String::from("2"))));
/// assert!(registry.tool("two").is_some());
/// ```
pub struct Registry<C> {
    tools: Vec<Rc<Tool<C>>>,
    prompts: Vec<Rc<Prompt<C>>>,
    resources: Vec<Rc<Resource<C>>>,
    templates: Vec<Rc<ResourceTemplate<C>>>,
    remote: RemoteOffer<C>,
    /// What other servers may have, although nothing of it is known yet.
    declared: Offers,
    extensions: &'static [&'static str],
}

/// What other servers offer, in the order of their lists.
pub struct RemoteOffer<C> {
    /// Tools.
    pub tools: Vec<Rc<Tool<C>>>,
    /// Prompts.
    pub prompts: Vec<Rc<Prompt<C>>>,
    /// Resources.
    pub resources: Vec<Rc<Resource<C>>>,
    /// Resources that share the form of their URI.
    pub templates: Vec<Rc<ResourceTemplate<C>>>,
}

/// Which families of methods a server has. One without members is not advertised, and its methods
/// do not exist. Serialized, it is the `capabilities` of the server, which announces no changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// Arguments of prompts or variables of resource templates are completed.
    pub completions: bool,
    /// There are prompts.
    pub prompts: bool,
    /// There are resources or resource templates.
    pub resources: bool,
    /// There are tools.
    pub tools: bool,
    /// The extensions that the server supports, by id.
    pub extensions: &'static [&'static str],
}

/// A list, which may differ from caller to caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// `tools/list`.
    Tools,
    /// `prompts/list`.
    Prompts,
    /// `resources/list`.
    Resources,
    /// `resources/templates/list`.
    ResourceTemplates,
}

impl Listing {
    /// Every list.
    pub const ALL: [Self; 4] =
        [Self::Tools, Self::Prompts, Self::Resources, Self::ResourceTemplates];

    /// The method that returns it.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Self::Tools => "tools/list",
            Self::Prompts => "prompts/list",
            Self::Resources => "resources/list",
            Self::ResourceTemplates => "resources/templates/list",
        }
    }

    /// The member of the result that it is in.
    #[must_use]
    pub fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::ResourceTemplates => "resourceTemplates",
        }
    }
}

impl Serialize for Offers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        let none = Map::<String, Value>::new();
        for (name, is_offered) in [
            ("completions", self.completions),
            ("prompts", self.prompts),
            ("resources", self.resources),
            ("tools", self.tools),
        ] {
            if is_offered {
                members.serialize_entry(name, &none)?;
            }
        }
        if !self.extensions.is_empty() {
            let mut extensions = none.clone();
            for id in self.extensions {
                extensions.insert((*id).to_owned(), Value::Object(none.clone()));
            }
            members.serialize_entry("extensions", &extensions)?;
        }
        members.end()
    }
}

impl<C> Registry<C> {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tool.
    #[must_use]
    pub fn with(mut self, tool: Tool<C>) -> Self {
        put(&mut self.tools, tool, Tool::name);
        self
    }

    /// Adds a prompt.
    #[must_use]
    pub fn with_prompt(mut self, prompt: Prompt<C>) -> Self {
        put(&mut self.prompts, prompt, Prompt::name);
        self
    }

    /// Adds a resource.
    #[must_use]
    pub fn with_resource(mut self, resource: Resource<C>) -> Self {
        put(&mut self.resources, resource, Resource::uri);
        self
    }

    /// Adds resources that share the form of their URI.
    #[must_use]
    pub fn with_template(mut self, template: ResourceTemplate<C>) -> Self {
        put(&mut self.templates, template, ResourceTemplate::uri_template);
        self
    }

    /// Declares capabilities, although nothing of other servers is known yet.
    #[must_use]
    pub fn declaring(mut self, declared: Offers) -> Self {
        self.declared = declared;
        self
    }

    /// The same with what another server offers. No two other servers offer the same; what is built
    /// in stays what it is.
    #[must_use]
    pub fn and_remote(mut self, remote: &RemoteOffer<C>) -> Self {
        let own = |it: &&Rc<Tool<C>>| !self.tools.iter().any(|known| known.name() == it.name());
        self.remote.tools.extend(remote.tools.iter().filter(own).cloned());
        let own = |it: &&Rc<Prompt<C>>| !self.prompts.iter().any(|known| known.name() == it.name());
        self.remote.prompts.extend(remote.prompts.iter().filter(own).cloned());
        let own = |it: &&Rc<Resource<C>>| !self.has_built_in(it.uri());
        let resources: Vec<_> = remote.resources.iter().filter(own).cloned().collect();
        self.remote.resources.extend(resources);
        let own = |it: &&Rc<ResourceTemplate<C>>| {
            !self.templates.iter().any(|known| known.uri_template() == it.uri_template())
        };
        self.remote.templates.extend(remote.templates.iter().filter(own).cloned());
        self
    }

    /// Whether a resource with this URI is built in.
    #[must_use]
    pub fn has_built_in(&self, uri: &str) -> bool {
        self.resources.iter().any(|resource| resource.uri() == uri)
            || self.templates.iter().any(|template| template.matches(uri).is_some())
    }

    /// Declares the extensions of the protocol that the server supports, by id.
    #[must_use]
    pub fn with_extensions(mut self, ids: &'static [&'static str]) -> Self {
        self.extensions = ids;
        self
    }

    /// The tool of this name.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&Rc<Tool<C>>> {
        self.tools().find(|tool| tool.name() == name)
    }

    /// All tools.
    pub fn tools(&self) -> impl Iterator<Item = &Rc<Tool<C>>> {
        self.tools.iter().chain(&self.remote.tools)
    }

    fn prompts(&self) -> impl Iterator<Item = &Rc<Prompt<C>>> {
        self.prompts.iter().chain(&self.remote.prompts)
    }

    fn resources(&self) -> impl Iterator<Item = &Rc<Resource<C>>> {
        self.resources.iter().chain(&self.remote.resources)
    }

    fn templates(&self) -> impl Iterator<Item = &Rc<ResourceTemplate<C>>> {
        self.templates.iter().chain(&self.remote.templates)
    }

    /// The prompt of this name.
    #[must_use]
    pub fn prompt(&self, name: &str) -> Option<&Rc<Prompt<C>>> {
        self.prompts().find(|prompt| prompt.name() == name)
    }

    /// The resource with this URI.
    #[must_use]
    pub fn resource(&self, uri: &str) -> Option<&Rc<Resource<C>>> {
        self.resources().find(|resource| resource.uri() == uri)
    }

    /// The template that is written like this.
    #[must_use]
    pub fn template(&self, uri_template: &str) -> Option<&Rc<ResourceTemplate<C>>> {
        self.templates().find(|template| template.uri_template() == uri_template)
    }

    /// The resource with this URI, or else the first template that it matches.
    #[must_use]
    pub fn readable(&self, uri: &str) -> Option<Readable<C>> {
        let resource = self.resource(uri).map(|it| Readable::Resource(Rc::clone(it)));
        resource.or_else(|| {
            self.templates().find_map(|it| {
                it.matches(uri).map(|variables| Readable::Template(Rc::clone(it), variables))
            })
        })
    }

    /// Which families of methods the server has.
    #[must_use]
    pub fn offers(&self) -> Offers {
        let Offers { completions, prompts, resources, tools, .. } = self.declared;
        Offers {
            completions: completions
                || self.prompts.iter().any(|prompt| prompt.is_completed())
                || self.templates.iter().any(|template| template.is_completed()),
            prompts: prompts || !self.prompts.is_empty(),
            resources: resources || !self.resources.is_empty() || !self.templates.is_empty(),
            tools: tools || !self.tools.is_empty(),
            extensions: self.extensions,
        }
    }

    /// What a decision about each entry of a list needs to know, in the order of the list.
    #[must_use]
    pub fn requirements(&self, listing: Listing) -> Vec<Requirement<'_>> {
        match listing {
            Listing::Tools => self.tools().map(|it| it.requirement()).collect(),
            Listing::Prompts => self.prompts().map(|it| it.requirement()).collect(),
            Listing::Resources => self.resources().map(|it| it.requirement()).collect(),
            Listing::ResourceTemplates => self.templates().map(|it| it.requirement()).collect(),
        }
    }

    /// The result of a list for a caller who may see some of its entries. `is_listed` is called
    /// once for each, in the order of [`requirements`](Self::requirements).
    pub fn list(
        &self,
        listing: Listing,
        mut is_listed: impl FnMut(Requirement<'_>) -> bool,
    ) -> MethodResult {
        let mut result = MethodResult::default();
        match listing {
            Listing::Tools => {
                let listed = self.tools().filter(|it| is_listed(it.requirement()));
                result.insert_json_list(
                    listing.member(),
                    listed.filter_map(|tool| tool.entry_json()),
                );
            }
            Listing::Prompts => {
                let listed = self.prompts().filter(|it| is_listed(it.requirement()));
                result.insert_list(listing.member(), listed.map(|it| &**it));
            }
            Listing::Resources => {
                let listed = self.resources().filter(|it| is_listed(it.requirement()));
                result.insert_list(listing.member(), listed.map(|it| &**it));
            }
            Listing::ResourceTemplates => {
                let listed = self.templates().filter(|it| is_listed(it.requirement()));
                result.insert_list(listing.member(), listed.map(|it| &**it));
            }
        }
        result.cacheable()
    }
}

impl<C> Default for Registry<C> {
    fn default() -> Self {
        let (remote, declared) = (RemoteOffer::default(), Offers::default());
        let RemoteOffer { tools, prompts, resources, templates } = RemoteOffer::default();
        Self { tools, prompts, resources, templates, remote, declared, extensions: &[] }
    }
}

impl<C> Default for RemoteOffer<C> {
    fn default() -> Self {
        let (tools, prompts) = (Vec::new(), Vec::new());
        Self { tools, prompts, resources: Vec::new(), templates: Vec::new() }
    }
}

impl<C> Clone for RemoteOffer<C> {
    fn clone(&self) -> Self {
        Self {
            tools: self.tools.clone(),
            prompts: self.prompts.clone(),
            resources: self.resources.clone(),
            templates: self.templates.clone(),
        }
    }
}

impl<C> Clone for Registry<C> {
    fn clone(&self) -> Self {
        Self {
            tools: self.tools.clone(),
            prompts: self.prompts.clone(),
            resources: self.resources.clone(),
            templates: self.templates.clone(),
            remote: self.remote.clone(),
            declared: self.declared,
            extensions: self.extensions,
        }
    }
}

impl<C> fmt::Debug for Registry<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("tools", &self.tools)
            .field("prompts", &self.prompts)
            .field("resources", &self.resources)
            .field("templates", &self.templates)
            .field("extensions", &self.extensions)
            .finish()
    }
}

fn put<T>(items: &mut Vec<Rc<T>>, item: T, name: fn(&T) -> &str) {
    let item = Rc::new(item);
    match items.iter_mut().find(|existing| name(existing) == name(&item)) {
        Some(existing) => *existing = item,
        None => items.push(item),
    }
}
