//! What is asked of the tenant, and how its answers are read.

use serde_json::Value;
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::memory::{Answer, Key, Parts};
use crate::{
    auth0::{
        ManagementFault,
        management::{Management, path_segment},
    },
    config::Config,
    host::PortFuture,
};

/// How many of a user's permissions are asked for at once; the Management API allows no more.
const PAGE_SIZE: usize = 100;

/// After so many pages something is wrong, and there is no answer.
const MAX_PAGES: usize = 20;

/// What is asked of the tenant.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question<'a> {
    /// Which permissions does the API define?
    Defined,
    /// Which of them does this user hold?
    Held(&'a str),
}

/// One page of an answer.
struct Page {
    names: Vec<String>,
    /// The path of the page that follows.
    next: Option<String>,
}

impl Question<'_> {
    /// What determines the answer.
    pub(super) fn parts<'a>(&'a self, config: &'a Config) -> Parts<'a> {
        let management = &config.management;
        let (kind, subject) = match self {
            Self::Defined => ("defined", ""),
            Self::Held(subject) if config.rules.effective_permissions => ("effective", *subject),
            Self::Held(subject) => ("held", *subject),
        };
        Parts([
            kind,
            config.issuer.as_str(),
            &config.audience,
            management.tenant.as_str(),
            &management.audience,
            &management.client.id,
            subject,
        ])
    }

    /// Asks, with all pages; nothing, if the answer is no longer needed when the turn has come. It is now `asked_at`.
    ///
    /// # Errors
    ///
    /// See [`ManagementFault`].
    pub(super) async fn ask<'n>(
        &self,
        management: &Management<'_>,
        config: &Config,
        mut asked_at: u64,
        is_needed: &dyn Fn() -> PortFuture<'n, bool>,
    ) -> Result<Option<Answer>, ManagementFault> {
        let mut path = self.first_page(config).ok_or(ManagementFault::InvalidRequest)?;
        let mut names = Vec::new();
        for number in 0..MAX_PAGES {
            let answer = match number {
                0 => management.read_if(&path, self.scope(config), is_needed).await,
                _ => {
                    let answer = management.read(&path, self.scope(config)).await;
                    answer.map(|answer| Some((answer, asked_at)))
                }
            };
            let answer = match answer {
                Ok(Some((answer, at))) => {
                    asked_at = at;
                    answer
                }
                Ok(None) => return Ok(None),
                Err(ManagementFault::NotFound) if matches!(self, Self::Held(_)) => {
                    return Ok(Some(Answer::user_unknown(asked_at)));
                }
                Err(fault) => return Err(fault),
            };
            let page = self.page(config, &answer, number).ok_or(ManagementFault::Malformed)?;
            names.extend(page.names);
            match page.next {
                Some(next) => path = next,
                None => return Ok(Some(Answer::new(asked_at, names))),
            }
        }
        Err(ManagementFault::Malformed)
    }

    /// What the client needs for asking this.
    fn scope(&self, config: &Config) -> &'static str {
        match self {
            Self::Defined => "read:resource_servers",
            Self::Held(_) if config.rules.effective_permissions => {
                "read:user_effective_permissions"
            }
            Self::Held(_) => "read:users",
        }
    }

    fn first_page(&self, config: &Config) -> Option<String> {
        Some(match self {
            Self::Defined => format!("resource-servers/{}", path_segment(&config.audience)?),
            Self::Held(subject) if config.rules.effective_permissions => {
                effective_page(config, subject, None)?
            }
            Self::Held(subject) => held_page(subject, 0)?,
        })
    }

    fn page(&self, config: &Config, answer: &Value, number: usize) -> Option<Page> {
        match self {
            Self::Defined => defined(config, answer),
            Self::Held(subject) if config.rules.effective_permissions => {
                let names = held(config, answer.get("permissions")?.as_array()?)?;
                let next = match answer.get("next") {
                    None | Some(Value::Null) => None,
                    Some(next) => Some(effective_page(config, subject, Some(next.as_str()?))?),
                };
                Some(Page { names, next })
            }
            Self::Held(subject) => {
                let (total, rows) = (answer.get("total")?.as_u64()?, answer.get("permissions")?);
                let rows = rows.as_array()?;
                let read = number.checked_add(1)?.checked_mul(PAGE_SIZE)?;
                let is_last = u64::try_from(read).ok()? >= total;
                // More are said to follow a page that is not full: whatever this is, it is not the API.
                if !is_last && rows.len() != PAGE_SIZE {
                    return None;
                }
                let next = if is_last { None } else { Some(held_page(subject, number + 1)?) };
                Some(Page { names: held(config, rows)?, next })
            }
        }
    }
}

/// The digest of some parts, with their lengths, so that no two lists of parts look the same.
pub(super) fn digest(parts: &[&str]) -> Key {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// Only the API itself can say that a permission is not defined, which makes a tool public. And nothing but its scopes
/// is looked at: the answer may hold a signing secret.
fn defined(config: &Config, api: &Value) -> Option<Page> {
    if api.get("identifier")?.as_str()? != config.audience {
        return None;
    }
    let names = match api.get("scopes") {
        None => Vec::new(),
        Some(scopes) => {
            let values = scopes.as_array()?.iter().map(|scope| scope.get("value")?.as_str());
            values
                .filter(|name| name.is_none_or(of_a_tool))
                .map(|name| name.map(str::to_owned))
                .collect::<Option<_>>()?
        }
    };
    Some(Page { names, next: None })
}

/// The names in rows that are about this API.
fn held(config: &Config, rows: &[Value]) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for row in rows {
        let api = row.get("resource_server_identifier")?.as_str()?;
        let name = row.get("permission_name")?.as_str()?;
        if api == config.audience && of_a_tool(name) {
            names.push(name.to_owned());
        }
    }
    Some(names)
}

/// Whether a permission decides about a tool. No other is remembered.
fn of_a_tool(name: &str) -> bool {
    name.starts_with("tool:")
}

fn held_page(subject: &str, number: usize) -> Option<String> {
    let id = path_segment(subject)?;
    Some(format!("users/{id}/permissions?per_page={PAGE_SIZE}&page={number}&include_totals=true"))
}

fn effective_page(config: &Config, subject: &str, from: Option<&str>) -> Option<String> {
    let id = path_segment(subject)?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("resource_server_identifier", &config.audience);
    query.append_pair("take", &PAGE_SIZE.to_string());
    if let Some(from) = from {
        query.append_pair("from", from);
    }
    Some(format!("users/{id}/effective-permissions?{}", query.finish()))
}
