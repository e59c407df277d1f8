//! Reading variables, all at once: with some providers each is a round trip over the network.

use std::rc::Rc;

use futures_util::future::join_all;

use super::{ClientCredentials, ConfigFault, TrustedIssuer, issuers};
use crate::host::{VariableFailure, Variables};

/// The longest value of a variable, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// The variables' values, and what was wrong with them.
pub(super) struct Reader {
    values: Vec<(&'static str, Result<String, VariableFailure>)>,
    pub(super) faults: Vec<ConfigFault>,
}

impl Reader {
    pub(super) async fn read(
        variables: &(impl Variables + ?Sized),
        names: &[&'static str],
    ) -> Self {
        let values = join_all(names.iter().map(|name| variables.variable(name))).await;
        Self { values: names.iter().copied().zip(values).collect(), faults: Vec::new() }
    }

    /// The value of a variable that has to be there.
    pub(super) fn required<T>(
        &mut self,
        variable: &'static str,
        parse: fn(String) -> Result<T, &'static str>,
    ) -> Option<T> {
        self.parsed(variable, None, parse)
    }

    /// The value of a variable that a manifest may leave out.
    pub(super) fn optional<T>(
        &mut self,
        variable: &'static str,
        default: &'static str,
        parse: fn(String) -> Result<T, &'static str>,
    ) -> Option<T> {
        self.parsed(variable, Some(default), parse)
    }

    /// The issuers beside the tenant. Each entry may have faults of its own.
    pub(super) fn issuers(&mut self, tenant: &TrustedIssuer) -> Option<Vec<Rc<TrustedIssuer>>> {
        const VARIABLE: &str = "issuers";
        let text = self.optional(VARIABLE, "", Ok)?;
        let fault = |problem: String| ConfigFault { variable: VARIABLE, problem: problem.into() };
        issuers::issuers(&text, tenant)
            .map_err(|problems| self.faults.extend(problems.into_iter().map(fault)))
            .ok()
    }

    /// An application, which has an id and a secret, or neither.
    pub(super) fn client(
        &mut self,
        id: &'static str,
        secret: &'static str,
    ) -> Option<Option<ClientCredentials>> {
        let ids = self.optional(id, "", Ok)?;
        let secrets = self.optional(secret, "", Ok)?;
        let (variable, problem) = match (ids.is_empty(), secrets.is_empty()) {
            (true, true) => return Some(None),
            (false, false) => {
                return Some(Some(ClientCredentials {
                    id: ids,
                    secret: secrets.into(),
                    key: None,
                }));
            }
            (true, false) => (id, "is empty, though its secret is not"),
            (false, true) => (secret, "is empty, though its application is not"),
        };
        self.fault(variable, problem);
        None
    }

    /// Adds what is wrong with a variable as it stands beside others.
    pub(super) fn fault(&mut self, variable: &'static str, problem: &'static str) {
        self.faults.push(ConfigFault { variable, problem: problem.into() });
    }

    fn parsed<T>(
        &mut self,
        variable: &'static str,
        default: Option<&'static str>,
        parse: fn(String) -> Result<T, &'static str>,
    ) -> Option<T> {
        let value = self.values.iter().find(|(name, _)| *name == variable).map(|(_, value)| value);
        let parsed = match (value, default) {
            (Some(Ok(value)), _) if value.len() > MAX_BYTES => Err("is longer than 16 KiB"),
            (Some(Ok(value)), _) => parse(value.trim().to_owned()),
            (Some(Err(VariableFailure::Provider)), _) => Err("could not be read from its provider"),
            (_, Some(default)) => parse(default.to_owned()),
            (_, None) => Err("is not set"),
        };
        let fault = |problem: &'static str| ConfigFault { variable, problem: problem.into() };
        parsed.map_err(|problem| self.faults.push(fault(problem))).ok()
    }
}
