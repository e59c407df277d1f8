//! The operator's policy: which tools exist for whom. It hides tools and grants none.
//!
//! ```json
//! {
//!   "sets": { "calendar": ["calendar_summary"] },
//!   "rules": [
//!     { "hide": ["@calendar"], "unless": { "organization": "acme" } },
//!     {
//!       "only": ["whoami", "greet"],
//!       "when": { "claims": { "https://example.com/role": ["guest", "trial"] } }
//!     },
//!     { "read_only": true, "when": { "client": "client-of-the-agent" } }
//!   ]
//! }
//! ```
//!
//! Every rule that applies hides tools, so their order does not matter. A rule without `when` and
//! `unless` applies to everybody. Everything that a condition names must hold; of a list, one entry
//! is enough.
//!
//! What a token says about organization, client and claims is the word of its issuer, and another
//! issuer may use the tenant's names. So `unless` exempts callers of another issuer only if it
//! names that issuer (`issuer`).

use std::{error::Error, fmt, str::FromStr};

use doorward_core::{
    access::{ItemKind, Requirement},
    strict_json,
};
use doorward_oauth::{Caller, CallerKind};
use serde_json::{Map, Value};

/// Which tools exist for whom.
///
/// ```
/// use doorward_auth0::permissions::ToolPolicy;
///
/// let policy: ToolPolicy = r#"{ "rules": [{ "hide": ["greet"] }] }"#.parse()?;
/// assert_eq!(policy.tools().collect::<Vec<_>>(), ["greet"]);
/// # Ok::<(), doorward_auth0::permissions::PolicyError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToolPolicy(Vec<Rule>);

#[derive(Clone, Debug, PartialEq)]
struct Rule {
    hidden: HiddenTools,
    when: Option<Condition>,
    unless: Option<Condition>,
}

/// The tools that a rule hides.
#[derive(Clone, Debug, PartialEq)]
enum HiddenTools {
    /// These.
    Named(Vec<String>),
    /// All except these.
    AllExcept(Vec<String>),
    /// Those that are not read-only.
    NotReadOnly,
}

/// Why a text is not a policy, and what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyError(&'static str);

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for PolicyError {}

impl From<PolicyError> for &'static str {
    fn from(error: PolicyError) -> Self {
        error.0
    }
}

/// The values that fulfill each part; `None` always holds.
#[derive(Clone, Debug, PartialEq)]
struct Condition {
    issuers: Option<Vec<String>>,
    organizations: Option<Vec<String>>,
    clients: Option<Vec<String>>,
    actors: Option<Vec<String>>,
    kinds: Option<Vec<String>>,
    claims: Vec<(String, Vec<Value>)>,
}

impl FromStr for ToolPolicy {
    type Err = PolicyError;

    /// Parses a policy; an empty text is one without rules.
    ///
    /// # Errors
    ///
    /// Returns what is wrong. Unknown members are errors.
    fn from_str(text: &str) -> Result<Self, PolicyError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let Ok(Value::Object(policy)) = strict_json::parse(text.as_bytes()) else {
            return Err(PolicyError("is not a JSON object without duplicate members"));
        };
        only(&policy, &["sets", "rules"], "has a member that is neither `sets` nor `rules`")?;
        let no_sets = Map::new();
        let sets = match policy.get("sets") {
            None => &no_sets,
            Some(Value::Object(sets)) => sets,
            Some(_) => {
                return Err(PolicyError("has `sets` that are not an object of lists of tools"));
            }
        };
        let Some(Value::Array(rules)) = policy.get("rules") else {
            return Err(PolicyError("has no list of `rules`"));
        };
        rules.iter().map(|rule| Rule::parse(rule, sets)).collect::<Result<_, _>>().map(Self)
    }
}

impl ToolPolicy {
    /// Whether the policy hides the item from this caller. It hides nothing but tools.
    #[must_use]
    pub fn hides(&self, requirement: &Requirement<'_>, caller: &Caller) -> bool {
        requirement.item.kind == ItemKind::Tool
            && self.0.iter().any(|it| it.applies_to(caller) && it.hidden.includes(requirement))
    }

    /// The tools that the policy names.
    pub fn tools(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|rule| match &rule.hidden {
            HiddenTools::Named(tools) | HiddenTools::AllExcept(tools) => {
                tools.iter().map(String::as_str)
            }
            HiddenTools::NotReadOnly => [].iter().map(String::as_str),
        })
    }

    /// The issuers that the policy names.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        let conditions = self.0.iter().flat_map(|rule| [&rule.when, &rule.unless]).flatten();
        conditions.filter_map(|it| it.issuers.as_ref()).flatten().map(String::as_str)
    }
}

impl Rule {
    fn parse(rule: &Value, sets: &Map<String, Value>) -> Result<Self, PolicyError> {
        const MEMBERS: [&str; 5] = ["hide", "only", "read_only", "when", "unless"];
        let rule = rule.as_object().ok_or(PolicyError("has a rule that is not an object"))?;
        only(rule, &MEMBERS, "has a rule with a member that no rule has")?;
        let hidden = match (rule.get("hide"), rule.get("only"), rule.get("read_only")) {
            (Some(tools), None, None) => HiddenTools::Named(tools_of(tools, sets)?),
            (None, Some(tools), None) => HiddenTools::AllExcept(tools_of(tools, sets)?),
            (None, None, Some(Value::Bool(true))) => HiddenTools::NotReadOnly,
            _ => {
                return Err(PolicyError(
                    "has a rule without exactly one of `hide`, `only` and `\"read_only\": true`",
                ));
            }
        };
        let condition = |name| rule.get(name).map(Condition::parse).transpose();
        Ok(Self { hidden, when: condition("when")?, unless: condition("unless")? })
    }

    fn applies_to(&self, caller: &Caller) -> bool {
        self.when.as_ref().is_none_or(|when| when.holds_for(caller))
            && !self.unless.as_ref().is_some_and(|unless| unless.excepts(caller))
    }
}

impl HiddenTools {
    fn includes(&self, tool: &Requirement<'_>) -> bool {
        match self {
            Self::Named(tools) => tools.iter().any(|name| name == tool.item.name),
            Self::AllExcept(tools) => tools.iter().all(|name| name != tool.item.name),
            Self::NotReadOnly => !tool.is_read_only,
        }
    }
}

impl Condition {
    fn parse(condition: &Value) -> Result<Self, PolicyError> {
        const PROBLEM: PolicyError = PolicyError(
            "has a condition that is not made of `issuer`, `organization`, `client`, `actor`, `kind` and \
             `claims`",
        );
        const MEMBERS: [&str; 6] = ["issuer", "organization", "client", "actor", "kind", "claims"];
        let condition = condition.as_object().filter(|it| !it.is_empty()).ok_or(PROBLEM)?;
        only(condition, &MEMBERS, PROBLEM.0)?;
        let names =
            |member| condition.get(member).map(|names| texts(names).ok_or(PROBLEM)).transpose();
        let claims = match condition.get("claims") {
            None => Vec::new(),
            Some(Value::Object(claims)) => {
                claims.iter().map(|(name, values)| (name.clone(), one_or_more(values))).collect()
            }
            Some(_) => return Err(PROBLEM),
        };
        let (issuers, organizations) = (names("issuer")?, names("organization")?);
        let (clients, actors, kinds) = (names("client")?, names("actor")?, names("kind")?);
        let is_kind = |name: &String| CallerKind::ALL.iter().any(|kind| kind.as_str() == name);
        if !kinds.iter().flatten().all(is_kind) {
            return Err(PolicyError("has a `kind` that is neither `user`, `agent` nor `machine`"));
        }
        Ok(Self { issuers, organizations, clients, actors, kinds, claims })
    }

    /// Whether it exempts the caller: it holds, and the caller's issuer is the tenant or is named.
    fn excepts(&self, caller: &Caller) -> bool {
        (caller.is_from_tenant() || self.issuers.is_some()) && self.holds_for(caller)
    }

    fn holds_for(&self, caller: &Caller) -> bool {
        let has = |list: &Option<Vec<String>>, name: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|it| it == name))
        };
        has(&self.issuers, caller.issuer())
            && self.organizations.as_ref().is_none_or(|list| caller.is_in_one_of(list))
            && has(&self.clients, caller.client_id())
            && self.actors.as_ref().is_none_or(|list| {
                caller.acting().is_some_and(|actor| list.iter().any(|it| it == actor))
            })
            && has(&self.kinds, caller.kind().as_str())
            && self.claims.iter().all(|(name, values)| match caller.claim(name) {
                Some(Value::Array(held)) => held.iter().any(|it| values.contains(it)),
                Some(held) => values.contains(held),
                None => false,
            })
    }
}

/// Names of tools; `@name` stands for a set.
fn tools_of(names: &Value, sets: &Map<String, Value>) -> Result<Vec<String>, PolicyError> {
    const PROBLEM: PolicyError = PolicyError("has a rule whose tools are not a list of names");
    let mut tools = Vec::new();
    for name in texts(names).ok_or(PROBLEM)? {
        match name.strip_prefix('@') {
            None => tools.push(name),
            Some(set) => {
                let unknown = PolicyError("names a set that is not among its `sets`");
                let set = sets.get(set).ok_or(unknown)?;
                tools.extend(
                    texts(set).ok_or(PolicyError("has a set that is not a list of names"))?,
                );
            }
        }
    }
    Ok(tools)
}

/// A string, or a list of strings.
fn texts(value: &Value) -> Option<Vec<String>> {
    one_or_more(value).iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

fn one_or_more(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values.clone(),
        one => vec![one.clone()],
    }
}

fn only(
    object: &Map<String, Value>,
    members: &[&str],
    problem: &'static str,
) -> Result<(), PolicyError> {
    let is_known = |name: &String| members.contains(&name.as_str());
    if object.keys().all(is_known) { Ok(()) } else { Err(PolicyError(problem)) }
}

#[cfg(test)]
mod tests;
