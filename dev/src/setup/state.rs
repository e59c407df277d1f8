//! What the set-up made and changed, in a file beside the environment file: the tear-down undoes
//! that and nothing else.

use super::part::Part;
use crate::Error;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The member of a connection that says whether it is at domain level.
pub(super) const PROMOTED: &str = "/is_domain_connection";

/// What the set-up did to a tenant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    path: PathBuf,
    /// The tenant's origin.
    pub(super) tenant: String,
    /// The identifier of the API.
    pub(super) audience: String,
    /// What was made, in order.
    pub(super) made: Vec<Made>,
    /// What was changed, in order.
    pub(super) changed: Vec<Changed>,
    /// The object that is being made: its kind, and what it is. If the answer was lost, the next
    /// run finds the object and knows that it is its own.
    pub(super) making: Option<(String, String)>,
    /// What the first run has still to decide: a run that was interrupted goes on with it.
    pub(super) undecided: Vec<String>,
    /// What this or an earlier run was told to leave out.
    pub(super) left_out: Vec<Part>,
}

/// An object that the set-up made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    /// The collection, as in `clients`.
    pub(super) kind: String,
    /// The id of the object.
    pub(super) id: String,
    /// What it is, for people.
    pub(super) what: String,
}

/// A setting that the set-up changed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Changed {
    /// The path of the object.
    pub(super) path: String,
    /// The member, as a JSON pointer.
    pub(super) member: String,
    /// The value before; `null` if there was none.
    pub(super) before: Value,
    /// The value that the set-up gave it.
    pub(super) after: Value,
}

/// The path of the file that belongs to an environment file.
pub(super) fn path(env_file: &Path) -> PathBuf {
    let mut name = env_file.file_name().unwrap_or_default().to_owned();
    name.push(".tenant.json");
    env_file.with_file_name(name)
}

impl State {
    /// Reads the file, or begins a new one.
    ///
    /// # Errors
    /// Returns an error if the file is invalid, or about another tenant or API.
    pub(super) fn read(path: PathBuf, tenant: &str, audience: &str) -> Result<Self, Error> {
        let mut state = Self {
            path,
            tenant: tenant.to_owned(),
            audience: audience.to_owned(),
            made: Vec::new(),
            changed: Vec::new(),
            making: None,
            undecided: Vec::new(),
            left_out: Vec::new(),
        };
        let Some(json) = read(&state.path)? else { return Ok(state) };
        if json["tenant"] != tenant || json["audience"] != audience {
            return Err(Error::usage(format!(
                "{} is about the API {} at {}. Name another environment file by `--env-file`: what \
                 was made is remembered beside it.",
                state.path.display(),
                json["audience"],
                json["tenant"]
            )));
        }
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let rows = |name: &str| json[name].as_array().cloned().unwrap_or_default();
        state.made = rows("made")
            .iter()
            .map(|row| Made {
                kind: text(row, "kind"),
                id: text(row, "id"),
                what: text(row, "what"),
            })
            .collect();
        state.changed = rows("changed")
            .iter()
            .map(|row| Changed {
                path: text(row, "path"),
                member: text(row, "member"),
                before: row["before"].clone(),
                after: row["after"].clone(),
            })
            .collect();
        let undecided = rows("undecided");
        state.undecided = undecided.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        state.left_out = left_out(&json);
        let making = &json["making"];
        state.making = making.is_object().then(|| (text(making, "kind"), text(making, "what")));
        Ok(state)
    }

    /// The tenant and the API that a file is about.
    ///
    /// # Errors
    /// Returns an error if the file is invalid.
    pub(super) fn subject(path: &Path) -> Result<Option<(String, String)>, Error> {
        Ok(read(path)?.and_then(|json| {
            Some((json["tenant"].as_str()?.to_owned(), json["audience"].as_str()?.to_owned()))
        }))
    }

    /// Takes over what the options say is made or left out. Says whether that is new.
    pub(super) fn choose(&mut self, choices: &[(Part, bool)]) -> bool {
        let before = self.left_out.clone();
        for (part, is_made) in choices {
            self.left_out.retain(|known| known != part);
            if !is_made {
                self.left_out.push(*part);
            }
        }
        self.left_out != before
    }

    /// Whether a part is made. The connect page is for the Token Vault.
    pub(super) fn makes(&self, part: Part) -> bool {
        let leaves_out = |part| self.left_out.contains(&part);
        !leaves_out(part) && (part != Part::ConnectPage || !leaves_out(Part::TokenVault))
    }

    /// Remembers that an object is about to be made.
    pub(super) fn begin(&mut self, kind: &str, what: &str) -> Result<(), Error> {
        self.making = Some((kind.to_owned(), what.to_owned()));
        self.write()
    }

    /// Remembers an object that was found, if an earlier run was about to make it.
    pub(super) fn adopt(&mut self, kind: &str, id: &str, what: &str) -> Result<(), Error> {
        let (kind, what) = (kind.to_owned(), what.to_owned());
        if self.making == Some((kind.clone(), what.clone())) {
            self.make(Made { kind, id: id.to_owned(), what })?;
        }
        Ok(())
    }

    /// Remembers an object.
    pub(super) fn make(&mut self, made: Made) -> Result<(), Error> {
        self.making = None;
        if !self.made.iter().any(|known| known.kind == made.kind && known.id == made.id) {
            self.made.push(made);
        }
        self.write()
    }

    /// Remembers a change. The value before the first change is the one that counts.
    pub(super) fn change(&mut self, changed: Changed) -> Result<(), Error> {
        let same =
            |known: &&mut Changed| known.path == changed.path && known.member == changed.member;
        match self.changed.iter_mut().find(same) {
            Some(known) => known.after = changed.after,
            None => self.changed.push(changed),
        }
        self.write()
    }

    /// Whether the set-up made an object.
    pub(super) fn has_made(&self, kind: &str, id: &str) -> bool {
        self.made.iter().any(|made| made.kind == kind && made.id == id)
    }

    /// Whether the set-up promoted a connection to domain level.
    pub(super) fn has_promoted(&self, path: &str) -> bool {
        self.changed.iter().any(|changed| {
            changed.path == path && changed.member == PROMOTED && changed.after == true
        })
    }

    /// Whether no run did anything, or everything is undone.
    pub(super) fn is_empty(&self) -> bool {
        self.made.is_empty() && self.changed.is_empty() && self.making.is_none()
    }

    /// Writes the file, or removes it if there is nothing left to remember.
    pub(super) fn write(&self) -> Result<(), Error> {
        let failed = |error: std::io::Error| {
            Error::start(format!("{} cannot be written: {error}", self.path.display()))
        };
        if self.is_empty() && self.left_out.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            };
        }
        let made: Vec<Value> = self
            .made
            .iter()
            .map(|one| json!({"kind": one.kind, "id": one.id, "what": one.what}))
            .collect();
        let changed: Vec<Value> = self
            .changed
            .iter()
            .map(|one| {
                json!({
                    "path": one.path, "member": one.member, "before": one.before, "after": one.after
                })
            })
            .collect();
        let mut all = json!({
            "tenant": self.tenant, "audience": self.audience, "made": made, "changed": changed
        });
        if !self.left_out.is_empty() {
            all["left_out"] = self.left_out.iter().map(|part| part.name()).collect();
        }
        if !self.undecided.is_empty() && !self.is_empty() {
            all["undecided"] = json!(self.undecided);
        }
        if let Some((kind, what)) = &self.making {
            all["making"] = json!({"kind": kind, "what": what});
        }
        fs::write(&self.path, format!("{all:#}\n")).map_err(failed)
    }
}

/// What a file says is left out. One of an earlier version says nothing.
pub(super) fn left_out(json: &Value) -> Vec<Part> {
    let names = json["left_out"].as_array().into_iter().flatten().filter_map(Value::as_str);
    names.filter_map(|name| Part::ALL.into_iter().find(|part| part.name() == name)).collect()
}

pub(super) fn read(path: &Path) -> Result<Option<Value>, Error> {
    let Ok(text) = fs::read_to_string(path) else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        Error::usage(format!(
            "{} is not valid: {error}. It remembers what was made in the tenant.",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_and_changed_is_remembered_until_nothing_is_left() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = path(&folder.path().join(".env"));
        assert!(path.ends_with(".env.tenant.json"));
        let read = || State::read(path.clone(), "https://t", "https://h/mcp").expect("it is valid");
        let mut state = read();
        let made = Made { kind: "clients".into(), id: "1".into(), what: "the application".into() };
        state.make(made.clone()).expect("it is written");
        let change = |before: i32, after: i32| Changed {
            path: "tenants/settings".into(),
            member: "/a".into(),
            before: before.into(),
            after: after.into(),
        };
        state.change(change(1, 2)).expect("it is written");
        state.change(change(2, 3)).expect("it is written");
        let mut state = read();
        assert_eq!((&state.made[..], &state.changed[..]), (&[made][..], &[change(1, 3)][..]));
        assert!(State::read(path.clone(), "https://other", "https://h/mcp").is_err());
        state.made.clear();
        state.changed.clear();
        state.write().expect("it is removed");
        assert!(!path.exists());
    }
}
