//! Everything that a server offers, in a stable order.

use std::{fmt, rc::Rc};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use crate::{MethodResult, Prompt, Resource, ResourceTemplate, TemplateVariables, Tool};

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
}

/// A list that every caller sees alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// `prompts/list`.
    Prompts,
    /// `resources/list`.
    Resources,
    /// `resources/templates/list`.
    ResourceTemplates,
}

impl Serialize for Offers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        for (name, is_offered) in [
            ("completions", self.completions),
            ("prompts", self.prompts),
            ("resources", self.resources),
            ("tools", self.tools),
        ] {
            if is_offered {
                members.serialize_entry(name, &Map::<String, Value>::new())?;
            }
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

    /// The tool of this name.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&Rc<Tool<C>>> {
        self.tools.iter().find(|tool| tool.name() == name)
    }

    /// All tools.
    pub fn tools(&self) -> impl Iterator<Item = &Rc<Tool<C>>> {
        self.tools.iter()
    }

    /// The prompt of this name.
    #[must_use]
    pub fn prompt(&self, name: &str) -> Option<&Rc<Prompt<C>>> {
        self.prompts.iter().find(|prompt| prompt.name() == name)
    }

    /// The resource with this URI.
    #[must_use]
    pub fn resource(&self, uri: &str) -> Option<&Rc<Resource<C>>> {
        self.resources.iter().find(|resource| resource.uri() == uri)
    }

    /// The template that is written like this.
    #[must_use]
    pub fn template(&self, uri_template: &str) -> Option<&Rc<ResourceTemplate<C>>> {
        self.templates.iter().find(|template| template.uri_template() == uri_template)
    }

    /// The first template that a URI matches, and its variables.
    pub(crate) fn matching_template(
        &self,
        uri: &str,
    ) -> Option<(&Rc<ResourceTemplate<C>>, TemplateVariables)> {
        self.templates.iter().find_map(|it| it.matches(uri).map(|variables| (it, variables)))
    }

    /// Which families of methods the server has.
    #[must_use]
    pub fn offers(&self) -> Offers {
        Offers {
            completions: self.prompts.iter().any(|prompt| prompt.is_completed())
                || self.templates.iter().any(|template| template.is_completed()),
            prompts: !self.prompts.is_empty(),
            resources: !self.resources.is_empty() || !self.templates.is_empty(),
            tools: !self.tools.is_empty(),
        }
    }

    /// The result of `tools/list` for a caller who may see some of the tools. `is_listed` is called
    /// once for each tool, in the order of [`tools`](Self::tools).
    pub fn list_tools(&self, mut is_listed: impl FnMut(&Tool<C>) -> bool) -> MethodResult {
        let listed = self.tools.iter().filter(|tool| is_listed(tool));
        let mut result = MethodResult::default();
        result.insert_json_list("tools", listed.filter_map(|tool| tool.listed()));
        result.cacheable()
    }

    /// The result of any other list.
    pub(crate) fn list(&self, listing: Listing) -> MethodResult {
        let mut result = MethodResult::default();
        match listing {
            Listing::Prompts => result.insert_list("prompts", items(&self.prompts)),
            Listing::Resources => result.insert_list("resources", items(&self.resources)),
            Listing::ResourceTemplates => {
                result.insert_list("resourceTemplates", items(&self.templates));
            }
        }
        result.cacheable()
    }
}

impl<C> Default for Registry<C> {
    fn default() -> Self {
        let (tools, prompts) = (Vec::new(), Vec::new());
        Self { tools, prompts, resources: Vec::new(), templates: Vec::new() }
    }
}

impl<C> fmt::Debug for Registry<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("tools", &self.tools)
            .field("prompts", &self.prompts)
            .field("resources", &self.resources)
            .field("templates", &self.templates)
            .finish()
    }
}

fn put<T>(items: &mut Vec<Rc<T>>, item: T, name: fn(&T) -> &'static str) {
    let item = Rc::new(item);
    match items.iter_mut().find(|existing| name(existing) == name(&item)) {
        Some(existing) => *existing = item,
        None => items.push(item),
    }
}

fn items<T>(items: &[Rc<T>]) -> impl Iterator<Item = &T> {
    items.iter().map(|item| &**item)
}
