//! What the tenant's API defines, for the operator: which items are open because nothing defines
//! their permissions, and which refusals come from that. No decision depends on it.

use std::{cell::RefCell, rc::Rc, time::Duration};

use doorward_core::{
    access::{Access, Requirement},
    host::within,
    scope::Scope,
    store::{Kind, StoreKey},
};
use doorward_oauth::Caller;

use super::{PermissionSource, TenantAnswer, UndefinedTools};
use crate::Tenant;

/// How old the answer may be that a refusal is explained by, in milliseconds.
const MAX_AGE_MILLIS: u64 = 60_000;

/// How long a refusal waits for its explanation.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How many items a line of the log names.
const MAX_NAMED: usize = 20;

/// What an instance remembers of the API's definitions.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    /// The last answer that this instance got from the tenant.
    latest: RefCell<Option<Rc<TenantAnswer>>>,
    /// The permissions whose absence was last reported, joined; `None` until something was.
    reported: RefCell<Option<String>>,
}

impl Tenant<'_> {
    /// Whether a private item is refused to everybody, because the API does not define its
    /// permission. `false` if that is unknown.
    pub(super) async fn is_undefined(
        &self,
        caller: &Caller,
        requirement: &Requirement<'_>,
    ) -> bool {
        let settings = &self.settings.permissions;
        if settings.source == PermissionSource::Token
            || settings.access(requirement) != Access::Private
        {
            return false;
        }
        let latest = self.memory.definitions.latest.borrow().clone();
        let oldest = self.host().now_millis().saturating_sub(MAX_AGE_MILLIS);
        let defined = match latest.filter(|latest| latest.asked_at > oldest) {
            Some(latest) => Some(Ok(latest)),
            None => {
                let (start, key) = (self.start_lookup(caller).await, self.queue_key(caller));
                within(self.host(), TIMEOUT, self.defined(key, MAX_AGE_MILLIS, start)).await
            }
        };
        let permission = requirement.permission();
        matches!(defined, Some(Ok(defined)) if !defined.contains(&permission))
    }

    /// Takes note of a new answer of the tenant.
    pub(super) async fn note_definitions(&self, defined: &Rc<TenantAnswer>) {
        self.memory.definitions.latest.replace(Some(Rc::clone(defined)));
        self.report_open(|permission| defined.contains(permission)).await;
    }

    /// Tells the operator which items are open because nothing defines their permissions, unless an
    /// instance has reported the same last.
    pub(super) async fn report_open(&self, is_defined: impl Fn(&Scope) -> bool) {
        let settings = &self.settings.permissions;
        let open: Vec<&str> = match settings.undefined {
            UndefinedTools::Refuse => Vec::new(),
            UndefinedTools::Public => {
                let undefined = settings.undeclared.iter().filter(|it| !is_defined(it));
                undefined.map(Scope::as_str).collect()
            }
        };
        let text = open.join("\n");
        let reported = self.memory.definitions.reported.replace(Some(text.clone()));
        if reported.is_some_and(|reported| reported == text) {
            return;
        }
        // Where each request is a new instance, the store knows what others have reported.
        let (issuer, audience) = (self.issuer().as_str(), self.audience());
        let (store, key) =
            (self.store(), StoreKey::new(Kind::Permissions, &["open", issuer, audience]));
        let before = store.get(&key).await.ok().flatten().unwrap_or_default();
        if before == text.as_bytes() {
            return;
        }
        self.host().log(&line(&open, settings.source));
        // If it is not written, another instance reports it once more.
        let _ = store.set(&key, text.as_bytes()).await;
    }
}

fn line(open: &[&str], source: PermissionSource) -> String {
    if open.is_empty() {
        return "permissions: nothing is open any more for want of a defined permission".to_owned();
    }
    let named = open.get(..MAX_NAMED).unwrap_or(open);
    let more = match open.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let undefined_in = match source {
        PermissionSource::Token => "`scopes_supported` does not name",
        _ => "the API in the tenant does not define",
    };
    let named = named.join(", ");
    format!(
        "permissions: open to everybody who signs in, because {undefined_in} the permissions: \
         {named}{more}. `undefined_tools` decides about that"
    )
}

#[cfg(test)]
mod tests;
