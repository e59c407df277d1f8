//! Resources of other servers.

use serde_json::Value;

use super::{Read, Resource, ResourceTemplate};
use crate::RemoteAccess;

impl<C: 'static> Resource<C> {
    /// A resource of another server, by its entry in `resources/list`. `read` gets its URI.
    pub fn remote(entry: &Value, access: RemoteAccess, read: Box<Read<C>>) -> Self {
        let RemoteAccess { access, permission, scopes, .. } = access;
        Self {
            access,
            description: text(entry, "description").into(),
            mime_type: text(entry, "mimeType").into(),
            name: text(entry, "name").into(),
            permission,
            read,
            scopes,
            title: Some(text(entry, "title")).filter(|title| !title.is_empty()),
            uri: text(entry, "uri").into(),
        }
    }
}

impl<C: 'static> ResourceTemplate<C> {
    /// Resources of another server, by their entry in `resources/templates/list`. `read` gets the
    /// URI of one.
    pub fn remote(entry: &Value, access: RemoteAccess, read: Box<Read<C>>) -> Self {
        let RemoteAccess { access, permission, scopes, .. } = access;
        Self {
            access,
            completers: Vec::new(),
            description: text(entry, "description").into(),
            mime_type: text(entry, "mimeType").into(),
            name: text(entry, "name").into(),
            permission,
            read,
            scopes,
            title: Some(text(entry, "title")).filter(|title| !title.is_empty()),
            uri_template: text(entry, "uriTemplate").into(),
        }
    }
}

fn text(entry: &Value, member: &str) -> String {
    entry.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}
