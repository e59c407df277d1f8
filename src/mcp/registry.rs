//! Everything that a server offers, in a stable order.

use std::rc::Rc;

use serde::Serialize;
use serde_json::Value;

use super::{Prompt, Resource, ResourceTemplate, Tool};

/// The tools, prompts and resources of a server. Clients see them in the order in which they were added; of two with
/// the same name, the one that was added last.
#[derive(Debug, Default)]
pub struct Registry {
    tools: Vec<Rc<Tool>>,
    prompts: Vec<Rc<Prompt>>,
    resources: Vec<Rc<Resource>>,
    templates: Vec<Rc<ResourceTemplate>>,
}

/// What a server can offer; a family without members is not advertised and its methods do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Completions,
    Prompts,
    Resources,
    Tools,
}

impl Registry {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tool.
    #[must_use]
    pub fn with(mut self, tool: Tool) -> Self {
        put(&mut self.tools, tool, Tool::name);
        self
    }

    /// Adds a prompt.
    #[must_use]
    pub fn with_prompt(mut self, prompt: Prompt) -> Self {
        put(&mut self.prompts, prompt, Prompt::name);
        self
    }

    /// Adds a resource.
    #[must_use]
    pub fn with_resource(mut self, resource: Resource) -> Self {
        put(&mut self.resources, resource, Resource::uri);
        self
    }

    /// Adds resources that share the form of their URI.
    #[must_use]
    pub fn with_template(mut self, template: ResourceTemplate) -> Self {
        put(&mut self.templates, template, ResourceTemplate::uri_template);
        self
    }

    /// The tool of this name.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&Rc<Tool>> {
        self.tools.iter().find(|tool| tool.name() == name)
    }

    /// The prompt of this name.
    #[must_use]
    pub fn prompt(&self, name: &str) -> Option<&Rc<Prompt>> {
        self.prompts.iter().find(|prompt| prompt.name() == name)
    }

    /// The resource with this URI.
    #[must_use]
    pub fn resource(&self, uri: &str) -> Option<&Rc<Resource>> {
        self.resources.iter().find(|resource| resource.uri() == uri)
    }

    /// The template that is written like this.
    #[must_use]
    pub fn template(&self, uri_template: &str) -> Option<&Rc<ResourceTemplate>> {
        self.templates.iter().find(|template| template.uri_template() == uri_template)
    }

    /// All templates.
    pub(super) fn templates(&self) -> impl Iterator<Item = &Rc<ResourceTemplate>> {
        self.templates.iter()
    }

    pub(super) fn offers(&self, family: Family) -> bool {
        match family {
            Family::Completions => {
                self.prompts.iter().any(|prompt| prompt.is_completed())
                    || self.templates.iter().any(|template| template.is_completed())
            }
            Family::Prompts => !self.prompts.is_empty(),
            Family::Resources => !self.resources.is_empty() || !self.templates.is_empty(),
            Family::Tools => !self.tools.is_empty(),
        }
    }

    /// All tools.
    pub(super) fn tools(&self) -> impl Iterator<Item = &Rc<Tool>> {
        self.tools.iter()
    }

    /// What lists say of these tools, each as JSON.
    pub(super) fn list_tools(&self, mut is_listed: impl FnMut(&Tool) -> bool) -> Vec<&str> {
        let mut listed = Vec::new();
        for tool in &self.tools {
            if is_listed(tool) {
                listed.extend(tool.listed());
            }
        }
        listed
    }

    pub(super) fn list_prompts(&self) -> Value {
        list(&self.prompts)
    }

    pub(super) fn list_resources(&self) -> Value {
        list(&self.resources)
    }

    pub(super) fn list_templates(&self) -> Value {
        list(&self.templates)
    }
}

fn put<T>(items: &mut Vec<Rc<T>>, item: T, name: fn(&T) -> &'static str) {
    let item = Rc::new(item);
    match items.iter_mut().find(|existing| name(existing) == name(&item)) {
        Some(existing) => *existing = item,
        None => items.push(item),
    }
}

/// Serializing our own types cannot fail; should it ever, the item is left out.
fn list<T: Serialize>(items: &[Rc<T>]) -> Value {
    items.iter().filter_map(|item| serde_json::to_value(&**item).ok()).collect()
}
