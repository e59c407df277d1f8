//! Verifies the token of a request.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{Jwk, JwkSet},
};
use serde::Deserialize;

use crate::Tenant;

/// The keys and rules for verifying tokens.
pub(crate) struct Verifier {
    keys: HashMap<String, DecodingKey>,
    validation: Validation,
}

/// The caller, read from the token.
#[derive(Clone, Deserialize)]
pub(crate) struct Caller {
    pub(crate) sub: String,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    #[serde(default)]
    scope: String,
    /// The token itself.
    #[serde(skip)]
    pub(crate) token: String,
}

impl Caller {
    pub(crate) fn has(&self, scope: &str) -> bool {
        self.scopes().any(|one| one == scope)
    }

    pub(crate) fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.split_whitespace()
    }
}

impl Verifier {
    pub(crate) async fn new(tenant: &Tenant) -> Result<Self, String> {
        let url = format!("{}.well-known/jwks.json", tenant.issuer);
        let failed =
            |error: reqwest::Error| format!("The tenant's keys cannot be fetched: {error}");
        let answer = reqwest::get(url).await.map_err(failed)?;
        let set: JwkSet = answer.json().await.map_err(failed)?;
        let key = |jwk: &Jwk| Some((jwk.common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?));
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[&tenant.issuer]);
        validation.set_audience(&[&tenant.audience]);
        Ok(Self { keys: set.keys.iter().filter_map(key).collect(), validation })
    }

    fn verify(&self, token: &str) -> Option<Caller> {
        let key = self.keys.get(&decode_header(token).ok()?.kid?)?;
        let caller = decode::<Caller>(token, key, &self.validation).ok()?.claims;
        Some(Caller { token: token.to_owned(), ..caller })
    }
}

/// Middleware: refuses requests without a valid token, and adds the [`Caller`] to all others.
pub(crate) async fn authenticate(
    State(verifier): State<Arc<Verifier>>,
    mut request: Request,
    next: Next,
) -> Response {
    let sent = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = sent.and_then(|sent| sent.strip_prefix("Bearer "));
    match token.and_then(|token| verifier.verify(token)) {
        Some(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        None => (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response(),
    }
}
