//! Resources: documents that a client can read (MCP, server/resources).

use std::{fmt, rc::Rc};

use serde::Serialize;

use super::{CallError, completion::Completer, content::ResourceContents};
use crate::{context::Context, host::PortFuture};

type Contents = Result<Vec<ResourceContents>, CallError>;
type Read = dyn Fn(Context, Variables) -> PortFuture<'static, Contents>;

/// A resource with a URI of its own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    uri: &'static str,
    name: &'static str,
    description: &'static str,
    mime_type: &'static str,
    #[serde(skip)]
    read: Box<Read>,
}

/// Resources that share the form of their URI (RFC 6570, with simple `{variables}` that match no slash).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceTemplate {
    uri_template: &'static str,
    name: &'static str,
    description: &'static str,
    mime_type: &'static str,
    #[serde(skip)]
    read: Box<Read>,
    #[serde(skip)]
    completers: Vec<(&'static str, Completer)>,
}

/// The variables of a URI that matched a template, by name.
pub type Variables = std::collections::BTreeMap<String, String>;

impl Resource {
    /// A resource that `read` reads.
    pub fn new<F>(
        uri: &'static str,
        name: &'static str,
        description: &'static str,
        mime_type: &'static str,
        read: F,
    ) -> Self
    where
        F: AsyncFn(&Context) -> Contents + 'static,
    {
        let read = Rc::new(read);
        let read: Box<Read> = Box::new(move |context, _| {
            let read = Rc::clone(&read);
            Box::pin(async move { read(&context).await })
        });
        Self { uri, name, description, mime_type, read }
    }

    pub(super) fn uri(&self) -> &'static str {
        self.uri
    }

    pub(super) fn read(&self, context: Context) -> PortFuture<'static, Contents> {
        (self.read)(context, Variables::new())
    }
}

impl ResourceTemplate {
    /// Resources that `read` reads, by the variables in their URI.
    pub fn new<F>(
        uri_template: &'static str,
        name: &'static str,
        description: &'static str,
        mime_type: &'static str,
        read: F,
    ) -> Self
    where
        F: AsyncFn(&Context, Variables) -> Contents + 'static,
    {
        let read = Rc::new(read);
        let read: Box<Read> = Box::new(move |context, variables| {
            let read = Rc::clone(&read);
            Box::pin(async move { read(&context, variables).await })
        });
        Self { uri_template, name, description, mime_type, read, completers: Vec::new() }
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

    pub(super) fn uri_template(&self) -> &'static str {
        self.uri_template
    }

    pub(super) fn completer(&self, variable: &str) -> Option<&Completer> {
        self.completers.iter().find(|(name, _)| *name == variable).map(|(_, completer)| completer)
    }

    pub(super) fn is_completed(&self) -> bool {
        !self.completers.is_empty()
    }

    /// The variables of a URI of this form.
    pub(super) fn matches(&self, uri: &str) -> Option<Variables> {
        let mut variables = Variables::new();
        let (mut template, mut uri) = (self.uri_template, uri);
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

    pub(super) fn read(
        &self,
        context: Context,
        variables: Variables,
    ) -> PortFuture<'static, Contents> {
        (self.read)(context, variables)
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resource").field(&self.uri).finish()
    }
}

impl fmt::Debug for ResourceTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ResourceTemplate").field(&self.uri_template).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(uri_template: &'static str) -> ResourceTemplate {
        ResourceTemplate::new(uri_template, "t", "t", "text/plain", async |_, _| Ok(Vec::new()))
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
