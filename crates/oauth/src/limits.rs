//! How often callers may use the server, as the operator decides.
//!
//! ```json
//! {
//!   "user": { "rate": "120/min", "burst": 60, "day": 5000 },
//!   "organization": { "day": 100000 },
//!   "tools": { "calendar_summary": { "rate": "10/min" } },
//!   "actors": { "client-of-the-agent": { "rate": "20/s" } },
//!   "kinds": { "agent": { "rate": "2/s" } },
//!   "address_header": "x-forwarded-for"
//! }
//! ```
//!
//! A member that is absent has its default; `"off"` turns it off.

use doorward_core::{audit::Reason, reasons, settings::Reader, strict_json, variables};
use http::{
    HeaderName,
    header::{AUTHORIZATION, FORWARDED, HOST},
};
use serde_json::Value;

use crate::{
    Caller, CallerKind,
    rate_limit::{Counted, Limit, Rate, Use},
};

variables! {
    /// How often callers may use the server, as [JSON](limits.md#how-often-callers-may-use-it):
    /// requests of each user, client or organization, of who acts and of a kind of caller, calls of
    /// a tool by each user, and invalid tokens and proofs; `off` for no limit
    LIMITS = optional("limits", "");
}

/// The largest number of a rate, a burst or a quota.
const MAX_NUMBER: u64 = 1_000_000;

/// The limits of a server; `None` for one that is turned off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerLimits {
    user: Option<Limit>,
    client: Option<Limit>,
    organization: Option<Limit>,
    /// Limits of tools, of actors and of kinds of callers, by their names.
    named: Vec<(LimitReason, String, Limit)>,
    /// Tokens and proofs of a sender that were refused after their signature was checked.
    pub failures: Option<Limit>,
    /// The header in which the proxy in front says the client's address.
    pub address_header: Option<HeaderName>,
}

reasons! {
    /// Which limit a request or a call exceeds.
    pub enum LimitReason {
        /// Requests of the user
        User = "limit_user",
        /// Requests of the client
        Client = "limit_client",
        /// Requests of the organization
        Organization = "limit_organization",
        /// Requests in which the actor acts
        Actor = "limit_actor",
        /// Requests of the user as this kind of caller
        Kind = "limit_kind",
        /// Calls of the tool by the user
        Tool = "limit_tool",
    }
}

impl Default for CallerLimits {
    /// Nobody meets these without a loop that went wrong. Many users share a client or an
    /// organization, so only the operator can know how much they need.
    fn default() -> Self {
        let per_second = |count: u32, burst| Limit {
            rate: Some(Rate { interval: 1_000_000_000 / u64::from(count.max(1)), burst }),
            day: None,
        };
        Self {
            user: Some(per_second(200, 5000)),
            client: None,
            organization: None,
            named: Vec::new(),
            failures: Some(per_second(10, 1000)),
            address_header: None,
        }
    }
}

impl CallerLimits {
    /// Reads the variable; `None` if it is invalid. `has_tool` says whether the server has a tool.
    pub fn read(reader: &mut Reader, has_tool: &dyn Fn(&str) -> bool) -> Option<Self> {
        reader.get(&LIMITS, |text| Self::parse(text, has_tool))
    }

    fn parse(text: &str, has_tool: &dyn Fn(&str) -> bool) -> Result<Self, String> {
        let mut limits = Self::default();
        match text {
            "" => return Ok(limits),
            "off" => return Ok(Self { user: None, failures: None, ..limits }),
            _ => {}
        }
        let Ok(Value::Object(members)) = strict_json::parse(text.as_bytes()) else {
            return Err("is neither `off` nor a JSON object without duplicate members".to_owned());
        };
        for (name, value) in &members {
            let limit = match name.as_str() {
                "user" => &mut limits.user,
                "client" => &mut limits.client,
                "organization" => &mut limits.organization,
                "failures" => &mut limits.failures,
                "address_header" => {
                    let header: Option<HeaderName> = value.as_str().and_then(|it| it.parse().ok());
                    // What a proxy writes there is not an address alone.
                    let header = header.filter(|it| ![AUTHORIZATION, FORWARDED, HOST].contains(it));
                    let problem = "is not the name of a header with addresses";
                    limits.address_header = Some(header.ok_or_else(|| wrong(&[name], problem))?);
                    continue;
                }
                "tools" | "actors" | "kinds" => {
                    let all = value.as_object();
                    for (of, value) in all.ok_or_else(|| wrong(&[name], "is not an object"))? {
                        let is_kind = || CallerKind::ALL.iter().any(|kind| kind.as_str() == of);
                        let (reason, problem) = match name.as_str() {
                            "actors" => (LimitReason::Actor, None),
                            "kinds" => (
                                LimitReason::Kind,
                                (!is_kind()).then_some("is neither `user`, `agent` nor `machine`"),
                            ),
                            _ => (
                                LimitReason::Tool,
                                (!has_tool(of)).then_some("is not a tool of this server"),
                            ),
                        };
                        if let Some(problem) = problem {
                            return Err(wrong(&[name, of], problem));
                        }
                        let limit = parse_limit(&[name, of], value)?;
                        limits.named.extend(limit.map(|limit| (reason, of.clone(), limit)));
                    }
                    continue;
                }
                _ => {
                    return Err(wrong(
                        &[name],
                        "is none of `user`, `client`, `organization`, `actors`, `kinds`, `tools`, \
                         `failures` and `address_header`",
                    ));
                }
            };
            *limit = parse_limit(&[name], value)?;
        }
        Ok(limits)
    }

    /// What a request of this caller counts as. It is cached with the caller, whose token is
    /// verified anew under other settings, so that a warm request computes no digest.
    #[must_use]
    pub fn uses_of<'a>(&self, caller: &'a Caller) -> &'a [Use] {
        caller.uses.get_or_init(|| self.limits_of(caller).map(|(_, used)| used).collect())
    }

    /// Which limit one of [these](Self::uses_of) is about.
    #[must_use]
    pub fn reason_of(&self, caller: &Caller, index: usize) -> Option<LimitReason> {
        self.limits_of(caller).nth(index).map(|(reason, _)| reason)
    }

    fn limits_of(&self, caller: &Caller) -> impl Iterator<Item = (LimitReason, Use)> {
        let issuer = caller.issuer();
        let of = |reason, limit: Option<Limit>, id: &str| {
            limit.map(|it| (reason, (Counted::new(&[LimitReason::code(&reason), issuer, id]), it)))
        };
        let organization = caller.organization_id();
        let uses = [
            of(LimitReason::User, self.user, caller.subject()),
            of(LimitReason::Client, self.client, caller.client_id()),
            organization.and_then(|id| of(LimitReason::Organization, self.organization, id)),
            caller.acting().and_then(|it| self.named(LimitReason::Actor, it, issuer, "")),
            self.named(LimitReason::Kind, caller.kind().as_str(), issuer, caller.subject()),
        ];
        uses.into_iter().flatten()
    }

    /// What a call of this tool by this caller counts as.
    #[must_use]
    pub fn use_of_tool(&self, caller: &Caller, tool: &str) -> Option<(LimitReason, Use)> {
        self.named(LimitReason::Tool, tool, caller.issuer(), caller.subject())
    }

    fn named(
        &self,
        reason: LimitReason,
        name: &str,
        issuer: &str,
        id: &str,
    ) -> Option<(LimitReason, Use)> {
        let mut named = self.named.iter();
        let (.., limit) = named.find(|(of, known, _)| *of == reason && known == name)?;
        Some((reason, (Counted::new(&[reason.code(), name, issuer, id]), *limit)))
    }
}

/// A limit; `None` for `off`.
fn parse_limit(path: &[&str], value: &Value) -> Result<Option<Limit>, String> {
    let members = match value {
        Value::String(text) if text == "off" => return Ok(None),
        Value::Object(members) => members,
        _ => return Err(wrong(path, "is neither an object nor `off`")),
    };
    let wrong_member = |name, problem| wrong(&[path, &[name]].concat(), problem);
    if let Some(name) = members.keys().find(|it| !["rate", "burst", "day"].contains(&it.as_str())) {
        return Err(wrong_member(name, "is none of `rate`, `burst` and `day`"));
    }
    let number = |name| {
        let number = |value: &Value| value.as_u64().and_then(in_range);
        members.get(name).map(|value| {
            number(value).ok_or_else(|| wrong_member(name, "is not a number from 1 to 1000000"))
        })
    };
    let (burst, day) = (number("burst").transpose()?, number("day").transpose()?);
    let rate = members.get("rate").map(|rate| {
        let rate = rate.as_str().and_then(parse_rate);
        rate.ok_or_else(|| {
            wrong_member("rate", "is not like `120/min`: 1 to 1000000 per `s`, `min` or `hour`")
        })
    });
    let rate = match (rate.transpose()?, burst) {
        (Some((interval, count)), burst) => Some(Rate { interval, burst: burst.unwrap_or(count) }),
        (None, Some(_)) => return Err(wrong_member("burst", "needs a `rate`")),
        (None, None) if day.is_none() => return Err(wrong(path, "has neither `rate` nor `day`")),
        (None, None) => None,
    };
    Ok(Some(Limit { rate, day }))
}

/// The interval of a rate in nanoseconds, and its number.
fn parse_rate(text: &str) -> Option<(u64, u32)> {
    let (count, unit) = text.split_once('/')?;
    let count = count.bytes().all(|it| it.is_ascii_digit()).then_some(count)?;
    let count = in_range(count.parse().ok()?)?;
    let seconds = match unit {
        "s" => 1,
        "min" => 60,
        "hour" => 3600,
        _ => return None,
    };
    Some((seconds * 1_000_000_000 / u64::from(count), count))
}

fn in_range(number: u64) -> Option<u32> {
    (1..=MAX_NUMBER).contains(&number).then(|| u32::try_from(number).ok())?
}

fn wrong(path: &[&str], problem: &str) -> String {
    format!("has `{}`, which {problem}", path.join("."))
}

#[cfg(test)]
mod tests;
