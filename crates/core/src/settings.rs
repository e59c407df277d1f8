//! Variables: each crate declares those it reads with [`variables!`](crate::variables), in one
//! place with name, default and meaning, and reads them through a [`Reader`].
//!
//! The table in `docs/configuration.md` and the check of `spin.toml` come from the declarations.

pub mod parse;

use std::{borrow::Cow, error::Error, fmt};

use zeroize::Zeroizing;

use crate::host::{self, VariableError, Variables};

/// The longest value of a variable, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// The value of an origin that is not set, at a name that never exists (RFC 2606). It counts as
/// empty. Where a variable is an entry of `allowed_outbound_hosts`, an empty one would not do:
/// Spin before 4.1 refuses the manifest, or denies every outbound request.
pub const UNUSED_ORIGIN: &str = "https://unused.invalid";

/// The same for a host name.
pub const UNUSED_HOST: &str = "unused.invalid";

/// The beginning of the secrets that the local tenant and its server use. These are in the source,
/// so they, and keys that are derived from one, are public.
const LOCAL_SECRET: &str = "local-only-";

/// A variable of the component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name in `spin.toml`.
    pub name: &'static str,
    /// Its value where the manifest has none; `None` if it is required.
    pub default: Option<&'static str>,
    /// Whether its value is a secret.
    pub is_secret: bool,
    /// What it means: Markdown for the table of variables. It is empty in a component, which has no
    /// use for these 7 KB of text.
    pub meaning: &'static str,
}

impl Variable {
    /// A variable that must be set.
    #[must_use]
    pub const fn required(name: &'static str, meaning: &'static str) -> Self {
        Self { name, default: None, is_secret: false, meaning: documented(meaning) }
    }

    /// A variable with a default.
    #[must_use]
    pub const fn optional(
        name: &'static str,
        default: &'static str,
        meaning: &'static str,
    ) -> Self {
        let (default, meaning) = (Some(default), documented(meaning));
        Self { name, default, is_secret: false, meaning }
    }

    /// A secret. Its default is empty: not set.
    #[must_use]
    pub const fn secret(name: &'static str, meaning: &'static str) -> Self {
        Self { name, default: Some(""), is_secret: true, meaning: documented(meaning) }
    }
}

const fn documented(meaning: &'static str) -> &'static str {
    if cfg!(target_family = "wasm") { "" } else { meaning }
}

/// Declares the variables of a module: a constant for each, and `VARIABLES` with all of them. The
/// doc comment is the meaning in the table of variables.
///
/// ```
/// doorward_core::variables! {
///     /// How far the issuer's clock may be from ours, in seconds: 0 to 300
///     LEEWAY = optional("token_leeway_seconds", "60");
///     /// The tenant's domain
///     DOMAIN = required("auth0_domain");
/// }
/// assert_eq!(VARIABLES.len(), 2);
/// # let _ = (LEEWAY, DOMAIN);
/// ```
#[macro_export]
macro_rules! variables {
    ($($(#[doc = $meaning:literal])+ $constant:ident = $kind:ident($name:literal $(, $default:literal)?);)+) => {
        $(
            $(#[doc = $meaning])+
            const $constant: $crate::settings::Variable =
                $crate::settings::Variable::$kind($name, $($default,)? concat!($($meaning),+));
        )+
        /// The variables that are read here.
        #[allow(unreachable_pub, reason = "a module may keep its variables to itself")]
        pub const VARIABLES: &[$crate::settings::Variable] = &[$($constant),+];
    };
}

/// The values of the variables, and what is wrong with them so far.
pub struct Reader {
    values: Vec<(&'static str, Result<Zeroizing<String>, VariableError>)>,
    errors: Vec<SettingError>,
}

impl Reader {
    /// Fetches all `declared` variables at the same time: with some providers each is a round trip
    /// over the network.
    pub async fn fetch(
        variables: &(impl Variables + ?Sized),
        declared: impl IntoIterator<Item = &Variable>,
    ) -> Self {
        let names: Vec<&'static str> = declared.into_iter().map(|it| it.name).collect();
        let values = host::all(names.iter().map(|name| variables.variable(name))).await;
        let values = values.into_iter().map(|value| value.map(Zeroizing::new));
        Self { values: names.into_iter().zip(values).collect(), errors: Vec::new() }
    }

    /// Takes the values of all `declared` variables from `value`; `None` means that the manifest
    /// lacks the variable.
    pub fn from_values<'a>(
        value: impl Fn(&str) -> Option<String>,
        declared: impl IntoIterator<Item = &'a Variable>,
    ) -> Self {
        let value = |name| value(name).map(Zeroizing::new).ok_or(VariableError::Undefined);
        let values = declared.into_iter().map(|it| (it.name, value(it.name))).collect();
        Self { values, errors: Vec::new() }
    }

    /// Reads a variable by `parse`, whose error says what is wrong and what would be right. An
    /// error is noted, and the result is `None`.
    pub fn get<T, P: Into<Cow<'static, str>>>(
        &mut self,
        variable: &Variable,
        parse: impl FnOnce(&str) -> Result<T, P>,
    ) -> Option<T> {
        let parsed = match self.value(variable) {
            Ok(value) => parse(value).map_err(Into::into),
            Err(problem) => Err(problem),
        };
        match parsed {
            Ok(parsed) => Some(parsed),
            Err(problem) => {
                self.reject(variable, problem);
                None
            }
        }
    }

    /// The value of a variable, or its default.
    fn value(&self, variable: &Variable) -> Result<&str, Cow<'static, str>> {
        let value = self.values.iter().find(|(name, _)| *name == variable.name);
        match (value.map(|(_, value)| value), variable.default) {
            (Some(Ok(value)), _) if value.len() > MAX_BYTES => Err("is longer than 16 KiB".into()),
            (Some(Ok(value)), _) => Ok(set(value)),
            (Some(Err(error @ VariableError::Provider)), _) => Err(error.to_string().into()),
            (_, Some(default)) => Ok(set(default)),
            (_, None) => Err("is not set".into()),
        }
    }

    /// Reads a variable as text.
    pub fn text(&mut self, variable: &Variable) -> Option<String> {
        self.get(variable, |value| Ok::<_, &str>(value.to_owned()))
    }

    /// Notes an error that only shows when a variable is compared with others.
    pub fn reject(&mut self, variable: &Variable, problem: impl Into<Cow<'static, str>>) {
        self.errors.push(SettingError { variable: variable.name, problem: problem.into() });
    }

    /// Notes an error for each secret that is one of the local tenant. A value may also be a JSON
    /// object of secrets.
    pub fn reject_local_secrets<'a>(&mut self, declared: impl IntoIterator<Item = &'a Variable>) {
        for variable in declared.into_iter().filter(|variable| variable.is_secret) {
            if self.value(variable).is_ok_and(|value| value.contains(LOCAL_SECRET)) {
                self.reject(variable, "is one for the local tenant, which everybody knows");
            }
        }
    }

    /// The settings, unless anything was wrong.
    ///
    /// # Errors
    ///
    /// Returns everything that was noted. `settings` is `None` only if something was.
    pub fn finish<T>(self, settings: Option<T>) -> Result<T, SettingsError> {
        match settings {
            Some(settings) if self.errors.is_empty() => Ok(settings),
            _ => Err(SettingsError(self.errors)),
        }
    }
}

/// A value without the white space around it; empty if it stands for none.
fn set(value: &str) -> &str {
    match value.trim() {
        UNUSED_ORIGIN | UNUSED_HOST => "",
        value => value,
    }
}

/// Everything that is wrong with the variables, one entry for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError(Vec<SettingError>);

/// A variable that cannot be used. Its value is not part of this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong, and what would be right.
    pub problem: Cow<'static, str>,
}

impl SettingsError {
    /// The errors, in the order in which the variables are read.
    pub fn iter(&self) -> impl Iterator<Item = &SettingError> {
        self.0.iter()
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl Error for SettingsError {}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the variable `{}` {}", self.variable, self.problem)
    }
}

impl Error for SettingError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeHost, finish};

    variables! {
        /// A number,
        /// on two lines
        NUMBER = optional("number", "7");
        /// A name
        NAME = required("name");
        /// A key
        KEY = secret("key");
    }

    fn read(values: &[(&str, &str)]) -> Result<(u8, String, String), SettingsError> {
        let host = FakeHost::default();
        for (name, value) in values {
            host.set_variable(name, value);
        }
        let mut reader = finish(Reader::fetch(&host, VARIABLES));
        let number = reader.get(&NUMBER, |value| value.parse().map_err(|_| "is not a number"));
        let (name, key) = (reader.get(&NAME, parse::not_empty), reader.text(&KEY));
        let all = || Some((number?, name?, key?));
        reader.finish(all())
    }

    #[test]
    fn a_variable_without_a_value_has_its_default() {
        assert_eq!(read(&[("name", " n ")]), Ok((7, "n".to_owned(), String::new())));
        assert_eq!(NUMBER.meaning, " A number, on two lines");
        let secret: Vec<bool> = VARIABLES.iter().map(|it| it.is_secret).collect();
        assert_eq!(secret, [false, false, true]);
    }

    #[test]
    fn given_values_are_read_like_those_of_a_host() {
        let value = |name: &str| (name == "name").then(|| " n ".to_owned());
        let mut reader = Reader::from_values(value, VARIABLES);
        assert_eq!(reader.text(&NAME).as_deref(), Some("n"));
        assert_eq!(reader.text(&NUMBER).as_deref(), Some("7"));
        let mut reader = Reader::from_values(|_| None, VARIABLES);
        assert_eq!(reader.text(&NAME), None);
        let error = reader.finish(Some(())).unwrap_err();
        assert_eq!(error.to_string(), "the variable `name` is not set");
    }

    #[test]
    fn the_origin_that_is_never_reached_counts_as_empty() {
        let read = read(&[("name", "n"), ("key", " https://unused.invalid ")]);
        assert_eq!(read, Ok((7, "n".to_owned(), String::new())));
        let read = self::read(&[("name", "n"), ("key", "https://unused.invalid/x")]).unwrap();
        assert_eq!(read.2, "https://unused.invalid/x");
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once_and_no_value_is() {
        let error = read(&[("number", "s3cret")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the variable `number` is not a number; the variable `name` is not set"
        );
        let long = "x".repeat(MAX_BYTES + 1);
        let error = read(&[("name", &long)]).unwrap_err();
        assert_eq!(error.to_string(), "the variable `name` is longer than 16 KiB");
    }

    #[test]
    fn a_provider_that_fails_is_not_taken_for_a_variable_that_is_not_set() {
        let host = FakeHost::default();
        host.variables_fault.set(Some(crate::testing::FakeFault::Down));
        let mut reader = finish(Reader::fetch(&host, VARIABLES));
        assert_eq!(reader.text(&KEY), None);
        let error = reader.finish(Some(())).unwrap_err();
        let text = "the variable `key` could not be read from its provider";
        assert_eq!(error.to_string(), text);
    }
}
