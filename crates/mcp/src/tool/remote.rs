//! Tools of other servers.

use std::{
    cell::{LazyCell, OnceCell},
    rc::Rc,
};

use doorward_core::{
    access::Access,
    scope::{RequiredScopes, Scope},
    strict_json,
};
use serde_json::Value;

use super::{Annotations, Call, Tool};

/// What the operator says about a tool of another server.
#[derive(Clone, Debug)]
pub struct RemoteAccess {
    /// Whether it needs a permission.
    pub access: Access,
    /// The permission; `None` for `tool:<name>`.
    pub permission: Option<Scope>,
    /// The scopes that it needs besides.
    pub scopes: RequiredScopes,
    /// Whether it only reads.
    pub is_read_only: bool,
}

impl<C: 'static> Tool<C> {
    /// A tool of another server. `entry_json` is its entry in `tools/list`, which is passed on as
    /// it is. Arguments that the schema in it does not allow never get to `call`. It may report its
    /// progress.
    pub fn remote(
        name: String,
        entry_json: Rc<str>,
        access: RemoteAccess,
        call: Box<Call<C>>,
    ) -> Self {
        let entry = Rc::clone(&entry_json);
        let schema = move || {
            let entry = strict_json::parse(entry.as_bytes()).ok();
            entry
                .and_then(|mut entry| entry.get_mut("inputSchema").map(Value::take))
                .unwrap_or_default()
        };
        let RemoteAccess { access, permission, scopes, is_read_only } = access;
        Self {
            name: name.into(),
            title: "",
            description: "",
            input_schema: LazyCell::new(Box::new(schema)),
            output_schema: || None,
            annotations: Annotations { read_only_hint: is_read_only, ..Annotations::READ_ONLY },
            icons: &[],
            access,
            scopes,
            permission,
            is_remote: true,
            reports_progress: true,
            parameter_headers: OnceCell::new(),
            entry_json: OnceCell::from(Some(entry_json)),
            call,
        }
    }
}
