//! Resources: documents that a client can read (MCP, server/resources).

mod remote;

use std::{borrow::Cow, collections::BTreeMap, fmt, rc::Rc};

use doorward_core::{
    access::{Access, Item, ItemKind, Requirement},
    host::PortFuture,
    scope::{RequiredScopes, Scope},
};
use serde::Serialize;

use crate::{CallError, ResourceContents, completer::Completer};

type Contents = Result<Vec<ResourceContents>, CallError>;
/// Reads the resource at a URI, which has these variables.
pub type Read<C> = dyn Fn(C, String, TemplateVariables) -> PortFuture<'static, Contents>;

/// A resource with a URI of its own. It is listed with its members in the order of their names.
///
/// Who may read it: say [`private`](Self::private) or [`public`](Self::public). A resource that
/// says neither is public until the API in the tenant defines the permission `resource:<name>`.
///
/// ```
/// use doorward_mcp::{Registry, Resource, ResourceContents};
///
/// let about = Resource::new("docs://about", "about", "About.", "text/plain", async |()| {
///     Ok(vec![ResourceContents::text("docs://about", "text/plain", "This is an example.")])
/// });
/// let registry = Registry::new().with_resource(about);
/// ```
#[derive(Serialize)]
#[serde(rename_all = "camelCase", bound = "")]
pub struct Resource<C> {
    #[serde(skip)]
    access: Access,
    description: Cow<'static, str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    mime_type: Cow<'static, str>,
    name: Cow<'static, str>,
    #[serde(skip)]
    permission: Option<Scope>,
    #[serde(skip)]
    read: Box<Read<C>>,
    #[serde(skip)]
    scopes: RequiredScopes,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    uri: Cow<'static, str>,
}

/// Resources that share the form of their URI (RFC 6570, with simple `{variables}` that match no
/// slash). Who may read them is said as for a [`Resource`]: all of them share one permission.
///
/// ```
/// use doorward_mcp::{Registry, ResourceContents, ResourceTemplate};
///
/// let uri = "docs://items/{id}";
/// let item = ResourceTemplate::new(uri, "item", "One.", "text/plain", async |(), variables| {
///     let id = variables.get("id").cloned().unwrap_or_default();
///     Ok(vec![ResourceContents::text(format!("docs://items/{id}"), "text/plain", id)])
/// })
/// .complete("id", |typed| vec![format!("{typed}7")]);
/// let registry = Registry::new().with_template(item);
/// ```
#[derive(Serialize)]
#[serde(rename_all = "camelCase", bound = "")]
pub struct ResourceTemplate<C> {
    #[serde(skip)]
    access: Access,
    #[serde(skip)]
    completers: Vec<(&'static str, Completer)>,
    description: Cow<'static, str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    mime_type: Cow<'static, str>,
    name: Cow<'static, str>,
    #[serde(skip)]
    permission: Option<Scope>,
    #[serde(skip)]
    read: Box<Read<C>>,
    #[serde(skip)]
    scopes: RequiredScopes,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    uri_template: Cow<'static, str>,
}

/// What is read at a URI.
pub enum Readable<C> {
    /// The resource with this URI.
    Resource(Rc<Resource<C>>),
    /// One of the resources of a template, which has these variables.
    Template(Rc<ResourceTemplate<C>>, TemplateVariables),
}

/// The variables of a URI that matched a template, by name.
pub type TemplateVariables = BTreeMap<String, String>;

impl<C: 'static> Resource<C> {
    /// A resource that `read` reads.
    pub fn new<F>(
        uri: &'static str,
        name: &'static str,
        description: &'static str,
        mime_type: &'static str,
        read: F,
    ) -> Self
    where
        F: AsyncFn(&C) -> Contents + 'static,
    {
        let read = Rc::new(read);
        let read: Box<Read<C>> = Box::new(move |context, _, _| {
            let read = Rc::clone(&read);
            Box::pin(async move { read(&context).await })
        });
        Self {
            access: Access::default(),
            description: description.into(),
            mime_type: mime_type.into(),
            name: name.into(),
            permission: None,
            read,
            scopes: RequiredScopes::default(),
            title: None,
            uri: uri.into(),
        }
    }
}

impl<C> Resource<C> {
    /// Makes the resource private: it always needs the permission `resource:<name>`, whether or not
    /// the API in the tenant defines it.
    ///
    /// ```
    /// use doorward_mcp::{Resource, ResourceContents};
    ///
    /// let uri = "docs://payroll";
    /// let payroll: Resource<()> =
    ///     Resource::new(uri, "payroll", "The payroll.", "text/plain", async |_| {
    ///         Ok(vec![ResourceContents::text("docs://payroll", "text/plain", "…")])
    ///     })
    ///     .private();
    /// ```
    #[must_use]
    pub fn private(mut self) -> Self {
        self.access = Access::Private;
        self
    }

    /// Makes the resource public: it never needs a permission, whatever the API in the tenant
    /// defines.
    ///
    /// ```
    /// use doorward_mcp::{Resource, ResourceContents};
    ///
    /// let about: Resource<()> =
    ///     Resource::new("docs://about", "about", "About.", "text/plain", async |_| {
    ///         Ok(vec![ResourceContents::text("docs://about", "text/plain", "An example.")])
    ///     })
    ///     .public();
    /// ```
    #[must_use]
    pub fn public(mut self) -> Self {
        self.access = Access::Public;
        self
    }

    /// Requires that a token has all of these scopes, in addition to any permission.
    #[must_use]
    pub fn all_of_scopes(mut self, scopes: impl IntoIterator<Item = &'static str>) -> Self {
        self.scopes.all_of.extend(scopes.into_iter().map(Scope::from_static));
        self
    }

    /// Requires that a token has one of these scopes. A client whose token has none of them is told
    /// to request the first.
    #[must_use]
    pub fn any_of_scopes(mut self, scopes: impl IntoIterator<Item = &'static str>) -> Self {
        self.scopes.any_of.extend(scopes.into_iter().map(Scope::from_static));
        self
    }

    /// The URI.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// What a decision about the resource needs to know of it.
    #[must_use]
    pub fn requirement(&self) -> Requirement<'_> {
        requirement(&self.name, self.access, &self.scopes, self.permission.as_ref())
    }

    /// Reads the resource.
    pub fn read(&self, context: C) -> PortFuture<'static, Contents> {
        (self.read)(context, self.uri.clone().into_owned(), TemplateVariables::new())
    }
}

impl<C: 'static> ResourceTemplate<C> {
    /// Resources that `read` reads, by the variables in their URI.
    pub fn new<F>(
        uri_template: &'static str,
        name: &'static str,
        description: &'static str,
        mime_type: &'static str,
        read: F,
    ) -> Self
    where
        F: AsyncFn(&C, TemplateVariables) -> Contents + 'static,
    {
        let read = Rc::new(read);
        let read: Box<Read<C>> = Box::new(move |context, _, variables| {
            let read = Rc::clone(&read);
            Box::pin(async move { read(&context, variables).await })
        });
        Self {
            access: Access::default(),
            completers: Vec::new(),
            description: description.into(),
            mime_type: mime_type.into(),
            name: name.into(),
            permission: None,
            read,
            scopes: RequiredScopes::default(),
            title: None,
            uri_template: uri_template.into(),
        }
    }
}

impl<C> ResourceTemplate<C> {
    /// Makes the resources private: they always need the permission `resource:<name>`, whether or
    /// not the API in the tenant defines it.
    ///
    /// ```
    /// use doorward_mcp::{ResourceContents, ResourceTemplate};
    ///
    /// let uri = "docs://contracts/{id}";
    /// let contract: ResourceTemplate<()> =
    ///     ResourceTemplate::new(uri, "contract", "One.", "text/plain", async |_, _| {
    ///         Ok(vec![ResourceContents::text("docs://contracts/7", "text/plain", "…")])
    ///     })
    ///     .private();
    /// ```
    #[must_use]
    pub fn private(mut self) -> Self {
        self.access = Access::Private;
        self
    }

    /// Makes the resources public: they never need a permission, whatever the API in the tenant
    /// defines.
    ///
    /// ```
    /// use doorward_mcp::{ResourceContents, ResourceTemplate};
    ///
    /// let uri = "docs://pages/{id}";
    /// let page: ResourceTemplate<()> =
    ///     ResourceTemplate::new(uri, "page", "One.", "text/plain", async |_, _| {
    ///         Ok(vec![ResourceContents::text("docs://pages/7", "text/plain", "Seven.")])
    ///     })
    ///     .public();
    /// ```
    #[must_use]
    pub fn public(mut self) -> Self {
        self.access = Access::Public;
        self
    }

    /// Requires that a token has all of these scopes, in addition to any permission.
    #[must_use]
    pub fn all_of_scopes(mut self, scopes: impl IntoIterator<Item = &'static str>) -> Self {
        self.scopes.all_of.extend(scopes.into_iter().map(Scope::from_static));
        self
    }

    /// Requires that a token has one of these scopes. A client whose token has none of them is told
    /// to request the first.
    #[must_use]
    pub fn any_of_scopes(mut self, scopes: impl IntoIterator<Item = &'static str>) -> Self {
        self.scopes.any_of.extend(scopes.into_iter().map(Scope::from_static));
        self
    }

    /// Completes a variable.
    #[must_use]
    pub fn complete(
        mut self,
        variable: &'static str,
        complete: impl Fn(&str) -> Vec<String> + 'static,
    ) -> Self {
        self.completers.push((variable, Completer::new(complete)));
        self
    }

    /// The template.
    #[must_use]
    pub fn uri_template(&self) -> &str {
        &self.uri_template
    }

    /// What a decision about the resources needs to know of them.
    #[must_use]
    pub fn requirement(&self) -> Requirement<'_> {
        requirement(&self.name, self.access, &self.scopes, self.permission.as_ref())
    }

    pub(crate) fn completer(&self, variable: &str) -> Option<&Completer> {
        self.completers.iter().find(|(name, _)| *name == variable).map(|(_, completer)| completer)
    }

    pub(crate) fn is_completed(&self) -> bool {
        !self.completers.is_empty()
    }

    /// The variables of a URI of this form; `None` for another URI.
    pub(crate) fn matches(&self, uri: &str) -> Option<TemplateVariables> {
        let mut variables = TemplateVariables::new();
        let (mut template, mut uri) = (&*self.uri_template, uri);
        while let Some((literal, rest)) = template.split_once('{') {
            let (name, after) = rest.split_once('}')?;
            uri = uri.strip_prefix(literal)?;
            let end = uri.find('/').unwrap_or(uri.len());
            let (value, remainder) = uri.split_at_checked(end)?;
            if value.is_empty() {
                return None;
            }
            variables.insert(name.to_owned(), value.to_owned());
            (template, uri) = (after, remainder);
        }
        (template == uri).then_some(variables)
    }

    /// Reads the resource at a URI, which has these variables.
    pub fn read(
        &self,
        context: C,
        uri: String,
        variables: TemplateVariables,
    ) -> PortFuture<'static, Contents> {
        (self.read)(context, uri, variables)
    }
}

impl<C> Readable<C> {
    /// What a decision about it needs to know.
    #[must_use]
    pub fn requirement(&self) -> Requirement<'_> {
        match self {
            Self::Resource(resource) => resource.requirement(),
            Self::Template(template, _) => template.requirement(),
        }
    }
}

fn requirement<'a>(
    name: &'a str,
    access: Access,
    scopes: &'a RequiredScopes,
    permission: Option<&'a Scope>,
) -> Requirement<'a> {
    let item = Item { kind: ItemKind::Resource, name };
    Requirement { item, access, is_read_only: true, scopes, permission }
}

impl<C> fmt::Debug for Resource<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resource").field(&self.uri).finish()
    }
}

impl<C> fmt::Debug for ResourceTemplate<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResourceTemplate").field(&self.uri_template).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(uri_template: &'static str) -> ResourceTemplate<()> {
        ResourceTemplate::new(uri_template, "t", "t", "text/plain", async |(), _| Ok(Vec::new()))
    }

    #[test]
    fn a_template_finds_its_variables() {
        let template = template("test://template/{id}/data/{part}");
        let variables = template.matches("test://template/7/data/x").unwrap();
        assert_eq!(variables["id"], "7");
        assert_eq!(variables["part"], "x");
    }

    #[test]
    fn what_has_another_form_does_not_match() {
        let template = template("test://template/{id}/data");
        for uri in ["test://template//data", "test://template/1/2/data", "test://template/1", "x"] {
            assert_eq!(template.matches(uri), None, "{uri}");
        }
    }
}
