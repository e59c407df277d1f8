//! One pass over the tenant: the plan, which changes nothing, or the set-up itself. Both take the
//! same steps, so the plan is what is then done.

use super::state::{Changed, Made, State};
use crate::{
    Error,
    management::{Management, Refusal},
    scrub::scrub,
};
use serde_json::{Value, json};

/// Why a step ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The tenant refused a request.
    Refused(Refusal),
    /// Something on this machine failed.
    Here(Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Here(error)
    }
}

/// A change of the tenant.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// What it does, for people.
    pub(super) what: String,
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) body: Value,
}

/// How a change is undone.
pub(super) enum Undo {
    /// The object of this kind is deleted.
    Delete(&'static str),
    /// Members of the object get their values back: JSON pointer, value before, value after.
    Restore(Vec<(String, Value, Value)>),
    /// It ends with something else that is undone.
    Nothing,
}

/// A pass over the tenant.
pub(super) struct Run<'a> {
    pub(super) management: &'a Management,
    /// Whether changes are made, and not only planned.
    pub(super) apply: bool,
    pub(super) state: State,
    /// The changes that were planned or made.
    pub(super) changes: Vec<Change>,
    /// The connections with which members of a new organization sign in.
    pub(super) sign_in: Vec<String>,
    /// What is left to a person.
    pub(super) manual: Vec<String>,
    /// What stays as the tenant has it, because this is no first run and no option names it.
    pub(super) kept: Vec<String>,
    /// The scopes that third-party clients may ask for.
    pub(super) granted: Vec<String>,
    /// What did not succeed.
    pub(super) problems: Vec<String>,
    /// The secrets that must not be printed.
    pub(super) hidden: Vec<String>,
}

impl Run<'_> {
    /// Makes or plans a change. Returns the tenant's answer, or `None` if it is only planned.
    pub(super) async fn change(
        &mut self,
        what: impl Into<String>,
        method: &'static str,
        path: impl Into<String>,
        body: Value,
        undo: Undo,
    ) -> Result<Option<Value>, Stop> {
        let change = Change { what: what.into(), method, path: path.into(), body };
        self.changes.push(change.clone());
        if !self.apply {
            return Ok(None);
        }
        // Before the request: its answer may be lost.
        match &undo {
            Undo::Delete(kind) => self.state.begin(kind, &change.what)?,
            Undo::Restore(members) => {
                for (member, before, after) in members.clone() {
                    let path = change.path.clone();
                    self.state.change(Changed { path, member, before, after })?;
                }
            }
            Undo::Nothing => {}
        }
        let body = (!change.body.is_null()).then_some(&change.body);
        let answer = match self.management.send(method, &change.path, body).await {
            // Nothing was made if the tenant says so.
            Err(refusal @ Refusal::Status { .. }) => {
                self.state.making = None;
                self.state.write()?;
                return Err(refusal.into());
            }
            answer => answer?,
        };
        if let Undo::Delete(kind) = undo {
            let id = answer["client_id"].as_str().filter(|_| kind == "clients");
            let id = id.or_else(|| answer["id"].as_str()).unwrap_or_default().to_owned();
            let what = change.what.clone();
            self.state.make(Made { kind: kind.to_owned(), id, what })?;
        }
        println!("  ✓ {}", change.what);
        Ok(Some(answer))
    }

    /// Changes the members of an object that differ from what is wanted. `wanted` has JSON pointers
    /// and values; a nested member takes the rest of its object along only if the API merges it.
    pub(super) async fn correct(
        &mut self,
        what: &str,
        path: String,
        object: &Value,
        wanted: Vec<(&'static str, Value)>,
        is_own: bool,
    ) -> Result<(), Stop> {
        let mut body = json!({});
        let (mut undo, mut names) = (Vec::new(), Vec::new());
        for (pointer, value) in wanted {
            let before = object.pointer(pointer).cloned().unwrap_or_default();
            if before == value {
                continue;
            }
            put(&mut body, pointer, value.clone());
            names.push(pointer.trim_start_matches('/').replace('/', "."));
            undo.push((pointer.to_owned(), before, value));
        }
        if names.is_empty() {
            return Ok(());
        }
        // What the set-up made is deleted, not restored.
        let undo = if is_own { Undo::Nothing } else { Undo::Restore(undo) };
        let text = format!("{what}: {}", names.join(", "));
        self.change(text, "PATCH", path, body, undo).await.map(|_| ())
    }

    /// Begins a first run, which decides these itself, unless an earlier run did something. They
    /// are written with what is made first, so that an interrupted run goes on with them.
    pub(super) fn begin(&mut self, decisions: &[&str]) {
        if self.state.is_empty() {
            self.state.undecided = decisions.iter().map(|name| (*name).to_owned()).collect();
        }
    }

    /// Whether this is the first run, which decides this itself.
    pub(super) fn decides(&self, name: &str) -> bool {
        self.state.undecided.iter().any(|known| known == name)
    }

    /// Remembers that something is decided. Later runs leave it alone.
    pub(super) fn decided(&mut self, names: &[&str]) -> Result<(), Error> {
        let count = self.state.undecided.len();
        self.state.undecided.retain(|known| !names.contains(&known.as_str()));
        let is_new = self.state.undecided.len() < count;
        if self.apply && is_new { self.state.write() } else { Ok(()) }
    }

    /// Notes why a step ended early. Returns whether the next step may still succeed.
    pub(super) fn ended(&mut self, step: &str, stop: Stop) -> Result<bool, Error> {
        let refusal = match stop {
            Stop::Here(error) => return Err(error),
            Stop::Refused(refusal) => refusal,
        };
        let goes_on = matches!(
            &refusal,
            Refusal::Status { status, .. } if !matches!(status, 401 | 429)
        );
        let text = match &refusal {
            Refusal::Status { status: 403, message, .. } if message.contains("scope") => format!(
                "{step}: the Management token may not do this. {message}. Get one with that scope \
                 and run the command again"
            ),
            other => format!("{step}: {other}"),
        };
        self.problems.push(scrub(&self.hidden, &text));
        Ok(goes_on)
    }

    /// The lines of the Auth0 CLI that make the same changes.
    pub(super) fn cli(&self) -> String {
        let lines = self.changes.iter().map(|change| {
            let data = match change.body.is_null() {
                true => String::new(),
                false => {
                    let body = change.body.to_string().replace('\'', "'\\''");
                    format!(" --data '{body}'")
                }
            };
            let method = change.method.to_lowercase();
            format!("# {}\nauth0 api {method} \"{}\"{data}\n", change.what, change.path)
        });
        scrub(&self.hidden, &lines.collect::<String>())
    }
}

/// Sets a member by its JSON pointer.
pub(super) fn put(object: &mut Value, pointer: &str, value: Value) {
    let mut at = object;
    for name in pointer.trim_start_matches('/').split('/') {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[name];
    }
    *at = value;
}
